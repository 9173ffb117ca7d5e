"""The front page, sections, the article's page, and what machines read of them."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask

from blueprints.articles.queries import decode_after, encode_after
from blueprints.articles.structured import script_json
from core import clock
from core.db import db, transaction
from models.article import Article, Picture
from tests.browser import Browser, text_of
from tests.factories import make_article, make_section, make_site, make_user, thread_of

ATOM = "{http://www.w3.org/2005/Atom}"
NASTY = 'He said "</script><script>alert(1)</script>" & left'


def make_picture(**values: Any) -> Picture:
    with transaction() as session:
        row = Picture(sha256="ab" * 32, mime="image/webp", width=1200, height=800, size_bytes=10, **values)
        session.add(row)
    return row


def structured(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def meta(page: str, name: str) -> str:
    found = re.search(rf'<meta (?:name|property)="{name}" content="([^"]*)"', page)
    assert found, name
    return unescape(found[1])


def test_an_article_shows_all_that_belongs_to_it(client: Browser) -> None:
    make_site()
    picture = make_picture()
    section = make_section("Politics", slug="politics")
    article = make_article(
        "The new bridge", section=section, standfirst="Nobody objected.", byline="Tobias Renn", reading_minutes=7,
        picture_id=picture.id, picture_alt="A bridge", picture_caption="In mist.", picture_credit="Illustration: us",
        published_at=clock.now() - timedelta(days=2), edited_at=clock.now(), thread_values={"published_count": 1204},
    )  # fmt: skip
    response = client.get(f"/articles/{article.slug}")
    page, words = response.get_data(as_text=True), text_of(response)
    for part in (
        "Politics", "The new bridge", "Nobody objected.", "By Tobias Renn", "7 min", "1,204 comments", "In mist.",
        "Illustration: us", "Second paragraph.", "Updated",
    ):  # fmt: skip
        assert part in words
    assert f'<img src="/pictures/{picture.sha256}.webp" alt="A bridge" width="1200" height="800"' in page
    assert page.count("<h1") == 1


def test_a_byline_left_empty_is_the_authors_name(client: Browser) -> None:
    make_site()
    author = make_user("Ines Calloway", roles=("author",))
    signed, by_hand = make_article(author_id=author.id), make_article(author_id=author.id, byline="I. C.")
    assert "By Ines Calloway" in text_of(client.get(f"/articles/{signed.slug}"))
    assert "By I. C." in text_of(client.get(f"/articles/{by_hand.slug}"))
    assert "By" not in text_of(client.get(f"/articles/{make_article('Unsigned').slug}"))


def test_other_sites_learn_title_picture_and_address_from_the_head(client: Browser) -> None:
    make_site(name="The Meridian")
    picture = make_picture()
    article = make_article(NASTY, standfirst="Stand & first", picture_id=picture.id, picture_alt="A bridge")
    page = client.get(f"/articles/{article.slug}?sort=newest").get_data(as_text=True)
    assert meta(page, "og:title") == NASTY
    assert meta(page, "og:description") == meta(page, "description") == "Stand & first"
    assert meta(page, "og:url") == f"http://localhost/articles/{article.slug}"
    assert meta(page, "og:image") == f"http://localhost/pictures/{picture.sha256}.webp"
    plain = client.get(f"/articles/{article.slug}").get_data(as_text=True)
    assert f'<link rel="canonical" href="http://localhost/articles/{article.slug}">' in plain


def test_structured_data_is_whole_and_cannot_break_out(client: Browser) -> None:
    make_site()
    article = make_article(NASTY, standfirst="<b>Bold</b>", byline="</script>", thread_values={"published_count": 3})
    page = client.get(f"/articles/{article.slug}").get_data(as_text=True)
    data = structured(page)
    assert (data["@type"], data["headline"], data["commentCount"]) == ("NewsArticle", NASTY, 3)
    assert data["author"] == {"@type": "Person", "name": "</script>"}
    assert data["isAccessibleForFree"] is True
    assert "hasPart" not in data
    assert "<script>alert" not in page


@pytest.mark.parametrize("signed_in", [False, True])
def test_structured_data_of_a_gated_article_names_the_part_that_is_not_free(app: Flask, signed_in: bool) -> None:
    make_site()
    article = make_article(read_audience="members", body_html="<p>Some.</p><p>Secret.</p>", preview_html="<p>Some.</p>")
    browser = Browser(app)
    if signed_in:
        browser.sign_in(make_user(roles=("editor",)))
    page = browser.get(f"/articles/{article.slug}").get_data(as_text=True)
    data = structured(page)
    assert data["isAccessibleForFree"] is False
    part = data["hasPart"]
    assert part["isAccessibleForFree"] is False
    assert part["cssSelector"].startswith(".")
    assert re.search(rf'class="[^"]*\b{part["cssSelector"][1:]}\b', page)
    assert "Secret." not in json.dumps(data)


def test_json_in_a_script_cannot_end_it() -> None:
    text = str(script_json({"a": "</script>\u2028<!--&"}))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script>\u2028<!--&"}


def test_the_front_page_leads_with_the_marked_story_and_shows_each_once_above_the_sections(client: Browser) -> None:
    make_site()
    sections = [make_section("Politics", slug="politics"), make_section("World", slug="world")]
    for number in range(12):
        make_article(
            f"Story {number:02}", section=sections[number % 2], is_lead=number == 3,
            published_at=clock.now() - timedelta(hours=number),
        )  # fmt: skip
    response = client.get("/")
    page = response.get_data(as_text=True)
    headlines = re.findall(r'card__headline"><a[^>]*>(Story \d\d)', page)
    assert headlines[0] == "Story 03"
    assert len(headlines) == len(set(headlines)) == 12
    assert text_of(response).count("No comments") == 0
    assert 'href="/sections/world"' in page


def test_the_most_discussed_stories_are_listed_by_their_comments(client: Browser) -> None:
    make_site()
    section = make_section()
    for number in range(1, 8):
        make_article(f"Talk {number}", section=section, thread_values={"published_count": number * 10})
    page = client.get("/").get_data(as_text=True)
    listed = page.split("Most discussed")[1].split("</ol>")[0]
    assert re.findall(r"Talk \d", listed) == ["Talk 7", "Talk 6", "Talk 5", "Talk 4", "Talk 3"]


def test_an_empty_paper_says_so(client: Browser) -> None:
    make_site()
    make_section(slug="politics")
    assert "first edition is being written" in text_of(client.get("/"))
    assert "Nothing here yet" in text_of(client.get("/sections/politics"))
    assert client.get("/feed.xml").status_code == 200


def test_a_section_is_paged_without_loss_or_repetition(client: Browser) -> None:
    make_site()
    section, moment = make_section(slug="politics"), clock.now()
    for number in range(45):
        # Several of the same moment, so that the id has to decide.
        make_article(f"Story {number:02}", section=section, published_at=moment - timedelta(hours=number // 4))
    make_article("Elsewhere")
    seen: list[str] = []
    path: str | None = "/sections/politics"
    while path:
        page = client.get(path).get_data(as_text=True)
        seen += re.findall(r"Story \d\d", page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(found[1]) if found else None
    assert len(seen) == len(set(seen)) == 45
    assert seen[0] == "Story 03"


@pytest.mark.parametrize("after", ["", "x", "1", "1-", "-1", "1-x", "9" * 40 + "-1", "1-" + "9" * 40, "١-٢"])
def test_a_place_that_never_was_is_not_found(client: Browser, after: str) -> None:
    make_site()
    make_section(slug="politics")
    assert client.get("/sections/politics", query_string={"after": after}).status_code == 404


def test_a_place_in_a_list_survives_its_address() -> None:
    moment = clock.now()
    assert decode_after(encode_after(moment, 12)) == (moment, 12)


def test_the_feed_is_well_formed_and_gives_free_texts_whole(client: Browser) -> None:
    make_site(name="The & Meridian", tagline="Argued <openly>")
    article = make_article(
        "A & <b>", standfirst="Stand\x0bfirst", byline="T. R.", body_html="<p>Whole &amp; all.</p>", edited_at=clock.now()
    )
    answer = client.get("/feed.xml")
    assert answer.mimetype == "application/atom+xml"
    root = ElementTree.fromstring(answer.data)
    assert root.findtext(f"{ATOM}title") == "The & Meridian"
    entry = root.find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{ATOM}title") == "A & <b>"
    assert entry.findtext(f"{ATOM}id") == f"http://localhost/articles/{article.slug}"
    assert entry.findtext(f"{ATOM}content") == "<p>Whole &amp; all.</p>"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "T. R."
    for name in ("published", "updated"):
        assert (entry.findtext(f"{ATOM}{name}") or "").endswith("Z")


def test_the_feed_of_a_section_has_its_stories_only(client: Browser) -> None:
    make_site()
    make_article("Here", section=make_section(slug="politics"))
    make_article("There")
    titles = [e.text for e in ElementTree.fromstring(client.get("/sections/politics/feed.xml").data).iter(f"{ATOM}title")]
    assert "Here" in titles
    assert "There" not in titles
    assert client.get("/sections/nothing/feed.xml").status_code == 404


def test_a_feed_reader_that_has_it_all_gets_nothing_again(client: Browser) -> None:
    make_site()
    article = make_article()
    tag = client.get("/feed.xml").headers["ETag"]
    assert client.get("/feed.xml", headers={"If-None-Match": tag}).status_code == 304
    with transaction() as session:
        session.get(Article, article.id).headline = "Changed"
    assert client.get("/feed.xml", headers={"If-None-Match": tag}).status_code == 200


def test_the_sitemap_lists_what_is_published(client: Browser) -> None:
    make_site()
    article = make_article()
    make_article(state="draft", published_at=None, slug="a-draft")
    root = ElementTree.fromstring(client.get("/sitemap.xml").data)
    places = [element.text for element in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert places[0] == "http://localhost/"
    assert f"http://localhost/articles/{article.slug}" in places
    assert not any("a-draft" in str(place) for place in places)


def test_robots_are_told_where_not_to_go(client: Browser) -> None:
    make_site()
    lines = client.get("/robots.txt").get_data(as_text=True).splitlines()
    assert "Disallow: /newsroom" in lines
    assert "Sitemap: http://localhost/sitemap.xml" in lines


def test_an_article_without_a_thread_is_still_a_page(client: Browser) -> None:
    make_site()
    article = make_article(thread=False)
    assert client.get(f"/articles/{article.slug}").status_code == 200


def test_the_thread_stands_below_the_article_and_below_a_gate(client: Browser) -> None:
    make_site()
    for audience in ("everyone", "members"):
        article = make_article(read_audience=audience, thread_values={"opening_question": "Would you cross it?"})
        page = text_of(client.get(f"/articles/{article.slug}"))
        assert "Would you cross it?" in page
        assert thread_of(article).article_id == article.id


def test_reading_gives_a_visitor_no_cookie(client: Browser) -> None:
    make_site()
    article = make_article(section=make_section(slug="politics"))
    for path in ("/", "/sections/politics", f"/articles/{article.slug}", f"/articles/{article.slug}?x=1", "/feed.xml"):
        assert "Set-Cookie" not in client.get(path).headers
    assert db.session().get(Article, article.id) is not None


@pytest.mark.parametrize(("number", "words"), [(0, ""), (1, "1 comment"), (1204, "1,204 comments")])
def test_lists_count_comments_and_lead_to_them(client: Browser, number: int, words: str) -> None:
    make_site()
    section = make_section("Politics", slug="politics")
    article = make_article("The bridge", section=section, thread_values={"published_count": number})
    for path in ("/", "/sections/politics"):
        page = client.get(path).get_data(as_text=True)
        link = f'href="/articles/{article.slug}#comments">{words}</a>'
        assert (link in page) == bool(number)
        assert ("#comments" in page) == bool(number)
