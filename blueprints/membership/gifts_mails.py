"""Mails about gifts: to who gets one, and to who gave it. Each once, in the current transaction."""

from typing import Any

import structlog

from blueprints.membership import queries
from blueprints.membership.queries_gifts import GiftView
from blueprints.notifications.service import send_mail
from core.rendering import date, money
from models.user import User

log = structlog.get_logger("billing")


def bought(gift: GiftView, giver: User) -> None:
    """To the giver, when it is paid: what was bought, when it is sent, and how to take it back."""
    _write("bought", gift, giver.email, giver.id, f"Your gift to {gift.to_name} is paid", "",
           amount=money(gift.paid_cents, gift.currency), send_on=date(gift.send_at))  # fmt: skip


def given(gift: GiftView, link: str) -> None:
    """To who gets it, on its day."""
    _write("given", gift, gift.to_email, None, f"{gift.from_name} gives you {gift.plan_name}", str(gift.link_number),
           take=link)  # fmt: skip


def redeemed(gift: GiftView, by: str) -> None:
    """To the giver, when it is taken."""
    giver = queries.person(gift.giver_id)
    if giver is not None and giver.deleted_at is None:
        _write("taken", gift, giver.email, giver.id, f"{gift.to_name} has taken your gift", "", by=by)


def revoked(gift: GiftView, giver: User) -> None:
    """To the giver: it is taken back, and the money is on its way."""
    _write("revoked", gift, giver.email, giver.id, f"Your gift to {gift.to_name} is taken back", "",
           amount=money(gift.paid_cents, gift.currency))  # fmt: skip


def over(gift: GiftView, person: User) -> None:
    """To who had it: it has ended, and nothing is charged."""
    _write("over", gift, person.email, person.id, f"The {gift.plan_name} you were given has ended", "")


def _write(
    kind: str, gift: GiftView, recipient: str, user_id: int | None, subject: str, mark: str, **more: Any
) -> None:
    context = {"gift": gift, "length": f"a {gift.interval}", "take": ""} | more
    try:
        send_mail(
            kind=f"gift.{kind}", recipient=recipient, user_id=user_id, subject=subject, template=f"gift_{kind}",
            context=context, dedupe_key=f"gift.{kind}:{gift.id}:{gift.created_at:%Y%m%d%H%M%S}:{mark}",
        )  # fmt: skip
    except ValueError:
        # An address that mail cannot reach must not keep a payment from counting.
        log.warning("no mail could be written", gift=gift.id, kind=kind)
