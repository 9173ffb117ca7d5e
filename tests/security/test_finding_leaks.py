"""Nobody finds, lists or subscribes to what they could not open: every kind of reader against every kind of comment."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from blueprints.threads.picks import pick_comment
from blueprints.threads.search import index
from blueprints.threads.thread_state import set_thread_state
from core.db import transaction
from models.article import Article
from models.user import User
from tests.browser import Browser
from tests.factories import make_section, make_user
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, say

WORD = "marmalade"
OPEN_TO_MODERATORS = {"hidden", "unpublished"}
STATES = ("published", "pending", "withheld", "rejected", "deleted", "hidden", "unpublished")


@pytest.fixture
def paper(app: Flask) -> dict[str, Any]:
    """One picked comment of somebody with an open page, searchable as it stood when everybody could read it."""
    section = make_section("Politics", slug="politics")
    article = make_talk(section=section, slug="the-ministry")
    writer = make_member("Ann Arbour", page_is_open=True)
    comment = say(article, writer, f"I said {WORD}.")
    viewer = as_viewer(make_user(roles=("editor",)))
    with transaction() as session:
        pick_comment(session, viewer, comment, "")
    with transaction() as session:
        index.store(session, index.unknown(session, 0))
    readers: dict[str, User | None] = {
        "visitor": None, "member": make_member(), "writer": writer, "author": make_user(roles=("author",)),
        "moderator elsewhere": make_user(roles=("moderator",), sections=(make_section(),)),
        "moderator": make_user(roles=("moderator",)), "editor": make_user(roles=("editor",)),
    }  # fmt: skip
    return {"article": article, "writer": writer, "comment": comment, "readers": readers}


def put_into(paper: dict[str, Any], state: str) -> None:
    if state == "hidden":
        with transaction() as session:
            set_thread_state(session, facts(paper["article"]).thread_id, "hidden")
    elif state == "unpublished":
        with transaction() as session:
            session.execute(update(Article).where(Article.id == paper["article"].id).values(state="unpublished"))
    elif state != "published":
        change(paper["comment"], state)


@pytest.mark.parametrize("state", STATES)
def test_what_somebody_may_not_read_is_nowhere_to_be_found(app: Flask, paper: dict[str, Any], state: str) -> None:
    put_into(paper, state)
    addresses = {
        "search": f"/search?q={WORD}",
        "search here": f"/search?q={WORD}&article=the-ministry",
        "search section": f"/search?q={WORD}&section=politics",
        "page": f"/readers/{paper['writer'].id}-ann-arbour",
        "picks": "/articles/the-ministry?sort=picks",
        "feed": "/articles/the-ministry/comments.atom",
        "picks feed": "/sections/politics/picks.atom",
        "section": "/sections/politics",
    }
    for name, user in paper["readers"].items():
        browser = Browser(app).sign_in(user) if user else Browser(app)
        for place, address in addresses.items():
            body = browser.get(address).get_data(as_text=True).replace(f'value="{WORD}"', "")
            shown = f"I said {WORD}" in body or f"I said <mark>{WORD}</mark>" in body
            assert shown == may_find(name, state, place), (name, state, place)


def may_find(reader: str, state: str, place: str) -> bool:
    """What the rules say, written down once more."""
    if state == "published":
        return True
    if place in {"feed", "picks feed", "section"}:
        return False  # the same for everybody
    if place == "picks":
        # One's own waiting comments stand above every order of the discussion, with their state.
        waits = reader == "writer" and state in {"pending", "withheld", "rejected"}
        return waits or (state == "hidden" and reader in {"moderator", "editor"})
    if place == "search here" and state == "unpublished":
        return False  # the discussion is searched from its story's page, which is not there
    return state in OPEN_TO_MODERATORS and reader in {"moderator", "editor"}
