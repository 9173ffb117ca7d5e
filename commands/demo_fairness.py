"""The demo's openness: a log and a report that are published, and a notice of illegal content that waits."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.moderation.illegal import Typed, take_in
from models.fairness import FairProcess
from models.thread import Comment

EXPLANATION = (
    "Whoever lives in my town recognises the person who is meant here, and what is said of them is not true. The "
    "register of the chamber is public and says otherwise. Please look at whether this may stand."
)


def open_demo(session: Session) -> None:
    """Publish what can be published, and let an outsider write once, through the same door as everybody."""
    session.add(FairProcess(
        id=1, public_log=True, public_report=True, dispute_body="the Press Umpire (umpire.example)", address_days=30,
        removed_text_days=183, notifier_days=365,
    ))  # fmt: skip
    session.flush()
    about = session.scalar(
        select(Comment.id).where(Comment.status == "published", Comment.report_count == 0).order_by(Comment.id).limit(1)
    )
    if about is not None:
        take_in(session, Typed(f"/comments/{about}", "defamation", EXPLANATION, "Nell Outside",
                               "nell.outside@example.test", True))  # fmt: skip
