"""The notices and mails about decisions. One decision leads to at most one of each; no names of moderators are in them.

Decisions go by mail whatever a person chose, so their notices are not mailed again.
"""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import queries, queries_moving, queries_objections, queries_people
from blueprints.moderation.statements import SANCTION_SUBJECTS
from blueprints.notifications.notices import notify, withdraw
from blueprints.notifications.service import send_mail
from core.markup import plain_comment
from core.records import dataclass
from core.text import excerpt
from models.moderation import SANCTION_KINDS, Appeal

QUOTE_LENGTH = 400
REASON = "You get this mail because it concerns you, whatever other mails you chose."


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says; the quote is the person's own comment."""

    subject: str
    paragraphs: list[str]
    action_label: str = ""
    action_path: str = ""
    quotes: bool = True


def tell(session: Session, action_id: int) -> None:
    """Tell of this decision, if it still stands, whom it concerns and who reported. Safe to call twice."""
    row = queries.decision(session, action_id)
    if row is None or row.user_id is None:
        return
    _tell_reporters(session, row)
    if row.action == "publish":
        _tell_of_publication(session, row)
        return
    if row.action == "move":
        _tell_of_move(session, row)
        return
    letter = _letter(session, row)
    address = queries.address_of(session, row.user_id) if letter else None
    if letter is None or address is None:
        return
    said = plain_comment(row.body_source) if letter.quotes and row.body_source else ""
    notify(
        session, row.user_id, "decision", subject_key=f"decision:{action_id}", cause=f"decision:{action_id}",
        title=letter.subject, url=letter.action_path or "/account/comments",
        excerpt=said,
    )  # fmt: skip
    send_mail(
        kind="moderation", recipient=address, user_id=row.user_id, subject=letter.subject, template="decision",
        dedupe_key=queries.mail_key(action_id),
        context={"heading": letter.subject, "paragraphs": letter.paragraphs, "quote": excerpt(said, QUOTE_LENGTH),
                 "action_label": letter.action_label, "action_path": letter.action_path, "reason": REASON},
    )  # fmt: skip


def _tell_of_publication(session: Session, row: Row[Any]) -> None:
    """Tell an author that what they wrote was let through: on the bell only, because nothing is asked of them."""
    if row.is_past or row.to_state != "published":
        return
    notify(
        session, row.user_id, "decision", subject_key=f"published:{row.thread_id}", cause=f"decision:{row.id}",
        title=f"Your comment on “{row.headline}” is published",
        many=f"{{count}} of your comments on “{row.headline}” are published", many_url="/account/comments",
        url=f"/comments/{row.comment_id}#comment-{row.comment_id}", excerpt=row.body_source or "",
    )  # fmt: skip


def _tell_of_move(session: Session, row: Row[Any]) -> None:
    """Tell every author in a branch where it stands now. What was moved back before anybody was told is not told."""
    if row.is_past or (row.undoes_id and not queries_moving.were_told(session, f"decision:{row.undoes_id}")):
        return
    here, there = (queries_moving.headline_of(session, int(thread)) for thread in (row.from_state, row.to_state))
    back = "back " if row.undoes_id else ""
    for author in queries_moving.authors_of(session, row.comment_id):
        several = author.comments > 1
        whose, were = (f"{author.comments} comments of yours", "were") if several else ("Your comment", "was")
        notify(
            session, author.author_id, "decision", subject_key=f"decision:{row.id}", cause=f"decision:{row.id}",
            title=f"{whose} on “{here}” {were} moved {back}to the discussion of “{there}”, with the conversation "
            f"around {'them' if several else 'it'}. {row.reason}",
            url=f"/comments/{author.comment_id}#comment-{author.comment_id}",
        )  # fmt: skip


def _tell_reporters(session: Session, row: Row[Any]) -> None:
    """Tell those whose reports a decision answered what was decided; taken back, it is not told any more."""
    if row.from_state == "rejected" and row.to_state == "published":
        for action_id in queries.rejections_of(session, row.comment_id):
            withdraw(session, f"report:{action_id}")
    if row.is_past or row.action not in {"reject", "keep"}:
        return
    done = "was removed" if row.action == "reject" else "was looked at and kept"
    for reporter_id in queries.reporters_answered(session, row.comment_id, row.created_at):
        notify(
            session, reporter_id, "thanks", subject_key=f"report:{row.id}", cause=f"report:{row.id}",
            title=f"A comment you reported on “{row.headline}” {done}. Thank you for reporting it.",
            url=f"/comments/{row.comment_id}" if row.action == "keep" else f"/articles/{row.slug}#comments",
        )  # fmt: skip


def _letter(session: Session, row: Row[Any]) -> Letter | None:
    if row.action in {"uphold", "reverse"}:
        appeal = queries_objections.appeal_answered_by(session, row.comment_id, row.user_id, row.created_at)
        return _answer(row, appeal) if appeal else None
    statement = queries_objections.statement_of(session, row.id)
    if statement is not None:
        if statement.withdrawn_at is not None:
            return None
        paragraphs = statement.text.split("\n\n")
        if row.action in SANCTION_KINDS:
            sanction = queries_people.sanction_locked(session, action_id=row.id)
            path = f"/sanctions/{sanction.id}/appeal" if sanction else ""
            return Letter(SANCTION_SUBJECTS[row.action], paragraphs, "Object to this", path, quotes=False)
        subject = (
            "Your comment was removed" if row.from_state == "published" else "Your comment was not published"
        )
        return Letter(subject, paragraphs, "Object to this decision", f"/comments/{row.comment_id}/appeal")
    if row.action == "lift":
        return _lifted(row)
    if row.is_past or row.comment_id is None or not queries.was_told(session, row.comment_id):
        return None
    return _back(row)


def _answer(row: Row[Any], appeal: Appeal) -> Letter:
    if appeal.outcome == "upheld":
        first = "Somebody else on the moderation team has looked at your objection. The decision stands."
        return Letter("Your objection: the decision stands", [first, f"Their reason: {appeal.answer}"])
    first = "Somebody else on the moderation team has looked at your objection. You were right to object."
    if row.comment_id is None:
        words = [first, "The restriction has ended.", f"Their reason: {appeal.answer}"]
        return Letter("Your objection succeeded", words)
    back = "Your comment is back in its place, with the respect it was given."
    return Letter(
        "Your comment is back", [first, back, f"Their reason: {appeal.answer}"], "Read it in its place",
        f"/comments/{row.comment_id}",
    )  # fmt: skip


def _back(row: Row[Any]) -> Letter:
    if row.to_state == "published":
        words = "The decision about your comment was taken back. It is in its place, with the respect it was given."
        return Letter("Your comment is back", [words], "Read it in its place", f"/comments/{row.comment_id}")
    words = "The decision about your comment was taken back. It waits to be read once more; you will hear from us."
    return Letter("Your comment is looked at again", [words], "See where it stands", "/account/comments")


def _lifted(row: Row[Any]) -> Letter | None:
    if row.is_past or row.from_state == "warning":
        return None
    return Letter(
        "You can take part again", ["A restriction of your account was lifted by the moderation team."], quotes=False
    )
