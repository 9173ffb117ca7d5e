"""Programs elsewhere that are asked about comments, after these were posted: signed, limited in time, failing visibly.

Sent is JSON with the text and what the program needs to know, nothing about the person. `Rejoinder-Signature` holds
`t=SECONDS,v1=HEX`: HMAC-SHA-256 under the service's secret of the seconds, a dot and the body. Expected back within
the time limit is `{"severity": "none" | "note" | "report" | "hold", "reason": "…", "passages": [[from, to], …]}`. No
answer does more than the publisher allowed the service, and none rejects. What failed stands beside the comment as
"not checked". The secret is sealed in the database, so that a copy of it lets nobody speak in the site's name.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy.orm import Session

from blueprints.threads import locking, queries_services, queries_written, reports, screened
from blueprints.threads.screening.rules import service_rule
from blueprints.threads.screening.run import Found
from blueprints.threads.screening.subject import MOST_PASSAGES, SEVERITIES
from blueprints.threads.status import change_status
from core import clock
from core.db import db, transaction
from core.outgoing import CallFailed, post
from core.records import dataclass
from core.sealing import seal, unseal
from jobs.queue import enqueue
from models.screening import ScreeningService

ATTEMPTS = 3
WAITS = (timedelta(seconds=30), timedelta(minutes=5))  # before the second and the third attempt
LONGEST_REASON = 200
VERSION = 1
SEALED_FOR = "screening service"
CANNOT_SIGN = (
    "Its secret can be read no longer: SECRET_KEY is another. Make a new one, and tell it to the service."
)
SAMPLE = "This is a text to see whether the service answers."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a service said, within what it may."""

    severity: str  # "" for nothing
    reason: str
    passages: tuple[tuple[int, int], ...]


def private_hosts() -> frozenset[str]:
    """Hosts of the operator's own network that may be called."""
    hosts: frozenset[str] = current_app.config["SETTINGS"].private_host_names
    return hosts


def new_secret() -> str:
    """A new secret to sign with, sealed as it is kept."""
    return seal(secrets.token_urlsafe(32), SEALED_FOR)


def secret_of(row: ScreeningService) -> str | None:
    """What a service's calls are signed with, or None where SECRET_KEY has changed since."""
    return unseal(row.secret, SEALED_FOR)


def signature(secret: str, seconds: int, body: bytes) -> str:
    """What stands in the header."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def ask(row: ScreeningService, asked: Mapping[str, Any]) -> Verdict:
    """Ask one service. Raises CallFailed. Must not be called inside a transaction."""
    secret = secret_of(row)
    if secret is None:
        raise CallFailed(CANNOT_SIGN)
    body = json.dumps({"version": VERSION, **asked}, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json", "User-Agent": "Rejoinder",
        "Rejoinder-Signature": signature(secret, int(clock.now().timestamp()), body),
    }  # fmt: skip
    answer = post(row.url, body, headers, seconds=row.time_limit_ms / 1000, private_hosts=private_hosts())
    if answer.status != 200:
        raise CallFailed(f"The service answered with status {answer.status}.")
    return read_verdict(answer.body, len(str(asked["text"])), row.severity)


def read_verdict(body: bytes, length: int, most: str) -> Verdict:
    """A service's answer, capped at what it may do. Raises CallFailed for one that cannot be read."""
    try:
        said = json.loads(body)
    except ValueError:
        raise CallFailed("The answer is no JSON.") from None
    severity = said.get("severity") if isinstance(said, dict) else None
    if severity not in ("none", "note", "report", "hold"):
        raise CallFailed("The answer has no severity out of none, note, report and hold.")
    reason = said.get("reason", "")
    passages = said.get("passages", [])
    if not isinstance(reason, str) or not isinstance(passages, list):
        raise CallFailed("The answer’s reason is no text, or its passages are no list.")
    places = tuple(
        (int(pair[0]), int(pair[1])) for pair in passages[:MOST_PASSAGES]
        if isinstance(pair, list) and len(pair) == 2 and all(type(place) is int for place in pair)
        and 0 <= pair[0] < pair[1] <= length
    )  # fmt: skip
    if severity == "none":
        return Verdict("", "", ())
    capped = min(severity, most, key=SEVERITIES.index)
    return Verdict(capped, " ".join(reason.split())[:LONGEST_REASON], places)


def ask_all(comment_id: int, revision: int, attempt: int = 1, only: list[int] | None = None) -> None:
    """Ask every service about a revision, and act on what they say; what failed is tried again, then noted."""
    session = db.session()
    text = queries_services.text_asked(session, comment_id, revision)
    rows = queries_services.active_services(session, only)
    session.rollback()
    if text is None or not rows:
        return
    asked = {
        "comment": comment_id, "revision": revision, "text": text.body_source, "language": text.language,
        "section": text.section_slug, "is_reply": text.parent_id is not None,
    }  # fmt: skip
    failed: list[int] = []
    for row in rows:
        try:
            verdict, problem = ask(row, asked), ""
        except CallFailed as why:
            verdict, problem = None, str(why)
        with transaction() as writing:
            queries_services.count_answer(writing, row.id, problem, clock.now())
            if verdict is not None:
                _act(writing, row, comment_id, revision, verdict)
            elif attempt >= ATTEMPTS:
                _note_failure(writing, row, comment_id, revision)
            else:
                failed.append(row.id)
    if failed:
        with transaction():
            later = clock.now() + WAITS[min(attempt, len(WAITS)) - 1]
            enqueue("threads.ask-services", run_at=later, comment_id=comment_id, revision=revision,
                    attempt=attempt + 1, only=failed)  # fmt: skip


def _act(session: Session, row: ScreeningService, comment_id: int, revision: int, verdict: Verdict) -> None:
    """Store what a service found once, and let it do what it may, unless a person or an edit came first."""
    if not verdict.severity or queries_services.has_answered(session, comment_id, revision, service_rule(row.id)):
        return
    thread, comment = locking.lock_comment(session, comment_id)
    if comment.revision != revision or comment.status == "deleted":
        return
    by_staff = comment.author_badge in {"staff", "author"}
    severity = "note" if by_staff else verdict.severity
    said = f"{row.name}: {verdict.reason}" if verdict.reason else f"{row.name} asks for a look."
    if severity == "hold":
        said = "A person reads this before it appears, because a program asked for it."
    queries_written.add_finding(
        session, comment_id, revision,
        Found("service", VERSION, severity, said[:300], service_rule(row.id), verdict.passages), clock.now(),  # type: ignore[arg-type]
    )  # fmt: skip
    if comment.status != "published" or queries_services.was_decided(session, comment_id):
        return
    if severity == "report":
        reports.report_by_program(session, thread, comment, said[:300])
    elif severity == "hold":
        change_status(session, comment_id, "withheld", expected_revision=revision)
        enqueue(screened.HELD_JOB, key=f"held:{comment_id}:{revision}", comment_id=comment_id, revision=revision)


def _note_failure(session: Session, row: ScreeningService, comment_id: int, revision: int) -> None:
    if not queries_services.has_answered(session, comment_id, revision, service_rule(row.id)):
        said = f"{row.name} did not answer: not checked."
        failed = Found("service", VERSION, "note", said, service_rule(row.id), (), checked=False)
        queries_written.add_finding(session, comment_id, revision, failed, clock.now())
