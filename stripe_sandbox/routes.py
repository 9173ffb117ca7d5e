"""The whole API surface: method, path, the package's parameter type, handler, honoured parameters."""

from . import routes_around, routes_catalogue, routes_customers, routes_payments, routes_subscriptions
from .api import Endpoint

ENDPOINTS: list[Endpoint] = [
    *routes_catalogue.ENDPOINTS,
    *routes_customers.ENDPOINTS,
    *routes_subscriptions.ENDPOINTS,
    *routes_payments.ENDPOINTS,
    *routes_around.ENDPOINTS,
]
