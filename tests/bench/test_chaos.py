"""Processes are killed in the middle of it all, and nothing that was acknowledged is lost; and the counting would notice."""

import threading

from flask import Flask
from sqlalchemy import delete

from core.db import transaction
from jobs import worker
from models.live import LiveEvent
from models.notice import NoticeCause
from models.thread import Respect
from tests.bench import chaos
from tests.bench.members import Member
from tests.threads.talk import facts, make_member, make_talk, respect, say


def test_what_was_acknowledged_survives_the_death_of_processes() -> None:
    report = chaos.run(
        chaos.ChaosOptions(minutes=0.06, every=1.4, writers=3, readers=1, threads=4, waits=False), say=lambda _line: None
    )
    assert [verdict.sentence for verdict in report.verdicts if not verdict.met] == []


def test_whatever_is_missing_or_wrong_afterwards_is_said(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    words, answer = "Said in the middle of it all: one.", "Said in the middle of it all: two."
    one = say(article, ann, words)
    two = say(article, bob, answer, to=one)
    respect(one, bob)
    worker.run_all()
    thread_id = facts(article).thread_id
    person = chaos.Person(0, Member(bob.email, {}, ""), article.slug, [], threading.Event())
    person.done.comments |= {one: (words, None), two: (answer, one)}
    person.done.respects[one] = True
    crowd = [person]
    assert chaos._comments(crowd, thread_id) == chaos._notices(crowd) == chaos._events(crowd, thread_id) == []
    assert chaos._respects(crowd) == []
    with transaction() as session:
        session.execute(delete(NoticeCause))
        session.execute(delete(Respect))
        session.execute(delete(LiveEvent).where(LiveEvent.comment_id == one))
    person.done.comments[999] = ("Said in the middle of it all: three.", None)
    del person.done.comments[one]
    assert chaos._comments(crowd, thread_id) == [
        "comment 999 is not there", f"comment {one} was never acknowledged", "comment 999 has 0 texts",
    ]  # fmt: skip
    assert chaos._notices(crowd) == [f"answer {two} was told 0 times"]
    assert chaos._respects(crowd) == [f"{bob.email}'s respect for {one} should be True"]
    person.done.comments = {one: (words, None)}
    assert chaos._events(crowd, thread_id) == [f"comment {one} has 0 events"]
