"""What screening costs: an ordinary comment, 50 shapes at the length limit, and lists of 5,000 entries.

Run from the project's root: `python -m tests.bench.screening`. `--strict` makes the exit status 1 when a target is missed.
"""

import random
import statistics
import string
import sys
import time
from collections.abc import Callable, Iterator

from blueprints.threads import screening
from blueprints.threads.screening.links import foreign_links
from blueprints.threads.screening.matching import Matcher, Text, parse_entries
from blueprints.threads.screening.setup import Setup, WordList, finder_of
from blueprints.threads.screening.shapes import keys_of, pairs_of
from blueprints.threads.writing import MAX_LENGTH
from core.markup import render_comment

MOST_MS = 50.0  # of any text
MOST_MS_OF_A_LIST = 1.0  # of an ordinary comment
LIST_LENGTH = 5_000
ORDINARY = (
    "I think the council was right to wait. The figures are in the report, and what the minister said in the house on "
    "Tuesday does not change them: it was never about the money, whatever they say. My neighbour, who worked there for "
    "twenty years, told us the same last winter. There is more to say about it, and somebody should say it soon."
)

# Repeated up to the length limit. Each is meant to be bad for something: words, disguises, numbers, links, marks.
SHAPES: dict[str, str] = {
    "one letter": "a", "letters apart": "a ", "letters with dots": "a.", "letters with stars": "a*b", "stars": "*",
    "digits": "1", "digits apart": "1 ", "digits with dashes": "1-", "phone-like": "+44 20 7946 0958 ", "card-like": "4242 ",
    "IBAN-like": "GB82 WEST 1234 5698 7654 32 ", "IBAN-like without spaces": "DE89370400440532013000", "SSN-like": "536-90-4399 ",
    "DNI-like": "12345678Z ", "streets": "12 Acacia Avenue ", "long streets": "12 " + "Aaaa " * 3, "German streets": "Aaaa-",
    "French streets": "1 rue de la ", "postcodes": "SW1A 1AA ", "leet": "5h1t ", "leet without spaces": "5h1t",
    "look-alikes": "ѕһіt ", "look-alikes without spaces": "ѕһіt", "Cyrillic": "слово ", "full width": "ｗｏｒｄ ",
    "bold letters": "𝐰𝐨𝐫𝐝 ", "marks": "a\u0301\u0327", "zalgo": "a\u0336\u0334\u0335\u0337 ", "invisible": "\u200b", "invisible between": "a\u200b",
    "soft hyphens": "a\u00ad", "entities": "&#117;", "broken entities": "&#", "markup": "**a**", "underscores": "__a__",
    "spoilers": "||a||", "backslashes": "\\*", "mails": "a@b.cc ", "mail-like": "a@", "mail hosts": "b.", "links": "https://a.example/b ",
    "bare links": "www.a.example ", "link-like": "://", "brackets": "(", "markdown links": "[a](https://b.example) ", "mentions": "@a ",
    "emoji": "👩‍👩‍👧", "Chinese": "你好世界", "capitals": "SHOUT ", "listed words": "blork ", "listed words with stars": "spamblorkbot ",
    "masked": "bl*rk ", "phrases": "kill your ", "newlines": "\n\na", "quotes": "> a\n", "apostrophes": "he'll ", "hyphens": "a-",
}  # fmt: skip


def text_of(shape: str, length: int = MAX_LENGTH) -> str:
    """A shape repeated to a length, in code points."""
    return (shape * (length // len(shape) + 1))[:length]


def words_of_list(number: int, seed: int = 7) -> str:
    """A list of so many entries: words, phrases, stars."""
    rng = random.Random(seed)
    lines = ["blork", "spam*", "*bot", "kill yourself"]
    while len(lines) < number:
        word = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 10)))
        kind = rng.random()
        lines.append(word if kind < 0.8 else f"{word}*" if kind < 0.88 else f"*{word}" if kind < 0.92 else f"{word} {word[::-1]}")
    return "\n".join(lines)


def setup(lists: int = 3, entries: int = LIST_LENGTH) -> Setup:
    """Lists as a publisher may keep them, every rule on."""
    return Setup(
        lists=tuple(
            WordList(number, "words", f"List {number}", "hold", 1, None,
                     finder_of("words", words_of_list(entries, number), True, True))
            for number in range(1, lists + 1)
        ),
        severities={"length.short": "note", "length.long": "note"},
    )  # fmt: skip


def screen(text: str, html: str, by: Setup) -> list[screening.Found]:
    """Everything that posting does with a text, but for the database."""
    subject = screening.Subject(text, html, False, 1_000, 0, setup=by, email="ann@example.com")
    keys_of(pairs_of(text))
    foreign_links(subject)
    return screening.screen(screening.CHECKS, subject)


def milliseconds(work: Callable[[], object], rounds: int = 7) -> float:
    """The median duration of the work."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def figures() -> Iterator[tuple[str, float, float]]:
    """What was measured: a name, milliseconds, and the target (0: none)."""
    by, bare = setup(), Setup()
    html = render_comment(ORDINARY, {})
    yield "an ordinary comment, no lists", milliseconds(lambda: screen(ORDINARY, html, bare), 101), 0
    yield f"an ordinary comment, 3 lists of {LIST_LENGTH:,}", milliseconds(lambda: screen(ORDINARY, html, by), 101), 0
    matcher = Matcher(parse_entries(words_of_list(LIST_LENGTH))[0])
    one = milliseconds(lambda: matcher.find(Text(ORDINARY)), 101)
    yield f"a list of {LIST_LENGTH:,} entries, an ordinary comment", one, MOST_MS_OF_A_LIST
    tricky = ORDINARY.replace("right", "r1ght").replace("money", "m.o.n.e.y").replace("report", "r e p o r t")
    yield "the same with disguised words", milliseconds(lambda: matcher.find(Text(tricky)), 101), MOST_MS_OF_A_LIST
    begun = time.perf_counter()
    Matcher(parse_entries(words_of_list(LIST_LENGTH, 99))[0])
    yield "making such a list ready, once a version and process", (time.perf_counter() - begun) * 1000, 0
    for name, shape in SHAPES.items():
        text = text_of(shape)
        shown = render_comment(text, {})
        yield f"5,000 characters of {name}", milliseconds(lambda text=text, shown=shown: screen(text, shown, by), 3), MOST_MS


def main() -> int:
    missed = 0
    for name, taken, target in figures():
        late = bool(target) and taken > target
        missed += late
        print(f"{name:58}{taken:9.3f} ms{'   MISSED' if late else ''}")
    print(f"{len(SHAPES)} shapes; {missed} targets missed")
    return 1 if missed and "--strict" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
