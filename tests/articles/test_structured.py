"""What search engines are told of a discussion, and which pages they are to leave out."""

import json
import re
from typing import Any

from flask import Flask

from blueprints.threads import thread_state
from core.db import transaction
from tests.browser import Browser
from tests.factories import make_site, make_user, thread_of
from tests.threads.talk import change, make_member, make_talk, respect, say


def structured(page: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    return dict(json.loads(found))


def page_of(browser: Browser, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_visitors_page_names_its_comments_inside_the_article(client: Browser) -> None:
    make_site()
    article, ann, bob = make_talk(), make_member("Ann </script> Arbour"), make_member("Bob Harbour")
    root = say(article, ann, "The *import* licences & <b>who</b> holds them. ||The butler did it.||")
    reply = say(article, bob, "A reply.", to=root)
    deep = say(article, ann, "A reply to the reply.", to=reply)
    respect(root, bob)
    gone = say(article, bob, "Words that were removed.")
    under = say(article, ann, "Under what was removed.", to=gone)
    change(gone, "rejected")
    held = say(article, ann, "Words that are held.")
    change(held, "withheld")
    data = structured(page_of(client, f"/articles/{article.slug}"))
    assert data["commentCount"] == 4
    first, second = data["comment"]
    assert first["@type"] == "Comment"
    assert first["url"] == f"http://localhost/comments/{root}"
    assert first["author"] == {"@type": "Person", "name": "Ann </script> Arbour"}
    assert first["text"].startswith("The import licences & <b>who</b> holds them.")
    assert first["upvoteCount"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+Z", first["datePublished"])
    (answer,) = first["comment"]
    assert (answer["url"], answer["comment"][0]["url"]) == tuple(
        f"http://localhost/comments/{comment_id}" for comment_id in (reply, deep)
    )
    assert "comment" not in answer["comment"][0]
    assert second["url"] == f"http://localhost/comments/{under}"
    words = json.dumps(data)
    for hidden in ("butler", "were removed.", "are held"):
        assert hidden not in words.replace("Under what was removed.", "")


def test_nobody_else_is_sent_them(app: Flask, client: Browser) -> None:
    make_site()
    article, ann = make_talk(), make_member()
    one = say(article, ann, "A word.")
    member = Browser(app).sign_in(ann)
    assert "comment" not in structured(page_of(member, f"/articles/{article.slug}"))
    for query in ("?sort=newest", f"?at={one}"):
        assert "comment" not in structured(page_of(client, f"/articles/{article.slug}{query}"))
    thread = thread_of(article)
    with transaction() as session:
        thread_state.set_thread_state(session, thread.id, "hidden")
    for browser in (client, Browser(app).sign_in(make_user(roles=("moderator",)))):
        assert "A word." not in json.dumps(structured(page_of(browser, f"/articles/{article.slug}")))


def test_pages_that_only_repeat_are_left_out_of_the_index(client: Browser) -> None:
    make_site()
    article, ann = make_talk(), make_member()
    roots = [say(article, ann) for _ in range(52)]
    plain = page_of(client, f"/articles/{article.slug}")
    assert '<meta name="robots" content="max-image-preview:large">' in plain
    canonical = f'<link rel="canonical" href="http://localhost/articles/{article.slug}">'
    assert canonical in plain
    onward = re.search(r'rel="next" href="([^"#]+)', plain)
    assert onward is not None
    for address in (f"?sort=newest&at={roots[0]}", f"?at={roots[0]}", "?sort=best", onward[1].partition(article.slug)[2]):
        page = page_of(client, f"/articles/{article.slug}{address.replace('&amp;', '&')}")
        assert '<meta name="robots" content="noindex, follow">' in page
        assert canonical not in page
    page = page_of(client, f"/comments/{roots[0]}")
    assert '<meta name="robots" content="noindex">' in page
    assert f'<link rel="canonical" href="http://localhost/comments/{roots[0]}">' in page
