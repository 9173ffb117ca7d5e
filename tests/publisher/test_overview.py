"""Each figure of the overview against rows of which we know the number."""

import re

from flask import Flask

from blueprints.moderation import ledger
from core import clock
from core.db import transaction
from jobs.queue import enqueue
from models.job import Heartbeat, Job
from models.membership import Membership
from models.moderation import Appeal
from models.thread import Respect
from models.user import User
from tests.browser import text_of
from tests.factories import make_article, make_entitlement, make_plan, make_user
from tests.publisher.rows import (
    ago,
    figure,
    make_comment,
    make_failed_event,
    make_failed_job,
    make_payment,
    office,
    statements,
)


def test_members_are_counted_by_plan_and_source_and_each_person_once(app: Flask) -> None:
    vip, gold = make_plan("vip"), make_plan("gold", "VIP Gold", rank=2)
    both = make_user(plan=vip)
    make_entitlement(both, gold, source="stripe")
    make_entitlement(make_user(), vip, source="stripe")
    make_entitlement(make_user(), vip, source="gift", ends_at=ago(1), starts_at=ago(9))
    make_entitlement(make_user(), vip, source="stripe", starts_at=ago(-1))
    page = office(app).get("/publisher")
    assert figure(page, "people who have a plan now") == ["2"]
    rows = re.findall(r'<tr><th scope="row">(VIP[^<]*)</th>(.*?)</tr>', page.get_data(as_text=True))
    numbers = {name: re.findall(r">(\d+)</td>", cells) for name, cells in rows}
    assert numbers == {"VIP": ["2", "1", "0", "1", "0", "0"], "VIP Gold": ["1", "1", "0", "0", "0", "0"]}


def test_memberships_begun_and_ended_are_those_of_thirty_days(app: Flask) -> None:
    plan = make_plan()
    people = [make_user() for _ in range(4)]
    with transaction() as session:
        session.add(Membership(user_id=people[0].id, plan_id=plan.id, started_at=ago(29)))
        session.add(Membership(user_id=people[1].id, plan_id=plan.id, started_at=ago(31)))
        session.add(Membership(user_id=people[2].id, plan_id=plan.id, started_at=ago(90), ended_at=ago(31)))
        session.add(Membership(user_id=people[3].id, plan_id=plan.id, started_at=ago(3), ended_at=ago(2)))
    page = office(app).get("/publisher")
    assert figure(page, "memberships begun") == ["2"]
    assert figure(page, "membership ended") == ["1"]


def test_payments_are_summed_by_currency_less_what_went_back(app: Flask) -> None:
    reader = make_user()
    make_payment(reader, 490)
    make_payment(reader, 990, refunded=200)
    make_payment(reader, 1200, currency="jpy", days_ago=29)
    make_payment(reader, 5000, days_ago=31)
    make_payment(reader, 7000, mode="live")
    words = text_of(office(app).get("/publisher"))
    assert "USD 2 $14.80 $2.00 $12.80" in words
    assert "JPY 1 ¥1,200 ¥0 ¥1,200" in words
    assert "no money has moved" in words


def test_comments_commenters_respects_and_the_members_share(app: Flask) -> None:
    vip = make_plan()
    member, lapsed, other = make_user(), make_user(), make_user(roles=("author",))
    make_entitlement(member, vip, starts_at=ago(300))
    make_entitlement(lapsed, vip, starts_at=ago(300), ends_at=ago(10))
    article = make_article()
    first = make_comment(article, member, days_ago=1)
    make_comment(article, member, days_ago=2)
    make_comment(article, lapsed, days_ago=3)
    make_comment(article, lapsed, days_ago=20)
    make_comment(article, other, days_ago=29)
    make_comment(article, other, days_ago=31)
    make_comment(article, other, status="rejected")
    with transaction() as session:
        session.add(Respect(comment_id=first.id, user_id=other.id, created_at=ago(1)))
        session.add(Respect(comment_id=first.id, user_id=lapsed.id, created_at=ago(12)))
        session.add(Respect(comment_id=first.id, user_id=member.id, created_at=ago(40)))
    page = office(app).get("/publisher")
    assert figure(page, "comments of the last 7") == ["3"]
    assert figure(page, "comments of the last 30") == ["5"]
    assert figure(page, "people who wrote them") == ["2", "3"]
    assert figure(page, "of these comments by people who were members") == ["67 %", "60 %"]
    assert figure(page, "respects given in the last 7") == ["1"]
    assert figure(page, "respects given in the last 30") == ["2"]


def test_a_share_of_nothing_is_not_a_number(app: Flask) -> None:
    page = office(app).get("/publisher")
    assert figure(page, "of these comments") == ["–", "–"]
    assert "Nobody has commented in the last 7 days." in text_of(page)
    assert "No payment has arrived in this time." in text_of(page)


def test_what_waits_for_the_moderators(app: Flask) -> None:
    article, writer = make_article(), make_user()
    held = make_comment(article, writer, status="pending")
    make_comment(article, writer, status="withheld")
    make_comment(article, writer, report_count=3)
    make_comment(article, writer, report_count=1, status="rejected")
    _appeal(writer, held.id)
    page = office(app).get("/publisher")
    assert figure(page, "comments held back") == ["2"]
    assert figure(page, "published comments with an open report") == ["1"]
    assert figure(page, "appeals not yet decided") == ["1"]


def test_the_most_discussed_of_the_week_stand_in_order(app: Flask) -> None:
    writer, other = make_user(), make_user()
    quiet, loud, old = make_article("The quiet one"), make_article("The loud one"), make_article("The old one")
    gone = make_article("The withdrawn one", state="unpublished")
    make_comment(quiet, writer)
    for person in (writer, other, other):
        make_comment(loud, person)
    for _ in range(5):
        make_comment(old, writer, days_ago=8)
        make_comment(gone, writer)
    words = text_of(office(app).get("/publisher"))
    assert "The loud one 3 2 The quiet one 1 1" in words
    assert "The old one" not in words
    assert "The withdrawn one" not in words


def test_the_state_of_the_site(app: Flask) -> None:
    make_failed_job()
    make_failed_event()
    make_failed_event("evt_2", mode="live")
    with transaction() as session:
        session.add(Job(kind="a", payload={}, run_at=ago(1)))
        session.add(Job(kind="b", payload={}, run_at=ago(-1)))
        session.add(Job(kind="c", payload={}, run_at=ago(1), finished_at=ago(1)))
        session.add(Heartbeat(name="worker", seen_at=ago(0.1)))
    words = text_of(office(app).get("/publisher"))
    assert "1 due now, 1 set for later, 1 given up" in words
    assert "1 failed" in words
    assert "Practice payments on the built-in stand-in for Stripe" in words
    assert "No worker has given a sign of life for two minutes" in words
    assert "1 job was given up. 1 message from Stripe could not be dealt with." in words


def test_all_is_quiet_when_the_worker_lives(app: Flask) -> None:
    with transaction() as session:
        session.add(Heartbeat(name="old", seen_at=ago(3)))
        session.add(Heartbeat(name="worker", seen_at=clock.now()))
    assert "needs a look" not in text_of(office(app).get("/publisher"))


def test_the_overview_asks_the_same_number_of_questions_whatever_the_size(app: Flask) -> None:
    browser = office(app)
    browser.get("/publisher")
    with statements() as before:
        browser.get("/publisher")
    vip = make_plan()
    for _ in range(5):
        person = make_user(plan=vip)
        make_payment(person, 490)
        make_comment(make_article(), person)
    make_plan("gold")
    browser.get("/publisher")
    with statements() as after:
        browser.get("/publisher")
    assert len(after) == len(before) <= 10  # one of them for the first steps, while they are shown


def test_a_failed_job_runs_again_when_asked(app: Flask) -> None:
    browser = office(app)
    job = make_failed_job("nothing.known", key="same")
    with transaction():
        enqueue("nothing.known", key="same")
    answer = browser.post(f"/publisher/system/jobs/{job.id}/retry")
    assert answer.status_code == 303
    assert "The job runs again" in text_of(browser.follow(answer))
    with transaction() as session:
        row = session.get(Job, job.id, populate_existing=True)
        assert row is not None
        assert (row.failed_at, row.attempts, row.run_at <= clock.now()) == (None, 0, True)
    assert browser.post(f"/publisher/system/jobs/{job.id}/retry").status_code == 404


def test_a_failed_message_is_dealt_with_again_when_asked(app: Flask) -> None:
    from sqlalchemy import select

    from core.db import db
    from tests.factories import fresh

    browser = office(app)
    event = make_failed_event()
    assert browser.post("/publisher/billing/events/evt_1/retry").status_code == 303
    assert fresh(event).state == "waiting"
    payload = db.session().scalar(select(Job.payload).where(Job.kind == "stripe.event"))
    assert payload == {"event_id": "evt_1"}
    assert browser.post("/publisher/billing/events/evt_1/retry").status_code == 404


def _appeal(writer: User, comment_id: int) -> None:
    with transaction() as session:
        for outcome in ("open", "upheld"):
            action = ledger.append(session, action="reject", at=clock.now(), actor_id=None, user_id=writer.id)
            session.add(Appeal(action_id=action, user_id=writer.id, comment_id=comment_id, body="Why?", outcome=outcome))
