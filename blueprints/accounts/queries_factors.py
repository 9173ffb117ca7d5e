"""The rows of second factors."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.db import db
from core.records import dataclass
from models.second_factor import AuthenticatorApp, Passkey, RecoveryCode, SpentToken
from models.user import User


@dataclass(frozen=True, slots=True)
class Factors:
    """What somebody has beside a password."""

    has_app: bool
    passkeys: Sequence[Passkey]
    codes_left: int

    @property
    def any(self) -> bool:
        return self.has_app or bool(self.passkeys)


def has_factor() -> ColumnElement[bool]:
    """For questions about a User: whether the person has a second factor."""
    app = exists().where(AuthenticatorApp.user_id == User.id, AuthenticatorApp.confirmed_at.is_not(None))
    return or_(app.correlate(User), exists().where(Passkey.user_id == User.id).correlate(User))


def factors_of(user_id: int) -> Factors:
    """A person's second factors."""
    session = db.session()
    confirmed = session.scalar(select(AuthenticatorApp.confirmed_at).where(AuthenticatorApp.user_id == user_id))
    passkeys = session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)).all()
    codes = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return Factors(confirmed is not None, passkeys, session.scalar(codes) or 0)


def app_of(user_id: int, *, lock: bool = False) -> AuthenticatorApp | None:
    """A person's authenticator app, confirmed or not."""
    statement = select(AuthenticatorApp).where(AuthenticatorApp.user_id == user_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.session().scalar(statement)


def take_step(user_id: int, step: int) -> bool:
    """Use up the code of a step of time; False when it, or a later one, was used already. Two at once: one wins."""
    done = db.session().execute(
        update(AuthenticatorApp)
        .where(AuthenticatorApp.user_id == user_id, AuthenticatorApp.last_step < step)
        .values(last_step=step)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def take_recovery_code(user_id: int, code_hash: str, moment: datetime) -> bool:
    """Use up a recovery code; False when there is no such code left. Two at once: one wins."""
    done = db.session().execute(
        update(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash, RecoveryCode.used_at.is_(None))
        .values(used_at=moment)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def replace_recovery_codes(user_id: int, hashes: Sequence[str]) -> None:
    """Give a person these codes and no others."""
    session = db.session()
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.add_all(RecoveryCode(user_id=user_id, code_hash=each) for each in hashes)


def passkey(credential_id: str, *, user_id: int | None = None) -> Passkey | None:
    """The passkey with this credential; with a person, only if it is theirs. Its row is held to the end."""
    statement = select(Passkey).where(Passkey.credential_id == credential_id)
    if user_id is not None:
        statement = statement.where(Passkey.user_id == user_id)
    return db.session().scalar(statement.with_for_update().execution_options(populate_existing=True))


def remove_passkey(user_id: int, passkey_id: int) -> bool:
    """Remove one of a person's own; False if it is not theirs."""
    done = db.session().execute(delete(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def remove_app(user_id: int) -> bool:
    """Remove a person's authenticator app; False if there is none."""
    done = db.session().execute(delete(AuthenticatorApp).where(AuthenticatorApp.user_id == user_id))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def remove_all(user_id: int) -> None:
    """Remove every second factor of a person, and the codes that stand in for them."""
    for model in (AuthenticatorApp, Passkey, RecoveryCode):
        db.session().execute(delete(model).where(model.user_id == user_id))


def spend(token_hash: str, expires_at: datetime) -> bool:
    """Use up a token; False when it was used before. Two at once: one wins."""
    session = db.session()
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = insert(SpentToken).values(token_hash=token_hash, expires_at=expires_at).on_conflict_do_nothing()
    return bool(session.execute(statement).rowcount)  # type: ignore[attr-defined]


def forget_spent(moment: datetime) -> None:
    """Remove tokens that would not work any more anyway."""
    db.session().execute(delete(SpentToken).where(SpentToken.expires_at <= moment))
