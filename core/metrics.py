"""What is counted and timed, for Prometheus. Knows no domain, and never a person, an address or a word.

All web processes of one machine write to files in one temporary folder, so that whichever of them is asked answers for
all (`core.bootstrap.count_together`); another machine is asked by itself. What is in the database is asked of it when
somebody asks for the metrics.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from core.bootstrap import METRICS_FOLDER

CONTENT_TYPE = CONTENT_TYPE_LATEST
_TIMES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_OURS = CollectorRegistry()

REQUESTS = Histogram(
    "rejoinder_request_seconds", "Requests that Flask answered, by route.", ("route", "method", "status"),
    buckets=_TIMES, registry=_OURS,
)  # fmt: skip
KEPT = Counter(
    "rejoinder_kept_answers", "Answers from memory, ahead of Flask.", ("kind",), registry=_OURS
)
JOBS = Histogram(
    "rejoinder_job_seconds", "Jobs, by what became of them.", ("kind", "outcome"), buckets=_TIMES, registry=_OURS
)
SCREENING = Histogram(
    "rejoinder_screening_seconds", "Screening of one text, all checks.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1.0), registry=_OURS,
)  # fmt: skip
SLOW_QUERIES = Counter(
    "rejoinder_slow_queries", "Questions to the database that took longer than the log's limit.", registry=_OURS
)


@contextmanager
def timed(histogram: Histogram) -> Iterator[None]:
    """Time what is done inside."""
    began = perf_counter()
    try:
        yield
    finally:
        histogram.observe(perf_counter() - began)


def written(now: Iterable[tuple[str, str, float]] = ()) -> bytes:
    """All metrics of this machine in Prometheus' text form, and these: name, what it is, value."""
    momentary = _plain(now)
    if os.environ.get(METRICS_FOLDER):
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + momentary
    return generate_latest(_OURS) + momentary


def _plain(now: Iterable[tuple[str, str, float]]) -> bytes:
    lines = [f"# HELP {name} {help_text}\n# TYPE {name} gauge\n{name} {value}\n" for name, help_text, value in now]
    return "".join(lines).encode()
