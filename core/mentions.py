"""Names behind an @: which could be meant, and which one is.

A name may be of several words and of any script, so `@Vic Tanaka said` could mean "Vic", "Vic Tanaka" or
"Vic Tanaka said". All of these are looked up at once, and the longest one that is somebody's is meant. In brackets,
`@[Vic Tanaka]`, exactly that name is meant: so the composer writes a name that was chosen from its list.

Everything here is pure: who may be named in a text is the caller's question.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import regex  # type: ignore[import-untyped]

from core.names import MAX_CODE_POINTS, name_key

MAX_SOUGHT = 20  # at so many signs of a text a name is looked for; so the work for one text is bounded
MAX_READINGS = 24  # ends of a name that are tried at one sign

# An @ within a word belongs to an address.
_SIGN = regex.compile(r"(?<![\p{L}\p{M}\p{N}_@.+/-])@")
_BRACKETS = regex.compile(rf"\[([^\[\]\n@]{{1,{MAX_CODE_POINTS}}})\]")
_RUN = regex.compile(rf"[\p{{L}}\p{{M}}\p{{N}} .'’_-]{{1,{MAX_CODE_POINTS}}}")
_MARKS = " .'_-"  # what a name may have besides letters, digits and accents
_WORD_END = regex.compile(r"(?<=[\p{L}\p{M}\p{N}])(?![\p{L}\p{M}\p{N}])")
# Scripts that put no space behind a name: there it may end behind every letter.
_UNSPACED = regex.compile(
    r"(?<=[\p{L}\p{M}])(?=[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
)


class Named(NamedTuple):
    """Somebody who may be named in a text; `has_page`: readers may see a page of theirs."""

    id: int
    name: str
    has_page: bool = False


def is_sign(text: str, at: int) -> bool:
    """Whether the @ at this place may stand before a name."""
    return _SIGN.match(text, at) is not None


def names_sought(text: str) -> set[str]:
    """The keys (`core.names.name_key`) of all names that the text could mean, to be looked up at once."""
    found: set[str] = set()
    for number, sign in enumerate(_SIGN.finditer(text)):
        if number == MAX_SOUGHT:
            break
        found.update(key for _, key in _readings(text, sign.start()))
    return found


def named_at(text: str, at: int, people: Mapping[str, Named]) -> tuple[int, Named] | None:
    """Whom the @ at this place names, by their keys, and where the name ends; None where nobody is meant."""
    for end, key in _readings(text, at):
        if key in people:
            return _behind_marks(text, end, people[key].name), people[key]
    return None


def token(name: str) -> str:
    """How the composer writes a name that was chosen: no other one can be meant."""
    return f"@[{name}]"


def _behind_marks(text: str, end: int, name: str) -> int:
    """Where a typed name ends whose last letter is before `end`: behind those marks that the name itself ends with."""
    if text[end - 1] == "]":
        return end
    marks = name[len(name.rstrip(_MARKS)) :]
    while marks and text[end : end + len(marks)].replace("’", "'") != marks:
        marks = marks[:-1].rstrip()
    return end + len(marks)


def _readings(text: str, at: int) -> Iterator[tuple[int, str]]:
    """Where a name behind this @ may end, and the key it would have; the longest first."""
    start = at + 1
    if brackets := _BRACKETS.match(text, start):
        if key := name_key(brackets[1]):
            yield brackets.end(), key
        return
    run = _RUN.match(text, start)
    if run is None or run[0][0] == " ":
        return
    ends = {found.start() for pattern in (_WORD_END, _UNSPACED) for found in pattern.finditer(run[0])}
    for end in sorted(ends, reverse=True)[-MAX_READINGS:]:
        if key := name_key(run[0][:end]):
            yield start + end, key
