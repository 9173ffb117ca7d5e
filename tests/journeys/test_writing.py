"""Comments, with scripts and without: said, answered, changed, taken back, respected, reported, refused."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]
Open = Callable[..., Page]

TOO_LONG = "Much too long. " * 340  # a little over what a comment may have


@pytest.fixture
def member_page(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> Open:
    """A member's page, signed in."""

    def open_page() -> Page:
        page = new_browser(scripts=scripts).new_page()
        steps.come_in(page, backstage.member())
        return page

    return open_page


@pytest.mark.once
def test_a_comment_is_answered_changed_and_taken_back(member_page: Open, backstage: Backstage, scripts: bool) -> None:
    one, two, article = member_page(), member_page(), backstage.article()
    steps.type_words(one, article, "The *quays* were never empty.")
    steps.press_main_button(one)
    number = steps.comment_id(steps.comment(one, "The quays were never empty."))
    expect(one.get_by_role("heading", name="1 comment", exact=True)).to_be_visible()

    two.goto(article)
    two.locator(f'[data-reply="{number}"]').click()
    two.locator("form.composer--reply textarea").fill("Not on a Sunday, they were not.")
    two.locator("form.composer--reply button.button--primary").click()
    answer = two.locator(f'article.comment[data-parent="{number}"]')
    expect(answer.locator(".comment__body")).to_have_text("Not on a Sunday, they were not.")
    if scripts:
        expect(two.get_by_role("heading", name="2 comments", exact=True)).to_be_visible()
        expect(two.locator(".article__facts")).to_contain_text("2 comments")

    one.goto(article)
    one.locator(f"#comment-{number}").get_by_role("link", name="Edit").click()
    field = one.locator("form.composer textarea")
    expect(field).to_have_value("The *quays* were never empty.")
    field.fill("The *quays* were hardly ever empty.")
    one.get_by_role("button", name="Save").click()
    expect(one).to_have_url(re.compile(rf"{article}\?at={number}#comment-{number}$"))
    expect(one.locator(f"#comment-{number} .comment__body")).to_have_text("The quays were hardly ever empty.")
    expect(one.locator(f"#comment-{number}")).to_contain_text("edited")

    one.goto(article)
    one.locator(f"#comment-{number}").get_by_role("link", name="Delete").click()
    one.get_by_role("button", name="Delete it").click()
    expect(one.get_by_text("Your comment is deleted.")).to_be_visible()
    two.goto(article)
    expect(two.locator(f"#comment-{number}")).to_contain_text("Deleted by its author. Replies stay readable.")
    expect(two.locator(f"#comment-{number}")).not_to_contain_text("quays")
    expect(answer).to_be_visible()


@pytest.mark.once
def test_respect_is_given_and_taken_back(member_page: Open, backstage: Backstage, scripts: bool) -> None:
    author, page, article = member_page(), member_page(), backstage.article()
    mine = steps.post(author, article, "A remark worth respect.")
    page.goto(article)
    number = steps.comment_id(mine)
    button = page.locator(f'[data-respect="{number}"]')
    page.evaluate("window.stayed = true")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button.locator(".act__count")).to_have_text("1")
    if scripts:
        expect(button).to_be_focused()
        assert page.evaluate("window.stayed")
    else:
        assert page.url.endswith(f"#comment-{number}")
        expect(page.locator(f"#comment-{number}")).to_be_in_viewport()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(button.locator(".act__count")).to_have_text("")
    author.goto(article)
    expect(author.locator(f'[data-respect="{number}"]')).to_have_count(0)


@pytest.mark.parametrize("scripts", [True], indirect=True)  # without them each press is a page of its own
def test_presses_of_respect_while_the_first_is_on_its_way_are_kept(member_page: Open, backstage: Backstage) -> None:
    page, article = member_page(), backstage.article()
    steps.post(member_page(), article, "A remark for somebody who cannot make up their mind.")
    page.goto(article)
    button = page.locator("[data-respect]").first
    for presses, pressed in ((2, "false"), (3, "true")):
        button.evaluate("(button, presses) => { for (let i = 0; i < presses; i++) button.click(); }", presses)
        expect(button).to_have_attribute("aria-pressed", pressed)
        expect(page.locator("[data-respect][data-busy]")).to_have_count(0)
        page.reload()
        expect(button).to_have_attribute("aria-pressed", pressed)


@pytest.mark.once
def test_a_guest_and_a_reader_report_once_each(
    new_browser: NewBrowser, member_page: Open, backstage: Backstage, scripts: bool
) -> None:
    said = steps.post(member_page(), backstage.article(), "Something to complain about.")
    number = steps.comment_id(said)
    guest, reader, desk = (new_browser(scripts=scripts).new_page() for _ in range(3))
    steps.come_in(reader, backstage.reader())
    for page in (guest, reader):
        for heading in ("Thank you", "You have reported this already"):
            page.goto(f"/comments/{number}")
            page.locator(f"#comment-{number}").get_by_role("link", name="Report").click()
            page.get_by_role("button", name="Send the report").click()
            expect(page.locator(".field__error")).to_be_visible()
            page.get_by_label("It has nothing to do with the story").check()
            page.get_by_role("button", name="Send the report").click()
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    steps.come_in(desk, backstage.of_the_demo("Mo Adeyemi"))
    desk.goto(f"/moderation/comments/{number}")
    expect(desk.locator(".case__reports li")).to_have_count(2)


@pytest.mark.once
def test_what_cannot_be_posted_is_said_and_kept(member_page: Open, backstage: Backstage) -> None:
    page, article = member_page(), backstage.article()
    steps.post(page, article, "Once is enough.")
    for words, sentence in (
        ("   ", "There is nothing in it yet"),
        (TOO_LONG, "a comment can have up to 5,000"),
        ("Once is enough.", "You have already said exactly this here."),
    ):
        steps.type_words(page, article, words)
        steps.press_main_button(page)
        expect(page.locator("#composer .composer__error")).to_contain_text(sentence)
        expect(steps.words_in_composer(page)).to_have_value(words)
    steps.words_in_composer(page).fill("Something new, then.")
    steps.press_main_button(page)
    expect(steps.comment(page, "Something new, then.")).to_be_visible()


@pytest.mark.once
def test_words_survive_a_session_that_ended_meanwhile(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    context, person, article = new_browser(scripts=scripts), backstage.member(), backstage.article()
    page, words = context.new_page(), "I was away for lunch."
    steps.come_in(page, person)
    steps.type_words(page, article, words)
    context.clear_cookies(name="session")
    steps.press_main_button(page)
    expect(page.locator("#composer .composer__error")).to_contain_text("Your words are still here")
    expect(steps.words_in_composer(page)).to_have_value(words)
    page.get_by_role("button", name="Already a member? Sign in").click()
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    steps.expect_words_wait(page, words)
    steps.press_main_button(page)
    expect(steps.comment(page, words)).to_be_visible()
    assert backstage.count_comments(person.email) == 1


def test_pressing_twice_posts_once(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    page, person, article = new_browser(scripts=scripts).new_page(), backstage.member(), backstage.article()
    steps.come_in(page, person)
    steps.type_words(page, article, "Said in a hurry.")
    steps.composer(page).locator("button.button--primary").dblclick()
    expect(page.locator("article.comment", has_text="Said in a hurry.").or_(page.get_by_role("link", name="See it"))).to_be_visible()
    page.goto(article)
    expect(steps.comment(page, "Said in a hurry.")).to_have_count(1)
    expect(steps.words_in_composer(page)).to_have_value("")
    assert backstage.count_comments(person.email) == 1
