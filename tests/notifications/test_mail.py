"""Asking for mail, sending it, reading it in the demonstration."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from blueprints.notifications import mailer, service
from blueprints.notifications.jobs import forget, send
from core import clock
from core.config import Settings
from core.db import db, transaction
from jobs.worker import run_all
from models.job import Job
from models.notification import Mail
from tests.browser import Browser, text_of
from tests.factories import make_site, make_user
from tests.notifications.smtp_server import MailServer


@pytest.fixture(autouse=True)
def _site(app: Flask) -> None:
    make_site()


@pytest.fixture
def mail_to(app: Flask) -> Iterator[Callable[[str], None]]:
    """Let mails go to a server for the length of a test."""
    settings = app.config["SETTINGS"]

    def use(url: str) -> None:
        app.config["SETTINGS"] = replace(settings, mail_url=url)

    yield use
    app.config["SETTINGS"] = settings


@pytest.fixture
def production(app: Flask) -> Iterator[None]:
    app.config["PRODUCTION"] = True
    yield
    app.config["PRODUCTION"] = False


def ask(**changes: Any) -> int | None:
    values: dict[str, Any] = {
        "kind": "reset", "recipient": "nora@example.test", "subject": "A new password", "template": "accounts/reset",
        "context": {"display_name": "Nora <Quist>", "path": "/reset-password/abc"},
    }  # fmt: skip
    with transaction():
        return service.send_mail(**(values | changes))


def mails() -> list[Mail]:
    return list(db.session().scalars(select(Mail).order_by(Mail.id).execution_options(populate_existing=True)))


def a_message(**changes: Any) -> Any:
    mail = Mail(
        id=7, kind="x", recipient="nora@example.test", subject="Hello", text="Text", html="<p>Html</p>",
        created_at=clock.now(),
    )  # fmt: skip
    for name, value in changes.items():
        setattr(mail, name, value)
    return mail


def settings_for(url: str) -> Settings:
    return Settings(mail_url=url, site_url="https://comments.example.org")


def test_a_mail_and_its_sending_vanish_with_the_transaction(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        service.send_mail(
            kind="x", recipient="a@example.test", subject="Hello", template="accounts/password-changed",
            context={"display_name": "A"},
        )  # fmt: skip
        _ = 1 / 0
    assert mails() == []
    assert db.session().scalar(select(func.count()).select_from(Job)) == 0


def test_links_come_from_the_settings_and_never_from_the_host_header(app: Flask) -> None:
    with app.test_request_context("/", base_url="https://evil.example"):
        ask()
    (mail,) = mails()
    assert "http://localhost/reset-password/abc" in mail.text
    assert 'href="http://localhost/reset-password/abc"' in mail.html
    assert "evil.example" not in mail.text + mail.html


def test_a_name_is_escaped_in_html_and_plain_in_text(app: Flask) -> None:
    ask()
    (mail,) = mails()
    assert "Nora <Quist>" in mail.text
    assert "Nora &lt;Quist&gt;" in mail.html


def test_a_mail_with_a_key_is_written_once(app: Flask) -> None:
    assert ask(dedupe_key="renewal:7") is not None
    assert ask(dedupe_key="renewal:7") is None
    assert ask(dedupe_key="renewal:8") is not None
    assert len(mails()) == 2


def test_two_who_ask_for_the_same_mail_at_once_get_one(app: Flask) -> None:
    start = threading.Barrier(2)
    errors = []

    def run() -> None:
        with app.app_context():
            start.wait()
            try:
                ask(dedupe_key="renewal:7")
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(mails()) == 1


@pytest.mark.parametrize(
    "recipient",
    ["", "nora", "a@b.example, c@d.example", "a@b.example\nBcc: x@y.example", "Nora <a@b.example>", "a b@c.example",
     "a@b.example\r\n", "nörå@example.com", "a@b@c.example"],
)  # fmt: skip
def test_a_mail_goes_to_one_plain_address(app: Flask, recipient: str) -> None:
    with pytest.raises(ValueError):
        ask(recipient=recipient)
    assert mails() == []


@pytest.mark.once
@given(subject=st.text())
def test_no_subject_adds_a_header(subject: str) -> None:
    mail = a_message(subject=service.one_line(subject))
    message = mailer.compose(mail, "The Meridian", settings_for("smtp://127.0.0.1:25"))
    assert list(message.keys()) == [
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"
    ]  # fmt: skip
    head = message.as_bytes().split(b"\n\n")[0]
    assert all(line[:1] in b" \t" or b": " in line or line.endswith(b":") for line in head.splitlines())


@pytest.mark.parametrize("bad", [{"subject": "Hello\nBcc: a@b.example"}, {"recipient": "a@b.example\nBcc: c@d.example"}])
def test_a_line_end_in_a_stored_header_is_never_sent(bad: dict[str, str]) -> None:
    with pytest.raises(mailer.MailNotSent):
        mailer.compose(a_message(**bad), "The Meridian", settings_for("smtp://127.0.0.1:25"))


def test_without_a_server_the_demonstration_counts_a_mail_as_sent(app: Flask) -> None:
    ask()
    run_all()
    assert mails()[0].sent_at is not None


def test_a_mail_arrives_at_the_server_once(app: Flask, mail_to: Callable[[str], None]) -> None:
    with MailServer() as server:
        mail_to(server.url)
        mail_id = ask(subject="Grüße aus Köln")
        run_all()
        send(mail_id)
    (got,) = server.received
    assert got.recipients == ["nora@example.test"]
    assert got.sender == "no-reply@localhost"
    assert got.message["Subject"] == "Grüße aus Köln"
    assert got.message["From"] == "The Meridian <no-reply@localhost>"
    assert got.message["Auto-Submitted"] == "auto-generated"
    text, html = got.message.iter_parts()
    assert "http://localhost/reset-password/abc" in text.get_content()
    assert 'style="' in html.get_content()
    assert "prefers-color-scheme" in html.get_content()
    assert mails()[0].sent_at is not None


def test_a_refused_mail_is_tried_again_later_and_the_record_names_nobody(
    app: Flask, mail_to: Callable[[str], None]
) -> None:
    with MailServer(refuse_recipients=True) as server:
        mail_to(server.url)
        ask()
        run_all()
        job = db.session().scalar(select(Job).execution_options(populate_existing=True))
        assert job.finished_at is None
        assert job.run_at > clock.now()
        assert "(550)" in job.error
        assert "nora@example.test" not in job.error
        server.refuse_recipients = False
        with time_machine.travel(clock.now() + timedelta(minutes=1)):
            run_all()
    assert len(server.received) == 1
    assert mails()[0].sent_at is not None


def test_a_server_that_is_away_is_an_ordinary_refusal(app: Flask) -> None:
    with MailServer() as server:
        url = server.url
    message = mailer.compose(a_message(), "The Meridian", settings_for(url))
    with pytest.raises(mailer.MailNotSent, match="could not be used"):
        mailer.deliver(message, mailer.mail_server(url))


def test_no_mail_is_sent_inside_a_transaction(app: Flask) -> None:
    message = mailer.compose(a_message(), "The Meridian", settings_for("smtp://127.0.0.1:9"))
    with pytest.raises(RuntimeError), transaction():
        mailer.deliver(message, mailer.mail_server("smtp://127.0.0.1:9"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.2",
         "-addext", "subjectAltName=IP:127.0.0.2", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.mark.once
def test_where_tls_is_offered_it_is_used(certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    with MailServer(host="127.0.0.2", certificate=certificate) as server:
        url = server.url.replace("//", "//post%40example.org:se%3Acret@")
        mailer.deliver(mailer.compose(a_message(), "The Meridian", settings_for(url)), mailer.mail_server(url))
    assert server.verbs.index("STARTTLS") < server.verbs.index("AUTH") < server.verbs.index("DATA")
    assert server.received[0].sender == "post@example.org"


def test_a_server_that_cannot_prove_itself_gets_nothing(certificate: tuple[str, str]) -> None:
    with MailServer(host="127.0.0.2", certificate=certificate) as server:
        message = mailer.compose(a_message(), "The Meridian", settings_for(server.url))
        with pytest.raises(mailer.MailNotSent, match="certificate does not hold"):
            mailer.deliver(message, mailer.mail_server(server.url))
    assert server.received == []
    assert "MAIL" not in server.verbs


@pytest.mark.once
def test_a_server_without_tls_gets_nothing_and_the_mail_says_so(app: Flask, mail_to: Callable[[str], None]) -> None:
    with MailServer(host="127.0.0.2") as server:
        mail_to(server.url)
        ask()
        run_all()
        job = db.session().scalar(select(Job).execution_options(populate_existing=True))
        assert "the mail server offers no TLS, so nothing was sent" in job.error
        assert "MAIL" not in server.verbs
        mail_to(server.url.replace("smtp:", "smtp+plain:"))
        with time_machine.travel(clock.now() + timedelta(minutes=1)):
            run_all()
    assert len(server.received) == 1
    assert mails()[0].sent_at is not None


def test_allowed_to_be_plain_it_is_tls_where_there_is_some(
    certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    with MailServer(host="127.0.0.2", certificate=certificate) as server:
        url = server.url.replace("smtp:", "smtp+plain:")
        mailer.deliver(mailer.compose(a_message(), "The Meridian", settings_for(url)), mailer.mail_server(url))
    assert server.verbs.index("STARTTLS") < server.verbs.index("DATA")


def test_a_password_is_never_sent_in_the_clear() -> None:
    with MailServer(host="127.0.0.2") as server:
        url = server.url.replace("smtp://", "smtp+plain://user:secret@")
        message = mailer.compose(a_message(), "The Meridian", settings_for(url))
        with pytest.raises(mailer.MailNotSent, match="offers no TLS"):
            mailer.deliver(message, mailer.mail_server(url))
    assert "AUTH" not in server.verbs


def test_the_mail_url_is_read_whole() -> None:
    read = mailer.mail_server("smtps://us%40er:p%2Fw@mail.example.org")
    assert (read.host, read.port, read.tls_from_the_start) == ("mail.example.org", 465, True)
    assert (read.user, read.password) == ("us@er", "p/w")
    assert "p/w" not in repr(read)
    assert mailer.mail_server("smtp://mail.example.org").port == 587
    plain = mailer.mail_server("smtp+plain://relay.internal:25")
    assert (plain.may_be_plain, plain.tls_from_the_start, read.may_be_plain) == (True, False, False)
    assert replace(read, host="localhost").is_here


def test_the_inbox_of_the_demonstration_shows_the_newest_first(client: Browser) -> None:
    assert "No mail yet" in text_of(client.get("/demo/mail"))
    for number in range(32):
        ask(subject=f"Mail number {number}.")
    page = text_of(client.get("/demo/mail"))
    assert page.index("Mail number 31.") < page.index("Mail number 30.")
    assert "Mail number 1." not in page
    older = text_of(client.get(f"/demo/mail?before={mails()[2].id}"))
    assert "Mail number 1." in older
    assert "Older mail" not in older


def test_a_mail_is_shown_with_its_link_to_press(client: Browser) -> None:
    mail_id = ask()
    page = client.get(f"/demo/mail/{mail_id}").get_data(as_text=True)
    assert 'href="/reset-password/abc">Set a new password</a>' in page
    assert "Nora &lt;Quist&gt;" in page
    assert client.get("/demo/mail/999").status_code == 404


def test_a_mail_shows_no_link_to_elsewhere(client: Browser) -> None:
    mail_id = ask(context={"display_name": "https://evil.example/x http://localhost.evil.example http://localhost//x", "path": "/"})
    page = client.get(f"/demo/mail/{mail_id}").get_data(as_text=True)
    assert "https://evil.example/x" in page
    assert 'href="https://evil' not in page
    assert 'href=".evil' not in page
    assert 'href="//' not in page


@pytest.mark.usefixtures("production")
def test_in_production_nobody_reads_the_mail(client: Browser) -> None:
    mail_id = ask()
    assert client.get("/demo/mail").status_code == 404
    assert client.get(f"/demo/mail/{mail_id}").status_code == 404


def test_old_mails_are_forgotten_but_never_sent_twice(client: Browser) -> None:
    user = make_user()
    ask(user_id=user.id)
    ask(dedupe_key="renewal:7")
    run_all()
    waiting = ask()
    with time_machine.travel(clock.now() + timedelta(days=31)):
        forget()
        kept = mails()
        assert [mail.dedupe_key for mail in kept] == ["renewal:7", None]
        assert (kept[0].recipient, kept[0].text, kept[0].html, kept[0].subject) == ("", "", "", "")
        assert kept[1].id == waiting
        assert ask(dedupe_key="renewal:7") is None
        page = client.get("/demo/mail").text
        assert f"/demo/mail/{waiting}" in page
        assert f"/demo/mail/{kept[0].id}" not in page
        assert client.get(f"/demo/mail/{kept[0].id}").status_code == 404



def test_every_mail_has_words_as_well_as_html() -> None:
    folder = Path(__file__).parents[2] / "templates/mail"
    html = {path.relative_to(folder).with_suffix("") for path in folder.rglob("*.html")}
    text = {path.relative_to(folder).with_suffix("") for path in folder.rglob("*.txt")}
    assert html == text
