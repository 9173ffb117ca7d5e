"""What people do in a browser, in their words. Each step waits for what a person would wait for."""

import re
import secrets

from playwright.sync_api import Locator, Page, expect

from tests.factories import letters
from tests.journeys.backstage import Person
from tests.journeys.conftest import mail_link

LEAD = "/articles/caracas-and-washington-agree-they-are-talking"
BREAD = "/articles/what-you-pay-for-when-you-pay-for-bread"
MEMBERS_STORY = "/articles/the-court-that-learned-to-say-nothing"
CLOSED = "/articles/who-was-told-about-the-water"


def newcomer(name: str = "Newcomer") -> Person:
    """Somebody who has no account yet."""
    word = letters()
    return Person(f"{name} {word.capitalize()}", f"{word}-{secrets.token_hex(3)}@example.test")


def composer(page: Page) -> Locator:
    """The composer under the article."""
    return page.locator("#composer")


def words_in_composer(page: Page) -> Locator:
    return composer(page).locator("textarea")


def press_main_button(page: Page) -> None:
    """The composer's one strong button: post, or join."""
    composer(page).locator("button.button--primary").click()


def type_words(page: Page, article: str, words: str) -> None:
    """Open an article and type into its composer."""
    page.goto(article)
    words_in_composer(page).fill(words)


def post(page: Page, article: str, words: str) -> Locator:
    """Post a comment; returns it."""
    type_words(page, article, words)
    press_main_button(page)
    mine = comment(page, words)
    expect(mine).to_be_visible()
    return mine


def comment(page: Page, words: str) -> Locator:
    """The comment with these words."""
    return page.locator("article.comment", has=page.locator(".comment__body", has_text=words))


def comment_id(found: Locator) -> int:
    return int((found.get_attribute("id") or "").removeprefix("comment-"))


def choose_plan(page: Page) -> None:
    """The first plan's monthly price."""
    page.get_by_role("button", name="Join VIP for").first.click()


def fill_sign_up(page: Page, person: Person) -> None:
    page.get_by_label("Display name").fill(person.name)
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Make my account").click()
    expect(page.get_by_role("heading", name="Look in your mail")).to_be_visible()


def confirm_address(page: Page, person: Person) -> None:
    """Open the link in the mail and press its one button."""
    page.goto(mail_link(page, person.email))
    page.get_by_role("button", name="Confirm and go on").click()


def expect_payment_page(page: Page) -> None:
    expect(page.get_by_role("heading", name="Subscribe to")).to_be_visible()


def go_to_payment(page: Page, article: str, person: Person, words: str) -> None:
    """From an article to the payment page, as somebody new."""
    type_words(page, article, words)
    press_main_button(page)
    choose_plan(page)
    fill_sign_up(page, person)
    confirm_address(page, person)
    expect_payment_page(page)


def reader_goes_to_payment(page: Page, article: str, person: Person, words: str) -> None:
    """From an article to the payment page, as somebody who has an account."""
    come_in(page, person)
    type_words(page, article, words)
    press_main_button(page)
    choose_plan(page)
    expect_payment_page(page)


def pay(page: Page, card: str = "Pay with a card that works") -> None:
    page.get_by_role("button", name=card).click()


def expect_words_wait(page: Page, words: str) -> None:
    """One is at the article, and the words are in the composer."""
    expect(page).to_have_url(re.compile(r"/articles/"))
    expect(words_in_composer(page)).to_have_value(words)


def join(page: Page, article: str, words: str = "A first word.") -> Person:
    """Become a paying member by the way from an article; ends in the composer with the words there."""
    person = newcomer("Member")
    go_to_payment(page, article, person, words)
    pay(page)
    expect_words_wait(page, words)
    return person


def come_in(page: Page, person: Person) -> None:
    """Be signed in from the first page on, in a browser that has been nowhere yet: where signing in is not the story."""
    assert person.start_session is not None
    assert page.context.cookies() == []
    page.context.add_cookies([{
        "name": "session", "value": person.start_session(), "domain": "127.0.0.1", "path": "/",
        "httpOnly": True, "sameSite": "Lax",
    }])  # fmt: skip


def sign_in(page: Page, person: Person) -> None:
    """Sign in by the form, and arrive."""
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".masthead__account summary")).to_contain_text(person.name)


def sign_in_as(page: Page, name: str) -> None:
    """Become one of the demo's people with one press; where that is not the story, `come_in` takes three pages less."""
    page.goto("/sign-in")
    page.get_by_role("button", name=name).click()
    expect(page.locator(".masthead__account summary")).to_contain_text(name)


def focused(page: Page) -> Locator:
    return page.locator(":focus")


def expect_announced(page: Page, words: str | re.Pattern[str]) -> None:
    """The page's polite live region says so."""
    expect(page.locator("#live")).to_contain_text(words)


def width_of_content(page: Page) -> tuple[int, int]:
    """How wide the page's content is, and how wide the window."""
    wide, window = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return int(wide), int(window)
