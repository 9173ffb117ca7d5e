"""Passages of a text: how they are kept, and how a text is shown with them marked. Pure."""

import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from blueprints.threads.screening.subject import Passage

_TAG = re.compile(r"(<[^>]*>)")


def to_stored(passages: Iterable[Passage]) -> str:
    """ "12-18 40-44"."""
    return " ".join(f"{start}-{end}" for start, end in passages)


def from_stored(stored: str) -> list[Passage]:
    """The passages again; what is not one is left out."""
    found = []
    for part in stored.split():
        start, _, end = part.partition("-")
        if start.isdecimal() and end.isdecimal() and int(start) < int(end):
            found.append((int(start), int(end)))
    return found


def merged(passages: Iterable[Passage], length: int) -> list[Passage]:
    """The same places without overlaps, in order, within a text of that length."""
    found: list[Passage] = []
    for start, end in sorted(passages):
        start, end = max(0, start), min(end, length)
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def marked(source: str, passages: Sequence[Passage]) -> Markup:
    """The source as HTML, escaped, with these passages in `mark`; line breaks are the caller's style (pre-line)."""
    parts, at = [], 0
    for start, end in merged(passages, len(source)):
        parts += [escape(source[at:start]), Markup("<mark>"), escape(source[start:end]), Markup("</mark>")]
        at = end
    return Markup("").join([*parts, escape(source[at:])])


def marked_html(body_html: str, words: Sequence[str]) -> Markup:
    """The rendered text with these words of its source marked, wherever they stand between tags.

    `body_html` is our own: in its tags no attribute holds a bare `>`. Words that mark-up cuts in two stay unmarked.
    """
    wanted = sorted({str(escape(word)) for word in words if word.strip()}, key=len, reverse=True)
    if not wanted:
        return Markup(body_html)  # noqa: S704
    pattern = re.compile("|".join(re.escape(word) for word in wanted))
    parts = _TAG.split(body_html)
    parts[::2] = [pattern.sub(lambda found: f"<mark>{found[0]}</mark>", part) for part in parts[::2]]
    return Markup("".join(parts))  # noqa: S704


def quotes(source: str, passages: Sequence[Passage], most: int = 3, longest: int = 60) -> list[str]:
    """The words of the first few passages."""
    found = [source[start:end] for start, end in merged(passages, len(source))]
    return [words if len(words) <= longest else words[: longest - 1] + "…" for words in dict.fromkeys(found)][:most]
