"""What changed between two texts, word by word, as a person would mark it."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

import regex  # type: ignore[import-untyped]

# Words; letters one by one in scripts that put no space between words; spaces; anything else one by one.
_PARTS = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]|[\p{L}\p{M}\p{N}]+|\n|[^\S\n]+|."
)


class Change(NamedTuple):
    """A piece of text that stayed, came, or went."""

    kind: Literal["same", "added", "removed"]
    text: str


def changes(before: str, after: str) -> list[Change]:
    """The pieces of both texts in their order. Those that stayed and came are `after`, those that stayed and went
    `before`."""
    old, new = _PARTS.findall(before), _PARTS.findall(after)
    # Parts that are very frequent do not anchor a match (`autojunk`): so also a hostile text takes bounded work.
    return list(_joined(_steps(old, new, SequenceMatcher(None, old, new))))


def _steps(old: list[str], new: list[str], matcher: SequenceMatcher[str]) -> Iterator[Change]:
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            yield Change("same", "".join(new[new_from:new_to]))
            continue
        if old_to > old_from:
            yield Change("removed", "".join(old[old_from:old_to]))
        if new_to > new_from:
            yield Change("added", "".join(new[new_from:new_to]))


def _joined(steps: Iterator[Change]) -> Iterator[Change]:
    """Words that were replaced in a row are replaced together: a space alone does not part them."""
    removed = added = ""
    for kind, text in steps:
        if kind == "removed":
            removed += text
        elif kind == "added":
            added += text
        elif (removed or added) and text == " ":
            removed, added = removed + text, added + text
        else:
            yield from _marked(removed, added)
            removed = added = ""
            yield Change("same", text)
    yield from _marked(removed, added)


def _marked(removed: str, added: str) -> Iterator[Change]:
    space = ""
    if removed.endswith(" ") and added.endswith(" "):
        removed, added, space = removed[:-1], added[:-1], " "
    if removed:
        yield Change("removed", removed)
    if added:
        yield Change("added", added)
    if space:
        yield Change("same", space)
