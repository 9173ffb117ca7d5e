"""The hosted Checkout page: what is bought, for how much, until when, and cards as buttons."""

from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from . import checkout_completing, checkout_session, discounts
from .cards import BUTTONS, CARDS, Card, by_number
from .errors import Refusal
from .periods import add_interval
from .store import Transaction
from .wire import Json

if TYPE_CHECKING:
    from .pages import Visit

NOT_A_TEST_CARD = "That is not one of the test card numbers. Please never enter a real card number here."


def pay(visit: "Visit") -> Response:
    """Show an open session; a POST tries a card."""
    if visit.posted:
        with visit.store.write() as tx:
            return _try_card(visit, tx)
    with visit.store.read() as tx:
        session = tx.find("checkout.session", visit.ids["id"])
        if closed := _closed(visit, session):
            return closed
        return _form(visit, tx, session or {}, **(session or {}).get("_refused") or {})


def _closed(visit: "Visit", session: Json | None) -> Response | None:
    """The page of a session that cannot be paid; None when it can."""
    if session is None:
        return visit.message(
            404, "We do not know this checkout", "The link may be incomplete. Please start again from the site."
        )
    if session["status"] == "expired":
        back = ("Back to the site", session["cancel_url"]) if session["cancel_url"] else None
        return visit.message(
            410,
            "This checkout has expired",
            "Nothing was charged. Checkout links last for a limited time; please start again from the site.",
            link=back,
        )
    if session["status"] == "complete":
        return visit.message(
            200,
            "This checkout is complete",
            "The payment went through, and you will not be charged again.",
            link=("Continue to the site", checkout_session.return_url(session)),
        )
    return None


def _chosen(visit: "Visit") -> Card | None:
    if "number" in visit.form and "card" not in visit.form:
        return by_number(visit.form["number"])
    return CARDS.get(visit.form.get("card", ""))


def _try_card(visit: "Visit", tx: Transaction) -> Response:
    session = tx.find("checkout.session", visit.ids["id"])
    if session is not None and session["status"] == "complete":
        return visit.go(checkout_session.return_url(session))  # the second click of a double click
    closed = _closed(visit, session)
    if closed or session is None:
        return closed or visit.message(404, "We do not know this checkout", "")
    if "code" in visit.form and "card" not in visit.form:
        return _apply_code(visit, tx, session)
    card = _chosen(visit)
    without_card = visit.form.get("card") == "none" and may_go_without_card(session)
    if card is None and not without_card:
        return _refuse(visit, tx, session, NOT_A_TEST_CARD, field="number")
    email = session["_email"] or visit.form.get("email", "").strip()
    if not email or "@" not in email:
        return _refuse(visit, tx, session, "Please enter your e-mail address.", field="email")
    session["_refused"] = None
    try:
        if without_card:
            checkout_completing.start_without_card(tx, session, email)
            return visit.go(checkout_session.return_url(session))
        assert card is not None
        intent = checkout_completing.pay(tx, session, card, email)
    except Refusal as refusal:
        return visit.message(409, "This checkout cannot be paid", refusal.message)
    return _outcome(visit, tx, session, intent)


def _apply_code(visit: "Visit", tx: Transaction, session: Json) -> Response:
    found = discounts.typed(tx, session, visit.form["code"]) if session["allow_promotion_codes"] else None
    if found is None:
        return _refuse(visit, tx, session, "This code is not valid here.", field="code")
    session["_refused"] = None
    discounts.apply_to_session(session, *found)
    if intent := tx.find("payment_intent", session["_intent"] or ""):
        intent["amount"] = session["amount_total"]
        tx.save(intent)
    tx.save(session)
    return visit.here(f"/pay/{session['id']}")


def may_go_without_card(session: Json) -> bool:
    """Whether a trial can begin without a card, as the session was told."""
    optional = session["payment_method_collection"] == "if_required"
    return bool(optional and session["amount_total"] == 0)


def _outcome(visit: "Visit", tx: Transaction, session: Json, intent: Json) -> Response:
    if intent["status"] == "succeeded":
        return visit.go(checkout_session.return_url(session))
    if intent["status"] == "requires_action":
        return visit.here(f"/pay/{session['id']}/verify")
    error = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    message = {
        "setup_intent_authentication_failure": "The 3-D Secure check was not passed, so the card was not kept.",
        "payment_intent_authentication_failure": "The 3-D Secure check was not passed, so nothing was charged.",
    }.get(error.get("code", ""), error.get("message", "The payment did not go through."))
    return _refuse(visit, tx, session, f"{message} You can try another card.")


def _refuse(visit: "Visit", tx: Transaction, session: Json, error: str, *, field: str | None = None) -> Response:
    """Back to the form, which says why until the next try. By a redirect, so that Back never sends a form again."""
    session["_refused"] = {"error": error, "field": field, "email": visit.form.get("email", "").strip()}
    tx.save(session)
    return visit.here(f"/pay/{session['id']}")


def _form(
    visit: "Visit", tx: Transaction, session: Json, *, error: str = "", field: str | None = None, email: str = ""
) -> Response:
    return visit.page(
        "checkout.html",
        leads_to=(session["success_url"], session["cancel_url"]),
        session=session,
        summary=summary(tx, session),
        buttons=[CARDS[key] for key in BUTTONS],
        others=[card for card in CARDS.values() if card.key not in BUTTONS],
        email=session["_email"],
        typed_email=email,
        without_card=may_go_without_card(session),
        error=error,
        field=field,
    )


def summary(tx: Transaction, session: Json) -> Json:
    """What the buyer should know: the products, the total, and what renews when."""
    items: list[Any] = []
    for item in session["_line_items"]:
        product = tx.find("product", item["price"]["product"]) or {}
        items.append({**item, "name": item["description"], "about": product.get("description")})
    coupon = tx.find("coupon", session["_coupon"] or "", deleted=True)
    bill: Json = {"lines": items, "recurring": None, "trial_end": None,
                  "discount": discounts.words(coupon) if coupon else None}  # fmt: skip
    recurring = session["_line_items"][0]["price"]["recurring"]
    if session["mode"] == "payment":
        return bill
    data = session["_subscription_data"]
    days = data.get("trial_period_days")
    trial_end = tx.now + days * 86_400 if days else data.get("trial_end")
    renews_at = trial_end or add_interval(tx.now, recurring["interval"], recurring["interval_count"])
    lasting = coupon is not None and coupon["duration"] != "once"
    full = sum(item["amount_subtotal"] for item in session["_line_items"])
    reduced = sum(item["amount_total"] for item in session["_line_items"])
    renewal = reduced if lasting or trial_end else full
    return bill | {"recurring": recurring, "renews_at": renews_at, "renewal": renewal, "trial_end": trial_end}


def verify(visit: "Visit") -> Response:
    """The bank's page in a 3-D Secure payment: Complete, Fail, or go back."""
    if visit.posted:
        with visit.store.write() as tx:
            return _answer(visit, tx)
    with visit.store.read() as tx:
        session = tx.find("checkout.session", visit.ids["id"])
        if closed := _closed(visit, session):
            return closed
        if session is None or not _waiting(tx, session):
            return visit.here(f"/pay/{visit.ids['id']}")
        return visit.page("verify.html", leads_to=(session["success_url"],), session=session)


def _waiting(tx: Transaction, session: Json) -> bool:
    intent = checkout_completing.intent_of(tx, session)
    return intent is not None and intent["status"] == "requires_action"


def _answer(visit: "Visit", tx: Transaction) -> Response:
    session = tx.find("checkout.session", visit.ids["id"])
    if session is not None and session["status"] == "complete":
        return visit.go(checkout_session.return_url(session))
    closed = _closed(visit, session)
    if closed or session is None:
        return closed or visit.message(404, "We do not know this checkout", "")
    answer = visit.form.get("answer")
    if answer not in ("complete", "fail") or not _waiting(tx, session):
        return visit.here(f"/pay/{session['id']}")
    try:
        intent = checkout_completing.authenticate(tx, session, passed=answer == "complete")
    except Refusal as refusal:
        return visit.message(409, "This checkout cannot be paid", refusal.message)
    return _outcome(visit, tx, session, intent)
