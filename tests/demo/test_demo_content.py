"""The demo newspaper as it stands in its files: whole, consistent, and fit for the limits of the database."""

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

DEMO = Path(__file__).parents[2] / "demo"
AUDIENCES = {"everyone", "registered", "members"}
REASONS = {"offensive", "abusive", "spam", "off-topic", "illegal", "other"}
ROLES = {"reader", "author", "moderator", "editor", "publisher"}
PREVIEW_MARK = "<!-- more -->"
PICTURE_SIZE = (1600, 900)
MAX_PICTURE_BYTES = 90_000
MAX_DEPTH = 5
MINUTES_A_DAY = 24 * 60


def _load(name: str) -> Any:
    return json.loads((DEMO / name).read_text(encoding="utf-8"))


def _read_article(path: Path) -> dict[str, str]:
    """The front matter as text by key, and the Markdown under `body`."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    article = dict(line.split(":", 1) for line in head.splitlines())
    return {key: value.strip() for key, value in article.items()} | {"body": body.strip()}


SECTIONS = _load("sections.json")
PEOPLE = {person["key"]: person for person in _load("people.json")}
RULES = _load("rules.json")
MODES: dict[str, dict[str, Any]] = _load("modes.json")
THREADS: dict[str, list[dict[str, Any]]] = _load("threads.json")
ARTICLES = {article["slug"]: article for article in map(_read_article, sorted(DEMO.glob("articles/*.md")))}
COMMENTS = [comment for thread in THREADS.values() for comment in thread]

each_article = pytest.mark.parametrize("article", ARTICLES.values(), ids=ARTICLES.keys())
each_thread = pytest.mark.parametrize(("slug", "thread"), THREADS.items(), ids=THREADS.keys())


def _may(person: dict[str, Any], audience: str) -> bool:
    return audience != "members" or bool(person["plan"]) or person["role"] != "reader"


def _depths(thread: list[dict[str, Any]]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for comment in thread:
        depths[comment["key"]] = depths[comment["parent"]] + 1 if comment["parent"] else 0
    return depths


def test_the_paper_has_four_sections_in_order() -> None:
    assert len(SECTIONS) == 4
    assert [section["position"] for section in SECTIONS] == [1, 2, 3, 4]
    assert all(section["name"] and section["description"] for section in SECTIONS)
    assert {article["section"] for article in ARTICLES.values()} == {section["slug"] for section in SECTIONS}


def test_the_paper_is_big_enough_to_look_at() -> None:
    assert len(ARTICLES) >= 10
    assert [article["lead"] for article in ARTICLES.values()].count("true") == 1
    assert len(THREADS["caracas-and-washington-agree-they-are-talking"]) >= 45


def test_every_kind_of_access_can_be_tried() -> None:
    assert {article["read_audience"] for article in ARTICLES.values()} == AUDIENCES
    assert {article["comment_audience"] for article in ARTICLES.values()} == {"registered", "members"}
    assert {article["thread_state"] for article in ARTICLES.values()} == {"open", "closed"}


@each_article
def test_an_article_is_complete_and_fits(article: dict[str, str]) -> None:
    for key in ("headline", "standfirst", "byline", "picture_alt", "picture_caption", "opening_question"):
        assert article[key], key
    assert re.fullmatch(r"[a-z0-9-]{3,80}", article["slug"])
    assert len(article["headline"]) <= 300
    assert len(article["standfirst"]) <= 600
    for key in ("picture_alt", "picture_caption", "opening_question", "closed_reason"):
        assert len(article[key]) <= 300, key
    assert {article["read_audience"], article["comment_audience"], article["respect_audience"]} <= AUDIENCES
    assert article["author"] == "" or PEOPLE[article["author"]]["role"] == "author"
    assert bool(article["closed_reason"]) == (article["thread_state"] == "closed")
    assert 400 <= len(article["body"].split()) <= 1_200


@each_article
def test_an_article_has_one_date(article: dict[str, str]) -> None:
    if "published_at" in article:
        assert datetime.fromisoformat(article["published_at"]).tzinfo is not None
    else:
        assert float(article["published_days_ago"]) > float(article.get("updated_days_ago", 0))


@each_article
def test_a_gated_article_says_where_its_preview_ends(article: dict[str, str]) -> None:
    marks = article["body"].splitlines().count(PREVIEW_MARK)
    assert marks == (0 if article["read_audience"] == "everyone" else 1)


@each_article
def test_links_lead_nowhere_unsafe(article: dict[str, str]) -> None:
    for address in re.findall(r"\]\(([^)]+)\)", article["body"]):
        internal = re.fullmatch(r"/articles/([a-z0-9-]+)", address)
        assert address.startswith("https://example.com/") or (internal and internal[1] in ARTICLES)


@each_article
def test_every_article_has_its_picture(article: dict[str, str]) -> None:
    path = DEMO / "pictures" / article["picture"]
    assert path.stat().st_size <= MAX_PICTURE_BYTES
    with Image.open(path) as picture:
        assert picture.size == PICTURE_SIZE


def test_no_picture_lies_about_unused() -> None:
    assert {path.name for path in (DEMO / "pictures").iterdir()} == {a["picture"] for a in ARTICLES.values()}


def test_people_are_distinct_and_one_of_each_role_can_be_tried() -> None:
    people = _load("people.json")
    assert max(Counter(p["key"] for p in people).values()) == 1
    assert max(Counter(p["email"] for p in people).values()) == 1
    assert max(Counter(p["display_name"] for p in people).values()) == 1
    assert all(p["email"].endswith("@demo.example") and p["plan"] in {"vip", "gold", None} for p in people)
    tried = [p for p in people if p["line"]]
    assert max(len(p["line"]) for p in tried) <= 200
    assert {p["role"] for p in tried} == ROLES
    assert {p["plan"] for p in tried} == {"vip", "gold", None}


def test_rules_have_a_key_a_title_and_a_text() -> None:
    assert len(RULES["rules"]) >= 7
    assert RULES["enforced_by"]
    for rule in RULES["rules"]:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule["key"])
        assert rule["title"]
        assert rule["text"]


def test_the_pages_are_plain_prose() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in DEMO.glob("pages/*.md")}
    assert {"about", "privacy"} <= pages.keys()
    for text in pages.values():
        assert len(text.split()) > 150
        assert not text.startswith("---")
        assert "\n|" not in text, "the paper's Markdown knows no tables"


@each_thread
def test_parents_stand_before_their_replies(slug: str, thread: list[dict[str, Any]]) -> None:
    assert slug in ARTICLES
    assert max(Counter(comment["key"] for comment in thread).values()) == 1
    times = {comment["key"]: comment["minutes_after"] for comment in thread}
    assert list(times.values()) == sorted(times.values())
    assert max(_depths(thread).values()) <= MAX_DEPTH
    assert all(times[c["parent"]] < times[c["key"]] for c in thread if c["parent"])


@each_thread
def test_only_those_who_may_take_part_do(slug: str, thread: list[dict[str, Any]]) -> None:
    article = ARTICLES[slug]
    guests = {guest["who"] for guest in MODES.get(slug, {}).get("guests", ())}
    for comment in thread:
        assert comment["author"] in guests or _may(PEOPLE[comment["author"]], article["comment_audience"]), comment["key"]
        assert comment["author"] not in comment["respects"], comment["key"]
        assert len(comment["respects"]) == len(set(comment["respects"])), comment["key"]
        assert all(_may(PEOPLE[key], article["respect_audience"]) for key in comment["respects"])
        assert comment["body"] == comment["body"].strip() != ""


@each_thread
def test_nothing_happens_in_the_future(slug: str, thread: list[dict[str, Any]]) -> None:
    if "published_days_ago" not in ARTICLES[slug]:
        return
    age = float(ARTICLES[slug]["published_days_ago"]) * MINUTES_A_DAY
    for comment in thread:
        assert comment["minutes_after"] < age
        assert all(report["minutes_ago"] < age - comment["minutes_after"] for report in comment["reports"])


def test_every_thread_has_a_conversation() -> None:
    assert THREADS.keys() == ARTICLES.keys()
    assert min(len(thread) for thread in THREADS.values()) >= 5
    assert any(comment["author"] == "dana" for comment in COMMENTS)


def test_every_way_a_discussion_can_go_is_shown() -> None:
    assert MODES.keys() <= ARTICLES.keys()
    shown = {name for mode in MODES.values() for name in mode}
    assert {"takes_questions", "guests", "pace_seconds", "members_first_hours", "closes_after_days", "quiz"} <= shown
    for slug, mode in MODES.items():
        if days := mode.get("closes_after_days"):
            assert float(ARTICLES[slug]["published_days_ago"]) < days, "it is announced, and has not happened yet"
        if hours := mode.get("members_first_hours"):
            assert float(ARTICLES[slug]["published_days_ago"]) * 24 < hours
        for asked in mode.get("quiz", ()):
            assert 1 <= asked["right"] <= len(asked["choices"]) <= 4
            assert asked["where_said"]


def test_guests_answer_some_questions_and_leave_some_open() -> None:
    for slug, mode in MODES.items():
        guests = {guest["who"] for guest in mode.get("guests", ())}
        assert all(PEOPLE[who]["plan"] is None and PEOPLE[who]["line"] for who in guests), "guests need be no members"
        questions = {comment["key"] for comment in THREADS[slug] if comment.get("question")}
        answered = {comment["parent"] for comment in THREADS[slug] if comment["author"] in guests}
        assert bool(guests) == (0 < len(answered & questions) < len(questions))


def test_reports_wait_for_the_moderator() -> None:
    reported = [comment for comment in COMMENTS if comment["reports"]]
    assert len(reported) >= 4
    for comment in reported:
        reporters = [report["by"] for report in comment["reports"]]
        assert len(reporters) == len(set(reporters))
        assert set(reporters) <= PEOPLE.keys() - {comment["author"]}
        assert {report["reason"] for report in comment["reports"]} <= REASONS
    assert {"abusive", "spam", "off-topic"} <= {r["reason"] for c in reported for r in c["reports"]}


def test_every_state_of_a_comment_can_be_seen() -> None:
    answered = {(slug, comment["parent"]) for slug, thread in THREADS.items() for comment in thread}
    marked = {mark: [(slug, c) for slug, thread in THREADS.items() for c in thread if c.get(mark)]
              for mark in ("held", "rejected", "deleted", "edited_body")}
    assert all(marked.values())
    for mark in ("rejected", "deleted"):
        assert any((slug, comment["key"]) in answered for slug, comment in marked[mark])
    rules = {rule["key"] for rule in RULES["rules"]}
    assert {comment["rejected"]["rule"] for _, comment in marked["rejected"]} <= rules
    assert all(comment["edited_body"] != comment["body"] for _, comment in marked["edited_body"])


def test_names_from_right_to_left_and_very_long_ones_are_among_the_readers() -> None:
    names = [person["display_name"] for person in PEOPLE.values()]
    assert any(re.search(r"[\u0600-\u06ff]", name) for name in names)
    assert any(re.search(r"[\u0590-\u05ff]", name) for name in names)
    assert max(map(len, names)) == 50
    assert max(len(article["headline"]) for article in ARTICLES.values()) > 190
