"""Asking for a mail."""

import re
import unicodedata
from typing import Any
from urllib.parse import urljoin

from flask import current_app
from sqlalchemy import select

from blueprints.notifications import queries
from blueprints.notifications.signals import mail_sent_signal
from blueprints.site.queries import site
from core import clock
from core.config import Settings
from core.db import db
from core.records import dataclass
from jobs.queue import enqueue
from models.notification import Mail

SUBJECT_LENGTH = 200

_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class MailSite:
    """What a mail needs to know of the site it comes from."""

    name: str
    language: str
    direction: str
    url: str


def absolute_url(path: str) -> str:
    """The full address of a path on this site, from SITE_URL and never from a request's Host header."""
    settings: Settings = current_app.config["SETTINGS"]
    return urljoin(settings.base_url + "/", path.lstrip("/"))


def send_mail(
    *, kind: str, recipient: str, subject: str, template: str, context: dict[str, Any], user_id: int | None = None,
    dedupe_key: str | None = None, unsubscribe_path: str | None = None,
) -> int | None:  # fmt: skip
    """Write a mail and ask for its sending, in the current transaction: both happen, or neither.

    Renders templates/mail/<template>.html and .txt with `context`, `site` (name, language, direction, url), `subject`
    and `link(path)`, which makes an address absolute. Returns the mail's id; None, and nothing is written, where a
    mail with this `dedupe_key` was asked for before. A POST to `unsubscribe_path` ends mails of this sort.
    Raises ValueError for a recipient that is not one plain address.
    """
    if not is_plain_address(recipient):
        raise ValueError("a mail needs exactly one plain address")
    if dedupe_key is not None and queries.mail_asked_for(dedupe_key):
        return None
    view = site()
    subject = one_line(subject)[:SUBJECT_LENGTH]
    values = {
        "site": MailSite(view.name, view.language, view.direction, absolute_url("/")),
        "subject": subject,
        "link": absolute_url,
    } | context
    mail_id = queries.add_mail(
        kind=kind, recipient=recipient, user_id=user_id, subject=subject, dedupe_key=dedupe_key,
        unsubscribe_path=unsubscribe_path,
        text=_render(f"mail/{template}.txt", values), html=_render(f"mail/{template}.html", values),
        created_at=clock.now(),
    )  # fmt: skip
    if mail_id is not None:
        enqueue("mail.send", key=f"mail:{mail_id}", mail_id=mail_id)
    return mail_id


def mark_sent(mail_id: int) -> None:
    """Note that a mail has left the house."""
    mail = db.session().scalar(select(Mail).where(Mail.id == mail_id).with_for_update())
    if mail is not None and mail.sent_at is None:
        mail.sent_at = clock.now()
        mail_sent_signal.send(None, mail_id=mail_id, kind=mail.kind, at=mail.sent_at)


def forget_mails_of(user_id: int) -> None:
    """Remove every mail to a person who leaves."""
    queries.remove_mails_of(user_id)


def one_line(text: str) -> str:
    """The text without line ends and control characters, fit for a header."""
    spaced = _SPACE.sub(" ", text)
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"}).strip()


def is_plain_address(address: str) -> bool:
    """Whether this is one address in plain characters, without a name, a list or a line end."""
    return _PLAIN_ADDRESS.fullmatch(address) is not None


def _render(name: str, values: dict[str, Any]) -> str:
    # Not flask.render_template: a mail must come out the same whether a request or a job asks for it.
    return current_app.jinja_env.get_template(name).render(values)
