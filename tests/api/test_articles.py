"""Articles as programs get them: never more than their reader may read."""

from datetime import timedelta

import pytest
from flask import Flask

from blueprints.api.stories import LISTED
from core import clock
from models.article import Article
from models.user import User
from tests.api.asking import Program, with_key
from tests.factories import make_article, make_entitlement, make_plan, make_section, make_site, make_user
from tests.threads.counting import statements
from tests.threads.talk import make_member, say

SECRET = "the words behind the gate"


def gated(audience: str, **values: object) -> Article:
    return make_article(
        f"For {audience}", read_audience=audience, body_html=f"<p>For all.</p>\n<p>{SECRET}</p>",
        preview_html="<p>For all.</p>", **values,
    )  # fmt: skip


def lapsed() -> User:
    user, now = make_user(), clock.now()
    make_entitlement(user, make_plan(), starts_at=now - timedelta(days=9), ends_at=now - timedelta(days=1))
    return user


def test_articles_are_listed_newest_first_each_once(app: Flask) -> None:
    make_site()
    economy, now = make_section("Economy", slug="economy"), clock.now()
    made = [
        make_article(f"Story {number}", section=economy if number % 2 else make_section(), published_at=now - timedelta(minutes=number // 3))
        for number in range(9)
    ]  # fmt: skip
    program, seen, page = Program(app), list[str](), "articles?limit=2"
    while page:
        value = program.read(page)
        assert len(value["items"]) <= 2
        seen += [item["slug"] for item in value["items"]]
        page = value["next"]
    newest = sorted(made, key=lambda article: (article.published_at, article.id), reverse=True)
    assert seen == [article.slug for article in newest]
    value = program.read("articles?section=economy")
    assert {item["section"]["slug"] for item in value["items"]} == {"economy"}
    assert len(value["items"]) == 4
    assert value["next"] is None


def test_a_list_is_as_long_as_asked_for_and_never_longer_than_it_may_be(app: Flask) -> None:
    make_site()
    section = make_section()
    for number in range(LISTED + 2):
        make_article(f"Story {number}", section=section)
    program = Program(app)
    first = program.read("articles")
    assert len(first["items"]) == LISTED
    assert "section" not in first["next"]
    assert len(program.read(first["next"])["items"]) == 2
    assert len(program.read("articles?limit=50")["items"]) == LISTED + 2
    again = program.read(f"articles?section={section.slug}&limit=3")
    assert f"section={section.slug}" in again["next"]
    assert "limit=3" in again["next"]


@pytest.mark.once
def test_what_is_not_published_is_nowhere_whoever_asks(app: Flask) -> None:
    make_site()
    author = make_user(roles=("author",))
    hidden = [
        make_article("A draft", state="draft", published_at=None, author_id=author.id),
        make_article("Taken back", state="unpublished", author_id=author.id),
    ]  # fmt: skip
    programs = [
        Program(app), with_key(app, author), Program(app, session_of=author), Program(app, session_of=make_user(roles=("editor",)))
    ]  # fmt: skip
    for program in programs:
        assert program.read("articles")["items"] == []
        for article in hidden:
            assert program.refused(f"articles/{article.slug}", 404) == "not_found"
            assert program.refused(f"articles/{article.slug}/comments", 404) == "not_found"


@pytest.mark.once
@pytest.mark.parametrize("audience", ["everyone", "registered", "members", "plans:gold"])
def test_a_text_behind_the_gate_leaves_for_those_alone_who_may_read_it(app: Flask, audience: str) -> None:
    make_site()
    make_plan("gold", "Gold", 2)
    article, unconfirmed = gated(audience), make_user(confirmed=False)
    readable = {
        "everyone": {"visitor", "unconfirmed", "reader", "lapsed", "member", "staff"}, "registered": {"reader", "lapsed", "member", "staff"},
        "members": {"member"}, "plans:gold": set(),
    }[audience]  # fmt: skip
    people = {"reader": make_user(), "lapsed": lapsed(), "member": make_member(), "staff": make_user(roles=("editor",))}
    programs = {"visitor": Program(app), "unconfirmed": Program(app, session_of=unconfirmed)}
    programs |= {who: with_key(app, user) for who, user in people.items()}
    reasons = {}
    for who, program in programs.items():
        answer = program.ask(f"articles/{article.slug}")
        value = answer.json
        assert (SECRET in answer.get_data(as_text=True)) == (who in readable), who
        assert value["cut"] == (who not in readable)
        assert value["may"]["read"]["allowed"] == (who in readable)
        assert value["may"]["read"]["audience"] == audience
        reasons[who] = value["may"]["read"]["reason"]
    if audience == "everyone":
        assert set(reasons.values()) == {"open"}
    else:
        assert reasons["visitor"] == "guest"
        assert reasons["unconfirmed"] == ("unconfirmed" if audience == "registered" else "audience")
        assert {reasons[who] for who in readable} <= {"granted"}


def test_staff_read_with_a_session_what_they_read_on_pages_and_with_a_key_what_readers_read(app: Flask) -> None:
    make_site()
    article, editor = gated("members"), make_user(roles=("editor",))
    assert SECRET in Program(app, session_of=editor).ask(f"articles/{article.slug}").get_data(as_text=True)
    assert SECRET not in with_key(app, editor).ask(f"articles/{article.slug}").get_data(as_text=True)


def test_an_article_opens_to_all_at_its_moment(app: Flask) -> None:
    make_site()
    article = gated("members", opens_to_all_at=clock.now() + timedelta(minutes=1))
    program = Program(app)
    first = program.ask(f"articles/{article.slug}")
    assert SECRET not in first.get_data(as_text=True)
    clock.shift(timedelta(minutes=2))
    try:
        second = program.ask(f"articles/{article.slug}", If_None_Match=first.headers["ETag"])
    finally:
        clock.shift(timedelta())
    assert second.status_code == 200
    assert SECRET in second.get_data(as_text=True)
    assert second.json["may"]["read"] == {"allowed": True, "reason": "open", "audience": "members"}


def test_the_gates_answers_on_taking_part_are_those_of_the_house(app: Flask) -> None:
    make_site(comment_audience="members", respect_audience="registered")
    open_one, closed = make_article("Open"), make_article("Closed", thread_values={"state": "closed"})
    hidden, silent = make_article("Hidden", thread_values={"state": "hidden"}), make_article("Silent", thread=False)

    def words(program: Program, article: Article) -> tuple[str, str]:
        may = program.read(f"articles/{article.slug}")["may"]
        return may["comment"]["reason"], may["respect"]["reason"]

    reader, member = with_key(app, make_user()), with_key(app, make_member())
    assert words(Program(app), open_one) == ("guest", "guest")
    assert words(reader, open_one) == ("audience", "granted")
    assert words(member, open_one) == ("granted", "granted")
    assert words(member, closed) == ("closed", "granted")
    assert words(member, hidden) == ("hidden", "gone")
    assert words(member, silent) == ("no_thread", "no_thread")
    assert member.read(f"articles/{hidden.slug}")["discussion"] is None
    assert member.read(f"articles/{silent.slug}")["discussion"] is None
    there = member.read(f"articles/{open_one.slug}")["discussion"]
    assert there == {"state": "open", "comments": 0, "url": f"http://localhost/api/v1/articles/{open_one.slug}/comments"}


def test_a_quoted_comment_is_not_handed_out_with_the_text(app: Flask) -> None:
    make_site()
    talk, member = make_article("The talk"), make_member()
    comment = say(talk, member, "Somebody's own words.")
    article = make_article("The story", body_html=f"<p>Before.</p>\n<p>[[comment {comment}]]</p>\n<p>Behind.</p>", quote_count=1)
    assert Program(app).read(f"articles/{article.slug}")["html"] == "<p>Before.</p>\n<p>Behind.</p>"


def test_what_it_costs_does_not_grow_with_what_there_is(app: Flask) -> None:
    make_site()
    article = make_article("The first")
    visitor, reader = Program(app), with_key(app, make_member())

    def costs() -> dict[str, int]:
        found = {}
        for who, program in (("visitor", visitor), ("reader", reader)):
            for path in ("articles", f"articles/{article.slug}", "me"):
                program.ask(path)
                with statements() as sent:
                    program.read(path)
                found[f"{who} {path.partition('/')[0] if path != 'articles' else 'list'}"] = len(
                    [one for one in sent if "rate_count" not in one]
                )
        return found

    before = costs()
    for number in range(12):
        make_article(f"Story {number}")
    assert costs() == before
    assert before == {
        "visitor list": 2, "visitor articles": 1, "visitor me": 0, "reader list": 3, "reader articles": 2, "reader me": 1,
    }  # fmt: skip
