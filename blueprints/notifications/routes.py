"""The demo's inbox: every mail that would have been sent, to be read on a page."""

from flask import Blueprint, current_app, render_template, request

from blueprints.notifications import queries
from blueprints.notifications.reading import paragraphs
from core.config import Settings
from core.errors import NotFound
from core.guards import public
from core.ids import MAX_ID, row_id

notifications = Blueprint("notifications", __name__)


@notifications.get("/demo/mail")
@public
def inbox() -> str:
    """All mails of the demo, newest first."""
    _only_in_the_demo()
    mails, before = queries.newest_mails(request.args.get("before", type=row_id))
    return render_template("notifications/inbox.html", mails=mails, before=before)


@notifications.get(f"/demo/mail/<int(max={MAX_ID}):mail_id>")
@public
def mail(mail_id: int) -> str:
    """One mail as text, its links made to press."""
    _only_in_the_demo()
    found = queries.mail_by_id(mail_id)
    if found is None or not found.recipient:  # what it said may have been forgotten
        raise NotFound
    settings: Settings = current_app.config["SETTINGS"]
    text = paragraphs(found.text, settings.base_url)
    return render_template("notifications/mail.html", mail=found, paragraphs=text)


def _only_in_the_demo() -> None:
    if current_app.config["PRODUCTION"]:
        raise NotFound
