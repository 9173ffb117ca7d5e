"""All calls to Stripe, together."""

from flask import current_app

from blueprints.membership.gateway.catalogue import CatalogueCalls
from blueprints.membership.gateway.customers import CustomerCalls
from blueprints.membership.gateway.events import EventCalls
from blueprints.membership.gateway.once import OnceCalls
from blueprints.membership.gateway.subscriptions import SubscriptionCalls


class Gateway(CatalogueCalls, CustomerCalls, SubscriptionCalls, OnceCalls, EventCalls):
    """Calls to one Stripe account in one mode."""


def gateway() -> Gateway:
    """The gateway of this application."""
    found: Gateway = current_app.extensions["rejoinder_gateway"]
    return found
