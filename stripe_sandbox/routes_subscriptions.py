"""What renews: subscriptions, their schedules, invoices and what waits for one."""

from . import invoice_calls, invoice_items, invoices, schedules, subscription_calls
from .api import Endpoint, endpoint
from .routing import params, show

SCHEDULE = "/v1/subscription_schedules"


def _schedule(name: str) -> str:
    return params(f"subscription_schedule_{name}")


ENDPOINTS: list[Endpoint] = [
    endpoint("POST", SCHEDULE, _schedule("create"), schedules.create, schedules.CREATE),
    endpoint("GET", SCHEDULE, _schedule("list"), schedules.list_schedules, "customer PAGING"),
    endpoint("GET", f"{SCHEDULE}/{{schedule}}", _schedule("retrieve"), show("subscription_schedule", "schedule")),
    endpoint("POST", f"{SCHEDULE}/{{schedule}}", _schedule("update"), schedules.update, schedules.UPDATE),
    endpoint("POST", f"{SCHEDULE}/{{schedule}}/release", _schedule("release"), schedules.release),
    endpoint("POST", f"{SCHEDULE}/{{schedule}}/cancel", _schedule("cancel"), schedules.cancel),
    endpoint("GET", "/v1/invoiceitems", params("invoice_item_list"), invoice_items.list_items,
             "customer invoice pending PAGING"),
    endpoint("GET", "/v1/invoiceitems/{invoiceitem}", params("invoice_item_retrieve"),
             show("invoiceitem", "invoiceitem")),
    endpoint("POST", "/v1/subscriptions", params("subscription_create"), subscription_calls.create,
             subscription_calls.CREATE),
    endpoint("GET", "/v1/subscriptions", params("subscription_list"), subscription_calls.list_subscriptions,
             "collection_method created customer price status PAGING"),
    endpoint("GET", "/v1/subscriptions/{id}", params("subscription_retrieve"), show("subscription", "id")),
    endpoint("POST", "/v1/subscriptions/{id}", params("subscription_update"), subscription_calls.update,
             subscription_calls.UPDATE),
    endpoint("DELETE", "/v1/subscriptions/{id}", params("subscription_cancel"), subscription_calls.cancel,
             "cancellation_details invoice_now prorate"),
    endpoint("GET", "/v1/subscription_items", params("subscription_item_list"), subscription_calls.list_items,
             "subscription PAGING"),
    endpoint("GET", "/v1/invoices", params("invoice_list"), invoices.list_invoices,
             "collection_method created customer status subscription PAGING"),
    endpoint("POST", "/v1/invoices/create_preview", params("invoice_create_preview"), invoice_calls.create_preview,
             "customer subscription subscription_details"),
    endpoint("GET", "/v1/invoices/{invoice}", params("invoice_retrieve"), show("invoice", "invoice")),
    endpoint("GET", "/v1/invoices/{invoice}/lines", params("invoice_line_item_list"), invoices.list_lines, "PAGING"),
    endpoint("POST", "/v1/invoices/{invoice}/pay", params("invoice_pay"), invoice_calls.pay,
             "off_session payment_method"),
    endpoint("POST", "/v1/invoices/{invoice}/void", params("invoice_void_invoice"), invoices.void),
    endpoint("GET", "/v1/invoice_payments", params("invoice_payment_list"), invoices.list_payments,
             "created invoice payment status PAGING"),
    endpoint("GET", "/v1/invoice_payments/{invoice_payment}", params("invoice_payment_retrieve"),
             show("invoice_payment", "invoice_payment")),
    endpoint("POST", "/v1/subscriptions/{subscription}/resume", params("subscription_resume"),
             subscription_calls.resume, subscription_calls.RESUME),
]
