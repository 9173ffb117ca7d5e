"""Words on their way to becoming a comment: checked, with the people they name, and rendered.

A preview and the comment itself come from the same function, so a preview shows exactly what will be published.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from blueprints.threads import mentions
from blueprints.threads.facts import ThreadFacts
from core import text
from core.errors import DomainError
from core.markup import render_comment
from core.mentions import Named
from core.records import dataclass
from core.viewer import Viewer

MAX_LENGTH = 5_000  # characters as people count them


@dataclass(frozen=True, slots=True)
class Written:
    """A text as it would be stored. `people` are those it could name, by the keys of their names."""

    words: str
    html: str
    people: Mapping[str, Named]


def written(session: Session, viewer: Viewer, facts: ThreadFacts, body: str) -> Written:
    """What this text becomes in this discussion. Raises DomainError with a sentence for what stands in the way."""
    words = checked_words(body)
    people = mentions.people_in(session, viewer, facts, words)
    html = render_comment(words, people)
    mentions.check_number(html)
    return Written(words, html, people)


def checked_words(body: str) -> str:
    """The text as it is stored. Raises DomainError when there is nothing in it, or too much."""
    words = text.normalise(body).strip()
    if text.is_blank(words):
        raise DomainError("There is nothing in it yet. Please write something first.", code="empty")
    length = text.count_characters(words)
    if length > MAX_LENGTH:
        raise DomainError(
            f"This has {length:,} characters; a comment can have up to {MAX_LENGTH:,}. "
            "Nothing is lost: please shorten it.",
            code="too_long",
        )
    return words
