"""How a person wants to be told. Every function that changes something runs in the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from blueprints.notifications import choice_queries as queries
from blueprints.notifications.kinds import KINDS
from blueprints.notifications.notice_queries import hold_choices
from blueprints.notifications.unsubscribing import ALL, DAILY
from core.db import db
from core.errors import DomainError
from core.records import dataclass
from models.notice import HOWS

DIGEST_HOUR = 7  # of UTC, unless somebody chose another
CHOOSABLE = tuple(kind.name for kind in KINDS.values() if kind.may_choose)


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody has chosen, or what holds while they have not. `digest_hour` is of UTC."""

    how: Mapping[str, str]
    follow_own_threads: bool = False
    digest_hour: int = DIGEST_HOUR
    digest_at: datetime | None = None
    feed_number: int = 0


def choices_of(session: Session, user_id: int) -> Choices:
    """How a person wants to be told."""
    chosen, setting = queries.chosen(session, user_id), queries.setting_of(session, user_id)
    how = {name: chosen.get(name, KINDS[name].default) for name in CHOOSABLE}
    if setting is None:
        return Choices(how)
    return Choices(
        how, setting.follow_own_threads, setting.digest_hour, setting.digest_at, setting.feed_number
    )


def current(user_id: int) -> Choices:
    """How a person wants to be told, for a page."""
    return choices_of(db.session(), user_id)


def choose(
    session: Session, user_id: int, how: Mapping[str, str], *, follow_own_threads: bool, digest_hour: int
) -> None:
    """Keep how a person wants to be told; what waits to be mailed follows it. Raises DomainError."""
    if set(how) - set(CHOOSABLE) or set(how.values()) - set(HOWS):
        raise DomainError("Please choose for each kind whether its mails come at once, daily or never.")
    if not 0 <= digest_hour <= 23:
        raise DomainError("Please choose an hour of the day.")
    hold_choices(session, user_id)
    _keep(session, user_id, how)
    queries.keep_setting(session, user_id, follow_own_threads=follow_own_threads, digest_hour=digest_hour)


def stop(session: Session, user_id: int, kind: str) -> None:
    """End mails of a kind, all that come daily, or all that may be ended. Doing it again changes nothing."""
    hold_choices(session, user_id)
    now = choices_of(session, user_id).how
    ends = {name for name in CHOOSABLE if kind in {name, ALL} or (kind == DAILY and now[name] == "daily")}
    _keep(session, user_id, dict.fromkeys(ends, "never"))


def renew_feed(session: Session, user_id: int) -> None:
    """Give a person's private feed an address, or another one; the old one leads nowhere any more."""
    hold_choices(session, user_id)
    number = choices_of(session, user_id).feed_number
    queries.keep_setting(session, user_id, feed_number=number + (2 if number % 2 else 1))


def end_feed(session: Session, user_id: int) -> None:
    """End a person's private feed, if they have one."""
    hold_choices(session, user_id)
    number = choices_of(session, user_id).feed_number
    queries.keep_setting(session, user_id, feed_number=number + number % 2)


def _keep(session: Session, user_id: int, how: Mapping[str, str]) -> None:
    for name, value in how.items():
        queries.keep_choice(session, user_id, name, value)
