"""What a fetch changed in our tables although nobody had told us: found, put right and noted in one transaction."""

from dataclasses import field

from blueprints.membership import queries_health
from core import clock
from core.records import dataclass
from models.membership import BillingCustomer


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was otherwise here than at Stripe."""

    what: str
    was: str
    became: str

    def __str__(self) -> str:
        return f"{self.what}: {self.was} → {self.became}"


@dataclass(slots=True)
class Drift:
    """Watches one fetch: `run_id` is the round that asked for it, None for a person who did."""

    run_id: int | None = None
    found: list[Difference] = field(default_factory=list)
    _before: queries_health.Holdings = field(default_factory=dict)

    def before(self, customer: BillingCustomer) -> None:
        """Note what stands, inside the transaction that is going to write."""
        self._before = queries_health.held(customer)

    def after(self, customer: BillingCustomer) -> None:
        """Note what is otherwise now, in that same transaction."""
        self.found = differences(self._before, queries_health.held(customer))
        for each in self.found:
            queries_health.note_drift(self.run_id, customer.id, each.what, each.was, each.became, clock.now())
        if self.found and self.run_id is not None:
            run = queries_health.lock_run(self.run_id)
            if run is not None:
                run.found += len(self.found)


def differences(before: queries_health.Holdings, after: queries_health.Holdings) -> list[Difference]:
    """What two pictures of one Customer do not share; something wholly new or gone is told once, not field by field."""
    found = []
    known, standing = {name for name, _ in before}, {name for name, _ in after}
    for name in sorted(standing - known):
        words = ", ".join(f"{part} {value}" for (of, part), value in after.items() if of == name)
        found.append(Difference(name, "not known here", words))
    for name in sorted(known - standing):
        found.append(Difference(name, "known here", "gone"))
    for name, part in sorted(before.keys() & after.keys()):
        if before[name, part] != after[name, part]:
            found.append(Difference(f"{name}, {part}", before[name, part], after[name, part]))
    return found
