"""The site's row and its sections, as changes of settings hold them."""

from collections.abc import Sequence

from sqlalchemy import select

from core.db import db
from models.article import Section
from models.site import Site


def lock_site() -> Site:
    """The site's row, held to the end: every change of settings passes here, one after the other.

    Raises LookupError before the site is set up.
    """
    row = db.session().scalar(
        select(Site).where(Site.id == 1).with_for_update().execution_options(populate_existing=True)
    )
    if row is None:
        raise LookupError("no site")
    return row


def lock_sections() -> Sequence[Section]:
    """All sections in their order, held to the end."""
    return db.session().scalars(
        select(Section).order_by(Section.position, Section.id).with_for_update()
        .execution_options(populate_existing=True)
    ).all()  # fmt: skip


def section_ids() -> frozenset[int]:
    return frozenset(db.session().scalars(select(Section.id)))
