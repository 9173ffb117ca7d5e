import pytest
from confusable_homoglyphs.confusables import confusables_data
from hypothesis import example, given
from hypothesis import strategies as st

from core.names import (
    MAX_CODE_POINTS,
    NAME_COLUMN_LENGTH,
    RESERVED_NAMES,
    check_display_name,
    name_key,
    name_skeleton,
)
from core.text import count_characters, is_blank

ANY_TEXT = st.text(st.characters(), max_size=100)
# Letters, digits, marks and what may stand between them: texts that are nearly names.
NAME_LIKE = st.text(st.characters(categories=["L", "N", "M", "Zs", "Pd"], include_characters=".'_-"), max_size=50)
RESERVED = RESERVED_NAMES | {"The Meridian"}


@pytest.mark.parametrize(
    "name",
    ["Vic Tanaka", "Jo", "O'Neill", "Anne-Marie", "J. P. Smith", "J.-P. Dupont", "snow_fox", "Zoë Ångström", "Łukasz",
     "Дмитро", "Ελένη", "محمد علي", "דוד", "नमस्ते", "สำเนา", "김민준", "田中 太郎", "たなかVic", "Reader 12",
     "Joe Root", "Vic Танака", "St.Pierre", "vic.tanaka", "Guest of Honour"],
)  # fmt: skip
def test_names_of_many_tongues_are_taken_as_typed(name: str) -> None:
    assert check_display_name(name, RESERVED) == name


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  Vic   Tanaka\t", "Vic Tanaka"),
        ("Vic\u00a0\u3000Tanaka", "Vic Tanaka"),
        ("Zoe\u0308", "Zoë"),
        ("O’Neill", "O'Neill"),
        ("Anne–Marie", "Anne-Marie"),
        ("Ｖｉｃ", "Vic"),
        ("𝓥𝓲𝓬", "Vic"),
        ("ﾀﾅｶ", "タナカ"),
    ],
)
def test_a_name_is_cleaned_before_it_is_shown(typed: str, shown: str) -> None:
    assert check_display_name(typed) == shown


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "choose a name"),
        (" \t ", "choose a name"),
        ("x", "too short"),
        ("é\u0301\u0302", "too short"),
        ("x" * 41, "too long"),
        ("x\u0335\u0336" * 40, "too long"),
        ("꽦" * 41, "too long"),
        ("12 34", "at least one letter"),
        ("---", "at least one letter"),
        ("ﱞﱟ", "at least one letter"),
        ("Vic\u200bTanaka", "invisible"),
        ("Vic\u202eTanaka", "invisible"),
        ("\u3164\u3164\u3164", "invisible"),
        ("Vic\u00adT", "invisible"),
        ("Vic\x00T", "invisible"),
        ("Vic\ud800T", "invisible"),
        ("vic@mail.example", "e-mail"),
        ("Vic!", "cannot contain !"),
        ("Vic <b>", "cannot contain <"),
        ("Vic 👍", "cannot contain 👍"),
        ("ⅫVic", "cannot contain Ⅻ"),
        ("Vic--T", "punctuation"),
        ("Vic.'-T", "punctuation"),
        ("\u0301Vic", "accents"),
        ("V\u0323\u0324\u0325\u0326\u0327\u0328ic", "accents"),
        ("example.com", "web address"),
        ("Visit bbc.co.uk now", "web address"),
        ("www.x", "web address"),
        ("Ｅxample．ＣＯＭ", "web address"),
        ("пример.рф", "web address"),
        ("Vіc Tanaka", "alphabets"),
        ("Αlex", "alphabets"),
        ("Dмитро", "alphabets"),
        ("Ελéνη", "alphabets"),
        ("たな김", "alphabets"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_display_name(name, RESERVED)


@pytest.mark.parametrize(
    "name",
    ["admin", "ADMIN", "Adm1n", "ad.min", "a d m i n", "admin2", "Admin Vic", "Vic Editor",
     "moderator_7", "M0derator", "Staff", "the meridian", "The.Meridian", "Team The Meridian",
     "TheMerid1an", "Root", "guest 3", "ａｄｍｉｎ"],
)  # fmt: skip
def test_a_name_that_speaks_for_the_house_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        check_display_name(name, RESERVED)


def test_reserved_names_are_those_that_are_passed() -> None:
    assert check_display_name("Admin Vic", reserved=()) == "Admin Vic"
    with pytest.raises(ValueError, match="reserved"):
        check_display_name("Vic", reserved=["vic"])


@pytest.mark.parametrize(
    ("one", "other"),
    [("Vic Tanaka", "vic.tanaka"), ("Vic Tanaka", "VIC_TANAKA"), ("Vic Tanaka", "ＶｉｃTanaka"), ("Groß", "GROSS"),
     ("O'Neill", "oneill"), ("Нина", "нина"), ("Zoe\u0308", "Zoë")],
)  # fmt: skip
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_accents_and_digits_make_another_key() -> None:
    assert len({name_key(name) for name in ("Zoe", "Zoë", "Zoe1", "Zo e")}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [("Vic Tanaka", "Vіc Tanaka"), ("Vic Tanaka", "V1c Tanaka"), ("Vic Tanaka", "vic.tanaka"), ("Vic", "Vlc"),
     ("Vic", "VIC"), ("Vic", "V|c"), ("Zoe", "Zoë"), ("Bob", "B0b"), ("Modern", "Modem"), ("Wanda", "VVanda"),
     ("paypal", "раураl"), ("Alex", "Αlex"), ("Lodz", "Łódź"), ("Oslo", "Øslo"), ("Sarah", "5arah"),
     ("Vic", "𝓥𝓲𝓬"), ("Vic", "V\u200bic"), ("Roo", "Ro\u043e")],
)  # fmt: skip
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert name_skeleton(one) == name_skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Reader 6", "Reader 9"), ("Reader 10", "Reader 11"), ("Anna", "Anne"), ("राम", "रम"), ("かき", "かぎ"),
     ("Нина", "Инна"), ("김민준", "김민준이"), ("Clara", "Dara"), ("Mark", "Marc")],
)  # fmt: skip
def test_names_that_can_be_told_apart_have_different_skeletons(one: str, other: str) -> None:
    assert name_skeleton(one) != name_skeleton(other)


def test_numbered_names_never_clash() -> None:
    assert len({name_skeleton(f"Reader {number}") for number in range(20_000)}) == 20_000


@given(st.one_of(ANY_TEXT, NAME_LIKE))
@example("か\u3099\u0323")
def test_a_skeleton_is_its_own_skeleton_and_a_key_its_own_key(text: str) -> None:
    skeleton, key = name_skeleton(text), name_key(text)
    assert name_skeleton(skeleton) == skeleton
    assert name_key(key) == key


def test_the_skeleton_of_every_character_that_can_be_confused_is_its_own() -> None:
    for character in confusables_data:
        skeleton = name_skeleton(character)
        assert name_skeleton(skeleton) == skeleton


@given(st.one_of(ANY_TEXT, NAME_LIKE))
@example("꽦" * 40)
@example("\ua97c\ud7b0\ud7fb" * 26)
def test_a_name_is_refused_or_fit_to_be_shown_and_kept(text: str) -> None:
    try:
        name = check_display_name(text, RESERVED)
    except ValueError:
        return
    assert check_display_name(name, RESERVED) == name
    assert 2 <= count_characters(name) <= 40
    assert len(name) <= MAX_CODE_POINTS
    assert name == name.strip()
    assert "  " not in name
    assert "@" not in name
    assert not any(is_blank(c) for c in name if c != " ")
    assert 1 <= len(name_key(name)) <= NAME_COLUMN_LENGTH
    assert 1 <= len(name_skeleton(name)) <= NAME_COLUMN_LENGTH
    name.encode()
