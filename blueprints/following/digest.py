"""The daily mail: what waits for a person, and the best that was said in the discussions they follow.

It is due once a day at the hour each person chose, for what happened before that hour. Nothing to say, no mail.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.accounts.queries import viewer_with_id
from blueprints.following import queries
from blueprints.notifications import choice_queries, letters, mail_queries
from blueprints.notifications.choices import DIGEST_HOUR, choices_of
from blueprints.notifications.notice_queries import hold_choices
from blueprints.notifications.service import send_mail
from blueprints.notifications.unsubscribing import DAILY, path_to_stop
from blueprints.site.queries import site
from core import clock
from core.markup import plain_text
from core.records import dataclass
from core.text import excerpt

BEST_SHOWN = 3
BEST_WITHIN = timedelta(days=7)
WORDS_SHOWN = 280


@dataclass(frozen=True, slots=True)
class Best:
    """A comment of a followed discussion, quoted."""

    name: str
    headline: str
    words: str
    respects: int
    path: str
    reply_path: str


def last_due(hour: int, now: datetime) -> datetime:
    """The last time it was that hour of UTC."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def people_due(session: Session, now: datetime) -> list[int]:
    """Those whose daily mail is due: something waited by their hour, and they had none since."""
    return [
        row.user_id
        for row in mail_queries.people_with_daily_mail(session, DIGEST_HOUR)
        if row.since < (due := last_due(row.hour, now)) and (row.digest_at is None or row.digest_at < due)
    ]


def write(session: Session, user_id: int) -> bool:
    """Write a person's daily mail if it is due. Returns whether there was one. Doing it again writes nothing."""
    hold_choices(session, user_id)
    now, chosen, reader = clock.now(), choices_of(session, user_id), mail_queries.reader(session, user_id)
    due = last_due(chosen.digest_hour, now)
    if reader is None or (chosen.digest_at is not None and chosen.digest_at >= due):
        return False
    items = letters.items_waiting(session, user_id, "daily")
    mail_queries.settle(session, user_id, "daily")
    choice_queries.keep_setting(session, user_id, digest_at=now)
    if not items:
        return False
    since = max(chosen.digest_at or due - timedelta(days=1), now - BEST_WITHIN)
    best = _best(session, user_id, since) if chosen.how["follow"] == "daily" else []
    kinds = list(dict.fromkeys(item.kind for item in items))
    send_mail(
        kind="digest", recipient=reader.email, user_id=user_id, subject=_subject(items), template="digest",
        dedupe_key=f"digest:{user_id}:{due:%Y%m%d%H}", unsubscribe_path=path_to_stop(user_id, DAILY),
        context={
            "yours": [item for item in items if item.kind != "follow"][: letters.MOST_ITEMS],
            "news": [item for item in items if item.kind == "follow"][: letters.MOST_ITEMS],
            "left_out": _left_out(items), "best": best, "list_path": letters.LIST_PATH,
            "reason": f"You get this mail once a day from {site().name}, when there is something to say.",
            "stops": [
                letters.Stop("Stop the daily mail", path_to_stop(user_id, DAILY)), *letters.stops(user_id, kinds)
            ],
        },
    )  # fmt: skip
    return True


def _subject(items: Sequence[letters.Item]) -> str:
    first = next((item for item in items if item.kind != "follow"), items[0])
    return first.words if len(items) == 1 else f"{first.words}, and {len(items) - 1} more"


def _left_out(items: Sequence[letters.Item]) -> int:
    news = sum(item.kind == "follow" for item in items)
    return max(0, news - letters.MOST_ITEMS) + max(0, len(items) - news - letters.MOST_ITEMS)


def _best(session: Session, user_id: int, since: datetime) -> list[Best]:
    return [_quoted(row) for row in queries.best_since(session, viewer_with_id(user_id), since, BEST_SHOWN)]


def _quoted(row: Row[tuple[object, ...]]) -> Best:
    return Best(
        (row.name or "") if not row.nameless else "", row.headline, excerpt(plain_text(row.body_html), WORDS_SHOWN),
        row.respect_count, f"/comments/{row.id}#comment-{row.id}",
        letters.after_signing_in(f"/comments/{row.id}/reply"),
    )  # fmt: skip
