"""What a person finds in the mail after the worker has run."""

import re

from sqlalchemy import select

from core.db import db
from jobs.worker import run_all
from models.notification import Mail

PASSWORD = "violet anchor quarrel moss"
OTHER_PASSWORD = "seven lanterns under basalt"


def mails_to(address: str, kind: str | None = None) -> list[Mail]:
    """Every mail to an address, oldest first, once the waiting jobs are done."""
    run_all()
    statement = select(Mail).where(Mail.recipient == address).order_by(Mail.id)
    found = list(db.session().scalars(statement.execution_options(populate_existing=True)))
    return [mail for mail in found if kind is None or mail.kind == kind]


def link_in(mail: Mail, beginning: str = "") -> str:
    """The path of the first link in a mail that begins so."""
    found = re.search(rf"http://localhost({re.escape(beginning or '/')}\S*)", mail.text)
    assert found, mail.text
    return found.group(1)


def newest_link(address: str, beginning: str) -> str:
    """The path of that link in the newest mail that has one."""
    mails = [mail for mail in mails_to(address) if f"http://localhost{beginning}" in mail.text]
    assert mails, f"no mail to {address} with a link to {beginning}"
    return link_in(mails[-1], beginning)
