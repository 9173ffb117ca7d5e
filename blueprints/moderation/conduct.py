"""The pages about what the desk knows of people and suggests, and whom it protects."""

from collections.abc import Mapping
from typing import Any

from flask import render_template
from sqlalchemy.orm import Session

from blueprints.moderation import ladder, queries, queries_likeness, queries_people
from blueprints.moderation.desk import desk_context
from blueprints.site.queries import bump_site_version
from core import text
from core.db import db
from core.errors import DomainError, Forbidden, NotFound
from core.viewer import current_viewer
from models.conduct import ProtectedAuthor, TrustedFlagger

ORGANISATION_LENGTH = 120
COLUMNS = ("rejections", "within_days", "kind", "days")


def ladder_page(typed: Mapping[str, str] | None = None, refused: str = "") -> str:
    """The ladder as a form; what was typed stays where it could not be taken."""
    steps = ladder.steps(db.session())
    rows = [{name: getattr(step, name) or "" for name in COLUMNS} for step in steps]
    rows += [dict.fromkeys(COLUMNS, "")] * (ladder.MOST_STEPS - len(rows))
    if typed is not None:
        rows = [{name: typed.get(f"{name}-{at}", "") for name in COLUMNS} for at in range(ladder.MOST_STEPS)]
    return render_template(
        "moderation/ladder.html", steps=rows, refused=refused, **desk_context("people")
    )


def typed_steps(typed: Mapping[str, str]) -> list[ladder.Step]:
    """The steps of a form; one without a kind is none. Raises DomainError for what is no number."""

    def number(name: str, at: int) -> int:
        said = typed.get(f"{name}-{at}", "").strip()
        if not said.isdecimal() or len(said) > 4:
            raise DomainError("Please give whole numbers.")
        return int(said)

    found = []
    for at in range(ladder.MOST_STEPS):
        kind = typed.get(f"kind-{at}", "")
        if kind:
            days = None if kind in ladder.WITHOUT_LENGTH else number("days", at)
            found.append(ladder.Step(number("rejections", at), number("within_days", at), kind, days))
    return found


def pairs_page() -> str:
    """Accounts that may be one person, the strongest reasons first."""
    return render_template(
        "moderation/pairs.html", rows=queries_likeness.pairs(db.session()), **desk_context("people")
    )


def protection_page() -> str:
    """On whose stories doubtful comments are held."""
    return render_template(
        "moderation/protection.html", rows=queries_people.protected_authors(db.session()), **desk_context("people")
    )


def protect(session: Session, *, user_id: int, on: bool, actor_id: int) -> None:
    """Protect an author, or no more; again changes nothing."""
    if not queries.staff_member(session, actor_id).is_lead:
        raise Forbidden("Lead moderators choose whom the desk protects.")
    person = queries_people.person(session, user_id)
    if person is None or not person.roles & {"author", "editor", "publisher"}:
        raise NotFound
    known = queries_people.protected(session, user_id)
    if on and known is None:
        session.add(ProtectedAuthor(user_id=user_id))
    elif not on and known is not None:
        session.delete(known)
    session.flush()
    bump_site_version()


def flaggers_page() -> str:
    """Whose reports come first."""
    return render_template(
        "moderation/flaggers.html", rows=queries_people.flaggers(db.session()), **desk_context("people")
    )


def trust_flagger(session: Session, *, user_id: int, organisation: str, actor_id: int) -> None:
    """Let somebody's reports come first, for the organisation that was made a trusted flagger; without one, no more."""
    if not queries.staff_member(session, actor_id).is_lead:
        raise Forbidden("Lead moderators say who is a trusted flagger.")
    organisation = " ".join(text.normalise(organisation).split())
    if len(organisation) > ORGANISATION_LENGTH:
        raise DomainError(f"The organisation can have up to {ORGANISATION_LENGTH} characters.")
    person = queries_people.person(session, user_id)
    if person is None or person.left_at is not None:
        raise NotFound
    known = queries_people.flagger(session, user_id)
    if not organisation:
        if known is not None:
            session.delete(known)
    elif known is None:
        session.add(TrustedFlagger(user_id=user_id, organisation=organisation))
    else:
        known.organisation = organisation


def warnings_page() -> str:
    """The warnings that this person has not said they read."""
    rows: list[Any] = queries_people.warnings_to_read(db.session(), current_viewer().id or 0)
    return render_template("moderation/warnings.html", rows=rows)
