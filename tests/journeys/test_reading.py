"""Who sees what of a story, and who may talk under it."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]

DEMO_PEOPLE = {
    "Rosa Lindqvist": ("/account", "Your account"),
    "Vic Tanaka": ("/account/comments", "My comments"),
    "Marisol T.": ("/account/membership", "Membership"),
    "Dana Whitlock": ("/newsroom", "Newsroom"),
    "Mo Adeyemi": ("/moderation", "Moderation"),
    "Ed Kowalski": ("/newsroom?state=published", "Newsroom"),
    "Pat Moreau": ("/publisher", "Overview"),
}


@pytest.mark.once
def test_a_members_story_ends_early_for_everybody_else(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    visitor, reader, member = (new_browser(scripts=scripts).new_page() for _ in range(3))
    steps.come_in(member, backstage.of_the_demo("Vic Tanaka"))
    member.goto(steps.MEMBERS_STORY)
    ending = member.locator(".article__body p").last.inner_text()
    opening = member.locator(".article__body p").first.inner_text()
    expect(member.locator(".gate")).to_have_count(0)
    steps.come_in(reader, backstage.of_the_demo("Rosa Lindqvist"))
    for page in (visitor, reader):
        page.goto(steps.MEMBERS_STORY)
        expect(page.locator(".article__body")).to_contain_text(opening)
        expect(page.get_by_role("heading", name="The rest of this article is for members")).to_be_visible()
        expect(page.get_by_role("link", name="Become a member")).to_be_visible()
        assert ending[:40] not in page.locator("body").inner_text()
        assert ending[:40] not in page.request.get(steps.MEMBERS_STORY).text()


@pytest.mark.once
def test_a_reader_without_a_plan_talks_where_all_may(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    page, reader = new_browser(scripts=scripts).new_page(), backstage.reader()
    words = f"A loaf cost a coin, said {reader.name}."
    steps.come_in(page, reader)
    found = steps.post(page, steps.BREAD, words)
    expect(found).to_contain_text(reader.name)
    expect(found).to_have_attribute("data-status", "published")
    page.goto(steps.LEAD)
    expect(page.get_by_role("button", name="Join the conversation as a VIP Member")).to_be_visible()


@pytest.mark.once
def test_a_closed_discussion_says_why(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    page = new_browser(scripts=scripts).new_page()
    steps.come_in(page, backstage.of_the_demo("Vic Tanaka"))
    page.goto(steps.CLOSED)
    expect(steps.composer(page)).to_contain_text("The public inquiry has begun to hear witnesses")
    expect(page.locator("#composer textarea")).to_have_count(0)
    assert page.locator("article.comment").count() > 0


@pytest.mark.once
@pytest.mark.parametrize("name", DEMO_PEOPLE)
def test_each_of_the_demos_people_is_one_press_away(new_browser: NewBrowser, name: str) -> None:
    page = new_browser().new_page()
    address, heading = DEMO_PEOPLE[name]
    steps.sign_in_as(page, name)
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


@pytest.mark.once
def test_moments_are_said_in_the_readers_own_time(new_browser: NewBrowser, scripts: bool) -> None:
    page = new_browser(scripts=scripts).new_page()
    page.context.new_cdp_session(page).send("Emulation.setTimezoneOverride", {"timezoneId": "America/Caracas"})
    page.goto(steps.CLOSED)
    told = page.locator("article.comment time[data-relative]").first
    at = datetime.fromisoformat(told.get_attribute("datetime") or "")
    here = at.astimezone(ZoneInfo("America/Caracas") if scripts else UTC)
    expected = f"{here.day} {here:%B %Y} at {here:%H:%M}" if scripts else f"{here.day} {here:%B %Y}, {here:%H:%M} UTC"
    assert (told.get_attribute("title") if scripts else told.inner_text()) == expected


@pytest.mark.once
def test_a_phone_loads_small_pictures_and_a_wide_screen_larger_ones(new_browser: NewBrowser) -> None:
    loaded = """image => image.decode().then(() => ({
      file: image.currentSrc, shown: image.clientWidth, most: Math.min(1, image.naturalHeight / image.naturalWidth * 1.5),
      pixels: Number(/-(\\d+)\\.webp$/.exec(image.currentSrc)?.[1] ?? 1600),
    }))"""
    files: dict[int, list[str]] = {}
    for width in (320, 1280):
        page = new_browser(width=width).new_page()
        page.goto("/")
        files[width] = []
        for image in page.locator(".card__picture img").all():
            image.scroll_into_view_if_needed()
            found = image.evaluate(loaded)
            files[width].append(found["file"])
            assert found["pixels"] * found["most"] >= found["shown"], f"blurred at {width}: {found}"
        assert len(files[width]) > 5
    assert all(file.endswith("-400.webp") for file in files[320])
    assert files[1280][0].endswith("-800.webp")
    page = new_browser(width=1280).new_page()
    page.goto(steps.LEAD)
    picture = page.locator("figure.picture.breakout img").evaluate(loaded)
    assert picture["file"].endswith("-1200.webp")
    assert picture["shown"] == 832
