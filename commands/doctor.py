"""Everything that this site needs to run, looked at one by one, with what to do where something is wrong."""

import http.client
import os
import shutil
import ssl
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import current_app
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from blueprints.membership import health
from blueprints.membership.health import Check
from blueprints.notifications.mailer import MailNotSent, deliver, greet, mail_server, sender
from blueprints.pages import queries
from blueprints.publisher.queries_beginning import has_publisher
from core import backup, clock
from core.bucket import bucket_of
from core.config import LOOPBACK, Settings
from core.db import db
from core.limits import why_not_in_redis
from core.migrations import current_revision, newest_revision
from jobs import heartbeat

LEAST_FREE = 1_000_000_000  # bytes on the disk
LEAST_FREE_SHARE = 0.05
LARGEST_SKEW = timedelta(seconds=5)  # between this machine's clock and the database's
SILENT = timedelta(seconds=90)
OLDEST_JOB = timedelta(minutes=10)
OLDEST_BACKUP = timedelta(hours=26)
ASK_SECONDS = 10.0


@click.command("doctor")
@click.option("--mail-to", help="Send a mail to this address, to see that mail goes out.")
@click.option("--offline", is_flag=True, help="Ask nobody outside: neither the own address nor mail server or Stripe.")
def doctor(mail_to: str | None, *, offline: bool) -> None:
    """Say what is set up, and what is wrong and how to mend it. Ends with status 1 when something is."""
    settings: Settings = current_app.config["SETTINGS"]
    wrong = 0
    for check in checks(settings, mail_to, offline=offline):
        word = "     " if check.good is None else "WRONG" if check.wrong else "ok   "
        click.echo(f"{word} {check.name}: {check.value}")
        if check.wrong:
            wrong += 1
            if check.advice:
                click.echo(f"      {check.advice}")
    if wrong:
        raise SystemExit(1)


def checks(settings: Settings, mail_to: str | None, *, offline: bool) -> Iterator[Check]:
    """Each thing in turn; one that breaks is a thing that is wrong."""
    parts: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("settings", lambda: _settings(settings)),
        ("files", lambda: _files(settings)),
        ("disk", lambda: _disk(settings)),
        ("database", _database),
        ("limits", lambda: _limits(settings)),
        ("backups", lambda: _backups(settings)),
        ("mail", lambda: _mail(settings, mail_to, offline=offline)),
    ]
    if not offline:
        parts += [("pictures", lambda: _pictures(settings)), ("address", lambda: _address(settings))]
    parts.append(("Stripe", lambda: iter([*health.checks_here(), *([] if offline else health.checks_at_stripe())])))
    for name, part in parts:
        try:
            yield from part()
        except (OSError, SQLAlchemyError) as error:
            yield Check(name, f"cannot be looked at: {str(error).partition(chr(10))[0]}", good=False)


def _settings(settings: Settings) -> Iterator[Check]:
    mode = "production" if settings.production else "demo: people sign in without a password, and no money moves"
    yield Check("mode", mode)
    host = urlsplit(settings.base_url).hostname or ""
    secure = settings.base_url.startswith("https:") or host in LOOPBACK
    yield Check("address", settings.base_url, good=secure,
                advice="Give SITE_URL with https://, and let a proxy in front end TLS: cookies are sent over TLS only.")
    if settings.production:
        open_to_all = settings.host in {"0.0.0.0", "::"}
        yield Check("listens on", f"{settings.host}:{settings.port}", good=not open_to_all,
                    advice="Listen on 127.0.0.1, so that nobody goes past the proxy, or close the port to others.")
        yield Check("proxies in front", str(settings.trusted_proxies), good=settings.trusted_proxies > 0,
                    advice="Behind a proxy set TRUSTED_PROXIES=1, or all readers have the proxy's address.")


def _files(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir.resolve()
    probe = folder / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        yield Check("DATA_DIR", f"{folder} cannot be written ({error.strerror})", good=False,
                    advice=f"Give it to the user who runs the site: chown -R {_user()} {folder}")
        return
    yield Check("DATA_DIR", str(folder), good=True)
    for path in [folder / "secret_key", *folder.glob("*.sqlite3")]:
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o007:
            yield Check(path.name, "can be read by everybody on this machine", good=False, advice=f"chmod 600 {path}")


def _pictures(settings: Settings) -> Iterator[Check]:
    bucket = bucket_of(settings)
    if bucket is None:
        return
    try:
        next(bucket.names(), None)
    except OSError as error:
        yield Check("pictures", str(error.strerror), good=False,
                    advice="See that PICTURES_URL leads to the storage, and that its key may list, read and write.")
        return
    yield Check("pictures", f"{bucket.name} at {bucket.host}", good=True)


def _disk(settings: Settings) -> Iterator[Check]:
    usage = shutil.disk_usage(settings.data_dir.resolve())
    good = usage.free > max(LEAST_FREE, int(usage.total * LEAST_FREE_SHARE))
    yield Check("free on the disk", f"{usage.free / 1e9:,.1f} GB of {usage.total / 1e9:,.1f}", good=good,
                advice="Make room: what is posted is refused when nothing can be written any more.")


def _database() -> Iterator[Check]:
    kind = db.engine.dialect.name
    try:
        revision = current_revision()
    except SQLAlchemyError as error:
        yield Check("database", f"{kind} cannot be reached: {str(error).partition(chr(10))[0]}", good=False,
                    advice="See that it runs and that DATABASE_URL leads to it.")
        return
    yield Check("database", kind, good=True)
    yield Check("its shape", revision or "empty", good=revision == newest_revision(),
                advice=f"This version needs {newest_revision()}: starting the site brings it there.")
    if revision != newest_revision():
        return
    moment, session = clock.now(), db.session()
    if kind == "sqlite":
        state = session.execute(text("PRAGMA quick_check(1)")).scalar()
        yield Check("its file", str(state), good=state == "ok", advice="Put the newest backup back (restore).")
    else:
        skew = abs(session.execute(select(func.now())).scalar_one() - moment)
        yield Check("clocks", f"{skew.total_seconds():.1f} s between here and the database", good=skew < LARGEST_SKEW,
                    advice="Let both machines take the time from the network (NTP).")
    yield Check("publisher", "there is one" if has_publisher() else "nobody yet", good=has_publisher(),
                advice="`python3 app.py users first-publisher` prints a link that makes one.")
    jobs = queries.jobs_waiting(moment)
    yield _life("worker", heartbeat.worker_seen_at(), moment,
                "Start the site: its web processes do the jobs, or `python3 app.py worker` in one of its own.")
    yield _life("live streams", heartbeat.streams_seen_at(), moment,
                "Start the site, or `python3 app.py live` in a process of its own. "
                "Until then readers' pages ask for what is new.")
    waited = timedelta(seconds=jobs.oldest_seconds)
    yield Check("jobs", f"{jobs.due} due, the oldest for {jobs.oldest_seconds:.0f} s, {jobs.failed} given up",
                good=waited < OLDEST_JOB and not jobs.failed, advice="/publisher/system shows what went wrong.")


def _limits(settings: Settings) -> Iterator[Check]:
    if settings.redis_url:
        why = why_not_in_redis(settings.redis_url)
        yield Check("limits", f"not counted in Redis: {why}" if why else "counted in Redis", good=not why,
                    advice="See that Redis runs, that REDIS_URL leads to it, and that it lets us run scripts. "
                    "Until then each process counts for itself.")  # fmt: skip


def _life(name: str, seen_at: datetime | None, moment: datetime, advice: str) -> Check:
    alive = seen_at is not None and moment - seen_at < SILENT
    said = "alive" if alive else f"last seen {seen_at:%d %B %Y, %H:%M} UTC" if seen_at else "never seen"
    return Check(name, said, good=alive, advice=advice)


def _backups(settings: Settings) -> Iterator[Check]:
    if settings.backup_dir is None:
        yield Check("backups", "no folder", good=None if not settings.production else False,
                    advice="Set BACKUP_DIR, best on another disk, or run `backup` from cron.")
        return
    made = backup.listed(settings.backup_dir)
    fresh = bool(made) and clock.now() - made[0].made_at < OLDEST_BACKUP
    yield Check("backups", f"the newest of {len(made)}: {made[0].path.name}" if made else "none yet", good=fresh,
                advice="A job makes one a day: see that a worker runs and that the folder can be written.")


def _mail(settings: Settings, mail_to: str | None, *, offline: bool) -> Iterator[Check]:
    if not settings.mail_url:
        yield Check("mail", "shown at /demo/mail, not sent", good=None if not settings.production else False,
                    advice="Set MAIL_URL=smtp://user:password@host:587.")
        return
    server = mail_server(settings.mail_url)
    where = f"{server.host}:{server.port} as {sender(settings)}"
    if server.may_be_plain and not server.is_here:
        where += ", in the clear where it offers no TLS"
    if offline and not mail_to:
        yield Check("mail", f"{where}; --mail-to ADDRESS sends one")
        return
    try:
        if mail_to:
            deliver(_trial(settings, mail_to), server)
        else:
            greet(server)
    except MailNotSent as error:
        yield Check("mail", f"{where}: {error}", good=False,
                    advice="See user, password, host and port in MAIL_URL, and the server's certificate.")
    else:
        said = f"one was sent by {where}" if mail_to else f"lets us in: {where}; --mail-to ADDRESS sends one"
        yield Check("mail", said, good=True)


def _trial(settings: Settings, mail_to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender(settings), mail_to, "Mail from Rejoinder arrives"
    message.set_content(f"{settings.base_url} asked for this mail, to see that mail goes out.\n")
    return message


def _address(settings: Settings) -> Iterator[Check]:
    """Ask the site for a sign of life at the address that readers use."""
    parts = urlsplit(settings.base_url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    line = http.client.HTTPConnection(host, port, timeout=ASK_SECONDS)
    if secure:
        line = http.client.HTTPSConnection(host, port, timeout=ASK_SECONDS, context=ssl.create_default_context())
    try:
        line.request("GET", "/")
        answer = line.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        yield Check("asked from outside", f"{settings.base_url} does not answer: {error}", good=False,
                    advice="See that the site runs, that the name leads here, and that the certificate is for it.")
        return
    finally:
        line.close()
    yield Check("asked from outside", f"{settings.base_url} answers {answer.status}", good=answer.status == 200,
                advice="See the logs of the proxy and of the site.")
    if secure:
        said = answer.getheader("Strict-Transport-Security") or ""
        yield Check("Strict-Transport-Security", said or "is missing", good="max-age=" in said,
                    advice="Let the proxy pass X-Forwarded-Proto on, and set TRUSTED_PROXIES.")


def _user() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return str(Path.home().name)
