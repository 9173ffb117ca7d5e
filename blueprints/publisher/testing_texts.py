"""What each check would say of a text, without posting it."""

from markupsafe import Markup
from sqlalchemy.orm import Session

from blueprints.threads import queries_screening, screening
from blueprints.threads.screening.links import foreign_links
from blueprints.threads.screening.passages import marked, quotes
from blueprints.threads.screening.shapes import keys_of, pairs_of
from blueprints.threads.writing import checked_words
from core.markup import render_comment
from core.records import dataclass

TITLES = {
    "words": "Word lists", "links": "Links", "personal-data": "Personal data", "repeats": "Repetition",
    "flood": "Flood", "length": "Length", "noise": "Capitals and noise", "mentions": "Names",
    "newcomer": "First comments",
    "record": "The author’s record", "e-mail": "E-mail lists", "classifier": "Classifier",
}  # fmt: skip
AUTHORS = {"regular": "a regular", "newcomer": "somebody new", "staff": "the newsroom"}
DECISIONS = {
    None: "Published: nothing was found.", "note": "Published, with notes for moderators.",
    "nudge": "The author is asked once whether to change it; then it is published.",
    "report": "Published and reported to moderators.", "hold": "Held until a person has read it.",
    "reject": "Rejected, with a statement of reasons that says a program decided.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One finding with the words that caused it."""

    severity: str
    reason: str
    rule: str
    version: int
    quotes: list[str]


@dataclass(frozen=True, slots=True)
class Tested:
    """What all checks say, which decides, and the text with every passage marked."""

    decision: str
    worst: str | None
    checks: list[tuple[str, list[Said]]]
    words: Markup


def say_of(session: Session, text: str, *, author: str, section_id: int, email: str = "") -> Tested:
    """Run every check by the settings in force, as if this author had sent it. Raises DomainError for no comment."""
    words = checked_words(text)
    html = render_comment(words, {})
    setup = queries_screening.load_setup(session, queries_screening.state_version(session))
    known = 0 if author == "newcomer" else 1_000
    subject = screening.Subject(
        words, html, author == "staff", known, 0, setup=setup, section_id=section_id, email=email,
    )  # fmt: skip
    links = foreign_links(subject)
    pairs = pairs_of(words)
    subject = screening.Subject(
        words, html, author == "staff", known, 0, setup=setup, section_id=section_id, email=email,
        twins=queries_screening.twins_of(session, keys_of(pairs), pairs),
        spam_links=dict.fromkeys(queries_screening.known_spam(session, links)),
    )  # fmt: skip
    found = screening.screen(screening.CHECKS, subject)
    by_check = [
        (TITLES.get(check.name, check.name), [
            Said(one.severity, one.reason, one.rule, one.version, quotes(words, one.passages))
            for one in found if one.check == check.name
        ]) for check in screening.CHECKS
    ]  # fmt: skip
    worst = screening.worst(found)
    places = [passage for one in found for passage in one.passages]
    return Tested(DECISIONS[worst], worst, by_check, marked(words, places))


