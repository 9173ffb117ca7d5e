"""Forms that another site sends in a reader's name."""

import pytest
from flask import Flask

from core import csrf
from tests.browser import Browser
from tests.factories import make_article, make_site, make_user

PASSWORD = "correct horse battery staple"
FOREIGN = (
    {"Origin": "https://evil.test"},
    {"Origin": "https://localhost.evil.test"},
    {"Origin": "null"},
    {"Origin": "http://[evil"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
)


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_cannot_sign_a_reader_in_as_somebody_else(client: Browser, headers: dict[str, str]) -> None:
    make_site()
    make_user(email="attacker@example.test", password=PASSWORD)
    # Browsers leave SameSite cookies out of such a request, so it looks like a visitor's; the token is everybody's.
    answer = client.post("/sign-in", {"email": "attacker@example.test", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers  # it would take the place of the session that the browser kept back


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_cannot_put_words_into_the_composer(client: Browser, headers: dict[str, str]) -> None:
    make_site()
    article = make_article()
    answer = client.post(f"/articles/{article.slug}/comments", {"body": "Not mine"}, headers=headers)
    assert answer.status_code == 403
    assert "Not mine" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://localhost"}, {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
     {"Origin": "null", "Sec-Fetch-Site": "same-origin"}],
)  # fmt: skip
def test_our_own_forms_are_taken(client: Browser, headers: dict[str, str]) -> None:
    make_site()
    make_user(email="reader@example.test", password=PASSWORD)
    answer = client.post("/sign-in", {"email": "reader@example.test", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 303


def test_a_form_without_a_token_does_not_end_the_session_that_was_kept_back(client: Browser) -> None:
    make_site()
    for path in ("/sign-in", "/sign-out", "/account/settings/sessions", "/nothing-here"):
        answer = client.post(path, token=False)
        assert answer.status_code in {400, 404}
        assert "Set-Cookie" not in answer.headers


@pytest.mark.once
def test_a_form_that_needs_no_token_proves_none(client: Browser) -> None:
    """What was proved is remembered; an exempt form, sent after a good one, must not be taken for a proof."""
    make_site()
    client.post("/sign-in", {"email": "nobody@example.test", "password": "x"})
    client.post("/webhooks/stripe", token=False)
    client.post("/articles/nothing/comments", token=False)
    assert client.post("/sign-in", token=False).status_code == 400


def test_the_visitors_token_is_no_token_for_somebody_with_a_session(app: Flask) -> None:
    make_site()
    browser = Browser(app).sign_in(make_user())
    with app.test_request_context():
        common = csrf.guest_token()
    assert browser.post("/account/settings/sessions", {"csrf_token": common}).status_code == 400
