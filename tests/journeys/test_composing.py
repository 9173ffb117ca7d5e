"""Writing at full strength: quoting, previewing, two devices with one draft, names by the keyboard, hidden words."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import assert_accessible

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]


@pytest.mark.once
def test_a_comment_is_quoted_previewed_and_answered(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    ann, bob, article = backstage.member("Ann"), backstage.member("Bob"), backstage.article()
    one, two = new_browser(scripts=scripts).new_page(), new_browser(scripts=scripts).new_page()
    steps.come_in(one, ann)
    number = steps.comment_id(steps.post(one, article, "The quays were empty. So were the barns."))
    steps.come_in(two, bob)
    two.goto(article)
    if scripts:
        two.locator(f"#comment-{number} .comment__body p").evaluate(
            "p => getSelection().setBaseAndExtent(p.firstChild, 22, p.firstChild, p.firstChild.length)"
        )
    two.locator(f'[data-quote="{number}"]').click()
    form = two.locator("form.composer--reply")
    said = "So were the barns." if scripts else "The quays were empty. So were the barns."
    expect(form.locator("textarea")).to_have_value(f"> **{ann.name}:** {said}\n\n")
    form.locator("textarea").fill(f"> **{ann.name}:** {said}\n\nNot all: ||mine|| was *full*.")
    form.get_by_role("button", name="Preview").click()
    preview = two.locator("form.composer--reply .composer__preview")
    expect(preview.locator("blockquote")).to_have_text(f"{ann.name}: {said}")
    expect(preview.locator("em")).to_have_text("full")
    hidden = preview.locator(".spoiler__words")
    expect(hidden).to_have_css("visibility", "hidden")
    preview.get_by_role("checkbox", name="Show the hidden words").check(force=True)
    expect(hidden).to_have_css("visibility", "visible")
    if scripts:
        assert_accessible(two, "a preview in its place")
        expect(form.locator("textarea")).to_be_hidden()
        form.get_by_role("button", name="Go on writing").click()
        expect(form.locator("textarea")).to_be_focused()
    body = preview.locator(".comment__body")
    html = body.inner_html() if not scripts else None
    form.locator("button.button--primary").click()
    answer = two.locator(f'article.comment[data-parent="{number}"]')
    expect(answer.locator("blockquote")).to_have_text(f"{ann.name}: {said}")
    if html is not None:
        assert answer.locator(".comment__body").inner_html() == html


@pytest.mark.once
def test_two_devices_share_one_draft_and_nothing_is_lost_or_comes_back(
    new_browser: NewBrowser, backstage: Backstage
) -> None:
    person, article = backstage.member(), backstage.article()
    desk, sofa = new_browser().new_page(), new_browser(width=320, height=700).new_page()

    def kept(page: Page, words: str) -> None:
        with page.expect_response("**/drafts"):
            steps.words_in_composer(page).press_sequentially(words)
        expect(page.locator("#composer [data-state]")).to_have_text("Saved")

    for page in (desk, sofa):
        steps.come_in(page, person)
    desk.goto(article)
    kept(desk, "Begun at the desk")
    sofa.goto(article)
    expect(steps.words_in_composer(sofa)).to_have_value("Begun at the desk")
    steps.words_in_composer(sofa).press("End")
    kept(sofa, ", gone on with on the sofa.")
    steps.words_in_composer(desk).press_sequentially(" and left there")
    box = desk.locator(".composer__conflict")
    expect(box).to_contain_text("A newer draft from another device or tab")
    expect(box).to_contain_text("gone on with on the sofa.")
    expect(steps.words_in_composer(desk)).to_have_value("Begun at the desk and left there")
    assert_accessible(desk, "two drafts")
    box.get_by_role("button", name="Use it").click()
    expect(steps.words_in_composer(desk)).to_have_value("Begun at the desk, gone on with on the sofa.")
    steps.press_main_button(desk)
    expect(steps.comment(desk, "gone on with on the sofa.")).to_be_visible()
    steps.words_in_composer(sofa).press_sequentially(" Too late.")
    expect(sofa.locator(".composer__conflict")).to_contain_text("has been posted or discarded elsewhere")
    assert sofa.evaluate("document.documentElement.scrollWidth") <= 320
    desk.reload()
    expect(steps.words_in_composer(desk)).to_have_value("")
    sofa.get_by_role("button", name="Keep mine").click()
    expect(sofa.locator("#composer [data-state]")).to_have_text("Saved")
    desk.reload()
    expect(steps.words_in_composer(desk)).to_have_value(re.compile("Too late"))


@pytest.mark.once
def test_somebody_is_called_by_name_with_the_keyboard_alone(new_browser: NewBrowser, backstage: Backstage) -> None:
    article = backstage.article()
    people = [backstage.member("Zora"), backstage.member("Zoë van den Berg"), backstage.member("Ann")]
    pages = [new_browser().new_page() for _ in people]
    for page, person in zip(pages, people, strict=True):
        steps.come_in(page, person)
        steps.post(page, article, f"{person.name} was here.")
    page = pages[-1]
    field = steps.words_in_composer(page)
    field.focus()
    page.keyboard.type("Ask @zo")
    names = page.get_by_role("listbox", name="People in this discussion").get_by_role("option")
    expect(names).to_have_count(2)
    expect(field).to_be_focused()
    steps.expect_announced(page, "2 names")
    assert_accessible(page, "a list of names")
    chosen = page.get_by_role("option", selected=True)
    first = chosen.inner_text()
    page.keyboard.press("ArrowDown")
    expect(chosen).not_to_have_text(first)
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Escape")
    expect(names).to_have_count(0)
    page.keyboard.type("r")
    expect(names).to_have_count(1)
    page.keyboard.press("Enter")
    expect(field).to_have_value(f"Ask @[{people[0].name}] ")
    page.keyboard.type("please.")
    page.keyboard.press("Control+Enter")
    mine = steps.comment(page, "please.")
    expect(mine).to_be_focused()
    expect(mine.locator(".mention")).to_have_text(f"@{people[0].name}")


@pytest.mark.once
def test_who_is_too_fast_is_told_for_how_long_and_keeps_the_words(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    page, article = new_browser(scripts=scripts).new_page(), backstage.article(thread_values={"pace_seconds": 3_600})
    steps.come_in(page, backstage.member())
    steps.post(page, article, "The first of them.")
    steps.words_in_composer(page).fill("The second of them.")
    steps.press_main_button(page)
    error = page.locator("#composer .composer__error")
    expect(error).to_contain_text(re.compile(r"You can send this in (59 minutes and \d+ seconds|1 hour)\."))
    expect(steps.words_in_composer(page)).to_have_value("The second of them.")
    if scripts:
        expect(error).to_contain_text(re.compile(r"in (59|60):\d\d\. Nothing is lost\."))
        expect(page.locator("#composer button.button--primary")).to_be_disabled()
        assert_accessible(page, "a composer that waits")


@pytest.mark.once
def test_changes_can_be_read_and_a_name_taken_off(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    ann, article = backstage.member("Ann"), backstage.article()
    page, other = new_browser(scripts=scripts).new_page(), new_browser(scripts=scripts).new_page()
    steps.come_in(page, ann)
    number = steps.comment_id(steps.post(page, article, "The quays were never empty."))
    page.goto(f"/comments/{number}/edit")
    page.locator("form.composer textarea").fill("The quays were hardly ever empty.")
    page.get_by_role("button", name="Save").click()
    other.goto(f"/comments/{number}")
    other.locator(f"#comment-{number}").get_by_role("link", name="edited").click()
    expect(other.get_by_role("heading", name="What was changed")).to_be_visible()
    expect(other.locator("del")).to_contain_text("never")
    expect(other.locator("ins")).to_contain_text("hardly ever")
    if scripts:
        assert_accessible(other, "the history of a comment")
    page.goto(f"/comments/{number}/delete")
    page.get_by_role("button", name="Take my name off").click()
    expect(page.get_by_text("Your name is off this comment.")).to_be_visible()
    other.goto(article)
    expect(other.locator(f"#comment-{number} .comment__name")).to_have_text("Name withdrawn")
    expect(other.locator("main")).not_to_contain_text(ann.name)


@pytest.mark.once
def test_a_guests_words_are_theirs_after_signing_in_and_leave_the_browser_with_signing_out(
    new_browser: NewBrowser, backstage: Backstage
) -> None:
    person, article = backstage.member(), backstage.article()
    page = new_browser().new_page()
    steps.type_words(page, article, "Begun before signing in.")
    for _ in range(100):
        if page.evaluate("sessionStorage.length"):
            break
        page.wait_for_timeout(100)
    steps.sign_in(page, person)
    page.goto(article)
    expect(steps.words_in_composer(page)).to_have_value("Begun before signing in.")
    expect(steps.composer(page).locator("[data-state]")).to_have_text("Saved")
    assert page.evaluate("sessionStorage.length") == 0
    page.evaluate("sessionStorage.setItem('draft:9:', 'left over'); localStorage.setItem('folded', '7')")
    page.goto("/account")
    page.locator("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert page.evaluate("[sessionStorage.length, localStorage.length]") == [0, 0]
    page.goto(article)
    expect(steps.words_in_composer(page)).to_have_value("")
    steps.sign_in(page, person)
    page.goto(article)
    expect(steps.words_in_composer(page)).to_have_value("Begun before signing in.")
