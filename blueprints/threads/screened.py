"""The screening as posting uses it: as much as possible before the lock that others wait for, the rest in two looks.

`look_at` asks the database nothing and does what depends on words alone. `finish` runs inside the transaction, with
what is known of the author by then; at most two indexed statements are its own, and none for a short text without
links.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from blueprints.threads import queries_authors, queries_screening, queries_written, screening
from blueprints.threads.screening import setup as setups
from blueprints.threads.screening.links import Link, foreign_links, passages_of
from blueprints.threads.screening.rules import OFF
from blueprints.threads.screening.shapes import keys_of, pairs_of
from core.at_hand import take_time
from core.db import db
from core.records import dataclass
from core.viewer import Viewer
from jobs.queue import enqueue

RECORD_OF = timedelta(days=30)  # how far back an author's record is looked at
REJECT_JOB = "moderation.screened"  # its handler is in a domain above this one
HELD_JOB = "moderation.held"  # so is this one's: a comment that could be read is held
SERVICES_JOB = "threads.ask-services"


FRESH_FOR = 2.0  # seconds

def keep_fresh() -> None:
    """Read changed settings before the lock that others wait for: making a long list ready takes a while.

    Asks at most every FRESH_FOR seconds; a change that came since is seen by `finish` all the same.
    """
    if setups.is_time_to_look(FRESH_FOR):
        keep_at(db.session(), queries_screening.kept_state(db.session()))


def keep_at(session: Session, version: int) -> None:
    """Read what the screening goes by, where that is another version than this process knows."""
    if version != setups.kept().version:
        take_time()
        setups.keep(queries_screening.load_setup(session, version))


@dataclass(frozen=True, slots=True)
class Look:
    """What words alone have shown."""

    subject: screening.Subject
    known: dict[str, list[screening.Found]]
    pairs: set[int]
    keys: tuple[int, ...]
    links: list[Link]

    @property
    def setup(self) -> screening.Setup:
        return self.subject.setup


@dataclass(frozen=True, slots=True)
class Screened:
    """What the screening found, under which settings, and the shape by which near-repeats are found."""

    found: list[screening.Found]
    setup: screening.Setup
    keys: tuple[int, ...]

    @property
    def status(self) -> str:
        return screening.status_after(self.found)

    @property
    def reason(self) -> str:
        """What the author is told of a comment that is held."""
        return next((one.reason for one in self.found if one.severity in {"hold", "reject"}), "")


def look_at(
    viewer: Viewer, section_id: int, words: str, html: str, setup: screening.Setup | None = None
) -> Look:
    """Everything that needs the words alone, by the settings that this process read last."""
    setup = setup or setups.kept()
    subject = screening.Subject(
        words, html, viewer.is_staff, 0, 0, setup=setup, section_id=section_id, email=viewer.email,
    )  # fmt: skip
    pairs = pairs_of(words) if _compares(setup, section_id) else set()
    known = screening.screen_words(screening.CHECKS, subject)
    return Look(subject, known, pairs, keys_of(pairs), foreign_links(subject))


def since(look: Look, now: datetime) -> tuple[datetime, datetime]:
    """From when on an author's record counts, and what was sent in a short time."""
    return now - RECORD_OF, now - timedelta(minutes=look.setup.number("flood_minutes"))


def finish(
    session: Session, viewer: Viewer, look: Look, record: queries_authors.AuthorRecord, *, comment_id: int = 0
) -> Screened:
    """What the screening finds. Settings that were changed since this process read them are read first."""
    if record.setup_version != look.setup.version:
        setup = queries_screening.load_setup(session, record.setup_version)
        setups.keep(setup)
        look = look_at(viewer, look.subject.section_id, look.subject.body_source, look.subject.body_html, setup)
    twins = queries_screening.twins_of(session, look.keys, look.pairs, besides=comment_id)
    spam: set[str] = set()
    if look.links and look.setup.severity("links.spam", look.subject.section_id) != OFF:
        spam = queries_screening.known_spam(session, look.links)
    subject = replace(
        look.subject, published_before=record.published, same_elsewhere=record.same_elsewhere,
        recent_rejected=record.recent_rejected, recent_decided=record.recent_decided, recent_sent=record.recent_sent,
        twins=twins, spam_links={
            link.key: next(iter(passages_of(look.subject.body_source, [link])), None)
            for link in look.links if link.key in spam
        },
    )  # fmt: skip
    return Screened(screening.screen(screening.CHECKS, subject, look.known), look.setup, look.keys)


def store(
    session: Session, comment_id: int, revision: int, screened: Screened, status: str, now: datetime
) -> screening.Found | None:
    """Keep what was found and ask for the jobs that follow. Returns a finding that asks for a report, if any does."""
    for one in screened.found:
        queries_written.add_finding(session, comment_id, revision, one, now, screened.setup.id)
    queries_screening.add_shape(session, comment_id, screened.keys, anew=revision > 1)
    if status == "withheld" and screening.worst(screened.found) == "reject":
        enqueue(REJECT_JOB, comment_id=comment_id, revision=revision, rule_id=_rule_of(screened))
    if screened.setup.services and status != "rejected":
        enqueue(SERVICES_JOB, comment_id=comment_id, revision=revision)
    if status != "published":
        return None
    return next((one for one in screened.found if one.severity == "report"), None)


def _rule_of(screened: Screened) -> int | None:
    """The rule of the conversation that the list stands for which rejects."""
    by_rule = {one.rule: one.rule_id for one in screened.setup.lists}
    rejecting: Sequence[screening.Found] = [one for one in screened.found if one.severity == "reject"]
    return next((by_rule[one.rule] for one in rejecting if by_rule.get(one.rule)), None)


def _compares(setup: screening.Setup, section_id: int) -> bool:
    return any(setup.severity(rule, section_id) != OFF for rule in ("repeats.once", "repeats.many"))
