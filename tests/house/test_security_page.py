"""The line-by-line table of the security standard is complete, counts itself right, and names what exists."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
# How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has: they are the first ones of their section,
# those of level 3 follow.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4, "3.4": 6,
    "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12,
    "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2,
    "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1,
    "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5,
    "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip


def lines() -> list[tuple[list[str], str]]:
    table = PAGE.read_text().partition("## ASVS")[2]
    return [(numbers.split(", "), said) for numbers, said in re.findall(r"^\| (\d[\d., ]*) \| (.+) \|$", table, re.M)]


def test_every_requirement_of_levels_one_and_two_has_its_line() -> None:
    asked = [f"{section}.{number}" for section, most in SECTIONS.items() for number in range(1, most + 1)]
    answered = [number for numbers, _ in lines() for number in numbers]
    assert len(asked) == 253
    assert sorted(answered) == sorted(asked)


def test_the_sum_above_the_table_is_right() -> None:
    found: Counter[str] = Counter()
    for numbers, said in lines():
        word = re.match(r"(yes|part|no|operator|–)(?=[:;])", said)
        assert word, said
        found[word[1]] += len(numbers)
    told = re.search(r"Of these (\d+) yes, (\d+) part, (\d+) no, (\d+) operator, (\d+) of things", PAGE.read_text())
    assert told, found
    assert [int(number) for number in told.groups()] == [found[word] for word in ("yes", "part", "no", "operator", "–")]


def test_what_it_names_is_there() -> None:
    named = {name for name in re.findall(r"`([\w./-]+/[\w.-]+\.\w+)`", PAGE.read_text()) if not name.startswith("/")}
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
