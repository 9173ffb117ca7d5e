"""What the screening goes by is on record, and every process reads it anew when it changes."""

from sqlalchemy.orm import Session

from blueprints.threads import queries_screening
from core.recording import Change, Watched, record, writers
from models.screening import ScreeningList, ScreeningModel, ScreeningService

SETTINGS = "screening"  # the noun of the severities and numbers, which are noted by hand
NOUNS = frozenset({SETTINGS, "screening list", "screening service", "classifier"})


def _renew(session: Session, change: Change) -> None:
    if change.noun in NOUNS:
        queries_screening.raise_state(session)


def install() -> None:
    """Watch lists, services and what was learned. Safe to call for every application of a process."""
    record(ScreeningList, Watched("screening list", (
        "kind", "name", "severity", "folds_accents", "sees_through", "rule_id", "active", "version", "entries",
    ), called="name", returns=True))  # fmt: skip
    record(ScreeningService, Watched(
        "screening service", ("name", "url", "severity", "time_limit_ms", "active"), called="name", returns=True
    ))  # fmt: skip
    record(ScreeningModel, Watched("classifier", ("active", "threshold", "severity")))
    if _renew not in writers:
        writers.append(_renew)
