"""The thread as the article's page shows it."""

import re
from html.parser import HTMLParser

import pytest
from flask import Flask

from blueprints.threads import queries_branch
from blueprints.threads.drafts import DraftOwner, save_draft
from blueprints.threads.ordering import FIRST_REPLIES, ROOTS_PER_PAGE, SORTS
from blueprints.threads.page import ThreadPage, thread_fragment
from core.db import db, transaction
from core.viewer import GUEST
from models.article import Article
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_rule, make_section, make_site, make_user
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, respect, say

pytestmark = pytest.mark.usefixtures("app")


def page(app: Flask, article: Article, user: User | None = None, **asked: str | None) -> ThreadPage:
    with app.test_request_context(f"/articles/{article.slug}"):
        return thread_fragment(facts(article), as_viewer(user) if user else GUEST, **asked)  # type: ignore[arg-type]


def ids(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'<article class="comment[^"]*" id="comment-(\d+)"', html)]


def text_in(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()


def cursor(found: ThreadPage) -> str | None:
    match = re.search(r"after=([^#&]+)", found.next_url or "")
    return match and match[1]


def test_pages_neither_skip_nor_repeat_a_root_in_any_order(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    roots = [say(article, ann) for _ in range(ROOTS_PER_PAGE + 7)]
    for root in roots[::3]:
        respect(root, bob)
    for sort in SORTS:
        first = page(app, article, sort=sort)
        second = page(app, article, sort=sort, after=cursor(first))
        assert len(ids(first.html)) == ROOTS_PER_PAGE
        assert sorted(ids(first.html) + ids(second.html)) == roots
        assert second.next_url is None
    assert ids(page(app, article, sort="newest").html)[0] == roots[-1]
    assert ids(page(app, article, sort="oldest").html)[0] == roots[0]
    assert set(ids(page(app, article).html)[: len(roots[::3])]) == set(roots[::3])


@pytest.mark.once
@pytest.mark.parametrize("rubbish", ["", "x", "!!!!", "bi45OTk5OTk5OTk5OTk5OTk5OTk5", "é", "a" * 2000, "Yi4xLm5hbg"])
def test_a_damaged_cursor_shows_the_first_page(app: Flask, rubbish: str) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    for sort in (*SORTS, "nonsense"):
        assert ids(page(app, article, sort=sort, after=rubbish).html) == [one]


def test_a_root_shows_its_first_replies_and_says_how_many_more_there_are(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    root = say(article, ann)
    replies = [say(article, ann, to=root) for _ in range(FIRST_REPLIES + 2)]
    say(article, ann)
    html = page(app, article, sort="oldest").html
    assert ids(html)[: FIRST_REPLIES + 1] == [root, *replies[:FIRST_REPLIES]]
    assert "Show 2 more replies" in html
    change(replies[-1], "rejected")
    assert "Show 1 more reply<" in page(app, article, sort="oldest").html
    change(replies[-2], "rejected")
    assert "more repl" not in page(app, article, sort="oldest").html


def test_replies_are_nested_three_deep_and_their_headings_say_whom_they_answer(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member("Bob Harbour")
    root = say(article, ann)
    one = say(article, bob, to=root)
    two = say(article, ann, to=one)
    three = say(article, bob, to=two)
    html = page(app, article).html
    assert ids(html) == [root, one, two, three]
    assert re.findall(r'<ol class="comments" id="replies-(\d+)">', html) == [str(root), str(one), str(two)]
    heading = html.partition(f'id="who-{one}">')[2].partition("</h3>")[0]
    assert text_in(heading).startswith("Bob Harbour VIP member , in reply to Ann Arbour , ")
    assert 'class="comment__to"' not in html  # to see, it stands in the list of what it answers
    assert [f">Hide {held}<" in html for held in ("3 replies", "2 replies", "1 reply")] == [True] * 3


def test_a_page_is_well_formed_whatever_the_shape_of_the_talk(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    root = say(article, ann)
    one = say(article, ann, to=root)
    say(article, ann, to=one)
    say(article, ann, to=root)
    for _ in range(3):
        say(article, ann, to=say(article, ann))

    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.stack: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in {"input", "br"}:
                self.stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.stack.pop() == tag

    reader = Balance()
    reader.feed(page(app, article, ann).html)
    assert reader.stack == []


def test_a_reader_sees_their_own_respect_and_nobody_elses(app: Flask) -> None:
    article, ann, bob, eve = make_talk(), make_member(), make_member(), make_member()
    one = say(article, ann)
    respect(one, bob)
    assert 'aria-pressed="true"' in page(app, article, bob).html
    for other in (eve, None):
        html = page(app, article, other).html
        assert 'aria-pressed="true"' not in html
        assert '<span class="act__count">1</span>' in html


def test_authors_can_edit_and_delete_their_own_and_report_others(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    one = say(article, ann)
    own, other = page(app, article, ann).html, page(app, article, bob).html
    assert f"/comments/{one}/edit" in own
    assert f"/comments/{one}/delete" in own
    assert f"/comments/{one}/report" not in own
    assert f"/comments/{one}/edit" not in other
    assert f"/comments/{one}/report" in other


def test_what_waits_is_seen_by_its_author_only(app: Flask) -> None:
    article, ann, bob = make_talk(thread_values={"premoderated": True}), make_member(), make_member()
    say(article, ann, "These words wait for a moderator.")
    assert "These words wait" in page(app, article, ann).html
    assert "Waiting for a look" in page(app, article, ann).html
    assert "These words wait" not in page(app, article, bob).html
    assert "These words wait" not in page(app, article).html


def test_a_waiting_reply_stands_under_what_it_answers(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    root, later = say(article, ann), say(article, ann)
    reply = say(article, ann, "A reply that waits.", to=root)
    change(reply, "withheld")
    shown = ids(page(app, article, ann, sort="oldest").html)
    assert shown == [root, reply, later]


def test_a_tombstone_names_the_rule_and_keeps_the_words_back(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Loud Larry"), make_member()
    root = say(article, ann, "Something unkind about somebody.")
    reply = say(article, bob, to=root)
    change(root, "rejected")
    html = page(app, article).html
    assert ids(html) == [root, reply]
    assert "Removed by the moderation team" in html
    assert "Something unkind" not in html
    decision = f"/comments/{root}/appeal"
    assert [decision in page(app, article, who).html for who in (None, bob, ann)] == [False, False, True]
    change(root, "deleted")
    assert decision not in page(app, article, ann).html
    html = page(app, article).html
    assert "Deleted by its author. Replies stay readable." in html
    assert "Loud Larry" not in re.sub(r'(?s)<p class="comment__to">.*?</p>', "", html)


def test_names_and_words_are_escaped(app: Flask) -> None:
    make_rule()
    article = make_talk(thread_values={"opening_question": "<script>alert(3)</script>?"})
    eve = make_member("<img src=x onerror=alert(1)>")
    root = say(article, eve, "<script>alert(2)</script> and a \x00 character")
    say(article, make_member(), to=root)
    for person in (None, eve):
        html = page(app, article, person).html
        assert "<script" not in html
        assert "<img" not in html
        assert "\x00" not in html


def test_a_member_page_costs_a_fixed_number_of_statements(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    for _ in range(3):
        say(article, ann)
    known, viewer = facts(article), as_viewer(bob)
    with app.test_request_context("/"):
        with statements() as cold:
            thread_fragment(known, viewer)
        with statements() as warm:
            thread_fragment(known, viewer)
    for _ in range(60):
        say(article, ann, to=say(article, ann))
    known = facts(article)
    with app.test_request_context("/"), statements() as larger:
        thread_fragment(known, viewer)
    assert len(warm) == 1, warm  # what is the reader's own here
    assert len(cold) - len(warm) == 2, cold  # the page of roots and replies, and the plans of their authors
    assert len(larger) == len(cold)


def test_own_waiting_comments_and_drafts_cost_one_statement_each(app: Flask) -> None:
    article, ann = make_talk(thread_values={"premoderated": True}), make_member()
    for _ in range(3):
        say(article, ann)
    with transaction() as session:
        save_draft(session, DraftOwner(user_id=ann.id), article.id, "Half a thought", known=0)
    known, viewer = facts(article), as_viewer(ann)
    with app.test_request_context("/"):
        thread_fragment(known, viewer)
        with statements() as warm:
            html = thread_fragment(known, viewer).html
    assert len(warm) == 3, warm
    assert html.count("Waiting for a look") == 3
    assert "Half a thought</textarea>" in html


def test_hidden_threads_are_shown_to_their_moderators_only(app: Flask) -> None:
    article, ann = make_talk(thread_values={"state": "hidden"}), make_member()
    assert page(app, article, ann).html == ""
    moderator = make_user(roles=("moderator",))
    assert "Only moderators see this discussion" in page(app, article, moderator).html


def test_plan_and_staff_marks_stand_beside_the_names(app: Flask) -> None:
    author = make_user("Dana Whitlock", roles=("author",))
    article = make_talk(author_id=author.id)
    say(article, author)
    say(article, make_user("Mo Derator", roles=("moderator",)))
    say(article, make_member("Vic Tory"))
    html = page(app, article).html
    for kind, word, more in (("author", "Author", "of the story"), ("staff", "Staff", "of the paper"), ("plan", "VIP", "member")):
        assert f'<span class="badge badge--{kind}">{word}<span class="visually-hidden"> {more}</span></span>' in html


def test_moderators_find_the_desk_beside_every_comment_of_their_sections(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    here, elsewhere = make_user(roles=("moderator",)), make_user(roles=("moderator",), sections=(make_section(),))
    assert f"/moderation/comments/{one}" in page(app, article, here).html
    for other in (elsewhere, ann, None):
        assert "/moderation/" not in page(app, article, other).html


@pytest.mark.sqlite  # PostgreSQL chooses by the size of the table
def test_pages_of_roots_are_walks_along_an_index(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    for sort in SORTS:
        with statements() as sent:
            queries_branch.page_of_roots(db.session(), facts(article).thread_id, sort, None, 51)
        plan = db.session().connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {sent[-1]}", (1,) * sent[-1].count("?")
        )
        steps = "; ".join(row[3] for row in plan)
        assert "ix_comment_roots_" in steps, steps
        assert "ix_comment_branch" in steps, steps
        assert "SCAN comment" not in steps, steps


def test_the_author_asks_by_name_and_the_rules_are_one_press_away(app: Flask, client: Browser) -> None:
    make_site(rules_enforced_by="The moderation team, and nobody else.")
    make_rule()
    dana = make_user("Dana Whitlock", roles=("author",))
    article = make_talk(author_id=dana.id, thread_values={"opening_question": "What would change your mind?"})
    answer = client.get(f"/articles/{article.slug}")
    assert "Dana Whitlock asks: What would change your mind?" in text_of(answer)
    rules = re.search(r'<details class="thread__rules">(.*?)</details>', answer.text, re.S)
    assert rules is not None
    assert "The moderation team, and nobody else." in rules[1]
    assert 'href="/rules#stay-on-the-story">Stay on the story</a>' in rules[1]
