"""A membership for a group: seats bought, given by link or mail, taken, freed, changed; none lost, none given twice."""

import re
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core import clock
from core.db import db, transaction
from models.consent import Consent
from models.membership import Entitlement, Payment, Subscription
from models.notification import Mail
from models.seat import Seat
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_site
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.publisher.rows import at_once

OWN = "/account/membership/seats"


def bought(till: Till, seats: int = 3, price: str = "vip-month", card: str = "works") -> tuple[User, Browser]:
    """A group that is paid, with its owner."""
    owner, browser = till.reader()
    answer = browser.post("/join/checkout", {"price": price, "seats": str(seats)})
    assert answer.status_code == 303, text_of(answer)
    till.come_back(browser, till.pay(str(answer.headers["Location"]), card))
    till.deliver()
    return owner, browser


def group_link(browser: Browser) -> str:
    found = re.search(r'value="http://localhost(/seats/[^"]*)"', browser.get(OWN).get_data(as_text=True))
    assert found
    return found[1]


def link_in_mail(address: str) -> str:
    mail = db.session().scalars(select(Mail).where(Mail.kind == "seat.invited", Mail.recipient == address)).one()
    found = re.search(r"http://localhost(/seats/\S+)", mail.text)
    assert found
    return found[1]


def live(user: User) -> list[str]:
    now = clock.now()
    rows = db.session().scalars(select(Entitlement).where(Entitlement.user_id == user.id).execution_options(populate_existing=True))
    return [row.source for row in rows if row.starts_at <= now and (row.ends_at is None or row.ends_at > now)]


def seats(*, given: bool = True) -> list[Seat]:
    rows = select(Seat).order_by(Seat.number).execution_options(populate_existing=True)
    return list(db.session().scalars(rows.where(Seat.ended_at.is_(None)) if given else rows))


def sit(till: Till, owner: Browser) -> tuple[User, Browser]:
    person, browser = till.reader()
    assert browser.post(group_link(owner)).status_code == 303
    return person, browser


def shown(browser: Browser, number: int) -> tuple[str, dict[str, str]]:
    page = browser.get(f"{OWN}/change?seats={number}")
    assert page.status_code == 200, text_of(page)
    return text_of(page), dict(re.findall(r'name="(amount|at|seats)" value="([^"]*)"', page.get_data(as_text=True)))


def paid() -> list[int]:
    return list(db.session().scalars(select(Payment.amount_cents).order_by(Payment.paid_at, Payment.id)))


@pytest.mark.once
def test_where_no_seat_can_be_had_the_page_says_why_instead_of_asking_how_many(till: Till) -> None:
    make_site(longest_pause="3")
    _, browser = till.reader()
    till.join(browser)
    assert "Another number of seats" in text_of(browser.get(OWN))
    browser.post("/account/membership/pause", {"months": "1"})
    till.deliver()
    page = text_of(browser.get(OWN))
    assert "The number of seats stays for now. Your membership is paused. Choose to go on first, then change it." in page
    assert "Another number of seats" not in page
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    page = text_of(browser.get(OWN))
    assert "The number of seats stays for now. Your membership is cancelled. Choose to stay first, then change it." in page
    assert "Another number of seats" not in page
    answer = browser.get(f"{OWN}/change?seats=2")
    assert answer.status_code == 409
    assert text_of(answer).count("Your membership is cancelled.") == 1


@pytest.mark.once
def test_the_total_stands_above_the_button_and_is_what_is_paid(till: Till, client: Browser) -> None:
    page = text_of(client.get("/join/group?price=vip-month&seats=3"))
    assert "$14.70 a month" in page
    assert "3 seats at $4.90, yours included." in page
    owner, browser = bought(till)
    assert paid() == [1470]
    assert till.subscriptions()[0]["items"]["data"][0]["quantity"] == 3
    assert live(owner) == ["stripe"]
    assert "VIP, 3 seats, $14.70 a month" in text_of(browser.get("/account/membership"))
    assert "Free 2" in text_of(browser.get(OWN))
    kept = db.session().scalars(select(Consent).where(Consent.kind == "join")).one()
    assert "$14.70 today, then $14.70 every month" in kept.shown


@pytest.mark.once
@pytest.mark.parametrize("number", ["1", "0", "-3", "201", "99999999"])
def test_a_group_has_a_sensible_size(till: Till, client: Browser, number: str) -> None:
    answer = client.get(f"/join/group?price=vip-month&seats={number}")
    assert answer.status_code == 422
    assert "A group has 2 to 200 seats" in text_of(answer)
    _, browser = till.reader()
    if number != "1":
        assert browser.post("/join/checkout", {"price": "vip-month", "seats": number}).status_code == 422


def test_a_guest_who_buys_seats_is_brought_back_to_them(till: Till, client: Browser) -> None:
    answer = client.post("/join/checkout", {"price": "vip-month", "seats": "4"})
    assert "seats%253D4" in answer.headers["Location"] or "seats%3D4" in answer.headers["Location"]
    assert "seats=4" in client.get("/join?price=vip-month&seats=4").headers["Location"]


def test_an_invitation_keeps_a_seat_until_it_is_taken(till: Till, client: Browser) -> None:
    _, owner = bought(till)
    assert owner.post(f"{OWN}/invite", {"email": "nobody"}).status_code == 422
    assert owner.post(f"{OWN}/invite", {"email": "Nadia@example.test"}).status_code == 303
    assert owner.post(f"{OWN}/invite", {"email": "nadia@example.test"}).status_code == 409
    assert "Free 1" in text_of(owner.get(OWN))
    link = link_in_mail("nadia@example.test")
    assert "Sign up and take it" in text_of(client.get(link))
    nadia, taking = till.reader()
    assert "Nothing is charged to you" in text_of(taking.get(link))
    assert live(nadia) == []
    assert taking.post(link).status_code == 303
    assert taking.post(link).status_code == 303
    assert live(nadia) == ["seat"]
    assert len(seats()) == 1
    assert nadia.display_name in text_of(owner.get(OWN))
    assert "A seat in a group" in text_of(taking.get("/account/membership"))
    _, other = till.reader()
    assert other.post(link).status_code == 409
    assert till.memberships(nadia)[0].ended_at is None


@pytest.mark.once
def test_the_group_link_gives_seats_as_long_as_there_are_some(till: Till) -> None:
    _, owner = bought(till)
    first, _ = sit(till, owner)
    second, _ = sit(till, owner)
    third, late = till.reader()
    answer = late.post(group_link(owner))
    assert answer.status_code == 409
    assert "All seats of this group are given" in text_of(answer)
    assert (live(first), live(second), live(third)) == (["seat"], ["seat"], [])
    assert owner.post(group_link(owner)).status_code == 409


def test_a_new_link_closes_the_old_one(till: Till, client: Browser) -> None:
    _, owner = bought(till)
    old = group_link(owner)
    owner.post(f"{OWN}/link")
    assert client.get(old).status_code == 404
    assert client.get(group_link(owner)).status_code == 200


def test_two_at_once_for_the_last_seat_get_one_seat(till: Till) -> None:
    _, owner = bought(till, seats=2)
    link = group_link(owner)
    people = [till.reader() for _ in range(3)]
    answers = at_once(till.app, *[lambda one=one: one.post(link) for _, one in people])
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409]
    assert sum(len(live(user)) for user, _ in people) == 1
    assert [seat.number for seat in seats()] == [2]


def test_one_person_in_two_tabs_gets_one_seat(till: Till) -> None:
    _, owner = bought(till)
    link = group_link(owner)
    person, browser = till.reader()
    answers = at_once(till.app, lambda: browser.post(link), lambda: browser.post(link))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(seats()) == 1
    assert live(person) == ["seat"]


def test_inviting_and_taking_at_once_never_gives_more_than_there_is(till: Till) -> None:
    _, owner = bought(till, seats=2)
    link = group_link(owner)
    _, browser = till.reader()
    answers = at_once(till.app, lambda: owner.post(f"{OWN}/invite", {"email": "a@example.test"}), lambda: browser.post(link))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(seats()) == 1


def test_the_database_itself_forbids_a_seat_given_twice(till: Till) -> None:
    bought(till)
    number = db.session().scalars(select(Subscription.id)).one()
    with transaction() as session:
        session.add(Seat(subscription_id=number, number=2))
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Seat(subscription_id=number, number=2))


@pytest.mark.once
def test_the_owner_frees_a_seat_and_another_takes_it(till: Till) -> None:
    _, owner = bought(till, seats=2)
    link = group_link(owner)
    first, theirs = sit(till, owner)
    _, stranger = till.reader()
    number = seats()[0].id
    assert stranger.post(f"{OWN}/{number}/remove").status_code == 404
    assert owner.post(f"{OWN}/{number}/remove").status_code == 303
    assert live(first) == []
    assert till.memberships(first)[0].ended_at is not None
    assert "seat.ended" in till.mails(first)
    assert theirs.post(link).status_code == 404, "somebody who was removed sat down again"
    assert "has a new link" in text_of(owner.get(OWN))
    second, _ = sit(till, owner)
    assert live(second) == ["seat"]
    assert [seat.number for seat in seats()] == [2]


@pytest.mark.once
def test_somebody_leaves_by_themselves(till: Till) -> None:
    _, owner = bought(till)
    person, browser = sit(till, owner)
    _, stranger = till.reader()
    number = seats()[0].id
    assert stranger.post(f"/account/membership/seat/{number}/leave").status_code == 404
    assert browser.post(f"/account/membership/seat/{number}/leave").status_code == 303
    assert live(person) == []
    assert "Free 2" in text_of(owner.get(OWN))


def test_more_seats_cost_exactly_what_was_shown_and_come_at_once(till: Till) -> None:
    _, owner = bought(till)
    pass_time(till, 10)
    words, form = shown(owner, 5)
    amount = int(form["amount"])
    assert 0 < amount < 980
    assert f"${amount / 100:.2f} today, for 2 more seats" in words
    assert "Then $24.50 every month for 5 seats" in words
    for wrong in ({"seats": "5"}, form | {"amount": "1"}, form | {"at": "2020-01-01T00:00:00+00:00"}):
        assert owner.post(f"{OWN}/change", wrong).status_code == 409
    assert paid() == [1470]
    first = owner.post(f"{OWN}/change", form)
    second = owner.post(f"{OWN}/change", form)
    assert (first.status_code, second.status_code) == (303, 409)
    till.deliver()
    assert paid() == [1470, amount]
    assert "Free 4" in text_of(owner.get(OWN))
    assert db.session().scalars(select(Consent).where(Consent.kind == "seats")).one().shown.startswith(f"${amount / 100:.2f} today")


def test_fewer_seats_wait_for_the_period_and_nobody_new_comes_in_meanwhile(till: Till) -> None:
    _, owner = bought(till, seats=5)
    first, _ = sit(till, owner)
    words, form = shown(owner, 2)
    assert "You keep 5 seats until" in words
    assert "amount" not in form
    assert owner.post(f"{OWN}/change", form).status_code == 303
    till.deliver()
    assert "2 from" in text_of(owner.get(OWN))
    _, late = till.reader()
    assert late.post(group_link(owner)).status_code == 409
    pass_time(till, 32)
    assert paid() == [2450, 980]
    assert live(first) == ["seat"]
    assert "VIP, 2 seats, $9.80 a month" in text_of(owner.get("/account/membership"))


@pytest.mark.once
def test_a_change_that_waits_can_be_dropped(till: Till) -> None:
    _, owner = bought(till)
    owner.post(f"{OWN}/change", {"seats": "2"})
    till.deliver()
    assert owner.post("/account/membership/keep").status_code == 303
    pass_time(till, 32)
    assert paid() == [1470, 1470]


@pytest.mark.once
def test_seats_in_use_are_freed_before_there_are_fewer(till: Till) -> None:
    _, owner = bought(till)
    sit(till, owner)
    sit(till, owner)
    answer = owner.get(f"{OWN}/change?seats=2")
    assert answer.status_code == 409
    assert "3 seats are in use, with yours" in text_of(answer)


@pytest.mark.once
def test_where_fewer_are_paid_than_given_who_came_last_loses(till: Till) -> None:
    owner, browser = bought(till, seats=4)
    first, _ = sit(till, browser)
    second, _ = sit(till, browser)
    browser.post(f"{OWN}/invite", {"email": "a@example.test"})
    from blueprints.membership.gateway import gateway

    subscription = till.subscriptions()[0]
    stripe = gateway()
    standing = stripe.retrieve_subscription(subscription["id"])
    stripe.ask(lambda: stripe.v1.subscriptions.update(subscription["id"], {
        "items": [{"id": standing.item, "quantity": 2}], "proration_behavior": "none"}))  # fmt: skip
    till.deliver()
    assert (live(owner), live(first), live(second)) == (["stripe"], ["seat"], [])
    assert [(seat.number, seat.user_id) for seat in seats()] == [(2, first.id)]
    assert "seat.ended" in till.mails(second)


@pytest.mark.once
def test_seats_follow_the_end_of_the_group(till: Till) -> None:
    _, owner = bought(till)
    person, _ = sit(till, owner)
    owner.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    row = db.session().scalars(select(Entitlement).where(Entitlement.user_id == person.id).execution_options(populate_existing=True)).one()
    assert row.ends_at is not None
    assert live(person) == ["seat"]
    pass_time(till, 32)
    assert live(person) == []
    assert till.memberships(person)[0].ended_at is not None
    assert seats() == []
    assert "seat.ended" in till.mails(person)


@pytest.mark.once
def test_seats_follow_a_missing_payment_a_dispute_and_another_plan(till: Till) -> None:
    _, owner = bought(till)
    person, _ = sit(till, owner)
    from stripe_sandbox import disputes

    with till.sandbox.store.write() as tx:
        disputes.open_dispute(tx, tx.select("charge")[0])
    till.deliver()
    assert live(person) == []
    with till.sandbox.store.write() as tx:
        disputes.decide(tx, tx.select("dispute")[0], won=True)
    till.deliver()
    assert live(person) == ["seat"]
    page = owner.get("/account/membership/switch/gold-month").get_data(as_text=True)
    owner.post("/account/membership/switch/gold-month", dict(re.findall(r'name="(amount|at)" value="([^"]*)"', page)))
    till.deliver()
    assert [membership.ended_at is None for membership in till.memberships(person)] == [False, False, True]


def test_who_deletes_their_account_frees_the_seat(till: Till) -> None:
    from blueprints.accounts.service import delete_account

    _, owner = bought(till)
    person, _ = sit(till, owner)
    with transaction():
        delete_account(person.id, keep_words=True)
    till.deliver()
    assert seats() == []


@pytest.mark.once
def test_a_single_membership_becomes_a_group(till: Till) -> None:
    _, owner = till.reader()
    till.join(owner)
    assert "Seats for others" in text_of(owner.get("/account/membership"))
    _, form = shown(owner, 3)
    assert owner.post(f"{OWN}/change", form).status_code == 303
    till.deliver()
    person, _ = sit(till, owner)
    assert live(person) == ["seat"]


@pytest.mark.once
def test_an_outage_changes_nothing_and_says_so(till: Till, stripe_down: Any) -> None:
    _, owner = bought(till)
    _, form = shown(owner, 5)
    stripe_down()
    assert owner.post(f"{OWN}/change", form).status_code == 503
    assert owner.get(f"{OWN}/change?seats=5").status_code == 503
    assert owner.post(f"{OWN}/invite", {"email": "a@example.test"}).status_code == 303


def test_codes_are_for_one_person(till: Till) -> None:
    _, browser = till.reader()
    answer = browser.post("/join/checkout", {"price": "vip-month", "seats": "3", "code": "SPRING"})
    assert answer.status_code == 422
    assert "not for a group" in text_of(answer)


def test_who_pays_for_no_group_is_led_to_one(till: Till) -> None:
    _, browser = till.reader()
    assert browser.get(OWN).headers["Location"].endswith("/join/group")
    assert browser.post(f"{OWN}/invite", {"email": "a@example.test"}).status_code == 404
    assert browser.get("/seats/nothing-like-it").status_code == 404
