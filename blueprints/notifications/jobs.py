"""Sending mails, and forgetting them."""

from datetime import timedelta

from flask import current_app

from blueprints.notifications import letters, mail_queries, mailer, notice_queries, queries, service
from blueprints.site.queries import site
from core import clock
from core.config import Settings
from core.db import db, transaction
from jobs.queue import enqueue, handler
from jobs.schedule import repeating

MAIL_KEPT = timedelta(days=30)
GOODBYE_KEPT = timedelta(hours=1)  # after it was written; then nothing here names its reader
NOTICES_KEPT = timedelta(days=180)
# What happens to one person in so short a time goes into one mail.
GATHERED_FOR = timedelta(minutes=2)
PEOPLE_AT_ONCE = 1_000


@handler("mail.send")
def send(mail_id: int) -> None:
    """Send a mail that has not been sent. Without MAIL_URL, which only the demo lacks, its page is where it arrives."""
    settings: Settings = current_app.config["SETTINGS"]
    mail = queries.mail_by_id(mail_id)
    if mail is None or mail.sent_at is not None:
        return
    if settings.mail_url:
        message = mailer.compose(mail, site().name, settings)
        db.session().rollback()  # the read is over; no snapshot is held while the server takes its time
        mailer.deliver(message, mailer.mail_server(settings.mail_url))
    with transaction():
        service.mark_sent(mail_id)


@handler("mail.forget")
def forget() -> None:
    """Remove what was sent long ago, and what was sent to somebody whose account ended."""
    with transaction():
        queries.forget_mails_before(clock.now() - MAIL_KEPT, clock.now() - GOODBYE_KEPT)


@handler("notices.mail")
def ask_for_mails() -> None:
    """Ask for a mail to each for whom something has waited long enough. Nobody is missed: the next run looks again."""
    people = mail_queries.people_with_mail_due(db.session(), clock.now() - GATHERED_FOR, PEOPLE_AT_ONCE)
    if people:
        with transaction():
            for user_id in people:
                enqueue("notices.write", key=f"notices:{user_id}", user_id=user_id)


@handler("notices.write")
def write(user_id: int) -> None:
    """Write the mail about what waits for one person; where nothing does any more, nothing happens."""
    with transaction() as session:
        letters.write_at_once(session, user_id)


@handler("notices.forget")
def forget_notices() -> None:
    """Remove notices that nothing was added to for long."""
    with transaction() as session:
        notice_queries.forget_before(session, clock.now() - NOTICES_KEPT)


repeating("mail.forget", every=timedelta(days=1))
repeating("notices.mail", every=timedelta(minutes=1))
repeating("notices.forget", every=timedelta(days=1))
