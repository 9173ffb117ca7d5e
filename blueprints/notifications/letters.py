"""The mails about notices: those that go at once, several together where they come together, and what the daily mail
is made of. Every function runs in the caller's transaction; a person's row is held, so that nothing goes out twice.
"""

from collections.abc import Sequence
from urllib.parse import quote

from markupsafe import Markup
from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.notifications import mail_queries as queries
from blueprints.notifications import wording
from blueprints.notifications.notice_queries import hold_choices
from blueprints.notifications.quoting import closed_places
from blueprints.notifications.service import send_mail
from blueprints.notifications.unsubscribing import ABOUT, ALL, path_to_stop
from blueprints.site.queries import site
from core.records import dataclass

MOST_ITEMS = 20
SETTINGS_PATH = "/account/notices/settings"
LIST_PATH = "/account/notices"


@dataclass(frozen=True, slots=True)
class Item:
    """One notice in a mail. `reply_path` leads into the composer of the reply, by way of signing in if need be."""

    kind: str
    words: str
    marked: Markup
    excerpt: str
    path: str
    reply_path: str
    scope: str
    cause: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A line at a mail's end that leads to where its sort is ended."""

    label: str
    path: str


def items_waiting(session: Session, user_id: int, how: str) -> Sequence[Item]:
    """What waits for a person to be mailed in that way, the oldest first."""
    rows = queries.waiting(session, user_id, how)
    closed = closed_places(session, user_id, rows)
    return [_item(row, quotes=row.scope not in closed) for row in rows]


def write_at_once(session: Session, user_id: int) -> bool:
    """Write one mail about everything that waits for a person to be mailed at once. Returns whether there was any."""
    hold_choices(session, user_id)
    reader = queries.reader(session, user_id)
    items = items_waiting(session, user_id, "now") if reader else []
    last = queries.last_waiting(session, user_id, "now")
    queries.settle(session, user_id, "now")
    if reader is None or not items:
        return False
    kinds = list(dict.fromkeys(item.kind for item in items))
    subject = items[0].words if len(items) == 1 else f"{items[0].words}, and {len(items) - 1} more"
    send_mail(
        kind="notices", recipient=reader.email, user_id=user_id, subject=subject, template="notices",
        dedupe_key=f"notices:{user_id}:{last}",
        unsubscribe_path=path_to_stop(user_id, kinds[0] if len(kinds) == 1 else ALL),
        context={
            "items": items[:MOST_ITEMS], "left_out": max(0, len(items) - MOST_ITEMS), "list_path": LIST_PATH,
            "heading": items[0].marked if len(items) == 1 else f"{len(items)} things for you",
            "reason": f"You get this mail because you have an account at {site().name} and want to know at once.",
            "stops": stops(user_id, kinds),
        },
    )  # fmt: skip
    return True


def stops(user_id: int, kinds: Sequence[str]) -> list[Stop]:
    """The ways to end mails of these kinds, to end all of them, and to choose."""
    return [
        *(Stop(f"Stop mails about {ABOUT[kind]}", path_to_stop(user_id, kind)) for kind in kinds),
        Stop("Stop all mails of this sort", path_to_stop(user_id, ALL)),
        Stop("Choose what you are told", SETTINGS_PATH),
    ]


def after_signing_in(path: str) -> str:
    """A path that leads to this one, by way of signing in for those who are not."""
    return f"/sign-in?next={quote(path, safe='')}"


def _item(row: Row[tuple[object, ...]], *, quotes: bool) -> Item:
    template = wording.template_of(row.title, row.many, row.causes)
    several = row.causes > 1
    return Item(
        row.kind, wording.spoken(template, row.causes, row.actor), wording.marked(template, row.causes, row.actor),
        row.excerpt if quotes else "", (row.many_url if several and row.many_url else row.url),
        after_signing_in(row.reply_url) if row.reply_url else "", row.scope, row.cause,
    )  # fmt: skip
