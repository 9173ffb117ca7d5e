"""What a publisher sets about nudging, what was learned, and services. Inside the caller's transaction."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from blueprints.publisher import queries_screening as queries
from blueprints.publisher.checking import Check
from blueprints.publisher.screening import change_settings, settings_now
from blueprints.threads import queries_screening
from blueprints.threads.outside import new_secret, private_hosts
from blueprints.threads.screening.rules import HOLD_OUT
from core.errors import DomainError, NotFound
from core.outgoing import CallFailed, check_address
from models.screening import ScreeningService

MOST_SERVICES = 10
SERVICE_SEVERITIES = ("note", "report", "hold")
MODEL_SEVERITIES = ("note", "nudge", "report", "hold")
NEW_SERVICE = {"severity": "report", "time_limit_ms": "2000", "active": "1"}
NO_SERVICE = "There is no such service."


def set_hold_out(session: Session, typed: Mapping[str, str], actor_id: int) -> tuple[str, ...]:
    """Set what share of authors is never asked. Raises DomainError."""
    value = typed.get(f"number-{HOLD_OUT.name}", "").strip()
    if not (value.isascii() and value.isdecimal() and len(value) < 4 and HOLD_OUT.least <= int(value) <= HOLD_OUT.most):
        raise DomainError(f"The share has to be a number from {HOLD_OUT.least} to {HOLD_OUT.most}.")
    version, standing = settings_now(session)
    numbers = {key: number for key, number in standing.numbers.items() if key != HOLD_OUT.name}
    if int(value) != HOLD_OUT.default:
        numbers[HOLD_OUT.name] = int(value)
    return change_settings(session, replace(standing, numbers=numbers), seen=version, actor_id=actor_id)


def use_model(session: Session, model_id: int, typed: Mapping[str, str]) -> str:
    """Use this version and no other, or with `off` none. Returns what was done. Raises NotFound, DomainError."""
    queries_screening.raise_state(session)
    rows = queries.models_locked(session)
    wanted = next((row for row in rows if row.id == model_id), None)
    if wanted is None:
        raise NotFound("There is no such version.")
    for row in rows:
        if row.active and (row is not wanted or "off" in typed):
            row.active = False
    session.flush()
    if "off" in typed:
        return f"Version {model_id} is no longer used."
    threshold, severity = typed.get("threshold", ""), typed.get("severity", "")
    if not (threshold.isascii() and threshold.isdecimal() and len(threshold) < 3 and 50 <= int(threshold) <= 99):
        raise DomainError("The threshold has to be a number from 50 to 99.")
    if severity not in MODEL_SEVERITIES:
        raise DomainError("Please choose one of the offered severities. What a program learned never rejects.")
    wanted.threshold, wanted.severity, wanted.active = int(threshold), severity, True
    session.flush()
    return f"Version {model_id} is used from the next comment on, from {threshold} % on."


def add_service(session: Session, typed: Mapping[str, str]) -> int:
    """Add a service with a secret of its own. Returns its id. Raises Refused, DomainError."""
    queries_screening.raise_state(session)
    others = queries.services(session)
    if len(others) >= MOST_SERVICES:
        raise DomainError(f"At most {MOST_SERVICES} services can be asked.")
    row = ScreeningService(**_values(typed, {one.name.casefold() for one in others}), secret=new_secret())
    session.add(row)
    session.flush()
    return row.id


def change_service(session: Session, service_id: int, typed: Mapping[str, str]) -> None:
    """Change a service. Raises NotFound, Refused."""
    queries_screening.raise_state(session)
    row = _locked(session, service_id)
    others = {one.name.casefold() for one in queries.services(session) if one.id != service_id}
    for name, value in _values(typed, others).items():
        setattr(row, name, value)
    session.flush()


def renew_secret(session: Session, service_id: int) -> None:
    """Give a service another secret. Raises NotFound."""
    _locked(session, service_id).secret = new_secret()
    session.flush()


def typed_of(row: ScreeningService) -> dict[str, str]:
    """A service as its form is filled."""
    return {
        "name": row.name, "url": row.url, "severity": row.severity, "time_limit_ms": str(row.time_limit_ms),
        **({"active": "1"} if row.active else {}),
    }  # fmt: skip


def _locked(session: Session, service_id: int) -> ScreeningService:
    row = queries.service_to_edit(session, service_id, lock=True)
    if row is None:
        raise NotFound(NO_SERVICE)
    return row


def _values(typed: Mapping[str, str], others: set[str]) -> dict[str, Any]:
    check = Check(typed)
    name = check.line("name", most=80, needed="Please give the service a name.")
    url = check.line("url", most=500, needed="Please say where the service is.")
    severity = check.choice("severity", SERVICE_SEVERITIES)
    limit = (typed.get("time_limit_ms") or "").strip()
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6 and 100 <= int(limit) <= 30_000):
        check.problems["time_limit_ms"] = "The time limit has to be a number from 100 to 30,000."
    if name.casefold() in others:
        check.problems["name"] = "There is a service of this name."
    if url:
        try:
            check_address(url, private_hosts())
        except CallFailed as why:
            check.problems["url"] = str(why)
    check.done()
    return {
        "name": name, "url": url, "severity": severity, "time_limit_ms": int(limit),
        "active": bool(typed.get("active")),
    }  # fmt: skip
