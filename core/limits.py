"""Limits in front of what is expensive or can be abused, counted where every process shares them.

That is the database, or Redis where REDIS_URL names one. While Redis does not answer, each process counts for itself;
so it does for requests that only read while the database cannot be written.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from time import monotonic
from typing import Any, ParamSpec, TypeVar

import structlog
from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.storage import MemoryStorage, RedisStorage, Storage
from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError

from core import clock
from core.db import Base, db, write_connection
from core.viewer import current_viewer

P = ParamSpec("P")
R = TypeVar("R")

DEMO_FACTOR = 100  # everybody in a demo comes from one address
REDIS_SECONDS = 1.0  # that a request waits for Redis; then it is counted here
REDIS_AGAIN_SECONDS = 5.0  # until one request asks it again

log = structlog.get_logger("limits")


class DatabaseStorage(Storage):
    """Fixed windows in the table `rate_count`, one upsert a hit."""

    STORAGE_SCHEME = ["database"]
    _here: MemoryStorage | None = None  # what this process counted by itself

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: int, amount: int = 1, **_: Any) -> int:
        try:
            return self._count(key, expiry, amount)
        except SQLAlchemyError:  # reading goes on while nothing can be written
            if request.method not in {"GET", "HEAD"}:
                raise
            self._here = self._here or MemoryStorage()
            return self._here.incr(key, expiry, amount)

    def _count(self, key: str, expiry: int, amount: int) -> int:
        table = Base.metadata.tables["rate_count"]
        moment = clock.now()
        ends = moment + timedelta(seconds=expiry)
        insert = pg_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
        over = table.c.expires_at <= moment
        statement = (
            insert(table)
            .values(key=key, hits=amount, expires_at=ends)
            .on_conflict_do_update(
                index_elements=["key"],
                set_={
                    "hits": case((over, amount), else_=table.c.hits + amount),
                    "expires_at": case((over, ends), else_=table.c.expires_at),
                },
            )
            .returning(table.c.hits)
        )
        with write_connection() as connection:
            return int(connection.execute(statement).scalar_one())

    def get(self, key: str) -> int:
        table = Base.metadata.tables["rate_count"]
        with db.engine.connect() as connection:
            found = connection.execute(
                select(table.c.hits).where(table.c.key == key, table.c.expires_at > clock.now())
            ).scalar()
        return max(int(found or 0), self._here.get(key) if self._here else 0)

    def get_expiry(self, key: str) -> float:
        table = Base.metadata.tables["rate_count"]
        with db.engine.connect() as connection:
            found = connection.execute(select(table.c.expires_at).where(table.c.key == key)).scalar()
        return max((found or clock.now()).timestamp(), self._here.get_expiry(key) if self._here else 0)

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        table = Base.metadata.tables["rate_count"]
        with write_connection() as connection:
            return connection.execute(delete(table)).rowcount

    def clear(self, key: str) -> None:
        table = Base.metadata.tables["rate_count"]
        with write_connection() as connection:
            connection.execute(delete(table).where(table.c.key == key))


class RedisOrHere(RedisStorage):
    """Fixed windows in Redis. While it does not answer, or refuses, this process counts for itself.

    Only one request in a while waits to see whether it is back.
    """

    STORAGE_SCHEME = ["redis", "rediss", "redis+unix"]  # in the place of the library's

    def __init__(self, uri: str, **options: Any) -> None:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._here = MemoryStorage()
        self._ask_again: float | None = None  # on the clock of this process; None while Redis answers
        # Its own way is to try ten times, ever later, and to wait for an answer as long as the connection stands.
        super().__init__(uri, **options | {
            "socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS, "retry": Retry(NoBackoff(), 0),
        })  # fmt: skip

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        here = self._here
        return self._asked(lambda: RedisStorage.incr(self, key, expiry, amount), lambda: here.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        return self._asked(lambda: RedisStorage.get(self, key), lambda: self._here.get(key))

    def get_expiry(self, key: str) -> float:
        return self._asked(lambda: RedisStorage.get_expiry(self, key), lambda: self._here.get_expiry(key))

    def _asked(self, there: Callable[[], R], here: Callable[[], R]) -> R:
        away = self._ask_again
        if away is not None:
            if monotonic() < away:
                return here()
            self._ask_again = monotonic() + REDIS_AGAIN_SECONDS  # the others need not wait for what this one finds
        try:
            found = there()
        except self.base_exceptions as error:
            if away is None:
                log.warning("Redis does not count limits, so each process does for itself", error=repr(error))
            self._ask_again = monotonic() + REDIS_AGAIN_SECONDS
            return here()
        if away is not None:
            log.warning("Redis counts limits again")
            self._ask_again = None
        return found


def why_not_in_redis(url: str) -> str:
    """What keeps this Redis from counting; empty where it counts."""
    storage = RedisOrHere(url)
    try:
        RedisStorage.incr(storage, "doctor", expiry=1)
    except storage.base_exceptions as error:
        return str(error) or type(error).__name__
    return ""


def forget_old_counts() -> int:
    """Remove windows that have ended; returns how many."""
    table = Base.metadata.tables["rate_count"]
    with write_connection() as connection:
        return connection.execute(delete(table).where(table.c.expires_at < clock.now())).rowcount


def person_or_address() -> str:
    """Whom a limit counts: the signed-in reader, else the address."""
    viewer = current_viewer()
    return f"user:{viewer.id}" if viewer.is_signed_in else f"address:{get_remote_address()}"


def account_named(email: str) -> str:
    """Whom a limit on passwords counts: the address that was typed, whoever types it."""
    digest = hashlib.sha256(email.strip().casefold().encode()).hexdigest()  # of any length, and not readable
    return f"email:{digest}"


def address_block() -> str:
    """Whom a limit on machines counts: an address, or of IPv6 the network that one household or server gets."""
    address = get_remote_address()
    return f"block:{address if '.' in address else ':'.join(address.split('::')[0].split(':')[:4])}"


def everybody() -> str:
    """Whom a limit of the whole site counts."""
    return "site"


def allowed(times: int) -> int:
    """So many in production; the demo allows a hundred times as much."""
    return times * (1 if current_app.config["PRODUCTION"] else DEMO_FACTOR)


def at_most(times: int, per: str) -> Callable[[], str]:
    """A limit such as `at_most(20, "hour")`; the demo allows a hundred times as much."""
    return lambda: f"{allowed(times)} per {per}"


def guests_at_most(times: int, per: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A limit for who is not signed in; for the signed-in the view has rules of its own, and nothing is counted."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        limited = limiter.limit(at_most(times, per))(view)

        @wraps(view)
        def either(*args: P.args, **kwargs: P.kwargs) -> R:
            return (view if current_viewer().is_signed_in else limited)(*args, **kwargs)

        return either

    return decorate


def leave_uncounted_for_others() -> None:
    """Say in this answer nothing of how much is left: it will be given to others too. Spares asking, as well."""
    limiter.context.reset()


def _only_who_is_refused_has_to_wait(answer: Response) -> Response:
    """Take away what the limiter says on every answer (RFC 9110, 10.2.3: how long to wait before asking again)."""
    if answer.status_code < 400:
        answer.headers.pop("Retry-After", None)
    return answer


def install(app: Flask) -> None:
    """Let routes have limits."""
    app.after_request(_only_who_is_refused_has_to_wait)  # runs after the limiter's own, which comes next
    limiter.init_app(app)
    # Looks for limits that hold for every route: there are none, and a route with one of its own asks by itself.
    app.before_request_funcs[None].remove(limiter._check_request_limit)


# Where it counts is in the configuration (`app.py`): a storage that is named here would be taken instead.
limiter = Limiter(key_func=person_or_address, headers_enabled=True)
