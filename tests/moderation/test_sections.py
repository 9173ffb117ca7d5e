"""What moderators who are limited to sections see of other sections, and decide there: no more than readers do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, update

from blueprints.moderation import claims, sanctions, service, stress
from core import clock
from core.db import db, transaction
from core.errors import DomainError
from models.article import Article, Section
from models.desk import Claim
from models.stress import Alarm
from models.thread import Comment, Thread
from models.user import ModeratedSection, User
from tests.browser import Browser, text_of
from tests.factories import make_section, thread_of
from tests.moderation.desk import (
    actions,
    comment,
    decide,
    make_member,
    make_moderator,
    make_talk,
    reject,
    report,
    say,
    waiting,
)
from tests.moderation.test_moving import move
from tests.moderation.test_objections import answer, object_to
from tests.moderation.test_queues import take


def limit(moderator: User, to: int) -> None:
    """From now on they moderate this section only."""
    with transaction() as session:
        session.execute(delete(ModeratedSection).where(ModeratedSection.user_id == moderator.id))
        session.add(ModeratedSection(user_id=moderator.id, section_id=to))


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


@pytest.mark.once
def test_what_is_held_in_a_section_that_was_taken_away_is_neither_shown_nor_kept(
    client: Browser, both: tuple[Article, Article]
) -> None:
    (here, there), ann, mo = both, make_member(), make_moderator("Mo Adeyemi")
    own, foreign = waiting(here, ann, words="Held at the harbour."), waiting(there, ann, words="Held in sport.")
    assert take(mo, "held").ids == [own, foreign]
    limit(mo, here.section_id)
    page = text_of(client.sign_in(mo).get("/moderation/mine"))
    assert "Held at the harbour." in page
    assert client.get("/moderation/mine").get_data(as_text=True).count('id="case-') == 1
    with time_machine.travel(clock.now() + claims.CLAIM_LASTS - timedelta(minutes=1)), transaction() as session:
        assert claims.keep_claims(session, mo.id) == 1
    until = {row.comment_id: row.expires_at for row in db.session().scalars(select(Claim))}
    assert until[own] > until[foreign] + timedelta(minutes=5)


def test_what_is_held_and_was_moved_away_is_neither_shown_nor_kept(
    client: Browser, both: tuple[Article, Article]
) -> None:
    (here, there), ann, mo = both, make_member(), moderator_of(both[0])
    held = say(here, ann, "About the match.")
    report(held, make_member())
    assert take(mo, "reported").ids == [held]
    move(held, there, make_moderator())
    assert "About the match." not in text_of(client.sign_in(mo).get("/moderation/mine"))
    with transaction() as session:
        assert claims.keep_claims(session, mo.id) == 0


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


@pytest.mark.once
def test_an_objection_is_decided_where_the_comment_stands_now(
    client: Browser, both: tuple[Article, Article]
) -> None:
    (here, there), ann = both, make_member()
    moved = say(here, ann, "About the match.")
    reject(moved, make_moderator())
    appeal_id = object_to(moved, ann)
    move(moved, there, make_moderator())
    mo, flo = moderator_of(both[0]), moderator_of(there, "Flo Okafor")
    client.sign_in(mo)
    assert "No objection waits" in text_of(client.get("/moderation/objections"))
    assert client.get(f"/moderation/appeals/{appeal_id}").status_code == 404
    assert "About the match." not in text_of(client.get("/moderation/decided"))
    refused(lambda: answer(appeal_id, mo, reverse=True))
    colleague = Browser(client.app).sign_in(flo)
    assert "About the match." in text_of(colleague.get("/moderation/objections"))
    assert "About the match." in text_of(colleague.get(f"/moderation/appeals/{appeal_id}"))
    answer(appeal_id, flo, reverse=True)
    assert comment(moved).status == "published"
    assert actions()[-1].thread_id == thread_of(there).id


def test_who_decided_first_no_longer_sees_the_objection_once_the_comment_was_moved_away(
    client: Browser, both: tuple[Article, Article]
) -> None:
    (here, there), ann, mo = both, make_member("Ann Droste"), moderator_of(both[0])
    moved = say(here, ann)
    reject(moved, mo)
    object_to(moved, ann)
    assert "Ann Droste" in text_of(client.sign_in(mo).get("/moderation/objections"))
    move(moved, there, make_moderator())
    assert "Ann Droste" not in text_of(client.get("/moderation/objections"))


def test_what_colleagues_take_and_decide_elsewhere_is_not_told(client: Browser, both: tuple[Article, Article]) -> None:
    ann, flo = make_member(), make_moderator("Flo Okafor")
    held = [waiting(talk, ann) for talk in both]
    decided = [waiting(talk, ann) for talk in both]
    for comment_id in decided:
        decide(service.publish_comment, comment_id, flo)
    assert take(flo, "held").ids == held
    now = client.sign_in(moderator_of(both[0])).get("/moderation/now?after=0").get_json()
    assert now["claims"] == {str(held[0]): "Flo Okafor"}
    assert [row["id"] for row in now["decided"]] == [decided[0]]
    everywhere = Browser(client.app).sign_in(make_moderator()).get("/moderation/now?after=0").get_json()
    assert [row["id"] for row in everywhere["decided"]] == decided


def test_an_alarm_elsewhere_is_taken_by_who_moderates_there(both: tuple[Article, Article]) -> None:
    mo, now = moderator_of(both[0]), clock.now()
    with transaction() as session:
        for place in (thread_of(both[0]).id, thread_of(both[1]).id, stress.EVERYWHERE):
            session.add(Alarm(place=place, started_at=now, last_at=now, comments=50, usual=4.0))
    own, foreign, everywhere = db.session().scalars(select(Alarm.id).order_by(Alarm.id)).all()

    def see_to(alarm_id: int) -> None:
        with transaction() as session:
            stress.take_alarm(session, alarm_id=alarm_id, actor_id=mo.id)

    refused(lambda: see_to(foreign))
    see_to(own)
    see_to(everywhere)
    seen = {row.id: row.seen_by for row in db.session().scalars(select(Alarm).execution_options(populate_existing=True))}
    assert seen == {own: mo.id, foreign: None, everywhere: mo.id}
