"""How it is written: shouting, noise, length, names."""

from collections.abc import Iterator

import regex  # type: ignore[import-untyped]

from blueprints.threads.screening.subject import Finding, Subject
from core.markup import people_named

SHORTEST_SHOUT = 20  # letters that have a case
SHOUT_SHARE = 0.7
LONGEST_RUN = 12

_UPPER = regex.compile(r"\p{Lu}")
_CASED = regex.compile(r"[\p{Lu}\p{Ll}]")
_SHOUTED = regex.compile(r"\p{Lu}[\p{Lu}\P{L}]*\p{Lu}")
_RUN = regex.compile(rf"(\S)\1{{{LONGEST_RUN},}}")


def check_noise(subject: Subject) -> Iterator[Finding]:
    """Texts mostly in capitals, and long runs of one character."""
    source = subject.body_source
    if not source.islower():
        words = " ".join(word for word in source.split() if "://" not in word and "@" not in word)
        cased = len(_CASED.findall(words))
        if cased >= SHORTEST_SHOUT and len(_UPPER.findall(words)) > cased * SHOUT_SHARE:
            passages = [found.span() for found in _SHOUTED.finditer(source)]
            yield from subject.found("noise.capitals", "Most of this is written in capitals.", passages)
    if runs := [found.span() for found in _RUN.finditer(source)]:
        yield from subject.found("noise.runs", "One character is repeated many times.", runs)


def check_length(subject: Subject) -> Iterator[Finding]:
    """Texts that are shorter or longer than the publisher likes. What no comment can have is refused before."""
    if len(subject.body_source) > subject.number("longest_characters"):
        most = subject.number("longest_characters")
        yield from subject.found("length.long", f"This is long: it has more than {most:,} characters.")
    words = subject.text.plain.words
    least = subject.number("shortest_words")
    if len(words) < least and sum(map(len, words)) < least * 4:  # scripts without spaces have few and long words
        yield from subject.found("length.short", "This is very short.")


def check_mentions(subject: Subject) -> Iterator[Finding]:
    """Many people called by name at once."""
    if "@" not in subject.body_source:
        return
    if len(people_named(subject.body_html)) > subject.number("most_mentions"):
        yield from subject.found("mentions.many", "It calls many people by name.")
