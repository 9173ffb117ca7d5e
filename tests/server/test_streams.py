"""Live streams over real lines: what is told, to whom, and when it ends."""

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from blueprints.threads import live, thread_state
from blueprints.threads.watched import readers_of
from commands.server.streams import client_address
from core import clock
from core.db import db, transaction
from jobs.heartbeat import streams_seen_at
from models.article import Article
from models.live import LiveEvent, ReadingNow
from models.thread import Thread
from models.user import User
from tests.factories import make_article, make_plan, make_user, thread_of
from tests.server.serving import Line, Served, start
from tests.threads.talk import say


@pytest.fixture
def talk(server: Served) -> Iterator[tuple[Article, User]]:
    """An open thread, and somebody who may write in it."""
    with server.inside():
        yield make_article(thread_values={"pace_seconds": 0}), make_user(plan=make_plan())


class Stream:
    """A reader of a stream."""

    def __init__(self, server: Served, article: Article, after: str = "", *, address: str = "127.0.0.2", room: int = 0, header: str = "") -> None:
        request = f"GET /articles/{article.slug}/live{after} HTTP/1.1\r\nHost: a\r\n{header}\r\n".encode()
        self.line = Line(server.port, request, address, room)
        self.head = self.line.until(b"\r\n\r\n")
        self.events: list[dict[str, Any]] = []

    def next(self) -> dict[str, Any]:
        """The next event, as an EventSource would give it; counts of readers are left out."""
        while True:
            fields = dict(re.findall(r"(\w+): (.*)", self.line.until(b"\n\n").decode()))
            if fields.get("event", "readers") != "readers":
                return json.loads(fields["data"]) | {"id": int(fields["id"]), "event": fields["event"]}

    def close(self) -> None:
        self.line.close()


def test_what_is_said_reaches_everybody_who_reads_along(server: Served, talk: tuple[Article, User]) -> None:
    article, member = talk
    readers = [Stream(server, article) for _ in range(3)]
    assert b"content-type: text/event-stream" in readers[0].head
    assert b"x-accel-buffering: no" in readers[0].head
    said = [say(article, member) for _ in range(2)]
    version = thread_of(article).version
    for reader in readers:
        told = [reader.next(), reader.next()]
        assert [(event["event"], event["comment"], event["count"]) for event in told] == [
            ("comment", said[0], 1), ("comment", said[1], 2),
        ]  # fmt: skip
        assert [event["id"] for event in told] == [event["n"] for event in told] == [version - 1, version]
        reader.close()


@pytest.mark.parametrize("way", ["header", "address"])
def test_a_reader_who_comes_back_is_told_what_they_missed_and_nothing_twice(
    server: Served, talk: tuple[Article, User], way: str
) -> None:
    article, member = talk
    first = Stream(server, article)
    say(article, member)
    last = first.next()["id"]
    if way == "address":
        first.close()  # nobody reads here any more: what was missed stands in the database alone
        time.sleep(0.2)
    missed = [say(article, member) for _ in range(3)]
    time.sleep(0.7)
    again = Stream(server, article, f"?after={last}" if way == "address" else "", header=f"Last-Event-ID: {last}\r\n" if way == "header" else "")
    later = say(article, member)
    assert [again.next()["comment"] for _ in range(4)] == [*missed, later]
    again.close()
    first.close()


def test_a_reader_who_was_away_too_long_is_told_to_load_the_page_again(server: Served, talk: tuple[Article, User]) -> None:
    article, _ = talk
    many_events(article, live.TOLD_AT_ONCE + 1)
    reader = Stream(server, article, "?after=1")
    assert reader.next()["event"] == "reload"
    reader.close()


def many_events(article: Article, number: int) -> None:
    """As if the thread itself had changed so many times."""
    thread = thread_of(article)
    with transaction() as session:
        fixed = {"thread_id": thread.id, "kind": "thread", "count": 0, "created_at": clock.now()}
        version = session.scalar(select(Thread.version).where(Thread.id == thread.id)) or 0
        session.execute(insert(LiveEvent), [fixed | {"number": version + 1 + each} for each in range(number)])
        session.execute(update(Thread).where(Thread.id == thread.id).values(version=version + number))


@pytest.mark.parametrize("ending", ["closed", "hidden", "unpublished"])
def test_a_stream_ends_with_its_discussion(server: Served, talk: tuple[Article, User], ending: str) -> None:
    article, _ = talk
    reader = Stream(server, article)
    with transaction() as session:
        if ending == "unpublished":
            session.get(Article, article.id).state = "unpublished"  # type: ignore[union-attr]
        else:
            thread_state.set_thread_state(session, thread_of(article).id, ending, reason="It is late.")
    left = reader.line.rest()
    assert (b"event: thread" in left) == (ending == "closed")
    assert server.ask(f"/articles/{article.slug}/live").status == (204 if ending == "closed" else 404)


def test_there_is_no_stream_where_there_is_nothing_to_see_or_to_come(server: Served, talk: tuple[Article, User]) -> None:
    article, _ = talk
    with transaction() as session:
        old = clock.now() - live.LIVE_FOR * 2
        session.execute(update(Article).where(Article.id == article.id).values(created_at=old))
    assert server.ask(f"/articles/{article.slug}/live").status == 204
    assert server.ask("/articles/nothing-of-this-name/live").status == 404
    draft = make_article(state="draft")
    assert server.ask(f"/articles/{draft.slug}/live").status == 404


def test_one_address_holds_only_so_many_streams_and_others_go_on(server: Served, talk: tuple[Article, User]) -> None:
    article, member = talk
    held = [Stream(server, article, address="127.0.0.9") for _ in range(4)]
    fifth = Stream(server, article, address="127.0.0.9")
    assert fifth.head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 30" in fifth.head
    other = Stream(server, article, address="127.0.0.8")
    held[0].close()
    time.sleep(0.2)
    assert Stream(server, article, address="127.0.0.9").head.startswith(b"HTTP/1.1 200 ")
    comment = say(article, member)
    assert [reader.next()["comment"] for reader in (*held[1:], other)] == [comment] * 4
    for reader in (*held[1:], other):
        reader.close()


def test_who_takes_nothing_is_let_go_and_nobody_else_notices(server: Served, talk: tuple[Article, User]) -> None:
    article, _ = talk
    slow, quick = Stream(server, article, room=4096), Stream(server, article, address="127.0.0.7")
    number = 0
    for _ in range(12):
        many_events(article, live.TOLD_AT_ONCE)
        number += live.TOLD_AT_ONCE
        while quick.next()["n"] < 1 + number:
            pass
    with pytest.raises((ConnectionError, AssertionError)):
        while True:
            slow.next()
    quick.close()


def test_a_process_of_its_own_streams_and_counts_who_reads_and_takes_that_back_at_its_end(house: Flask) -> None:
    served = start(house, "live")
    with served.inside():
        article, member = make_article(thread_values={"pace_seconds": 0}), make_user(plan=make_plan())
        first, second = Stream(served, article), Stream(served, article)
        comment = say(article, member)  # by another process than the one that streams
        assert first.next()["comment"] == comment
        second.line.until(b'data: {"readers":2}\n\n')
        thread_id = thread_of(article).id
        until = time.monotonic() + 10
        while time.monotonic() < until and not readers_of(db.session(), [thread_id], clock.now()):
            db.session.rollback()
            time.sleep(0.1)
        assert readers_of(db.session(), [thread_id], clock.now()) == {thread_id: 2}
        seen_at = streams_seen_at()
        assert seen_at is not None
        assert clock.now() - seen_at < timedelta(seconds=30)
        assert served.ask(f"/articles/{article.slug}").status == 404
        db.session.rollback()
        served.end()
        assert served.process.returncode == 0
        first.line.rest()
        assert db.session.scalars(select(ReadingNow).where(ReadingNow.thread_id == thread_id)).all() == []


def test_the_address_of_a_reader_is_the_one_that_the_believed_proxies_name() -> None:
    scope = {"client": ("10.0.0.1", 5), "headers": [(b"x-forwarded-for", b"6.6.6.6, 1.1.1.1"), (b"x-forwarded-for", b"2.2.2.2")]}
    assert [client_address(scope, proxies) for proxies in (0, 1, 2, 4)] == ["10.0.0.1", "2.2.2.2", "1.1.1.1", "10.0.0.1"]
