"""Words of lists are found however they are disguised, and never inside other words."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.threads.screening import disguises
from blueprints.threads.screening.matching import BadEntry, Matcher, Text, parse_entries, parse_entry
from blueprints.threads.screening.passages import from_stored, marked, to_stored

LIST = ("blork", "splunge", "wazzock", "kill yourself", "spam*", "*bot", "*porn*", "f*kwit", "порно", "lick", "hell", "ass")


def found(text: str, *entries: str, **options: bool) -> list[tuple[str, str]]:
    """Which entries are found, each with the passage."""
    parsed, problems = parse_entries("\n".join(entries or LIST))
    assert problems == []
    return [(hit.entry, text[hit.start : hit.end]) for hit in Matcher(parsed, **options).find(Text(text))]


@pytest.mark.parametrize(
    ("text", "entry", "passage"),
    [
        ("A blork, surely!", "blork", "blork"),
        ("BLORK", "blork", "BLORK"),
        ("ｂｌｏｒｋ", "blork", "ｂｌｏｒｋ"),
        ("𝐛𝐥𝐨𝐫𝐤", "blork", "𝐛𝐥𝐨𝐫𝐤"),
        ("blo\u200brk", "blork", "blo\u200brk"),
        ("blo\u00adrk", "blork", "blo\u00adrk"),
        ("blörk", "blork", "blörk"),
        ("b̷l̷o̷r̷k̷", "blork", "b̷l̷o̷r̷k̷"),
        ("bl0rk", "blork", "bl0rk"),
        ("8l0rk", "blork", "8l0rk"),
        ("b1ork", "blork", "b1ork"),
        ("$plunge", "splunge", "$plunge"),
        ("a$$", "ass", "a$$"),
        ("bІork", "blork", "bІork"),  # a Cyrillic capital I looks like l
        ("blоrk", "blork", "blоrk"),  # a Cyrillic o
        ("blοrk", "blork", "blοrk"),  # a Greek one
        ("bloooork", "blork", "bloooork"),
        ("waaazzzzock", "wazzock", "waaazzzzock"),
        ("b.l.o.r.k", "blork", "b.l.o.r.k"),
        ("blo-rk", "blork", "blo-rk"),
        ("bl*rk", "blork", "bl*rk"),
        ("b l o r k", "blork", "b l o r k"),
        ("such a b l o r k", "blork", "b l o r k"),
        ("bl**o**rk", "blork", "bl**o**rk"),
        ("bl&#111;rk", "blork", "bl&#111;rk"),
        ("see https://example.com/bl0rk", "blork", "bl0rk"),
        ("Kill, yourself", "kill yourself", "Kill, yourself"),
        ("k!ll   yourself", "kill yourself", "k!ll   yourself"),
        ("spammers", "spam*", "spammers"),
        ("a robot", "*bot", "robot"),
        ("xpornx", "*porn*", "xpornx"),
        ("fabckwit", "f*kwit", "fabckwit"),
        ("п0рно", "порно", "п0рно"),
        ("1ick", "lick", "1ick"),
    ],
)
def test_a_disguise_does_not_hide_a_word(text: str, entry: str, passage: str) -> None:
    assert found(text) == [(entry, passage)]


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe, Penistone and the class of assassins", "a blorking blorker", "reblork", "he'll do it, she'll too",
        "Samsung A55", "455 and 5455", "the robots", "kill the light, yourself excluded", "iick", "рот", "aaas",
        "skill yourself", "kill yourselves", "blo rk", "b lork", "hello there", "L I C", "pass/word class-hit",
        "it's 10am, the 1st of 5", "", "***", "a.b.c", "f*k wit",
    ],
)  # fmt: skip
def test_nothing_is_found_inside_other_words(text: str) -> None:
    assert found(text, *LIST, "cunt", "penis") == []


def test_words_of_other_alphabets_are_left_alone_in_their_own_texts() -> None:
    assert found("Он открыл рот и ничего не сказал.", "pot") == []
    assert found("Nobody smokes рот here, they said.", "pot") == [("pot", "рот")]


def test_accents_count_where_the_list_says_so() -> None:
    assert found("nino niño", "niño", folds_accents=False) == [("niño", "niño")]
    assert found("nino niño", "niño", folds_accents=True) == [("niño", "nino"), ("niño", "niño")]


def test_a_list_may_take_words_only_as_they_are() -> None:
    assert found("bl0rk blork b.l.o.r.k", "blork", sees_through=False) == [("blork", "blork")]


@pytest.mark.parametrize(
    ("line", "why"),
    [("*", "no letters"), ("!?", "no letters"), ("a*", "too much"), ("x" * 200, "too long"),
     ("a b c d e f g h i", "too many words"), ("long*and*many*stars*here", "too many stars"), ("kill * now", "no letters")],
)  # fmt: skip
def test_an_entry_that_would_match_too_much_is_refused_with_a_sentence(line: str, why: str) -> None:
    if line == "kill * now":
        assert parse_entry(line).words == ("kill", "now")
        return
    with pytest.raises(BadEntry, match=why):
        parse_entry(line)


def test_a_list_tells_every_line_it_cannot_use_and_keeps_notes() -> None:
    entries, problems = parse_entries("# Insults\nblork\n\n*\nBLORK\nsplunge\n#\n")
    assert [entry.line for entry in entries] == ["blork", "splunge"]
    assert problems == ["Line 4: “*” has no letters or digits to look for."]


def test_no_expression_of_a_programmer_means_anything() -> None:
    assert found("bloork blork a.c abc", "blo+rk", "a.c") == [("a.c", "a.c")]
    assert found("(a+)+$ aaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "(a+)+$ b") == []


WORDS = st.text(string.ascii_lowercase, min_size=4, max_size=10)
LEET = {letter: [sign for sign, stands in disguises.STANDS_FOR.items() if stands == letter] for letter in string.ascii_lowercase}
LEET["l"] = ["1", "|", "!"]
ALIKE = {"a": "а", "c": "с", "e": "е", "o": "о", "p": "р", "x": "х", "y": "у", "i": "і", "s": "ѕ"}
MARKS = "\u0301\u0308\u0337\u20dd"
UNSEEN = "\u200b\u200c\u2060\u00ad\ufeff"


@st.composite
def disguised(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and the same in one of the disguises that are seen through."""
    word = draw(WORDS)
    kind = draw(st.sampled_from(["case", "width", "unseen", "marks", "leet", "alike", "stretch", "dots", "apart", "bold"]))
    some = draw(st.lists(st.integers(0, len(word) - 1), min_size=1, max_size=3, unique=True))
    letters = list(word)
    if kind == "case":
        letters = [letter.upper() if draw(st.booleans()) else letter for letter in letters]
    elif kind == "width":
        letters = [chr(ord(letter) + 0xFEE0) for letter in letters]
    elif kind == "dots":
        return word, draw(st.sampled_from(".-_~")).join(letters)
    elif kind == "apart":
        return word, " ".join(letters)
    elif kind == "bold":
        at = some[0]
        return word, f"{word[:at]}**{word[at]}**{word[at + 1 :]}"
    else:
        for at in some:
            letter = letters[at]
            if kind == "unseen":
                letters[at] = letter + draw(st.sampled_from(UNSEEN))
            elif kind == "marks":
                letters[at] = letter + draw(st.sampled_from(MARKS))
            elif kind == "leet" and LEET[letter] and len(word) - len(some) > 1:
                letters[at] = draw(st.sampled_from(LEET[letter]))
            elif kind == "alike":
                letters[at] = ALIKE.get(letter, letter)
            elif kind == "stretch":
                letters[at] = letter * 4
    shown = "".join(letters)
    return word, shown


@settings(max_examples=400, deadline=None)
@given(disguised(), st.sampled_from(["", "so ", "¿Y ", "He said: "]), st.sampled_from(["", ".", " indeed", "?!", "\nyes"]))
def test_no_disguise_of_the_kinds_that_are_seen_through_hides_any_word(pair: tuple[str, str], before: str, after: str) -> None:
    word, shown = pair
    if shown[-1] in "!|" or shown[0] in "!|":
        return  # at the edge of a word these are punctuation
    text = f"{before}{shown}{after}"
    hits = found(text, word)
    assert [entry for entry, _ in hits] == [word], text


@settings(max_examples=300, deadline=None)
@given(WORDS, st.text(string.ascii_letters, min_size=1, max_size=5), st.booleans())
def test_no_word_is_found_inside_a_longer_one(word: str, more: str, in_front: bool) -> None:
    longer = more + word if in_front else word + more
    if disguises.skeleton(longer.lower()) == disguises.skeleton(word):
        return  # the same word, stretched
    assert found(f"It was {longer}, he said.", word) == []


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_looked_through_and_every_passage_lies_in_it(text: str) -> None:
    matcher = Matcher(parse_entries("a\nblork\n*aa*\nо")[0])
    for hit in matcher.find(Text(text)):
        assert 0 <= hit.start < hit.end <= len(text)


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=5))
def test_marked_words_are_escaped_and_whole(source: str, places: list[tuple[int, int]]) -> None:
    page = marked(source, places)
    assert page.replace("<mark>", "").replace("</mark>", "").unescape() == source
    sound = [place for place in places if place[0] < place[1]]
    assert from_stored(to_stored(sound)) == sound
