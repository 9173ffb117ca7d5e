"""A process is killed after every step of joining, switching, cancelling, withdrawing, leaving; then all goes on.

A step is a commit or an answer of Stripe to a change: what a dead process cannot take back. Afterwards the reader
presses once more, as people do, the webhooks arrive, a worker goes on, and the end is the same as without a kill.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from blueprints.membership.agreements import withdraw_path
from blueprints.membership.gateway import gateway
from core import clock
from core.db import db
from models.consent import Withdrawal
from models.membership import Payment, StripeEvent
from models.user import User
from tests.conftest import some
from tests.factories import make_user
from tests.membership.conftest import Till
from tests.membership.test_switching import shown
from tests.proof.crew import Crew

LEASES_OVER = 130  # seconds: turns and jobs of the dead are free again after a minute
AT_ONCE = 3

Task = tuple[str, dict[str, Any]]


def kill_everywhere(crew: Crew, begin: Callable[[], Task], *, at_once: int = AT_ONCE) -> list[tuple[str, Task]]:
    """Do a task once unharmed, then once for each of its steps with the kill after that step; what was begun.

    Each is begun anew by `begin`, and repeated as its person would after nothing had come back.
    """
    crew.learn(begin())  # what is made only once, as products at Stripe, is there
    whole = begin()
    steps = crew.run(whole)[0]["steps"]
    assert len(steps) >= 2, steps
    begun = [("unharmed", whole)]
    killed: list[tuple[int, Task]] = [(number, begin()) for number in some(range(1, len(steps) + 1))]
    for start in range(0, len(killed), at_once):
        group = killed[start : start + at_once]
        results = crew.run(*((name, given | {"kill_after": number}) for number, (name, given) in group))
        begun += [
            (f"after step {number}, {steps[number - 1]}", task)
            for (number, task), result in zip(group, results, strict=True) if result.get("killed")
        ]  # fmt: skip
        again = [(name, given | {"later": LEASES_OVER}) for _, (name, given) in group]
        for step in range(0, len(again), at_once):
            crew.run(*again[step : step + at_once])
    assert len(begun) >= len(killed)
    for _ in range(2):
        crew.run(("tasks.work", {"delivering": True, "later": LEASES_OVER}), ("tasks.work", {"later": LEASES_OVER}))
    db.session().rollback()
    clock.shift(timedelta(seconds=LEASES_OVER))  # what ended in their time has ended in ours
    assert set(db.session().scalars(select(StripeEvent.state))) <= {"done", "ignored"}
    return begun


def of(till: Till, user: User, kind: str) -> list[dict[str, Any]]:
    """What Stripe has of a reader."""
    customer = till.customer_of(user)
    with till.sandbox.store.read() as tx:
        return list(tx.select(kind, customer=customer))


def reader_of(task: Task, readers: dict[int, User]) -> User:
    return readers[task[1]["user_id"]]


@pytest.fixture
def members(till: Till) -> Callable[..., User]:
    def make(price: str = "vip-month", **values: Any) -> User:
        user, browser = till.reader(**values)
        till.join(browser, price)
        return user

    return make


def paid(till: Till, user: User) -> list[int]:
    return sorted(invoice["amount_paid"] for invoice in of(till, user, "invoice") if invoice["status"] == "paid")


def test_joining_ends_in_one_membership_paid_once_wherever_it_was_killed(till: Till, crew: Crew) -> None:
    readers: dict[int, User] = {}

    def begin() -> Task:
        user = make_user()
        readers[user.id] = user
        return "tasks.join", {"user_id": user.id}

    for where, task in kill_everywhere(crew, begin):
        user = reader_of(task, readers)
        assert [each["status"] for each in of(till, user, "subscription")] == ["active"], where
        assert paid(till, user) == [490], where
        assert till.live(user) == ["vip"], where
        assert [row.ended_at for row in till.memberships(user)] == [None], where
        assert Counter(till.mails(user)) == {"membership.welcome": 1}, where
    with till.sandbox.store.read() as tx:
        emails = Counter(each["email"] for each in tx.select("customer"))
    assert set(emails.values()) == {1}


def test_a_switch_is_charged_once_wherever_it_was_killed(till: Till, crew: Crew, members: Callable[..., User]) -> None:
    readers: dict[int, User] = {}
    asked: dict[int, int] = {}

    def begin() -> Task:
        from tests.browser import Browser

        user = members()
        _, form = shown(Browser(till.app).sign_in(user), "gold-month")
        readers[user.id], asked[user.id] = user, int(form["amount"])
        return "tasks.switch", {"user_id": user.id, "price": "gold-month", "form": form}

    for where, task in kill_everywhere(crew, begin):
        user = reader_of(task, readers)
        assert paid(till, user) == sorted([490, asked[user.id]]), where
        assert till.live(user) == ["gold"], where
        assert Counter(till.mails(user)) == {"membership.welcome": 2, "membership.switched": 1} or Counter(
            till.mails(user)
        ) == {"membership.welcome": 1, "membership.switched": 1}, where


def test_cancelling_ends_with_the_period_wherever_it_was_killed(
    till: Till, crew: Crew, members: Callable[..., User]
) -> None:
    readers: dict[int, User] = {}

    def begin() -> Task:
        user = members()
        readers[user.id] = user
        return "tasks.cancel", {"user_id": user.id}

    for where, task in kill_everywhere(crew, begin):
        user = reader_of(task, readers)
        assert [(each["status"], bool(each["cancel_at"])) for each in of(till, user, "subscription")] == [("active", True)], where
        state = till.state(user)
        assert state is not None, where
        assert state.is_ending, where
        assert till.live(user) == ["vip"], where
        assert Counter(till.mails(user))["membership.cancelled"] == 1, where


def test_a_withdrawal_gives_everything_back_once_wherever_it_was_killed(
    till: Till, crew: Crew, members: Callable[..., User]
) -> None:
    readers: dict[str, User] = {}

    def begin() -> Task:
        user = members()
        address = withdraw_path(gateway().mode, of(till, user, "subscription")[0]["id"], user.id)
        readers[address] = user
        return "tasks.withdraw", {"address": address}

    for where, task in kill_everywhere(crew, begin, at_once=1):
        user = readers[task[1]["address"]]
        assert [each["status"] for each in of(till, user, "subscription")] == ["canceled"], where
        assert [(each["amount"], each["amount_refunded"]) for each in of(till, user, "charge")] == [(490, 490)], where
        rows = list(db.session().scalars(select(Withdrawal).where(Withdrawal.user_id == user.id)))
        assert [(row.done_at is not None, row.refunded_cents) for row in rows] == [(True, 490)], where
        assert till.live(user) == [], where
        assert Counter(till.mails(user)) == {"membership.welcome": 1, "membership.withdrawn": 1}, where
    with till.sandbox.store.read() as tx:
        assert {each["amount"] for each in tx.select("refund")} == {490}
        assert len(tx.select("refund")) == len(readers)


def test_who_leaves_pays_no_more_wherever_it_was_killed(till: Till, crew: Crew, members: Callable[..., User]) -> None:
    readers: dict[int, User] = {}

    def begin() -> Task:
        user = members()
        readers[user.id] = user
        return "tasks.leave", {"user_id": user.id}

    for where, task in kill_everywhere(crew, begin, at_once=1):
        user = reader_of(task, readers)
        assert [each["status"] for each in of(till, user, "subscription")] == ["canceled"], where
        assert till.live(user) == [], where
        gone = db.session().get(User, user.id, populate_existing=True)
        assert gone is not None, where
        assert gone.deleted_at is not None, where
    assert sum(db.session().scalars(select(Payment.refunded_cents))) == 0
