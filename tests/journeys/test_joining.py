"""From the first word typed to the comment posted, and everything that can come between."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import mail_link

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]

MOST_PRESSES = 7  # join, plan, account, the mail's link, confirm, pay, post
MOST_SCREENS = 6  # plans, account, look in your mail, confirm, payment, the article again
WORDS = "Ask about the pensions of the sergeants, I say."


def paid_once(backstage: Backstage, email: str) -> None:
    assert (backstage.count_subscriptions(email), backstage.count_payments(email)) == (1, 1)


def test_a_guest_joins_posts_is_rejected_objects_and_is_back(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    guest, other, desk = (new_browser(scripts=scripts).new_page() for _ in range(3))
    words = f"{WORDS} ({'with' if scripts else 'without'} scripts)"
    author = steps.newcomer("Nadia")

    guest.goto("/")
    guest.locator(".card--lead .card__headline a").click()
    expect(guest).to_have_url(re.compile(steps.LEAD))
    steps.words_in_composer(guest).fill(words)
    guest.get_by_role("button", name="Join the conversation as a VIP Member").click()
    expect(guest.get_by_role("heading", name="Your words are kept")).to_be_visible()
    expect(guest.locator(".kept-draft blockquote")).to_have_text(words)
    steps.choose_plan(guest)
    steps.fill_sign_up(guest, author)
    steps.confirm_address(guest, author)
    steps.expect_payment_page(guest)
    steps.pay(guest)
    steps.expect_words_wait(guest, words)
    if scripts:
        expect(steps.words_in_composer(guest)).to_be_focused()
    expect(steps.comment(guest, words)).to_have_count(0)
    steps.press_main_button(guest)
    mine = steps.comment(guest, words)
    expect(mine).to_have_attribute("data-status", "published")
    paid_once(backstage, author.email)
    place = f"/comments/{steps.comment_id(mine)}"

    other.goto(f"{steps.LEAD}?sort=newest")
    expect(steps.comment(other, words)).to_be_visible()

    steps.come_in(desk, backstage.of_the_demo("Mo Adeyemi"))
    desk.goto(f"{steps.LEAD}?sort=newest")
    steps.comment(desk, words).get_by_role("link", name="Moderate").click()
    desk.get_by_text("Reject …").click()
    desk.get_by_label("Which rule was broken?").first.select_option(index=1)
    rule = desk.get_by_label("Which rule was broken?").first.locator("option:checked").inner_text()
    desk.get_by_label("Note to the author").fill("Please say it about the story, not about the sergeants.")
    desk.get_by_role("button", name="Reject and tell the author").click()
    expect(desk.locator(".case-done").first).to_contain_text(rule)

    other.reload()
    expect(steps.comment(other, words)).to_have_count(0)

    guest.goto("/account/comments")
    entry = guest.locator(".mine li", has_text=words)
    expect(entry).to_contain_text("Removed")
    expect(entry).to_contain_text(rule)
    expect(entry).to_contain_text("Please say it about the story")
    expect(entry).to_contain_text("Decided by a person")
    entry.get_by_role("link", name="Object to the decision").click()
    guest.get_by_label("Why do you think the decision is wrong?").fill("It was about the story and nobody else.")
    guest.get_by_role("button", name="Send the objection").click()
    expect(guest.get_by_text("Waiting for an answer")).to_be_visible()

    desk.goto("/moderation/objections")
    expect(desk.locator(".objection", has_text="It was about the story and nobody else.")).to_have_count(0)
    colleague = new_browser(scripts=scripts).new_page()
    steps.come_in(colleague, backstage.reader("Colleague", roles=("moderator",)))
    colleague.goto("/moderation/objections")
    case = colleague.locator("article.case", has_text=author.name)
    case.get_by_label("Your reason, which the author reads").fill("Read again, this is about the story.")
    case.get_by_role("button", name="Reverse it").click()
    expect(colleague.locator(".case-done")).to_contain_text(author.name)

    guest.goto(f"{place}/appeal")
    expect(guest.get_by_text("Read again, this is about the story.")).to_be_visible()
    other.reload()
    expect(steps.comment(other, words)).to_be_visible()


@pytest.mark.once
def test_from_join_to_posted_takes_seven_presses_and_six_screens(new_browser: NewBrowser, backstage: Backstage) -> None:
    page, person, presses = new_browser().new_page(), steps.newcomer(), []
    screens: list[str] = []
    steps.type_words(page, backstage.article(), WORDS)
    page.on("framenavigated", lambda frame: screens.append(frame.url))

    def press(name: str) -> None:
        presses.append(name)
        page.get_by_role("button", name=name).first.click()

    press("Join the conversation as a VIP Member")
    press("Join VIP for")
    page.get_by_label("Display name").fill(person.name)
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    press("Make my account")
    expect(page.get_by_role("heading", name="Look in your mail")).to_be_visible()
    reading_mail = new_browser().new_page()
    link = mail_link(reading_mail, person.email)
    presses.append("the link in the mail")
    page.goto(link)
    press("Confirm and go on")
    press("Pay with a card that works")
    steps.expect_words_wait(page, WORDS)
    press("Post comment")
    expect(steps.comment(page, WORDS)).to_be_visible()
    assert len(presses) <= MOST_PRESSES, presses
    assert len(screens) <= MOST_SCREENS, screens


@pytest.mark.once
def test_a_declined_card_is_said_and_another_pays_once(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    page, person = new_browser(scripts=scripts).new_page(), backstage.reader()
    steps.reader_goes_to_payment(page, backstage.article(), person, WORDS)
    steps.pay(page, "Card is declined")
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined")
    steps.pay(page, "Insufficient funds")
    expect(page.get_by_role("alert")).to_contain_text("insufficient funds")
    assert backstage.count_payments(person.email) == 0
    steps.pay(page)
    steps.expect_words_wait(page, WORDS)
    paid_once(backstage, person.email)


@pytest.mark.once
def test_the_bank_asks_and_is_answered(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    page, person, article = new_browser(scripts=scripts).new_page(), backstage.reader(), backstage.article()
    steps.reader_goes_to_payment(page, article, person, WORDS)
    steps.pay(page, "3-D Secure check")
    page.get_by_role("button", name="Fail the check").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("link", name="Go back without paying").click()
    expect(page.locator(".kept-draft blockquote")).to_have_text(WORDS)
    page.goto(article)
    expect(steps.words_in_composer(page)).to_have_value(WORDS)
    assert backstage.count_payments(person.email) == 0
    steps.press_main_button(page)
    steps.choose_plan(page)
    steps.pay(page, "3-D Secure check")
    page.get_by_role("button", name="Complete the check").click()
    steps.expect_words_wait(page, WORDS)
    paid_once(backstage, person.email)


@pytest.mark.once
def test_leaving_the_payment_page_loses_nothing(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    page, person = new_browser(scripts=scripts).new_page(), backstage.reader()
    steps.reader_goes_to_payment(page, backstage.article(), person, WORDS)
    payment = page.url
    page.get_by_role("link", name="Go back without paying").click()
    expect(page.locator(".kept-draft blockquote")).to_have_text(WORDS)
    steps.choose_plan(page)
    steps.expect_payment_page(page)
    assert page.url == payment
    page.go_back()
    expect(page.get_by_role("heading", name="Join the conversation")).to_be_visible()
    expect(page.locator(".kept-draft blockquote")).to_have_text(WORDS)
    page.go_forward()
    steps.pay(page)
    steps.expect_words_wait(page, WORDS)
    page.go_back()
    expect(page.get_by_role("button", name="Pay with a card that works")).to_have_count(0)
    paid_once(backstage, person.email)


def test_pressing_twice_buys_once(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    page, person = new_browser(scripts=scripts).new_page(), backstage.reader()
    steps.come_in(page, person)
    steps.type_words(page, backstage.article(), WORDS)
    steps.press_main_button(page)
    page.get_by_role("button", name="Join VIP for").first.dblclick()
    steps.expect_payment_page(page)
    page.get_by_role("button", name="Pay with a card that works").dblclick()
    steps.expect_words_wait(page, WORDS)
    assert backstage.count_checkouts(person.email) == 1
    paid_once(backstage, person.email)


@pytest.mark.once
def test_a_closed_browser_finds_its_words_again(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    context, article = new_browser(scripts=scripts), backstage.article()
    page = context.new_page()
    steps.type_words(page, article, WORDS)
    steps.press_main_button(page)
    expect(page.locator(".kept-draft blockquote")).to_have_text(WORDS)
    kept = context.storage_state()
    lasting = [cookie for cookie in kept["cookies"] if cookie.get("expires", -1) > 0]
    context.close()

    later = new_browser(scripts=scripts, storage_state={"cookies": lasting, "origins": []}).new_page()
    later.goto(article)
    expect(steps.words_in_composer(later)).to_have_value(WORDS)
    expect(later.get_by_text("Your words were kept.")).to_be_visible()
    expect(steps.comment(later, WORDS)).to_have_count(0)
    steps.sign_in(later, backstage.member())
    later.goto(article)
    expect(steps.words_in_composer(later)).to_have_value(WORDS)
    expect(steps.comment(later, WORDS)).to_have_count(0)
    steps.press_main_button(later)
    expect(steps.comment(later, WORDS)).to_be_visible()
    later.goto(article)
    expect(steps.words_in_composer(later)).to_have_value("")


@pytest.mark.once
def test_confirming_in_another_browser_finds_the_words(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    here, there = new_browser(scripts=scripts).new_page(), new_browser(scripts=scripts).new_page()
    person, article = steps.newcomer(), backstage.article(comment_audience="registered")
    steps.type_words(here, article, WORDS)
    steps.press_main_button(here)
    steps.fill_sign_up(here, person)
    steps.confirm_address(there, person)
    steps.expect_words_wait(there, WORDS)
    steps.press_main_button(there)
    expect(steps.comment(there, WORDS)).to_be_visible()
    here.goto(article)
    expect(steps.comment(here, WORDS)).to_be_visible()
    steps.sign_in(here, person)
    here.goto(article)
    expect(steps.words_in_composer(here)).to_have_value("")
    assert backstage.count_comments(person.email) == 1


def test_two_tabs_pay_once(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    context, person, article = new_browser(scripts=scripts), backstage.reader(), backstage.article()
    one, two = context.new_page(), context.new_page()
    steps.reader_goes_to_payment(one, article, person, WORDS)
    two.goto(article)
    expect(steps.words_in_composer(two)).to_have_value(WORDS)
    steps.press_main_button(two)
    steps.choose_plan(two)
    steps.expect_payment_page(two)
    steps.pay(one)
    steps.expect_words_wait(one, WORDS)
    steps.pay(two)
    steps.expect_words_wait(two, WORDS)
    two.goto("/join")
    expect(two.get_by_role("heading", name="You are a VIP member")).to_be_visible()
    paid_once(backstage, person.email)


@pytest.mark.once
def test_two_tabs_with_composers_keep_their_own_words(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    context, person, article = new_browser(scripts=scripts), backstage.member(), backstage.article()
    one, two = context.new_page(), context.new_page()
    steps.come_in(one, person)
    steps.type_words(one, article, "What the first tab says.")
    steps.type_words(two, article, "What the second tab says.")
    steps.press_main_button(one)
    expect(steps.comment(one, "What the first tab says.")).to_be_visible()
    expect(steps.words_in_composer(two)).to_have_value("What the second tab says.")
    steps.press_main_button(two)
    expect(steps.comment(two, "What the second tab says.")).to_be_visible()
    assert backstage.count_comments(person.email) == 2
