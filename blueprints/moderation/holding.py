"""A comment that could be read and that a program holds: on record, with a statement of reasons to its author."""

from sqlalchemy.orm import Session

from blueprints.moderation import ledger, queries, statements
from blueprints.moderation.queries_fairness import settings
from blueprints.moderation.telling import QUOTE_LENGTH, REASON
from blueprints.notifications.notices import notify
from blueprints.notifications.service import send_mail
from blueprints.threads import queries_shown
from blueprints.threads.locking import lock_comment
from blueprints.threads.waiting import usual_seconds, usually, waiting_reason
from core import clock
from core.markup import plain_comment
from core.text import excerpt
from models.moderation import StatementOfReasons


def tell_of_hold(session: Session, comment_id: int, revision: int) -> None:
    """Put on record that a comment which could be read is held now, and tell its author, unless it no longer is. Once a
    text. Raises NotFound, and Conflict where the comment was moved meanwhile."""
    _, comment = lock_comment(session, comment_id)
    row = queries.held(session, comment_id, revision)
    if row is None or queries.was_withheld(session, comment_id, revision):
        return
    reason = queries_shown.hold_reasons(session, [comment_id]).get(comment_id) or waiting_reason("withheld", None)
    words = statements.on_hold(
        row.headline, row.created_at, reason, usually(usual_seconds(session, [row.status], row.section_id)),
        settings(session).dispute_body,
    )  # fmt: skip
    now = clock.now()
    action_id = ledger.append(
        session, action="withhold", at=now, actor_id=None, user_id=row.author_id, comment_id=comment_id,
        thread_id=comment.thread_id, from_state="published", to_state="withheld", revision=revision, reason=reason,
    )  # fmt: skip
    session.add(StatementOfReasons(
        action_id=action_id, user_id=row.author_id, comment_id=comment_id, automated=True, restriction=statements.HELD,
        source="program", text=words, created_at=now,
    ))  # fmt: skip
    session.flush()
    said = plain_comment(row.body_source)
    cause, subject = f"held:{comment_id}:{revision}", "Your comment waits to be read"
    notify(session, row.author_id, "decision", subject_key=cause, cause=cause, title=subject, excerpt=said,
           url=f"/comments/{comment_id}")  # fmt: skip
    send_mail(
        kind="moderation", recipient=row.email, user_id=row.author_id, subject=subject, template="decision",
        dedupe_key=cause,
        context={"heading": subject, "paragraphs": words.split("\n\n"), "quote": excerpt(said, QUOTE_LENGTH),
                 "action_label": "See where it stands", "action_path": "/account/comments", "reason": REASON},
    )  # fmt: skip
