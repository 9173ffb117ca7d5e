"""What people have beside their password: an authenticator app, passkeys, recovery codes."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id

LONGEST_CREDENTIAL_ID = 1400  # 1,023 bytes at most (WebAuthn 2, 4), in base64url


class AuthenticatorApp(Base):
    """A person's secret for time-based codes (RFC 6238). Counts once a first code has confirmed it."""

    __tablename__ = "authenticator_app"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(String(255))
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)  # of the last code taken: none works twice
    created_at: Mapped[CreatedAt]
    confirmed_at: Mapped[datetime | None]


class Passkey(Base):
    """A public key whose private half one of a person's devices keeps."""

    __tablename__ = "passkey"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[str] = mapped_column(String(LONGEST_CREDENTIAL_ID), unique=True)  # base64url
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    name: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """The digest of a code on paper that stands in for app and passkeys once. The codes have 120 bits."""

    __tablename__ = "recovery_code"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[CreatedAt]
    used_at: Mapped[datetime | None]


class SpentToken(Base):
    """The digest of a signed token that was used and must not work again, until it would have expired anyway."""

    __tablename__ = "spent_token"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
