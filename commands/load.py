"""A thread of any size, to measure. Made in batches; run again after an interruption, it goes on where it was."""

import random
import secrets
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import click
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from blueprints.accounts.passwords import hash_password
from blueprints.membership.service import PriceTerms, offer_plan
from blueprints.threads.counters import recount
from blueprints.threads.ordering import path_of
from blueprints.threads.search import index
from core import clock
from core.db import db, transaction
from core.markup import RENDERER_VERSION, render_article, render_comment
from core.names import name_key, name_skeleton
from core.text import body_hash
from models.article import Article, Section
from models.membership import Entitlement, Membership, Plan
from models.site import Site
from models.thread import Comment, Respect, Revision, Thread
from models.user import User

BATCH = 5_000
PASSWORD = "benchpass1"  # noqa: S105 known to everybody who measures
SHARE_OF_ROOTS = 0.4
DEEPEST = 40
OPENINGS = ("I see it differently.", "That is well put.", "The figures say otherwise.", "A question, if I may.",
            "I was there, and it was not like that.", "Two things are being mixed up here.")  # fmt: skip
MIDDLES = ("The council had six weeks and used one.", "Nobody pays for what they cannot see.",
           "Bread was cheaper and bakers were poorer.", "A promise is not a plan, and a plan is not a budget.",
           "The *second* paragraph answers the first.", "Ask who signs, not who speaks.",
           "What would change your mind?", "It depends on who keeps the books.")  # fmt: skip


def seed_load(comments: int, readers: int, share_of_roots: float = SHARE_OF_ROOTS) -> None:
    """Make the readers, the article `load-N` and its comments; what is there already stays."""
    people = _readers(readers)
    thread_id = _thread(comments)
    have = db.session.scalar(select(func.count()).where(Comment.thread_id == thread_id)) or 0
    db.session.rollback()
    chance = random.Random(comments + have)  # noqa: S311 a text to measure, not a secret
    with click.progressbar(length=comments - have, label=f"load-{comments}") as bar:
        while have < comments:
            number = min(BATCH, comments - have)
            with transaction() as session:
                _batch(session, thread_id, people, number, chance, share_of_roots)
            have += number
            bar.update(number)
    _index(comments)
    with transaction() as session:
        newest = select(func.max(Comment.published_at)).where(Comment.thread_id == thread_id).scalar_subquery()
        session.execute(update(Thread).where(Thread.id == thread_id).values(last_comment_at=newest))
        recount(session, thread_id, repair=True)
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("ANALYZE"))
    click.echo(f"/articles/load-{comments}: {have} comments by {len(people)} readers")


def _index(comments: int) -> None:
    """Let the search know them all, so that no worker does while something is measured."""
    after = 0
    with click.progressbar(length=comments, label="the search") as bar:
        while entries := index.unknown(db.session(), after, BATCH):
            with transaction() as session:
                index.store(session, entries)
            after = entries[-1].comment_id
            bar.update(len(entries))


def _readers(number: int) -> list[int]:
    hashed = hash_password(PASSWORD)
    moment = clock.now()
    with transaction() as session:
        if session.get(Site, 1) is None:
            session.add(Site(id=1, name="Rejoinder"))
        plan_id = session.scalar(select(Plan.id).order_by(Plan.rank).limit(1))
        if plan_id is None:
            terms = {"vip-month": PriceTerms(490, "month"), "vip-year": PriceTerms(4900, "year")}
            plan_id = offer_plan("vip", "VIP", rank=1, description="Join the conversation.", prices=terms).id
        emails = [f"reader{index}@example.test" for index in range(1, number + 1)]
        known = _known_readers(session)
        new: list[dict[str, Any]] = [
            {
                "email": email, "display_name": name, "name_key": name_key(name),
                "name_skeleton": name_skeleton(name), "password": hashed, "active": True,
                "fs_uniquifier": secrets.token_hex(16), "confirmed_at": moment, "created_at": moment, "is_demo": False,
            }
            for index, email in enumerate(emails, 1)
            if email not in known and (name := f"Load Reader {_letters(index)}")
        ]  # fmt: skip
        if new:
            session.execute(insert(User), new)
            known = _known_readers(session)
            session.execute(
                insert(Entitlement),
                [
                    {"user_id": known[row["email"]], "plan_id": plan_id, "source": "complimentary",
                     "source_ref": f"load:{row['email']}", "starts_at": moment - timedelta(days=1), "ends_at": None,
                     "created_at": moment}
                    for row in new
                ],
            )  # fmt: skip
            session.execute(
                insert(Membership),
                [
                    {"user_id": known[row["email"]], "plan_id": plan_id, "started_at": moment - timedelta(days=1),
                     "ended_at": None} for row in new
                ],
            )  # fmt: skip
    return [known[email] for email in emails]


def _known_readers(session: Session) -> dict[str, int]:
    found = session.execute(select(User.email, User.id).where(User.email.like("reader%@example.test")))
    return {row.email: row.id for row in found}


def _letters(number: int) -> str:
    """A word for a number in which no two look alike: consonants and vowels in turn."""
    word = ""
    while number:
        number, digit = divmod(number, 60)
        word += "bdfghkmnprst"[digit // 5] + "aeouy"[digit % 5]
    return word.capitalize()


def _thread(size: int) -> int:
    slug = f"load-{size}"
    with transaction() as session:
        found = session.scalar(select(Thread.id).join(Article).where(Article.slug == slug))
        if found is not None:
            return found
        section = session.scalar(select(Section).order_by(Section.position).limit(1))
        if section is None:
            section = Section(slug="load", name="Load")
            session.add(section)
            session.flush()
        body = "\n\n".join(f"{MIDDLES[index % len(MIDDLES)]} {OPENINGS[index % len(OPENINGS)]}" for index in range(12))
        article = Article(
            slug=slug, section_id=section.id, state="published", headline=f"A thread of {size:,} comments",
            standfirst="Made to be measured.", byline="Rejoinder", body_source=body, body_html=render_article(body),
            preview_html=render_article(body), renderer_version=RENDERER_VERSION, read_audience="everyone",
            comment_audience="members", respect_audience="registered", published_at=clock.now() - timedelta(days=30),
        )  # fmt: skip
        session.add(article)
        session.flush()
        thread = Thread(article_id=article.id, pace_seconds=0)
        session.add(thread)
        session.flush()
        return thread.id


def _batch(
    session: Session, thread_id: int, people: list[int], number: int, chance: random.Random, share_of_roots: float
) -> None:
    known = session.execute(
        select(Comment.id, Comment.root_id, Comment.path, Comment.depth)
        .where(Comment.thread_id == thread_id)
        .order_by(Comment.id.desc())
        .limit(2_000)
    ).all()
    open_to_reply = [(row.id, row.root_id or row.id, row.path, row.depth) for row in known]
    begin = clock.now() - timedelta(days=20)
    comments: list[dict[str, Any]] = []
    respects: list[dict[str, Any]] = []
    for position, comment_id in enumerate(_new_ids(session, number)):
        parent = None if not open_to_reply or chance.random() < share_of_roots else chance.choice(open_to_reply[-400:])
        depth = parent[3] + 1 if parent else 0
        if parent and depth > DEEPEST:
            parent, depth = None, 0
        path = path_of(comment_id, parent[2] if parent else "", depth)
        root_id = parent[1] if parent else comment_id
        words = f"{chance.choice(OPENINGS)} {chance.choice(MIDDLES)} {chance.choice(MIDDLES)}"
        body, html = f"{words} (No. {comment_id})", _rendered(words).replace("(No. 0)", f"(No. {comment_id})")
        at = begin + timedelta(seconds=position + (comment_id % 1_000_000))
        comments.append(
            {
                "id": comment_id, "thread_id": thread_id, "parent_id": parent[0] if parent else None,
                "root_id": root_id, "depth": depth, "path": path, "author_id": chance.choice(people),
                "author_badge": "", "status": "published", "shown": True, "body_source": body,
                "body_html": html, "body_hash": body_hash(body),
                "renderer_version": RENDERER_VERSION, "revision": 1, "row_version": 1, "respect_count": 0,
                "report_count": 0, "reply_count": 0, "branch_count": 0, "score": 0.0, "created_at": at,
                "published_at": at, "edited_at": None,
            }
        )  # fmt: skip
        fans = chance.sample(people, min(len(people), int(chance.expovariate(0.9))))
        respects += [{"comment_id": comment_id, "user_id": user_id, "created_at": at} for user_id in fans]
        open_to_reply.append((comment_id, root_id, path, depth))
    session.execute(insert(Comment), comments)
    session.execute(
        insert(Revision),
        [{"comment_id": row["id"], "number": 1, "body_source": row["body_source"], "body_html": row["body_html"],
          "created_at": row["created_at"]} for row in comments],
    )  # fmt: skip
    if respects:
        session.execute(insert(Respect), respects)


@cache
def _rendered(words: str) -> str:
    """There are a few hundred texts; only their number differs from one comment to the next."""
    return render_comment(f"{words} (No. 0)")


def _new_ids(session: Session, number: int) -> Iterator[int]:
    if session.get_bind().dialect.name == "postgresql":
        statement = text("SELECT nextval(pg_get_serial_sequence('comment', 'id')) FROM generate_series(1, :number)")
        yield from session.scalars(statement, {"number": number})
        return
    first = (session.scalar(select(func.max(Comment.id))) or 0) + 1
    yield from range(first, first + number)
