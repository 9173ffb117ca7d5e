"""Coming back: password, forgotten password, the demonstration's people."""

import statistics
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from blueprints.accounts import passwords
from core import clock
from tests.accounts.mailbox import OTHER_PASSWORD, PASSWORD, mails_to, newest_link
from tests.browser import Browser, text_of
from tests.conftest import examples
from tests.factories import fresh, make_site, make_user

ADDRESS = "nora@example.test"


@pytest.fixture(autouse=True)
def _site(app: Flask) -> None:
    make_site()


@pytest.fixture
def production(app: Flask) -> Iterator[None]:
    app.config["PRODUCTION"] = True
    yield
    app.config["PRODUCTION"] = False


def sign_in(client: Browser, email: str = ADDRESS, password: str = PASSWORD, **more: str):
    return client.post("/sign-in", {"email": email, "password": password} | more)


def is_signed_in(client: Browser) -> bool:
    return client.get("/account").status_code == 200


def test_address_and_password_sign_in_and_lead_on(client: Browser) -> None:
    make_user("Nora Quist", email=ADDRESS, password=PASSWORD)
    done = sign_in(client, email=" NORA@example.test ", next="/articles/a-story#composer")
    assert (done.status_code, done.headers["Location"]) == (303, "/articles/a-story#composer")
    assert is_signed_in(client)


def test_signing_in_on_the_way_to_the_checkout_goes_on_by_the_same_post(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    done = sign_in(client, next="/join/checkout?price=vip-year&article=a-story")
    assert (done.status_code, done.headers["Location"]) == (307, "/join/checkout?price=vip-year&article=a-story")


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    make_user(email="no-password@example.test")
    pages = [
        sign_in(client, password=OTHER_PASSWORD),
        sign_in(client, email="nobody@example.test"),
        sign_in(client, email="no-password@example.test"),
        sign_in(client, email="not an address\x00"),
    ]  # fmt: skip
    assert {page.status_code for page in pages} == {422}
    assert len({text_of(page) for page in pages}) == 1
    assert "do not belong together" in text_of(pages[0])
    assert not is_signed_in(client)


@pytest.mark.once
@pytest.mark.usefixtures("full_cost")
def test_the_answer_takes_about_as_long_for_known_and_unknown_addresses(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)

    def seconds(email: str) -> float:
        before = time.perf_counter()
        sign_in(client, email=email, password=OTHER_PASSWORD)
        return time.perf_counter() - before

    sign_in(client)
    times = [(seconds(ADDRESS), seconds("nobody@example.test")) for _ in range(3)]
    known, unknown = (statistics.median(column) for column in zip(*times, strict=True))
    assert unknown > known / 2
    assert known > unknown / 2


@pytest.mark.usefixtures("full_cost")
def test_nobodys_password_is_hashed_as_everybody_elses(app: Flask) -> None:
    assert passwords.NOBODY.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.NOBODY.split("$")[:4] == passwords.hash_password(PASSWORD).split("$")[:4]
    assert passwords.renewed(PASSWORD, passwords.NOBODY) is None


@pytest.mark.once
@pytest.mark.usefixtures("full_cost")
def test_a_new_secret_key_leaves_passwords_as_they_are(app: Flask) -> None:
    hashed = passwords.hash_password(PASSWORD)
    key = app.config["SECRET_KEY"]
    app.config["SECRET_KEY"] = "another"
    try:
        assert passwords.is_password(PASSWORD, hashed)
    finally:
        app.config["SECRET_KEY"] = key


@pytest.mark.once
@pytest.mark.usefixtures("full_cost")
def test_a_password_hashed_with_older_settings_is_renewed_when_used(client: Browser) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    user = make_user(email=ADDRESS)
    from core.db import transaction

    with transaction() as session:
        session.merge(user).password = old
    assert sign_in(client).status_code == 303
    assert fresh(user).password.split("$")[3] == passwords.NOBODY.split("$")[3]
    assert sign_in(Browser(client.app)).status_code == 303


def test_who_knows_the_password_of_an_unconfirmed_account_gets_the_link_again(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD, confirmed=False)
    done = sign_in(client, next="/articles/a-story")
    assert done.headers["Location"] == "/sign-up/sent"
    assert "not confirmed yet" in text_of(client.follow(done))
    assert not is_signed_in(client)
    assert client.post(newest_link(ADDRESS, "/confirm/")).headers["Location"] == "/articles/a-story"


def test_a_wrong_password_never_tells_that_an_account_waits(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD, confirmed=False)
    assert "do not belong together" in text_of(sign_in(client, password=OTHER_PASSWORD))
    assert mails_to(ADDRESS) == []


@pytest.mark.once
@pytest.mark.usefixtures("production")
def test_an_account_is_guarded_against_guessing_but_not_by_right_passwords(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    for _ in range(12):
        assert sign_in(client).status_code == 303
    answers = [sign_in(client, email=ADDRESS.upper(), password=OTHER_PASSWORD).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
    stopped = sign_in(client)
    assert stopped.status_code == 429
    assert int(stopped.headers["Retry-After"]) > 0


@pytest.mark.usefixtures("production")
def test_one_browser_cannot_ask_for_mail_without_end(client: Browser) -> None:
    answers = [client.post("/forgot-password", {"email": ADDRESS}).status_code for _ in range(6)]
    assert answers == [303] * 5 + [429]


OUTSIDE = [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "javascript:alert(1)", "evil.example", "///evil.example", "/\r\nSet-Cookie: a=b", "http:/evil.example", " //evil.example",
]  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("target", OUTSIDE)
def test_next_never_leads_to_another_site(client: Browser, target: str) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    assert sign_in(client, next=target).headers["Location"] == "/"
    assert client.get("/sign-in", query_string={"next": target}).headers["Location"] == "/"
    newcomer = Browser(client.app)
    newcomer.post(
        "/sign-up",
        {"display_name": "Somebody", "email": "new@example.test", "password": OTHER_PASSWORD, "next": target},
    )
    assert newcomer.post(newest_link("new@example.test", "/confirm/")).headers["Location"] == "/"


@pytest.mark.once
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(target="\0")
@given(target=st.text(max_size=40) | st.from_regex(r"[/\\]{1,3}[a-z.@:/\\?#]{0,20}", fullmatch=True))
def test_whatever_next_is_the_browser_stays_on_this_site(client: Browser, target: str) -> None:
    from urllib.parse import urljoin, urlsplit

    client.sign_in(make_user())
    answer = client.get("/sign-in", query_string={"next": target})
    if "\0" in target:
        assert answer.status_code == 400
        assert "Location" not in answer.headers
        return
    assert urlsplit(urljoin("http://localhost/sign-in", answer.headers["Location"])).netloc == "localhost"


def test_signing_out_is_a_post_and_ends_the_session(client: Browser) -> None:
    client.sign_in(make_user())
    assert client.get("/sign-out").status_code == 405
    assert is_signed_in(client)
    answer = client.post("/sign-out")
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    assert not is_signed_in(client)


def test_nothing_of_the_session_before_stays_after_signing_in(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    with client.http.session_transaction() as session:
        session["of_a_stranger"] = "x"
    sign_in(client)
    with client.http.session_transaction() as session:
        assert "of_a_stranger" not in session


def test_a_forgotten_password_is_set_anew_by_mail(client: Browser, app: Flask) -> None:
    user = make_user(email=ADDRESS, password=PASSWORD)
    elsewhere = Browser(app).sign_in(user)
    assert is_signed_in(elsewhere)
    sent = client.post("/forgot-password", {"email": ADDRESS, "next": "/articles/a-story"})
    assert sent.headers["Location"] == "/sign-up/sent"
    link = newest_link(ADDRESS, "/reset-password/")
    assert client.get(link).status_code == 200
    assert is_signed_in(elsewhere)
    done = client.post(link, {"password": OTHER_PASSWORD})
    assert (done.status_code, done.headers["Location"]) == (303, "/articles/a-story")
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert sign_in(Browser(app), password=OTHER_PASSWORD).status_code == 303
    assert sign_in(Browser(app), password=PASSWORD).status_code == 422
    assert mails_to(ADDRESS, "password-changed")


def test_a_reset_link_is_good_once_for_two_hours_and_offers_another(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    client.post("/forgot-password", {"email": ADDRESS})
    link = newest_link(ADDRESS, "/reset-password/")
    with time_machine.travel(clock.now() + timedelta(hours=2, minutes=1)):
        late = client.post(link, {"password": OTHER_PASSWORD})
        assert late.status_code == 410
        assert "It worked for two hours" in text_of(late)
        assert "Send a new link" in text_of(client.get(link))
    assert client.post(link, {"password": OTHER_PASSWORD}).status_code == 303
    again = Browser(client.app).post(link, {"password": PASSWORD})
    assert again.status_code == 410
    assert sign_in(Browser(client.app), password=OTHER_PASSWORD).status_code == 303


def test_a_weak_new_password_is_refused_and_the_link_stays_good(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    client.post("/forgot-password", {"email": ADDRESS})
    link = newest_link(ADDRESS, "/reset-password/")
    assert client.post(link, {"password": "password1234"}).status_code == 422
    assert client.post(link, {"password": OTHER_PASSWORD}).status_code == 303


def test_a_reset_link_also_proves_the_address(client: Browser) -> None:
    user = make_user(email=ADDRESS, password=PASSWORD, confirmed=False)
    client.post("/forgot-password", {"email": ADDRESS})
    client.post(newest_link(ADDRESS, "/reset-password/"), {"password": OTHER_PASSWORD})
    assert fresh(user).confirmed_at is not None


def test_asking_for_a_reset_says_the_same_for_every_address(client: Browser) -> None:
    make_user(email=ADDRESS, password=PASSWORD)
    answers = {
        (answer.status_code, answer.headers["Location"], answer.get_data())
        for answer in (client.post("/forgot-password", {"email": email}) for email in (ADDRESS, "nobody@example.test"))
    }
    assert len(answers) == 1
    assert mails_to("nobody@example.test") == []


def test_the_demonstrations_people_are_one_press_away_in_their_order(client: Browser) -> None:
    first = make_user("Rosa Lindqvist", is_demo=True, demo_line="A reader.")
    make_user("Vic Tanaka", is_demo=True, demo_line="A member.")
    make_user("Piet", is_demo=True)
    page = text_of(client.get("/sign-in?next=/articles/a"))
    assert page.index("Rosa Lindqvist") < page.index("Vic Tanaka")
    assert "Piet" not in page
    done = client.post("/demo/sign-in", {"user_id": str(first.id), "next": "/articles/a"})
    assert (done.status_code, done.headers["Location"]) == (303, "/articles/a")
    assert "Rosa Lindqvist" in text_of(client.get("/account"))


def test_one_of_the_demonstrations_people_can_become_another_without_signing_out(client: Browser) -> None:
    rosa = make_user("Rosa Lindqvist", is_demo=True, demo_line="A reader.")
    vic = make_user("Vic Tanaka", is_demo=True, demo_line="A member.")
    client.post("/demo/sign-in", {"user_id": str(rosa.id)})
    page = text_of(client.get("/sign-in"))
    assert "You are signed in as Rosa Lindqvist" in page
    client.post("/demo/sign-in", {"user_id": str(vic.id)})
    assert "Vic Tanaka" in text_of(client.get("/account"))
    assert client.get("/sign-in?next=/articles/a").headers["Location"] == "/articles/a"


@pytest.mark.usefixtures("production")
def test_in_production_whoever_is_signed_in_is_led_on(client: Browser) -> None:
    make_user("Nora Quist", email=ADDRESS, password=PASSWORD)
    sign_in(client)
    assert client.get("/sign-in").headers["Location"] == "/"


def test_the_page_says_why_somebody_should_sign_in(client: Browser) -> None:
    assert "Please sign in to go on" in text_of(client.get("/sign-in?next=/articles/a"))
    assert "Please sign in to go on" not in text_of(client.get("/sign-in"))


def test_nobody_else_is_signed_in_without_a_password(client: Browser) -> None:
    real = make_user("A Real Person")
    for user_id in (str(real.id), "999999", "", "x"):
        assert client.post("/demo/sign-in", {"user_id": user_id}).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.usefixtures("production")
def test_in_production_there_is_no_sign_in_without_a_password(client: Browser) -> None:
    person = make_user("Rosa Lindqvist", is_demo=True, demo_line="A reader.")
    assert client.post("/demo/sign-in", {"user_id": str(person.id)}).status_code == 404
    assert "Rosa Lindqvist" not in text_of(client.get("/sign-in"))


def test_pages_with_tokens_are_kept_by_no_cache_and_no_search_engine(client: Browser) -> None:
    for path in ("/sign-in", "/sign-up", "/forgot-password", "/confirm/x", "/reset-password/x"):
        page = client.get(path)
        assert page.headers["Cache-Control"] == "private, no-store"
        assert page.headers["X-Robots-Tag"] == "noindex"
