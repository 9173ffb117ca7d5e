"""A gate on a screen is counted without a cookie, and the publisher sees it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage

pytestmark = [pytest.mark.browser, pytest.mark.once]
NewBrowser = Callable[..., BrowserContext]

LOOKS = 60
SECOND = 1_000


def test_a_gate_that_was_seen_and_pressed_shows_among_the_figures(new_browser: NewBrowser, backstage: Backstage) -> None:
    headline = "A story with a gate to be counted"
    path = backstage.article(headline, comment_audience="members")
    visitor = new_browser().new_page()
    visitor.add_init_script("Object.defineProperty(navigator, 'webdriver', { get: () => false })")
    visitor.set_extra_http_headers({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"})
    visitor.goto("/")
    with visitor.expect_response(lambda answer: answer.url.endswith(f"{path}/seen")) as told:
        visitor.goto(path)
        steps.composer(visitor).scroll_into_view_if_needed()
    assert told.value.status == 204
    assert "cookie" not in told.value.request.all_headers()
    assert told.value.request.post_data is None
    steps.words_in_composer(visitor).fill("I was there.")
    steps.press_main_button(visitor)
    expect(visitor.get_by_role("heading", name="Join")).to_be_visible()
    pat = new_browser().new_page()
    steps.come_in(pat, backstage.of_the_demo("Pat Moreau"))
    row = pat.get_by_role("row").filter(has_text=headline)
    for _ in range(LOOKS):
        pat.goto("/publisher/insights/gate?days=7")
        if row.count():
            break
        pat.wait_for_timeout(SECOND)
    expect(row.get_by_role("cell")).to_have_text([row.get_by_role("cell").first.inner_text(), "1", "1", "0", "0", "0", "0.00 %"])
