"""Who pays: customers, their cards, the billing portal, what they are entitled to."""

from . import customers, features, payments, portal, setup_intents
from .api import Endpoint, endpoint
from .routing import params, params_in, show

METHOD_LIST = "customer type PAGING"
CONFIGURATION = "business_profile default_return_url features metadata name"

ENDPOINTS: list[Endpoint] = [
    endpoint("GET", "/v1/entitlements/active_entitlements", params_in("entitlements", "active_entitlement_list"),
             features.list_active, "customer PAGING"),
    endpoint("POST", "/v1/customers", params("customer_create"), customers.create, customers.CREATE),
    endpoint("GET", "/v1/customers", params("customer_list"), customers.list_customers, "created email PAGING"),
    endpoint("GET", "/v1/customers/search", params("customer_search"), customers.search, "query limit"),
    endpoint("GET", "/v1/customers/{id}", params("customer_retrieve"), customers.retrieve),
    endpoint("POST", "/v1/customers/{id}", params("customer_update"), customers.update, customers.ACTS_ON),
    endpoint("DELETE", "/v1/customers/{id}", params("customer_delete"), customers.delete),
    endpoint("GET", "/v1/customers/{customer}/payment_methods", params("customer_payment_method_list"),
             payments.list_methods, "type PAGING"),
    endpoint("GET", "/v1/setup_intents", params("setup_intent_list"), setup_intents.list_intents,
             "customer created PAGING"),
    endpoint("GET", "/v1/setup_intents/{intent}", params("setup_intent_retrieve"), show("setup_intent", "intent")),
    endpoint("POST", "/v1/payment_methods", params("payment_method_create"), payments.create_method,
             "billing_details card metadata type"),
    endpoint("GET", "/v1/payment_methods", params("payment_method_list"), payments.list_methods, METHOD_LIST),
    endpoint("GET", "/v1/payment_methods/{payment_method}", params("payment_method_retrieve"),
             payments.retrieve_method),
    endpoint("POST", "/v1/payment_methods/{payment_method}/attach", params("payment_method_attach"),
             payments.attach_method, "customer"),
    endpoint("POST", "/v1/payment_methods/{payment_method}/detach", params("payment_method_detach"),
             payments.detach_method),
    endpoint("POST", "/v1/billing_portal/configurations", params_in("billing_portal", "configuration_create"),
             portal.create_configuration, CONFIGURATION),
    endpoint("GET", "/v1/billing_portal/configurations", params_in("billing_portal", "configuration_list"),
             portal.list_configurations, "active is_default PAGING"),
    endpoint("GET", "/v1/billing_portal/configurations/{configuration}",
             params_in("billing_portal", "configuration_retrieve"),
             show("billing_portal.configuration", "configuration")),
    endpoint("POST", "/v1/billing_portal/configurations/{configuration}",
             params_in("billing_portal", "configuration_update"), portal.update_configuration,
             CONFIGURATION + " active"),
    endpoint("POST", "/v1/billing_portal/sessions", params_in("billing_portal", "session_create"),
             portal.create_session, "configuration customer flow_data locale return_url"),
]
