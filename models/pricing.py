"""What members are told about money, and prices that rise for those who pay them already."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class BillingNotice(Base):
    """Proof that a member was told in time: the words, when, to which address, under which law, in which window.

    One per Subscription, kind and occasion (the day that it is about), whoever asks for it and how often. The words
    are kept when somebody leaves; the address is emptied.
    """

    __tablename__ = "billing_notice"
    __table_args__ = (
        UniqueConstraint("mode", "subscription", "kind", "occasion"),
        CheckConstraint(
            "kind IN ('trial', 'renewal', 'annual', 'price', 'price_kept', 'promotion')", name="kind"
        ),
        CheckConstraint("opens_at <= closes_at", name="window"),
        Index("ix_billing_notice_user", "user_id", "id"),
        Index("ix_billing_notice_unsent", "mail_id",
              sqlite_where=text("sent_at IS NULL"), postgresql_where=text("sent_at IS NULL")),
    )  # fmt: skip

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    subscription: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(10))
    occasion: Mapped[str] = mapped_column(String(40))
    law: Mapped[str] = mapped_column(String(10))
    country: Mapped[str | None] = mapped_column(String(5))  # as it was declared then
    about_at: Mapped[datetime]  # what it tells of
    opens_at: Mapped[datetime]  # the window in which the law wants it told
    closes_at: Mapped[datetime]
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    words: Mapped[str] = mapped_column(Text)  # one sentence a line
    mail_id: Mapped[int | None]  # of the mail that carried it; mails are removed earlier than proof
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[datetime | None]  # when the mail server took it


class PriceRise(Base):
    """A price that becomes another for those who pay it, each at their own renewal on or after `takes_effect_at`.

    At most one at a time for a price. Neither amount ever changes: both are prices of their own.
    """

    __tablename__ = "price_rise"
    __table_args__ = (
        CheckConstraint("state IN ('planned', 'called_off', 'done')", name="state"),
        CheckConstraint("from_price_id != to_price_id", name="another"),
        Index("uq_price_rise_planned", "mode", "from_price_id", unique=True,
              sqlite_where=text("state = 'planned'"), postgresql_where=text("state = 'planned'")),
    )  # fmt: skip

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    from_price_id: Mapped[int] = mapped_column(ForeignKey("price.id"))
    to_price_id: Mapped[int] = mapped_column(ForeignKey("price.id"))
    takes_effect_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="planned")
    created_at: Mapped[CreatedAt]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None]  # called off, or done
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class PriceMove(Base):
    """One Subscription in a price rise.

    told: its member knows; set: Stripe will ask the new price at `renewal_at`; moved: it did; left: the member chose
    something else; kept: the rise was called off in time.
    """

    __tablename__ = "price_move"
    __table_args__ = (
        UniqueConstraint("rise_id", "subscription"),
        CheckConstraint("state IN ('told', 'set', 'moved', 'left', 'kept')", name="state"),
        Index("ix_price_move_subscription", "mode", "subscription"),
    )

    id: Mapped[Id]
    rise_id: Mapped[int] = mapped_column(ForeignKey("price_rise.id"))
    mode: Mapped[str] = mapped_column(String(10))
    subscription: Mapped[str] = mapped_column(String(80))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    state: Mapped[str] = mapped_column(String(5), default="told")
    renewal_at: Mapped[datetime]
    told_at: Mapped[datetime]
    changed_at: Mapped[datetime]
