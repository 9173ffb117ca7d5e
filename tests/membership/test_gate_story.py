"""The gate is the product: what a stranger typed is in the composer when they come back as a member."""

import re
from urllib.parse import urlsplit

from sqlalchemy import select

from core.db import db
from jobs import worker
from models.notification import Mail
from models.thread import Comment
from tests.browser import Browser, text_of
from tests.factories import make_article, make_user
from tests.membership.conftest import Till

WORDS = "The bridge sways when two buses meet on it."
PASSWORD = "a long way over the river 7"


def token_on(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def link_in_mail(address: str, path: str) -> str:
    worker.run_all()
    mail = db.session().scalar(select(Mail).where(Mail.recipient == address).order_by(Mail.id.desc()))
    assert mail is not None
    found = re.search(rf"http://localhost({path}\S+)", mail.text)
    assert found is not None, mail.text
    return found[1]


def test_a_stranger_types_joins_and_posts(till: Till, client: Browser) -> None:
    article = make_article("The old bridge", slug="the-old-bridge")
    kept = client.post(f"/articles/{article.slug}/comments", {"body": WORDS})
    assert kept.status_code == 303
    assert kept.headers["Location"] == "/join?article=the-old-bridge"
    plans = client.follow(kept)
    assert WORDS in text_of(plans)

    chosen = client.http.post(
        "/join/checkout",
        data={"price": "vip-month", "article": article.slug, "csrf_token": token_on(plans.get_data(as_text=True))},
    )
    form = client.follow(chosen)
    address = "new.reader@example.test"
    following = re.search(r'name="next"[^>]*value="([^"]+)"', form.get_data(as_text=True))
    assert following is not None
    sent = client.post("/sign-up", {
        "display_name": "Nora Bridges", "email": address, "password": PASSWORD,
        "next": following[1].replace("&amp;", "&"),
    })  # fmt: skip
    assert sent.status_code == 303, text_of(sent)

    link = link_in_mail(address, "/confirm/")
    page = client.get(link)
    token = token_on(page.get_data(as_text=True))
    confirmed = client.http.post(link, data={"csrf_token": token})
    assert confirmed.status_code == 307
    at_till = client.http.post(confirmed.headers["Location"], data={"csrf_token": token})
    assert at_till.status_code == 303
    assert urlsplit(at_till.headers["Location"]).path.startswith("/_sandbox/stripe/pay/")

    back = till.come_back(client, till.pay(at_till.headers["Location"]))
    assert back.status_code == 303
    assert back.headers["Location"] == "/articles/the-old-bridge?welcome=1#composer"
    story = client.follow(back)
    assert WORDS in story.get_data(as_text=True)
    posted = client.post(f"/articles/{article.slug}/comments", {"body": WORDS})
    assert posted.status_code == 303
    assert [row.body_source for row in db.session().scalars(select(Comment))] == [WORDS]


def test_a_member_who_lapsed_finds_their_words_on_the_way_back(till: Till) -> None:
    user = make_user()
    browser = Browser(till.app).sign_in(user)
    kept = browser.post("/articles/the-new-bridge/comments", {"body": WORDS})
    assert kept.headers["Location"] == "/join?article=the-new-bridge"
    assert WORDS in text_of(browser.follow(kept))
    till.join(browser, article="the-new-bridge")
    assert WORDS in browser.get("/articles/the-new-bridge?welcome=1").get_data(as_text=True)
