"""What the screening goes by, set for a test as a publisher's page would store it."""

from typing import Any

from sqlalchemy import select

from blueprints.threads import queries_screening
from blueprints.threads.outside import SEALED_FOR
from core.db import db, transaction
from core.sealing import seal
from models.screening import ScreeningList, ScreeningService, ScreeningSetup
from models.thread import Finding


def make_list(name: str, entries: str, severity: str = "hold", kind: str = "words", **values: Any) -> ScreeningList:
    with transaction() as session:
        row = ScreeningList(name=name, entries=entries, severity=severity, kind=kind, **values)
        session.add(row)
        queries_screening.raise_state(session)
    return row


def set_up(**settings: Any) -> None:
    """Severities (`severities`), numbers, sections."""
    with transaction() as session:
        session.add(ScreeningSetup(settings=settings))
        queries_screening.raise_state(session)


def make_service(url: str, severity: str = "hold", **values: Any) -> ScreeningService:
    with transaction() as session:
        row = ScreeningService(name=values.pop("name", "Helper"), url=url, secret=seal("a-secret", SEALED_FOR), severity=severity, **values)
        session.add(row)
        queries_screening.raise_state(session)
    return row


def findings_of(comment_id: int) -> dict[str, str]:
    """Severities by rule."""
    rows = db.session().scalars(select(Finding).where(Finding.comment_id == comment_id))
    return {row.rule: row.severity for row in rows}


def finding(comment_id: int, rule: str) -> Finding:
    row = db.session().scalar(select(Finding).where(Finding.comment_id == comment_id, Finding.rule == rule))
    assert row is not None
    return row
