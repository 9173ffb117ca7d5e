"""Words, phrases and `*` of a list, looked for in a text in one pass, however long the list.

An entry is one or more whole words; a `*` in a word stands for any letters (`spam*`, `*bot`, `f*k`). There are no
regular expressions: people who keep lists should not be able to stop the posting of comments by one line.

The literal parts of all entries go into one Aho-Corasick automaton (A. Aho, M. Corasick, "Efficient string matching",
1975) with a space for each edge of a word, so an entry never matches inside other words. Building it takes time, so it
is done once per version of a list and process.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import ahocorasick  # type: ignore[import-not-found,unused-ignore]

from blueprints.threads.screening import disguises, folding
from blueprints.threads.screening.folding import Units
from core.records import dataclass

LONGEST_ENTRY = 100
MOST_WORDS = 8
MOST_STARS = 3  # in one entry
FEWEST_LETTERS = 3  # that must stand beside a star: fewer would match half of a language
MOST_ENTRIES = 20_000
MOST_ALIKE = 50  # entries with a star whose longest part is the same: each is tried wherever that part stands
MOST_HITS = 50  # of one list in one text: enough to show; the rest changes nothing
COMMENT = "#"


class BadEntry(ValueError):
    """A line of a list that cannot be used, with a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list as it was written, and its words, folded; a star stands in them as it is."""

    line: str
    words: tuple[str, ...]

    @property
    def is_plain(self) -> bool:
        return not any("*" in word for word in self.words)


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry found in a text, and where."""

    entry: str
    start: int
    end: int


def parse_entry(line: str) -> Entry:
    """One line of a list. Raises BadEntry."""
    line = " ".join(line.split())
    if len(line) > LONGEST_ENTRY:
        raise BadEntry(f"“{line[:30]}…” is too long. An entry has at most {LONGEST_ENTRY} characters.")
    words = tuple(word for word in (_entry_word(part) for part in folding.WORD_WITH_STARS.findall(line)) if word)
    if not words:
        raise BadEntry(f"“{line}” has no letters or digits to look for.")
    if len(words) > MOST_WORDS:
        raise BadEntry(f"“{line}” has too many words. An entry has at most {MOST_WORDS}.")
    if sum(word.count("*") for word in words) > MOST_STARS:
        raise BadEntry(f"“{line}” has too many stars. An entry has at most {MOST_STARS}.")
    for word in words:
        letters = word.replace("*", "")
        if "*" in word and len(letters) < (FEWEST_LETTERS if letters.isascii() else FEWEST_LETTERS - 1):
            raise BadEntry(f"“{line}” would match too much: a word with a star needs {FEWEST_LETTERS} other letters.")
    return Entry(line, words)


def parse_entries(text: str) -> tuple[list[Entry], list[str]]:
    """All entries of a list, each once, in their order, and a sentence for each line that cannot be used.

    Empty lines, and those that begin with `# `, are for people.
    """
    entries: dict[tuple[str, ...], Entry] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.strip() == COMMENT or line.lstrip().startswith(COMMENT + " "):
            continue
        try:
            entry = parse_entry(line)
        except BadEntry as why:
            problems.append(f"Line {number}: {why}")
            continue
        entries.setdefault(entry.words, entry)
    alike = Counter(_longest_literal(entry.words)[0] for entry in entries.values() if not entry.is_plain)
    problems += [
        f"{number} entries with a star share “{part.strip()}”. At most {MOST_ALIKE} can: it would slow comments."
        for part, number in alike.items() if number > MOST_ALIKE
    ]  # fmt: skip
    if len(entries) > MOST_ENTRIES:
        problems.append(f"A list has at most {MOST_ENTRIES:,} entries; this one has {len(entries):,}.")
    return list(entries.values()), problems


def _entry_word(part: str) -> str:
    pieces = [folding.fold_word(piece) for piece in part.split("*")]
    word = "*".join(pieces)
    while "**" in word:
        word = word.replace("**", "*")
    return word if word.strip("*") else ""


class Matcher:
    """The entries of one version of a list, ready to be looked for."""

    def __init__(self, entries: Sequence[Entry], *, folds_accents: bool = True, sees_through: bool = True) -> None:
        self.entries = entries
        self._folds_accents = folds_accents
        fold = folding.bare if folds_accents else str
        self._plain = _Automaton([tuple(fold(word) for word in entry.words) for entry in entries])
        self._words = self._plain.patterns
        self._bones: _Automaton | None = None
        self._apart: Any = None
        self._masked: dict[tuple[int, str], list[tuple[int, str]]] = {}
        if sees_through and entries:
            self._bones = _Automaton([tuple(_bones(word) for word in words) for words in self._words])
            self._apart = _letters_apart(self._words)
            for number, words in enumerate(self._words):
                if len(words) == 1 and "*" not in words[0] and len(words[0]) >= 4:
                    self._masked.setdefault((len(words[0]), words[0][0]), []).append((number, words[0]))

    def find(self, text: "Text") -> list[Hit]:
        """Every entry that the text contains, in the order of places; each word of the text once."""
        found: dict[tuple[int, int], Hit] = {}
        if not self.entries:
            return []
        plain = text.bare if self._folds_accents else text.plain
        for number, first, last in self._plain.find(plain):
            self._note(found, number, plain.starts[first], plain.ends[last])
        if self._bones is not None:
            for start, end, number in self._hidden(text):
                self._note(found, number, start, end)
        return sorted(found.values(), key=lambda hit: (hit.start, hit.end))[:MOST_HITS]

    def _note(self, found: dict[tuple[int, int], Hit], number: int, start: int, end: int) -> None:
        found.setdefault((start, end), Hit(self.entries[number].line, start, end))

    def _hidden(self, text: "Text") -> Iterator[tuple[int, int, int]]:
        assert self._bones is not None
        for units in text.disguised:
            assert units.touched is not None
            for number, first, last in self._bones.find(units):
                words = self._words[number]
                if any(units.touched[first : last + 1]) and all(
                    "*" in word or disguises.is_disguise(raw, word)
                    for word, raw in zip(words, units.raw[first : last + 1], strict=True)
                ):
                    yield units.starts[first], units.ends[last], number
        for letters, places in text.spelled:
            bones = "".join(disguises.skeleton_of(letter) or " " for letter in letters)
            for end, numbers in self._apart.iter(bones):
                for number in numbers:
                    word = self._words[number][0].replace("*", "")
                    begin = end - len(word) + 1
                    if disguises.reads_as(letters[begin : end + 1], word):
                        yield places[begin][0], places[end][1], number
        meant: dict[str, list[int]] = {}
        for masked, start, end in text.masked:
            if masked not in meant:
                seen = [(at, letter) for at, letter in enumerate(masked) if letter != "*"]
                meant[masked] = [
                    number for number, word in self._masked.get((len(masked), masked[0]), ())
                    if all(word[at] == letter for at, letter in seen)
                ]
            for number in meant[masked]:
                yield start, end, number


class Text:
    """A text prepared for any number of lists; what only some lists need is made when the first asks for it."""

    __slots__ = ("_bare", "_disguised", "_masked", "_spelled", "plain", "shown", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.shown = folding.visible(source)
        self.plain = folding.fold_words(self.shown)
        self._bare: Units | None = None
        self._disguised: list[Units] | None = None
        self._spelled: list[tuple[str, list[tuple[int, int]]]] | None = None
        self._masked: list[tuple[str, int, int]] | None = None

    @property
    def bare(self) -> Units:
        if self._bare is None:
            self._bare = folding.without_accents(self.plain)
        return self._bare

    @property
    def disguised(self) -> list[Units]:
        if self._disguised is None:
            found = (disguises.disguised_units(self.shown), disguises.disguised_words(self.shown))
            self._disguised = [units for units in found if units is not None]
        return self._disguised

    @property
    def spelled(self) -> list[tuple[str, list[tuple[int, int]]]]:
        if self._spelled is None:
            self._spelled = list(disguises.spelled_out(self.shown))
        return self._spelled

    @property
    def masked(self) -> list[tuple[str, int, int]]:
        if self._masked is None:
            self._masked = list(disguises.masked_chunks(self.source))
        return self._masked


class _Automaton:
    """Patterns of words, found as whole words in a stream of units."""

    def __init__(self, patterns: Iterable[tuple[str, ...]]) -> None:
        self.patterns = list(patterns)
        literals: dict[str, list[tuple[int, int]]] = {}
        for number, words in enumerate(self.patterns):
            if all(words):
                literal, before = _longest_literal(words)
                literals.setdefault(literal, []).append((number, before))
        self._search: Any = ahocorasick.Automaton()
        for literal, users in literals.items():
            self._search.add_word(literal, (len(literal), tuple(users)))
        self._search.make_automaton()
        self._empty = not literals

    def find(self, units: Units) -> Iterator[tuple[int, int, int]]:
        """The number of each pattern found, with the first and the last unit that it covers."""
        if self._empty or not units.words:
            return
        seen: set[tuple[int, int]] = set()
        for end, (length, users) in self._search.iter(units.stream):
            unit = units.unit_at(end - length + 1)
            for number, before in users:
                first, words = unit - before, self.patterns[number]
                last = first + len(words) - 1
                if first < 0 or last >= len(units.words) or (number, first) in seen:
                    continue
                seen.add((number, first))
                if all(map(_fits, units.words[first : last + 1], words)):
                    yield number, first, last


def _longest_literal(words: Sequence[str]) -> tuple[str, int]:
    """The longest part of a pattern without a star, a space for each edge of a word; and how many words begin before
    the word it begins in."""
    whole = f" {' '.join(words)} "
    pieces, at = [], 0
    for piece in whole.split("*"):
        pieces.append((len(piece.strip()), piece, at))
        at += len(piece) + 1
    _, best, start = max(pieces)
    # A piece that begins with a space begins at the word behind it.
    return best, whole[: start + 1].count(" ") - 1


def _fits(word: str, pattern: str) -> bool:
    """Whether a word is the pattern, in which stars stand for any letters. Linear: each piece is looked for once."""
    if "*" not in pattern:
        return word == pattern
    first, *middle, last = pattern.split("*")
    if len(word) < len(first) + len(last) or not word.startswith(first) or not word.endswith(last):
        return False
    at, stop = len(first), len(word) - len(last)
    for piece in middle:
        found = word.find(piece, at, stop)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _bones(word: str) -> str:
    return "*".join(disguises.skeleton(piece) for piece in word.split("*"))


def _letters_apart(patterns: Sequence[tuple[str, ...]]) -> Any:
    """An automaton of single words letter by letter, for those written apart. A star at an end is left out."""
    found: dict[str, list[int]] = {}
    for number, words in enumerate(patterns):
        word = words[0].strip("*")
        if len(words) != 1 or "*" in word or len(word) < disguises.FEWEST_SPELLED:
            continue
        found.setdefault("".join(disguises.skeleton_of(letter) or " " for letter in word), []).append(number)
    if not found:
        return _Nothing()
    search = ahocorasick.Automaton()
    for letters, numbers in found.items():
        search.add_word(letters, tuple(numbers))
    search.make_automaton()
    return search


class _Nothing:
    """An automaton that looks for nothing: an empty one of the library refuses to search."""

    def iter(self, _text: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        return iter(())
