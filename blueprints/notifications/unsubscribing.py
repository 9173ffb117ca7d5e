"""Ending mails from a mail, without signing in (RFC 8058).

The address carries the kind in plain words, for the page that asks, and a signature over person and kind. Pages and
answers are the same whether the signature holds or not, so that nobody learns from them who is here.
"""

from hashlib import sha256

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from blueprints.notifications.kinds import KINDS

DAILY, ALL = "daily", "all"
ABOUT = {kind.name: kind.about for kind in KINDS.values() if kind.may_choose} | {
    DAILY: "what happened in a day", ALL: "anything but decisions about you",
}  # fmt: skip


def path_to_stop(user_id: int, kind: str) -> str:
    """The path of the page that ends mails of a kind for a person; a POST to it does so at once."""
    return f"/unsubscribe/{kind}/{_signer(kind).dumps(user_id)}"


def whose(kind: str, token: str) -> int | None:
    """The person this token was made for together with that kind; None for any other."""
    try:
        user_id = _signer(kind).loads(token)
    except BadSignature:
        return None
    return user_id if isinstance(user_id, int) else None


def _signer(kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"], salt=f"notifications.unsubscribe.{kind}",
        signer_kwargs={"digest_method": sha256},
    )  # fmt: skip
