"""From a stranger to a confirmed reader."""

import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from blueprints.accounts import passwords
from blueprints.accounts.session import signed_in_signal
from blueprints.accounts.signals import signed_up_signal
from core import clock
from core.db import db, is_writing, transaction
from models.user import User
from tests.accounts.mailbox import OTHER_PASSWORD, PASSWORD, link_in, mails_to, newest_link
from tests.browser import Browser, text_of
from tests.factories import fresh, make_site, make_user

ADDRESS = "nora@example.test"


@pytest.fixture(autouse=True)
def _site(app: Flask) -> None:
    make_site()


def sign_up(client: Browser, **changes: str):
    fields = {"display_name": "Nora Quist", "email": ADDRESS, "password": PASSWORD, "next": "/"}
    return client.post("/sign-up", fields | changes)


def person(email: str = ADDRESS) -> User | None:
    return db.session().scalar(select(User).where(User.email == email).execution_options(populate_existing=True))


def is_signed_in(client: Browser) -> bool:
    return client.get("/account").status_code == 200


@pytest.mark.once
def test_a_stranger_becomes_a_signed_in_reader_by_one_mail(client: Browser) -> None:
    sent = sign_up(client, next="/articles/a-story#composer")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/sign-up/sent")
    assert "We have sent a mail to nora@example.test" in text_of(client.follow(sent))
    link = newest_link(ADDRESS, "/confirm/")
    page = client.get(link)
    assert page.status_code == 200
    assert "Nora Quist" in text_of(page)
    done = client.post(link)
    assert (done.status_code, done.headers["Location"]) == (303, "/articles/a-story#composer")
    assert "Nora Quist" in text_of(client.get("/account"))
    assert person().confirmed_at is not None


def test_the_confirmed_reader_goes_on_to_the_checkout_by_the_same_post(client: Browser) -> None:
    sign_up(client, next="/join/checkout?price=vip-month&article=a-story")
    done = client.post(newest_link(ADDRESS, "/confirm/"))
    assert done.status_code == 307
    assert done.headers["Location"] == "/join/checkout?price=vip-month&article=a-story"


def test_a_scanner_that_opens_the_link_changes_nothing(client: Browser, app: Flask) -> None:
    sign_up(client)
    link = newest_link(ADDRESS, "/confirm/")
    scanner = Browser(app)
    assert [scanner.get(link).status_code for _ in range(3)] == [200, 200, 200]
    assert scanner.http.head(link).status_code == 200
    assert person().confirmed_at is None
    assert not is_signed_in(scanner)
    assert client.post(link).status_code == 303
    assert is_signed_in(client)


def test_a_link_is_good_once(client: Browser, app: Flask) -> None:
    sign_up(client)
    link = newest_link(ADDRESS, "/confirm/")
    client.post(link)
    somebody_else = Browser(app)
    again = somebody_else.post(link)
    assert again.status_code == 410
    assert "Your address is confirmed" in text_of(again)
    assert not is_signed_in(somebody_else)


def test_pressing_confirm_twice_goes_on_both_times(client: Browser) -> None:
    sign_up(client, next="/articles/a-story")
    link = newest_link(ADDRESS, "/confirm/")
    assert [client.post(link).headers["Location"] for _ in range(2)] == ["/articles/a-story"] * 2
    assert client.get(link).headers["Location"] == "/articles/a-story"


def test_an_expired_link_offers_a_new_one_that_still_knows_where_to_go(client: Browser) -> None:
    sign_up(client, next="/articles/a-story")
    link = newest_link(ADDRESS, "/confirm/")
    with time_machine.travel(clock.now() + timedelta(days=3, minutes=1)):
        page = client.get(link)
        assert page.status_code == 410
        assert "Send a new link" in text_of(page)
        assert client.post(link).status_code == 410
        assert person().confirmed_at is None
        sent = client.post("/resend-confirmation", {"token": link.removeprefix("/confirm/")})
        assert sent.headers["Location"] == "/sign-up/sent"
        assert client.post(newest_link(ADDRESS, "/confirm/")).headers["Location"] == "/articles/a-story"


@pytest.mark.parametrize("token", ["x", "eyJ1IjoxfQ.aaa.bbb", "%F0%9F%92%A9", "a" * 3000])
def test_a_broken_link_is_explained(client: Browser, token: str) -> None:
    for page in (client.get(f"/confirm/{token}"), client.post(f"/confirm/{token}")):
        assert page.status_code == 404
        assert "This link is not complete" in text_of(page)


def test_a_known_address_gets_the_same_answer_and_another_mail(client: Browser, app: Flask) -> None:
    make_user("Old Hand", email="known@example.test", password=PASSWORD)
    stranger = Browser(app)
    answers = []
    for browser, address, name in ((client, "known@example.test", "Nora Quist"), (stranger, ADDRESS, "Nora Kvist")):
        answer = sign_up(browser, email=address, display_name=name)
        answers.append((answer.status_code, answer.headers["Location"], answer.get_data()))
        page = browser.get("/sign-up/sent").get_data(as_text=True)
        answers[-1] += (page.replace(address, "").split("<main")[1],)
    assert answers[0] == answers[1]
    (mail,) = mails_to("known@example.test")
    assert mail.kind == "known-address"
    assert link_in(mail) == "/sign-in"
    assert person("known@example.test").display_name == "Old Hand"
    assert passwords.is_password(PASSWORD, person("known@example.test").password)


def test_the_name_is_looked_at_first_so_a_taken_one_says_nothing_of_the_address(client: Browser) -> None:
    make_user("Old Hand", email="known@example.test")
    pages = [sign_up(client, email=address, display_name="Old Hand") for address in ("known@example.test", ADDRESS)]
    assert [page.status_code for page in pages] == [422, 422]
    assert text_of(pages[0]) == text_of(pages[1])
    assert mails_to("known@example.test") == []


@pytest.mark.parametrize("alike", ["Old Hand", "old  hand", "0ld Hand", "Οld Hand", "OLD HAND", "Old.Hand"])
def test_a_name_that_looks_like_another_is_refused(client: Browser, alike: str) -> None:
    make_user("Old Hand")
    page = sign_up(client, display_name=alike)
    assert page.status_code == 422
    assert "one that looks like it" in text_of(page) or "alphabets" in text_of(page)
    assert person() is None


def test_nobody_may_be_called_like_the_paper(client: Browser) -> None:
    for name in ("The Meridian", "Moderator", "the meridian 2"):
        assert "reserved" in text_of(sign_up(client, display_name=name))


def test_a_taken_name_and_a_short_password_are_told_at_once_whoever_has_the_address(client: Browser, app: Flask) -> None:
    make_user("Old Hand", email="known@example.test", password=PASSWORD)
    pages = []
    for address in ("known@example.test", ADDRESS, "no address"):
        page = sign_up(Browser(app), email=address, display_name="Old Hand", password="short")
        assert page.status_code == 422
        pages.append(text_of(page).replace(address, ""))
        assert "Somebody here has this name already" in pages[-1]
        assert "Please use at least 10 characters." in pages[-1]
    assert pages[0] == pages[1]
    assert "does not look like an e-mail address" in pages[2]
    assert "has this name" not in text_of(sign_up(client, password="short"))


def test_who_never_confirmed_keeps_the_name_when_only_the_password_is_refused(client: Browser) -> None:
    sign_up(client)
    page = text_of(sign_up(client, password="short"))
    assert "Please use at least 10 characters." in page
    assert "has this name" not in page


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("short", "at least 10 characters"),
        ("password1234", "very many people use"),
        ("Nora Quist1", "your name"),
        ("nora@example.test", "your name"),
        ("qazwsxedcrfv", "very many people use"),
        ("aaaaaaaaaaaaaaaa", "easy to guess"),
        ("x" * 201, "at most 200"),
    ],
)  # fmt: skip
def test_a_weak_password_is_refused_with_the_reason(client: Browser, password: str, sentence: str) -> None:
    page = sign_up(client, password=password)
    assert page.status_code == 422
    assert sentence in text_of(page)
    assert person() is None


def test_a_refused_form_comes_back_with_all_that_was_typed_but_the_password(client: Browser) -> None:
    page = sign_up(client, email="not an address", next="/articles/a-story").get_data(as_text=True)
    assert 'value="Nora Quist"' in page
    assert 'value="not an address"' in page
    assert 'value="/articles/a-story"' in page
    assert PASSWORD not in page


def test_every_problem_is_named_at_once(client: Browser) -> None:
    page = text_of(sign_up(client, display_name="", email="", password=""))
    assert "Please choose a name." in page
    assert "Please enter your e-mail address." in page
    assert "at least 10 characters" in page


def test_addresses_are_one_however_they_are_written(client: Browser) -> None:
    sign_up(client, email="  Nora@EXAMPLE.test ")
    assert person() is not None
    sign_up(client, email="NORA@example.TEST", display_name="Somebody New")
    assert db.session().scalar(select(func.count()).select_from(User)) == 1


def test_an_account_never_confirmed_is_made_anew_and_older_links_are_dead(client: Browser, app: Flask) -> None:
    sign_up(client, display_name="An Impostor", password=OTHER_PASSWORD)
    old_link = newest_link(ADDRESS, "/confirm/")
    owner = Browser(app)
    sign_up(owner)
    dead = owner.get(old_link)
    assert dead.status_code == 410
    assert "There is a newer link" in text_of(dead)
    assert owner.post(newest_link(ADDRESS, "/confirm/")).status_code == 303
    found = person()
    assert found.display_name == "Nora Quist"
    assert passwords.is_password(PASSWORD, found.password)
    assert not passwords.is_password(OTHER_PASSWORD, found.password)


def test_signing_up_again_with_the_same_name_before_confirming_works(client: Browser) -> None:
    sign_up(client)
    assert sign_up(client).status_code == 303
    assert len(mails_to(ADDRESS, "confirm")) == 2


def test_the_signals_are_sent_inside_the_transaction(client: Browser) -> None:
    heard = []

    def hear_up(_sender: object, user_id: int) -> None:
        heard.append(("up", user_id, is_writing()))

    def hear_in(_sender: object, user_id: int) -> None:
        heard.append(("in", user_id, is_writing()))

    with signed_up_signal.connected_to(hear_up), signed_in_signal.connected_to(hear_in):
        sign_up(client)
        client.post(newest_link(ADDRESS, "/confirm/"))
    assert heard == [("up", person().id, True), ("in", person().id, True)]


def test_asking_again_says_the_same_for_every_address(client: Browser) -> None:
    sign_up(client)
    make_user("Old Hand", email="known@example.test")
    answers = set()
    for address in (ADDRESS, "known@example.test", "nobody@example.test"):
        answer = client.post("/resend-confirmation", {"email": address})
        answers.add((answer.status_code, answer.headers["Location"], answer.get_data()))
    assert len(answers) == 1
    assert len(mails_to(ADDRESS, "confirm")) == 2
    assert [mail.kind for mail in mails_to("known@example.test")] == ["known-address"]
    assert mails_to("nobody@example.test") == []


def test_a_job_that_runs_twice_writes_one_mail(client: Browser) -> None:
    from blueprints.accounts.jobs import write_confirmation

    user = make_user(confirmed=False, email=ADDRESS)
    for _ in range(2):
        write_confirmation(user.id, "/", "the-same-asking")
    assert len(mails_to(ADDRESS)) == 1


def test_a_signed_in_reader_is_led_on_instead(client: Browser) -> None:
    client.sign_in(make_user())
    assert client.get("/sign-up?next=/articles/a").headers["Location"] == "/articles/a"
    assert client.get("/sign-in?next=/join/checkout?price=vip-month").headers["Location"] == "/join?price=vip-month"


@pytest.mark.parametrize(
    ("names", "addresses"),
    [
        (("Twin Star", "Twin Star"), ("one@example.test", "two@example.test")),
        (("Twin Star", "Tw1n Star"), ("one@example.test", "two@example.test")),
        (("Twin Star", "Other Moon"), ("one@example.test", "one@example.test")),
    ],
    ids=["same name", "names that look alike", "same address"],
)  # fmt: skip
def test_two_sign_ups_at_once_end_in_one_account_and_two_answers(
    app: Flask, names: tuple[str, str], addresses: tuple[str, str]
) -> None:
    browsers = [Browser(app), Browser(app)]
    pages = [browser.get("/sign-up") for browser in browsers]
    assert all(page.status_code == 200 for page in pages)
    tokens = [browser.token() for browser in browsers]
    start, answers = threading.Barrier(2), [0, 0]

    def run(number: int) -> None:
        fields = {"display_name": names[number], "email": addresses[number], "password": PASSWORD}
        start.wait()
        answers[number] = browsers[number].http.post(
            "/sign-up", data=fields | {"csrf_token": tokens[number]}
        ).status_code

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session().rollback()
    assert db.session().scalar(select(func.count()).select_from(User)) == 1
    same_address = addresses[0] == addresses[1]
    assert sorted(answers) == ([303, 303] if same_address else [303, 422])


def test_a_name_taken_at_the_last_moment_is_a_sentence_not_an_error(client: Browser, monkeypatch) -> None:
    from blueprints.accounts import queries

    make_user("Old Hand")
    looked = queries.name_is_taken
    asked = []

    def blind_at_first(*args, **options):
        asked.append(args)
        return len(asked) > 1 and looked(*args, **options)

    monkeypatch.setattr(queries, "name_is_taken", blind_at_first)
    page = sign_up(client, display_name="Old Hand")
    assert page.status_code == 422
    assert "Somebody here has this name already" in text_of(page)


def test_those_who_never_confirm_are_forgotten_and_their_name_is_free(client: Browser, app: Flask) -> None:
    from blueprints.accounts.jobs import forget_unconfirmed

    sign_up(client)
    kept = make_user("A Reader")
    mails_to(ADDRESS)
    forget_unconfirmed()
    assert person() is not None
    with time_machine.travel(clock.now() + timedelta(days=15)):
        forget_unconfirmed()
        forget_unconfirmed()
        assert person() is None
        assert sign_up(Browser(app), email="later@example.test").status_code == 303
    assert fresh(kept).active


def test_hashing_is_never_done_inside_a_transaction(app: Flask) -> None:
    with pytest.raises(RuntimeError), transaction():
        passwords.hash_password(PASSWORD)
