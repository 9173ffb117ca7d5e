"""The beginning of a paper: the link that makes the first publisher, and the steps from there to the first comment.

The link is printed where the site is started. It is signed, so nothing about it is stored; it opens a form only while
the paper has no publisher, and for `LINK_LASTS`. Using it makes a publisher, and so ends every such link.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from blueprints.accounts.service import create_user
from blueprints.membership import health
from blueprints.membership.gateway import Mode
from blueprints.notifications.service import send_mail
from blueprints.publisher import queries_beginning, queries_people
from blueprints.publisher.queries_beginning import TEST_MAIL, Standing
from blueprints.publisher.service import site_row
from blueprints.site.queries import SiteView, bump_site_version
from core.config import Settings
from core.errors import Conflict
from core.records import dataclass
from core.signing import ClockSigner
from core.text import failure_line
from models.user import User

LINK_LASTS = timedelta(hours=24)
UNNAMED = "Rejoinder"  # what a paper is called before anybody has named it
TAKEN = "There is a publisher by now, so this link is used up. Please sign in."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a new paper needs. `said` is how it stands; `href` leads to where it is done."""

    key: str
    title: str
    is_done: bool
    said: str
    href: str = ""
    action: str = ""


def link() -> str:
    """A new link to the form for the first publisher, good for LINK_LASTS."""
    settings: Settings = current_app.config["SETTINGS"]
    return f"{settings.base_url}/begin/{_serializer().dumps('first publisher')}"


def is_good(token: str) -> bool:
    """Whether a token of such a link is ours, in time, and still of use."""
    try:
        _serializer().loads(token, max_age=int(LINK_LASTS.total_seconds()))
    except BadSignature:
        return False
    return not queries_beginning.has_publisher()


def make_first_publisher(*, display_name: str, email: str, password_hash: str) -> User:
    """Make the account that owns the paper. Two at once pass one after the other, and the second is refused.

    Raises Conflict where there is a publisher by now, FieldProblem for a name or an address that cannot be taken.
    """
    site_row()  # held to the end
    if queries_beginning.has_publisher():
        raise Conflict(TAKEN)
    return create_user(display_name=display_name, email=email, password_hash=password_hash, roles=("publisher",))


def steps(site: SiteView, mode: Mode) -> tuple[Step, ...]:
    """What a new paper needs, in the order in which it is best done, each as it stands now."""
    found = queries_beginning.standing()
    return (
        Step("name", "Name of the paper", site.version > 0 and site.name != UNNAMED,
             f"It is called “{site.name}”.", "/publisher/site#name", "Name it"),
        Step("colour", "Colour", site.colour is not None,
             f"Links and buttons are {site.colour or 'red, as nobody has chosen'}.", "/publisher/site#colour",
             "Choose"),
        Step("sections", "Sections", bool(site.sections),
             f"{len(site.sections)} in the menu." if site.sections else "None. Every story stands in one.",
             "/publisher/sections/new", "Add one"),
        Step("people", "First people", found.staff > 1,
             f"{found.staff} on the staff. Colleagues sign up like readers and get their roles from you; a list can be "
             "taken in at once.", "/publisher/people", "See people"),
        _mail(found),
        Step("plan", "Something to join", found.sells_something,
             "There is a plan with a price." if found.sells_something
             else "No plan with a price, so nobody can become a member.", "/publisher/plans", "See plans"),
        _stripe(mode),
        Step("article", "First article", bool(found.article),
             "A story is published." if found.article else "Nothing is published.", "/newsroom/articles/new",
             "Write it"),
        _comment(found),
    )  # fmt: skip


def put_away(*, away: bool) -> None:
    """Take the steps off the overview, or put them back there."""
    site_row().first_steps_away = away
    bump_site_version()


def send_test_mail(person_id: int) -> None:
    """Have a mail sent to the person who asks, to see that mail goes out."""
    person = queries_people.person(person_id)
    assert person is not None
    send_mail(
        kind=TEST_MAIL, recipient=person.email, user_id=person_id, subject="Mail from your paper arrives",
        template="test", context={"name": person.display_name},
    )  # fmt: skip


def _mail(found: Standing) -> Step:
    if found.has_sent_mail:
        return Step("mail", "Mail", True, "Mail has gone out. See that it arrived, and not among the unwanted.")
    if found.mail_error:
        return Step("mail", "Mail", False, f"A mail could not be sent: {failure_line(found.mail_error)}.",
                    "/publisher/system#mails", "See the mails")  # fmt: skip
    said = "A mail is on its way." if found.mail_waits else "No mail has been sent."
    return Step("mail", "Mail", False, said)


def _stripe(mode: Mode) -> Step:
    title, href = "Payments", "/publisher/billing#account"
    if mode == "sandbox":
        return Step("stripe", title, True, "They go to the built-in stand-in for Stripe; no money moves.", href, "See")
    kept = health.kept_checks()
    if kept is None:
        return Step("stripe", title, False, "The account at Stripe has not been checked.", href, "Check it")
    wrong = sum(check.wrong for check in kept[1])
    said = f"At Stripe, {wrong} to look at." if wrong else "The account at Stripe is set up."
    return Step("stripe", title, not wrong, said, href, "Check again")


def _comment(found: Standing) -> Step:
    title = "A comment, live"
    if found.has_comment:
        return Step("comment", title, True, "The first comment is there.")
    if not found.article:
        return Step("comment", title, False, "This needs a published story.")
    return Step("comment", title, False, "Open the story in two windows and comment in one: the other tells of it "
                "within seconds.", f"/articles/{found.article}#composer", "Open the story")  # fmt: skip


def _serializer() -> URLSafeTimedSerializer:
    options: dict[str, Callable[..., Any]] = {"digest_method": hashlib.sha256}
    return URLSafeTimedSerializer(
        current_app.config["SECRET_KEY"], salt="publisher.begin", signer=ClockSigner, signer_kwargs=options
    )
