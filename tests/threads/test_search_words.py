"""What a word is, what a query means, and which part of a text is shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.threads.search.index import match_of
from blueprints.threads.search.snippets import SNIPPET_WORDS, snippet
from blueprints.threads.search.words import MAX_QUERY, MAX_QUERY_WORDS, Query, Term, read_query, words_in
from core.errors import DomainError

ANY_TEXT = st.text(max_size=MAX_QUERY)


def words(text: str) -> list[str]:
    return [found.word for found in words_in(text)]


@pytest.mark.parametrize(("one", "other"), [
    ("Café", "cafe"), ("STRASSE", "straße"), ("Łódź", "lodz"), ("naïve", "NAIVE"), ("Ａｂｃ", "abc"), ("Ύδωρ", "υδωρ"),
    ("Ёлка", "елка"), ("سَلَام", "سلام"), ("co\u00adoperate", "cooperate"), ("ﬁsh", "fish"),
])  # fmt: skip
def test_words_are_compared_without_case_accents_and_width(one: str, other: str) -> None:
    assert words(one) == words(other) != []


def test_scripts_without_spaces_are_searched_character_by_character() -> None:
    assert words("東京タワー 2020") == ["東", "京", "タ", "ワ", "ー", "2020"]
    assert read_query("東京") == Query((Term(("東", "京")),))
    assert words("हिन्दी") == ["हिन्दी"]


def test_words_phrases_and_what_is_left_out() -> None:
    assert read_query('bridge “old harbour” -tunnel -"new quay" of') == Query(
        (Term(("bridge",), True), Term(("old", "harbour")), Term(("of",))),
        (Term(("tunnel",)), Term(("new", "quay"))),
    )
    assert read_query("don't") == Query((Term(("don", "t")),))
    assert read_query("well-known") == Query((Term(("well", "known")),))
    assert read_query('"never closed') == Query((Term(("never", "closed")),))


@pytest.mark.parametrize("nothing", ["", "   ", "-", "***", '""', "-only -these", "( ) : ^ & | !"])
def test_a_query_that_says_nothing_is_told_so(nothing: str) -> None:
    with pytest.raises(DomainError, match="at least one word"):
        read_query(nothing)


@pytest.mark.parametrize("too_much", ["a" * (MAX_QUERY + 1), "a " * (MAX_QUERY_WORDS + 1), "東" * (MAX_QUERY_WORDS + 1)])
def test_a_query_that_says_too_much_is_told_so(too_much: str) -> None:
    with pytest.raises(DomainError, match="at most"):
        read_query(too_much)


@given(ANY_TEXT)
def test_whatever_is_typed_becomes_a_query_of_plain_words_or_a_sentence(typed: str) -> None:
    try:
        query = read_query(typed)
    except DomainError:
        return
    for term in (*query.wanted, *query.unwanted):
        for word in term.words:
            assert not re.search(r"[\s'\"\\()&|!<>:*@]", word)
    for dialect in ("sqlite", "postgresql"):
        assert "@7" in match_of(dialect, query, 7)


@given(st.text(max_size=400), ANY_TEXT)
def test_a_snippet_is_a_part_of_the_text_escaped_with_nothing_in_it_but_marks(text: str, typed: str) -> None:
    try:
        query = read_query(typed)
    except DomainError:
        return
    html = str(snippet(text, query))
    assert not re.search(r"<(?!/?mark>)", html)
    assert html.count("<mark>") == html.count("</mark>")


def test_a_snippet_shows_where_most_was_found() -> None:
    text = "One bridge. " + "word " * 80 + "Then the old bridge, the harbour & a bridge <b>again</b>. " + "more " * 80
    html = str(snippet(text, read_query('bridge "the harbour"')))
    assert "the old <mark>bridge</mark>, <mark>the harbour</mark> &amp; a <mark>bridge</mark> &lt;b&gt;again" in html
    assert html.startswith("…")
    assert html.endswith("…")
    assert len(words(html)) < SNIPPET_WORDS + 20
    assert "<mark>bridges</mark>" in snippet("Many bridges.", read_query("bridge"))
    assert "<mark>" not in snippet("Many bridges.", read_query('"bridge"'))
    assert snippet("Old   Bridge", read_query("old bridge")) == "<mark>Old Bridge</mark>"
