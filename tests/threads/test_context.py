"""A comment opened by its address: its context wherever it stands, the way to the whole thread, and what that costs."""

import re

import pytest
from flask import Flask

from blueprints.threads.context import ANCESTORS_SHOWN, SIBLINGS_SHOWN
from blueprints.threads.ordering import FIRST_REPLIES, REPLIES_PER_PAGE, ROOTS_PER_PAGE, SORTS
from blueprints.threads.page import thread_fragment
from blueprints.threads.shared import ROOTS_ABOVE
from core.db import db
from core.viewer import GUEST
from models.article import Article
from models.user import User
from tests.browser import Browser, text_of
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, respect, say

pytestmark = pytest.mark.usefixtures("app")


def order(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'<article class="comment[^"]*" id="comment-(\d+)"', page)]


def chain(article: Article, author: User, length: int, *, to: int | None = None) -> list[int]:
    """Comments of which each answers the one before."""
    made: list[int] = []
    for _ in range(length):
        to = say(article, author, to=to)
        made.append(to)
    return made


def opened(client: Browser, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.once
def test_what_stands_further_in_is_continued_on_the_page_of_its_comment(client: Browser) -> None:
    article, ann = make_talk(), make_member("Ann Arbour")
    talk = chain(article, ann, 7)
    page = opened(client, f"/articles/{article.slug}")
    assert order(page) == talk[:4]
    assert f'href="/comments/{talk[3]}">Continue this thread<span class="visually-hidden"> under the comment of Ann' in page
    assert "more repl" not in page  # there is nothing else
    page = opened(client, f"/comments/{talk[3]}")
    assert order(page) == [talk[0], talk[1], talk[2], talk[3], talk[4]]
    assert f'href="/comments/{talk[4]}">Continue this thread' in page


def test_more_replies_come_without_those_that_are_continued_elsewhere(client: Browser) -> None:
    article, ann = make_talk(), make_member()
    root = say(article, ann)
    deep = chain(article, ann, 8, to=root)
    flat = [say(article, ann, to=root) for _ in range(3)]
    page = opened(client, f"/articles/{article.slug}")
    assert order(page) == [root, *deep[:3]]
    assert ">Show more replies<" in page  # how many of the rest stand further in nobody has counted
    link = re.search(r'href="([^"]+)" data-more', page)
    assert link is not None
    more = client.get(link[1], headers={"X-Requested-With": "fetch"}).get_data(as_text=True)
    assert order(more) == flat


@pytest.mark.once
def test_a_reply_shows_what_it_answers_what_stands_beside_it_and_its_replies(client: Browser) -> None:
    article, ann = make_talk(), make_member()
    root = say(article, ann)
    beside = [say(article, ann, to=root) for _ in range(9)]
    target = beside[4]
    inner = [say(article, ann, to=target) for _ in range(2)]
    say(article, ann, to=beside[3])
    page = opened(client, f"/comments/{target}")
    shown = beside[4 - SIBLINGS_SHOWN : 4], beside[5 : 5 + SIBLINGS_SHOWN]
    assert order(page) == [root, *shown[0], target, *inner, *shown[1]]
    assert re.findall(r'class="comment is-target" id="comment-(\d+)"[^>]* autofocus', page) == [str(target)]
    assert f'href="/comments/{root}">Earlier replies</a>' in page
    assert f'href="/comments/{beside[3]}">Show 1 reply</a>' in page
    later = re.search(rf'href="(/comments/{root}\?after=[^"]+)">More replies', page)
    assert later is not None
    assert order(opened(client, later[1])) == [root, *beside[5 + SIBLINGS_SHOWN :]]
    assert f'href="/articles/{article.slug}?at={target}#comment-{target}"' in page


def test_a_very_deep_comment_shows_the_beginning_and_what_led_to_it(client: Browser) -> None:
    article, ann = make_talk(), make_member("Ann Arbour")
    talk = chain(article, ann, 60)
    for at in (20, 49, 50, 51, 58):
        page = opened(client, f"/comments/{talk[at]}")
        above = [talk[0], *talk[at - ANCESTORS_SHOWN : at]]
        assert order(page)[: len(above) + 1] == [*above, talk[at]], at
        assert talk[at + 1] in order(page)
        between = at - ANCESTORS_SHOWN - 1
        assert f'href="/comments/{above[1]}">Show the {between} comments between</a>' in page
        assert page.count('class="comment__to"') >= ANCESTORS_SHOWN  # those that stand below each other name each other


def test_the_page_of_a_comment_costs_the_same_anywhere(app: Flask, client: Browser) -> None:
    article, ann = make_talk(), make_member()
    reader = Browser(app).sign_in(make_member())

    def cost(comment_id: int) -> int:
        reader.get(f"/comments/{comment_id}")
        with statements() as sent:
            reader.get(f"/comments/{comment_id}")
        return len(sent)

    root = say(article, ann)
    small = say(article, ann, to=root)
    say(article, ann, to=small)
    costs = {cost(small)}
    wide = [say(article, ann, to=root) for _ in range(40)]
    deep = chain(article, ann, 30, to=wide[20])
    for _ in range(REPLIES_PER_PAGE + 5):
        say(article, ann, to=deep[20])
    costs |= {cost(wide[30]), cost(deep[20]), cost(small)}
    assert len(costs) == 1, costs
    assert costs.pop() <= 9


def test_the_whole_thread_opens_at_the_comment_in_every_order(app: Flask, client: Browser) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    roots = [say(article, ann) for _ in range(2 * ROOTS_PER_PAGE + 9)]
    for root in roots[::3]:
        respect(root, bob)
    for root in roots[1::5]:
        say(article, ann, to=root)
    replies = [say(article, ann, to=roots[60]) for _ in range(FIRST_REPLIES + 4)]
    everything = {
        sort: [found for found in whole(client, article, sort) if found in set(roots)] for sort in SORTS
    }  # fmt: skip
    for sort, all_roots in everything.items():
        assert sorted(all_roots) == roots
        for root in (all_roots[0], all_roots[2], all_roots[75], all_roots[-1]):
            page = opened(client, f"/articles/{article.slug}?sort={sort}&at={root}")
            shown = [found for found in order(page) if found in set(roots)]
            begins = max(0, all_roots.index(root) - ROOTS_ABOVE)
            assert shown == all_roots[begins : begins + ROOTS_PER_PAGE]
    target = replies[-1]
    page = opened(client, f"/articles/{article.slug}?at={target}")
    assert order(page).count(target) == 1
    assert order(page)[order(page).index(roots[60]) :][: 2 + SIBLINGS_SHOWN] == [
        roots[60], *replies[-1 - SIBLINGS_SHOWN : -1], target,
    ]  # fmt: skip
    assert f'href="/comments/{roots[60]}">Show all {FIRST_REPLIES + 4} replies</a>' in page


def whole(client: Browser, article: Article, sort: str) -> list[int]:
    """Every comment met by going on from page to page; each page leads back to the one before."""
    address: str | None = f"/articles/{article.slug}?sort={sort}"
    seen: list[int] = []
    pages: list[list[int]] = []
    while address:
        page = opened(client, address)
        pages.append(order(page))
        seen += pages[-1]
        if back := re.search(r'rel="prev" href="([^"#]+)', page):
            assert order(opened(client, back[1].replace("&amp;", "&"))) == pages[-2]
        found = re.search(r'rel="next" href="([^"#]+)', page)
        address = found[1].replace("&amp;", "&") if found else None
    return seen


def test_a_page_deep_in_the_thread_costs_what_the_first_costs(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    for _ in range(3):
        say(article, ann, to=say(article, ann))
    first = say(article, ann)
    known, viewer = facts(article), as_viewer(bob)
    with app.test_request_context("/"), statements() as small:
        thread_fragment(known, viewer, at=first, sort="oldest")
    for _ in range(ROOTS_PER_PAGE + 20):
        say(article, ann)
    far = chain(article, ann, 12)[-1]
    known = facts(article)
    with app.test_request_context("/"), statements() as large:
        thread_fragment(known, viewer, at=far, sort="oldest")
    assert len(large) <= 9, large
    assert len(small) <= len(large)
    if db.engine.dialect.name == "sqlite":  # PostgreSQL chooses by the size of the table
        for statement in large:
            plan = db.session().connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", (1,) * statement.count("?")
            )
            steps = "; ".join(row[3] for row in plan)
            assert not re.search(r"SCAN comment\b|TEMP B-TREE FOR ORDER BY; SEARCH comment\b", steps), (statement, steps)


def test_only_what_can_be_read_in_this_thread_opens_it(app: Flask, client: Browser) -> None:
    article, other, ann = make_talk(), make_talk(), make_member()
    one, elsewhere, held = say(article, ann), say(other, ann, "Words of another thread."), say(article, ann, "Held words.")
    change(held, "withheld")
    plain = order(opened(client, f"/articles/{article.slug}"))
    for at in (elsewhere, held, 999_999, "x", "-1", 2**40):
        page = opened(client, f"/articles/{article.slug}?at={at}")
        assert order(page) == plain == [one]
        assert "Words of another" not in page
        assert "Held words" not in page
    with app.test_request_context("/"):
        hidden = make_talk(thread_values={"state": "hidden"})
        assert thread_fragment(facts(hidden), GUEST, at=one).html == ""


def test_somebody_who_may_not_see_the_discussion_sees_nothing_of_the_context(app: Flask, client: Browser) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member("Bob Harbour")
    root = say(article, ann, "What stands above.")
    mine = say(article, bob, "What I said myself.", to=root)
    say(article, ann, "What stands below.", to=mine)
    change(mine, "rejected")
    assert "What stands above." in text_of(client.get(f"/comments/{mine}"))
    change(root, "rejected")
    words = text_of(Browser(app).sign_in(bob).get(f"/comments/{mine}"))
    assert "What I said myself." in words
    assert "What stands above." not in words
