"""What moderators who are limited to sections see of other sections, and decide there: no more than readers do."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from blueprints.moderation import sanctions
from core.db import db, transaction
from core.errors import DomainError
from models.article import Article, Section
from models.thread import Comment, Thread
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_section
from tests.moderation.desk import (
    actions,
    make_member,
    make_moderator,
    make_talk,
    reject,
    say,
    waiting,
)


def warn(person: User, cause: int, by: User) -> None:
    with transaction() as session:
        sanctions.sanction(
            session, user_id=person.id, kind="warning", until=None, rule_id=None, reason="Mind your words.",
            actor_id=by.id, comment_id=cause,
        )  # fmt: skip


def refused(attempt: Callable[[], object]) -> None:
    with pytest.raises(DomainError, match="This section is moderated by colleagues") as found:
        attempt()
    assert found.value.status == 403


@pytest.fixture
def both(app: Flask) -> tuple[Article, Article]:
    """A discussion in a section of one's own, and one elsewhere."""
    return make_talk(section=make_section("Harbour")), make_talk(section=make_section("Sport"))


def moderator_of(talk: Article, name: str = "Mo Adeyemi") -> User:
    """Who moderates the section of this discussion only."""
    section = db.session().get(Section, talk.section_id)
    assert section is not None
    return make_moderator(name, sections=(section,))


def test_last_comments_elsewhere_keep_the_words_that_readers_cannot_read(
    client: Browser, both: tuple[Article, Article]
) -> None:
    (here, there), ann = both, make_member("Ann Droste")
    first, own = say(here, ann, "Shown on the card."), waiting(here, ann, words="Held at the harbour.")
    public = say(there, ann, "Everybody reads this.")
    nameless = say(there, ann, "Nobody reads who said this.")
    with transaction() as session:
        session.execute(update(Comment).where(Comment.id == nameless).values(nameless=True))
    held, removed = waiting(there, ann, words="Held in sport."), say(there, ann, "Removed in sport.")
    reject(removed, make_moderator())
    unseen = say(hidden := make_talk(section=db.session().get(Section, there.section_id)), ann, "Said under a hidden article.")
    with transaction() as session:
        session.execute(update(Thread).where(Thread.article_id == hidden.id).values(state="hidden"))
    client.sign_in(moderator_of(both[0]))
    for place in (f"/moderation/people/{ann.id}", f"/moderation/comments/{first}"):
        page = client.get(place).get_data(as_text=True)
        for words in ("Held at the harbour.", "Everybody reads this."):
            assert words in page, place
        for words in ("Held in sport.", "Removed in sport.", "Nobody reads who", "under a hidden article"):
            assert words not in page, place
        assert text_of(client.get(place)).count("In a section of colleagues") == 4
        assert f'"/moderation/comments/{own}"' in page
        assert f'"/comments/{public}"' in page
        for foreign in (public, nameless, held, removed, unseen):
            assert f"/moderation/comments/{foreign}" not in page
    page = text_of(Browser(client.app).sign_in(make_moderator()).get(f"/moderation/people/{ann.id}"))
    for words in ("Held in sport.", "Removed in sport.", "Nobody reads who", "under a hidden article"):
        assert words in page, "who is limited to no section reads all"


def test_a_sanction_tells_other_sections_why_and_not_what_was_said(
    client: Browser, both: tuple[Article, Article]
) -> None:
    (_, there), ann = both, make_member()
    removed, public = say(there, ann, "Removed in sport."), say(there, ann, "Everybody reads this.")
    for cause in (removed, public):
        warn(ann, cause, make_moderator())
    reject(removed, make_moderator())
    client.sign_in(moderator_of(both[0]))
    for place in ("/moderation/decided", f"/moderation/people/{ann.id}"):
        page = client.get(place).get_data(as_text=True)
        assert "Mind your words." in page
        assert "Removed in sport." not in page
        assert "Everybody reads this." in page
        assert f"/moderation/comments/{public}" not in page
    assert "Removed in sport." in text_of(Browser(client.app).sign_in(make_moderator()).get("/moderation/decided"))


def test_a_sanction_names_a_comment_of_ones_own_sections_only(both: tuple[Article, Article]) -> None:
    (here, there), ann, mo = both, make_member(), moderator_of(both[0])
    for foreign in (say(there, ann), say(there, make_member())):
        refused(lambda cause=foreign: warn(ann, cause, mo))
    assert actions() == []
    warn(ann, say(here, ann), mo)
    assert [row.action for row in actions()] == ["warning"]
