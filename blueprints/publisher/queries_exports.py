"""The archives that publishers asked for."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update

from core.db import db
from core.records import dataclass
from models.job import Job
from models.site_export import SiteExport
from models.user import User


@dataclass(frozen=True, slots=True)
class Asked:
    """One archive, and who asked for it."""

    row: SiteExport
    by: str


def all_asked() -> Sequence[Asked]:
    """Every archive there is a note of, the newest first."""
    rows = db.session().execute(
        select(SiteExport, User.display_name).join(User, User.id == SiteExport.asked_by).order_by(SiteExport.id.desc())
    )
    return [Asked(row, name) for row, name in rows]


def one(export_id: int, *, lock: bool = False) -> SiteExport | None:
    """One archive's row as it is now."""
    statement = select(SiteExport).where(SiteExport.id == export_id).execution_options(populate_existing=True)
    return db.session().scalar(statement.with_for_update() if lock else statement)


def lock_newest() -> None:
    """Let nobody else ask meanwhile."""
    db.session().execute(select(User.id).order_by(User.id).limit(1).with_for_update()).all()


def given_up(key: str) -> datetime | None:
    """When the job with this key was given up last."""
    return db.session().scalar(select(func.max(Job.failed_at)).where(Job.key == key))


def take_work(export_id: int, moment: datetime, until: datetime) -> str | None:
    """Begin to make an archive, and return its file's name; None where it is made, gone, or being made."""
    return db.session().scalar(
        update(SiteExport)
        .where(SiteExport.id == export_id, SiteExport.state != "ready",
               or_(SiteExport.working_until.is_(None), SiteExport.working_until < moment))
        .values(state="making", working_until=until, rows_done=0)
        .returning(SiteExport.file_name)
    )  # fmt: skip


def note_progress(export_id: int, done: int, rows: int, until: datetime) -> bool:
    """Say how far it is; whether it is still wanted."""
    wanted = db.session().scalar(
        update(SiteExport)
        .where(SiteExport.id == export_id)
        .values(rows_done=done, rows_in_all=rows, working_until=until)
        .returning(SiteExport.id)
    )
    return wanted is not None


def let_go(export_id: int) -> None:
    """Let another try make it at once."""
    db.session().execute(update(SiteExport).where(SiteExport.id == export_id).values(working_until=None))


def note_made(export_id: int, rows: int, size: int, expires_at: datetime) -> bool:
    """Say that the file is there; whether it is still wanted."""
    wanted = db.session().scalar(
        update(SiteExport)
        .where(SiteExport.id == export_id)
        .values(state="ready", rows_done=rows, rows_in_all=rows, size=size, expires_at=expires_at, working_until=None)
        .returning(SiteExport.id)
    )
    return wanted is not None


def expired(moment: datetime) -> Sequence[SiteExport]:
    """Archives whose time is over."""
    return db.session().scalars(select(SiteExport).where(SiteExport.expires_at <= moment)).all()


def file_names() -> set[str]:
    """The names of all files that are wanted."""
    return set(db.session().scalars(select(SiteExport.file_name)))
