"""What the pages about nudging, what was learned, and services show."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from blueprints.publisher import queries_screening as queries
from blueprints.publisher.screening import settings_now
from blueprints.publisher.screening_programs import NO_SERVICE
from blueprints.threads import outside, queries_nudges
from blueprints.threads.nudging import ASKED_ONCE_WITHIN
from blueprints.threads.screening.rules import HOLD_OUT
from core import clock
from core.db import db
from core.errors import NotFound
from core.outgoing import CallFailed
from core.records import dataclass
from models.screening import ScreeningService

SHOWN_FOR = timedelta(days=90)
FEWEST = 50  # posted comments in each group from which on a difference is told


@dataclass(frozen=True, slots=True)
class Group:
    """What came of words that would be nudged, in one group."""

    number: int
    rephrased: int
    as_is: int
    withdrawn: int
    rejected: int
    reported: int

    @property
    def posted(self) -> int:
        return self.rephrased + self.as_is

    def share(self, part: int, whole: int | None = None) -> int | None:
        """Percent; None of nothing."""
        of = self.number if whole is None else whole
        return round(100 * part / of) if of else None


def nudge_page() -> dict[str, Any]:
    """Both groups side by side, and how large the one is that is never asked."""
    session, now = db.session(), clock.now()
    rows = queries_nudges.nudges_by_outcome(session, now - SHOWN_FOR, now - ASKED_ONCE_WITHIN)
    asked, held_out = (_group([row for row in rows if row.asked is which]) for which in (True, False))
    _, standing = settings_now(session)
    return {
        "asked": asked, "held_out": held_out, "days": SHOWN_FOR.days, "number": HOLD_OUT,
        "share": standing.numbers.get(HOLD_OUT.name, HOLD_OUT.default),
        "enough": min(asked.posted, held_out.posted) >= FEWEST, "fewest": FEWEST,
    }  # fmt: skip


def _group(rows: Sequence[Any]) -> Group:
    by_end = {row.ended: row.number for row in rows}
    return Group(
        number=sum(by_end.values()), rephrased=by_end.get("rephrased", 0), as_is=by_end.get("as-is", 0),
        withdrawn=by_end.get("", 0), rejected=sum(row.rejected for row in rows),
        reported=sum(row.reported for row in rows),
    )  # fmt: skip


def models() -> Sequence[Any]:
    """The versions of what was learned."""
    return queries.models(db.session())


def services() -> Sequence[ScreeningService]:
    """Every service."""
    return queries.services(db.session())


def service(service_id: int) -> ScreeningService:
    """One service. Raises NotFound."""
    row = queries.service_to_edit(db.session(), service_id)
    if row is None:
        raise NotFound(NO_SERVICE)
    return row


def asked_once(service_id: int, text: str) -> str:
    """What a service answers to a text, or why it did not, in a sentence."""
    row = service(service_id)
    session = db.session()
    session.expunge(row)
    session.rollback()  # no connection is held while somebody else answers
    text = text.strip() or outside.SAMPLE
    try:
        said = outside.ask(row, {"comment": 0, "revision": 0, "text": text, "test": True})
    except CallFailed as why:
        return f"It failed. {why}"
    if not said.severity:
        return "It answered in time and found nothing."
    return f"It answered in time: {said.severity}{', “' + said.reason + '”' if said.reason else ''}."
