"""What the metrics say of this moment, from the database, and who may ask for them."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from blueprints.pages import queries
from core import clock
from jobs import heartbeat

PROXIED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA")


def is_near(environ: Mapping[str, Any]) -> bool:
    """Whether a request comes straight from this machine or a private network: a proxy passes on everybody's."""
    if any(name in environ for name in PROXIED):
        return False
    try:
        address = ipaddress.ip_address(str(environ.get("REMOTE_ADDR", "")).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_private


def now_measured() -> Iterator[tuple[str, str, float]]:
    """Name, what it is, and value. Nothing but that it is out of reach where the database is."""
    moment = clock.now()
    try:
        jobs, events = queries.jobs_waiting(moment), queries.events_waiting(moment)
        readers, seen_at = queries.readers_now(moment), heartbeat.worker_seen_at()
        streams_seen_at = heartbeat.streams_seen_at()
    except SQLAlchemyError:
        yield "rejoinder_database_up", "Whether the database answered.", 0.0
        return
    yield "rejoinder_database_up", "Whether the database answered.", 1.0
    yield "rejoinder_jobs_waiting", "Jobs that are due and not done.", float(jobs.due)
    yield "rejoinder_jobs_oldest_seconds", "How long the longest due job has been waiting.", jobs.oldest_seconds
    yield "rejoinder_jobs_failed", "Jobs given up, to be looked at.", float(jobs.failed)
    yield "rejoinder_webhooks_waiting", "Events of Stripe that are not dealt with.", float(events.due)
    yield "rejoinder_webhooks_oldest_seconds", "How long the oldest of them has been waiting.", events.oldest_seconds
    yield "rejoinder_live_readers", "People with a discussion open at a live stream.", float(readers)
    if seen_at is not None:
        silent = (moment - seen_at).total_seconds()
        yield "rejoinder_worker_silent_seconds", "Since the last sign of life of a worker.", silent
    if streams_seen_at is not None:
        silent = (moment - streams_seen_at).total_seconds()
        yield "rejoinder_live_silent_seconds", "Since the last sign of life of the live streams.", silent
