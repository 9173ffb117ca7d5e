"""Discussions as programs get them: the same pages, and nothing that a reader could not see there."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import update

from blueprints.following.service import mute
from blueprints.threads.ordering import INDENT_LEVELS, REPLIES_PER_PAGE, ROOTS_PER_PAGE
from core.db import transaction
from models.thread import Thread
from tests.api.asking import Program, with_key
from tests.browser import Browser
from tests.factories import make_article, make_site, make_user, viewer_of
from tests.threads.counting import statements
from tests.threads.talk import change, make_member, make_talk, respect, say


def walked(program: Program, path: str) -> Iterator[dict[str, object]]:
    """Every comment of a discussion, by following what the API gives and nothing else."""
    page: str | None = path
    while page:
        value = program.read(page)
        for root in value["items"]:
            yield root
            yield from root["first_replies"]
            for one in (root, *root["first_replies"]):
                if one["more_replies"]:
                    yield from below(program, one["more_replies"])
        page = value["next"]


def below(program: Program, path: str | None) -> Iterator[dict[str, object]]:
    while path:
        value = program.read(path)
        for one in value["items"]:
            yield one
            if one["more_replies"]:
                yield from below(program, one["more_replies"])
        path = value["next"]


@pytest.mark.parametrize("sort", ["best", "newest", "oldest", "discussed"])
def test_following_the_addresses_given_meets_every_comment_once(app: Flask, sort: str) -> None:
    talk, member, other = make_talk(), make_member(), make_member()
    roots = [say(talk, member) for _ in range(ROOTS_PER_PAGE + 3)]
    every = set(roots)
    for root in roots[:2]:
        deep = root
        for _ in range(INDENT_LEVELS + 6):
            deep = say(talk, other, to=deep)
            every.add(deep)
        every |= {say(talk, member, to=root) for _ in range(5)}
    wide = roots[5]
    every |= {say(talk, other, to=wide) for _ in range(REPLIES_PER_PAGE + 8)}
    for root in roots[10:14]:
        respect(root, other)
    met = [one["id"] for one in walked(Program(app), f"articles/{talk.slug}/comments?sort={sort}")]
    assert len(met) == len(set(met))
    assert set(met) == every


def test_a_page_of_the_api_has_the_comments_of_the_page_in_their_order(app: Flask) -> None:
    talk, member, other = make_talk(), make_member(), make_member()
    for _ in range(6):
        root = say(talk, member)
        for _ in range(5):
            say(talk, other, to=root)
        respect(root, other)
    html = Browser(app).get(f"/articles/{talk.slug}?sort=best").get_data(as_text=True)
    value = Program(app).read(f"articles/{talk.slug}/comments?sort=best")
    ids = [one["id"] for root in value["items"] for one in (root, *root["first_replies"])]
    places = [html.index(f'id="comment-{number}"') for number in ids]
    assert places == sorted(places)
    assert len(re.findall(r'id="comment-\d', html)) == len(ids)
    assert value["count"] == 36


def test_a_comment_says_what_its_reader_may_know(app: Flask) -> None:
    talk, author, reader = make_talk(), make_member("Vic Open", page_is_open=True), make_user()
    root = say(talk, author, "Some *words*.")
    answer = say(talk, make_member("Cas Closed"), "An answer.", to=root)
    respect(root, reader)
    program = with_key(app, reader)
    value = program.read(f"comments/{root}")
    assert value["html"].startswith('<p dir="auto">Some <em>words</em>.')
    assert value["posted_at"].endswith("Z")
    assert value["author"] == {
        "name": "Vic Open", "id": author.id, "url": f"http://localhost/readers/{author.id}-vic-open", "badge": "VIP", "line": "",
    }  # fmt: skip
    assert (value["respects"], value["respected"], value["replies"]) == (1, True, 1)
    assert (value["parent_id"], value["root_id"], value["depth"]) == (None, root, 0)
    assert (value["state"], value["reason"]) == ("published", "")
    assert value["url"] == f"http://localhost/comments/{root}"
    assert value["article"] == talk.slug
    below = program.read(value["more_replies"])["items"][0]
    assert (below["id"], below["parent_id"], below["root_id"]) == (answer, root, root)
    assert below["author"]["id"] is None  # their page is closed
    assert Program(app).read(f"comments/{root}")["respected"] is False


@pytest.mark.once
def test_what_is_not_published_is_its_authors_alone(app: Flask) -> None:
    talk, author = make_talk(), make_member("Hel Dalone")
    held, gone, deleted = (say(talk, author, f"Words of {name}.") for name in ("the held", "the removed", "the deleted"))
    change(held, "withheld")
    change(gone, "rejected")
    change(deleted, "deleted")
    strangers = [Program(app), with_key(app, make_member()), with_key(app, make_user(roles=("moderator",)))]
    for program in strangers:
        answer = program.ask(f"articles/{talk.slug}/comments")
        assert answer.json["items"] == answer.json["waiting"] == []
        assert answer.json["count"] == 0
        assert "Words of" not in answer.get_data(as_text=True)
        assert program.refused(f"comments/{held}", 404) == "not_found"
        assert program.refused(f"comments/{gone}", 410) == "gone"
        assert program.refused(f"comments/{deleted}", 410) == "gone"
        assert program.refused(f"comments/{held}/replies", 404) == "not_found"
    own = with_key(app, author)
    waiting = {one["id"]: one for one in own.read(f"articles/{talk.slug}/comments")["waiting"]}
    assert waiting.keys() == {held, gone}
    assert (waiting[held]["state"], waiting[gone]["state"]) == ("held", "removed")
    assert "the held" in waiting[held]["html"]
    assert waiting[held]["reason"] == "A person reads this before it appears."
    assert own.read(f"comments/{held}")["state"] == "held"


def test_a_tombstone_has_no_words_and_a_deleted_one_no_name(app: Flask) -> None:
    talk, author, other = make_talk(), make_member("Tom Stone", page_is_open=True), make_member()
    removed, deleted, held = (say(talk, author, f"Secret number {number}.") for number in range(3))
    for parent in (removed, deleted, held):
        say(talk, other, to=parent)
    change(removed, "rejected")
    change(deleted, "deleted")
    change(held, "withheld")
    answer = Program(app).ask(f"articles/{talk.slug}/comments?sort=oldest")
    assert "Secret" not in answer.get_data(as_text=True)
    roots = {root["id"]: root for root in answer.json["items"]}
    assert {number: root["state"] for number, root in roots.items()} == {removed: "removed", deleted: "deleted", held: "held"}
    assert all(root["html"] == "" and len(root["first_replies"]) == 1 for root in roots.values())
    assert roots[deleted]["author"] is None
    assert roots[removed]["author"]["id"] is None
    assert Program(app).read(f"comments/{removed}")["html"] == ""


def test_a_comment_without_its_name_tells_nobody_who_wrote_it(app: Flask) -> None:
    talk, author, reader = make_talk(), make_member("Nam Eless", page_is_open=True), make_user()
    comment = say(talk, author, "Words that stay.")
    with transaction() as session:
        mute(session, viewer_of(reader), author.id)
    assert with_key(app, reader).read(f"comments/{comment}")["muted"] is True
    Browser(app).sign_in(author).post(f"/comments/{comment}/delete", {"words": "keep"})
    for program in (Program(app), with_key(app, reader)):
        answer = program.ask(f"articles/{talk.slug}/comments")
        assert "Eless" not in answer.get_data(as_text=True)
        one = answer.json["items"][0]
        assert one["author"] == {"name": "Name withdrawn", "id": None, "url": None, "badge": "", "line": ""}
        assert one["muted"] is False  # a fold would tell
        assert "Words that stay" in one["html"]


def test_who_is_muted_is_folded_for_who_muted_them_alone(app: Flask) -> None:
    talk, loud, reader = make_talk(), make_member(), make_user()
    comment = say(talk, loud, "Loud words.")
    with transaction() as session:
        mute(session, viewer_of(reader), loud.id)
    for program in (with_key(app, reader), Program(app, session_of=reader)):
        one = program.read(f"articles/{talk.slug}/comments")["items"][0]
        assert (one["muted"], one["html"]) == (True, "")
        opened = program.read(f"comments/{comment}")
        assert opened["muted"] is True
        assert "Loud words" in opened["html"]
    assert "Loud words" in Program(app).read(f"articles/{talk.slug}/comments")["items"][0]["html"]


def test_a_hidden_discussion_and_its_comments_are_not_there(app: Flask) -> None:
    talk, member = make_talk(), make_member()
    comment = say(talk, member)
    with transaction() as session:
        session.execute(update(Thread).values(state="hidden"))
    for program in (Program(app), with_key(app, make_member()), with_key(app, make_user(roles=("editor",)))):
        assert program.refused(f"articles/{talk.slug}/comments", 404) == "not_found"
        assert program.refused(f"comments/{comment}", 404) == "not_found"
        assert program.refused(f"comments/{comment}/replies", 404) == "not_found"
    own = with_key(app, member)
    assert own.read(f"comments/{comment}/replies")["items"] == []


def test_an_article_without_a_discussion_has_none(app: Flask) -> None:
    make_site()
    assert Program(app).refused(f"articles/{make_article(thread=False).slug}/comments", 404) == "not_found"
    assert Program(app).refused("comments/2147483647", 404) == "not_found"
    assert Program(app).refused("comments/2147483648", 404) == "not_found"


def test_what_a_page_costs_does_not_grow_with_the_discussion(app: Flask) -> None:
    talk, member = make_talk(), make_member()
    root = say(talk, member)
    say(talk, member, to=root)
    programs = {"visitor": Program(app), "reader": with_key(app, make_member())}

    def costs() -> dict[str, int]:
        found = {}
        for who, program in programs.items():
            for name, path in (("page", f"articles/{talk.slug}/comments"), ("one", f"comments/{root}"), ("replies", f"comments/{root}/replies")):
                program.ask(path)
                with statements() as sent:
                    program.read(path)
                found[f"{who} {name}"] = len([one for one in sent if "rate_count" not in one])
        return found

    before = costs()
    for _ in range(8):
        other = make_member()
        for _ in range(3):
            say(talk, other, to=say(talk, other))
        say(talk, other, to=root)
    assert costs() == before
    assert before == {
        "visitor page": 3, "visitor one": 4, "visitor replies": 5, "reader page": 5, "reader one": 6, "reader replies": 7,
    }  # fmt: skip
