"""Changing what a subscription sells: another price or quantity, with or without proration."""

from dataclasses import dataclass
from typing import Any

from . import discounts, invoice_calls, invoice_items, invoices, payments, subscriptions
from .api import Call
from .errors import Refusal, unsupported
from .periods import add_interval
from .store import Transaction
from .wire import Json, new_id


@dataclass
class Change:
    """What a switch would do: the item as it becomes, and what is billed for it."""

    item: Json
    restarts: bool
    lines: list[Json]
    at: int


def planned(call: Call, subscription: Json, params: Json, at: str = "") -> Change:
    """The change that `items` asks for on the one item of a subscription; nothing is written.

    `at` names the hash the parameters stand in. The lines are prorated to the second of `proration_date`, or now.
    """
    tx = call.tx
    item = subscription["items"]["data"][0]
    if len(params["items"]) != 1 or params["items"][0].get("id") != item["id"]:
        raise Refusal(
            "The sandbox changes one existing item: pass items[0][id] and its new price or quantity.",
            code="sandbox_unsupported",
            param=f"{at}items",
        )
    given = params["items"][0]
    for name in given:
        if name not in ("id", "price", "quantity"):
            raise unsupported(f"{at}items[0][{name}]")
    price = item["price"]
    if "price" in given:
        price = subscriptions.recurring_price(call, given["price"], f"{at}items[0][price]")
    quantity = given.get("quantity", item["quantity"])
    if price["currency"] != subscription["currency"]:
        raise Refusal("A subscription keeps its currency.", param=f"{at}items[0][price]")
    start, end = subscriptions.period(subscription)
    moment = params.get("proration_date", tx.now)
    if not start <= moment <= end:
        raise Refusal(
            "The proration date must be within the current period of the subscription.", param=f"{at}proration_date"
        )
    new = dict(item, price=price, plan=subscriptions.plan_of(price), quantity=quantity)
    trialing = subscription["status"] == "trialing"
    restarts = _interval(price) != _interval(item["price"]) and not trialing
    if restarts:
        until = add_interval(moment, price["recurring"]["interval"], price["recurring"]["interval_count"])
        new.update(current_period_start=moment, current_period_end=until)
    lines = [] if trialing else _lines(tx, subscription, item, new, restarts, moment)
    return Change(new, restarts, lines, moment)


def switch(call: Call, subscription: Json, before: Json) -> Json:
    """Apply `items`. `always_invoice` bills the difference at once, `create_prorations` with the next invoice, `none`
    not at all; a new interval begins a new period and bills it now in any case."""
    params, tx = call.params, call.tx
    behaviour = params.get("proration_behavior", "create_prorations")
    change = planned(call, subscription, params)
    if change.restarts:
        subscription.update(billing_cycle_anchor=change.at, _cycles=1)
    subscription["items"] = dict(subscription["items"], data=[change.item])
    lines = change.lines if change.restarts or behaviour != "none" else []
    if behaviour == "none":
        lines = [line for line in lines if line["amount"] > 0]
    if behaviour == "create_prorations" and not change.restarts:
        subscriptions.save(tx, subscription, before)
        for line in lines:
            invoice_items.pend(tx, subscription, line)
        return subscription
    _bill(tx, subscription, before, lines)
    return subscription


def preview(call: Call, subscription: Json, details: Json) -> Json | None:
    """The invoice that a switch would make at once (or, with `create_prorations`, the next one); nothing is stored."""
    for name in details:
        if name not in ("items", "proration_behavior", "proration_date"):
            raise unsupported(f"subscription_details[{name}]")
    behaviour = details.get("proration_behavior", "create_prorations")
    change = planned(call, subscription, details, "subscription_details.")
    customer = call.tx.find("customer", subscription["customer"])
    if customer is None:
        return None
    after = dict(subscription, items=dict(subscription["items"], data=[change.item]))
    lines = change.lines
    if behaviour == "none":
        lines = [line for line in lines if line["amount"] > 0 and change.restarts]
    if not change.restarts and behaviour != "always_invoice":
        return invoice_calls.upcoming(call.tx, after, more=lines)
    if not lines:
        return invoice_calls.upcoming(call.tx, after)
    return invoices.build(
        call.tx, customer, lines, reason="upcoming", subscription=after, period=(change.at, change.at),
        identifier=new_id("upcoming_in_"),
    )  # fmt: skip


def restart(call: Call, subscription: Json, before: Json) -> Json:
    """Begin a new period now and bill it; with proration, less what is left of the running one."""
    after, lines = _restarted(call, subscription, call.params)
    subscription.update(after)
    _bill(call.tx, subscription, before, lines)
    return subscription


def preview_restart(call: Call, subscription: Json, details: Json) -> Json | None:
    """The invoice that beginning a new period now would make; nothing is stored."""
    after, lines = _restarted(call, subscription, details)
    customer = call.tx.find("customer", subscription["customer"])
    if customer is None:
        return None
    return invoices.build(
        call.tx, customer, lines, reason="upcoming", subscription=subscription | after, period=(call.now, call.now),
        identifier=new_id("upcoming_in_"),
    )  # fmt: skip


def _restarted(call: Call, subscription: Json, params: Json) -> tuple[Json, list[Json]]:
    tx, old = call.tx, subscription["items"]["data"][0]
    if subscription["status"] not in ("active", "past_due"):
        raise Refusal("Only a subscription that runs can begin a new billing cycle.", param="billing_cycle_anchor")
    recurring = old["price"]["recurring"]
    until = add_interval(tx.now, recurring["interval"], recurring["interval_count"])
    new = dict(old, current_period_start=tx.now, current_period_end=until)
    credit, charge = _lines(tx, subscription, old, new, True, tx.now)
    free = params.get("proration_behavior", "create_prorations") == "none"
    after = {"items": dict(subscription["items"], data=[new]), "billing_cycle_anchor": tx.now, "_cycles": 1}
    return after, [charge] if free else [credit, charge]


def _interval(price: Json) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _lines(tx: Transaction, subscription: Json, old: Json, new: Json, restarts: bool, moment: int) -> list[Json]:
    """A credit for the unused time of the old item and a charge for the new one.

    Discounts are within the amounts, as flexible billing has it: what was billed for the old item, after its
    discounts, is credited, and the new one costs what it costs with those that run now.
    """
    start, end = old["current_period_start"], old["current_period_end"]
    lasting = invoice_calls.without_once(tx, subscription)  # those were for the first invoice
    credit = invoices.line_for(tx, old, subscription["id"], moment, end)
    billed = _billed(tx, subscription, old)
    if billed is None:
        discounts.on_lines(tx, lasting, [credit], moment)
        billed = dict(credit, period={"start": start, "end": end})
    _prorate(credit, billed, max(0, end - moment) / max(1, end - billed["period"]["start"]), "Unused time on", -1)
    charge = invoices.line_for(tx, new, subscription["id"], moment, new["current_period_end"])
    discounts.on_lines(tx, lasting, [charge], moment)
    if not restarts:
        _prorate(charge, dict(charge), max(0, end - moment) / max(1, end - start), "Remaining time on", 1)
    return [credit, charge]


def _billed(tx: Transaction, subscription: Json, item: Json) -> Any:
    """The last line that billed an item as it is for its running period, on an invoice or waiting for one; or None."""
    pending = invoice_items.lines_of(tx, subscription["id"])
    billed = (invoice["lines"]["data"] for invoice in tx.select("invoice", parent=subscription["id"])
              if invoice["status"] != "void")  # fmt: skip
    for lines in (pending, *billed):
        for line in reversed(lines):
            same = (line["_price"]["id"], line["quantity"]) == (item["price"]["id"], item["quantity"])
            if same and line["period"]["end"] == item["current_period_end"] and not line.get("_is_credit"):
                return line
    return None


def _prorate(line: Json, whole: Json, share: float, words: str, sign: int) -> None:
    """Let a line be for a share of what another one comes to after its discounts."""
    off = sum(given["amount"] for given in whole["discount_amounts"])
    line["amount"] = line["subtotal"] = sign * round((whole["amount"] - off) * share)
    line["_off"] = [dict(given, amount=round(given["amount"] * share)) for given in whole["discount_amounts"]]
    line["description"] = f"{words} {line['description']}"
    line.update(discount_amounts=[], discountable=False, _is_credit=sign < 0)
    line["parent"]["subscription_item_details"]["proration"] = True


def _bill(tx: Transaction, subscription: Json, before: Json, lines: list[Json]) -> None:
    customer = tx.find("customer", subscription["customer"])
    if customer is None or not lines:
        subscriptions.save(tx, subscription, before)
        return
    method = subscriptions.method_for(tx, subscription)
    subscription["latest_invoice"] = new_id("in_")
    subscriptions.save(tx, subscription, before)
    invoice = invoices.build(
        tx,
        customer,
        lines,
        reason="subscription_update",
        subscription=subscription,
        period=(tx.now, tx.now),
        identifier=subscription["latest_invoice"],
    )
    invoices.draft(tx, invoice)
    invoices.finalize(tx, invoice)
    invoices.collect(tx, invoice, method, off_session=False)
    if invoice["status"] != "paid":
        raise Refusal(
            f"The change was not made: {payments.describe(method)} was declined.",
            status=402,
            type="card_error",
            code="card_declined",
        )
