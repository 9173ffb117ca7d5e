"""Undoing what hides a word from a list, as far as it can be undone without guessing. Pure and linear in the text.

People who mean to get past a list write its words so that only readers recognise them: digits and signs for letters
(5h!t), letters of other scripts that look alike, styled and invisible characters, marks piled on letters, stretched
letters, punctuation between letters (f.u-c_k), letters written apart. A word that nothing was done to is never looked
at in this way: so "Scunthorpe", "455" and the Russian "рот" stay what they are.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import regex  # type: ignore[import-untyped]

from blueprints.threads.screening.folding import (
    LONGEST_REMEMBERED,
    REMEMBERED,
    WORD,
    Units,
    bare,
    fold_word,
    fold_words,
)
from core.names import look_alikes

FEWEST_SPELLED = 3  # letters written apart that are looked at as a word
STRETCHED_FROM = 3  # so many of the same letter in a row may stand for fewer
# Digits and signs that stand for a letter. 1, !, | and the like stand for i and for l, so these two share a skeleton.
STANDS_FOR = {
    "0": "o", "1": "i", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g", "@": "a",
    "$": "s", "!": "i", "|": "i", "+": "t", "€": "e", "£": "i", "¢": "c",
}  # fmt: skip
_EITHER = frozenset("1!|£")  # i or l
# Cyrillic and Greek letters that readers take for Latin ones; Unicode's table adds those of rarer scripts.
_LOOKS_LIKE = dict(zip(
    "авсеёніїјкморѕтухԁԛԝһьгпαβεικνορτυχηωζμγ", "abceehiijkmopstyxdqwhbrnabeiknoptuxnwzuy", strict=True
))  # fmt: skip
_LOOKS_LIKE["ν"] = "v"
_CHUNK = re.compile(r"[^\s/,;:&=?()\[\]{}<>\"“”„«»—–…]+")
_RUN = re.compile(r"(.)\1\1")
_TWO = re.compile(r"[A-Za-z0-9]{2}")
_OUTER_LEFT = "'‘’¿¡*_~`#.-^"
_OUTER_RIGHT = "'‘’*_~`#.!-^|"
_APOSTROPHES = re.compile("['‘’]")
_CODE = re.compile(r"[a-z]\d+")  # the name of a thing rather than a word: A55
_LATIN_LETTERS = regex.compile(r"\p{Latin}")
_LETTERS = regex.compile(r"\p{L}")


@lru_cache(REMEMBERED)
def skeleton_of(character: str) -> str:
    """The letter that a folded character stands for or looks like; itself where it stands for none; '' for signs."""
    if character in STANDS_FOR:
        return STANDS_FOR[character]
    if character == "l":
        return "i"
    if character.isascii():
        return character if character.isalnum() else ""
    plain = bare(character)
    plain = _LOOKS_LIKE.get(plain) or _by_table(plain) or plain
    if plain == "l":
        return "i"
    return plain if plain.isalnum() else ""


def _by_table(character: str) -> str:
    for alike in look_alikes().get(character, ()):
        other = alike.casefold()
        if len(other) == 1 and other.isascii() and other.isalpha():
            return other
    return ""


def skeleton(word: str) -> str:
    """What all disguises of a folded word share: skeletons of its letters, each run of one letter once."""
    return _skeleton_short(word) if len(word) <= LONGEST_REMEMBERED else _skeleton(word)


def _skeleton(word: str) -> str:
    found: list[str] = []
    for character in word:
        for letter in skeleton_of(character):
            if not found or found[-1] != letter:
                found.append(letter)
    return "".join(found)


_skeleton_short = lru_cache(REMEMBERED)(_skeleton)


def is_disguise(text: str, listed: str) -> bool:
    """Whether letters of a text that have the skeleton of a listed word can indeed be read as that word.

    Both are folded. A plain letter stands for itself only; three or more of the same stand for fewer as well.
    """
    ours, theirs = _runs(text), _runs(listed)
    return len(ours) == len(theirs) and all(
        kind == other and _run_reads(mine, wanted) for (kind, mine), (other, wanted) in zip(ours, theirs, strict=True)
    )


def _runs(word: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for character in word:
        for letter in skeleton_of(character):
            if found and found[-1][0] == letter:
                found[-1] = (letter, found[-1][1] + character)
            else:
                found.append((letter, character))
    return found


def _run_reads(mine: str, wanted: str) -> bool:
    if len(mine) == len(wanted):
        return all(_reads(character, other) for character, other in zip(mine, wanted, strict=True))
    if len(mine) < STRETCHED_FROM or len(mine) < len(wanted):
        return False
    return all(any(_reads(character, other) for other in set(wanted)) for character in set(mine))


def reads_as(letters: str, wanted: str) -> bool:
    """Whether letters written apart, folded, may be read as a word of the same length."""
    return all(map(_reads, letters, wanted))


def _reads(character: str, wanted: str) -> bool:
    """Whether a character of the text may stand for a letter of the list."""
    if character == wanted or character in _EITHER:
        return True
    if {character, wanted} == {"i", "l"}:
        return False
    return skeleton_of(character) == skeleton_of(wanted)


def disguised_units(text: str) -> Units | None:
    """The text with everything undone that hides a word, or None where nothing hides any.

    A chunk between spaces in which something is hidden becomes one word; all others stay the words they are.
    """
    words: list[str] = []
    raw: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    touched: list[bool] = []
    stretched = _RUN.search(text) is not None
    latin: bool | None = None
    for chunk in _CHUNK.finditer(text):
        core, start = _core(chunk[0], chunk.start())
        if not core:
            continue
        plain = core.isascii() and (core.isalpha() or core.isdigit()) and not (stretched and _RUN.search(core))
        if plain:
            folded, hides = core.lower(), False
        else:
            folded = _joined(core)
            hides, asks = _hides(core, folded)
            if asks and latin is None:
                latin = _is_mostly_latin(text)
            hides = hides or bool(asks and latin)
        if hides or plain:
            _add(words, raw, starts, ends, touched, folded, start, start + len(core), hides)
            continue
        for inner in WORD.finditer(core):
            piece = fold_word(inner[0])
            _add(words, raw, starts, ends, touched, piece, start + inner.start(), start + inner.end(), False)
    return Units(words, starts, ends, touched, raw) if any(touched) else None


def disguised_words(text: str) -> Units | None:
    """As `disguised_units`, but punctuation always ends a word: for what hides in an address or beside a slash."""
    units = fold_words(text)
    stretched = _RUN.search(text) is not None
    latin: bool | None = None
    touched = []
    for word, start, end in zip(units.words, units.starts, units.ends, strict=True):
        if word.isascii() and (word.isalpha() or word.isdigit()) and not (stretched and _RUN.search(word)):
            touched.append(False)
            continue
        hides, asks = _hides(text[start:end], word)
        if asks and latin is None:
            latin = _is_mostly_latin(text)
        touched.append(hides or bool(asks and latin))
    if not any(touched):
        return None
    return Units([skeleton(word) for word in units.words], units.starts, units.ends, touched, units.words)


def spelled_out(text: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Every row of letters written apart, folded, with the place of each."""
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for chunk in _CHUNK.finditer(text):
        single = _singles(chunk[0], chunk.start())
        if single:
            for letter, at, end in single:
                letters.append(letter)
                places.append((at, end))
            continue
        if len(letters) >= FEWEST_SPELLED:
            yield "".join(letters), places
        letters, places = [], []
    if len(letters) >= FEWEST_SPELLED:
        yield "".join(letters), places


def masked_chunks(text: str) -> Iterator[tuple[str, int, int]]:
    """Words in which stars or hashes stand for letters (f*ck), folded, with their places."""
    if "*" not in text and "#" not in text:
        return
    for chunk in _CHUNK.finditer(text):
        if "*" not in chunk[0] and "#" not in chunk[0]:
            continue
        core, start = _core(chunk[0], chunk.start())
        if not core or not ("*" in core or "#" in core):
            continue
        folded = fold_word(core).replace("#", "*")
        letters = folded.replace("*", "")
        mostly = len(letters) > 1 and len(folded) <= min(LONGEST_REMEMBERED, 2 * len(letters))
        if letters.isalpha() and mostly:
            yield folded, start, start + len(core)


def _core(chunk: str, at: int) -> tuple[str, int]:
    """A chunk without the punctuation around it, and where it begins."""
    left = chunk.lstrip(_OUTER_LEFT)
    return left.rstrip(_OUTER_RIGHT), at + len(chunk) - len(left)


def _joined(core: str) -> str:
    """The letters of a chunk and what stands for letters, folded."""
    return "".join(character for character in fold_word(core) if skeleton_of(character))


def _hides(core: str, folded: str) -> tuple[bool, bool]:
    """Whether something in a chunk hides a word, and whether it does if the text around it is Latin."""
    letters = [character for character in folded if character.isalpha()]
    if not letters or _CODE.fullmatch(folded):
        return False, False
    whole = _APOSTROPHES.sub("", fold_word(core))  # "he'll" hides nothing
    if len(letters) < len(folded) or _RUN.search(folded) or len(whole) != len(folded):
        return True, False
    if core.isascii():
        return False, False
    if any(unicodedata.combining(character) for character in folded):
        return True, False
    foreign = [letter for letter in letters if letter not in "abcdefghijklmnopqrstuvwxyz" and _is_foreign(letter)]
    if not foreign:
        return False, False
    return len(foreign) < len(letters), all(skeleton_of(letter).isascii() for letter in foreign)


@lru_cache(REMEMBERED)
def _is_foreign(letter: str) -> bool:
    """Whether a folded letter belongs to another script than the Latin one."""
    return not unicodedata.name(letter, "").startswith("LATIN ")


def _is_mostly_latin(text: str) -> bool:
    return len(_LATIN_LETTERS.findall(text)) * 2 > len(_LETTERS.findall(text))


def _singles(chunk: str, at: int) -> list[tuple[str, int, int]]:
    """The letters of a chunk that has no two in a row; nothing otherwise."""
    if len(chunk) == 1 and chunk.isalnum() and chunk.isascii():
        return [(chunk.lower(), at, at + 1)]
    if _TWO.search(chunk):
        return []
    found: list[tuple[str, int, int]] = []
    last_end = -1
    for inner in WORD.finditer(chunk):
        letter = fold_word(inner[0])
        if len(letter) > 1 or inner.start() == last_end:
            return []
        if letter:
            found.append((letter, at + inner.start(), at + inner.end()))
        last_end = inner.end()
    if not found and len(chunk) == 1 and chunk in STANDS_FOR:
        return [(chunk, at, at + 1)]
    return found


def _add(
    words: list[str], raw: list[str], starts: list[int], ends: list[int], touched: list[bool], folded: str, start: int,
    end: int, hides: bool,
) -> None:  # fmt: skip
    if bones := skeleton(folded):
        words.append(bones)
        raw.append(folded)
        starts.append(start)
        ends.append(end)
        touched.append(hides)
