"""What is paid and given back: checkout sessions, payment intents, charges, refunds, disputes."""

from . import checkout, disputes, payments, refunds
from .api import Endpoint, endpoint
from .routing import params, params_in, show

ENDPOINTS: list[Endpoint] = [
    endpoint("POST", "/v1/checkout/sessions", params_in("checkout", "session_create"), checkout.create,
             checkout.CREATE),
    endpoint("GET", "/v1/checkout/sessions", params_in("checkout", "session_list"), checkout.list_sessions,
             "created customer customer_details payment_intent status subscription PAGING"),
    endpoint("GET", "/v1/checkout/sessions/{session}", params_in("checkout", "session_retrieve"),
             show("checkout.session", "session")),
    endpoint("POST", "/v1/checkout/sessions/{session}/expire", params_in("checkout", "session_expire"),
             checkout.expire),
    endpoint("GET", "/v1/checkout/sessions/{session}/line_items", params_in("checkout", "session_line_item_list"),
             checkout.line_items, "PAGING"),
    endpoint("GET", "/v1/payment_intents", params("payment_intent_list"), payments.list_intents,
             "created customer PAGING"),
    endpoint("GET", "/v1/payment_intents/{intent}", params("payment_intent_retrieve"),
             show("payment_intent", "intent")),
    endpoint("GET", "/v1/charges", params("charge_list"), payments.list_charges,
             "created customer payment_intent PAGING"),
    endpoint("GET", "/v1/charges/{charge}", params("charge_retrieve"), show("charge", "charge")),
    endpoint("POST", "/v1/charges/{charge}", params("charge_update"), payments.update_described("charge", "charge"),
             "description metadata"),
    endpoint("POST", "/v1/refunds", params("refund_create"), refunds.create,
             "amount charge metadata payment_intent reason"),
    endpoint("GET", "/v1/refunds", params("refund_list"), refunds.list_refunds, "charge created payment_intent PAGING"),
    endpoint("GET", "/v1/disputes", params("dispute_list"), disputes.list_disputes,
             "charge created payment_intent PAGING"),
    endpoint("GET", "/v1/disputes/{dispute}", params("dispute_retrieve"), show("dispute", "dispute")),
    endpoint("POST", "/v1/disputes/{dispute}/close", params("dispute_close"), disputes.close),
    endpoint("GET", "/v1/refunds/{refund}", params("refund_retrieve"), show("refund", "refund")),
    endpoint("POST", "/v1/refunds/{refund}", params("refund_update"), refunds.update, "metadata"),
]
