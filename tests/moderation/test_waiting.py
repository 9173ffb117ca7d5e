"""How long a decision usually takes, as authors of waiting comments are told."""

from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import service as moderation
from blueprints.moderation.jobs import waiting_times
from blueprints.threads.waiting import usually
from core import clock
from core.db import db, transaction
from models.article import Article, Section
from models.thread import WaitingTime
from tests.browser import Browser, text_of
from tests.factories import make_rule, make_section, make_user
from tests.factories import number as factory_number
from tests.threads.talk import make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def decide(article: Article, at: datetime, minutes: list[int]) -> None:
    """Comments in this premoderated discussion, each decided on so many minutes after it was sent."""
    mod, ann, rule = make_user(roles=("moderator",)), make_member(), make_rule(f"rule-{factory_number()}")
    for number, wait in enumerate(minutes):
        with time_machine.travel(at, tick=False) as traveller:
            comment_id = say(article, ann)
            traveller.shift(timedelta(minutes=wait))
            with transaction() as session:
                values = {"comment_id": comment_id, "revision": 1, "actor_id": mod.id}
                if number % 2:
                    moderation.publish_comment(session, **values)
                else:
                    moderation.reject_comment(session, **values, rule_id=rule.id)


def talk_in(section: Section) -> Article:
    return make_talk(section=section, comment_audience="registered", thread_values={"premoderated": True})


def times() -> dict[int, int]:
    db.session().rollback()
    return {row.section_id: row.seconds for row in db.session().scalars(select(WaitingTime))}


def test_the_middle_of_the_last_decisions_is_told_per_section_and_for_the_site(app: Flask) -> None:
    busy, quiet = talk_in(make_section()), talk_in(make_section())
    decide(busy, clock.now() - timedelta(hours=2), [5] * 5 + [18] + [600] * 5)
    decide(quiet, clock.now() - timedelta(hours=1), [30] * 3)
    waiting_times()
    assert times() == {0: 30 * 60, busy.section_id: 18 * 60}, "too few were decided in the other section"
    ann = make_member()
    for article, words in ((busy, "within 20 minutes"), (quiet, "within 30 minutes")):
        say(article, ann)
        her = Browser(app).sign_in(ann)
        assert words in text_of(her.get(f"/articles/{article.slug}"))
        assert words in text_of(her.get("/account/comments"))
        sent = her.post(f"/articles/{article.slug}/comments", {"body": f"One more about {words}."})
        assert words in text_of(her.follow(sent))


def test_nothing_is_claimed_of_few_or_old_decisions(app: Flask) -> None:
    article = talk_in(make_section())
    decide(article, clock.now() - timedelta(hours=1), [5] * 9)
    decide(article, clock.now() - timedelta(days=15), [5] * 9)
    waiting_times()
    assert times() == {}
    ann = make_member()
    say(article, ann)
    page = text_of(Browser(app).sign_in(ann).get(f"/articles/{article.slug}"))
    assert "Comments are read by a person before they appear here." in page
    assert "usually" not in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "within 5 minutes"), (301, "within 10 minutes"), (3600, "within 1 hour"), (3601, "within 2 hours"),
     (30 * 3600, "within 2 days"), (4 * 86_400, ""), (None, "")],
)  # fmt: skip
def test_times_are_rounded_up_to_what_people_say(seconds: int | None, words: str) -> None:
    assert usually(seconds) == (f"That is usually done {words}." if words else "")
