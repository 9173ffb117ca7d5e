"""Rows as the application would have made them. Each function opens its own transaction and returns the row."""

import itertools
import secrets
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from core import clock
from core.db import db, is_writing, transaction
from core.names import name_key, name_skeleton
from core.viewer import Viewer
from models.article import Article, Section
from models.browser_session import BrowserSession
from models.membership import Entitlement, Plan, Price
from models.site import Rule, Site
from models.thread import Thread
from models.user import ModeratedSection, RoleGrant, User

_numbers = itertools.count(1)
_LETTERS = "abcdefghjkpqstuxyz"  # no two of them, and no pair, look like another: no i, l, m, n, o, r, v, w


def number() -> int:
    """A number no other row of this run has had."""
    return next(_numbers)


def letters() -> str:
    """A word no other row of this run has had; letters only, so that names made of it never look alike."""
    base = len(_LETTERS)
    value, word = next(_numbers) + base * base, ""
    while value:
        value, digit = divmod(value, base)
        word = _LETTERS[digit] + word
    return word


def make_site(**values: Any) -> Site:
    """The site's one row, with the defaults of a fresh install."""
    with transaction() as session:
        row = session.get(Site, 1)
        if row is None:
            row = Site(id=1, name="The Meridian")
            session.add(row)
        for name, value in values.items():
            setattr(row, name, value)
        row.version = (row.version or 0) + 1
    return row


def make_user(
    name: str | None = None, *, roles: tuple[str, ...] = (), plan: Plan | None = None, password: str | None = None,
    confirmed: bool = True, sections: tuple[Section, ...] = (), email: str | None = None, **values: Any,
) -> User:  # fmt: skip
    """A confirmed reader; with a plan, a member of it by courtesy of the house."""
    mark = secrets.token_hex(4)
    display_name = name or f"Reader {letters()}"
    moment = clock.now()
    hashed = None
    if password:
        from blueprints.accounts.passwords import hash_password

        hashed = hash_password(password)
    with transaction() as session:
        user = User(
            email=email or f"reader-{mark}@example.test", display_name=display_name, name_key=name_key(display_name),
            name_skeleton=name_skeleton(display_name), password=hashed, fs_uniquifier=secrets.token_hex(16),
            confirmed_at=moment if confirmed else None, **values,
        )  # fmt: skip
        session.add(user)
        session.flush()
        session.add_all(RoleGrant(user_id=user.id, name=role) for role in roles)
        session.add_all(ModeratedSection(user_id=user.id, section_id=section.id) for section in sections)
    if plan is not None:
        make_entitlement(user, plan)
    return user


def make_session(user: User, *, proved_at: datetime | None = None, **values: Any) -> str:
    """A browser in which this person has just signed in, for years; returns the key that its cookie holds."""
    from blueprints.accounts.session import key_digest, new_key

    key, moment = new_key(), clock.now()
    with nullcontext(db.session()) if is_writing() else transaction() as session:
        session.add(BrowserSession(
            user_id=user.id, key_hash=key_digest(key), created_at=moment, seen_at=moment,
            proved_at=proved_at or moment, expires_at=moment + timedelta(days=3650),
            second_factor_at=values.pop("second_factor_at", moment), **values,
        ))  # fmt: skip
        session.flush()
    return key


def viewer_of(user: User) -> Viewer:
    """The person as rules see them now."""
    from blueprints.accounts.queries import viewer_by_session
    from blueprints.accounts.session import key_digest

    return viewer_by_session(key_digest(make_session(user)))[0]


def make_plan(
    key: str = "vip", name: str = "VIP", rank: int = 1, cents: int = 490, currency: str = "usd", **grants: Any
) -> Plan:
    """A plan with a monthly and a yearly price (`vip-month`, `vip-year`); asking again gives the same one, with these grants."""
    from sqlalchemy import select

    with transaction() as session:
        plan = session.scalar(select(Plan).where(Plan.key == key))
        if plan is None:
            plan = Plan(key=key, name=name, rank=rank, badge=name, description="Join the conversation.",
                        perks="Comment", **grants)  # fmt: skip
            session.add(plan)
            session.flush()
            session.add_all(
                Price(key=f"{key}-{interval}", plan_id=plan.id, amount_cents=cents * times, currency=currency,
                      interval=interval)
                for interval, times in (("month", 1), ("year", 10))
            )  # fmt: skip
        for grant, value in grants.items():
            setattr(plan, grant, value)
    return plan


def make_entitlement(
    user: User, plan: Plan, *, starts_at: datetime | None = None, ends_at: datetime | None = None,
    source: str = "complimentary",
) -> Entitlement:  # fmt: skip
    """Access to a plan, from a minute ago unless said otherwise."""
    with transaction() as session:
        row = Entitlement(
            user_id=user.id, plan_id=plan.id, source=source, source_ref=f"test-{secrets.token_hex(6)}",
            starts_at=starts_at or clock.now() - timedelta(minutes=1), ends_at=ends_at,
        )  # fmt: skip
        session.add(row)
    return row


def make_section(name: str | None = None, **values: Any) -> Section:
    """A section of the paper."""
    mark = number()
    with transaction() as session:
        row = Section(slug=values.pop("slug", f"section-{mark}"), name=name or f"Section {mark}", position=mark, **values)
        session.add(row)
        session.execute(update(Site).values(version=Site.version + 1))
    return row


def make_article(headline: str = "A headline", *, section: Section | None = None, thread: bool = True, **values: Any) -> Article:
    """A published article, with an open thread unless said otherwise."""
    section = section or make_section()
    mark = number()
    values.setdefault("state", "published")
    values.setdefault("published_at", clock.now() - timedelta(hours=1))
    values.setdefault("body_source", "First paragraph.\n\nSecond paragraph.")
    values.setdefault("body_html", "<p>First paragraph.</p>\n<p>Second paragraph.</p>")
    values.setdefault("preview_html", "<p>First paragraph.</p>")
    thread_values = values.pop("thread_values", {})
    with transaction() as session:
        row = Article(slug=values.pop("slug", f"article-{mark}"), section_id=section.id, headline=headline, **values)
        session.add(row)
        session.flush()
        if thread:
            session.add(Thread(article_id=row.id, **thread_values))
    return row


def thread_of(article: Article) -> Thread:
    """The article's thread as it stands in the database now."""
    from sqlalchemy import select

    row = db.session().scalar(
        select(Thread).where(Thread.article_id == article.id).execution_options(populate_existing=True)
    )
    assert row is not None
    return row


def make_rule(key: str = "stay-on-the-story", title: str = "Stay on the story", text: str = "Keep to the subject.") -> Rule:
    """A rule of the conversation."""
    with transaction() as session:
        row = Rule(key=key, title=title, text=text, position=number())
        session.add(row)
    return row


def fresh(row: Any) -> Any:
    """The same row as the database has it now."""
    session = db.session()
    found = session.get(type(row), row.id, populate_existing=True)
    assert found is not None
    return found


__all__ = [
    "fresh", "letters", "make_article", "make_entitlement", "make_plan",
    "make_rule", "make_section", "make_session", "make_site", "make_user", "number", "thread_of",
    "viewer_of",
]
