"""The desk as moderators meet it, without scripts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from blueprints.moderation import queries_queues, service
from core import clock
from core.db import db, transaction
from core.rendering import date
from models.article import Article
from models.moderation import Appeal
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_section, make_user, thread_of
from tests.moderation.desk import (
    actions,
    actions_on,
    change,
    comment,
    decide,
    make_member,
    make_moderator,
    make_talk,
    play_the_ball,
    reject,
    report,
    say,
    statements,
    waiting,
)


def fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that posts there, as a browser would send them."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.S)
    assert form, f"no form for {action}"
    return dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', form.group()))


def press(client: Browser, page: str, action: str, **values: object):  # type: ignore[no-untyped-def]
    known = fields(page, action)
    known.pop("csrf_token")
    return client.post(action, known | values)


@contextmanager
def counted() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:  # type: ignore[no-untyped-def]
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def mo(client: Browser) -> Browser:
    make_talk()
    return client.sign_in(make_moderator("Mo Adeyemi"))


@pytest.mark.parametrize("path", ["", "/held", "/objections", "/decided", "/people"])
def test_the_desk_is_for_moderators(client: Browser, path: str) -> None:
    make_talk()
    assert client.get(f"/moderation{path}").status_code == 303
    assert client.sign_in(make_user()).get(f"/moderation{path}").status_code == 403


@pytest.mark.once
@pytest.mark.parametrize("path", ["", "/held", "/objections", "/decided", "/people"])
def test_empty_queues_say_so(mo: Browser, path: str) -> None:
    page = mo.get(f"/moderation{path}")
    assert page.status_code == 200
    assert re.search(r"Nothing|No objection|Nobody", text_of(page))


def test_a_case_shows_what_is_needed_to_decide(mo: Browser, app: Flask) -> None:
    talk = make_talk(section=make_section("Harbour"))
    ann, bea, cem = make_member("Ann Droste"), make_member("Bea Lind"), make_member("Cem Arslan")
    first = say(talk, bea, "What I said before.")
    other = say(talk, ann, "Bea cannot count to three.", to=first)
    old = say(talk, make_member(), "An earlier one.")
    report(old, cem)
    reject(old, make_moderator("Flo Okafor"))
    report(other, cem, "abusive", "He insults her.")
    page = text_of(mo.get("/moderation"))
    for words in ("Bea cannot count to three.", "Ann Droste", "What the ministry knew", "Harbour", "What I said before.",
                  "Abusive", "He insults her.", "1 of 1 earlier reports upheld", "Joined"):  # fmt: skip
        assert words in page, words


def test_every_page_tells_moderators_how_much_waits_for_them(client: Browser) -> None:
    mine, other = make_section(), make_section()
    here, there = make_talk(section=mine), make_talk(section=other)
    reported, answered = say(here, make_member()), say(there, make_member())
    report(reported, make_user())
    report(answered, make_user())
    waiting(there, make_member())
    object_to(reject(say(here, make_member()), make_moderator()).action_id)
    limited, free = make_moderator(sections=(mine,)), make_moderator()
    assert waits_for(client, limited) == ["2"] * 3
    assert waits_for(client, free) == waits_for(client, make_user(roles=("publisher",))) == ["4"] * 3
    assert waits_for(client, make_user()) == waits_for(client, make_user(roles=("author",))) == [""] * 3
    tabs = dict(re.findall(r'data-tab="(\w+)"[^>]*>[^<]*<span class="tabs__count">(\d+)', client.sign_in(free).get(
        "/moderation").get_data(as_text=True)))  # fmt: skip
    assert [tabs[name] for name in ("reported", "held", "objections", "illegal")] == ["2", "1", "1", "0"]
    decide(service.dismiss_reports, reported, free)
    assert waits_for(client, limited) == ["1"] * 3


def test_the_desk_that_says_it_queue_by_queue_does_not_say_it_twice(mo: Browser) -> None:
    waiting(make_talk(), make_member())
    assert "masthead__desk" in mo.get("/").get_data(as_text=True)
    assert "masthead__desk" not in mo.get("/moderation").get_data(as_text=True)


def test_more_than_a_hundred_is_not_counted(mo: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries_queues, "waits", lambda session, viewer: 100)
    assert "Moderation , waiting: 99+" in text_of(mo.get("/rules"))


def waits_for(browser: Browser, user: User) -> list[str]:
    """The number in the masthead of the front page, of a story and of another page; empty for none."""
    browser.sign_in(user)
    story = f"/articles/{db.session().scalar(select(Article.slug).order_by(Article.id).limit(1))}"
    pages = [browser.get(path).get_data(as_text=True) for path in ("/", story, "/account")]
    return ["".join(re.findall(r'masthead__count">([^<]*)<', page)) for page in pages]


def object_to(action_id: int) -> None:
    """Let the author object to a decision."""
    row = next(one for one in actions() if one.id == action_id)
    assert row.comment_id
    with transaction() as session:
        session.add(Appeal(action_id=action_id, user_id=comment(row.comment_id).author_id, comment_id=row.comment_id,
                           body="I meant it well.", created_at=clock.now()))  # fmt: skip


def test_the_page_of_a_case_marks_the_queue_it_stands_in(mo: Browser) -> None:
    talk, ann = make_talk(), make_member()
    new, complained, kept, gone = (say(talk, ann) for _ in range(4))
    report(complained, make_user())
    decide(service.dismiss_reports, kept, make_moderator())
    for _ in range(3):
        decide(service.dismiss_reports, say(talk, ann), make_moderator())
    known = say(talk, ann)
    reject(gone, make_moderator())
    stand = {
        "New commenters": new, "Reported": complained, "Decided": kept, "Unreviewed": known,
        "Held": waiting(talk, make_member()),
    }  # fmt: skip
    assert {label: current_tab(mo, comment_id) for label, comment_id in stand.items()} == {x: x for x in stand}
    assert current_tab(mo, gone) == "Decided"
    assert current_tab(mo, gone, "/purge") == "Decided"
    assert current_tab(mo, stand["Held"], "/move") == "Held"
    change(known, "deleted")
    assert current_tab(mo, known) == ""


def current_tab(browser: Browser, comment_id: int, page_of_it: str = "") -> str:
    """The tab that is marked on the page of a case, or on another page of it; empty for none."""
    page = browser.get(f"/moderation/comments/{comment_id}{page_of_it}").get_data(as_text=True)
    found = re.findall(r'aria-current="true">([^<]*)<', page.partition('class="tabs desk__sub"')[2])
    assert len(found) < 2
    return found[0] if found else ""


@pytest.mark.once
def test_a_reported_comment_is_kept_and_the_next_one_comes(mo: Browser) -> None:
    talk, ann = make_talk(), make_member()
    one, two = say(talk, ann), say(talk, ann)
    for comment_id in (one, two):
        report(comment_id, make_user())
    page = mo.get("/moderation").get_data(as_text=True)
    done = press(mo, page, f"/moderation/comments/{one}/keep")
    assert done.status_code == 303
    assert done.headers["Location"].endswith(f"#case-{two}")
    after = mo.follow(done)
    words = text_of(after)
    assert "Kept" in words
    assert f'id="case-{one}"' not in after.get_data(as_text=True)
    undo = press(mo, after.get_data(as_text=True), f"/moderation/actions/{actions()[-1].id}/undo")
    assert "Reports opened again" in text_of(mo.follow(undo))
    assert comment(one).report_count == 1


def test_a_held_comment_is_published(mo: Browser) -> None:
    held = waiting(make_talk(), make_member())
    page = mo.get("/moderation/held").get_data(as_text=True)
    assert press(mo, page, f"/moderation/comments/{held}/publish").status_code == 303
    assert comment(held).status == "published"


@pytest.mark.once
def test_a_rejection_shows_the_statement_first_and_then_sends_it(mo: Browser) -> None:
    first, rule = say(make_talk(), make_member()), play_the_ball()
    page = mo.get(f"/moderation/comments/{first}").get_data(as_text=True)
    at = f"/moderation/comments/{first}/reject"
    shown = press(mo, page, at, rule_id=rule.id, note="Leave his looks out.", preview="1")
    assert shown.status_code == 200
    assert comment(first).status == "published"
    again = shown.get_data(as_text=True)
    assert "Leave his looks out.</textarea>" in again
    assert press(mo, again, at, rule_id=rule.id, note="Leave his looks out.").status_code == 303
    for paragraph in statements(first)[0].text.split("\n\n"):
        assert paragraph in text_of(shown)


def test_a_rejection_without_a_rule_keeps_what_was_typed(mo: Browser) -> None:
    first = say(make_talk(), make_member())
    play_the_ball()
    page = mo.get(f"/moderation/comments/{first}").get_data(as_text=True)
    answer = press(mo, page, f"/moderation/comments/{first}/reject", rule_id="", note="A careful note.")
    assert answer.status_code == 422
    assert "Please choose the rule that was broken." in text_of(answer)
    assert "A careful note.</textarea>" in answer.get_data(as_text=True)


def test_a_stale_decision_is_told_who_was_first(mo: Browser) -> None:
    first, rule = say(make_talk(), make_member()), play_the_ball()
    report(first, make_user())
    page = mo.get("/moderation").get_data(as_text=True)
    reject(first, make_moderator("Flo Okafor"))
    answer = press(mo, page, f"/moderation/comments/{first}/reject", rule_id=rule.id)
    assert answer.status_code == 409
    assert "Already rejected by Flo Okafor just now: Play the ball." in text_of(answer)
    assert actions_on(first) == ["reject"]


def test_our_scripts_get_the_decided_card_and_the_card_again(mo: Browser) -> None:
    held = waiting(make_talk(), make_member())
    page = mo.get("/moderation/held").get_data(as_text=True)
    known = fields(page, f"/moderation/comments/{held}/publish")
    known.pop("csrf_token")
    asking = {"X-Requested-With": "fetch"}
    done = mo.post(f"/moderation/comments/{held}/publish", known, headers=asking)
    assert done.status_code == 200
    assert "<html" not in done.get_data(as_text=True)
    assert "Published" in text_of(done)
    late = mo.post(f"/moderation/comments/{held}/publish", known, headers=asking)
    assert (late.status_code, late.mimetype) == (409, "text/plain")
    assert "Already published by you just now." in late.get_data(as_text=True)
    back = mo.post(f"/moderation/actions/{actions()[-1].id}/undo", headers=asking)
    assert f'id="case-{held}"' in back.get_data(as_text=True)
    assert comment(held).status == "withheld"


def test_a_moderator_with_limits_sees_and_decides_their_sections_only(client: Browser) -> None:
    mine, other = make_section(), make_section()
    here, there = say(make_talk(section=mine), make_member()), say(make_talk(section=other), make_member())
    held_there = waiting(make_talk(section=other), make_member())
    for comment_id in (here, there):
        report(comment_id, make_user())
    client.sign_in(make_moderator(sections=(mine,)))
    page = client.get("/moderation").get_data(as_text=True)
    assert f'id="case-{here}"' in page
    assert f'id="case-{there}"' not in page
    assert f'id="case-{held_there}"' not in client.get("/moderation/held").get_data(as_text=True)
    assert client.get(f"/moderation/comments/{there}").status_code == 404
    stale = {"revision": 1, "status": "published", "last_action_id": 0}
    assert client.post(f"/moderation/comments/{there}/keep", stale).status_code == 403
    assert client.post(f"/moderation/comments/{there}/reject", stale | {"rule_id": play_the_ball().id}).status_code == 403
    assert comment(there).status == "published"


@pytest.mark.once
def test_a_moderators_own_comment_is_shown_without_decisions(client: Browser) -> None:
    me = make_moderator()
    first = say(make_talk(), me)
    page = client.sign_in(me).get(f"/moderation/comments/{first}")
    assert "You wrote this comment, so a colleague decides about it." in text_of(page)
    assert f'action="/moderation/comments/{first}/reject"' not in page.get_data(as_text=True)


def test_an_answer_to_the_moderator_carries_a_warning(client: Browser) -> None:
    me, talk = make_moderator(), make_talk()
    reply = say(talk, make_member(), to=say(talk, me))
    page = text_of(client.sign_in(me).get(f"/moderation/comments/{reply}"))
    assert "This answers a comment of yours. Consider leaving it to a colleague." in page


@pytest.mark.parametrize("queue", ["", "/held"])
def test_a_queue_is_paged_without_losing_or_repeating_a_case(mo: Browser, queue: str) -> None:
    talk, ann = make_talk(), make_member()
    expected = set()
    for number in range(45):
        comment_id = say(talk, ann) if not queue else waiting(talk, ann)
        expected.add(comment_id)
        if not queue:
            for _ in range(1 + number % 3):
                report(comment_id, make_user())
    url, seen = f"/moderation{queue}", []
    for _ in range(4):
        page = mo.get(url).get_data(as_text=True)
        seen += [int(number) for number in re.findall(r'id="case-(\d+)"', page)]
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        if not onward:
            break
        url = onward.group(1)
    assert sorted(seen) == sorted(expected)


def test_a_queue_costs_the_same_number_of_queries_whatever_is_in_it(mo: Browser) -> None:
    talk = make_talk()
    costs = []
    for _ in range(2):
        for _ in range(6):
            comment_id = say(talk, make_member())
            report(comment_id, make_member())
        with counted() as seen:
            assert mo.get("/moderation").status_code == 200
        costs.append(len(seen))
    assert costs[0] == costs[1]
    assert costs[0] <= 28, costs


def test_a_person_has_a_record_and_is_found_by_name(mo: Browser) -> None:
    ann = make_member("Ann Droste")
    first = say(make_talk(), ann)
    reject(first, make_moderator("Flo Okafor"), note="Not like that.")
    assert "Ann Droste" in text_of(mo.get("/moderation/people?q=dros"))
    page = text_of(mo.get(f"/moderation/people/{ann.id}"))
    for words in ("Ann Droste", "1 rejected", "Rejected: Play the ball", "Flo Okafor", "Not like that."):
        assert words.replace(" ", "") in page.replace(" ", ""), words
    assert mo.get("/moderation/people/999999").status_code == 404


@pytest.mark.once
def test_a_person_is_suspended_and_it_is_lifted_again(mo: Browser) -> None:
    ann = make_member("Ann Droste")
    first = say(make_talk(), ann)
    page = mo.get(f"/moderation/comments/{first}").get_data(as_text=True)
    at = f"/moderation/people/{ann.id}/sanctions"
    empty = press(mo, page, at, kind="suspension", days=7, rule_id=0, reason="")
    assert empty.status_code == 422
    assert "Please say why" in text_of(empty)
    done = press(mo, page, at, kind="suspension", days=7, rule_id=0, reason="Three insults in an hour.")
    assert done.headers["Location"] == f"/moderation/comments/{first}"
    assert f"Suspended until {date(clock.now() + timedelta(days=7))}, " in text_of(mo.follow(done))
    assert "Suspension" in text_of(mo.get("/moderation/people"))
    twice = mo.post(at, {"kind": "suspension", "days": 1, "rule_id": 0, "reason": "Again."})
    assert twice.status_code == 409
    assert "Already suspended until" in text_of(twice)
    record = mo.get(f"/moderation/people/{ann.id}").get_data(as_text=True)
    lift = re.search(r"/moderation/sanctions/\d+/lift", record)
    assert lift
    assert mo.post(lift.group()).status_code == 303
    assert "Nobody is restricted" in text_of(mo.get("/moderation/people"))


def test_a_discussion_is_closed_from_the_case(mo: Browser) -> None:
    talk = make_talk()
    first = say(talk, make_member())
    page = mo.get(f"/moderation/comments/{first}").get_data(as_text=True)
    at = f"/moderation/threads/{thread_of(talk).id}/state"
    refused = press(mo, page, at, state="closed", reason="")
    assert refused.status_code == 422
    assert "Please say why" in text_of(refused)
    assert press(mo, page, at, state="closed", reason="Enough for today.").status_code == 303
    assert (thread_of(talk).state, thread_of(talk).closed_reason) == ("closed", "Enough for today.")
    assert press(mo, page, at, state="hidden", reason="Late.").status_code == 409


def test_the_decided_queue_offers_undo_for_what_still_stands(mo: Browser) -> None:
    talk = make_talk()
    first, flo = say(talk, make_member()), make_moderator("Flo Okafor")
    done = reject(first, flo)
    decide(service.restore_comment, first, flo)
    page = mo.get("/moderation/decided").get_data(as_text=True)
    assert f"/moderation/actions/{done.action_id}/undo" not in page
    assert f"/moderation/actions/{done.action_id + 1}/undo" in page
    assert "Flo Okafor" in page
    assert "Flo Okafor" not in text_of(mo.get("/moderation/decided?by=me"))
