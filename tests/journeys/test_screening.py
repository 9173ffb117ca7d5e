"""From a list that a publisher keeps to an author who thinks once more, and a moderator who sees why."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.factories import letters
from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import assert_accessible

pytestmark = [pytest.mark.browser, pytest.mark.once]
NewBrowser = Callable[..., BrowserContext]


def test_a_list_is_tried_kept_and_asks_an_author_once(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    word, person, article = f"quibble{letters()}", backstage.member("Ann"), backstage.article()
    pat, ann = new_browser(scripts=scripts).new_page(), new_browser(scripts=scripts, width=320).new_page()
    steps.come_in(ann, person)
    before = steps.post(ann, article, f"A {word} was said here before.")

    steps.come_in(pat, backstage.of_the_demo("Pat Moreau"))
    pat.goto("/publisher/screening/nudge")
    pat.get_by_label("Authors who are never asked").fill("0")
    pat.get_by_role("button", name="Save").click()
    pat.get_by_role("link", name="Lists").click()
    pat.get_by_role("link", name="Words and phrases").click()
    pat.get_by_label("Name of the list").fill(f"Harsh {word}")
    pat.get_by_label("What it does").select_option(label="Ask the author once")
    pat.get_by_label("Entries, one a line").fill(f"# Not so nice\n{word}")
    pat.get_by_role("button", name="Try it on the last 7 days first").click()
    expect(pat.locator("#trial mark")).to_have_text([word])
    if scripts:
        assert_accessible(pat, "a trial")
    pat.get_by_role("button", name="Make the list").click()
    expect(pat.get_by_text("Made with 1 entry.")).to_be_visible()
    pat.get_by_role("link", name="Test a text").click()
    pat.get_by_label("A text").fill(f"Such a {word.replace('i', '1', 1)}!")
    pat.get_by_role("button", name="Test the text").click()
    expect(pat.get_by_role("heading", name="The author is asked once")).to_be_visible()

    expect(before).to_be_visible()
    steps.type_words(ann, article, f"This {word} goes too far.")
    steps.press_main_button(ann)
    asked = ann.locator(".composer__nudge")
    expect(asked.locator("mark")).to_have_text(word)
    expect(steps.words_in_composer(ann)).to_have_value(f"This {word} goes too far.")
    if scripts:
        expect(steps.words_in_composer(ann)).to_be_focused()
        assert_accessible(ann, "being asked once")
    steps.words_in_composer(ann).fill(f"This goes too far, {word[-3:]}.")
    steps.press_main_button(ann)
    expect(steps.comment(ann, f"This goes too far, {word[-3:]}.")).to_be_visible()
    expect(asked).to_have_count(0)
    if scripts:
        expect(steps.composer(ann).get_by_role("button", name="Post comment", exact=True)).to_be_visible()
    steps.type_words(ann, article, f"But a {word} it is.")
    steps.press_main_button(ann)
    expect(asked).to_be_visible()
    steps.press_main_button(ann)
    stubborn = steps.comment(ann, f"But a {word} it is.")
    expect(stubborn).to_be_visible()

    pat.goto("/publisher/screening/nudge")
    expect(pat.get_by_role("row", name="Changed, then posted")).to_be_visible()
    pat.goto(f"/moderation/comments/{steps.comment_id(stubborn)}")
    expect(pat.locator(".case__text mark").first).to_have_text(word)
