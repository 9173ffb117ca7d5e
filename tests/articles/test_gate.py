"""Who may read what: no gated text ever leaves the server for somebody outside its audience."""

from datetime import timedelta

import pytest
from flask import Flask

from blueprints.articles.policy import Gate, may_read, may_see
from core import clock
from core.viewer import GUEST, EntitlementSpan, Viewer
from models.article import Article
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_entitlement, make_plan, make_section, make_site, make_user

OPEN_PART = "The part for all."
GATED_PART = "The part behind the gate."
HTML = f"<p>{OPEN_PART}</p>\n<p>{GATED_PART}</p>"

AUDIENCES = ("everyone", "registered", "members", "plans:gold")
READERS = {
    "visitor": {"everyone"},
    "unconfirmed": {"everyone"},
    "registered": {"everyone", "registered"},
    "lapsed": {"everyone", "registered"},
    "member": {"everyone", "registered", "members"},
    "gold": {"everyone", "registered", "members", "plans:gold"},
    "moderator": set(AUDIENCES),
    "editor": set(AUDIENCES),
}


def person(kind: str) -> User | None:
    """Somebody of that kind, with what makes them so."""
    if kind == "visitor":
        return None
    if kind in {"moderator", "editor"}:
        return make_user(roles=(kind,))
    user = make_user(confirmed=kind != "unconfirmed")
    if kind in {"member", "lapsed"}:
        ends_at = clock.now() - timedelta(seconds=5) if kind == "lapsed" else None
        make_entitlement(user, make_plan(), ends_at=ends_at)
    if kind == "gold":
        make_entitlement(user, make_plan("gold", "Gold", 2))
    return user


def gated_article(audience: str, **values: object) -> Article:
    values = {"body_html": HTML, "preview_html": f"<p>{OPEN_PART}</p>", "read_audience": audience} | values
    return make_article("Behind a gate", **values)


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("kind", READERS)
def test_only_the_audience_gets_the_text_of_the_page(client: Browser, kind: str, audience: str) -> None:
    make_site()
    article = gated_article(audience)
    user = person(kind)
    if user:
        client.sign_in(user)
    page = client.get(f"/articles/{article.slug}").get_data(as_text=True)
    assert OPEN_PART in page
    assert (GATED_PART in page) == (audience in READERS[kind])
    assert ('class="gate ' in page) == (audience not in READERS[kind])


@pytest.mark.once
@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("path", ["/", "/sections/{section}", "/feed.xml", "/sections/{section}/feed.xml", "/sitemap.xml"])
def test_lists_and_feeds_give_everybody_only_what_everybody_may_read(
    client: Browser, kind: str, audience: str, path: str
) -> None:
    make_site()
    section = make_section(slug="politics")
    gated_article(audience, section=section)
    user = person(kind)
    if user:
        client.sign_in(user)
    body = client.get(path.format(section="politics")).get_data(as_text=True)
    is_full_feed = path.endswith("feed.xml") and audience == "everyone"
    assert (GATED_PART in body) == is_full_feed


@pytest.mark.once
@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("kind", READERS)
def test_what_a_member_read_is_never_kept_for_a_visitor(app: Flask, kind: str, audience: str) -> None:
    make_site()
    article = gated_article(audience)
    user = person(kind)
    reader, visitor = Browser(app), Browser(app)
    if user:
        reader.sign_in(user)
    for browser in (visitor, reader, visitor, reader):
        page = browser.get(f"/articles/{article.slug}").get_data(as_text=True)
        allowed = READERS[kind] if browser is reader else READERS["visitor"]
        assert (GATED_PART in page) == (audience in allowed)
        assert (user is not None and browser is reader) == (user is not None and user.display_name in page)


def test_the_gate_of_the_section_and_of_the_site_count_where_the_article_has_none(client: Browser) -> None:
    make_site(read_audience="registered")
    by_site = gated_article(None)  # type: ignore[arg-type]
    by_section = gated_article(None, section=make_section(read_audience="members"))  # type: ignore[arg-type]
    opened = gated_article("everyone", section=make_section(read_audience="members"))
    assert "registered readers" in text_of(client.get(f"/articles/{by_site.slug}"))
    assert "for members" in text_of(client.get(f"/articles/{by_section.slug}"))
    assert GATED_PART in text_of(client.get(f"/articles/{opened.slug}"))


def test_the_gate_names_plans_price_and_the_ways_in(client: Browser) -> None:
    make_site()
    make_plan("vip", "VIP", 1, cents=490)
    make_plan("gold", "VIP Gold", 2, cents=990)
    members, gold = gated_article("members"), gated_article("plans:gold")
    response = client.get(f"/articles/{members.slug}")
    assert "From $4.90 a month" in text_of(response)
    assert f'href="/join?article={members.slug}"' in response.get_data(as_text=True)
    assert f'href="/sign-in?next=/articles/{members.slug}"' in response.get_data(as_text=True)
    assert "for VIP Gold members" in text_of(client.get(f"/articles/{gold.slug}"))
    assert "From $9.90 a month" in text_of(client.get(f"/articles/{gold.slug}"))


def test_a_gate_for_registered_readers_asks_an_unconfirmed_one_to_confirm(client: Browser) -> None:
    make_site()
    article = gated_article("registered")
    assert "Signing up is free" in text_of(client.get(f"/articles/{article.slug}"))
    client.sign_in(make_user(confirmed=False))
    assert "Confirm your e-mail address" in text_of(client.get(f"/articles/{article.slug}"))


@pytest.mark.once
@pytest.mark.parametrize("state", ["draft", "unpublished"])
def test_what_is_not_published_exists_for_editors_and_its_author_only(app: Flask, state: str) -> None:
    make_site()
    author = make_user(roles=("author",))
    article = gated_article("everyone", state=state, author_id=author.id, section=make_section(slug="politics"))
    seen = {
        "visitor": Browser(app),
        "member": Browser(app).sign_in(make_user(plan=make_plan())),
        "moderator": Browser(app).sign_in(make_user(roles=("moderator",))),
        "other author": Browser(app).sign_in(make_user(roles=("author",))),
        "author": Browser(app).sign_in(author),
        "editor": Browser(app).sign_in(make_user(roles=("editor",))),
    }
    statuses = {who: browser.get(f"/articles/{article.slug}").status_code for who, browser in seen.items()}
    assert {who for who, status in statuses.items() if status == 200} == {"author", "editor"}
    assert {status for status in statuses.values() if status != 200} == {404}
    for path in ("/", "/sections/politics", "/feed.xml", "/sitemap.xml"):
        assert article.slug not in seen["editor"].get(path).get_data(as_text=True)


def test_an_article_opens_to_all_at_its_moment() -> None:
    moment = clock.now()
    gate = Gate("published", None, "members", moment + timedelta(seconds=1))
    assert not may_read(GUEST, gate, moment)
    assert may_read(GUEST, gate, moment + timedelta(seconds=1))


def test_a_membership_counts_from_its_first_to_before_its_last_moment() -> None:
    moment = clock.now()
    span = EntitlementSpan("vip", moment, moment + timedelta(days=1), "stripe")
    member = Viewer(id=1, confirmed=True, entitlements=(span,))
    gate = Gate("published", None, "members", None)
    assert not may_read(member, gate, moment - timedelta(seconds=1))
    assert may_read(member, gate, moment)
    assert not may_read(member, gate, moment + timedelta(days=1))


def test_an_author_reads_their_own_gated_draft_and_nobody_else_sees_it() -> None:
    gate = Gate("draft", 7, "plans:gold", None)
    assert may_read(Viewer(id=7), gate, clock.now())
    assert not may_see(Viewer(id=8, roles=frozenset({"author"})), gate)
    assert not may_see(GUEST, gate)
