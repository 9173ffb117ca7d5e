"""What holds on every page: nothing serious for axe, nothing wider than a small phone, everything by keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests import factories
from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import findings, mail_link, pictures_wanted

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]

NARROW, WIDE, HEIGHT = 320, 1280, 900
BOTH_VIEWS = ((WIDE, False), (NARROW, True))  # no style depends on the width and the colours together
ONE_VIEW = ((NARROW, False),)
MOST_TABS = 25

# Everybody's pages, by the name of whom they are shown to; the main ones are looked at wide and light, narrow and dark.
MAIN = {
    "": ["/", steps.LEAD, steps.MEMBERS_STORY, f"/join?article={steps.LEAD.rpartition('/')[2]}", "/sign-in", "/sign-up"],
    "Vic Tanaka": [steps.LEAD, "/account/membership", "/account/comments"],
    "Mo Adeyemi": ["/moderation"],
    "Ed Kowalski": ["/newsroom?state=published", "/newsroom/articles/1"],
    "Pat Moreau": ["/publisher"],
}
OTHER = {
    "": [
        "/sections/politics", steps.CLOSED, "/rules", "/about", "/privacy", "/forgot-password", "/resend-confirmation",
        "/sign-up/sent", "/demo/mail", "/comments/1", "/comments/1/report", "/comments/1/reply", "/confirm/broken",
        "/reset-password/broken", "/nothing-here", f"{steps.LEAD}?sort=picks", "/search?q=table", "/search?q=-table",
        "/search?q=zzz&section=politics", "/readers/2", "/unsubscribe/reply/x",
        "/join/group?price=vip-month&seats=3",
        "/illegal-content", "/ledger",
    ],
    "Vic Tanaka": [
        "/account", "/account/reading", "/account/settings", "/account/data", "/account/delete", "/account/membership/cancel", "/join",
        "/comments/1/reply",
        "/moderation", "/account/notices", "/account/notices/settings", "/account/following", "/comments/1/more",
        "/readers/3/mute", "/readers/4/follow", "/account/browsers", "/account/gifts", "/account/gifts/new",
        "/account/membership/seats", "/account/membership/seats/change?seats=3",
        "/account/membership/agreements", "/account/membership/switch", "/account/prove", "/account/security", "/account/shared",
        "/account/warnings", "/account/record", "/account/keys",
    ],
    "Mo Adeyemi": [
        "/moderation/held", "/moderation/decided", "/moderation/objections", "/moderation/people",
        "/moderation/people?q=Vic", "/moderation/people/2", "/moderation/comments/1", "/moderation/comments/1/move", steps.LEAD,
        "/moderation/illegal-content", "/moderation/shift", "/moderation/mine", "/moderation/preferences",
        "/moderation/newcomers", "/moderation/unreviewed?q=bread", "/moderation/bulk",
        "/moderation/ladder", "/moderation/pairs", "/moderation/protection", "/moderation/flaggers", "/moderation/surge", "/moderation/threads/1",
    ],
    "Ed Kowalski": ["/newsroom", "/newsroom/articles/new", "/newsroom/articles/1/preview", "/newsroom/articles/1/figures",
                    "/comments/1/pick", "/newsroom/tips"],
    "Pat Moreau": [
        "/publisher/site", "/publisher/first-steps", "/publisher/sections", "/publisher/sections/1", "/publisher/sections/new",
        "/publisher/rules", "/publisher/rules/1", "/publisher/rules/new", "/publisher/people", "/publisher/people/import",
        "/publisher/people/2", "/publisher/ledger", "/publisher/ledger/reversals", "/publisher/insights",
        "/publisher/insights/gate", "/publisher/insights/staying", "/publisher/safety", "/publisher/plans",
        "/publisher/plans/vip", "/publisher/plans/new", "/publisher/promotions", "/publisher/system",
        "/publisher/told", "/publisher/plans/vip/prices", "/publisher/plans/prices/vip-month/rise",
        "/publisher/billing", "/publisher/billing/readers", "/publisher/billing/readers/2",
        "/publisher/screening", "/publisher/screening/lists", "/publisher/screening/lists/new/words",
        "/publisher/screening/test", "/publisher/screening/nudge", "/publisher/screening/classifier",
        "/publisher/screening/services", "/publisher/screening/history", "/publisher/fair-process", "/publisher/export",
        "/transparency", "/moderation-log", "/moderation/purges",
    ],
}  # fmt: skip


# Outside of what people wrote, who may write about mark-up; that stands in the direction of its own letters.
MARKUP_AS_TEXT = """() => {
  const written = [...document.querySelectorAll('[dir=auto]')];
  const outermost = written.filter(element => element.checkVisibility() && !element.parentElement.closest('[dir=auto]'));
  const count = elements => elements.reduce((sum, element) => sum + element.innerText.split('</').length - 1, 0);
  return count([document.body]) > count(outermost);
}"""


def look_at(page: Page, address: str, width: int, dark: bool) -> list[str]:
    """What axe finds, whether the page is wider than the window, and whether markup is shown as text."""
    show(page, width, dark)
    where = f"{address} at {width}{', dark' if dark else ''}"
    problems = [f"{where}: {found}" for found in findings(page)]
    wide, window = steps.width_of_content(page)
    if wide > window:
        problems.append(f"{where}: {wide} wide in a window of {window}")
    if page.evaluate(MARKUP_AS_TEXT):
        problems.append(f"{where}: markup is shown as text")
    if folder := pictures_wanted():
        name = "".join(letter if letter.isalnum() else "-" for letter in where)
        page.screenshot(path=folder / f"{name.strip('-')}.png", full_page=True)
    return problems


def show(page: Page, width: int, dark: bool) -> None:
    """Let the page be looked at so from now on."""
    if page.viewport_size != {"width": width, "height": HEIGHT}:
        page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme="dark" if dark else "light")


REFUSED = {
    "": {"/confirm/broken": 404, "/reset-password/broken": 404, "/nothing-here": 404, "/search?q=-table": 422},
    "Vic Tanaka": {"/moderation": 403},
}
PEOPLE = pytest.mark.parametrize("name", MAIN, ids=["visitor", "member", "moderator", "editor", "publisher"])


@pytest.mark.once
@PEOPLE
def test_every_page_can_be_used_by_everybody(new_browser: NewBrowser, backstage: Backstage, name: str) -> None:
    page, problems = new_browser().new_page(), []
    if name:
        steps.come_in(page, backstage.of_the_demo(name))
    for address in MAIN[name] + OTHER[name]:
        views = BOTH_VIEWS if address in MAIN[name] else ONE_VIEW
        show(page, *views[0])  # before the page comes, so that it is laid out once
        page.goto(address)
        for width, dark in views:
            problems += look_at(page, address, width, dark)
    assert problems == []


@pytest.mark.once
def test_a_fault_is_found_also_where_nearly_everything_looks_the_same(new_browser: NewBrowser) -> None:
    page = new_browser().new_page()
    page.goto("/privacy")
    assert findings(page) == []
    page.locator("main li").nth(1).evaluate("""item => {
      item.style.color = '#ccc';
      item.append(new Image());
    }""")
    assert [found.partition(":")[0] for found in findings(page)] == ["color-contrast", "image-alt"]
    assert not page.evaluate(MARKUP_AS_TEXT)
    page.locator("main li").nth(1).evaluate("item => item.append('</li>')")  # a text of the publisher's
    assert not page.evaluate(MARKUP_AS_TEXT)
    page.locator("footer").evaluate("footer => footer.append('</li>')")
    assert page.evaluate(MARKUP_AS_TEXT)


@pytest.mark.postgresql
@PEOPLE
def test_every_page_is_made_of_this_database_too(new_browser: NewBrowser, backstage: Backstage, name: str) -> None:
    page = new_browser(scripts=False).new_page()
    if name:
        steps.come_in(page, backstage.of_the_demo(name))
    answers = {address: page.request.get(address).status for address in MAIN[name] + OTHER[name]}
    assert {address: status for address, status in answers.items() if status != 200} == REFUSED.get(name, {})


@pytest.mark.once
def test_every_page_between_joining_and_posting_can_be_used_by_everybody(
    new_browser: NewBrowser, backstage: Backstage
) -> None:
    page, person, article = new_browser().new_page(), steps.newcomer(), backstage.article()
    problems: list[str] = []

    def look(what: str) -> None:
        for width, dark in BOTH_VIEWS:
            problems.extend(look_at(page, what, width, dark))

    steps.type_words(page, article, "On the way.")
    steps.press_main_button(page)
    expect(page.locator(".kept-draft")).to_be_visible()
    look("plans with kept words")
    steps.choose_plan(page)
    page.get_by_role("button", name="Make my account").click()
    expect(page.locator(".field__error").first).to_be_visible()
    look("sign-up with errors")
    steps.fill_sign_up(page, person)
    look("look in your mail")
    link = mail_link(page, person.email)
    look("mail")
    page.goto(link)
    look("confirm")
    page.get_by_role("button", name="Confirm and go on").click()
    steps.expect_payment_page(page)
    look("payment")
    steps.pay(page, "Card is declined")
    expect(page.get_by_role("alert")).to_be_visible()
    look("payment declined")
    steps.pay(page, "3-D Secure check")
    look("the bank asks")
    page.get_by_role("button", name="Complete the check").click()
    steps.expect_words_wait(page, "On the way.")
    steps.press_main_button(page)
    expect(steps.comment(page, "On the way.")).to_be_visible()
    look("posted")
    assert problems == []


@pytest.mark.once
def test_the_page_is_used_by_keyboard_alone(new_browser: NewBrowser, backstage: Backstage) -> None:
    page, article = new_browser().new_page(), backstage.article()
    steps.come_in(page, backstage.member())
    page.goto(article)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the text")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the text")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, steps.words_in_composer(page))
    page.keyboard.type("Said without a mouse.")
    tab_to(page, page.get_by_role("button", name="Post comment"))
    page.keyboard.press("Enter")
    said = steps.comment(page, "Said without a mouse.")
    expect(said).to_be_focused()
    steps.expect_announced(page, "Posted.")
    tab_to(page, said.get_by_role("link", name="Delete"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Delete your comment?")).to_be_visible()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it is there; every stop on the way shows where the focus is."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            "() => { const at = document.activeElement, style = getComputedStyle(at);"
            " return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; }"
        )
        assert shown, f"the focus is not seen on {page.evaluate('document.activeElement.outerHTML.slice(0, 200)')}"
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} was not reached in {MOST_TABS} presses")


# For each label that takes several lines, how its shortest compares with its longest.
EVENNESS = """buttons => buttons.filter(button => button.checkVisibility()).map(button => {
  const range = document.createRange(), lines = new Map();
  range.selectNodeContents(button);
  for (const part of range.getClientRects()) {
    const line = Math.round(part.top);
    lines.set(line, (lines.get(line) ?? 0) + part.width);
  }
  return [button.textContent.trim(), Math.min(...lines.values()) / Math.max(...lines.values())];
}).filter(([, evenness]) => evenness < 0.5)"""


@pytest.mark.once
def test_labels_of_the_guests_composer_break_evenly_on_a_small_phone(new_browser: NewBrowser) -> None:
    page = new_browser(width=NARROW).new_page()
    page.goto(steps.LEAD)
    assert steps.composer(page).locator("button").evaluate_all(EVENNESS) == []


@pytest.mark.once
def test_labels_of_a_case_break_evenly_on_a_small_phone(new_browser: NewBrowser, backstage: Backstage) -> None:
    page = new_browser(width=NARROW).new_page()
    steps.come_in(page, backstage.of_the_demo("Mo Adeyemi"))
    page.goto("/moderation/comments/1")
    page.get_by_text("Reject …").click()
    expect(page.get_by_role("button", name="Reject and tell the author")).to_be_visible()
    assert page.locator(".case button").evaluate_all(EVENNESS) == []


@pytest.mark.once
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_way_in_has_a_line_of_its_own_as_wide_as_what_was_typed(new_browser: NewBrowser, width: int) -> None:
    page = new_browser(width=width).new_page()
    page.goto(steps.LEAD)
    field = steps.words_in_composer(page).bounding_box()
    button = steps.composer(page).locator("button.button--primary").bounding_box()
    assert field
    assert button
    assert (round(button["x"]), round(button["width"])) == (round(field["x"]), round(field["width"]))


@pytest.mark.once
def test_the_message_after_muting_and_hearing_again_lies_over_nothing(
    new_browser: NewBrowser, backstage: Backstage
) -> None:
    """The page was too short for its way down to “Muted people”: the message stood over the tabs there."""
    page = new_browser(scripts=False, width=NARROW, height=700).new_page()
    steps.come_in(page, backstage.reader())
    page.goto("/readers/3/mute")
    page.locator("main form button").first.click()
    page.get_by_role("button", name="Hear of them again").click()
    message = page.locator(".flashes")
    expect(message).to_contain_text("no longer muted")
    box, tabs = message.bounding_box(), page.locator(".account__nav").bounding_box()
    assert box
    assert tabs
    assert 0 <= box["y"] < box["y"] + box["height"] <= tabs["y"]


@pytest.mark.once
def test_a_message_that_stays_in_sight_lets_nothing_through(new_browser: NewBrowser, backstage: Backstage) -> None:
    page = new_browser(scripts=False, width=NARROW).new_page()
    steps.come_in(page, backstage.reader())
    page.goto(steps.BREAD)
    page.locator(".thread__bar button.follow").click()
    message = page.locator(".flashes")
    expect(message).to_contain_text("You now follow this discussion.")
    box, colour = message.bounding_box(), "element => getComputedStyle(element).backgroundColor"
    assert box
    assert box["y"] == 0
    assert message.evaluate(colour) == page.locator("body").evaluate(colour)


@pytest.mark.once
def test_following_an_author_does_not_read_as_part_of_their_name(new_browser: NewBrowser) -> None:
    page, look = new_browser().new_page(), "element => [getComputedStyle(element).color, getComputedStyle(element).fontWeight]"
    page.goto(steps.LEAD)
    name, way = (page.locator(f".article .byline {part}").evaluate(look) for part in ("b", ".byline__follow"))
    assert not set(name) & set(way)


@pytest.mark.once
@pytest.mark.parametrize("address", [steps.LEAD, steps.BREAD], ids=["with an account", "without"])
def test_who_wrote_a_story_and_when_stand_on_one_line(new_browser: NewBrowser, address: str) -> None:
    page = new_browser().new_page()
    page.goto(address)
    name, day = (page.locator(f".article__meta {part}").first.bounding_box() for part in (".byline b", "time"))
    assert name
    assert day
    assert abs(name["y"] + name["height"] - day["y"] - day["height"]) < 1


# Where the last line begins and ends, and how far it is from the right edge of its box.
ENDS_OF_TEXT = """element => {
  const places = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (let at = 0; at < node.data.length; at++) {
      if (!node.data[at].trim()) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      places.push(range.getBoundingClientRect());
    }
  }
  const last = places.at(-1), line = places.filter(place => place.bottom > last.top);
  const edge = element.getBoundingClientRect().right;
  return [line[0].left, last.left, edge - Math.max(...line.map(one => one.right))];
}"""


@pytest.mark.once
def test_from_right_to_left_the_page_is_mirrored(new_browser: NewBrowser, backstage: Backstage) -> None:
    page, publisher = new_browser().new_page(), new_browser().new_page()
    page.goto(steps.LEAD)
    left = page.locator(".masthead__account").bounding_box()
    steps.come_in(publisher, backstage.of_the_demo("Pat Moreau"))
    publisher.goto("/publisher/site")
    publisher.get_by_label("Direction of the script").select_option("rtl")
    publisher.get_by_role("button", name="Save").click()
    try:
        expect(publisher.locator("html")).to_have_attribute("dir", "rtl")
        for address in ("/", steps.LEAD, "/join", "/sign-in"):
            for width in (WIDE, NARROW):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                page.goto(address)
                expect(page.locator("html")).to_have_attribute("dir", "rtl")
                wide, window = steps.width_of_content(page)
                assert wide <= window, f"{address} at {width}: {wide}"
                if folder := pictures_wanted():
                    page.screenshot(path=folder / f"rtl{address.replace('/', '-')[:20]}-{width}.png", full_page=True)
        page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        page.goto(steps.LEAD)
        for english in (".masthead__date", ".article__facts", ".article__facts a", "#comments-title", ".composer__hint"):
            first, last, end = page.locator(english).first.evaluate(ENDS_OF_TEXT)
            assert first < last, f"{english} is written backwards"
            assert end < 1, f"{english} does not begin where everything does"
        right = page.locator(".masthead__account").bounding_box()
        assert left
        assert right
        assert left["x"] > WIDE / 2 > right["x"] + right["width"]
        root = page.locator("#comment-list > li > article.comment").first.bounding_box()
        reply = page.locator("#comment-list > li > ol article.comment").first.bounding_box()
        assert root
        assert reply
        assert reply["x"] + reply["width"] < root["x"] + root["width"]
    finally:
        with backstage.inside():
            factories.make_site(direction="ltr")
