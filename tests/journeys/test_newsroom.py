"""An editor writes a story, looks at it as its readers will, publishes, corrects and withdraws it."""

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from tests.factories import letters
from tests.journeys import steps
from tests.journeys.backstage import Backstage

pytestmark = [pytest.mark.browser, pytest.mark.once]
NewBrowser = Callable[..., BrowserContext]

TEXT = "The lamps went on at six.\n\n<!-- more -->\n\nWho paid for the oil is in the second ledger."
FREE, GATED = "The lamps went on at six.", "Who paid for the oil is in the second ledger."


def a_picture() -> bytes:
    """A small picture of a lamp, more or less."""
    image = Image.new("RGB", (1200, 800), (24, 32, 56))
    image.paste((250, 214, 120), (500, 300, 700, 500))
    data = io.BytesIO()
    image.save(data, "JPEG")
    return data.getvalue()


def expect_status(page: Page, address: str, status: int) -> None:
    assert page.request.get(address).status == status


def test_a_story_is_written_looked_at_published_corrected_and_withdrawn(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    desk, visitor, member = (new_browser(scripts=scripts).new_page() for _ in range(3))
    headline = f"The lamps of {letters().capitalize()} Street"
    steps.come_in(desk, backstage.of_the_demo("Ed Kowalski"))
    desk.goto("/newsroom")
    desk.get_by_role("link", name="Write an article").first.click()
    desk.get_by_label("Headline", exact=True).fill(headline)
    desk.get_by_label("Standfirst").fill("It took eleven years and one very long ladder.")
    desk.get_by_label("Text", exact=True).fill(TEXT)
    desk.get_by_label("Picture", exact=True).set_input_files(
        {"name": "lamp.jpg", "mimeType": "image/jpeg", "buffer": a_picture()}
    )
    desk.get_by_label("May read the whole text").select_option("members")
    desk.get_by_label("Opening question").fill("Which lamp would you light first?")
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_text("Please describe the picture").first).to_be_visible()
    desk.get_by_label("Description").fill("A lamp in a dark street.")
    with desk.context.expect_page() as opened:
        desk.get_by_role("button", name="Preview", exact=True).click()
    preview = opened.value
    expect(preview.get_by_role("heading", level=1)).to_have_text(headline)
    expect(preview.locator(".article__body")).not_to_contain_text(GATED)
    preview.get_by_role("button", name="VIP", exact=True).click()
    expect(preview.locator(".article__body")).to_contain_text(GATED)
    preview.close()
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_text("Saved.")).to_be_visible()

    visitor.goto("/")
    expect(visitor.get_by_text(headline)).to_have_count(0)
    desk.get_by_role("button", name="Save and publish").click()
    expect(desk.get_by_text("Published.", exact=True)).to_be_visible()
    address = desk.get_by_role("link", name="View the page").get_attribute("href") or ""
    visitor.goto("/")
    visitor.get_by_role("link", name=headline).first.click()
    expect(visitor).to_have_url(re.compile(re.escape(address)))
    picture = visitor.get_by_role("img", name="A lamp in a dark street.")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(visitor.locator(".article__body")).to_contain_text(FREE)
    expect(visitor.locator(".article__body")).not_to_contain_text(GATED)
    expect(visitor.get_by_text("Which lamp would you light first?")).to_be_visible()
    steps.come_in(member, backstage.of_the_demo("Vic Tanaka"))
    member.goto(address)
    expect(member.locator(".article__body")).to_contain_text(GATED)

    desk.get_by_label("Text", exact=True).fill(TEXT.replace("at six", "at seven"))
    desk.get_by_role("button", name="Save changes").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    visitor.reload()
    expect(visitor.locator(".article__body")).to_contain_text("The lamps went on at seven.")
    expect(visitor.locator(".article__updated")).to_be_visible()

    desk.get_by_role("button", name="Withdraw from readers").click()
    expect(desk.get_by_text("Withdrawn. Readers no longer find it")).to_be_visible()
    expect_status(visitor, address, 404)
    expect_status(member, address, 404)
    visitor.goto("/")
    expect(visitor.get_by_text(headline)).to_have_count(0)
