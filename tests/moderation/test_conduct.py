"""People: notes, warnings to be read, what the ladder suggests, trust, the weight of reports, alike accounts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from blueprints.accounts import queries_sessions
from blueprints.moderation import ladder, likeness, notes, sanctions, service, trust, undoing
from blueprints.moderation.jobs import look_for_pairs
from blueprints.moderation.queues import REPORTED
from blueprints.threads import reports, weighing
from blueprints.threads import service as threads
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError, Forbidden
from models.conduct import Likeness, PersonNote, TrustedFlagger
from models.desk import HandoverNote
from models.moderation import ModerationAction, Sanction
from models.thread import Report
from models.user import RoleGrant
from tests.browser import Browser, text_of
from tests.factories import make_user, thread_of
from tests.moderation.desk import (
    actions,
    broken_counters,
    comment,
    decide,
    make_member,
    make_moderator,
    make_talk,
    reject,
    report,
    say,
)
from tests.moderation.test_queues import listed
from tests.threads.behind import while_waiting

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def test_the_ladder_suggests_the_highest_step_that_is_reached() -> None:
    suggest = ladder.suggest
    assert suggest(ladder.USUAL, [ago(days=1)], frozenset(), NOW) is None
    second = suggest(ladder.USUAL, [ago(days=1), ago(days=2)], frozenset(), NOW)
    assert second == ladder.Suggestion("warning", None, "2 rejected within 30 days")
    third = suggest(ladder.USUAL, [ago(days=day) for day in (1, 2, 3)], frozenset({"warning"}), NOW)
    assert third is not None
    assert (third.kind, third.days) == ("slow-down", 3)
    assert suggest(ladder.USUAL, [ago(days=day) for day in (1, 2, 3)], frozenset({"suspension"}), NOW) is None
    assert suggest(ladder.USUAL, [ago(days=day) for day in (40, 50, 29)], frozenset(), NOW) is None


def test_the_ladder_is_set_by_leads_and_brings_its_changes_to_the_ledger(client: Browser) -> None:
    make_talk()
    mo, lead = make_moderator(), make_user("Lea Wirth", roles=("lead",))
    with pytest.raises(Forbidden), transaction() as session:
        ladder.set_steps(session, [], actor_id=mo.id)
    browser = client.sign_in(lead)
    wrong = browser.post("/moderation/ladder", {"rejections-0": "2", "within_days-0": "30", "kind-0": "suspension"})
    assert wrong.status_code == 422
    done = browser.post("/moderation/ladder", {
        "rejections-0": "2", "within_days-0": "14", "kind-0": "suspension", "days-0": "5"})  # fmt: skip
    assert done.status_code == 303
    assert ladder.steps(db.session()) == (ladder.Step(2, 14, "suspension", 5),)
    assert "ladder" in {row.action for row in actions()}


def test_a_suggestion_stands_on_the_card_and_changes_nothing_by_itself(client: Browser) -> None:
    talk, ann, mo = make_talk(), make_member("Ann Droste"), make_moderator()
    for _ in range(2):
        reject(say(talk, ann), mo)
    third = say(talk, ann)
    report(third, make_member())
    page = text_of(client.sign_in(mo).get("/moderation"))
    assert "The ladder suggests" in page
    assert "warning (2 rejected within 30 days)" in page
    assert db.session().scalars(db.select(Sanction)).all() == []


def test_a_warning_is_read_before_one_takes_part_again(client: Browser) -> None:
    talk, ann, mo = make_talk(), make_member("Ann Droste"), make_moderator()
    with transaction() as session:
        sanctions.sanction(session, user_id=ann.id, kind="warning", until=None, rule_id=None,
                         reason="Please leave her family out of it.", actor_id=mo.id)  # fmt: skip
    with pytest.raises(DomainError, match="You were warned"):
        say(talk, ann)
    browser = client.sign_in(ann)
    assert "Read the warning" in text_of(browser.get("/account"))
    assert 'href="/account/warnings">Read the warning</a>' in browser.get(f"/articles/{talk.slug}").text
    page = text_of(browser.get("/account/warnings"))
    assert "Please leave her family out of it." in page
    row = db.session().scalars(db.select(Sanction)).one()
    assert browser.post(f"/account/warnings/{row.id}", {}).status_code == 303
    assert "No warning waits for you" in text_of(browser.get("/account/warnings"))
    db.session().rollback()
    assert comment(say(talk, ann)).status == "published"
    with pytest.raises(Conflict), transaction() as session:
        ladder.acknowledge(session, sanction_id=row.id, user_id=ann.id)


def test_a_warning_is_nobody_elses_to_acknowledge(client: Browser) -> None:
    ann, mo = make_member(), make_moderator()
    make_talk()
    with transaction() as session:
        sanctions.sanction(session, user_id=ann.id, kind="warning", until=None, rule_id=None, reason="Stop.", actor_id=mo.id)
    row = db.session().scalars(db.select(Sanction)).one()
    assert client.sign_in(make_member()).post(f"/account/warnings/{row.id}", {}).status_code == 404


def test_who_is_no_moderator_any_more_when_their_request_has_its_turn_leaves_no_note(app: Flask) -> None:
    ann, mo, dana = make_member(), make_moderator(), make_user(roles=("author",))
    make_talk()
    with transaction() as session:
        note_id = notes.leave_note(session, author_id=mo.id, body="Keep an eye on the harbour.")
        session.execute(delete(RoleGrant).where(RoleGrant.user_id == mo.id))
    attempts: list[Callable[[Session], object]] = [
        lambda session: notes.leave_note(session, author_id=mo.id, body="One more."),
        lambda session: notes.finish_note(session, note_id=note_id, actor_id=mo.id),
        lambda session: notes.answer_tip(session, tip_id=1, actor_id=mo.id),
        lambda session: ladder.note_person(session, user_id=ann.id, author_id=dana.id, body="A friend of mine."),
    ]
    for attempt in attempts:
        with pytest.raises(Forbidden), transaction() as session:
            attempt(session)
    assert db.session().scalars(db.select(HandoverNote.done_at)).all() == [None]


@pytest.mark.sqlite
@pytest.mark.parametrize("path", ["/moderation/notes", "/moderation/people/{}/notes"])
def test_a_note_of_who_was_signed_out_while_it_waited_is_not_left(client: Browser, path: str) -> None:
    ann, mo = make_member(), make_moderator()
    thread_id, mo_id, path = thread_of(make_talk()).id, mo.id, path.format(ann.id)
    browser = client.sign_in(mo)
    db.session.remove()

    def happens(_session: Session) -> None:
        queries_sessions.end_all(mo_id)

    while_waiting(client.app, thread_id, happens, lambda: browser.post(path, {"body": "Nobody is to read this."}))
    for table in (HandoverNote, PersonNote):
        assert db.session().scalars(db.select(table.id)).all() == []


@pytest.mark.once
def test_a_note_is_for_colleagues_alone(client: Browser) -> None:
    talk, ann, mo = make_talk(), make_member("Ann Droste"), make_moderator("Mo Adeyemi")
    first = say(talk, ann)
    report(first, make_member())
    browser = client.sign_in(mo)
    browser.post(f"/moderation/people/{ann.id}/notes", {"body": "Apologised to Bea by mail."})
    assert "Apologised to Bea by mail." in text_of(browser.get(f"/moderation/people/{ann.id}"))
    assert "Apologised to Bea by mail." in text_of(browser.get("/moderation"))
    own = Browser(client.app).sign_in(ann)
    for path in ("/account", "/account/comments", f"/comments/{first}"):
        assert "Apologised" not in text_of(own.get(path))


EARNED = trust.Earned(published=60, rejected=0, read=25, joined_at=NOW - timedelta(days=60))


@pytest.mark.parametrize(
    ("earned", "expected"),
    [
        (EARNED, trust.TRUSTED),
        (replace(EARNED, read=6), trust.KNOWN),
        (replace(EARNED, joined_at=NOW - timedelta(days=3)), trust.KNOWN),
        (replace(EARNED, rejected=4), trust.KNOWN),
        (replace(EARNED, rejected=20), trust.BASIC),
        (replace(EARNED, rejected=30), trust.DOUBTED),
        (replace(EARNED, published=2, read=0), trust.NEW),
        (replace(EARNED, published=1, rejected=2), trust.NEW),  # too few to say anything
    ],
)
def test_trust_is_earned_by_reading_and_staying_and_lost_by_rejections(earned: trust.Earned, expected: str) -> None:
    assert trust.level(earned, NOW) == expected


def test_paying_is_not_trust() -> None:
    assert set(trust.Earned.__dataclass_fields__) == {"published", "rejected", "read", "joined_at"}


@pytest.mark.once
def test_reports_weigh_by_how_right_their_reporter_has_been(app: Flask) -> None:
    talk, mo = make_talk(), make_moderator()
    right, wrong = make_member("Right"), make_member("Wrong")
    with time_machine.travel(clock.now() + timedelta(days=2)):
        for _ in range(4):
            bad, good = say(talk, make_member()), say(talk, make_member())
            report(bad, right)
            report(good, wrong)
            reject(bad, mo)
            decide(service.dismiss_reports, good, mo)
        one, two = say(talk, make_member()), say(talk, make_member())
        report(one, wrong)
        report(two, right)
    assert comment(two).report_weight == pytest.approx(weighing.weight_by(4, 4))
    assert comment(one).report_weight == pytest.approx(weighing.weight_by(4, 0))
    assert listed(REPORTED) == [two, one]


def as_visitor(comment_id: int, number: int, network: str) -> None:
    from core.viewer import GUEST

    with transaction() as session:
        reports.report_comment(session, GUEST, comment_id, reporter_key=f"guest:{number}", reason="spam",
                               network=network, secret="secret")  # fmt: skip


def test_a_burst_from_one_place_counts_once(app: Flask) -> None:
    first = say(make_talk(), make_member())
    for number in range(5):
        as_visitor(first, number, "192.0.2.0/24")
    as_visitor(first, 9, "198.51.100.0/24")
    assert comment(first).report_count == 6
    assert comment(first).report_weight == pytest.approx(2 * weighing.OF_VISITORS)
    marks = set(db.session().scalars(db.select(Report.cluster)))
    assert not any("192" in mark for mark in marks)


def test_new_accounts_that_report_together_count_once(app: Flask) -> None:
    first = say(make_talk(), make_member())
    for _ in range(4):
        report(first, make_member())
    assert (comment(first).report_count, comment(first).report_weight) == (4, 1.0)


def test_a_report_that_is_taken_back_weighs_nothing(client: Browser) -> None:
    talk, bea = make_talk(), make_member("Bea Lind")
    first = say(talk, make_member())
    browser = client.sign_in(bea)
    told = browser.post(f"/comments/{first}/report", {"reason": "spam"})
    assert "Take the report back" in text_of(told)
    assert "Your report is taken back" in text_of(browser.post(f"/comments/{first}/report/withdraw", {}))
    db.session().rollback()
    assert (comment(first).report_count, comment(first).report_weight) == (0, 0.0)
    assert browser.post(f"/comments/{first}/report/withdraw", {}).status_code == 409
    assert broken_counters() == []
    assert weighing.weight_of(db.session(), bea.id) == 1.0  # nobody was right or wrong


def test_undoing_a_decision_does_not_bring_a_withdrawn_report_back(app: Flask) -> None:
    first, mo, bea = say(make_talk(), make_member()), make_moderator(), make_member()
    report(first, bea)
    report(first, make_member())
    with transaction() as session:
        reports.withdraw_report(session, first, reporter_key=f"user:{bea.id}")
    done = decide(service.dismiss_reports, first, mo)
    with transaction() as session:
        undoing.undo(session, action_id=done.action_id, actor_id=mo.id)
    assert comment(first).report_count == 1


def account(number: int, **values: object) -> likeness.Account:
    usual: dict[str, object] = {
        "id": number, "name": f"Person {number}", "skeleton": chr(96 + number) * 6, "email": f"p{number}@example.test",
        "joined_at": ago(days=30), "barred_at": None, "is_staff": False,
    }  # fmt: skip
    return likeness.Account(**(usual | values))  # type: ignore[arg-type]


def test_one_reason_alone_makes_no_pair() -> None:
    pair = [account(1), account(2)]
    assert likeness.compare(pair, [(1, "192.0.2.0/24 Firefox"), (2, "192.0.2.0/24 Firefox")], []) == []


def test_an_account_that_follows_a_ban_from_the_same_place_is_shown_with_its_reasons() -> None:
    barred, new = account(1, barred_at=ago(days=3)), account(2, joined_at=ago(days=2))
    places = [(1, "192.0.2.0/24 Firefox"), (2, "192.0.2.0/24 Firefox")]
    (found,) = likeness.compare([barred, new], places, [])
    assert (found.first_id, found.second_id) == (1, 2)
    assert found.reasons == (
        "They were signed in from one network with the same kind of browser.",
        "Person 2 joined 1 day after, when Person 1 was kept out.",
    )


def test_a_place_of_a_crowd_says_nothing() -> None:
    crowd = [account(number, barred_at=ago(days=3), joined_at=ago(days=2)) for number in range(1, 20)]
    assert likeness.compare(crowd, [(one.id, "192.0.2.0/24 Firefox") for one in crowd], []) == []


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("adeyemi", "adeyem1", True), ("adeyemi", "adeyemmi", True), ("adeyemi", "adeymi", True),
     ("adeyemi", "adeyemi", False), ("adeyemi", "okafor", False), ("adeyemi", "adzymmi", False)],
)  # fmt: skip
def test_names_that_differ_by_a_letter_from_staff_are_shown(one: str, other: str, alike: bool) -> None:
    found = likeness.compare([account(1, skeleton=one, is_staff=True), account(2, skeleton=other)], [], [])
    assert bool(found) == alike


def test_plus_and_dots_lead_to_one_mailbox() -> None:
    assert likeness.mailbox("ann.droste+two@gmail.com") == likeness.mailbox("anndroste@googlemail.com")
    assert likeness.mailbox("ann.droste@example.test") != likeness.mailbox("anndroste@example.test")


def test_a_pair_is_found_judged_and_acted_on_by_nobody(client: Browser) -> None:
    make_talk()
    ann, again = make_member("Ann Droste"), make_member("Somebody Else")
    with transaction() as session:
        session.merge(ann).email, session.merge(again).email = "ann@example.test", "ann+2@example.test"
    look_for_pairs()
    look_for_pairs()
    mo = client.sign_in(make_moderator())
    assert "Their addresses lead to one mailbox." in text_of(mo.get("/moderation/pairs"))
    assert "Their addresses lead to one mailbox." in text_of(mo.get(f"/moderation/people/{ann.id}"))
    pair = {"first_id": min(ann.id, again.id), "second_id": max(ann.id, again.id)}
    assert mo.post("/moderation/pairs", pair | {"verdict": "different"}).status_code == 303
    assert mo.post("/moderation/pairs", pair | {"verdict": "same"}).status_code == 409
    look_for_pairs()
    assert "No two accounts are alike" in text_of(mo.get("/moderation/pairs"))
    assert db.session().scalars(db.select(Likeness.verdict)).one() == "different"
    assert db.session().scalars(db.select(Sanction)).all() == []
    assert db.session().scalars(db.select(ModerationAction)).all() == []


def test_leads_choose_whom_the_desk_protects(client: Browser) -> None:
    dana = make_user("Dana Roth", roles=("author",))
    talk = make_talk(author_id=dana.id)
    assert client.sign_in(make_moderator()).post(f"/moderation/protection/{dana.id}", {"on": "1"}).status_code == 403
    lead = Browser(client.app).sign_in(make_user(roles=("lead",)))
    assert lead.post(f"/moderation/protection/{dana.id}", {"on": "1"}).status_code == 303
    assert "Protected" in text_of(lead.get("/moderation/protection"))
    assert "protection" in {row.action for row in actions()}
    from blueprints.threads.queries_facts import facts_of_article_id

    db.session().rollback()
    facts = facts_of_article_id(db.session(), talk.id)
    assert facts is not None
    assert facts.protects_author


def test_what_a_check_doubts_waits_under_a_protected_story_only(app: Flask) -> None:
    from blueprints.threads.screened import Screened
    from blueprints.threads.screening import Found
    from tests.threads.test_rules import MEMBER, STAFF, thread

    seen = Screened.__new__(Screened)
    object.__setattr__(seen, "found", [Found("words", 1, "nudge", "This may hurt.")])
    for facts, viewer, expected in (
        (thread(), MEMBER, "published"),
        (replace(thread(), protects_author=True), MEMBER, "withheld"),
        (replace(thread(), protects_author=True), STAFF, "published"),
    ):
        assert threads._status(viewer, facts, seen, clock.now()) == expected


def test_what_a_trusted_flagger_reports_comes_first_and_heats_nothing(client: Browser) -> None:
    talk, flo = make_talk(), make_user("Flo Okafor", created_at=clock.now() - timedelta(days=3))
    many, one = say(talk, make_member()), say(talk, make_member())
    place = f"/moderation/people/{flo.id}/flagger"
    assert client.sign_in(make_moderator()).post(place, {"organisation": "Hate Aid"}).status_code == 403
    lead = Browser(client.app).sign_in(make_user(roles=("lead",)))
    lead.post(place, {"organisation": "x" * 121})
    assert "up to 120 characters" in text_of(lead.get(f"/moderation/people/{flo.id}"))
    assert lead.post(place, {"organisation": "Hate  Aid"}).status_code == 303
    assert "Hate Aid" in text_of(lead.get("/moderation/flaggers"))
    for _ in range(3):
        report(many, make_user(created_at=clock.now() - timedelta(days=3)))
    report(one, flo)
    assert comment(one).report_weight > comment(many).report_weight
    page = lead.get("/moderation").text
    assert page.index(f"case-{one}") < page.index(f"case-{many}")
    assert "Trusted flagger" in page
    assert weighing.OF_TRUSTED > weighing.BRAKE_FROM > weighing.MOST  # one alone brakes no discussion
    lead.post(place, {})
    assert "There is none" in text_of(lead.get("/moderation/flaggers"))
    assert [row.to_state for row in actions() if row.action == "flagger"] == ["created", "removed"]


def test_the_notice_of_a_trusted_flagger_is_listed_first(client: Browser) -> None:
    talk, flo = make_talk(), make_user("Flo Okafor")
    first, second = say(talk, make_member()), say(talk, make_member())
    with transaction() as session:
        session.add(TrustedFlagger(user_id=flo.id, organisation="Hate Aid"))
    fields = {"category": "defamation", "explanation": "It calls for violence.", "name": "Flo", "email": "flo@example.test",
              "in_good_faith": "1"}
    for browser, comment_id in ((client, first), (Browser(client.app).sign_in(flo), second)):
        answer = browser.post("/illegal-content", fields | {"url": f"http://localhost/comments/{comment_id}"})
        assert answer.status_code == 303, text_of(answer)
    page = Browser(client.app).sign_in(make_moderator()).get("/moderation/illegal-content").text
    assert page.index("illegal-content/2") < page.index("illegal-content/1")
    assert "trusted flagger" in page
