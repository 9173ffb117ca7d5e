"""The only door to the mail server.

Raises MailNotSent with words that hold no address and no secret, because a job's error is logged and kept.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from core.config import LOOPBACK, Settings
from core.db import is_writing
from core.records import dataclass
from models.notification import Mail

TIMEOUT_SECONDS = 10.0
SUBMISSION_PORT = 587
SUBMISSION_TLS_PORT = 465
NO_TLS = "the mail server offers no TLS, so nothing was sent; smtp+plain:// in MAIL_URL sends mails in the clear"
NO_TLS_FOR_THE_PASSWORD = "the mail server offers no TLS, so the password was not sent"  # noqa: S105 -- a sentence


class _WholeAddresses(EmailPolicy):
    """Writes mails as usual, but never breaks or encodes an address that programs read from a header."""

    def fold(self, name: str, value: Any) -> str:
        if name.lower() == "list-unsubscribe":
            return f"{name}: {value}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() == "list-unsubscribe":
            return self.fold(name, value).encode("ascii")
        return bytes(super().fold_binary(name, value))


class MailNotSent(Exception):
    """The server could not be reached, or would not take the mail."""


@dataclass(frozen=True, slots=True, repr=False)
class MailServer:
    """Where mail goes, as MAIL_URL says: smtp[s]://[user:password@]host[:port].

    `may_be_plain` (smtp+plain://) lets mails go in the clear where the server offers no TLS, but never a password.
    """

    host: str
    port: int
    tls_from_the_start: bool
    may_be_plain: bool
    user: str
    password: str

    @property
    def is_here(self) -> bool:
        """On this machine: nothing of the mail passes a network, and its certificate means nothing."""
        return self.host in LOOPBACK


def mail_server(mail_url: str) -> MailServer:
    """Read MAIL_URL."""
    parts = urlsplit(mail_url)
    tls = parts.scheme == "smtps"
    port = parts.port or (SUBMISSION_TLS_PORT if tls else SUBMISSION_PORT)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    plain = parts.scheme == "smtp+plain"
    return MailServer(parts.hostname or "localhost", port, tls, plain, user, password)


def sender(settings: Settings) -> str:
    """The address mails come from: the mail account's own if it is one, else `no-reply@` the site's host."""
    user = unquote(urlsplit(settings.mail_url).username or "")
    if "@" in user:
        return user
    return f"no-reply@{urlsplit(settings.base_url).hostname or 'localhost'}"


def compose(mail: Mail, site_name: str, settings: Settings) -> EmailMessage:
    """The message as it goes over the wire. The same mail has the same Message-ID, should it ever go out twice.

    Raises MailNotSent where a header would not be one line.
    """
    message = EmailMessage(policy=_WholeAddresses())
    from_address = sender(settings)
    try:
        message["From"] = Address(display_name=site_name, addr_spec=from_address)
        message["To"] = Address(addr_spec=mail.recipient)
        message["Subject"] = mail.subject
    except (ValueError, MessageError, IndexError):
        raise MailNotSent("a header of the mail is not valid") from None
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<mail-{mail.id}-{int(mail.created_at.timestamp())}@{from_address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.unsubscribe_path:
        message["List-Unsubscribe"] = f"<{settings.base_url}{mail.unsubscribe_path}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text)
    message.add_alternative(_inliner().inline(mail.html), subtype="html")
    return message


@cache
def _inliner() -> Any:
    from css_inline import CSSInliner  # the demo, which shows its mails on a page, never needs it

    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def deliver(message: EmailMessage, server: MailServer) -> None:
    """Hand one message to the server: over TLS, but on this machine or where the operator allows it in the clear.

    Raises MailNotSent, and RuntimeError inside a transaction.
    """
    with _signed_in(server) as connection:
        connection.send_message(message)


def greet(server: MailServer) -> None:
    """See whether the server would take mails from here, as far as that shows without one. Raises MailNotSent."""
    with _signed_in(server):
        pass


@contextmanager
def _signed_in(server: MailServer) -> Iterator[smtplib.SMTP]:
    if is_writing():
        raise RuntimeError("a mail sent inside a transaction")
    try:
        with _connection(server) as connection:
            if not server.is_here and not isinstance(connection.sock, ssl.SSLSocket):
                if not server.may_be_plain:
                    raise MailNotSent(NO_TLS)
                if server.user:
                    raise MailNotSent(NO_TLS_FOR_THE_PASSWORD)
            if server.user:
                connection.login(server.user, server.password)
            yield connection
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise MailNotSent(f"the mail server refused the recipient ({code})") from None
    except smtplib.SMTPResponseException as error:
        raise MailNotSent(f"the mail server answered {error.smtp_code}") from None
    except ssl.SSLCertVerificationError as error:
        raise MailNotSent(f"the mail server's certificate does not hold ({error.verify_message})") from None
    except (OSError, smtplib.SMTPException) as error:
        raise MailNotSent(f"the mail server could not be used ({type(error).__name__})") from None


def _connection(server: MailServer) -> smtplib.SMTP:
    tls = ssl.create_default_context()
    if server.tls_from_the_start:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=tls)
    connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    connection.ehlo_or_helo_if_needed()
    if connection.has_extn("starttls") and not server.is_here:
        connection.starttls(context=tls)
    return connection
