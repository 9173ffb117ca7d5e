"""What readers agreed to, and their right to withdraw.

The right to withdraw from a contract made at a distance: Directive 2011/83/EU, articles 9 to 11, and the function that
article 11a (Directive (EU) 2023/2673) asks for: "withdraw from contract here", then "confirm withdrawal", without
signing in, and a receipt with its moment at once. We give it to everybody, wherever they live.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from blueprints.membership import queries
from blueprints.membership.mails import mail_about
from blueprints.membership.queries_agreements import contract_row, withdrawal_of
from blueprints.membership.terms import WITHDRAWAL_DAYS
from core import clock
from core.db import db
from core.errors import Conflict, NotFound
from core.records import dataclass
from core.rendering import date, date_and_time, money
from jobs.queue import enqueue
from models.consent import Consent, Withdrawal

EVERY_ZONE = timedelta(hours=12)  # when a day is over everywhere
PAGE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a button was pressed: the page, and the network without the part that names one machine."""

    page: str
    network: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """A membership that was bought, as somebody who wants to withdraw from it sees it."""

    mode: str
    subscription: str
    user_id: int
    plan_name: str
    name: str
    email: str
    began_at: datetime
    ends_at: datetime  # the last moment of the right to withdraw
    withdrawal: Withdrawal | None

    @property
    def number(self) -> str:
        """What the contract is called in a receipt."""
        return self.subscription

    @property
    def last_day(self) -> datetime:
        """A moment of the last day on which it can be withdrawn from."""
        return self.ends_at - EVERY_ZONE - timedelta(days=1)

    def is_open(self, now: datetime) -> bool:
        """Whether it can be withdrawn from at this moment."""
        return self.withdrawal is None and now < self.ends_at


def record_consent(
    user_id: int, kind: str, shown: Sequence[str], origin: Origin, subscription: str | None = None
) -> None:
    """Keep what stood beside a button that was pressed, in the current transaction."""
    db.session().add(Consent(
        user_id=user_id, kind=kind, shown="\n".join(shown), page=origin.page[:PAGE_LENGTH], network=origin.network,
        subscription=subscription, created_at=clock.now(),
    ))  # fmt: skip


def withdraw_path(mode: str, subscription: str, user_id: int) -> str:
    """The address at which a contract is withdrawn from without signing in. It stays good: after the time for it, it
    explains."""
    return f"/withdraw/{_serializer().dumps([mode, subscription, user_id])}"


def contract_named(token: str) -> Contract:
    """The contract that an address names. Raises NotFound, the same for strange and unknown ones."""
    try:
        mode, subscription, user_id = _serializer().loads(token)
    except (BadSignature, ValueError, TypeError):
        raise NotFound("We do not know this contract. The link may be incomplete.") from None
    return contract_of(mode, subscription, user_id)


def contract_of(mode: str, subscription: str, user_id: int) -> Contract:
    """A reader's contract. Raises NotFound."""
    row = contract_row(mode, subscription, user_id)
    person = queries.person(user_id)
    if row is None or person is None or person.deleted_at is not None:
        raise NotFound("We do not know this contract. The link may be incomplete.")
    return Contract(
        mode, subscription, user_id, row.name, person.display_name, person.email, row.started_at,
        withdrawal_ends_at(row.started_at), withdrawal_of(mode, subscription),
    )  # fmt: skip


def withdrawal_ends_at(began_at: datetime) -> datetime:
    """The end of the last day: WITHDRAWAL_DAYS after the day of the contract, over in every time zone."""
    first = datetime.combine(began_at.astimezone(UTC).date(), time(), UTC)
    return first + timedelta(days=WITHDRAWAL_DAYS + 1) + EVERY_ZONE


def withdraw_from(contract: Contract, origin: Origin) -> datetime:
    """Take a withdrawal, with its receipt, in the current transaction; the rest is a job. Returns its moment.

    A second press changes nothing and returns the moment of the first. Raises Conflict when the time is over.
    """
    if contract.withdrawal is not None:
        return contract.withdrawal.confirmed_at
    now = clock.now()
    if not contract.is_open(now):
        raise Conflict(f"The right to withdraw ended with {date(contract.last_day)}.")
    new = queries.insert_new(
        Withdrawal, mode=contract.mode, subscription=contract.subscription, user_id=contract.user_id, confirmed_at=now,
        refunded_cents=0,
    )  # fmt: skip
    if new:
        statement = f"I withdraw from contract {contract.number} ({contract.plan_name}) of {date(contract.began_at)}."
        record_consent(contract.user_id, "withdraw", (statement,), origin, contract.subscription)
        person = queries.lock_person(contract.user_id)
        if person is not None:
            mail_about(
                person, "withdrawn", contract.plan_name, f"withdrawn:{contract.mode}:{contract.subscription}",
                statement=statement, at=date_and_time(now), number=contract.number,
            )  # fmt: skip
        enqueue(
            "stripe.withdraw", key=f"withdraw:{contract.subscription}", mode=contract.mode,
            subscription=contract.subscription,
        )  # fmt: skip
    return now


def withdrawal_done(mode: str, subscription: str, refunded_cents: int, currency: str | None) -> None:
    """Note that a contract is ended and paid back at Stripe."""
    row = withdrawal_of(mode, subscription)
    if row is not None and row.done_at is None:
        row.done_at, row.refunded_cents, row.currency = clock.now(), refunded_cents, currency


def refund_sentence(withdrawal: Withdrawal) -> str:
    """What becomes of the money, in words."""
    if withdrawal.done_at is None:
        return "The membership is being ended and your money sent back; this takes a few minutes."
    if not withdrawal.refunded_cents or withdrawal.currency is None:
        return "The membership has ended. Nothing had been paid for it, so there is nothing to give back."
    amount = money(withdrawal.refunded_cents, withdrawal.currency)
    return f"The membership has ended, and {amount} are on their way back to your card. Banks take five to ten days."


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="withdraw")
