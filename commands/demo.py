"""The demo: a small paper with its people, articles and conversations, from the folder `demo/`."""

import json
import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.accounts.passwords import hash_password
from blueprints.articles.quotations import mark_of, save_quotes
from blueprints.articles.service import store_picture, write_picture
from blueprints.membership.service import PriceTerms, offer_plan
from blueprints.publisher.screening import ListValues, add_list
from blueprints.threads import settings, weighing
from blueprints.threads.counters import recount
from blueprints.threads.ordering import path_of
from blueprints.threads.quiz import Question
from blueprints.threads.search.index import store, unknown
from blueprints.threads.settings import Conversation, Guest
from commands.demo_answers import tell_demo
from commands.demo_fairness import open_demo
from commands.demo_history import count_sights, live_through, look_at_everybody, new_people
from core import clock
from core.db import db, transaction
from core.images import prepare_picture
from core.markup import RENDERER_VERSION, render_article, render_comment, split_preview
from core.names import name_key, name_skeleton
from core.text import body_hash, normalise
from models.article import Article, Section
from models.conversation import ThreadGuest
from models.membership import Entitlement, Plan
from models.reading import ThreadVisit
from models.site import Rule, Site
from models.thread import Comment, Pick, Report, Respect, Revision, Thread
from models.user import RoleGrant, User

FOLDER = Path(__file__).resolve().parent.parent / "demo"
WORDS_PER_MINUTE = 220
ACCOUNT_AGE = timedelta(days=3000)  # the oldest conversation is of 2019
QUOTED_KEY = re.compile(r"\[\[comment ([a-z][a-z0-9-]*)\]\]")
EDITED_AFTER = timedelta(minutes=3)
LAST_VISIT = timedelta(hours=14)
NEW_SINCE_LAST_VISIT = 6
DEMO_PASSWORD = "meridian-demo-reader"  # noqa: S105 the demo's people also sign in with one press


def seed_demo() -> None:
    """Fill an empty database with the demo; one that has a site already is left alone."""
    if db.session.scalar(select(Site.id)) is not None:
        return
    pictures = {path.name: prepare_picture(path.open("rb")) for path in sorted((FOLDER / "pictures").glob("*.webp"))}
    for picture in pictures.values():
        write_picture(picture)
    password = hash_password(DEMO_PASSWORD)
    members = _read("members.json")
    with transaction() as session:
        _site(session)
        sections = _sections(session)
        people = _people(session, password)
        people |= new_people(session, members, password)
        _plans(session, people)
        stored = {name: store_picture(session, picture, None).id for name, picture in pictures.items()}
        articles = _articles(session, sections, people, stored)
        _conversations(session, articles, people)
        for thread_id in session.scalars(select(Thread.id)).all():
            recount(session, thread_id, repair=True)
        _visits(session, people)
        _index(session)
        tell_demo(session, people)
        open_demo(session)
    live_through(members, people)
    join_demo_members()
    look_at_everybody()
    count_sights(members)


def join_demo_members() -> None:
    """Let the demo's members buy their plan in the sandbox, so that they can cancel it, like anybody."""
    from blueprints.membership.demo import join_in_sandbox

    rows = db.session.execute(
        select(User.id, Plan.key)
        .join(Entitlement, Entitlement.user_id == User.id)
        .join(Plan, Plan.id == Entitlement.plan_id)
        .where(User.is_demo, User.demo_line.is_not(None), Entitlement.source == "complimentary")
        .order_by(User.id)
    ).all()
    for user_id, plan_key in rows:
        join_in_sandbox(user_id, f"{plan_key}-month")


def _index(session: Session) -> None:
    after = 0
    while entries := unknown(session, after):
        store(session, entries)
        after = entries[-1].comment_id


def _read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def _page(name: str) -> str:
    return normalise((FOLDER / "pages" / name).read_text())  # as the publisher's form keeps it


def _site(session: Session) -> None:
    rules = _read("rules.json")
    session.add(
        Site(
            id=1, name="The Meridian", tagline="Opinion and politics, argued in the open", language="en",
            about=_page("about.md"), privacy=_page("privacy.md"), rules_enforced_by=rules["enforced_by"],
            longest_pause="3", colour="red", first_steps_away=True,
        )
    )  # fmt: skip
    for position, rule in enumerate(rules["rules"]):
        session.add(Rule(key=rule["key"], title=rule["title"], text=rule["text"], position=position))
    for values in _read("lists.json"):
        add_list(session, ListValues(**values, folds_accents=True, sees_through=True, rule_id=None, active=True), None)
    session.flush()


def _sections(session: Session) -> dict[str, int]:
    rows = [Section(**values) for values in _read("sections.json")]
    session.add_all(rows)
    session.flush()
    return {row.slug: row.id for row in rows}


def _people(session: Session, password: str) -> dict[str, int]:
    found: dict[str, int] = {}
    moment = clock.now()
    for person in _read("people.json"):
        name = person["display_name"]
        row = User(
            email=person["email"], display_name=name, name_key=name_key(name), name_skeleton=name_skeleton(name),
            password=password, fs_uniquifier=secrets.token_hex(16), confirmed_at=moment, is_demo=True,
            demo_line=person.get("line"), created_at=moment - ACCOUNT_AGE,
            page_is_open=person.get("page_is_open", False),
        )  # fmt: skip
        session.add(row)
        session.flush()
        found[person["key"]] = row.id
        if person["role"] != "reader":
            session.add(RoleGrant(user_id=row.id, name=person["role"]))
    return found


def _plans(session: Session, people: dict[str, int]) -> None:
    offer_plan(
        "vip", "VIP", rank=1, description="Join the conversation.",
        prices={"vip-month": PriceTerms(490, "month"), "vip-year": PriceTerms(4900, "year")},
        perks=("Comment and reply on every story", "Read members’ stories in full", "A VIP mark beside your name",
               "Three stories a month to give away"),
    ).share_links = 3  # fmt: skip
    offer_plan(
        "gold", "VIP Gold", rank=2, description="For those who want the paper to be here next year.",
        prices={"gold-month": PriceTerms(990, "month"), "gold-year": PriceTerms(9900, "year")},
        perks=("Everything in VIP", "A Gold mark beside your name", "Ten stories a month to give away",
               "The difference pays for reporting"),
    ).share_links = 10  # fmt: skip
    session.flush()
    plans = {plan.key: plan.id for plan in session.scalars(select(Plan))}
    for person in _read("people.json"):
        if person["plan"]:
            session.add(
                Entitlement(
                    user_id=people[person["key"]], plan_id=plans[person["plan"]], source="complimentary",
                    source_ref=f"demo:{person['key']}", starts_at=clock.now() - timedelta(days=300),
                )
            )  # fmt: skip
    session.flush()


def read_article(path: Path) -> tuple[dict[str, str], str]:
    """The front matter and the body of an article's file."""
    _, head, body = path.read_text().split("---\n", 2)
    values = dict(line.split(":", 1) for line in head.splitlines() if line.strip())
    return {name.strip(): value.strip() for name, value in values.items()}, body.strip()


def _moment(values: dict[str, str], name: str) -> datetime | None:
    if value := values.get(f"{name}_at"):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    if value := values.get(f"{name}_days_ago"):
        return clock.now() - timedelta(days=float(value))
    return None


def _articles(
    session: Session, sections: dict[str, int], people: dict[str, int], pictures: dict[str, int]
) -> dict[str, Article]:
    found: dict[str, Article] = {}
    modes: dict[str, dict[str, Any]] = _read("modes.json")
    texts = [read_article(path) for path in sorted((FOLDER / "articles").glob("*.md"))]
    for values, body in sorted(texts, key=lambda text: _moment(text[0], "published") or clock.now()):
        preview, _rest = split_preview(body)
        row = Article(
            slug=values["slug"], section_id=sections[values["section"]], state="published",
            headline=values["headline"], standfirst=values["standfirst"], byline=values["byline"],
            author_id=people.get(values.get("author", "")), body_source=body, body_html=render_article(body),
            preview_html=render_article(preview), renderer_version=RENDERER_VERSION,
            reading_minutes=max(1, round(len(body.split()) / WORDS_PER_MINUTE)),
            picture_id=pictures[values["picture"]], picture_alt=values["picture_alt"],
            picture_caption=values["picture_caption"], picture_credit=values["picture_credit"],
            read_audience=values["read_audience"], comment_audience=values["comment_audience"],
            respect_audience=values["respect_audience"], is_lead=values.get("lead") == "true",
            published_at=_moment(values, "published"), edited_at=_moment(values, "updated"),
        )  # fmt: skip
        session.add(row)
        session.flush()
        mode = modes.get(row.slug, {})
        thread = Thread(article_id=row.id)
        settings.begin(session, thread, _conversation(values, mode, people))
        settings.set_moments(thread, row.published_at)
        if minutes := mode.get("closed_after_minutes"):
            thread.closed_at = (row.published_at or clock.now()) + timedelta(minutes=minutes)
        session.flush()
        found[row.slug] = row
    return found


def _conversation(values: dict[str, str], mode: dict[str, Any], people: dict[str, int]) -> Conversation:
    """How a discussion goes: plainly, or as `modes.json` says."""
    end_of_questions = None
    if days := mode.get("questions_close_in_days"):
        end_of_questions = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=days)
    return Conversation(
        state=values["thread_state"], closed_reason=values.get("closed_reason", ""),
        opening_question=values.get("opening_question", ""), pace_seconds=mode.get("pace_seconds"),
        members_first_hours=mode.get("members_first_hours"), closes_after_days=mode.get("closes_after_days"),
        takes_questions=mode.get("takes_questions", False), questions_close_at=end_of_questions,
        guests=tuple(Guest(people[guest["who"]], guest["line"]) for guest in mode.get("guests", ())),
        quiz=tuple(
            Question(asked["text"], tuple(asked["choices"]), asked["right"], asked["where_said"])
            for asked in mode.get("quiz", ())
        ),
    )  # fmt: skip


def _conversations(session: Session, articles: dict[str, Article], people: dict[str, int]) -> None:
    rules = {rule.key: rule for rule in session.scalars(select(Rule))}
    threads = {thread.article_id: thread.id for thread in session.scalars(select(Thread))}
    guests = {(row.thread_id, row.user_id) for row in session.scalars(select(ThreadGuest))}
    talks: dict[str, Any] = _read("threads.json")
    for slug, article in articles.items():  # in the order of publication, as lists that go by number expect
        entries = talks.get(slug, [])
        rows: dict[str, Comment] = {}
        for entry in entries:
            parent = rows.get(entry["parent"] or "")
            rows[entry["key"]] = _comment(session, article, threads[article.id], entry, parent, people, guests)
        for entry in entries:
            _reactions(session, rows[entry["key"]], entry, people)
            if entry.get("rejected"):
                recount(session, threads[article.id], repair=True)  # a decision lowers counts that must stand first
                _reject(session, rows[entry["key"]], entry["rejected"], rules, people)
        _quote(session, article, rows)


def _quote(session: Session, article: Article, rows: dict[str, Comment]) -> None:
    """Let the lines of an article's text that name a comment by its key here name it by its number."""
    source = QUOTED_KEY.sub(lambda match: mark_of(rows[match[1]].id), article.body_source)
    if source != article.body_source:
        article.body_source, article.body_html = source, render_article(source)
        article.preview_html = render_article(split_preview(source)[0])
        save_quotes(session, article)
        session.flush()


def _visits(session: Session, people: dict[str, int]) -> None:
    """Number the comments as they appeared, and let the members have been here last evening, before the latest came."""
    session.flush()
    for thread in session.scalars(select(Thread).where(Thread.published_count > 0)):
        comments = session.scalars(
            select(Comment)
            .where(Comment.thread_id == thread.id, Comment.published_at.is_not(None))
            .order_by(Comment.published_at, Comment.id)
        ).all()
        for number, comment in enumerate(comments, 1):
            comment.published_number = number
        thread.version += len(comments)
        reached = max(len(comments) - NEW_SINCE_LAST_VISIT, 0)
        session.add_all(
            ThreadVisit(
                user_id=people[key], thread_id=thread.id, seen_number=reached, reached_number=reached,
                visited_at=clock.now() - LAST_VISIT,
            )
            for key in ("vic", "marisol")
        )  # fmt: skip


def _comment(
    session: Session, article: Article, thread_id: int, entry: dict[str, Any], parent: Comment | None,
    people: dict[str, int], guests: set[tuple[int, int]],
) -> Comment:  # fmt: skip
    at = (article.published_at or clock.now()) + timedelta(minutes=entry["minutes_after"])
    if at > clock.now():
        at = clock.now() - timedelta(minutes=2)
    author_id = people[entry["author"]]
    texts = [normalise(entry["body"])] + ([normalise(entry["edited_body"])] if entry.get("edited_body") else [])
    is_staff = {person["key"]: person["role"] != "reader" for person in _read("people.json")}[entry["author"]]
    is_guest = (thread_id, author_id) in guests
    badge = "guest" if is_guest else "staff" if is_staff else ""
    is_answer = is_guest and parent is not None and parent.is_question
    status = "withheld" if entry.get("held") else "deleted" if entry.get("deleted") else "published"
    row = Comment(
        thread_id=thread_id, parent_id=parent.id if parent else None, depth=parent.depth + 1 if parent else 0,
        author_id=author_id,
        author_badge="author" if author_id == article.author_id else badge,
        is_question=entry.get("question", False), is_answer=is_answer,
        status=status, body_source=texts[-1], body_html=render_comment(texts[-1]), body_hash=body_hash(texts[-1]),
        renderer_version=RENDERER_VERSION, revision=len(texts), created_at=at,
        published_at=None if status == "withheld" else at,
        edited_at=at + EDITED_AFTER if len(texts) > 1 else None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    row.root_id = parent.root_id if parent else row.id
    row.path = path_of(row.id, parent.path if parent else "", row.depth, first=is_answer)
    session.add_all(
        Revision(comment_id=row.id, number=number, body_source=text, body_html=render_comment(text), created_at=at)
        for number, text in enumerate(texts, 1)
    )
    session.flush()
    return row


def _reactions(session: Session, row: Comment, entry: dict[str, Any], people: dict[str, int]) -> None:
    session.add_all(
        Respect(comment_id=row.id, user_id=people[key], created_at=row.created_at + timedelta(minutes=5 + number))
        for number, key in enumerate(entry.get("respects", []))
    )
    session.add_all(
        Report(
            comment_id=row.id, reporter_id=people[report["by"]], reporter_key=f"user:{people[report['by']]}",
            reason=report["reason"], note=report.get("note", ""),
            created_at=clock.now() - timedelta(minutes=report["minutes_ago"]),
        )
        for report in entry.get("reports", [])
    )  # fmt: skip
    if entry.get("reports"):
        session.flush()
        weighing.weigh(session, row)
    if pick := entry.get("pick"):
        session.add(
            Pick(
                comment_id=row.id, author_id=row.author_id, note=pick["note"], picked_by=people[pick["by"]],
                picked_at=min(clock.now(), row.created_at + timedelta(minutes=pick["minutes_after"])),
            )
        )  # fmt: skip
    session.flush()


def _reject(
    session: Session, row: Comment, decision: dict[str, str], rules: dict[str, Rule], people: dict[str, int]
) -> None:
    """Through the same decision a moderator makes, so that the ledger and the statement are real."""
    from blueprints.moderation.service import reject_comment

    reject_comment(
        session, comment_id=row.id, revision=row.revision, actor_id=people["mo"],
        rule_id=rules[decision["rule"]].id, note=decision.get("note", ""),
    )  # fmt: skip


