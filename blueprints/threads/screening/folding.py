"""A text as word lists see it: its words without case, width and what cannot be seen, each with its place.

Every place is one in the source, in code points, so that what matched can be shown. Pure and linear in the text.
"""

import html
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache

import regex  # type: ignore[import-untyped]

FILLER = "\u00ad"  # a soft hyphen: cannot be seen, and folding drops it
REMEMBERED = 50_000  # words; a bound on memory
LONGEST_REMEMBERED = 40

_ASCII_WORD = re.compile(r"[a-z0-9]+")
WORD = regex.compile(r"(?:[^\W_]|[\p{M}\p{Default_Ignorable_Code_Point}])+")
WORD_WITH_STARS = regex.compile(r"(?:[^\W_]|[\p{M}\p{Default_Ignorable_Code_Point}*])+")
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\ufff9-\ufffb]+")
# Marks that only decorate a letter. Vowel signs of Indic scripts and the voicing marks of kana make another letter.
_MARK = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_LATIN_NAME = re.compile(r"LATIN (?:SMALL LETTER|CAPITAL LETTER|LETTER SMALL CAPITAL) ([A-Z])(?: WITH .*)?")
_MARKUP = re.compile(r"\*\*+|__+|\|\||~~|`+|\\(?=[!-/:-@\[-`{-~])")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


@dataclass(slots=True)
class Units:
    """Words in a row with their places. `stream` is them between single spaces, for one search over all of them."""

    words: list[str]
    starts: list[int]
    ends: list[int]
    touched: list[bool] | None = None  # whether something was undone in a word; None: in none
    raw: list[str] = field(default_factory=list)  # of disguised units, the letters as they were folded
    _stream: str = ""
    _offsets: list[int] = field(default_factory=list)

    @property
    def stream(self) -> str:
        if not self._stream:
            self._stream = f" {' '.join(self.words)} "
        return self._stream

    def unit_at(self, place: int) -> int:
        """The number of the word that this place of the stream belongs to; a space belongs to the word behind it."""
        if not self._offsets:
            at, offsets = 0, []
            for word in self.words:
                offsets.append(at)
                at += len(word) + 1
            self._offsets = offsets
        return bisect_right(self._offsets, place) - 1


def visible(source: str) -> str:
    """The source as readers see it, of the same length: markup within it and entities are filled with what is
    unseen.
    """
    text = source
    if "&" in text and ";" in text:
        text = _ENTITY.sub(_entity, text)
    if "*" in text or "|" in text or "_" in text or "~" in text or "`" in text or "\\" in text:
        text = _MARKUP.sub(lambda found: FILLER * len(found[0]), text)
    return text


def _entity(found: re.Match[str]) -> str:
    shown = html.unescape(found[0])
    return shown + FILLER * (len(found[0]) - len(shown)) if len(shown) <= len(found[0]) else found[0]


def fold_words(text: str) -> Units:
    """The words of a text, folded for case, width and invisible characters; accents stay."""
    words, starts, ends = [], [], []
    if text.isascii():
        for found in _ASCII_WORD.finditer(text.lower()):
            words.append(found[0])
            starts.append(found.start())
            ends.append(found.end())
        return Units(words, starts, ends)
    for found in WORD.finditer(text):
        if word := fold_word(found[0]):
            words.append(word)
            starts.append(found.start())
            ends.append(found.end())
    return Units(words, starts, ends)


def without_accents(units: Units) -> Units:
    """The same words without accents."""
    if all(word.isascii() for word in units.words):
        return units
    return Units([bare(word) for word in units.words], units.starts, units.ends)


def fold_word(word: str) -> str:
    """One word without case, width, invisible characters."""
    if word.isascii():
        return word.lower()
    return _fold_short(word) if len(word) <= LONGEST_REMEMBERED else _fold(word)


def _fold(word: str) -> str:
    shown = str(_INVISIBLE.sub("", word))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return "".join(folded.split())


_fold_short = lru_cache(REMEMBERED)(_fold)


def bare(word: str) -> str:
    """A folded word without accents and strokes."""
    if word.isascii():
        return word
    return _bare_short(word) if len(word) <= LONGEST_REMEMBERED else _bare(word)


def _bare(word: str) -> str:
    plain = _MARK.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", "".join(_plain_latin(letter) for letter in plain))


_bare_short = lru_cache(REMEMBERED)(_bare)


@lru_cache(REMEMBERED)
def _plain_latin(letter: str) -> str:
    """ø as o, ł as l: Latin letters with strokes and the like that do not decompose."""
    if letter.isascii():
        return letter
    found = _LATIN_NAME.fullmatch(unicodedata.name(letter, ""))
    return found[1].lower() if found else letter
