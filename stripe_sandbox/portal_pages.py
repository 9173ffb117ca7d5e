"""The hosted Portal: the plan, its next payment, the card, the invoices; cancel and resume."""

from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from . import customers, invoice_calls, payments, subscriptions, switching
from .api import Call
from .cards import BUTTONS, CARDS, by_number
from .checkout_pages import NOT_A_TEST_CARD
from .errors import Refusal
from .portal import FEEDBACK
from .store import Transaction
from .wire import Json

if TYPE_CHECKING:
    from .pages import Visit

INVOICES_SHOWN = 24
MAX_COMMENT = 500


def _open(visit: "Visit", tx: Transaction) -> tuple[Json, Json, Json] | Response:
    """The session, its customer and its configuration, or the page that says why not."""
    session = tx.find("billing_portal.session", visit.ids["id"])
    if session is None:
        return visit.message(404, "We do not know this page", "The link may be incomplete. Please open it again.")
    back = ("Back to the site", session["return_url"]) if session["return_url"] else None
    customer = tx.find("customer", session["customer"])
    configuration = tx.find("billing_portal.configuration", session["configuration"])
    if session["_expired"] or customer is None or configuration is None:
        return visit.message(
            410, "This link has expired", "It works for an hour. Please open it again from the site.", link=back
        )
    return session, customer, configuration


def home(visit: "Visit") -> Response:
    with visit.store.read() as tx:
        opened = _open(visit, tx)
        if isinstance(opened, Response):
            return opened
        session, customer, configuration = opened
        if session["flow"]:
            if session["flow"]["type"] == "payment_method_update":
                return visit.here(f"/portal/{session['id']}/card")
            target = session["flow"]["subscription_cancel"]["subscription"]
            return visit.here(f"/portal/{session['id']}/cancel/{target}")
        owned = tx.select("subscription", customer=customer["id"])
        live = [_shown(tx, item) for item in owned if item["status"] not in subscriptions.ENDED]
        bills = tx.select("invoice", customer=customer["id"], limit=INVOICES_SHOWN)
        return visit.page(
            "portal.html",
            leads_to=(session["return_url"],),
            session=session,
            customer=customer,
            features=configuration["features"],
            headline=configuration["business_profile"]["headline"],
            plans=live,
            invoices=[bill for bill in bills if bill["status"] != "draft"],
        )


def _shown(tx: Transaction, subscription: Json) -> Json:
    item = subscription["items"]["data"][0]
    product = tx.find("product", item["price"]["product"], deleted=True) or {"name": "Plan"}
    coming = invoice_calls.upcoming(tx, subscription)
    return {
        "id": subscription["id"],
        "status": subscription["status"],
        "name": product["name"],
        "price": item["price"],
        "quantity": item["quantity"],
        "ends_at": subscription["cancel_at"],
        "renews_at": subscriptions.period(subscription)[1],
        "next_amount": coming["amount_due"] if coming else None,
        "card": payments.describe(subscriptions.method_for(tx, subscription)),
    }


def _own(tx: Transaction, visit: "Visit", customer: Json) -> Json | None:
    """The subscription in the path, when it is this customer's and still running."""
    found = tx.find("subscription", visit.ids["subscription"])
    if found is None or found["customer"] != customer["id"] or found["status"] in subscriptions.ENDED:
        return None
    return found


def _after(visit: "Visit", session: Json) -> Response:
    """Back to the portal, or where the deep link said."""
    flow = session["flow"]
    if not flow:
        return visit.here(f"/portal/{session['id']}")
    if flow["after_completion"]["type"] == "redirect":
        return visit.go(flow["after_completion"]["redirect"]["return_url"])
    return visit.message(
        200,
        "Done",
        "Your change is saved.",
        link=("Back to the site", session["return_url"]) if session["return_url"] else None,
    )


def cancel(visit: "Visit") -> Response:
    """Say what ends and when; a POST schedules it for the end of the paid period."""
    with visit.store.write() if visit.posted else visit.store.read() as tx:
        opened = _open(visit, tx)
        if isinstance(opened, Response):
            return opened
        session, customer, configuration = opened
        found = _own(tx, visit, customer)
        allowed = configuration["features"]["subscription_cancel"]
        if found is None or not allowed["enabled"]:
            return visit.message(404, "There is no such plan", "It may have ended already.")
        if visit.posted:
            if not found["cancel_at"]:
                _cancel(visit, tx, found, at_once=allowed["mode"] == "immediately")
            return _after(visit, session)
        return visit.page(
            "portal_cancel.html",
            leads_to=_targets(session),
            session=session,
            plan=_shown(tx, found),
            reasons=_reasons(allowed),
            at_once=allowed["mode"] == "immediately",
        )


def _targets(session: Json) -> tuple[str | None, ...]:
    redirect = (session["flow"] or {}).get("after_completion", {}).get("redirect") or {}
    return session["return_url"], redirect.get("return_url")


def _reasons(allowed: Json) -> dict[str, str]:
    asked = allowed["cancellation_reason"]
    return {key: FEEDBACK[key] for key in asked.get("options") or FEEDBACK} if asked.get("enabled") else {}


def _cancel(visit: "Visit", tx: Transaction, found: Json, *, at_once: bool) -> None:
    feedback: Any = visit.form.get("feedback")
    comment = visit.form.get("comment", "").strip()[:MAX_COMMENT]
    known = feedback if feedback in FEEDBACK else None
    if at_once:
        subscriptions.note_reason(found, {"feedback": known, "comment": comment or None})
        subscriptions.end(tx, found, reason="cancellation_requested")
    else:
        subscriptions.cancel_later_from_portal(tx, found, known, comment or None)


def switch(visit: "Visit") -> Response:
    """Other prices of the plans that are offered, each with what it would cost today; a POST changes to one."""
    try:
        with visit.store.write() if visit.posted else visit.store.read() as tx:
            return _switch(visit, tx)
    except Refusal as refusal:  # the transaction is undone: nothing of the change is left
        return visit.message(402, "The plan was not changed", refusal.message)


def _switch(visit: "Visit", tx: Transaction) -> Response:
    opened = _open(visit, tx)
    if isinstance(opened, Response):
        return opened
    session, customer, configuration = opened
    found = _own(tx, visit, customer)
    allowed = configuration["features"]["subscription_update"]
    if found is None or not allowed["enabled"] or "price" not in allowed["default_allowed_updates"]:
        return visit.message(404, "The plan cannot be changed here", "The site does not offer it.")
    offers = _offers(tx, found, allowed)
    if not visit.posted:
        targets, plan = _targets(session), _shown(tx, found)
        return visit.page("portal_switch.html", leads_to=targets, session=session, plan=plan, offers=offers)
    chosen = next((one["price"]["id"] for one in offers if one["price"]["id"] == visit.form.get("price")), None)
    if chosen is None:
        return visit.message(404, "There is no such price", "It may have been withdrawn meanwhile.")
    switching.switch(Call(tx, _change(found, chosen, allowed), {}, ""), found, subscriptions.copy(found))
    return _after(visit, session)


def _change(subscription: Json, price: str, allowed: Json) -> Json:
    item = subscription["items"]["data"][0]["id"]
    return {"items": [{"id": item, "price": price}], "proration_behavior": allowed["proration_behavior"]}


def _offers(tx: Transaction, subscription: Json, allowed: Json) -> list[Json]:
    """The prices offered besides the one held, each with the amount that changing to it would bill now."""
    held = subscription["items"]["data"][0]["price"]
    offers = []
    for product in allowed["products"]:
        name = (tx.find("product", product["product"]) or {"name": "Plan"})["name"]
        for identifier in product["prices"]:
            price = tx.find("price", identifier)
            sold = price is not None and price["active"] and price["currency"] == held["currency"]
            if price is None or not sold or identifier == held["id"]:
                continue
            details = _change(subscription, identifier, allowed)
            coming = switching.preview(Call(tx, {}, {}, ""), subscription, details)
            offers.append({"name": name, "price": price, "due": coming["amount_due"] if coming else 0})
    return offers


def resume(visit: "Visit") -> Response:
    """Keep a plan that was going to end."""
    if not visit.posted:
        return visit.here(f"/portal/{visit.ids['id']}")
    with visit.store.write() as tx:
        opened = _open(visit, tx)
        if isinstance(opened, Response):
            return opened
        session, customer, _ = opened
        found = _own(tx, visit, customer)
        if found is None:
            return visit.message(404, "There is no such plan", "It may have ended already.")
        if found["cancel_at"]:
            subscriptions.resume_from_portal(tx, found)
        return _after(visit, session) if not session["flow"] else visit.here(f"/portal/{session['id']}")


def card(visit: "Visit") -> Response:
    """Choose another test card for what comes next."""
    with visit.store.write() if visit.posted else visit.store.read() as tx:
        opened = _open(visit, tx)
        if isinstance(opened, Response):
            return opened
        session, customer, configuration = opened
        if not configuration["features"]["payment_method_update"]["enabled"]:
            return visit.message(404, "The card cannot be changed here", "The site does not offer it.")
        error = None
        if visit.posted:
            error = _replace(visit, tx, customer)
            if error is None:
                return _after(visit, session)
        return visit.page(
            "portal_card.html",
            422 if error else 200,
            leads_to=_targets(session),
            session=session,
            buttons=[CARDS[key] for key in BUTTONS if not CARDS[key].decline] + [CARDS["fails-later"]],
            error=error,
        )


def _replace(visit: "Visit", tx: Transaction, customer: Json) -> str | None:
    """Attach the new card and use it everywhere; the sentence that says why not, otherwise None."""
    chosen = by_number(visit.form["number"]) if "number" in visit.form else CARDS.get(visit.form.get("card", ""))
    if chosen is None:
        return NOT_A_TEST_CARD
    if chosen.decline:
        return "Your bank did not accept this card. The card on file stays as it was."
    method = payments.new_method(tx, chosen, customer["email"], customer["name"])
    method["_authenticated"] = True
    payments.attach(tx, method, customer["id"])
    customers.use_method(tx, customer, method["id"])
    return None
