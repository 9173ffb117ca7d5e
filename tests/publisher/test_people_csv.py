"""People as CSV, both ways."""

import csv
import io
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from blueprints.publisher import people_csv
from core import clock
from core.db import db, transaction
from core.step_up import PROOF_LASTS
from models.browser_session import BrowserSession
from models.membership import Entitlement, Membership
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_plan, make_site, make_user


@pytest.fixture
def boss(app: Flask) -> Browser:
    make_site()
    make_plan()
    return Browser(app).sign_in(make_user("Pat Moreau", email="pat@example.test", roles=("publisher",)))


def users() -> int:
    return db.session().scalar(select(func.count()).select_from(User)) or 0


def exported(browser: Browser) -> list[dict[str, str]]:
    answer = browser.get("/publisher/people/export")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def test_everybody_goes_out_with_roles_and_plans(boss: Browser, app: Flask) -> None:
    make_user("Vic Tanaka", email="vic@example.test", plan=make_plan())
    rows = {row["email"]: row for row in exported(boss)}
    assert (rows["vic@example.test"]["plans"], rows["vic@example.test"]["display_name"]) == ("vip", "Vic Tanaka")
    assert rows["pat@example.test"]["roles"] == "publisher"


def test_no_value_that_goes_out_is_a_formula(boss: Browser) -> None:
    user = make_user(email="+ann@example.test")
    with transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(display_name='=HYPERLINK("//evil.test")'))
    [row] = [row for row in exported(boss) if row["email"].endswith("ann@example.test")]
    assert row["email"] == "'+ann@example.test"
    assert row["display_name"] == '\'=HYPERLINK("//evil.test")'
    for sign in people_csv.FORMULA:
        assert people_csv.safe(f"{sign}1").startswith("'")


def test_many_people_go_out_in_few_questions(boss: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from blueprints.publisher import queries_csv

    monkeypatch.setattr(queries_csv, "PEOPLE_AT_ONCE", 2)
    for _ in range(5):
        make_user()
    assert len(exported(boss)) == 6


def test_a_trial_changes_nothing_and_names_each_row_that_is_left_out(boss: Browser) -> None:
    make_user("Known One", email="known@example.test")
    before = users()
    answer = boss.post("/publisher/people/import", {"rows": "\n".join([
        "Email;Display_Name;plan;last_day", "new@example.test;New Reader;vip;", "known@example.test;;vip;2999-01-01",
        "known@example.test;;vip;", "not an address;X;;", "third@example.test;;;", "fourth@example.test;Known One;;",
        "fifth@example.test;Fifth;gold;", "new@example.test;Again;;",
    ])})  # fmt: skip
    page = text_of(answer)
    assert "Nothing is changed yet" in page
    assert "1 new account, 1 known, 2 memberships, 6 rows left out" in page
    for said in ("3 This is very far away", "5 This does not look like an e-mail address", "6 A new person needs a display_name",
                 "7 Somebody here has this name already", "8 There is no plan with the key gold", "9 This address is in the file twice"):  # fmt: skip
        assert said in page
    assert users() == before


def test_what_was_tried_is_taken_in_and_a_second_time_changes_nothing(boss: Browser) -> None:
    rows = "email,display_name,plan,last_day\nnew@example.test,New Reader,vip,2027-01-31\n'+plus@example.test,Plus Reader,,\n"
    assert "2 new accounts, 0 known, 1 membership" in text_of(boss.post("/publisher/people/import", {"rows": rows}))
    assert "Done" in text_of(boss.post("/publisher/people/import", {"rows": rows, "sure": "1"}))
    made = db.session().scalars(select(User).where(User.email.in_(["new@example.test", "+plus@example.test"]))).all()
    assert {(user.display_name, user.password, user.confirmed_at is not None) for user in made} == {
        ("New Reader", None, True), ("Plus Reader", None, True)}  # fmt: skip
    assert len(db.session().scalars(select(Entitlement.id)).all()) == 1
    before = users()
    assert "0 new accounts, 2 known" in text_of(boss.post("/publisher/people/import", {"rows": rows, "sure": "1"}))
    assert (users(), len(db.session().scalars(select(Entitlement.id)).all())) == (before, 1)


def test_what_went_out_can_be_taken_in_again_and_is_the_same(boss: Browser) -> None:
    make_plan("gold", "VIP Gold", rank=2)
    make_user("Vic Tanaka", email="vic@example.test")
    rows = "email,display_name,plan,last_day\nvic@example.test,,vip gold,2027-01-31\nann@example.test,Ann Other,gold,\n"
    boss.post("/publisher/people/import", {"rows": rows, "sure": "1"})
    kept = ("email", "display_name", "plans", "last_day")
    before = [{name: row[name] for name in kept} for row in exported(boss)]
    assert {"email": "vic@example.test", "display_name": "Vic Tanaka", "plans": "vip gold", "last_day": "2027-01-31"} in before
    out = boss.get("/publisher/people/export").get_data(as_text=True)
    with transaction() as session:
        session.execute(delete(Entitlement))
        session.execute(delete(Membership))
        session.execute(
            update(User).where(User.email == "ann@example.test")
            .values(email="gone@deleted.invalid", name_key="gone", name_skeleton="gone", deleted_at=clock.now())
        )  # fmt: skip
    assert "Not taken in: since, confirmed, roles." in text_of(boss.post("/publisher/people/import", {"rows": out}))
    boss.post("/publisher/people/import", {"rows": out, "sure": "1"})
    assert [{name: row[name] for name in kept} for row in exported(boss)] == before


def test_new_people_are_written_to_only_when_that_is_asked_for(boss: Browser) -> None:
    make_user("Known One", email="known@example.test")
    rows = "email,display_name\n{}@example.test,{}\nknown@example.test,\n"
    boss.post("/publisher/people/import", {"rows": rows.format("one", "First New"), "sure": "1"})
    assert db.session().scalars(select(Mail.recipient)).all() == []
    assert "Write to the new people" in boss.post("/publisher/people/import", {"rows": rows.format("two", "Second New")}).text
    boss.post("/publisher/people/import", {"rows": rows.format("two", "Second New"), "sure": "1", "write": "1"})
    [mail] = db.session().scalars(select(Mail)).all()
    assert (mail.recipient, "/forgot-password" in mail.text) == ("two@example.test", True)


def test_a_file_as_spreadsheets_write_it_is_taken(boss: Browser) -> None:
    content = "\ufeffEmail\tDisplay_name\r\ntab@example.test\tTab Reader\r\n".encode()
    answer = boss.post("/publisher/people/import", {"file": (io.BytesIO(content), "people.csv")}, content_type="multipart/form-data")
    assert "1 new account" in text_of(answer)


@pytest.mark.once
@pytest.mark.parametrize("text", ["", "name,plan\nx,vip", 'email\n"open', "email\n" + "a@b.test\n" * 1001, "\0\0", "email"])
def test_what_is_no_such_file_is_said_in_a_sentence(boss: Browser, text: str) -> None:
    answer = boss.post("/publisher/people/import", {"rows": text})
    assert answer.status_code in {200, 422}
    assert users() == 1


def test_who_does_not_own_the_paper_and_who_proved_nothing_lately_gets_nothing(boss: Browser, app: Flask) -> None:
    editor = Browser(app).sign_in(make_user(roles=("editor",)))
    for path in ("export", "import"):
        assert editor.get(f"/publisher/people/{path}").status_code == 403
    with transaction() as session:
        session.execute(update(BrowserSession).values(proved_at=clock.now() - PROOF_LASTS - timedelta(seconds=1)))
    assert boss.get("/publisher/people/export").headers["Location"].startswith("/account/prove")
    asked = boss.post("/publisher/people/import", {"rows": "email\nx@example.test", "sure": "1"})
    assert asked.status_code == 403
    assert 'name="rows"' in asked.text
