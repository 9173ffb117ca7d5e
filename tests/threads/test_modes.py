"""How a discussion goes: every mode against every kind of person, to the second; without a database where none is needed."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from blueprints.articles.visitor_cache import VisitorCache
from blueprints.threads import modes, policy, service, thread_state
from blueprints.threads.facts import ThreadFacts
from core import clock
from core.db import transaction
from core.errors import DomainError, TooFast
from core.viewer import GUEST, EntitlementSpan, Viewer
from models.thread import Thread
from tests.browser import Browser, text_of
from tests.factories import make_user, thread_of
from tests.threads.talk import as_viewer, comment, facts, make_member, make_talk, say
from tests.threads.test_rules import thread

SWITCH = datetime(2026, 11, 27, 18, tzinfo=UTC)  # a Friday
TICK = timedelta(microseconds=1)
JUST_BEFORE = SWITCH - TICK
YEAR_AGO = SWITCH - timedelta(days=365)

MEMBER = Viewer(id=1, confirmed=True, entitlements=(EntitlementSpan("vip", YEAR_AGO, None, "stripe"),))
READER = Viewer(id=2, confirmed=True)
STAFF = Viewer(id=3, confirmed=True, roles=frozenset({"moderator"}))
AUTHOR = Viewer(id=4, confirmed=True, roles=frozenset({"author"}))
INVITED = Viewer(id=5, confirmed=True)
PEOPLE = {"visitor": GUEST, "reader": READER, "member": MEMBER, "guest": INVITED, "staff": STAFF, "author": AUTHOR}

ASKING: dict[str, object] = {
    "takes_questions": True, "guest_ids": frozenset({5}), "article_author_id": 4, "comment_audience": "members",
}  # fmt: skip


def codes(known: ThreadFacts, now: datetime, *, replying: bool = False) -> dict[str, str | None]:
    refusals = {name: policy.may_comment(who, known, now, replying=replying) for name, who in PEOPLE.items()}
    return {name: refusal and refusal.code for name, refusal in refusals.items()}


def all_of(code: str | None, **others: str | None) -> dict[str, str | None]:
    return dict.fromkeys(PEOPLE, code) | others


@pytest.mark.parametrize(
    ("values", "at", "replying", "expected"),
    [
        ({}, SWITCH, False, all_of(None, visitor="guest", reader="audience", guest="audience")),
        ({"premoderated": True}, SWITCH, False, all_of(None, visitor="guest", reader="audience", guest="audience")),
        ({"state": "closed"}, SWITCH, False, all_of("closed")),
        ({"state": "hidden"}, SWITCH, False, all_of("hidden")),
        ({"state": "hidden", "closes_at": SWITCH}, SWITCH, False, all_of("hidden")),
        ({"closes_at": SWITCH}, JUST_BEFORE, True, all_of(None, visitor="guest", reader="audience", guest="audience")),
        ({"closes_at": SWITCH}, SWITCH, True, all_of("closed")),
        # Members first: those alone, then every registered reader.
        ({"members_first_until": SWITCH, "comment_audience": "registered"}, JUST_BEFORE, False,
         all_of(None, visitor="guest", reader="audience", guest="audience")),
        ({"members_first_until": SWITCH, "comment_audience": "registered"}, SWITCH, False, all_of(None, visitor="guest")),
        ({"members_first_until": SWITCH}, JUST_BEFORE, False,
         all_of(None, visitor="guest", reader="audience", guest="audience")),
        ({"members_first_until": SWITCH}, SWITCH, False, all_of(None, visitor="guest")),
        ({"members_first_until": SWITCH, "comment_audience": "plans:gold"}, JUST_BEFORE, False,
         all_of("audience", visitor="guest", staff=None, author=None)),
        ({"members_first_until": SWITCH, "comment_audience": "plans:gold"}, SWITCH, False, all_of(None, visitor="guest")),
        # Questions: guests and the author answer whoever may ask, and at any time.
        (ASKING, SWITCH, False, all_of(None, visitor="guest", reader="audience")),
        (ASKING | {"questions_open_at": SWITCH}, JUST_BEFORE, False, all_of("no_questions", guest=None, author=None)),
        (ASKING | {"questions_open_at": SWITCH}, JUST_BEFORE, True, all_of(None, visitor="guest", reader="audience")),
        (ASKING | {"questions_open_at": SWITCH}, SWITCH, False, all_of(None, visitor="guest", reader="audience")),
        (ASKING | {"questions_close_at": SWITCH}, JUST_BEFORE, False, all_of(None, visitor="guest", reader="audience")),
        (ASKING | {"questions_close_at": SWITCH}, SWITCH, False, all_of("no_questions", guest=None, author=None)),
        (ASKING | {"questions_close_at": SWITCH}, SWITCH, True, all_of(None, visitor="guest", reader="audience")),
        (ASKING | {"takes_questions": False}, SWITCH, False,
         all_of(None, visitor="guest", reader="audience", guest="audience")),
        (ASKING | {"closes_at": SWITCH}, SWITCH, True, all_of("closed")),
    ],
)  # fmt: skip
def test_who_may_comment_in_which_mode_and_when(
    values: dict[str, object], at: datetime, replying: bool, expected: dict[str, str | None]
) -> None:
    assert codes(thread(**values), at, replying=replying) == expected


def test_every_refusal_says_when_it_ends_or_why_it_stands() -> None:
    def said(at: datetime, viewer: Viewer = READER, **values: object) -> str:
        refusal = policy.may_comment(viewer, thread(**values), at)
        assert refusal is not None
        return refusal.sentence

    friday = "Friday 27 November 2026, 18:00 UTC"
    first = said(JUST_BEFORE, members_first_until=SWITCH)
    assert first == f"Members speak first here. From {friday} every registered reader may."
    by_itself = said(SWITCH, closes_at=SWITCH, closes_after_days=7)
    assert by_itself == f"This discussion closed by itself on {friday}, 7 days after the story appeared. It stays readable."
    by_hand = said(SWITCH, state="closed", closed_reason="The council has voted", closed_at=SWITCH)
    assert by_hand == f"The council has voted. Closed on {friday}."
    later = said(JUST_BEFORE, MEMBER, takes_questions=True, questions_open_at=SWITCH)
    assert later == f"Questions are taken from {friday}."


def test_what_is_to_come_is_said_before_anybody_writes() -> None:
    known = thread(
        premoderated=True, pace_seconds=300, members_first_until=SWITCH, closes_at=SWITCH + timedelta(7)
    )
    assert modes.before_writing(known, MEMBER, JUST_BEFORE) == (
        "Every comment here is read by a person before it appears.",
        "Members speak first; from Friday 27 November 2026, 18:00 UTC every registered reader may.",
        "Slow mode: at least 5 minutes between two comments of one person.",
        "This discussion closes on Friday 4 December 2026, 18:00 UTC.",
    )
    assert len(modes.before_writing(known, STAFF, JUST_BEFORE)) == 2
    assert modes.before_writing(thread(), MEMBER, SWITCH) == ()


@given(st.integers(1, 100_000), st.integers(0, 200_000))
def test_slow_mode_frees_a_person_to_the_second_and_holds_no_staff_up(pace: int, passed: int) -> None:
    known = thread(pace_seconds=pace)
    last, now = YEAR_AGO, YEAR_AGO + timedelta(seconds=passed)
    free_at = modes.free_at(MEMBER, known, last)
    assert free_at is not None
    assert (free_at <= now) == (passed >= pace)
    assert modes.free_at(STAFF, known, last) is None
    assert modes.free_at(MEMBER, known, None) is None


def test_a_span_is_told_to_the_second() -> None:
    assert modes.span(200) == "3 minutes and 20 seconds"
    assert modes.span(7 * 86_400) == "7 days"
    assert modes.span(90_061) == "1 day, 1 hour, 1 minute and 1 second"


def test_slow_mode_counts_in_its_own_discussion_only_and_says_the_exact_wait(app: Flask) -> None:
    slow, elsewhere, ann = make_talk(thread_values={"pace_seconds": 300}), make_talk(), make_member()
    moderator = make_user(roles=("moderator",))
    with time_machine.travel(clock.now(), tick=False) as traveller:
        say(elsewhere, ann)
        say(slow, ann)
        say(slow, moderator)
        say(slow, moderator)
        traveller.shift(100)
        say(elsewhere, ann)
        with pytest.raises(TooFast, match=r"You can send this in 3 minutes and 20 seconds\.") as refused:
            say(slow, ann)
        assert refused.value.retry_after == 200
        traveller.shift(200)
        say(slow, ann)


@pytest.mark.once
def test_the_composer_tells_the_wait_beforehand(app: Flask) -> None:
    article, ann = make_talk(thread_values={"pace_seconds": 300}), make_member()
    with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False):
        say(article, ann)
        page = text_of(Browser(app).sign_in(ann).get(f"/articles/{article.slug}"))
    assert "Your next comment can be sent at 12:05:00 UTC." in page


@pytest.mark.parametrize("fetch", [False, True])
def test_who_sends_too_soon_reads_why_and_how_long_once(app: Flask, fetch: bool) -> None:
    article, ann = make_talk(thread_values={"pace_seconds": 300}), make_member()
    with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False):
        say(article, ann)
        headers = {"X-Requested-With": "fetch"} if fetch else {}
        answer = Browser(app).sign_in(ann).post(f"/articles/{article.slug}/comments", {"body": "More."}, headers=headers)
    page = text_of(answer)
    assert answer.status_code == 429
    assert page.count("Slow mode: at least 5 minutes between two comments") == 1
    assert page.count("You can send this in 5 minutes.") == 1
    assert "Your next comment can be sent" not in page
    assert 'data-gap="300"' in answer.text


def test_guests_answers_appear_at_once_where_readers_are_read_first(app: Flask) -> None:
    article = make_talk(thread_values={"premoderated": True, "takes_questions": True})
    guest, member = make_user(), make_member()
    invite(article.id, guest.id)
    assert comment(say(article, member)).status == "pending"
    assert comment(say(article, guest)).status == "published"


def invite(article_id: int, user_id: int, line: str = "Drew up the timetable") -> None:
    from models.conversation import ThreadGuest

    with transaction() as session:
        thread_id = session.query(Thread.id).where(Thread.article_id == article_id).scalar()
        session.add(ThreadGuest(thread_id=thread_id, user_id=user_id, line=line))


@pytest.mark.parametrize(
    ("moment", "before", "after"),
    [
        ("closes_at", "This discussion closes on Friday", "This discussion closed by itself on Friday"),
        ("members_first_until", "Members speak first", "An account is enough to join in."),
        ("questions_close_at", "Your question", "Questions were taken until Friday"),
        ("questions_open_at", "Questions are taken from Friday", "Your question"),
    ],
)
def test_page_kept_page_and_form_switch_at_the_set_moment(app: Flask, moment: str, before: str, after: str) -> None:
    values: dict[str, object] = {moment: SWITCH, "takes_questions": moment.startswith("questions")}
    article = make_talk(thread_values=values, comment_audience="members")
    cache: VisitorCache = app.extensions["rejoinder_visitor_cache"]
    cache.forget()
    at = f"/articles/{article.slug}"
    visitor, member = Browser(app), Browser(app).sign_in(make_member())
    with time_machine.travel(JUST_BEFORE, tick=False) as traveller:
        for _ in range(2):
            assert before in text_of(visitor.get(at))
        assert (after in text_of(visitor.get(at)), cache.hits >= 2) == (False, True)
        traveller.move_to(SWITCH)
        assert after in text_of(visitor.get(at))
        assert before not in text_of(visitor.get(at))
        assert (before in text_of(member.get(at))) is False


def test_a_comment_sent_too_late_is_refused_with_its_words_kept(app: Flask) -> None:
    article, ann = make_talk(thread_values={"closes_at": SWITCH}), make_member()
    at = f"/articles/{article.slug}/comments"
    member = Browser(app).sign_in(ann)
    with time_machine.travel(SWITCH - timedelta(seconds=1), tick=False) as traveller:
        assert member.post(at, {"body": "In time."}).status_code == 303
        own = say(article, ann, "In time as well.")
        traveller.move_to(SWITCH)
        late = member.post(at, {"body": "A second too late."})
        assert (late.status_code, "A second too late." in text_of(late)) == (403, True)
        assert "closed by itself" in text_of(late)
        with pytest.raises(DomainError, match="stay as they are"), transaction() as session:
            service.edit_comment(session, as_viewer(ann), own, "Changed too late.")


def test_closing_by_hand_notes_since_when_and_opening_forgets_it(app: Flask) -> None:
    article = make_talk()
    with time_machine.travel(SWITCH, tick=False), transaction() as session:
        thread_state.set_thread_state(session, facts(article).thread_id, "closed", reason="The council has voted.")
    assert thread_of(article).closed_at == SWITCH
    with transaction() as session:
        thread_state.set_thread_state(session, facts(article).thread_id, "open")
    assert thread_of(article).closed_at is None
