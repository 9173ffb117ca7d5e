"""The places of a text at which a query was found, marked. Pure."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from blueprints.threads.search.words import Query, Term, Word, words_in
from core.text import ELLIPSIS

SNIPPET_WORDS = 36
WORDS_BEFORE = 8  # of a snippet, so many stand before the first place found


def snippet(text: str, query: Query) -> Markup:
    """A part of a plain text with as many of the places found as fit, each in a `mark`; everything escaped."""
    line = " ".join(text.split())
    words = list(words_in(line))
    found = sorted(_places(words, query.wanted))
    first, last = _window(words, found)
    start = words[first].start if words and first else 0
    end = words[last - 1].end if last < len(words) else len(line)
    pieces: list[Markup | str] = [ELLIPSIS] if start else []
    at = start
    for begins, ends in _joined(words, found, line):
        if begins < start or ends > end:
            continue
        pieces += (escape(line[at:begins]), Markup("<mark>"), escape(line[begins:ends]), Markup("</mark>"))
        at = ends
    pieces.append(escape(line[at:end]))
    if end < len(line):
        pieces.append(ELLIPSIS)
    return Markup("").join(pieces)


def _places(words: Sequence[Word], terms: Sequence[Term]) -> set[int]:
    """The numbers of the words that belong to something found."""
    found: set[int] = set()
    for term in terms:
        length = len(term.words)
        for at in range(len(words) - length + 1):
            if _stands_at(words, at, term):
                found.update(range(at, at + length))
    return found


def _stands_at(words: Sequence[Word], at: int, term: Term) -> bool:
    if term.is_open:
        return words[at].word.startswith(term.words[0])
    return all(words[at + number].word == word for number, word in enumerate(term.words))


def _window(words: Sequence[Word], found: Sequence[int]) -> tuple[int, int]:
    """From which word to behind which one the snippet goes: where the most was found, the earliest of such places."""
    if len(words) <= SNIPPET_WORDS:
        return 0, len(words)
    best, most = 0, 0
    for at in found:
        begin = max(0, min(at - WORDS_BEFORE, len(words) - SNIPPET_WORDS))
        held = sum(begin <= other < begin + SNIPPET_WORDS for other in found)
        if held > most:
            best, most = begin, held
    return best, best + SNIPPET_WORDS


def _joined(words: Sequence[Word], found: Sequence[int], line: str) -> Iterator[tuple[int, int]]:
    """The places as stretches of the text; neighbours with only a space between them are one."""
    stretch: tuple[int, int] | None = None
    for at in found:
        begins, ends = words[at].start, words[at].end
        if stretch and (begins <= stretch[1] or not line[stretch[1] : begins].strip()):
            stretch = stretch[0], max(ends, stretch[1])
            continue
        if stretch:
            yield stretch
        stretch = begins, ends
    if stretch:
        yield stretch
