"""What a word is, and what a query means. Pure.

Words are compared without case, accents and width. Scripts that put no spaces between words are searched character
by character: a run of them in a query is a phrase. In a query, words must all be there, in any order; words in
quotation marks stand side by side; a hyphen before a word or phrase leaves out what has it. A word of
`OPEN_FROM` letters or more also finds longer words that begin with it, so that "bridge" finds "bridges"; in quotation
marks it is exactly that word. There is no wrong syntax: what means nothing is passed over.
"""

import unicodedata
from collections.abc import Iterator

import regex  # type: ignore[import-untyped]

from core.errors import DomainError
from core.records import dataclass

MAX_QUERY = 200  # characters
MAX_QUERY_WORDS = 12
MAX_WORD = 40  # characters of a word that count; the rest is passed over, in texts and queries alike
OPEN_FROM = 4

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_INVISIBLES = r"\p{Default_Ignorable_Code_Point}"  # joiners, soft hyphens
_WORD = regex.compile(
    rf"[{_UNSPACED}]\p{{M}}*"
    rf"|[\p{{L}}\p{{N}}--[{_UNSPACED}]][\p{{L}}\p{{M}}\p{{N}}{_INVISIBLES}--[{_UNSPACED}]]*",
    regex.V1,
)
# Accents of Latin, Greek and Cyrillic; the vowel signs of Hebrew and Arabic, which are rarely written; the Arabic
# line that only stretches a word. Marks of other scripts tell words apart and stay.
_ACCENTS = regex.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0640\u0670]"
)
_INVISIBLE = regex.compile(rf"{_INVISIBLES}+")
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_PART = regex.compile(r'(?P<minus>(?<!\S)[-\u2212\u2013])?(?:"(?P<phrase>[^"]*)(?:"|$)|(?P<word>[^\s"]+))')
_QUOTES = regex.compile("[\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02]")


@dataclass(frozen=True, slots=True)
class Word:
    """A folded word and where it stands in the text."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand side by side. `is_open`: the word may also be the beginning of a longer one."""

    words: tuple[str, ...]
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, all of it, and what must not be there."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...] = ()


def words_in(text: str) -> Iterator[Word]:
    """The words of a text in their order, folded. Several can share one place (`½` is 1 and 2)."""
    for match in _WORD.finditer(text):
        for folded in _WORD.findall(_fold(match.group())):
            yield Word(folded[:MAX_WORD], match.start(), match.end())


def read_query(text: str) -> Query:
    """What somebody typed, as a query. Raises DomainError with a sentence for nothing to look for, and for too much."""
    if len(text) > MAX_QUERY:
        raise DomainError(f"Please use at most {MAX_QUERY} characters to say what you are looking for.")
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for part in _PART.finditer(_QUOTES.sub('"', text)):
        exact = part["word"] is None
        words = tuple(found.word for found in words_in(part["phrase"] if exact else part["word"]))
        if not words:
            continue
        is_open = not exact and not part["minus"] and len(words) == 1 and len(words[0]) >= OPEN_FROM
        (unwanted if part["minus"] else wanted).append(Term(words, is_open))
    if sum(len(term.words) for term in (*wanted, *unwanted)) > MAX_QUERY_WORDS:
        raise DomainError(f"Please use at most {MAX_QUERY_WORDS} words.")
    if not wanted:
        raise DomainError("Please give at least one word to look for.", code="empty")
    return Query(tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(unwanted)))


def _fold(word: str) -> str:
    plain = unicodedata.normalize("NFKD", _INVISIBLE.sub("", word)).casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).translate(_PLAIN)
