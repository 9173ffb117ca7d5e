"""What stands around: events, webhook endpoints, test clocks."""

from . import clocks, events, webhook_endpoints
from .api import Endpoint, endpoint
from .routing import every, params, params_in, show

CLOCK = "/v1/test_helpers/test_clocks"


def _clock(name: str) -> str:
    return params_in("test_helpers", f"test_clock_{name}")


ENDPOINTS: list[Endpoint] = [
    endpoint("POST", CLOCK, _clock("create"), clocks.create, "frozen_time name"),
    endpoint("GET", CLOCK, _clock("list"), every(clocks.KIND), "PAGING"),
    endpoint("GET", f"{CLOCK}/{{test_clock}}", _clock("retrieve"), show(clocks.KIND, "test_clock")),
    endpoint("DELETE", f"{CLOCK}/{{test_clock}}", _clock("delete"), clocks.delete),
    endpoint("POST", f"{CLOCK}/{{test_clock}}/advance", _clock("advance"), clocks.advance, "frozen_time"),
    endpoint("GET", "/v1/events", params("event_list"), events.list_events,
             "created delivery_success type types PAGING"),
    endpoint("GET", "/v1/events/{id}", params("event_retrieve"), show("event", "id")),
    endpoint("POST", "/v1/webhook_endpoints", params("webhook_endpoint_create"), webhook_endpoints.create,
             "api_version description enabled_events metadata url"),
    endpoint("GET", "/v1/webhook_endpoints", params("webhook_endpoint_list"), every("webhook_endpoint"), "PAGING"),
    endpoint("GET", "/v1/webhook_endpoints/{webhook_endpoint}", params("webhook_endpoint_retrieve"),
             show("webhook_endpoint", "webhook_endpoint")),
    endpoint("POST", "/v1/webhook_endpoints/{webhook_endpoint}", params("webhook_endpoint_update"),
             webhook_endpoints.update, "description disabled enabled_events metadata url"),
    endpoint("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", params("webhook_endpoint_delete"),
             webhook_endpoints.delete),
]
