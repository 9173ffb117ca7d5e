"""Limits in front of what is expensive or can be abused, counted where every process shares them.

That is the database, or Redis where REDIS_URL names one. While Redis cannot be reached, each process counts for itself;
so it does for requests that only read while the database cannot be written.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.storage import MemoryStorage, Storage
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


limiter = Limiter(key_func=person_or_address, storage_uri="database://", headers_enabled=True)
