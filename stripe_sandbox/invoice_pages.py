"""The hosted invoice: what was billed, a card to pay an open one, and a plain PDF."""

import secrets
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from . import invoice_calls, payments
from .cards import BRANDS, BUTTONS, CARDS
from .periods import long_date
from .store import Transaction
from .wire import Json, money

if TYPE_CHECKING:
    from .pages import Visit


def _find(visit: "Visit", tx: Transaction) -> Json | Response:
    invoice = tx.find("invoice", visit.ids["id"])
    if invoice is None or not secrets.compare_digest(invoice.get("_token", ""), visit.ids["token"]):
        return visit.message(404, "We do not know this invoice", "The link may be incomplete.")
    return invoice


def show(visit: "Visit") -> Response:
    with visit.store.write() if visit.posted else visit.store.read() as tx:
        invoice = _find(visit, tx)
        if isinstance(invoice, Response):
            return invoice
        error = _pay(visit, tx, invoice) if visit.posted and invoice["status"] == "open" else None
        if visit.posted and error is None:
            return visit.here(f"/invoice/{visit.ids['id']}/{visit.ids['token']}")
        buttons = [CARDS[key] for key in BUTTONS]
        return visit.page("invoice.html", 422 if error else 200, invoice=invoice, buttons=buttons, error=error)


def _pay(visit: "Visit", tx: Transaction, invoice: Json) -> str | None:
    card = CARDS.get(visit.form.get("card", ""))
    parent = invoice["parent"] or {}
    subscription = tx.find("subscription", parent.get("subscription_details", {}).get("subscription", ""))
    if card is None or subscription is None:
        return "This invoice cannot be paid here."
    method = payments.new_method(tx, card, invoice["customer_email"], invoice["customer_name"])
    method["_authenticated"] = True  # the owner is present and passes the check on this page
    error = invoice_calls.settle_open(tx, invoice, subscription, tx.save(method))
    return f"{error['message']} You can try another card." if error else None


def receipt(visit: "Visit") -> Response:
    """The receipt of one charge: what was paid with which card, and what went back since."""
    with visit.store.read() as tx:
        charge = tx.find("charge", visit.ids["id"])
    if charge is None or not secrets.compare_digest(charge.get("_token", ""), visit.ids["token"]):
        return visit.message(404, "We do not know this receipt", "The link may be incomplete.")
    card = charge["payment_method_details"]["card"]
    paid_with = f"{BRANDS.get(card['brand'], card['brand'])} ending in {card['last4']}"
    return visit.page("receipt.html", charge=charge, paid_with=paid_with)


def pdf(visit: "Visit") -> Response:
    with visit.store.read() as tx:
        invoice = _find(visit, tx)
    if isinstance(invoice, Response):
        return invoice
    body = simple_pdf(_rows(invoice))
    headers = {"Content-Disposition": f'attachment; filename="{invoice["number"]}.pdf"', "Cache-Control": "no-store"}
    return Response(body, content_type="application/pdf", headers=headers)


def _rows(invoice: Json) -> list[str]:
    currency = invoice["currency"]
    rows = [f"Invoice {invoice['number']}", long_date(invoice["created"]), invoice["customer_email"] or "", ""]
    rows += [f"{item['description']}   {money(item['amount'], currency)}" for item in invoice["lines"]["data"]]
    rows += ["", f"Total {money(invoice['total'], currency)}", f"Status: {invoice['status']}"]
    return [*rows, "", "Demo payments: no money moves."]


def simple_pdf(rows: list[str]) -> bytes:
    """One page of text, by hand: the sandbox needs no library for a receipt nobody files."""
    shown = [row.encode("cp1252", "replace").decode("latin-1") for row in rows]
    escaped = [row.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for row in shown]
    text = "BT /F1 12 Tf 56 780 Td 18 TL " + " ".join(f"({row}) Tj T*" for row in escaped) + " ET"
    stream = text.encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return body + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
