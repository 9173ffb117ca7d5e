"""The health of payments as the publisher sees it, and what can be done about it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from blueprints.membership import health, queries_health, sync
from blueprints.membership.drift import Difference, Drift
from blueprints.membership.gateway import gateway
from blueprints.membership.queries_events import unfinished_events
from blueprints.publisher import queries_billing
from core import clock
from core.errors import NotFound
from core.records import dataclass
from jobs.queue import enqueue
from models.billing_health import CardBurst
from models.membership import StripeEvent

LATELY = timedelta(days=7)
DRIFT_TOLD = timedelta(days=30)
BURSTS_TOLD = timedelta(days=30)
ROUNDS = (("catch-up", "Events asked for"), ("compare", "Customers compared"))


@dataclass(frozen=True, slots=True)
class BillingHealth:
    """Everything on the page of the payments' health, from our own tables."""

    mode: str
    here: list[health.Check]
    account: tuple[datetime, list[health.Check]] | None
    counts: queries_health.EventCounts
    delays: queries_health.Delays | None
    oldest_at: datetime | None
    oldest: str | None
    rounds: dict[str, queries_health.RunRow | None]
    drift: list[queries_health.DriftRow]
    left_alone: list[tuple[str, int]]
    bursts: Sequence[CardBurst]

    @property
    def wrong(self) -> int:
        """How many things need a look."""
        account = self.account[1] if self.account else []
        return sum(check.wrong for check in (*self.here, *account)) + sum(not burst.ended_at for burst in self.bursts)


def billing_health() -> BillingHealth:
    """How payments are doing now; asks Stripe nothing."""
    mode, now = gateway().mode, clock.now()
    unfinished = unfinished_events(mode)
    oldest = next((event for event in unfinished if event.state == "waiting"), None)
    return BillingHealth(
        mode=mode, here=health.checks_here(), account=health.kept_checks(),
        counts=queries_health.event_counts(mode, now - LATELY), delays=queries_health.delays(mode),
        oldest_at=oldest.received_at if oldest else None, oldest=f"{oldest.type} {oldest.id}" if oldest else None,
        rounds={kind: queries_health.last_run(mode, kind) for kind, _ in ROUNDS},
        drift=queries_health.drift_since(mode, now - DRIFT_TOLD),
        left_alone=queries_health.left_alone(mode, now - LATELY), bursts=queries_health.bursts(mode, now - BURSTS_TOLD),
    )  # fmt: skip


def retry_event(event_id: str) -> None:
    """Deal with a failed Event once more, in the current transaction. Raises NotFound."""
    event = queries_health.lock_event(event_id)
    if event is None or event.state != "failed":
        raise NotFound("This message is not among the failed ones any more.")
    _again(event)


def retry_all_events() -> int:
    """Deal with every failed Event once more, in the current transaction; how many."""
    asked = 0
    for event_id in queries_health.failed_event_ids(gateway().mode):
        event = queries_health.lock_event(event_id)
        if event is not None and event.state == "failed":
            _again(event)
            asked += 1
    return asked


def _again(event: StripeEvent) -> None:
    event.state = "waiting"
    enqueue("stripe.event", key=f"stripe.event:{event.id}", event_id=event.id)


def start_round(kind: str) -> None:
    """Ask for a round now, in the current transaction. Raises NotFound for a kind that there is not."""
    jobs = {"catch-up": "stripe.catch-up", "compare": "stripe.reconcile"}
    if kind not in jobs:
        raise NotFound("There is no such round.")
    enqueue(jobs[kind], key=f"repeating:{jobs[kind]}")


def sync_reader(user_id: int) -> list[Difference]:
    """Bring one reader to what Stripe says now; what was otherwise here.

    Raises NotFound for who never began to pay, and GatewayError or Busy when there is no answer.
    """
    mode = gateway().mode
    customer = queries_billing.customer_to_sync(mode, user_id)
    if customer is None:
        raise NotFound("This person has no Customer at Stripe, so there is nothing to ask for.")
    drift = Drift()
    sync.sync_customer(customer, "by hand", drift=drift)
    return drift.found
