"""A person's data: all of it in one archive, and none of it left when the account has ended."""

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import inspect, select, text

from blueprints.accounts import copying, leaving
from blueprints.accounts.jobs import erase_due
from blueprints.accounts.personal import HOLDINGS
from blueprints.membership.jobs import forget_bodies
from blueprints.notifications.jobs import forget as forget_mails
from core import clock
from core.db import db, transaction
from core.step_up import PROOF_LASTS
from jobs import queue
from jobs.worker import run_all
from models.job import Job
from models.membership import BillingCustomer, StripeEvent
from models.personal import DataCopy, Erasure
from models.user import User
from tests.accounts.mailbox import PASSWORD, mails_to
from tests.browser import Browser, _forget_request, text_of
from tests.factories import fresh, make_plan, make_site, make_user
from tests.security.paper import Paper, make_paper

ADDRESS = "wilhelmina-quastel@example.test"


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


def a_life(paper: Paper) -> tuple[User, Browser]:
    """Somebody who has done a bit of everything here."""
    user = make_user("Wilhelmina Quastel", email=ADDRESS, password=PASSWORD, plan=make_plan())
    browser = Browser(paper.app)
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    browser.post("/sign-in", {"email": ADDRESS, "password": PASSWORD}, headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.77"})
    browser.get("/articles/the-bridge")
    browser.post("/articles/the-bridge/comments", {"body": "The heron at the weir was mine."})
    browser.post("/comments/1/respect")
    browser.post("/comments/4/report", {"reason": "spam", "note": "My own complaint note."})
    browser.post("/account/settings/name", {"display_name": "Wilhelmina Quastelova"})
    browser.post("/account/security/app")
    browser.post(f"/readers/{paper.member.id}/mute")
    browser.post("/articles/the-bridge/follow")
    run_all()
    return user, browser


def fetched(browser: Browser) -> zipfile.ZipFile:
    assert browser.post("/account/data").status_code == 303
    assert "Being made" in text_of(browser.get("/account/data"))
    _forget_request()  # a worker has none
    run_all()
    found = re.search(r'href="(/account/data/\d+)"', browser.get("/account/data").text)
    assert found
    answer = browser.get(found[1])
    assert answer.mimetype == "application/zip"
    assert "no-store" in answer.headers["Cache-Control"]
    return zipfile.ZipFile(io.BytesIO(answer.data))


def test_a_copy_holds_what_they_did_and_nothing_secret_or_of_others(paper: Paper) -> None:
    user, browser = a_life(paper)
    archive = fetched(browser)
    assert set(archive.namelist()) == {
        "index.html", "styles/tokens.css", "styles/copy.css", *(f"data/{name}.json" for name in copying.given_tables())
    }  # fmt: skip
    data = {name: json.loads(archive.read(f"data/{name}.json")) for name in copying.given_tables()}
    assert [row["email"] for row in data["user"]] == [ADDRESS]
    assert [row["body_source"] for row in data["comment"]] == ["The heron at the weir was mine."]
    assert [row["note"] for row in data["report"]] == ["My own complaint note."]
    assert len(data["respect"]) == len(data["entitlement"]) == 1
    assert data["browser_session"][0]["device"] == "Firefox on Linux"
    everything = "".join(archive.read(name).decode() for name in archive.namelist())
    row = fresh(user)
    for secret in (row.password, row.fs_uniquifier, "sealed_secret", "key_hash", "Shown to all.", "The objection."):
        assert secret not in everything
    page = archive.read("index.html").decode()
    assert "The heron at the weir was mine." in page
    assert "<script" not in page
    assert "<h2 id=\"comment\">Your comments</h2>" in page
    assert "<dt>Display name</dt>" in page
    assert f"{paper.article.headline} (" in page, "a discussion is told by its story"
    assert f"/comments/{data['comment'][0]['id']}\">where it stands</a>" in page
    assert "created_at" not in page
    assert " UTC</dd>" in page
    assert f"The copy of your data at {'The Meridian'} is ready" in [mail.subject for mail in mails_to(ADDRESS)]


def test_a_copy_is_its_owners_alone_and_not_for_long(paper: Paper) -> None:
    _, browser = a_life(paper)
    fetched(browser)
    copy_id = db.session().scalar(select(DataCopy.id))
    assert Browser(paper.app).sign_in(paper.member).get(f"/account/data/{copy_id}").status_code == 404
    assert paper.browser("publisher").get(f"/account/data/{copy_id}").status_code == 404
    with time_machine.travel(clock.now() + PROOF_LASTS + timedelta(minutes=1)):
        assert browser.get(f"/account/data/{copy_id}").headers["Location"].startswith("/account/prove")
    with time_machine.travel(clock.now() + copying.COPY_KEPT + timedelta(minutes=1)):
        browser.post("/account/prove", {"proof_password": PASSWORD})
        assert browser.get(f"/account/data/{copy_id}").status_code == 404
        erase_due()
    assert db.session().scalar(select(DataCopy.id)) is None


def test_a_second_copy_waits_for_the_first(paper: Paper) -> None:
    _, browser = a_life(paper)
    browser.post("/account/data")
    browser.post("/account/data")
    assert len(db.session().scalars(select(DataCopy.id)).all()) == 1


def test_a_copy_whose_job_was_given_up_is_said_to_have_failed_and_can_be_asked_for_again(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, browser = a_life(paper)
    browser.post("/account/data")
    page = text_of(browser.get("/account/data"))
    assert "Being made." in page
    assert "Make a copy of my data" not in page
    _forget_request()
    with monkeypatch.context() as patch:
        patch.setattr(queue, "MAX_ATTEMPTS", 1)
        patch.setattr("blueprints.accounts.queries_personal.keep_archive", lambda *_: 1 / 0)
        run_all()
    page = text_of(browser.get("/account/data"))
    assert "Failed Something went wrong on our side. Please ask once more." in page
    assert "Being made" not in page
    assert "Make a copy of my data" in page
    fetched(browser)
    assert [stands for _, stands in copying.copies_of(db.session().scalars(select(DataCopy.user_id)).first() or 0)] == ["ready", "failed"]


def test_a_job_given_up_for_an_older_copy_of_the_same_number_is_not_held_against_a_new_one(paper: Paper) -> None:
    _, browser = a_life(paper)
    with transaction() as session:
        session.add(Job(kind="accounts.make-copy", key="make-copy:1", payload={"copy_id": 1}, attempts=8,
                        run_at=clock.now(), failed_at=clock.now()))  # fmt: skip
    browser.post("/account/data")
    assert "Being made." in text_of(browser.get("/account/data"))


# The end of an account


def asked_to_end(browser: Browser, words: str = "delete") -> None:
    answer = browser.post("/account/delete", {"words": words, "password": PASSWORD})
    assert answer.status_code == 303, text_of(answer)


def end_a_week_later() -> None:
    with time_machine.travel(clock.now() + leaving.TIME_TO_CHANGE_ONES_MIND + timedelta(minutes=1)):
        erase_due()
        run_all()


def whole_database() -> dict[str, str]:
    """Every row of every table as text, by table."""
    db.session.rollback()
    tables = inspect(db.engine).get_table_names()
    return {name: "\n".join(map(str, db.session().execute(text(f'SELECT * FROM "{name}"')).all())) for name in tables}


def test_nothing_that_is_theirs_is_left_a_week_later(paper: Paper) -> None:
    user, browser = a_life(paper)
    asked_to_end(browser)
    assert "Your account ends on" in text_of(browser.get("/account"))
    end_a_week_later()
    row = fresh(user)
    assert row.deleted_at is not None
    left = whole_database()
    left.pop("rate_count")  # an address, for the length of a limit
    for name, holding in HOLDINGS.items():
        if holding.after == "removed" and ">" not in holding.of[0]:
            rows = db.session().execute(text(f'SELECT * FROM "{name}" WHERE {holding.of[0]} = {user.id}')).all()
            assert rows == [], name
    for trace in ("Quastel", "203.0.113", "The heron at the weir", "My own complaint note"):
        assert [name for name, rows in left.items() if trace in rows and name not in {"mail", "job"}] == [], trace
    goodbye = mails_to(ADDRESS)
    assert [(mail.kind, mail.user_id) for mail in goodbye] == [("account-deleted", None)]
    run_all()
    with time_machine.travel(clock.now() + timedelta(days=8, hours=2)):  # the goodbye was written on the seventh
        forget_mails()
    db.session().rollback()
    assert mails_to(ADDRESS) == []
    assert "Quastel" not in whole_database()["mail"]


def test_what_stripe_said_of_somebody_is_emptied_when_their_account_has_ended(paper: Paper) -> None:
    user, browser = a_life(paper)
    with transaction() as session:
        for person, number in ((user, "cus_gone"), (paper.member, "cus_stays")):
            session.add(BillingCustomer(mode="sandbox", user_id=person.id, stripe_id=number))
            session.add(StripeEvent(id=f"evt_{number}", mode="sandbox", type="customer.updated", created_at=clock.now(),
                                    customer=number, body=person.email.encode(), state="done"))  # fmt: skip
    forget_bodies()
    assert all(db.session().scalars(select(StripeEvent.body)))
    asked_to_end(browser)
    end_a_week_later()
    forget_bodies()
    db.session().rollback()
    assert {row.id: bool(row.body) for row in db.session().scalars(select(StripeEvent)) if row.customer} == {
        "evt_cus_gone": False, "evt_cus_stays": True,
    }  # fmt: skip


def test_minds_are_changed_for_a_week(paper: Paper) -> None:
    user, browser = a_life(paper)
    asked_to_end(browser, "keep")
    assert [mail.kind for mail in mails_to(ADDRESS)][-1] == "erasure-asked"
    with time_machine.travel(clock.now() + timedelta(days=6, hours=23)):
        erase_due()
        assert fresh(user).deleted_at is None
        again = Browser(paper.app)
        again.post("/sign-in", {"email": ADDRESS, "password": PASSWORD})
        stays = text_of(again.follow(again.post("/account/delete/take-back")))
        assert "Your account stays." in stays
        assert "cancelled" not in stays
    end_a_week_later()
    assert fresh(user).deleted_at is None
    assert db.session().scalar(select(Erasure.user_id)) is None


def test_asking_twice_keeps_the_first_day(paper: Paper) -> None:
    _, browser = a_life(paper)
    asked_to_end(browser)
    due = db.session().scalar(select(Erasure.due_at))
    answer = browser.post("/account/delete", {"words": "keep", "password": PASSWORD})
    assert answer.status_code == 422
    assert db.session().scalar(select(Erasure.due_at)) == due


def test_a_domain_that_holds_on_to_somebody_holds_up_nobody_else(paper: Paper) -> None:
    from blueprints.accounts.signals import account_deleting_signal
    from core.errors import DomainError

    held, other = make_user(password=PASSWORD), make_user(password=PASSWORD)
    for user in (held, other):
        with transaction():
            leaving.ask(user.id, keep_words=True)

    def refuse(_sender: object, *, user_id: int, keep_words: bool) -> None:
        if user_id == held.id:
            raise DomainError("Not yet.")

    with account_deleting_signal.connected_to(refuse):
        end_a_week_later()
    assert fresh(held).deleted_at is None
    assert fresh(other).deleted_at is not None
    end_a_week_later()
    assert fresh(held).deleted_at is not None


def test_a_membership_is_not_renewed_from_the_day_of_asking(app: Flask) -> None:
    from jobs.queue import HANDLERS
    from models.job import Job

    make_site()
    user = make_user(password=PASSWORD)
    with transaction():
        leaving.ask(user.id, keep_words=True)
    kinds = db.session().scalars(select(Job.kind)).all()
    assert "membership.stop-renewal" in kinds
    assert "membership.stop-renewal" in HANDLERS
    run_all()
    assert db.session().scalars(select(Job.id).where(Job.failed_at.is_not(None))).all() == []
