"""Finding what the publisher set about openness and keeping."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.fairness import FairProcess


def settings(session: Session) -> FairProcess:
    """What is set; where nothing was ever set, a row with the defaults that is not stored."""
    found = session.scalar(select(FairProcess))
    return found or FairProcess(
        id=1, public_log=False, public_report=False, dispute_body="", address_days=30, removed_text_days=183,
        notifier_days=365,
    )  # fmt: skip


def settings_locked(session: Session) -> FairProcess:
    """The stored row, locked; made where there is none."""
    found = session.scalar(select(FairProcess).with_for_update().execution_options(populate_existing=True))
    if found is None:
        found = settings(session)
        session.add(found)
        session.flush()
    return found
