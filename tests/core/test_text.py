import unicodedata

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import example, given
from hypothesis import strategies as st

from core.text import (
    MAX_CODE_POINTS_PER_CHARACTER,
    MAX_COMBINING_MARKS,
    balance_bidi,
    body_hash,
    count_characters,
    excerpt,
    failure_line,
    fold,
    is_blank,
    normalise,
    remove_controls,
    slugify,
)

ANY_TEXT = st.text(st.characters(), max_size=300)
FAMILY = "👩🏽\u200d👩🏽\u200d👧🏽\u200d👦🏽"


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("", 0),
        ("Hello", 5),
        ("cafe\u0301", 4),
        (FAMILY, 1),
        ("🇩🇪🇫🇷", 2),
        ("नमस्ते", 3),
        ("a\r\nb", 3),
        ("a\rb\nc", 5),
        ("각", 1),
        ("\u1100\u1161\u11a8", 1),
    ],
)
def test_characters_are_counted_as_a_person_counts_them(text: str, characters: int) -> None:
    assert count_characters(text) == characters


@given(ANY_TEXT)
@example("e" + "\u0301" * 5000)
@example("👩" + "\u200d👩" * 2000)
@example("\u1100" * 5000)
def test_a_limit_on_characters_also_limits_code_points(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert len(composed.replace("\r\n", "\n")) <= MAX_CODE_POINTS_PER_CHARACTER * count_characters(text)


def test_counting_agrees_before_and_after_normalising_line_ends_and_accents() -> None:
    assert count_characters("e\u0301te\u0301\r\nété") == count_characters("été\nété") == 7


def test_stored_text_has_one_kind_of_line_end_and_no_outer_blank_lines() -> None:
    assert normalise("\r\n \r\n  one  \r\ntwo\u3000\rthree\u2028four\n\n\t\n") == "  one\ntwo\nthree\nfour"


def test_stored_text_is_composed_and_free_of_control_characters() -> None:
    assert normalise("cafe\u0301\x00\x07\x1b[31m\x9f\ufeff\ud800 ok\tthen") == "café[31m ok\tthen"


def test_joiners_that_languages_and_emoji_need_are_kept() -> None:
    for text in ("می\u200cخواهم", FAMILY, "\u200fשלום\u200e", "क्\u200dष"):
        assert normalise(text) == text


def test_marks_piled_on_a_letter_are_cut_to_what_languages_use() -> None:
    piled = normalise("z" + "\u0321" * 40 + "o" + "\u0334" * 3)
    assert piled == "z" + "\u0321" * MAX_COMBINING_MARKS + "o" + "\u0334" * 3


@given(ANY_TEXT)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    once.encode()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\u202eb", "ab"),
        ("a\u202eb\u202c c", "ab c"),
        ("a\u202ab\u202cc", "a\u202ab\u202cc"),
        ("a\u202cb\u2069c", "abc"),
        ("\u2067a\u2069", "\u2067a\u2069"),
        ("\u2067a\nb\u2069", "a\nb"),
        ("\u2067\u202ba\u2069\u202c", "\u2067a\u2069"),
        ("\u202b\u2066a\u202cb\u2069\u202c", "\u202b\u2066ab\u2069\u202c"),
        ("\u202d\u202ba\u202cb\u202c", "\u202ba\u202cb"),
        ("\u2066\u2066a\u2069", "\u2066a\u2069"),
    ],
)
def test_only_balanced_direction_marks_survive(text: str, left: str) -> None:
    assert balance_bidi(text) == left


@given(st.text(st.sampled_from("ab\n\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"), max_size=60))
def test_what_is_left_of_direction_marks_closes_within_its_line(text: str) -> None:
    left = balance_bidi(text)
    assert balance_bidi(left) == left
    assert [c for c in left if c in "ab\n"] == [c for c in text if c in "ab\n"]
    assert "\u202e" not in left
    assert "\u202d" not in left
    for line in left.split("\n"):
        expected: list[str] = []
        for character in line:
            if character in "\u202a\u202b":
                expected.append("\u202c")
            elif character in "\u2066\u2067\u2068":
                expected.append("\u2069")
            elif character in "\u202c\u2069":
                assert expected.pop() == character
        assert not expected


def test_many_direction_marks_are_handled_in_one_pass() -> None:
    assert balance_bidi("\u2066" * 50_000 + "\u2069" * 50_000 + "\u202c" * 50_000).count("\u2066") == 50_000
    assert balance_bidi("\u202a" * 50_000 + "\u2069" * 50_000) == ""


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u200d\ufeff", "\u3164\u2800", "\u00ad\u2063", "\x00", "\u202e"])
def test_text_without_anything_to_see_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "👍", "的", "\u200b!"])
def test_text_with_anything_to_see_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Buy  NOW", "buy now"),
        ("ＢＵＹ now", "buy now"),
        ("b\u200bu\u200dy\u00ad now", "buy now"),
        ("straße", "STRASSE"),
        ("  buy\n\nnow ", "buy now"),
        ("cafe\u0301", "CAFÉ"),
        ("buy\u00a0now", "buy now"),
    ],
)
def test_texts_a_reader_would_call_the_same_compare_equal(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert body_hash(one) == body_hash(other)


def test_different_texts_have_different_hashes() -> None:
    assert body_hash("no") != body_hash("yes")
    assert len(body_hash("no")) == 64


@given(ANY_TEXT)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    body_hash(text)


def test_a_short_text_is_its_own_excerpt() -> None:
    assert excerpt("One\n two.", 8) == "One two."


def test_an_excerpt_ends_between_words_without_stray_punctuation() -> None:
    assert excerpt("The council voted, narrowly, to wait.", 20) == "The council voted…"
    assert excerpt("The council voted again", 18) == "The council voted…"


def test_an_excerpt_of_one_long_word_or_of_a_script_without_spaces_is_cut_between_characters() -> None:
    assert excerpt("a" * 50, 10) == "a" * 9 + "…"
    assert excerpt(FAMILY * 5, 3) == FAMILY * 2 + "…"
    assert excerpt("図書館は市民のものです", 5) == "図書館は…"


def test_an_excerpt_needs_room() -> None:
    with pytest.raises(ValueError):
        excerpt("text", 1)


@given(ANY_TEXT, st.integers(2, 40))
def test_an_excerpt_is_never_longer_than_asked(text: str, characters: int) -> None:
    short = excerpt(text, characters)
    assert "\n" not in short
    short.encode()
    assert len(regex.findall(r"\X", short)) <= characters


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Council votes, 7–6, to wait!", "council-votes-7-6-to-wait"),
        ("Müller & Söhne: 10 % mehr", "muller-sohne-10-mehr"),
        ("Straße nach Ærø", "strasse-nach-aero"),
        ("Łódź, Đà Nẵng, İzmir", "lodz-da-nang-izmir"),
        ("The mayor's “no”", "the-mayors-no"),
        ("Щука и Ёж", "schuka-i-yozh"),
        ("Αθήνα: ώρα", "athina-ora"),
        ("ｆｕｌｌ width", "full-width"),
    ],
)
def test_a_slug_is_readable_ascii(title: str, slug: str) -> None:
    assert slugify(title) == slug


def test_titles_without_roman_letters_get_slugs_that_differ() -> None:
    assert slugify("東京") != slugify("大阪")
    assert slugify("東京") == slugify("東京")


def test_a_long_slug_is_cut_between_words() -> None:
    assert slugify("alpha beta gamma", 12) == "alpha-beta"
    assert slugify("alpha beta gamma", 10) == "alpha-beta"
    assert slugify("a" * 200) == "a" * 80


@given(ANY_TEXT, st.integers(1, 90))
def test_a_slug_is_never_empty_and_never_too_long(text: str, length: int) -> None:
    slug = slugify(text, length)
    assert 1 <= len(slug) <= length
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not slug.startswith("-")
    assert not slug.endswith("-")


def test_control_characters_go_but_line_structure_stays() -> None:
    assert remove_controls("a\x85b\x0bc\x0cd\x1fe") == "a\nb\nc\nde"


@pytest.mark.parametrize(
    ("trace", "line"),
    [
        ("Busy('cus_1')", "Busy('cus_1')"),
        ("", ""),
        ('Traceback (most recent call last):\n  File "a.py", line 1, in b\n    c()\nValueError: one\n\ntwo and how to avoid '
         "it.\n", "ValueError: one"),
        ('Traceback (most recent call last):\n  File "a"\nKeyError: 1\n\nDuring handling of it:\n\n'
         'Traceback (most recent call last):\n  File "b"\nOSError: gone', "OSError: gone"),
        ('Traceback (most recent call last):\n  File "cut off"', 'File "cut off"'),
    ],
)  # fmt: skip
def test_a_failure_is_said_in_its_exceptions_own_first_line(trace: str, line: str) -> None:
    assert failure_line(trace) == line
