"""The whole API surface: method, path, the package's parameter type, handler, honoured parameters."""

from . import (
    catalogue,
    checkout,
    clocks,
    customers,
    discounts,
    disputes,
    events,
    features,
    invoice_calls,
    invoice_items,
    invoices,
    payments,
    portal,
    refunds,
    schedules,
    setup_intents,
    subscription_calls,
    webhook_endpoints,
)
from .api import Call, Endpoint, Handler, endpoint
from .wire import Json


def show(kind: str, name: str) -> Handler:
    def retrieve(call: Call) -> Json:
        return call.load(kind, name)

    return retrieve


def every(kind: str) -> Handler:
    def list_all(call: Call) -> Json:
        return call.page(kind)

    return list_all


def _params(name: str, folder: str = "") -> str:
    """`customer_create` names the class CustomerCreateParams in its file."""
    camel = "".join(part.capitalize() for part in name.split("_"))
    return f"{folder}_{name}_params:{camel}Params"


def _in(folder: str, name: str) -> str:
    return _params(name, f"{folder}/")


PRODUCT = catalogue.PRODUCT_FIELDS + " metadata"
METHOD_LIST = "customer type PAGING"
CONFIGURATION = "business_profile default_return_url features metadata name"

SCHEDULE = "/v1/subscription_schedules"
CLOCK = "/v1/test_helpers/test_clocks"


def _schedule(name: str) -> str:
    return _params(f"subscription_schedule_{name}")


def _clock(name: str) -> str:
    return _in("test_helpers", f"test_clock_{name}")


ENDPOINTS: list[Endpoint] = [
    endpoint("POST", SCHEDULE, _schedule("create"), schedules.create, schedules.CREATE),
    endpoint("GET", SCHEDULE, _schedule("list"), schedules.list_schedules, "customer PAGING"),
    endpoint("GET", f"{SCHEDULE}/{{schedule}}", _schedule("retrieve"), show("subscription_schedule", "schedule")),
    endpoint("POST", f"{SCHEDULE}/{{schedule}}", _schedule("update"), schedules.update, schedules.UPDATE),
    endpoint("POST", f"{SCHEDULE}/{{schedule}}/release", _schedule("release"), schedules.release),
    endpoint("POST", f"{SCHEDULE}/{{schedule}}/cancel", _schedule("cancel"), schedules.cancel),
    endpoint("POST", CLOCK, _clock("create"), clocks.create, "frozen_time name"),
    endpoint("GET", CLOCK, _clock("list"), every(clocks.KIND), "PAGING"),
    endpoint("GET", f"{CLOCK}/{{test_clock}}", _clock("retrieve"), show(clocks.KIND, "test_clock")),
    endpoint("DELETE", f"{CLOCK}/{{test_clock}}", _clock("delete"), clocks.delete),
    endpoint("POST", f"{CLOCK}/{{test_clock}}/advance", _clock("advance"), clocks.advance, "frozen_time"),
    endpoint(
        "POST", "/v1/entitlements/features", _in("entitlements", "feature_create"), features.create,
        "lookup_key name metadata",
    ),
    endpoint(
        "GET", "/v1/entitlements/features", _in("entitlements", "feature_list"), features.list_features,
        "lookup_key PAGING",
    ),
    endpoint(
        "GET", "/v1/entitlements/features/{id}", _in("entitlements", "feature_retrieve"),
        show("entitlements.feature", "id"),
    ),
    endpoint(
        "GET", "/v1/entitlements/active_entitlements", _in("entitlements", "active_entitlement_list"),
        features.list_active, "customer PAGING",
    ),
    endpoint(
        "POST", "/v1/products/{product}/features", _params("product_feature_create"), features.attach,
        "entitlement_feature",
    ),
    endpoint(
        "GET", "/v1/products/{product}/features", _params("product_feature_list"), features.list_attached, "PAGING"
    ),
    endpoint("DELETE", "/v1/products/{product}/features/{id}", _params("product_feature_delete"), features.detach),
    endpoint("GET", "/v1/invoiceitems", _params("invoice_item_list"), invoice_items.list_items,
             "customer invoice pending PAGING"),
    endpoint("GET", "/v1/invoiceitems/{invoiceitem}", _params("invoice_item_retrieve"),
             show("invoiceitem", "invoiceitem")),
    endpoint("POST", "/v1/customers", _params("customer_create"), customers.create, customers.CREATE),
    endpoint("GET", "/v1/customers", _params("customer_list"), customers.list_customers, "created email PAGING"),
    endpoint("GET", "/v1/customers/search", _params("customer_search"), customers.search, "query limit"),
    endpoint("GET", "/v1/customers/{id}", _params("customer_retrieve"), customers.retrieve),
    endpoint("POST", "/v1/customers/{id}", _params("customer_update"), customers.update, customers.ACTS_ON),
    endpoint("DELETE", "/v1/customers/{id}", _params("customer_delete"), customers.delete),
    endpoint(
        "GET",
        "/v1/customers/{customer}/payment_methods",
        _params("customer_payment_method_list"),
        payments.list_methods,
        "type PAGING",
    ),
    endpoint(
        "POST", "/v1/products", _params("product_create"), catalogue.create_product, PRODUCT + " id default_price_data"
    ),
    endpoint("GET", "/v1/products", _params("product_list"), catalogue.list_products, "active created ids PAGING"),
    endpoint("GET", "/v1/products/{id}", _params("product_retrieve"), show("product", "id")),
    endpoint(
        "POST", "/v1/products/{id}", _params("product_update"), catalogue.update_product, PRODUCT + " default_price"
    ),
    endpoint("DELETE", "/v1/products/{id}", _params("product_delete"), catalogue.delete_product),
    endpoint("POST", "/v1/prices", _params("price_create"), catalogue.create_price, catalogue.PRICE_PARAMS),
    endpoint(
        "GET",
        "/v1/prices",
        _params("price_list"),
        catalogue.list_prices,
        "active created currency lookup_keys product recurring type PAGING",
    ),
    endpoint("GET", "/v1/prices/{price}", _params("price_retrieve"), show("price", "price")),
    endpoint(
        "POST",
        "/v1/prices/{price}",
        _params("price_update"),
        catalogue.update_price,
        "active lookup_key metadata nickname tax_behavior transfer_lookup_key",
    ),
    endpoint("POST", "/v1/checkout/sessions", _in("checkout", "session_create"), checkout.create, checkout.CREATE),
    endpoint(
        "GET",
        "/v1/checkout/sessions",
        _in("checkout", "session_list"),
        checkout.list_sessions,
        "created customer customer_details payment_intent status subscription PAGING",
    ),
    endpoint(
        "GET",
        "/v1/checkout/sessions/{session}",
        _in("checkout", "session_retrieve"),
        show("checkout.session", "session"),
    ),
    endpoint("POST", "/v1/checkout/sessions/{session}/expire", _in("checkout", "session_expire"), checkout.expire),
    endpoint(
        "GET",
        "/v1/checkout/sessions/{session}/line_items",
        _in("checkout", "session_line_item_list"),
        checkout.line_items,
        "PAGING",
    ),
    endpoint(
        "POST",
        "/v1/subscriptions",
        _params("subscription_create"),
        subscription_calls.create,
        subscription_calls.CREATE,
    ),
    endpoint(
        "GET",
        "/v1/subscriptions",
        _params("subscription_list"),
        subscription_calls.list_subscriptions,
        "collection_method created customer price status PAGING",
    ),
    endpoint("GET", "/v1/subscriptions/{id}", _params("subscription_retrieve"), show("subscription", "id")),
    endpoint(
        "POST",
        "/v1/subscriptions/{id}",
        _params("subscription_update"),
        subscription_calls.update,
        subscription_calls.UPDATE,
    ),
    endpoint(
        "DELETE",
        "/v1/subscriptions/{id}",
        _params("subscription_cancel"),
        subscription_calls.cancel,
        "cancellation_details invoice_now prorate",
    ),
    endpoint(
        "GET",
        "/v1/subscription_items",
        _params("subscription_item_list"),
        subscription_calls.list_items,
        "subscription PAGING",
    ),
    endpoint(
        "GET",
        "/v1/invoices",
        _params("invoice_list"),
        invoices.list_invoices,
        "collection_method created customer status subscription PAGING",
    ),
    endpoint(
        "POST",
        "/v1/invoices/create_preview",
        _params("invoice_create_preview"),
        invoice_calls.create_preview,
        "customer subscription subscription_details",
    ),
    endpoint("GET", "/v1/invoices/{invoice}", _params("invoice_retrieve"), show("invoice", "invoice")),
    endpoint("GET", "/v1/invoices/{invoice}/lines", _params("invoice_line_item_list"), invoices.list_lines, "PAGING"),
    endpoint(
        "POST",
        "/v1/invoices/{invoice}/pay",
        _params("invoice_pay"),
        invoice_calls.pay,
        "off_session payment_method",
    ),
    endpoint("POST", "/v1/invoices/{invoice}/void", _params("invoice_void_invoice"), invoices.void),
    endpoint(
        "GET",
        "/v1/invoice_payments",
        _params("invoice_payment_list"),
        invoices.list_payments,
        "created invoice payment status PAGING",
    ),
    endpoint(
        "GET",
        "/v1/invoice_payments/{invoice_payment}",
        _params("invoice_payment_retrieve"),
        show("invoice_payment", "invoice_payment"),
    ),
    endpoint(
        "GET",
        "/v1/payment_intents",
        _params("payment_intent_list"),
        payments.list_intents,
        "created customer PAGING",
    ),
    endpoint(
        "GET",
        "/v1/payment_intents/{intent}",
        _params("payment_intent_retrieve"),
        show("payment_intent", "intent"),
    ),
    endpoint(
        "GET",
        "/v1/setup_intents",
        _params("setup_intent_list"),
        setup_intents.list_intents,
        "customer created PAGING",
    ),
    endpoint("GET", "/v1/setup_intents/{intent}", _params("setup_intent_retrieve"), show("setup_intent", "intent")),
    endpoint(
        "POST",
        "/v1/subscriptions/{subscription}/resume",
        _params("subscription_resume"),
        subscription_calls.resume,
        subscription_calls.RESUME,
    ),
    endpoint(
        "GET",
        "/v1/charges",
        _params("charge_list"),
        payments.list_charges,
        "created customer payment_intent PAGING",
    ),
    endpoint("GET", "/v1/charges/{charge}", _params("charge_retrieve"), show("charge", "charge")),
    endpoint(
        "POST",
        "/v1/charges/{charge}",
        _params("charge_update"),
        payments.update_described("charge", "charge"),
        "description metadata",
    ),
    endpoint(
        "POST",
        "/v1/payment_methods",
        _params("payment_method_create"),
        payments.create_method,
        "billing_details card metadata type",
    ),
    endpoint("GET", "/v1/payment_methods", _params("payment_method_list"), payments.list_methods, METHOD_LIST),
    endpoint(
        "GET",
        "/v1/payment_methods/{payment_method}",
        _params("payment_method_retrieve"),
        payments.retrieve_method,
    ),
    endpoint(
        "POST",
        "/v1/payment_methods/{payment_method}/attach",
        _params("payment_method_attach"),
        payments.attach_method,
        "customer",
    ),
    endpoint(
        "POST",
        "/v1/payment_methods/{payment_method}/detach",
        _params("payment_method_detach"),
        payments.detach_method,
    ),
    endpoint(
        "POST",
        "/v1/refunds",
        _params("refund_create"),
        refunds.create,
        "amount charge metadata payment_intent reason",
    ),
    endpoint(
        "GET", "/v1/refunds", _params("refund_list"), refunds.list_refunds, "charge created payment_intent PAGING"
    ),
    endpoint(
        "GET", "/v1/disputes", _params("dispute_list"), disputes.list_disputes, "charge created payment_intent PAGING"
    ),
    endpoint("GET", "/v1/disputes/{dispute}", _params("dispute_retrieve"), show("dispute", "dispute")),
    endpoint("POST", "/v1/disputes/{dispute}/close", _params("dispute_close"), disputes.close),
    endpoint(
        "POST",
        "/v1/coupons",
        _params("coupon_create"),
        discounts.create_coupon,
        "amount_off applies_to currency duration duration_in_months id max_redemptions metadata name percent_off"
        " redeem_by",
    ),
    endpoint("GET", "/v1/coupons", _params("coupon_list"), every("coupon"), "created PAGING"),
    endpoint("GET", "/v1/coupons/{coupon}", _params("coupon_retrieve"), show("coupon", "coupon")),
    endpoint("POST", "/v1/coupons/{coupon}", _params("coupon_update"), discounts.update_coupon, "metadata name"),
    endpoint("DELETE", "/v1/coupons/{coupon}", _params("coupon_delete"), discounts.delete_coupon),
    endpoint(
        "POST",
        "/v1/promotion_codes",
        _params("promotion_code_create"),
        discounts.create_promotion_code,
        "active code customer expires_at max_redemptions metadata promotion restrictions",
    ),
    endpoint(
        "GET",
        "/v1/promotion_codes",
        _params("promotion_code_list"),
        discounts.list_promotion_codes,
        "active code coupon created customer PAGING",
    ),
    endpoint(
        "GET",
        "/v1/promotion_codes/{promotion_code}",
        _params("promotion_code_retrieve"),
        show("promotion_code", "promotion_code"),
    ),
    endpoint(
        "POST",
        "/v1/promotion_codes/{promotion_code}",
        _params("promotion_code_update"),
        discounts.update_promotion_code,
        "active metadata",
    ),
    endpoint("GET", "/v1/refunds/{refund}", _params("refund_retrieve"), show("refund", "refund")),
    endpoint("POST", "/v1/refunds/{refund}", _params("refund_update"), refunds.update, "metadata"),
    endpoint(
        "POST",
        "/v1/billing_portal/configurations",
        _in("billing_portal", "configuration_create"),
        portal.create_configuration,
        CONFIGURATION,
    ),
    endpoint(
        "GET",
        "/v1/billing_portal/configurations",
        _in("billing_portal", "configuration_list"),
        portal.list_configurations,
        "active is_default PAGING",
    ),
    endpoint(
        "GET",
        "/v1/billing_portal/configurations/{configuration}",
        _in("billing_portal", "configuration_retrieve"),
        show("billing_portal.configuration", "configuration"),
    ),
    endpoint(
        "POST",
        "/v1/billing_portal/configurations/{configuration}",
        _in("billing_portal", "configuration_update"),
        portal.update_configuration,
        CONFIGURATION + " active",
    ),
    endpoint(
        "POST",
        "/v1/billing_portal/sessions",
        _in("billing_portal", "session_create"),
        portal.create_session,
        "configuration customer flow_data locale return_url",
    ),
    endpoint(
        "GET",
        "/v1/events",
        _params("event_list"),
        events.list_events,
        "created delivery_success type types PAGING",
    ),
    endpoint("GET", "/v1/events/{id}", _params("event_retrieve"), show("event", "id")),
    endpoint(
        "POST",
        "/v1/webhook_endpoints",
        _params("webhook_endpoint_create"),
        webhook_endpoints.create,
        "api_version description enabled_events metadata url",
    ),
    endpoint("GET", "/v1/webhook_endpoints", _params("webhook_endpoint_list"), every("webhook_endpoint"), "PAGING"),
    endpoint(
        "GET",
        "/v1/webhook_endpoints/{webhook_endpoint}",
        _params("webhook_endpoint_retrieve"),
        show("webhook_endpoint", "webhook_endpoint"),
    ),
    endpoint(
        "POST",
        "/v1/webhook_endpoints/{webhook_endpoint}",
        _params("webhook_endpoint_update"),
        webhook_endpoints.update,
        "description disabled enabled_events metadata url",
    ),
    endpoint(
        "DELETE",
        "/v1/webhook_endpoints/{webhook_endpoint}",
        _params("webhook_endpoint_delete"),
        webhook_endpoints.delete,
    ),
]
