"""Writing, previewing and publishing."""

import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from blueprints.accounts.standing import SignedOut
from blueprints.newsroom import policy, queries, service
from blueprints.threads.settings import Conversation
from core.db import db, transaction
from core.errors import Forbidden, NotFound
from models.article import Article, Picture, Section
from models.browser_session import BrowserSession
from models.thread import Thread
from models.user import RoleGrant, User
from tests.browser import Browser, text_of
from tests.factories import fresh, make_article, make_plan, make_section, make_site, make_user, thread_of, viewer_of
from tests.threads.behind import while_waiting

BODY = "The first paragraph.\n\n<!-- more -->\n\nThe *second* paragraph."


@pytest.fixture
def section(app: Flask) -> Section:
    make_site()
    return make_section("Politics", slug="politics")


@pytest.fixture
def editor(app: Flask, section: Section) -> User:
    return make_user("Edda Marlow", roles=("editor",))


@pytest.fixture
def author(app: Flask, section: Section) -> User:
    return make_user("Dana Whitlock", roles=("author",))


def typed(section: Section, **values: Any) -> dict[str, Any]:
    """What a person fills into the form."""
    return {
        "headline": "A new bridge", "section_id": section.id, "body_source": BODY, "author_id": "", "standfirst": "",
        "byline": "", "slug": "", "picture_alt": "", "picture_caption": "", "picture_credit": "", "read_audience": "",
        "comment_audience": "", "respect_audience": "", "opens_to_all_at": "", "opening_question": "",
        "thread_state": "open", "closed_reason": "", "then": "save",
    } | values  # fmt: skip


def form_of(page: TestResponse) -> dict[str, str]:
    """What the form on the page would send back."""
    html = page.get_data(as_text=True).split('id="editor"')[1].split("</form>")[0]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        attributes = dict(re.findall(r'([a-z_-]+)="([^"]*)"', tag))
        kind = attributes.get("type", "text")
        if kind in {"checkbox", "radio"} and " checked" not in tag:
            continue
        if kind != "file" and "name" in attributes:
            found[attributes["name"]] = unescape(attributes.get("value", "y" if kind == "checkbox" else ""))
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', html, re.DOTALL):
        found[name] = unescape(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', options)
        found[name] = unescape(chosen[1]) if chosen else ""
    found.pop("csrf_token", None)
    return found


def picture_file(size: tuple[int, int] = (90, 60), colour: str = "navy") -> io.BytesIO:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "JPEG")
    stream.seek(0)
    return stream


def only_article() -> Article:
    return db.session().scalars(select(Article).execution_options(populate_existing=True)).one()


def articles() -> int:
    return db.session().scalar(select(func.count(Article.id))) or 0


def test_readers_and_moderators_do_not_get_in(app: Flask, section: Section) -> None:
    for path in ("/newsroom", "/newsroom/articles/new", "/newsroom/articles/1", "/newsroom/articles/1/preview"):
        assert Browser(app).get(path).status_code == 303
        assert Browser(app).sign_in(make_user(plan=make_plan())).get(path).status_code == 403
        assert Browser(app).sign_in(make_user(roles=("moderator",))).get(path).status_code == 403
    assert Browser(app).sign_in(make_user()).post("/newsroom/preview", {}).status_code == 403


@pytest.mark.once
def test_an_author_writes_a_draft_that_readers_do_not_see(client: Browser, author: User, section: Section) -> None:
    client.sign_in(author)
    assert client.get("/newsroom/articles/new").status_code == 200
    answer = client.post("/newsroom/articles/new", typed(section, author_id=author.id, standfirst="It stands."))
    article = only_article()
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/newsroom/articles/{article.id}"
    assert (article.state, article.slug, article.version, article.author_id) == ("draft", "a-new-bridge", 1, author.id)
    assert article.preview_html == '<p dir="auto">The first paragraph.</p>'
    assert "<em>second</em>" in article.body_html
    assert "more" not in article.body_html
    assert thread_of(article).state == "open"
    assert Browser(client.app).get(f"/articles/{article.slug}").status_code == 404
    assert "A new bridge" in text_of(client.get("/newsroom"))


def test_the_list_opens_on_all_articles_where_no_draft_waits(client: Browser, author: User, section: Section) -> None:
    client.sign_in(author)
    assert "No drafts" in text_of(client.get("/newsroom"))
    make_article("Long out", section=section, author_id=author.id)
    assert "Long out" in text_of(client.get("/newsroom"))
    assert "No drafts" in text_of(client.get("/newsroom?state=draft"))
    make_article("Half done", section=section, state="draft", published_at=None, author_id=author.id)
    assert "Long out" not in text_of(client.get("/newsroom"))
    words = text_of(client.get("/newsroom?state=all"))
    assert "Long out" in words
    assert "Half done" in words


@pytest.mark.once
def test_who_cannot_publish_is_told_who_does(client: Browser, author: User, editor: User, section: Section) -> None:
    told = "An editor finds it among the drafts and publishes it."
    for person, is_told in ((author, True), (editor, False)):
        client.sign_in(person)
        saved = client.follow(client.post("/newsroom/articles/new", typed(section, author_id=person.id)))
        assert "Saved." in text_of(saved)
        assert (told in text_of(saved)) == is_told


def test_an_author_changes_own_drafts_but_neither_others_nor_what_is_published(
    client: Browser, author: User, section: Section
) -> None:
    own = make_article("Own", section=section, state="draft", published_at=None, author_id=author.id)
    other = make_article("Other", section=section, state="draft", published_at=None)
    public = make_article("Public", section=section, author_id=author.id)
    client.sign_in(author)
    for article, status in ((own, 303), (other, 404), (public, 403)):
        mark = queries.conversation_of(thread_of(article)).mark
        answer = client.post(
            f"/newsroom/articles/{article.id}",
            typed(section, headline="Changed", author_id=author.id, version=1, thread_mark=mark),
        )
        assert answer.status_code == status
        assert (fresh(article).headline == "Changed") == (status == 303)
    words = text_of(client.get("/newsroom"))
    assert "Changed" in words
    assert "Other" not in words
    assert client.get(f"/newsroom/articles/{public.id}/preview").status_code == 200
    assert client.get(f"/newsroom/articles/{other.id}/preview").status_code == 404


def test_an_author_can_neither_publish_nor_lead_nor_sign_for_others(
    client: Browser, author: User, section: Section
) -> None:
    client.sign_in(author)
    refused = client.post("/newsroom/articles/new", typed(section, author_id=author.id, then="publish"))
    assert refused.status_code == 403
    assert articles() == 0
    colleague = make_user(roles=("author",))
    assert client.post("/newsroom/articles/new", typed(section, author_id=colleague.id)).status_code == 422
    client.post("/newsroom/articles/new", typed(section, author_id=author.id, is_lead="y"))
    article = only_article()
    assert not article.is_lead
    assert client.post(f"/newsroom/articles/{article.id}/publish", {"version": 1}).status_code == 403
    assert only_article().state == "draft"


def some_values(section: Section) -> service.ArticleValues:
    return service.ArticleValues(
        "H", "", section.id, "", "", None, "B", None, "", "", "", None, None, None, None, False, Conversation()
    )


def test_the_services_refuse_whom_the_pages_refuse(app: Flask, author: User, section: Section) -> None:
    draft = make_article(section=section, state="draft", published_at=None)
    stranger, reader = viewer_of(author), viewer_of(make_user())
    values = some_values(section)
    with pytest.raises(Forbidden), transaction() as session:
        service.create_article(session, reader, values)
    with pytest.raises(NotFound), transaction() as session:
        service.save_article(session, stranger, draft.id, values, version=1, thread_mark="")
    with pytest.raises(Forbidden), transaction() as session:
        service.publish_article(session, stranger, draft.id, version=1)
    with pytest.raises(Forbidden), transaction() as session:
        service.unpublish_article(session, stranger, draft.id, version=1)


@pytest.mark.parametrize(
    ("meanwhile", "told"), [(RoleGrant, "Only the newsroom"), (BrowserSession, "You were signed out meanwhile")]
)
def test_who_lost_role_or_session_while_their_request_waited_writes_nothing_and_keeps_what_they_typed(
    client: Browser, author: User, section: Section, meanwhile: type[Any], told: str
) -> None:
    draft = make_article("Before", section=section, state="draft", published_at=None, created_by=author.id)
    thread_id, author_id, path = thread_of(draft).id, author.id, f"/newsroom/articles/{draft.id}"
    browser = client.sign_in(author)
    form = form_of(browser.get(path)) | {"headline": "Typed with care"}
    db.session.remove()

    def happens(session: Session) -> None:
        session.execute(delete(meanwhile).where(meanwhile.user_id == author_id))

    answer = while_waiting(client.app, thread_id, happens, lambda: browser.post(path, form))
    assert answer.status_code == 403
    assert told in text_of(answer)
    assert "Typed with care" in answer.get_data(as_text=True)
    assert only_article().headline == "Before"


def test_who_was_signed_out_meanwhile_begins_no_article(app: Flask, author: User, section: Section) -> None:
    viewer = viewer_of(author)
    with transaction() as session:
        session.execute(delete(BrowserSession).where(BrowserSession.user_id == author.id))
    with pytest.raises(SignedOut), transaction() as session:
        service.create_article(session, viewer, some_values(section))


def test_an_editor_who_was_made_an_author_meanwhile_publishes_nothing(app: Flask, editor: User, section: Section) -> None:
    draft, viewer = make_article(section=section, state="draft", published_at=None), viewer_of(editor)
    with transaction() as session:
        session.execute(update(RoleGrant).where(RoleGrant.user_id == editor.id).values(name="author"))
    with pytest.raises(Forbidden), transaction() as session:
        service.publish_article(session, viewer, draft.id, version=1)
    with pytest.raises(NotFound), transaction() as session:
        service.save_article(session, viewer, draft.id, some_values(section), version=1, thread_mark="")


@pytest.mark.once
def test_an_editor_publishes_and_the_next_visitor_reads_it(client: Browser, editor: User, section: Section) -> None:
    visitor = Browser(client.app)
    assert "first edition" in text_of(visitor.get("/"))
    client.sign_in(editor)
    client.post("/newsroom/articles/new", typed(section, then="publish", author_id=editor.id))
    article = only_article()
    assert (article.state, article.edited_at) == ("published", None)
    assert article.published_at is not None
    assert "A new bridge" in text_of(visitor.get("/"))
    page = text_of(visitor.get(f"/articles/{article.slug}"))
    assert "By Edda Marlow" in page
    assert "The second paragraph." in page


def test_an_edit_of_a_published_article_is_dated_and_seen_at_once(
    client: Browser, editor: User, section: Section
) -> None:
    client.sign_in(editor)
    article = make_article("Before", section=section, slug="fixed", body_source=BODY)
    visitor = Browser(client.app)
    assert "Before" in text_of(visitor.get("/articles/fixed"))
    form = form_of(client.get(f"/newsroom/articles/{article.id}"))
    assert "slug" not in form
    answer = client.post(f"/newsroom/articles/{article.id}", form | {"headline": "After", "slug": "moved"})
    assert answer.status_code == 303
    changed = fresh(article)
    assert (changed.slug, changed.headline, changed.version) == ("fixed", "After", 2)
    assert changed.edited_at is not None
    page = text_of(visitor.get("/articles/fixed"))
    assert "After" in page
    assert "Updated" in page


def test_changing_the_gate_alone_does_not_date_the_story_anew(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    article = make_article(section=section, body_source=BODY, body_html="<p>x</p>")
    visitor = Browser(client.app)
    form = form_of(client.get(f"/newsroom/articles/{article.id}"))
    client.post(f"/newsroom/articles/{article.id}", form | {"read_audience": "members"})
    changed = fresh(article)
    assert (changed.read_audience, changed.edited_at, changed.version) == ("members", None, 2)
    assert "second" not in text_of(visitor.get(f"/articles/{article.slug}"))


def test_a_form_sent_back_unchanged_changes_nothing_but_the_version(
    client: Browser, editor: User, section: Section
) -> None:
    client.sign_in(editor)
    plan = make_plan("gold", "Gold", 2)
    article = make_article(
        "Quotes \"and\" <tags> & more", section=section, body_source="One.\n\n\"Two\" & <b>three</b>.",
        author_id=editor.id, read_audience=f"plans:{plan.key}", comment_audience="plans:gold,gone",
        opens_to_all_at=datetime(2031, 5, 1, 6, 30, tzinfo=UTC), is_lead=True, byline="By hand",
        thread_values={"state": "closed", "closed_reason": "Enough.", "premoderated": True, "opening_question": "Why?"},
    )  # fmt: skip
    names = [
        "headline", "slug", "body_source", "author_id", "read_audience", "comment_audience", "respect_audience",
        "opens_to_all_at", "is_lead", "byline", "section_id", "edited_at", "state", "published_at",
    ]  # fmt: skip
    before = [getattr(article, name) for name in names]
    thread = thread_of(article)
    thread_before = (thread.state, thread.closed_reason, thread.premoderated, thread.opening_question, thread.version)
    form = form_of(client.get(f"/newsroom/articles/{article.id}"))
    assert client.post(f"/newsroom/articles/{article.id}", form).status_code == 303
    changed = fresh(article)
    assert [getattr(changed, name) for name in names] == before
    assert changed.version == 2
    thread = thread_of(article)
    assert (
        thread.state, thread.closed_reason, thread.premoderated, thread.opening_question, thread.version
    ) == thread_before  # fmt: skip


def test_withdrawing_hides_an_article_and_keeps_it(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    article = make_article("Withdrawn", section=section, body_source=BODY, thread_values={"published_count": 3})
    visitor = Browser(client.app)
    assert visitor.get(f"/articles/{article.slug}").status_code == 200
    client.post(f"/newsroom/articles/{article.id}/unpublish", {"version": 1})
    assert visitor.get(f"/articles/{article.slug}").status_code == 404
    assert "Withdrawn" not in text_of(visitor.get("/"))
    assert "Withdrawn" in text_of(client.get("/newsroom?state=unpublished"))
    first_date = fresh(article).published_at
    client.post(f"/newsroom/articles/{article.id}/publish", {"version": 2})
    assert fresh(article).published_at == first_date
    assert "3 comments" in text_of(visitor.get("/"))


def test_what_an_editor_no_longer_sees_is_not_published(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    article = make_article(section=section, state="draft", published_at=None, version=5)
    answer = client.post(f"/newsroom/articles/{article.id}/publish", {"version": 4})
    assert "Somebody else saved" in text_of(client.follow(answer))
    assert fresh(article).state == "draft"


def test_an_article_without_text_is_not_published(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    answer = client.post("/newsroom/articles/new", typed(section, body_source=" ", then="publish"))
    assert answer.status_code == 422
    assert "There is no text yet." in text_of(answer)
    assert articles() == 0


@pytest.mark.once
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"headline": ""}, "needs a headline"),
        ({"headline": "x" * 301}, "at most 300"),
        ({"section_id": "999"}, "choose one of these"),
        ({"section_id": "nonsense"}, "choose one of these"),
        ({"author_id": "999"}, "choose one of these"),
        ({"read_audience": "plans:nothing"}, "choose one of these"),
        ({"opens_to_all_at": "tomorrow"}, "give a date and a time"),
        ({"thread_state": "closed"}, "tell readers why"),
        ({"thread_state": "ajar"}, "choose one of these"),
        ({"picture_id": "999", "picture_alt": "A bridge"}, "not there any more"),
        ({"slug": "No Slug!"}, "small letters"),
        ({"slug": "taken"}, "has this address already"),
        ({"standfirst": "x" * 601}, "at most 600"),
    ],
)
def test_wrong_input_comes_back_with_everything_typed(
    client: Browser, editor: User, section: Section, wrong: dict[str, str], sentence: str
) -> None:
    make_article(section=section, slug="taken")
    client.sign_in(editor)
    values = typed(section, standfirst="Kept standfirst", body_source="Kept & <i>body</i>", opening_question="Kept?")
    answer = client.post("/newsroom/articles/new", values | wrong)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    form = form_of(answer)
    for name in ("headline", "standfirst", "body_source", "opening_question", "slug", "opens_to_all_at"):
        assert form[name] == (values | wrong)[name]
    assert articles() == 1


def test_addresses_are_made_of_headlines_and_never_twice(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    for _ in range(3):
        client.post("/newsroom/articles/new", typed(section, headline="Ärger über Züge"))
    slugs = sorted(db.session().scalars(select(Article.slug)))
    assert slugs == ["arger-uber-zuge", "arger-uber-zuge-2", "arger-uber-zuge-3"]


def test_a_picture_is_stored_anew_and_shown_with_its_size(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    data = typed(section, picture_alt="A bridge in mist", picture_credit="Illustration: us", then="publish")
    client.post("/newsroom/articles/new", data | {"picture": (picture_file(), "../../etc/passwd.php")})
    article = only_article()
    picture = db.session().get(Picture, article.picture_id)
    assert picture is not None
    page = Browser(client.app).get(f"/articles/{article.slug}").get_data(as_text=True)
    assert f'<img src="/pictures/{picture.sha256}.webp" alt="A bridge in mist" width="90" height="60"' in page
    served = Browser(client.app).get(f"/pictures/{picture.sha256}.webp")
    assert served.status_code == 200
    assert served.mimetype == "image/webp"
    assert "immutable" in served.headers["Cache-Control"]
    assert "Date" not in served.headers, "the server says it, and would say it twice"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert len(served.data) == picture.size_bytes
    folder = Path(client.app.config["SETTINGS"].data_dir) / "pictures"
    assert (folder / f"{picture.sha256}.webp").exists()
    assert not list(folder.glob(".*"))


def test_the_same_picture_twice_is_one_row(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    for _ in range(2):
        client.post("/newsroom/articles/new", typed(section, picture_alt="x") | {"picture": (picture_file(), "a.jpg")})
    assert articles() == 2
    assert db.session().scalar(select(func.count(Picture.id))) == 1


def test_an_uploaded_picture_survives_another_mistake(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    answer = client.post("/newsroom/articles/new", typed(section) | {"picture": (picture_file(), "a.jpg")})
    assert answer.status_code == 422
    assert "describe the picture" in text_of(answer)
    form = form_of(answer)
    assert 'src="/pictures/' in answer.get_data(as_text=True)
    answer = client.post("/newsroom/articles/new", form | {"picture_alt": "Now described", "then": "save"})
    assert answer.status_code == 303
    assert str(only_article().picture_id) == form["picture_id"]


def test_a_picture_can_be_taken_away(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    client.post("/newsroom/articles/new", typed(section, picture_alt="x") | {"picture": (picture_file(), "a.jpg")})
    article = only_article()
    form = form_of(client.get(f"/newsroom/articles/{article.id}"))
    client.post(f"/newsroom/articles/{article.id}", form | {"remove_picture": "y"})
    assert (only_article().picture_id, only_article().picture_alt) == (None, "")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "a.svg"),
        (b"<script>alert(1)</script>", "a.jpg"),
        (b"GIF89a<?php system($_GET[0]); ?>", "a.gif"),
        (b"%PDF-1.7\n", "a.png"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 64, "a.jpg"),
        (b"", "a.jpg"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_and_nothing_typed_is_lost(
    client: Browser, editor: User, section: Section, content: bytes, name: str
) -> None:
    client.sign_in(editor)
    data = typed(section, picture_alt="A trick") | {"picture": (io.BytesIO(content), name)}
    answer = client.post("/newsroom/articles/new", data)
    assert answer.status_code == 422
    assert form_of(answer)["body_source"] == BODY
    assert articles() == 0
    assert db.session().scalar(select(func.count(Picture.id))) == 0


@pytest.mark.parametrize(
    "name", ["../secret_key", "..%2fsecret_key", "x.webp", "A" * 64 + ".webp", "a" * 64 + ".php", "a" * 64 + ".webp"]
)
def test_nothing_but_pictures_is_served_from_their_folder(client: Browser, name: str) -> None:
    make_site()
    assert client.get(f"/pictures/{name}").status_code == 404


def test_two_editors_at_once_lose_nothing(app: Flask, editor: User, section: Section) -> None:
    first, second = Browser(app).sign_in(editor), Browser(app).sign_in(make_user(roles=("editor",)))
    article = make_article("As it was", section=section, body_source="The old text.")
    path = f"/newsroom/articles/{article.id}"
    forms = [form_of(browser.get(path)) for browser in (first, second)]
    assert first.post(path, forms[0] | {"body_source": "The first one's text."}).status_code == 303
    answer = second.post(path, forms[1] | {"body_source": "The second one's text.", "headline": "As it is"})
    assert answer.status_code == 409
    words = text_of(answer)
    assert "Somebody else saved this article" in words
    assert "The first one's text." in words
    assert fresh(article).body_source == "The first one's text."
    kept = form_of(answer)
    assert (kept["body_source"], kept["headline"]) == ("The second one's text.", "As it is")
    assert second.post(path, kept).status_code == 303
    assert fresh(article).body_source == "The second one's text."


def test_a_thread_that_was_closed_meanwhile_is_not_opened_by_an_old_form(
    client: Browser, editor: User, section: Section
) -> None:
    client.sign_in(editor)
    article = make_article(section=section, body_source=BODY)
    path = f"/newsroom/articles/{article.id}"
    form = form_of(client.get(path))
    with transaction() as session:
        thread = session.get(Thread, thread_of(article).id)
        thread.state, thread.closed_reason, thread.version = "closed", "Too heated.", 2
    answer = client.post(path, form)
    assert answer.status_code == 409
    assert "Too heated." in text_of(answer)
    assert thread_of(article).state == "closed"


def test_comments_that_arrive_meanwhile_do_not_make_the_form_stale(
    client: Browser, editor: User, section: Section
) -> None:
    client.sign_in(editor)
    article = make_article(section=section, body_source=BODY)
    path = f"/newsroom/articles/{article.id}"
    form = form_of(client.get(path))
    with transaction() as session:
        thread = session.get(Thread, thread_of(article).id)
        thread.published_count, thread.version = 7, 9
    assert client.post(path, form | {"opening_question": "Well?"}).status_code == 303
    thread = thread_of(article)
    assert (thread.opening_question, thread.published_count, thread.version) == ("Well?", 7, 10)


def test_there_is_one_lead(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    old = make_article("Old lead", section=section, is_lead=True)
    make_article("Newer", section=section)
    assert text_of(client.get("/")).index("Old lead") < text_of(client.get("/")).index("Newer")
    client.post("/newsroom/articles/new", typed(section, headline="New lead", is_lead="y", then="publish"))
    assert not fresh(old).is_lead
    words = text_of(Browser(client.app).get("/"))
    assert words.index("New lead") < words.index("Old lead")


def test_a_preview_of_what_is_typed_saves_nothing_and_shows_each_readers_page(
    client: Browser, editor: User, section: Section
) -> None:
    client.sign_in(editor)
    make_plan("vip", "VIP", 1)
    data = typed(section, read_audience="members", opening_question="Would you cross it?")
    seen = {
        kind: text_of(client.post("/newsroom/preview", data | {"as": kind}))
        for kind in ("visitor", "registered", "plan:vip")
    }
    assert all("The first paragraph." in words for words in seen.values())
    assert {kind for kind, words in seen.items() if "The second paragraph." in words} == {"plan:vip"}
    assert {kind for kind, words in seen.items() if "This reader can comment." in words} == {"plan:vip"}
    assert all("Would you cross it?" in words for words in seen.values())
    assert articles() == 0


def test_the_preview_carries_what_was_typed_from_reader_to_reader(
    client: Browser, editor: User, section: Section
) -> None:
    client.sign_in(editor)
    make_plan()
    body = "\nA line, then <b>tags</b> & \"quotes\"."
    page = client.post("/newsroom/preview", typed(section, body_source=body)).get_data(as_text=True)
    carried = dict(re.findall(r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', page, re.DOTALL))
    assert unescape(carried["body_source"]) == body
    assert "csrf_token" not in carried


def test_a_saved_draft_can_be_previewed_as_each_reader(client: Browser, author: User, section: Section) -> None:
    client.sign_in(author)
    make_plan("gold", "Gold", 2)
    client.post("/newsroom/articles/new", typed(section, author_id=author.id, read_audience="plans:gold"))
    path = f"/newsroom/articles/{only_article().id}/preview"
    assert "The second paragraph." not in text_of(client.get(path))
    assert "for Gold members" in text_of(client.get(path))
    gate = client.get(path).get_data(as_text=True).partition("<div inert>")[2]
    assert "/join" in gate.partition("</article>")[0], "what a preview's gate leads to is not there yet"
    assert "The second paragraph." in text_of(client.get(f"{path}?as=plan:gold"))


def test_a_preview_leads_nowhere_that_is_not_there_yet(client: Browser, author: User, section: Section) -> None:
    client.sign_in(author)
    make_plan()
    data = typed(section, author_id=author.id)
    pages = [client.post("/newsroom/preview", data)]
    client.post("/newsroom/articles/new", data)
    pages.append(client.get(f"/newsroom/articles/{only_article().id}/preview"))
    for page in pages:
        words = page.get_data(as_text=True)
        assert author.display_name in words
        assert "/follow" not in words
        assert ('href="#comments"' in words) == ('id="comments"' in words)


def test_a_preview_of_typed_words_never_reaches_a_visitor(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    article = make_article("As published", section=section, slug="story", body_source=BODY)
    client.get("/articles/story")
    client.post("/newsroom/preview", typed(section, headline="Secret plans", slug="story", version=1))
    assert "Secret plans" not in text_of(Browser(client.app).get("/articles/story"))
    assert fresh(article).headline == "As published"


def test_a_press_from_another_site_writes_nothing(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    assert client.post("/newsroom/articles/new", typed(section), token=False).status_code == 400
    crossed = client.post("/newsroom/articles/new", typed(section), headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    assert articles() == 0


def test_the_list_is_paged_and_costs_the_same_for_many(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    for number in range(52):
        make_article(f"Story {number:02}", section=section)
    first = client.get("/newsroom?state=published")
    assert "Story 51" in text_of(first)
    assert "Story 01" not in text_of(first)
    following = re.search(r'href="(/newsroom\?state=published&amp;after=\d+)"', first.get_data(as_text=True))
    assert following
    assert "Story 01" in text_of(client.get(unescape(following[1])))
    assert client.get("/newsroom?state=nonsense").status_code == 404


def test_reading_takes_at_least_a_minute() -> None:
    assert policy.reading_minutes("") == 1
    assert policy.reading_minutes("word " * 900) == 4


def test_audiences_are_offered_in_words_and_a_forgotten_one_stays() -> None:
    plans = {"vip": "VIP", "gold": "Gold", "patron": "Patron"}
    choices = dict(policy.audience_choices(plans, "plans:vip,patron", "Members"))
    assert choices[""] == "As the section: Members"
    assert choices["plans:gold,patron"] == "Members with Gold or Patron"
    assert choices["plans:vip,patron"] == "Members with VIP or Patron"
    assert policy.audience_label("plans:gone", plans) == "Staff only"


def test_an_article_that_opens_later_is_saved_in_utc(client: Browser, editor: User, section: Section) -> None:
    client.sign_in(editor)
    client.post("/newsroom/articles/new", typed(section, read_audience="members", opens_to_all_at="2031-05-01T06:30"))
    assert only_article().opens_to_all_at == datetime(2031, 5, 1, 6, 30, tzinfo=UTC)
    assert only_article().opens_to_all_at - datetime(2031, 5, 1, tzinfo=UTC) == timedelta(hours=6, minutes=30)
