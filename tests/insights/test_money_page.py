"""What the publisher sees of money and members, and what happens when the books do not agree."""

import csv
import io
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from blueprints.insights import checking
from core.db import db, transaction
from jobs import worker
from models.insight import Insight
from models.movement import BilledInvoice, Movement
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.membership.conftest import Till, real_time, till  # noqa: F401
from tests.membership.test_movements import joined, switch
from tests.membership.test_own_page import pass_time
from tests.publisher.rows import office
from tests.publisher.test_overview import statements


@pytest.fixture
def pat(till: Till) -> Browser:  # noqa: F811
    return Browser(till.app).sign_in(make_user("Pat Moreau", roles=("publisher",)))


def table(browser: Browser, key: str) -> list[list[str]]:
    answer = browser.get(f"/publisher/insights/{key}.csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))


def checked(browser: Browser) -> str:
    browser.post("/publisher/insights/check", {})
    worker.run_all()
    return text_of(browser.get("/publisher/insights"))


def test_an_empty_paper_says_what_will_be_here(app: Flask) -> None:
    page = text_of(office(app).get("/publisher/insights"))
    assert "Nobody pays for a plan yet" in page
    assert "Nobody has been a member yet." in page
    assert "The books were not compared yet." in page


def test_only_a_publisher_sees_it(app: Flask) -> None:
    pat = office(app)
    for path in ("/publisher/insights", "/publisher/insights/members.csv"):
        assert Browser(app).get(path).status_code == 303
        assert Browser(app).sign_in(make_user(roles=("editor",))).get(path).status_code == 403
    assert pat.get("/publisher/insights/nothing.csv").status_code == 404


def test_rows_add_up_in_the_page_and_in_the_file(till: Till, pat: Browser) -> None:  # noqa: F811
    joined(till, "vip-year")
    joined(till, "vip-year")
    user, _ = joined(till)
    pass_time(till, 33)
    switch(till, user, "gold-month")
    rows = table(pat, "movements-usd")
    head, *months, total = rows
    assert head[0] == "Month"
    for row in [*months, total]:
        figures = [round(float(cell) * 100) for cell in row[1:-1]]
        assert sum(figures[:-1]) == figures[-1]
    assert total[-2] == f"{(4900 * 2 / 12 + 990) / 100:.2f}"
    page = text_of(pat.get("/publisher/insights"))
    assert "$18.07 MRR now" in page
    assert table(pat, "plans-usd")[-1][-1] == "18.07"
    drawing = pat.get("/publisher/insights").get_data(as_text=True)
    assert drawing.count("<title") == 1 + drawing.count('role="img"') == 4
    assert "style=" not in drawing


def test_members_are_counted_by_plan(till: Till, pat: Browser) -> None:  # noqa: F811
    user, _ = joined(till)
    joined(till)
    switch(till, user, "gold-month")
    page = text_of(pat.get("/publisher/insights"))
    assert "1 have VIP now; 2 began and 1 ended this month" in page
    assert "1 have VIP Gold now; 1 began and 0 ended this month" in page
    assert [row for row in table(pat, "members") if row[-1] != "0"][1:] == [
        ["VIP", row[1], "0", "2", "-1", "1"] if row[0] == "VIP" else ["VIP Gold", row[1], "0", "1", "0", "1"]
        for row in table(pat, "members")[1:] if row[-1] != "0"
    ]


@pytest.mark.once
def test_invoices_are_shown_by_their_parts(till: Till, pat: Browser) -> None:  # noqa: F811
    user, _ = joined(till)
    pass_time(till, 10)
    switch(till, user, "gold-month")
    assert table(pat, "invoices")[1:] == []
    checked(pat)
    rows = table(pat, "invoices")[1:]
    full, lasting, once, changes, other, total, paid = (sum(float(row[at]) for row in rows) for at in range(3, 10))
    assert full == 4.90
    assert changes > 0
    assert round(full + lasting + once + changes + other, 2) == round(total, 2) == round(paid, 2)


def test_the_books_agree_after_a_life_of_changes(till: Till, pat: Browser) -> None:  # noqa: F811
    joined(till, card="fails-later")
    joined(till, "gold-year")
    switcher, _ = joined(till)
    pass_time(till, 20)
    switch(till, switcher, "gold-month")
    pass_time(till, 60)
    assert "The books agree to the cent 3 Subscriptions" in checked(pat)


@pytest.mark.parametrize("damage", ["chain", "end", "rate", "unbooked"])
def test_what_does_not_agree_is_named_and_mended_where_stripe_can_tell(till: Till, pat: Browser, damage: str) -> None:  # noqa: F811
    joined(till)
    pass_time(till, 33)
    broken: dict[str, Any] = {
        "chain": update(Movement).values(number=2, from_plan_id=Movement.plan_id),
        "end": delete(Movement),
        "rate": update(BilledInvoice).values(yearly_cents=1),
        "unbooked": delete(BilledInvoice),
    }
    with transaction() as session:
        session.execute(broken[damage])
    found = checking.compare("sandbox")
    with transaction():
        checking.keep("sandbox", found)
    assert damage in {one.kind for one in found.differences}
    page = text_of(pat.get("/publisher/insights"))
    assert "The books do not agree" in page
    if damage != "end":
        number = db.session().scalar(select(BilledInvoice.number))
        assert damage == "chain" or damage == "unbooked" or str(number) in page
    worker.run_all()
    if damage in ("end", "rate", "unbooked"):
        assert "The books agree to the cent" in checked(pat)


@pytest.mark.once
def test_the_page_asks_as_often_for_one_member_as_for_many(till: Till, pat: Browser) -> None:  # noqa: F811
    joined(till)
    pat.get("/publisher/insights")
    with statements() as few:
        pat.get("/publisher/insights")
    for price in ("vip-year", "gold-month", "vip-month"):
        joined(till, price)
    pat.get("/publisher/insights")
    with statements() as many:
        pat.get("/publisher/insights")
    assert len(many) == len(few) <= 14


def test_a_wrong_period_shows_the_usual_one(till: Till, pat: Browser) -> None:  # noqa: F811
    joined(till)
    for asked, rows in (("3", 3), ("24", 24), ("7", 12), ("x", 12), ("", 12)):
        page = pat.get(f"/publisher/insights/plans-usd.csv?months={asked}").get_data(as_text=True)
        assert len(page.strip().splitlines()) == rows + 1


def test_the_nightly_comparison_keeps_one_result_of_each_mode(till: Till) -> None:  # noqa: F811
    from blueprints.insights.jobs import check_books

    check_books()
    check_books()
    assert len(db.session().scalars(select(Insight)).all()) == 1
    assert re.match(r"\d{4}", str(db.session().scalar(select(Insight.computed_at))))
