"""What helps with writing, in a browser without scripts: previews, quotations, names, histories, words without a name."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.threads import service
from blueprints.threads.status import blank_comment
from core.changes import changes
from core.db import db, transaction
from models.notice import Mute
from models.thread import Comment, Mention
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_user
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, comment, facts, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")
FETCH = {"X-Requested-With": "fetch"}


def browser(app: Flask, user: User | None = None) -> Browser:
    found = Browser(app)
    return found.sign_in(user) if user else found


def edit(comment_id: int, user: User, words: str) -> None:
    viewer = as_viewer(user)
    with transaction() as session:
        service.edit_comment(session, viewer, comment_id, words)


def body_in(page: str) -> list[str]:
    """The bodies of comments in a page, as they are marked up."""
    return re.findall(r'<div class="comment__body">(.*?)</div>', page, flags=re.S)


# Previews


def test_a_preview_is_exactly_what_is_published(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member("Bob Harbour")
    say(article, bob, "I was there.")
    words = "||The butler||, says @bob harbour: *never*\n\n> https://a.example/x\n\n- [this](https://b.example)"
    her = browser(app, ann)
    form = {"article_id": article.id, "body": words, "draft": 0}
    page = her.post("/preview", form)
    fragment = her.post("/preview", form, headers=FETCH)
    posted = her.post(f"/articles/{article.slug}/comments", form, headers=FETCH)
    assert posted.status_code == 201
    assert body_in(page.text) == body_in(fragment.text) == body_in(posted.text)
    assert 'class="mention"' in posted.text
    assert f"{words}</textarea>" in page.text.replace("&gt;", ">"), "the words are still there to go on with"
    assert db.session().scalars(select(Comment.body_source).order_by(Comment.id)).all() == ["I was there.", words]


def test_a_preview_of_a_change_keeps_the_way_to_save_it(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    number = say(article, ann)
    page = browser(app, ann).post("/preview", {"comment_id": number, "article_id": article.id, "body": "*Better*."})
    assert body_in(page.text) == ['<p dir="auto"><em>Better</em>.</p>']
    assert f'action="/comments/{number}/edit"' in page.text
    assert comment(number).revision == 1


def test_what_cannot_be_posted_cannot_be_previewed_and_nothing_is_lost(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    her = browser(app, ann)
    for words, sentence in (("  ", "nothing in it yet"), ("x" * 5_001, "can have up to 5,000")):
        form = {"article_id": article.id, "body": words}
        page = her.post("/preview", form)
        assert page.status_code == 422
        assert sentence in text_of(page)
        assert f"{words}</textarea>" in page.text
        assert sentence in her.post("/preview", form, headers=FETCH).text


@pytest.fixture
def production(app: Flask) -> Iterator[None]:
    """With the limits of a site that is not a demo."""
    app.config["PRODUCTION"] = True
    yield
    app.config["PRODUCTION"] = False


@pytest.mark.once
@pytest.mark.usefixtures("production")
def test_too_many_previews_are_refused_with_the_words_still_there(app: Flask) -> None:
    article, her = make_talk(), browser(app, make_member())
    form = {"article_id": article.id, "body": "Again and again."}
    answers = [her.post("/preview", form) for _ in range(31)]
    assert [each.status_code for each in answers] == [200] * 30 + [429]
    assert "Again and again.</textarea>" in answers[-1].text
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61


def test_a_hidden_discussion_shows_no_previews(app: Flask) -> None:
    article = make_talk(thread_values={"state": "hidden"})
    form = {"article_id": article.id, "body": "Hello"}
    assert browser(app, make_member()).post("/preview", form).status_code == 404
    assert browser(app).post("/preview", {"article_id": make_article(state="draft").id, "body": "x"}).status_code == 404


# Quotations


def test_a_comment_is_quoted_with_who_said_it(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann_A *Arbour*".replace("*", "")), make_member("Bob Harbour")
    root = say(article, ann, "They were *never* empty, ||said the butler||.\n\n> older\n\nAsk @[Bob Harbour].")
    page = browser(app, bob).get(f"/comments/{root}/reply?quote=1")
    quoted = "> **Ann_A Arbour:** They were never empty, (hidden words).\n>\n> Ask @[Bob Harbour].\n\n"
    assert quoted.replace("@[", "\\@[") not in page.text, "nobody else is in this discussion, so it is only a text"
    assert "**Ann_A Arbour:** They were never empty, (hidden words).".replace("'", "&#39;") in page.text
    assert "older" not in re.search(r"<textarea.*?</textarea>", page.text, flags=re.S)[0]  # type: ignore[index]


def test_only_what_a_comment_says_can_be_quoted_of_it(app: Flask) -> None:
    article, ann = make_talk(), make_member("Ann Arbour")
    root = say(article, ann, "One sentence here.\n\nAnother *sentence* there, with a ||secret|| in it.")
    her = browser(app, ann)

    def quoted(words: str) -> str:
        page = her.get(f"/comments/{root}/reply", query_string={"quote": "1", "words": words})
        return re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, flags=re.S)[1]  # type: ignore[index]

    assert quoted("Another sentence there") == "&gt; **Ann Arbour:** Another sentence there\n\n"
    assert quoted("I never said this") == quoted("")
    assert "secret" not in quoted("secret")
    assert quoted("").startswith("&gt; **Ann Arbour:** One sentence here.\n&gt;\n&gt; Another sentence there")


def test_a_quotation_goes_behind_the_words_that_were_kept(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member()
    root = say(article, ann, "A remark.")
    his = browser(app, bob)
    his.post("/drafts", {"article_id": article.id, "parent_id": root, "body": "Well begun.", "draft": 0}, headers=FETCH)
    assert "Well begun.\n\n&gt; **Ann Arbour:** A remark." in his.get(f"/comments/{root}/reply?quote=1").text


# Names


def mentions_of(comment_id: int) -> list[tuple[int, str]]:
    rows = db.session().execute(
        select(Mention.user_id, Mention.name).where(Mention.comment_id == comment_id).order_by(Mention.user_id)
    )
    return [(row[0], row[1]) for row in rows]


def test_people_in_the_discussion_and_the_storys_author_are_named_others_are_not() -> None:
    dana = make_user("Dana Whitlock", roles=("author",))
    article, elsewhere = make_talk(author_id=dana.id), make_talk()
    ann, bob, eve = make_member("Ann Arbour"), make_member("Bob Harbour"), make_member("Eve Outside")
    say(article, bob)
    say(elsewhere, eve)
    number = say(article, ann, "@Bob Harbour, @dana whitlock and @Eve Outside: @Bob Harbour's turn, says @Ann Arbour.")
    assert mentions_of(number) == sorted([(bob.id, "Bob Harbour"), (dana.id, "Dana Whitlock")])
    html = comment(number).body_html
    assert html.count(f'data-person="{bob.id}"') == 2
    assert "@Eve Outside" in html
    edit(number, ann, "Only @Bob Harbour, then.")
    assert mentions_of(number) == [(bob.id, "Bob Harbour")]
    edit(number, ann, "Nobody.")
    assert mentions_of(number) == []


def test_a_comment_without_an_at_sign_asks_for_no_names() -> None:
    article, ann, bob = make_talk(), make_member(), make_member("Bob Harbour")
    say(article, bob)
    viewer, known = as_viewer(ann), facts(article)

    def cost(words: str) -> int:
        with transaction() as session, statements() as ran:
            service.post_comment(session, viewer, known, words)
        return len(ran)

    for _ in range(3):  # what is noted of first comments
        say(article, ann)
    plain = cost("Words without any name in them.")
    assert cost("Other words without any name in them.") == plain
    assert cost("Write to Bob @ the harbour.") == plain, "an @ that stands alone names nobody"
    assert cost("As @[Bob Harbour] said.") == plain + 2


def test_more_than_ten_names_are_refused_and_the_words_kept(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    people = [make_member() for _ in range(11)]
    for person in people:
        say(article, person)
    words = " ".join(f"@[{person.display_name}]" for person in people)
    refused = browser(app, ann).post(f"/articles/{article.slug}/comments", {"body": words})
    assert refused.status_code == 422
    assert "This calls 11 people by name; a comment can call up to 10." in text_of(refused)
    assert f"{words}</textarea>" in refused.text
    say(article, ann, " ".join(f"@[{person.display_name}]" for person in people[1:]))


def test_names_are_offered_to_who_may_write_and_a_mute_does_not_show_in_them(app: Flask) -> None:
    article, ann = make_talk(), make_member("Ann Arbour")
    bob, bea, far = make_member("Bob Harbour"), make_member("Bea Harding"), make_member("Bo Faraway")
    for person in (bob, bea, ann):
        say(article, person)
    say(make_talk(), far)

    def offered(user: User | None, typed: str) -> Any:
        answer = browser(app, user).get(f"/articles/{article.slug}/people", query_string={"q": typed})
        return [each["name"] for each in json.loads(answer.text)] if answer.status_code == 200 else answer.status_code

    assert offered(ann, "b") == ["Bea Harding", "Bob Harbour"]
    assert offered(ann, "har") == ["Bea Harding", "Bob Harbour"], "each word of a name may be begun with"
    assert offered(ann, "bob h") == ["Bob Harbour"]
    assert offered(ann, "") == ["Bea Harding", "Bob Harbour"], "nobody calls themselves"
    with transaction() as session:
        session.add(Mute(user_id=bea.id, muted_id=ann.id))
    assert offered(ann, "b") == ["Bea Harding", "Bob Harbour"]
    assert offered(bob, "b") == ["Bea Harding"]
    assert offered(None, "b") == 303
    assert offered(make_user("Carl Reader"), "b") == 403


# Histories


def test_the_history_shows_what_everybody_could_read_and_what_changed(app: Flask) -> None:
    article, ann = make_talk(), make_member("Ann Arbour")
    number = say(article, ann, "The quays were never empty.")
    edit(number, ann, "The quays were hardly ever empty, ||said Bob||.")
    page = browser(app).get(f"/comments/{number}")
    assert f'href="/comments/{number}/history"' in page.text
    history = browser(app).get(f"/comments/{number}/history")
    assert "[removed: never ]" in text_of(history).replace(" ]", "]").replace("]", " ]")
    assert "<del>" in history.text
    assert "(hidden words)" in text_of(history)
    assert "said Bob" not in history.text


def test_texts_that_nobody_else_could_read_are_not_in_the_history_of_others(app: Flask) -> None:
    article, ann, mod = make_talk(), make_member("Ann Arbour"), make_user(roles=("moderator",))
    number = say(article, ann, "Write to ann@example.org about it.")
    assert comment(number).status == "withheld"
    edit(number, ann, "Write to me about it.")
    change(number, "published")
    edit(number, ann, "Write to me about it, please.")
    others = browser(app).get(f"/comments/{number}/history").text
    assert "example.org" not in others
    assert "please" in others
    for user in (ann, mod):
        own = browser(app, user).get(f"/comments/{number}/history")
        assert "ann@example.org" in own.text
        assert "Never published" in text_of(own)


@pytest.mark.parametrize("status", ["rejected", "deleted"])
def test_a_comment_that_was_taken_away_has_no_history_for_others(app: Flask, status: str) -> None:
    article, ann = make_talk(), make_member()
    number = say(article, ann, "First words.")
    edit(number, ann, "Second words.")
    say(article, make_member(), to=number)
    change(number, status)
    answer = browser(app).get(f"/comments/{number}/history")
    assert answer.status_code == 410
    assert "words" not in re.sub(r"<[^>]+>", "", answer.text.split("<main")[1].split("</main>")[0])
    with transaction() as session:
        blank_comment(session, number)
    assert "gone for good" in text_of(browser(app, ann).get(f"/comments/{number}/history"))


def test_changes_are_marked_word_by_word() -> None:
    found = [(change.kind, change.text) for change in changes("The quays were never empty.", "The quays are always empty!")]
    assert found == [
        ("same", "The quays "), ("removed", "were never"), ("added", "are always"), ("same", " empty"),
        ("removed", "."), ("added", "!"),
    ]  # fmt: skip


# Words without a name


@pytest.mark.once
def test_words_stay_without_the_name_and_nothing_tells_whose_they_were(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour", page_is_open=True), make_member("Bob Harbour")
    root = say(article, ann, "I would rather not have said this.")
    reply = say(article, bob, "But you did.", to=root)
    her = browser(app, ann)
    assert "Keep" in text_of(her.get(f"/comments/{root}/delete")) or "keep" in text_of(her.get(f"/comments/{root}/delete"))
    done = her.post(f"/comments/{root}/delete", {"words": "keep"})
    assert "Your name is off this comment" in text_of(her.get(done.location))
    for url in (f"/articles/{article.slug}", f"/comments/{root}", f"/comments/{reply}", f"/comments/{root}/reply?quote=1",
                f"/comments/{root}/history"):  # fmt: skip
        page = browser(app, bob).get(url)
        assert "Name withdrawn" in page.text, url
        assert "Ann Arbour" not in page.text, url
    assert "I would rather not have said this." in text_of(browser(app).get(f"/articles/{article.slug}"))
    assert "rather not" not in browser(app).get(f"/readers/{ann.id}-ann-arbour").text
    assert "without your name" in text_of(her.get("/account/comments"))
    assert "Delete" in text_of(her.get(f"/comments/{root}")), "its author still knows it"
    mod = make_user(roles=("moderator",))
    assert "Ann Arbour" in browser(app, mod).get(f"/moderation/comments/{root}").text
    names = browser(app, bob).get(f"/articles/{article.slug}/people", query_string={"q": "ann"})
    assert json.loads(names.text) == []


def test_a_name_is_taken_off_by_its_author_only_once_and_not_by_the_newsroom(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    assert browser(app, bob).post(f"/comments/{root}/delete", {"words": "keep"}).status_code == 403
    her = browser(app, ann)
    assert her.post(f"/comments/{root}/delete", {"words": "keep"}).status_code == 303
    assert her.post(f"/comments/{root}/delete", {"words": "keep"}).status_code == 409
    assert her.post(f"/comments/{root}/delete", {"words": "delete"}).status_code == 303
    assert comment(root).status == "deleted"
    dana = make_user(roles=("author",))
    said = say(article, dana)
    assert "Take my name off" not in browser(app, dana).get(f"/comments/{said}/delete").text
    assert browser(app, dana).post(f"/comments/{said}/delete", {"words": "keep"}).status_code == 403
