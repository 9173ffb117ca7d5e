"""Quoting a comment in the answer to it: its words as a Markdown quotation, with who said them."""

import regex  # type: ignore[import-untyped]

from core.markup import plain_text
from core.text import excerpt, fold, normalise

QUOTE_LENGTH = 400  # characters as people count them; longer quotations are shortened
ANSWER_BELOW = "\n\n"

_NOT_WORDS = regex.compile(r"[\W_]+")
# What would mean something in Markdown or in our own marks, and is only quoted here.
_ACTIVE = regex.compile(
    r"\\|`|\*|\[|<(?=\S)|\|(?=\|)|~(?=~)|(?<![\p{L}\p{M}\p{N}_])_|_(?![\p{L}\p{M}\p{N}_])|(?<![\p{L}\p{M}\p{N}_])@"
)
_ACTIVE_AT_START = regex.compile(r"^(?=[>+-])|^(\d{1,9})(?=[.)])")


def quotation(name: str, html: str, selected: str = "") -> str:
    """The Markdown that quotes a comment, ready to be answered below.

    What was selected is quoted if the comment says it, and otherwise the beginning of the whole comment, without what
    it quotes itself. Hidden words stay hidden, and nobody is called by name a second time.
    """
    words = normalise(selected).strip()
    if not words or not _says(html, words):
        words = plain_text(html, quotes=False) or plain_text(html)
    if len(words) > QUOTE_LENGTH:
        words = excerpt(words, QUOTE_LENGTH)
    lines = [_escaped(line.strip()) for line in words.split("\n")]
    first, rest = lines[0], lines[1:]
    return "\n".join(f"> {line}".rstrip() for line in (f"**{_escaped(name)}:** {first}", *rest)) + ANSWER_BELOW


def _says(html: str, words: str) -> bool:
    """Whether the comment says these words to everybody, whatever is between them."""
    return _bare(words) in _bare(plain_text(html))


def _bare(words: str) -> str:
    return str(_NOT_WORDS.sub("", fold(words)))


def _escaped(line: str) -> str:
    line = str(_ACTIVE.sub(lambda found: "\\" + found[0], line))
    return str(_ACTIVE_AT_START.sub(lambda found: f"{found[1]}\\" if found[1] else "\\", line))
