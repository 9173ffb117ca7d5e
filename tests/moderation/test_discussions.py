"""Discussions as a whole: how they go, changed by moderators, on record, with nobody's change overwritten."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask

from blueprints.moderation import discussions
from blueprints.moderation.discussions import Rules
from blueprints.threads.settings import read
from core.db import db, transaction
from core.errors import Conflict, DomainError
from models.article import Article
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_section, thread_of
from tests.moderation.desk import actions, ledger_problem, make_member, make_moderator, make_talk, say
from tests.threads.test_together import at_once

FRIDAY = datetime(2030, 11, 29, 18, tzinfo=UTC)


def form_of(html: str) -> dict[str, str]:
    """What the form on the page would send back."""
    form = html.split('<form class="form" method="post">')[1].split("</form>")[0]
    found = {"mark": re.search(r'name="mark"[^>]*value="([^"]*)"', form)[1]}  # type: ignore[index]
    found["state"] = re.search(r'checked[^>]*name="state"[^>]*value="([^"]+)"', form)[1]  # type: ignore[index]
    chosen = re.search(r'<option selected value="([^"]*)"', form)
    closes = re.search(r'name="closes_at"[^>]*value="([^"]*)"', form)
    return found | {"pace": chosen[1] if chosen else "", "closes_at": closes[1] if closes else ""}


def mark_of(talk: Article) -> str:
    return read(db.session(), thread_of(talk)).mark


def manage(talk: Article, mo: User, mark: str | None = None, **wanted: object) -> int:
    rules: dict[str, object] = {"state": "open", "reason": "", "pace_seconds": None, "premoderated": False, "closes_at": None}
    thread_id, mark = thread_of(talk).id, mark or mark_of(talk)
    with transaction() as session:
        return discussions.manage_thread(
            session, thread_id=thread_id, actor_id=mo.id, mark=mark, wanted=Rules(**(rules | wanted))  # type: ignore[arg-type]
        )


def record() -> list[tuple[str, str, str, str]]:
    return [(row.action, row.from_state, row.to_state, row.reason) for row in actions()]


@pytest.mark.once
def test_a_moderator_manages_a_discussion_from_its_page(app: Flask) -> None:
    talk, person = make_talk(thread_values={"pace_seconds": None}), make_moderator("Mo Adeyemi")
    mo, at = Browser(app).sign_in(person), f"/moderation/threads/{thread_of(talk).id}"
    assert f'href="{at}"' in mo.get(f"/articles/{talk.slug}").get_data(as_text=True)
    form = form_of(mo.get(at).get_data(as_text=True))
    done = mo.post(at, form | {"pace": "300", "premoderated": "y", "closes_at": "2030-11-29T18:00", "reason": "Very heated."})
    assert done.headers["Location"] == at
    thread = thread_of(talk)
    assert (thread.pace_seconds, thread.premoderated, thread.closes_at) == (300, True, FRIDAY)
    page = text_of(mo.follow(done))
    assert "Slow mode: off → 5 minutes. Closes: no → Friday 29 November 2030, 18:00 UTC. Very heated." in page
    assert "slow mode: 5 minutes" in page
    again = form_of(mo.get(at).get_data(as_text=True))
    assert mo.post(at, again | {"premoderated": "y"}).status_code == 409, "nothing would change"
    assert mo.post(at, again | {"premoderated": "y", "state": "closed"}).status_code == 422
    assert mo.post(at, again | {"premoderated": "y", "state": "closed", "reason": "Enough."}).status_code == 303
    assert [row[:3] for row in record()] == [("modes", "", ""), ("thread", "open", "closed")]
    assert "Enough. Closed on" in text_of(Browser(app).get(f"/articles/{talk.slug}"))
    assert ledger_problem() == ""


def test_what_a_colleague_changed_meanwhile_is_shown_and_not_overwritten(app: Flask) -> None:
    talk, flo = make_talk(), make_moderator("Flo Okafor")
    mo, at = Browser(app).sign_in(make_moderator()), f"/moderation/threads/{thread_of(talk).id}"
    form = form_of(mo.get(at).get_data(as_text=True))
    manage(talk, flo, pace_seconds=600)
    late = mo.post(at, form | {"pace": "60", "reason": "Typed with care."})
    words = text_of(late)
    assert (late.status_code, "Somebody changed this discussion meanwhile" in words) == (409, True)
    assert "Flo Okafor" in words
    assert "slow mode: 10 minutes" in words
    assert "Typed with care." in late.get_data(as_text=True)
    assert thread_of(talk).pace_seconds == 600
    assert mo.post(at, form_of(late.get_data(as_text=True)) | {"pace": "60"}).status_code == 303


def test_a_discussion_that_closed_by_itself_is_opened_again(app: Flask) -> None:
    talk, mo, ann = make_talk(thread_values={"closes_after_days": 1, "closes_at": FRIDAY}), make_moderator(), make_member()
    with time_machine.travel(FRIDAY, tick=False):
        page = text_of(Browser(app).sign_in(mo).get(f"/moderation/threads/{thread_of(talk).id}"))
        assert "This discussion closed by itself on Friday 29 November 2030, 18:00 UTC, 1 day after" in page
        with pytest.raises(DomainError, match="closed by itself"):
            say(talk, ann)
        manage(talk, mo, pace_seconds=0, closes_at=None)
        say(talk, ann)
    assert (thread_of(talk).closes_at, thread_of(talk).closes_after_days) == (None, None)


def test_days_from_publication_stay_days_when_something_else_is_changed(app: Flask) -> None:
    closes = FRIDAY.replace(second=12, microsecond=345)
    talk = make_talk(thread_values={"closes_after_days": 3, "closes_at": closes})
    manage(talk, make_moderator(), pace_seconds=60, closes_at=FRIDAY)
    assert thread_of(talk).closes_after_days == 3
    assert [row[3] for row in record()] == ["Slow mode: no pace at all → 1 minute."]


def test_of_two_who_decide_at_once_on_the_same_settings_one_is_refused(app: Flask) -> None:
    talk, mo, flo = make_talk(), make_moderator(), make_moderator()
    mark = mark_of(talk)
    failed = at_once(app, [
        lambda: manage(talk, mo, mark, pace_seconds=60), lambda: manage(talk, flo, mark, pace_seconds=600),
    ])  # fmt: skip
    assert [type(error) for error in failed] == [Conflict]
    assert len(record()) == 1
    assert thread_of(talk).pace_seconds in {60, 600}


def test_a_moderator_of_other_sections_neither_sees_nor_manages_it(app: Flask) -> None:
    talk = make_talk()
    other = make_moderator(sections=(make_section("Elsewhere"),))
    browser, at = Browser(app).sign_in(other), f"/moderation/threads/{thread_of(talk).id}"
    assert "Manage this discussion" not in text_of(browser.get(f"/articles/{talk.slug}"))
    assert browser.get(at).status_code == 404
    assert browser.post(at, {"mark": mark_of(talk), "state": "hidden"}).status_code == 404
    with pytest.raises(DomainError, match="moderated by colleagues"):
        manage(talk, other, pace_seconds=60)
    assert record() == []
