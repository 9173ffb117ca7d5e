"""The comments of a gated article, where the publisher keeps them for those who may read it: behind every door."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import select, update

from blueprints.accounts.queries import viewer_with_id
from blueprints.articles.quotations import mark_of
from blueprints.following import queries as following_queries
from blueprints.site.queries import site
from blueprints.threads import modes, policy, watched
from commands.server.looks import Looks
from core import clock
from core.db import db, transaction
from core.mentions import token
from core.viewer import GUEST, EntitlementSpan, Viewer
from jobs.queue import HANDLERS, enqueue
from jobs.worker import run_all
from models.article import Article, ArticleQuote
from models.conversation import ThreadGuest
from models.membership import Entitlement
from models.notice import Follow
from models.site import Site
from models.thread import Comment, Thread
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_entitlement, make_plan, make_section, make_site, make_user, thread_of
from tests.moderation.test_recording import entries
from tests.notifications.test_notice_mail import from_noon_on, later, mails  # noqa: F401
from tests.publisher.rows import form_of, publisher_browser
from tests.threads.counting import statements
from tests.threads.talk import facts, make_talk, say
from tests.threads.test_picks import pick
from tests.threads.test_rules import MEMBER, NOW, PAST, READER, STAFF, comment, thread
from tests.threads.test_search import index_all

WORDS = "Pelicans over the customs house"
WRITER = "Quillan Overstreet"
SENTENCE = "The conversation is for those whom the article is for."
FETCH = {"X-Requested-With": "fetch"}
KINDS = ("visitor", "registered", "lapsed", "member", "staff")
READS = {"member", "staff"}


@pytest.fixture(autouse=True)
def _real_time() -> Iterator[None]:
    yield
    clock.shift(timedelta())


# The rule, without a database


GOLD = Viewer(id=6, confirmed=True, entitlements=(EntitlementSpan("gold", PAST, None, "stripe"),))
LAPSED = Viewer(id=7, confirmed=True, entitlements=(EntitlementSpan("vip", PAST, NOW, "stripe"),))
MUTE_PLAN = Viewer(id=8, confirmed=True, entitlements=(EntitlementSpan("vip", PAST, None, "stripe", frozenset({"comment"})),))
UNCONFIRMED = Viewer(id=5)
EVERYBODY = (GUEST, UNCONFIRMED, READER, LAPSED, MUTE_PLAN, MEMBER, GOLD, STAFF)


@pytest.mark.parametrize(
    ("shown_to", "see"),
    [
        ("everyone", EVERYBODY),
        ("registered", (READER, LAPSED, MUTE_PLAN, MEMBER, GOLD, STAFF)),
        ("members", (MEMBER, GOLD, STAFF)),
        ("plans:gold", (GOLD, STAFF)),
        ("nonsense", (STAFF,)),
    ],
)
def test_the_comments_are_for_the_audience_of_the_article(shown_to: str, see: tuple[Viewer, ...]) -> None:
    for viewer in EVERYBODY:
        refusal = policy.may_see_thread(viewer, thread(shown_to=shown_to), NOW)
        assert (refusal is None) == (viewer in see), viewer
        assert refusal is None or (refusal.code, refusal.status) == ("gated", 403)
        assert policy.may_see_thread(viewer, thread(shown_to=shown_to, opens_to_all_at=NOW), NOW) is None
        later_on = thread(shown_to=shown_to, opens_to_all_at=NOW + timedelta(seconds=1))
        assert (policy.may_see_thread(viewer, later_on, NOW) is None) == (viewer in see)


def test_authors_guests_and_ones_own_words_are_let_through_the_gate() -> None:
    gated = thread(shown_to="members", article_author_id=READER.id)
    assert policy.may_see_thread(READER, gated, NOW) is None
    asked = thread(shown_to="members", takes_questions=True, guest_ids=frozenset({2}))
    assert policy.may_see_thread(READER, asked, NOW) is None
    assert policy.may_see_thread(LAPSED, asked, NOW) is not None
    plain = thread(shown_to="members", comment_audience="registered")
    assert policy.may_see_comment(READER, plain, comment(author_id=2), NOW) is None
    refused = (
        policy.may_see_comment(READER, plain, comment(), NOW), policy.may_see_history(READER, plain, comment(), NOW),
        policy.may_respect(READER, plain, comment(), NOW), policy.may_respect(READER, plain, comment(status="withheld"), NOW),
        policy.may_comment(READER, plain, NOW, replying=True),
    )  # fmt: skip
    assert [one and one.code for one in refused] == ["gated"] * 5
    assert policy.may_comment(READER, plain, NOW) is None
    assert policy.may_report(READER, plain, comment(), NOW) is not None
    hidden = policy.may_see_thread(READER, thread(shown_to="members", state="hidden"), NOW)
    assert hidden is not None
    assert hidden.code == "hidden"


# The same in SQL


@pytest.mark.usefixtures("app")
def test_lists_let_through_what_the_rule_lets_through() -> None:
    make_site(read_audience="registered", comments_shown_to="article_readers")
    vip, gold = make_plan(), make_plan("gold", "Gold", 2)
    quiet = make_plan("quiet", "Quiet", 3, grants_reading=False)
    people = [
        make_user(confirmed=False), make_user(), make_user(plan=vip), make_user(plan=gold), make_user(plan=quiet),
        make_user(roles=("moderator",)),
    ]  # fmt: skip
    ended = make_user()
    make_entitlement(ended, vip, ends_at=clock.now() - timedelta(seconds=5))
    own, members = make_section(), make_section(read_audience="members")
    hour = timedelta(hours=1)
    wanted: list[dict[str, Any]] = [
        {"section": section, "read_audience": audience, "opens_to_all_at": opens and clock.now() + opens}
        for section in (own, members)
        for audience in (None, "everyone", "registered", "members", "plans:gold", "plans:vip, gold", "plans:old")
        for opens in (None, -hour, hour)
    ] + [{"section": members, "author_id": people[0].id}]  # fmt: skip
    articles = [make_article(**values) for values in wanted]
    with transaction() as session:
        thread_id = thread_of(articles[3]).id
        session.execute(update(Thread).where(Thread.id == thread_id).values(takes_questions=True))
        session.add(ThreadGuest(thread_id=thread_id, user_id=people[0].id, position=0, line=""))
    known, now = [facts(article) for article in articles], clock.now()
    ids = [one.thread_id for one in known]
    seen_by = []
    for viewer in (GUEST, *(viewer_with_id(one.id) for one in (*people, ended))):
        seen = {one.thread_id for one in known if policy.may_see_thread(viewer, one, now) is None}
        assert following_queries.threads_read_by(db.session(), viewer, ids) == seen
        seen_by.append(len(seen))
    assert len(set(seen_by)) > 4
    standing = {row.id: bool(row.for_everyone) for row in watched.standing(db.session(), ids, now)}
    assert standing == {one.thread_id: modes.is_for_everyone(one, now) for one in known}


# The doors


@dataclass
class Talk:
    """A discussion under an article for members, with a Pick by somebody whose page is open; quoted elsewhere."""

    app: Flask
    article: Article
    writer: User
    reply: int
    root: int
    picked: int
    people: dict[str, User]
    quoting: Article

    def browser(self, kind: str) -> Browser:
        browser = Browser(self.app)
        return browser.sign_in(self.people[kind]) if kind in self.people else browser


def show_to(whom: str) -> None:
    make_site(comments_shown_to=whom)
    g.pop("site", None)  # what this context has read before


@pytest.fixture
def talk(app: Flask) -> Talk:
    show_to("everyone")
    plan, section = make_plan(), make_section("Ports", slug="ports")
    lapsed = make_user("Lapsed Person", plan=plan)
    people = {
        "registered": make_user(), "lapsed": lapsed, "member": make_user(plan=plan),
        "staff": make_user(roles=("moderator",)),
    }  # fmt: skip
    writer, editor = make_user(WRITER, plan=plan, page_is_open=True), make_user(roles=("editor",))
    article = make_talk(slug="pelicans", section=section, read_audience="members")
    picked = say(article, writer, f"{WORDS}, the first.")
    root = say(article, lapsed, "Where do they nest?")
    reply = say(article, writer, f"{WORDS}, the second.", to=root)
    pick(picked, editor)
    with transaction() as session:
        session.execute(
            update(Entitlement).where(Entitlement.user_id == lapsed.id).values(ends_at=clock.now() - timedelta(seconds=1))
        )
    quoting = make_talk(slug="quoting", section=section, body_html=f"<p>{mark_of(picked)}</p>", quote_count=1)
    with transaction() as session:
        session.add(ArticleQuote(article_id=quoting.id, comment_id=picked))
    index_all()
    return Talk(app, article, writer, reply, root, picked, people, quoting)


def doors(talk: Talk) -> dict[str, tuple[str, ...]]:
    """Addresses that would show the words: one's own pages, pieces for scripts, and what is made once for everybody."""
    one, story = talk.picked, "/articles/pelicans"
    own = (
        story, f"{story}?sort=newest", f"{story}?sort=picks", f"{story}?at={one}", f"/comments/{one}",
        f"/comments/{one}/reply?quote=1", f"/comments/{one}/report", f"/comments/{one}/history", f"/comments/{one}/more",
        "/search?q=first", "/search?q=first&article=pelicans", "/search?q=first&section=ports",
        f"/readers/{talk.writer.id}-quillan-overstreet", f"/api/v1{story}/comments", f"/api/v1/comments/{one}",
        f"/api/v1/comments/{talk.root}/replies",
    )  # fmt: skip
    fetched = (f"/comments/{talk.root}", f"{story}/comments/some?ids={one}")
    for_all = (f"{story}/comments.atom", "/sections/ports", "/sections/ports/picks.atom", "/articles/quoting")
    return {"own": own, "fetched": fetched, "for everybody": for_all}


@pytest.mark.parametrize("kind", KINDS)
def test_no_door_shows_words_to_those_who_may_not_read(talk: Talk, kind: str) -> None:
    browser, wrong = talk.browser(kind), []
    for whom in ("everyone", "article_readers", "everyone"):  # what is kept of the one is not shown under the other
        show_to(whom)
        for sort, paths in doors(talk).items():
            for path in paths:
                answer = browser.get(path, headers=FETCH if sort == "fetched" else {})
                text = answer.get_data(as_text=True)
                shown = whom == "everyone" or (kind in READS and sort != "for everybody")
                named = WRITER in text and not path.startswith("/readers/")
                if (WORDS in text) != shown or (named and not shown) or answer.status_code >= 500:
                    wrong.append(f"{path} with {whom}: {answer.status_code}")
        posted = [
            browser.post("/articles/pelicans/comments", {"body": "An answer to it.", "parent_id": talk.picked}),
            browser.post("/preview", {"body": "Hm.", "article_id": talk.article.id, "parent_id": talk.picked}),
            browser.post("/drafts", {"body": "Hm.", "article_id": talk.article.id, "parent_id": talk.picked}),
            browser.get("/articles/pelicans?welcome=1"), browser.get("/articles/pelicans/people?q=Q"),
            browser.post(f"/comments/{talk.picked}/respect", {"on": "1"}), browser.get("/account/following"),
        ]  # fmt: skip
        if whom != "everyone" and kind not in READS:
            wrong += [f"{one.request.path}" for one in posted if WORDS in one.text or WRITER in one.text]
    assert wrong == []


@pytest.mark.parametrize("kind", ["visitor", "registered", "lapsed", "member"])
def test_the_page_says_whom_the_conversation_is_for_and_leads_there(talk: Talk, kind: str) -> None:
    show_to("article_readers")
    browser = talk.browser(kind)
    for path, status in (("/articles/pelicans", 200), (f"/comments/{talk.picked}", 403)):
        answer = browser.get(path)
        page, words = answer.get_data(as_text=True), text_of(answer)
        assert (SENTENCE in words) == (kind != "member")
        assert (answer.status_code == status) == (kind != "member" or status == 200)
        if kind != "member":
            assert 'href="/join?article=pelicans"' in page
            assert ("Already a member?" in words) == (kind == "visitor")
            assert not [one for one in ("comments.atom", "data-live", 'id="composer"') if one in page]
    assert "3 comments" in text_of(browser.get("/articles/pelicans"))
    assert browser.get("/articles/pelicans/changes?after=0").status_code == (200 if kind == "member" else 403)
    if kind == "member":
        assert 'data-stream="false"' in browser.get("/articles/pelicans").get_data(as_text=True)


def test_who_may_comment_but_not_read_has_the_composer(talk: Talk) -> None:
    show_to("article_readers")
    with transaction() as session:
        session.execute(
            update(Article).where(Article.id == talk.article.id).values(comment_audience="registered", version=Article.version + 1)
        )
    browser = talk.browser("registered")
    page = browser.get("/articles/pelicans")
    assert SENTENCE in text_of(page)
    assert "Post comment" in text_of(page)
    begun = {"body": "I only have a thought.", "article_id": talk.article.id}
    assert browser.post("/drafts", begun, headers=FETCH).get_json()["state"] == "saved"
    page = browser.get("/articles/pelicans?welcome=1").get_data(as_text=True)
    assert "I only have a thought." in page
    assert "autofocus" in page
    assert "data-people" not in page
    assert "Only a thought" in browser.post("/preview", begun | {"body": "Only a thought"}).get_data(as_text=True)
    posted = browser.post("/articles/pelicans/comments", {"body": "I only have a word to add."})
    assert posted.status_code == 303
    assert "a word to add" in text_of(browser.get("/account/comments"))
    own = browser.get(posted.headers["Location"])
    assert "a word to add" in text_of(own)
    assert WORDS not in text_of(own)


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_tried_out_tells_who_takes_part(talk: Talk, kind: str) -> None:
    with transaction() as session:
        session.execute(
            update(Article).where(Article.id == talk.article.id).values(comment_audience="registered", version=Article.version + 1)
        )
    browser = talk.browser(kind)
    for whom in ("everyone", "article_readers"):
        show_to(whom)
        body = f"{token(WRITER.lower())}, with {whom}?"
        answers = [browser.post("/preview", {"body": body, "article_id": talk.article.id})]
        if kind != "visitor":
            answers.append(browser.post("/articles/pelicans/comments", {"body": body}, headers=FETCH))
        for answer in answers:
            told = f"@{WRITER}" in answer.get_data(as_text=True)
            assert told == (whom == "everyone" or kind in READS), (whom, answer.request.path)


def test_ones_own_words_stay_ones_own(talk: Talk) -> None:
    show_to("article_readers")
    browser = talk.browser("lapsed")
    for path in ("/account/comments", f"/comments/{talk.root}", f"/api/v1/comments/{talk.root}"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "Where do they nest?" in answer.get_data(as_text=True)
        assert WORDS not in answer.get_data(as_text=True)


def test_the_moment_that_opens_the_article_opens_its_comments(talk: Talk) -> None:
    show_to("article_readers")
    opens = clock.now() + timedelta(minutes=5)
    with transaction() as session:
        session.execute(update(Article).where(Article.id == talk.article.id).values(opens_to_all_at=opens, version=Article.version + 1))
    visitor, looks = talk.browser("visitor"), Looks(talk.app)
    thread_id = thread_of(talk.article).id
    paths = ("/articles/pelicans", "/sections/ports", "/articles/quoting", "/sections/ports/picks.atom")
    for path in paths * 2:
        assert WORDS not in visitor.get(path).get_data(as_text=True)
    assert looks.facts("pelicans") is None
    assert looks.missed("pelicans", 0) == []
    assert looks.changed({thread_id: (0, 0)})[thread_id][1:] == (False, [])
    clock.shift(timedelta(minutes=6))
    for path in paths * 2:
        assert WORDS in visitor.get(path).get_data(as_text=True)
    assert looks.facts("pelicans") is not None
    assert looks.changed({thread_id: (0, 0)})[thread_id][1]


# What people are told


@pytest.mark.usefixtures("from_noon_on")
def test_notices_and_mails_lead_to_words_they_do_not_quote(talk: Talk) -> None:
    reader, lapsed = talk.browser("lapsed"), talk.people["lapsed"]
    show_to("article_readers")
    follow_branch_of(talk)
    reader.post("/account/notices/feed")
    path = re.findall(r"http://localhost(/feeds/replies/[^<\s]+)", reader.get("/account/notices/settings").text)[0]
    run_all()
    later(minutes=3)
    (mail,) = mails(lapsed)
    places = [reader.get("/account/notices").text, reader.get(path).text, mail.text, mail.html]
    assert all(f"/comments/{talk.reply}" in place or "replied to you" in place for place in places)
    assert not any(WORDS in place for place in places)
    assert WORDS not in reader.get("/account/following").text
    show_to("everyone")
    assert all(WORDS in reader.get(where).text for where in ("/account/notices", path))


@pytest.mark.usefixtures("from_noon_on")
def test_a_mail_written_after_the_switch_quotes_nothing_whatever_its_worker_did_before(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def switch() -> None:
        assert site().comments_shown_to == "everyone"
        make_site(comments_shown_to="article_readers")

    monkeypatch.setitem(HANDLERS, "tests.switch", switch)
    run_all()
    with transaction():
        enqueue("tests.switch")
    later(minutes=3)
    (mail,) = mails(talk.people["lapsed"])
    assert "replied to you" in mail.text
    assert WORDS not in mail.text


def follow_branch_of(talk: Talk) -> None:
    """Somebody whose membership ended still follows what they followed before."""
    with transaction() as session:
        session.add_all(
            Follow(user_id=talk.people["lapsed"].id, kind=kind, target_id=target, created_at=clock.now())
            for kind, target in (("branch", talk.picked), ("thread", thread_of(talk.article).id))
        )


@pytest.mark.parametrize("whom", ["everyone", "article_readers"])
def test_the_daily_mail_quotes_the_best_to_those_who_may_read_it(talk: Talk, whom: str) -> None:
    show_to(whom)
    follow_branch_of(talk)
    with transaction() as session:
        session.execute(update(Comment).where(Comment.id == talk.picked).values(respect_count=3))
    viewer = viewer_with_id(talk.people["lapsed"].id)
    best = following_queries.best_since(db.session(), viewer, clock.now() - timedelta(days=1), 3)
    assert [row.id for row in best] == ([talk.picked] if whom == "everyone" else [])


# The setting


def test_the_publisher_sets_it_and_the_ledger_says_so(app: Flask) -> None:
    make_site()
    _, browser = publisher_browser(app)
    page = browser.get("/publisher/site")
    assert "Who sees the comments of an article that is not for everybody" in text_of(page)
    fields = form_of(page)
    assert fields["comments_shown_to"] == "everyone"
    assert browser.post("/publisher/site", fields | {"comments_shown_to": "nobody"}).status_code == 422
    assert browser.post("/publisher/site", fields | {"comments_shown_to": "article_readers"}).status_code == 303
    assert db.session().scalar(select(Site.comments_shown_to)) == "article_readers"
    *_, before, after = entries()[-1]
    assert (before, after) == ({"comments_shown_to": "everyone"}, {"comments_shown_to": "article_readers"})


def test_an_open_article_asks_no_question_more(talk: Talk) -> None:
    browser, numbers = talk.browser("registered"), []
    for whom in ("everyone", "article_readers"):
        show_to(whom)
        browser.get("/articles/quoting")
        with statements() as sent:
            browser.get("/articles/quoting")
        numbers.append(len(sent))
    assert numbers[0] == numbers[1]
