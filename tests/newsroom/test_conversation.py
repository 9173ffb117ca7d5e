"""How the newsroom sets up a discussion: presets, moments, guests, a quiz, and the record of who changed what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.newsroom import queries
from blueprints.threads.settings import Conversation, read
from core.db import db
from models.article import Article, Section
from models.moderation import ModerationAction
from models.thread import Thread
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import fresh, make_article, make_plan, make_section, make_site, make_user, thread_of
from tests.newsroom.test_newsroom import form_of, typed

QUIZ = {
    "quiz_1_text": "What crosses the river?", "quiz_1_choice_1": "A ferry", "quiz_1_choice_3": "A bridge",
    "quiz_1_right": "3", "quiz_1_where": "In the first paragraph.",
}  # fmt: skip


@pytest.fixture
def section(app: Flask) -> Section:
    make_site()
    return make_section("Politics", preset_premoderated=True, preset_closes_after_days=14)


@pytest.fixture
def desk(app: Flask, section: Section) -> Browser:
    return Browser(app).sign_in(make_user("Edda Marlow", roles=("editor",)))


def set_of(article: Article) -> Conversation:
    return read(db.session(), thread_of(article))


def only_article() -> Article:
    return db.session().scalars(select(Article)).one()


def saved(desk: Browser, article: Article, **values: Any) -> Any:
    """Send the article's form as it stands, with these changes."""
    at = f"/newsroom/articles/{article.id}"
    return desk.post(at, form_of(desk.get(at)) | {"then": "save"} | values)


def record() -> list[tuple[str, str, str, str]]:
    rows = db.session().scalars(select(ModerationAction).order_by(ModerationAction.id))
    return [(row.action, row.from_state, row.to_state, row.reason) for row in rows]


def test_an_article_begins_with_its_sections_preset_and_can_differ(desk: Browser, section: Section) -> None:
    form = form_of(desk.get("/newsroom/articles/new"))
    assert (form["premoderated"], form["closes"]) == ("y", "14")
    desk.post("/newsroom/articles/new", form | typed(section) | {"premoderated": "y", "closes": "14", "pace": "300"})
    standing = set_of(only_article())
    assert (standing.premoderated, standing.closes_after_days, standing.pace_seconds) == (True, 14, 300)


def test_what_nobody_touched_follows_the_article_to_another_section(desk: Browser, section: Section) -> None:
    calm = make_section("Culture", preset_pace_seconds=60)
    form = form_of(desk.get("/newsroom/articles/new"))
    desk.post("/newsroom/articles/new", form | {"headline": "A", "section_id": calm.id, "body_source": "B", "then": "save"})
    article = only_article()
    standing = set_of(article)
    assert (standing.premoderated, standing.closes_after_days, standing.pace_seconds) == (False, None, 60)
    saved(desk, article, pace="120")
    saved(desk, article, section_id=section.id)
    assert set_of(article).pace_seconds == 120, "what an editor has set stays"


def test_days_and_hours_count_from_publication(desk: Browser, section: Section) -> None:
    desk.post("/newsroom/articles/new", typed(section, closes="7", members_first="24"))
    article = only_article()
    assert thread_of(article).closes_at is None
    saved(desk, article, then="publish")
    published = fresh(article).published_at
    thread = thread_of(article)
    assert thread.closes_at == published + timedelta(days=7)
    assert thread.members_first_until == published + timedelta(hours=24)
    saved(desk, article, closes="14")
    assert thread_of(article).closes_at == published + timedelta(days=14)
    assert ("modes", "", "", "Closes: 7 days after publication → 14 days after publication.") in record()


def test_a_guest_is_named_by_name_or_address_with_a_line(desk: Browser, section: Section) -> None:
    ingrid, ole = make_user("Ingrid Halvorsen"), make_user("Ole Brandt", email="ole@example.test")
    article = make_article(section=section)
    guests = {"takes_questions": "y", "guest_1_who": "ingrid halvorsen", "guest_1_line": "Draws up the timetable",
              "guest_2_who": "OLE@example.test", "guest_2_line": "Drives it"}  # fmt: skip
    assert saved(desk, article, **guests).status_code == 303
    assert [(guest.user_id, guest.line) for guest in set_of(article).guests] == [
        (ingrid.id, "Draws up the timetable"), (ole.id, "Drives it"),
    ]  # fmt: skip
    page = text_of(Browser(desk.app).get(f"/articles/{article.slug}"))
    assert "Our guests answer your questions Ingrid Halvorsen Draws up the timetable Ole Brandt Drives it" in page
    assert record() == [("modes", "", "", "Readers ask, guests answer. Guests: Ingrid Halvorsen, Ole Brandt.")]
    saved(desk, article, headline="Told once")
    assert text_of(Browser(desk.app).sign_in(ingrid).get("/account/notices")).count("You are a guest of the paper") == 1


def test_a_quiz_is_written_in_the_form_and_comes_back_to_it(desk: Browser, section: Section) -> None:
    article = make_article(section=section)
    saved(desk, article, **QUIZ)
    (question,) = set_of(article).quiz
    assert (question.choices, question.right) == (("A ferry", "A bridge"), 2)
    assert thread_of(article).has_quiz
    form = form_of(desk.get(f"/newsroom/articles/{article.id}"))
    assert (form["quiz_1_choice_2"], form["quiz_1_right"]) == ("A bridge", "2")
    saved(desk, article, **{name: "" for name in form if name.startswith("quiz")})
    assert (set_of(article).quiz, thread_of(article).has_quiz) == ((), False)


@pytest.mark.once
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"thread_state": "closed"}, "Please tell readers why the discussion is closed."),
        ({"closes": "at"}, "Please give the moment, or choose a length of time."),
        ({"closes": "at", "closes_at": "2020-01-01T10:00"}, "This moment is over already."),
        ({"closes": "at", "closes_at": "2030-01-01T10:00", "members_first": "at", "members_first_until": "2030-02-01T10:00"},
         "It would close before registered readers may take part."),
        ({"takes_questions": "y"}, "Somebody has to answer"),
        ({"takes_questions": "y", "guest_1_who": "Nobody Known", "guest_1_line": "x"}, "Nobody called “Nobody Known”"),
        ({"takes_questions": "y", "guest_1_who": "Edda Marlow"}, "Please say in a few words who this is"),
        ({"takes_questions": "y", "guest_1_who": "Edda Marlow", "guest_1_line": "x", "guest_2_who": "edda marlow",
          "guest_2_line": "y"}, "This guest is named twice."),
        ({"questions_open_at": "2030-02-01T10:00", "questions_close_at": "2030-01-01T10:00"}, "end before it begins"),
        ({"quiz_1_text": "What?"}, "two answers to choose from"),
        ({"quiz_1_text": "What?", "quiz_1_choice_1": "A", "quiz_1_choice_2": "a"}, "Two of these answers are the same."),
        ({"quiz_1_text": "What?", "quiz_1_choice_1": "A", "quiz_1_choice_2": "B"}, "Please mark the right answer."),
        ({"quiz_1_choice_1": "A", "quiz_1_choice_2": "B", "quiz_1_right": "1"}, "Please write the question"),
        ({"pace": "99999999"}, "Please choose one of these."),
        ({"closes": "9999"}, "after a year at most"),
    ],
)  # fmt: skip
def test_a_mistake_gets_a_sentence_and_loses_nothing(
    desk: Browser, section: Section, values: dict[str, str], sentence: str
) -> None:
    article = make_article(section=section)
    before = set_of(article)
    answer = saved(desk, article, headline="Typed just now", opening_question="What would you do?", **values)
    assert (answer.status_code, sentence in text_of(answer)) == (422, True)
    form = form_of(answer)
    assert form["headline"] == "Typed just now"
    assert {name: form.get(name) for name in values if name != "pace" and values[name] != "9999"} == {
        name: value for name, value in values.items() if name != "pace" and value != "9999"
    }
    assert set_of(article) == before


def test_a_set_moment_that_has_passed_does_not_stand_in_the_way_of_another_change(desk: Browser, section: Section) -> None:
    past = datetime(2026, 1, 1, tzinfo=UTC)
    article = make_article(section=section, thread_values={"closes_at": past})
    page = desk.get(f"/newsroom/articles/{article.id}")
    assert "This discussion closed by itself on Thursday 1 January 2026" in text_of(page)
    assert saved(desk, article, headline="A better headline").status_code == 303
    assert thread_of(article).closes_at == past
    saved(desk, article, closes="")
    assert thread_of(article).closes_at is None
    assert record()[-1] == ("modes", "", "", "Closes: Thursday 1 January 2026, 00:00 UTC → no.")


def test_two_who_change_the_settings_do_not_overwrite_each_other(desk: Browser, section: Section) -> None:
    article = make_article(section=section)
    at = f"/newsroom/articles/{article.id}"
    mine = form_of(desk.get(at))
    saved(desk, article, pace="300")
    assert fresh(article).version > int(mine["version"])
    db.session().get(Thread, thread_of(article).id)
    late = desk.post(at, mine | {"then": "save", "pace": "60"})
    assert late.status_code == 409
    assert "Slow mode, as it is saved now 5 minutes apart" in text_of(late)
    assert thread_of(article).pace_seconds == 300


def test_drafts_leave_no_record_and_a_published_change_tells_open_pages(desk: Browser, section: Section) -> None:
    draft = make_article(section=section, state="draft", published_at=None)
    saved(desk, draft, pace="60")
    assert record() == []
    public = make_article(section=section)
    version = thread_of(public).version
    saved(desk, public, thread_state="closed", closed_reason="The council has voted.", pace="60")
    assert record() == [("modes", "", "", "Slow mode: off → 1 minute."),
                        ("thread", "open", "closed", "The council has voted.")]  # fmt: skip
    from models.live import LiveEvent

    events = db.session().scalars(select(LiveEvent).where(LiveEvent.thread_id == thread_of(public).id)).all()
    assert [(event.kind, event.number) for event in events] == [("thread", version + 1)]


def test_the_preview_shows_the_composer_as_each_kind_of_reader_finds_it(desk: Browser, section: Section) -> None:
    make_plan("gold", "VIP Gold", rank=2)
    article = make_article(section=section)
    form = form_of(desk.get(f"/newsroom/articles/{article.id}")) | {
        "members_first": "24", "pace": "300", "comment_audience": "plans:gold", **QUIZ,
    }  # fmt: skip

    def seen(kind: str) -> str:
        return text_of(desk.post("/newsroom/preview", form | {"as": kind}))

    assert "This reader can comment." in seen("plan:gold")
    assert "Slow mode: at least 5 minutes" in seen("plan:gold")
    assert "A short quiz about the story" in seen("plan:gold")
    assert "the composer leads to joining" in seen("registered")
    assert "Members speak first" in seen("visitor")
    assert queries.conversation_of(thread_of(article)) == Conversation()


@pytest.mark.once
def test_a_guest_who_leaves_is_taken_off_every_list(app: Flask, desk: Browser, section: Section) -> None:
    from blueprints.accounts.service import delete_account
    from core.db import transaction

    ingrid: User = make_user("Ingrid Halvorsen")
    article = make_article(section=section)
    saved(desk, article, takes_questions="y", guest_1_who="Ingrid Halvorsen", guest_1_line="Draws up the timetable")
    at, visitor = f"/articles/{article.slug}", Browser(app)
    assert "Ingrid Halvorsen" in text_of(visitor.get(at))
    with transaction():
        delete_account(ingrid.id, keep_words=True)
    assert "Ingrid Halvorsen" not in text_of(visitor.get(at))
