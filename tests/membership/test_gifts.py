"""A membership for somebody else: paid once, sent on its day, taken once, taken back, and never lost or doubled."""

import random
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from blueprints.membership import gifts
from core import clock
from core.db import db, transaction
from jobs import worker
from models.consent import Consent
from models.gift import Gift
from models.membership import Entitlement
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_entitlement, make_plan, make_site
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.publisher.rows import at_once


def words(**more: str) -> dict[str, str]:
    given = {
        "price": "vip-year", "to_name": "Aunt Ilse", "to_email": "ilse@example.test", "from_name": "Vic",
        "note": "For the long evenings.\nYours, V.", "send_on": f"{clock.now():%Y-%m-%d}",
    }  # fmt: skip
    return given | more


def press(browser: Browser, **more: str) -> str:
    """Press the button of the form; the address of Stripe's page."""
    answer = browser.post("/account/gifts/new", words(**more))
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["Location"])


def bought(till: Till, card: str = "works", **more: str) -> tuple[User, Browser, Gift]:
    """A gift that is paid, with its giver."""
    giver, browser = till.reader()
    answer = till.come_back(browser, till.pay(press(browser, **more), card))
    assert answer.status_code == 303
    till.deliver()
    return giver, browser, only_gift()


def only_gift() -> Gift:
    return db.session().scalars(select(Gift).execution_options(populate_existing=True)).one()


def link_in_mail() -> str:
    mail = db.session().scalars(select(Mail).where(Mail.kind == "gift.given").order_by(Mail.id.desc())).first()
    assert mail is not None
    found = re.search(r"http://localhost(/gifts/\S+)", mail.text)
    assert found
    return found[1]


def kinds() -> list[str]:
    return list(db.session().scalars(select(Mail.kind).where(Mail.kind.like("gift.%")).order_by(Mail.id)))


def spans(user: User) -> list[tuple[str, Any, Any]]:
    rows = select(Entitlement).where(Entitlement.user_id == user.id).order_by(Entitlement.starts_at)
    found = db.session().scalars(rows.execution_options(populate_existing=True))
    return [(row.source, row.starts_at, row.ends_at) for row in found]


def charges(till: Till) -> list[dict[str, Any]]:
    with till.sandbox.store.read() as tx:
        return list(tx.select("charge"))


def test_a_gift_is_paid_once_sent_and_taken_for_exactly_a_year(till: Till) -> None:
    _, giving, gift = bought(till)
    assert (gift.state, gift.paid_cents, gift.refunded_cents) == ("paid", 4900, 0)
    assert till.subscriptions() == []
    assert kinds() == ["gift.bought", "gift.given"]
    page = text_of(giving.get(f"/account/gifts/{gift.id}"))
    assert "Sent on" in page
    assert "$49.00 on" in page
    mail = db.session().scalars(select(Mail).where(Mail.kind == "gift.given")).one()
    assert (mail.recipient, mail.user_id, mail.subject) == ("ilse@example.test", None, "Vic gives you VIP")
    assert "For the long evenings.\nYours, V." in mail.text

    ilse, taking = till.reader()
    shown = text_of(taking.get(link_in_mail()))
    assert "Vic gives you VIP" in shown
    assert "It begins at once and gives you VIP for a year" in shown
    assert spans(ilse) == []
    assert taking.post(link_in_mail()).status_code == 303
    ((source, starts_at, ends_at),) = spans(ilse)
    assert source == "gift"
    assert (ends_at.month, ends_at.day, ends_at.time()) == (starts_at.month, starts_at.day, starts_at.time())
    assert ends_at.year == starts_at.year + 1
    till.deliver()
    assert kinds() == ["gift.bought", "gift.given", "gift.taken"]
    assert "Taken on" in text_of(giving.get(f"/account/gifts/{gift.id}"))
    assert "A gift to you, until" in text_of(taking.get("/account/membership"))
    assert only_gift().to_email == ""
    kept = db.session().scalars(select(Consent).where(Consent.kind == "gift", Consent.user_id == gift.giver_id)).one()
    assert kept.shown.startswith("VIP for a year: $49.00 once\n")


@pytest.mark.once
def test_a_gift_ends_by_itself_and_says_so_once(till: Till) -> None:
    bought(till, price="vip-month")
    ilse, taking = till.reader()
    taking.post(link_in_mail())
    pass_time(till, 32)
    assert till.memberships(ilse)[0].ended_at is not None
    assert kinds().count("gift.over") == 1
    assert "See the plans" in text_of(taking.get("/account/membership"))


@pytest.mark.once
def test_it_goes_out_on_its_day_and_not_before(till: Till) -> None:
    _, giving, gift = bought(till, send_on=f"{clock.now() + timedelta(days=10):%Y-%m-%d}")
    assert kinds() == ["gift.bought"]
    assert "goes out on" in text_of(giving.get(f"/account/gifts/{gift.id}"))
    pass_time(till, 9)
    assert kinds() == ["gift.bought"]
    pass_time(till, 2)
    assert kinds() == ["gift.bought", "gift.given"]
    pass_time(till, 2)
    assert kinds() == ["gift.bought", "gift.given"]


def test_redirect_and_webhooks_in_any_number_count_once(till: Till) -> None:
    _, browser = till.reader()
    till.sandbox.set_delivery_mode("duplicated")
    back = till.pay(press(browser))
    for _ in range(2):
        assert till.come_back(browser, back).status_code == 303
    till.deliver()
    till.come_back(browser, back)
    assert kinds() == ["gift.bought", "gift.given"]
    assert len(charges(till)) == 1


@pytest.mark.once
def test_the_webhook_alone_is_enough(till: Till) -> None:
    _, browser = till.reader()
    till.pay(press(browser))
    till.deliver()
    assert only_gift().state == "paid"
    assert kinds() == ["gift.bought", "gift.given"]


def test_the_same_words_lead_to_the_same_page_and_other_words_close_it(till: Till) -> None:
    _, browser = till.reader()
    first = press(browser)
    assert press(browser) == first
    other = press(browser, to_name="Uncle Max")
    assert other != first
    assert Browser(till.app).http.get(urlsplit(first).path).status_code == 410
    till.pay(other)
    till.deliver()
    states = list(db.session().scalars(select(Gift.state).order_by(Gift.id)))
    assert states == ["expired", "paid"]


@pytest.mark.once
def test_other_words_after_paying_lead_to_what_was_paid(till: Till) -> None:
    _, browser = till.reader()
    till.pay(press(browser))
    answer = browser.post("/account/gifts/new", words(to_name="Uncle Max"))
    assert answer.headers["Location"].endswith(f"/account/gifts/{only_gift().id}")
    assert only_gift().state == "paid"
    assert len(charges(till)) == 1


@pytest.mark.parametrize("times", [2])
def test_two_presses_at_once_open_one_page(till: Till, times: int) -> None:
    _, browser = till.reader()
    answers = at_once(till.app, *[lambda: browser.post("/account/gifts/new", words()) for _ in range(times)])
    places = {answer.headers["Location"] for answer in answers if answer.status_code == 303}
    assert len(places) == 1
    assert db.session().scalar(select(func.count()).select_from(Gift)) == 1


@pytest.mark.once
def test_what_was_not_paid_can_be_gone_on_with_or_expires(till: Till) -> None:
    _, browser = till.reader()
    url = press(browser)
    gift = only_gift()
    assert "Not paid yet" in text_of(browser.get(f"/account/gifts/{gift.id}"))
    assert browser.post(f"/account/gifts/{gift.id}/pay").headers["Location"] == url
    pass_time(till, 2)
    assert only_gift().state == "expired"
    assert kinds() == []


def test_two_people_with_one_link_get_one_gift(till: Till) -> None:
    bought(till)
    link = link_in_mail()
    people = [till.reader() for _ in range(2)]
    answers = at_once(till.app, *[lambda one=one: one.post(link) for _, one in people])
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert sum(len(spans(user)) for user, _ in people) == 1
    loser = next(one for (_, one), answer in zip(people, answers, strict=True) if answer.status_code == 409)
    assert "This gift has been taken already" in text_of(loser.get(link))


def test_taking_it_back_and_taking_it_at_once_gives_one_outcome(till: Till) -> None:
    _, giving, gift = bought(till)
    ilse, taking = till.reader()
    link = link_in_mail()
    number = gift.id
    back, taken = at_once(
        till.app, lambda: giving.post(f"/account/gifts/{number}/revoke"), lambda: taking.post(link)
    )
    assert sorted((back.status_code, taken.status_code)) == [303, 409]
    till.deliver()
    refunded = charges(till)[0]["amount_refunded"]
    assert (only_gift().state, len(spans(ilse)), refunded) in {("revoked", 0, 4900), ("redeemed", 1, 0)}


@pytest.mark.once
def test_the_giver_takes_it_back_and_the_money_follows(till: Till, client: Browser) -> None:
    _, giving, gift = bought(till)
    link = link_in_mail()
    assert giving.post(f"/account/gifts/{gift.id}/revoke").status_code == 303
    assert giving.post(f"/account/gifts/{gift.id}/revoke").status_code == 303
    assert "taken back by the person who gave it" in text_of(client.get(link))
    till.deliver()
    assert charges(till)[0]["amount_refunded"] == 4900
    assert "Taken back; $49.00 given back" in text_of(giving.get(f"/account/gifts/{gift.id}"))
    assert kinds().count("gift.revoked") == 1
    _, taking = till.reader()
    assert taking.post(link).status_code == 409


@pytest.mark.once
def test_a_gift_that_is_taken_back_before_its_day_is_never_sent(till: Till) -> None:
    _, giving, gift = bought(till, send_on=f"{clock.now() + timedelta(days=3):%Y-%m-%d}")
    giving.post(f"/account/gifts/{gift.id}/revoke")
    pass_time(till, 4)
    assert "gift.given" not in kinds()


def test_a_slip_in_the_address_is_mended_and_the_old_link_dies(till: Till, client: Browser) -> None:
    _, giving, gift = bought(till)
    old = link_in_mail()
    assert giving.post(f"/account/gifts/{gift.id}/address", {"to_email": "nobody"}).status_code == 422
    assert giving.post(f"/account/gifts/{gift.id}/address", {"to_email": "Ilse.B@example.test"}).status_code == 303
    till.deliver()
    assert link_in_mail() != old
    assert client.get(old).status_code == 404
    assert client.get(link_in_mail()).status_code == 200


def test_a_gift_follows_what_somebody_has_and_does_not_overlap_it(till: Till) -> None:
    bought(till)
    ilse, taking = till.reader()
    until = clock.now() + timedelta(days=40)
    make_entitlement(ilse, make_plan("vip"), ends_at=until)
    assert "when what you have ends" in text_of(taking.get(link_in_mail()))
    taking.post(link_in_mail())
    (_, _, first_end), (source, starts_at, ends_at) = spans(ilse)
    assert (source, starts_at) == ("gift", first_end)
    assert ends_at.year == starts_at.year + 1
    pass_time(till, 41)
    assert till.memberships(ilse)[-1].ended_at is None


@pytest.mark.once
def test_a_higher_gift_does_not_wait_for_a_lower_plan(till: Till) -> None:
    bought(till, price="gold-year")
    ilse, taking = till.reader()
    make_entitlement(ilse, make_plan("vip"))
    assert taking.post(link_in_mail()).status_code == 303
    assert [source for source, starts_at, _ in spans(ilse) if starts_at <= clock.now()] == ["complimentary", "gift"]


@pytest.mark.once
def test_somebody_with_as_much_for_good_keeps_the_link(till: Till) -> None:
    bought(till)
    ilse, taking = till.reader()
    make_entitlement(ilse, make_plan("vip"))
    answer = taking.post(link_in_mail())
    assert answer.status_code == 409
    assert "The link keeps" in text_of(answer)
    assert only_gift().state == "paid"


@pytest.mark.once
def test_who_pays_already_is_not_charged_again_and_the_gift_follows(till: Till) -> None:
    bought(till)
    ilse, taking = till.reader()
    till.join(taking)
    assert "is not charged again" in text_of(taking.get(link_in_mail()))
    taking.post(link_in_mail())
    till.deliver()
    (_, _, paid_until), (source, starts_at, _) = spans(ilse)
    assert (source, starts_at) == ("gift", paid_until)
    pass_time(till, 32)
    assert len(charges(till)) == 2
    assert till.memberships(ilse)[-1].ended_at is None
    assert "A gift to you, until" in text_of(taking.get("/account/membership"))


def test_a_gift_waits_for_who_chooses_to_go_on_paying_and_is_not_lost(till: Till) -> None:
    bought(till)
    ilse, taking = till.reader()
    till.join(taking)
    taking.post(link_in_mail())
    till.deliver()
    taking.post("/account/membership/resume")
    till.deliver()
    assert [source for source, *_ in spans(ilse)] == ["stripe"]
    assert "Waits until your paid membership ends" in text_of(taking.get("/account/gifts"))
    taking.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    (_, _, paid_until), (source, starts_at, _) = spans(ilse)
    assert (source, starts_at) == ("gift", paid_until)


@pytest.mark.once
def test_a_stripe_that_is_down_loses_no_gift(till: Till, stripe_down: Any) -> None:
    bought(till)
    ilse, taking = till.reader()
    till.join(taking)
    standing = till.app.extensions["rejoinder_gateway"]
    stripe_down()
    assert taking.post(link_in_mail()).status_code == 303
    assert only_gift().redeemed_by == ilse.id
    till.app.extensions["rejoinder_gateway"] = standing
    pass_time(till, 0.1)
    assert [source for source, *_ in spans(ilse)] == ["stripe", "gift"]


@pytest.mark.parametrize("undo", ["refund", "dispute"])
def test_a_payment_that_falls_ends_the_gift_and_a_dispute_won_brings_it_back(till: Till, undo: str) -> None:
    _, giving, gift = bought(till)
    ilse, taking = till.reader()
    taking.post(link_in_mail())
    charge = charges(till)[0]
    from stripe_sandbox import disputes, refunds

    with till.sandbox.store.write() as tx:
        if undo == "refund":
            refunds.refund(tx, charge, charge["amount"], None, {})
        else:
            disputes.open_dispute(tx, charge)
    till.deliver()
    assert spans(ilse)[0][2] <= clock.now()
    assert till.memberships(ilse)[-1].ended_at is not None
    assert "Ended:" in text_of(giving.get(f"/account/gifts/{gift.id}"))
    if undo == "dispute":
        with till.sandbox.store.write() as tx:
            disputes.decide(tx, tx.select("dispute")[0], won=True)
        till.deliver()
        assert spans(ilse)[0][2] == only_gift().ends_at
        assert till.memberships(ilse)[-1].ended_at is None


@pytest.mark.once
def test_the_sandbox_has_a_button_for_all_that_can_happen_to_a_gift(till: Till, client: Browser) -> None:
    user, giver, _ = bought(till)
    charge = charges(till)[0]["id"]
    till.join(giver)  # what renews is beside it, and is not meant
    panel = client.get("/_sandbox/stripe/").get_data(as_text=True)
    assert f'<input type="hidden" name="id" value="{charge}">' in panel
    assert "Paid once" in panel
    states = []
    for action in ("dispute", "dispute-won", "part-refund", "refund", "refund"):
        answer = client.http.post("/_sandbox/stripe/", data={"action": action, "id": charge})
        found = next(one for one in charges(till) if one["id"] == charge)
        states.append((answer.status_code, found["amount_refunded"], found["refunded"]))
        till.deliver()
    paid = found["amount"]
    assert states == [(303, 0, False), (303, 0, False), (303, paid // 2, False), (303, paid, True), (409, paid, True)]
    assert only_gift().refunded_cents == paid
    assert till.live(user) == ["vip"]
    other = client.http.post("/_sandbox/stripe/", data={"action": "refund", "id": till.subscriptions()[0]["id"]})
    assert other.status_code == 303
    assert all(one["refunded"] for one in charges(till))


def test_by_setting_a_payment_that_falls_ends_only_what_nobody_has_taken(till: Till) -> None:
    make_site(refund_ends_access=False, dispute_ends_access=False)
    bought(till)
    ilse, taking = till.reader()
    taking.post(link_in_mail())
    _, giving = till.reader()
    till.come_back(giving, till.pay(press(giving)))
    till.deliver()
    from stripe_sandbox import refunds

    for charge in charges(till):
        with till.sandbox.store.write() as tx:
            refunds.refund(tx, charge, charge["amount"], None, {})
    till.deliver()
    assert spans(ilse)[0][2] > clock.now()
    _, late = till.reader()
    assert "its payment was given back" in text_of(late.get(link_in_mail()))
    assert late.post(link_in_mail()).status_code == 409


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_events_ends_the_same(till: Till, seed: int) -> None:
    """Shuffled, doubled, in parallel with the return from Stripe, with a refund in part and a dispute that is won."""
    from stripe_sandbox import disputes, refunds

    _, giving = till.reader()
    back = till.pay(press(giving))
    with till.sandbox.store.write() as tx:
        charge = tx.select("charge")[0]
        refunds.refund(tx, charge, 100, None, {})
        disputes.decide(tx, disputes.open_dispute(tx, charge), won=True)
    sent: list[tuple[str, bytes, dict[str, str]]] = []
    till.sandbox.deliver_all(lambda url, body, headers: sent.append((url, body, headers)) or 200)
    order = random.Random(seed)
    calls: list[Any] = [lambda one=one: till.post_webhook(*one) for one in sent * 2]
    calls.append(lambda: till.come_back(giving, back).status_code)
    order.shuffle(calls)
    for start in range(0, len(calls), 4):
        at_once(till.app, *calls[start : start + 4])
    worker.run_all()
    gift = only_gift()
    assert (gift.state, gift.refunded_cents, gift.disputed) == ("paid", 100, False)
    assert kinds() == ["gift.bought", "gift.given"]


def test_a_second_gift_moves_up_when_the_first_falls(till: Till) -> None:
    bought(till)
    ilse, taking = till.reader()
    taking.post(link_in_mail())
    _, giving = till.reader()
    till.come_back(giving, till.pay(press(giving)))
    till.deliver()
    taking.post(link_in_mail())
    (_, _, first_end), (_, second_start, _) = spans(ilse)
    assert second_start == first_end
    from stripe_sandbox import refunds

    with till.sandbox.store.write() as tx:
        first = tx.select("charge")[-1]
        refunds.refund(tx, first, first["amount"], None, {})
    till.deliver()
    with transaction():
        gifts.place(ilse.id)
    live = [starts for _, starts, ends in spans(ilse) if ends > clock.now()]
    assert len(live) == 1
    assert live[0] <= clock.now()


@pytest.mark.once
def test_a_declined_card_gives_nothing_and_another_pays(till: Till) -> None:
    _, browser = till.reader()
    url = press(browser)
    assert till.pay(url, "declined") == ""
    till.deliver()
    assert only_gift().state == "open"
    till.come_back(browser, till.pay(url))
    assert only_gift().state == "paid"


def test_an_outage_keeps_what_was_typed_and_charges_nothing(till: Till, stripe_down: Any) -> None:
    _, browser = till.reader()
    stripe_down()
    answer = browser.post("/account/gifts/new", words())
    assert answer.status_code == 503
    assert "For the long evenings." in answer.get_data(as_text=True)


@pytest.mark.once
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"price": "nothing"}, "Please choose what you give."),
        ({"to_name": " "}, "Whom is it for?"),
        ({"to_email": "ilse"}, "does not look like an e-mail address"),
        ({"note": "x" * 601}, "600 fit in"),
        ({"send_on": "2020-01-01"}, "This day is over."),
        ({"send_on": "2199-01-01"}, "within a year"),
        ({"send_on": "soon"}, "Please choose a day."),
        ({"from_name": "x" * 81}, "At most 80 characters"),
    ],
)
def test_bad_input_gets_a_sentence_and_keeps_the_rest(till: Till, more: dict[str, str], sentence: str) -> None:
    _, browser = till.reader()
    answer = browser.post("/account/gifts/new", words(**more))
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert 'value="Aunt Ilse"' in answer.get_data(as_text=True) or "to_name" in more
    assert till.count(Gift) == 0


@pytest.mark.once
def test_a_gift_is_its_givers_business_alone(till: Till, client: Browser) -> None:
    _, _, gift = bought(till)
    _, other = till.reader()
    assert other.get(f"/account/gifts/{gift.id}").status_code == 404
    for act in ("revoke", "address", "receipt"):
        assert other.post(f"/account/gifts/{gift.id}/{act}", {"to_email": "a@example.test"}).status_code == 404
    assert client.get("/gifts/nothing-like-it").status_code == 404
    assert client.get(f"/gifts/{'x' * 300}").status_code == 404
    answer = client.get(link_in_mail())
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Sign up and take it" in text_of(answer)
    assert client.post(link_in_mail()).headers["Location"].startswith("/sign-in")


def test_somebody_whose_address_is_not_confirmed_waits_with_the_gift(till: Till) -> None:
    bought(till)
    _, taking = till.reader(confirmed=False)
    assert "confirm your e-mail address first" in text_of(taking.get(link_in_mail()))
    assert taking.post(link_in_mail()).status_code == 403
    assert only_gift().state == "paid"


@pytest.mark.once
def test_the_receipt_is_at_stripe(till: Till) -> None:
    _, giving, gift = bought(till)
    answer = giving.post(f"/account/gifts/{gift.id}/receipt")
    assert "/receipt/ch_" in answer.headers["Location"]
