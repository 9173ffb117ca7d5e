"""Telling people of comments, in small steps: each is one transaction, and what was told stays told. The daily mail."""

from datetime import timedelta

from blueprints.following import digest, queries, telling
from core import clock
from core.db import db, transaction
from jobs.queue import enqueue, handler
from jobs.schedule import repeating

CAUSES_AT_ONCE = 100


@handler("following.tell")
def tell(comment_id: int, only_mentions: bool = False) -> None:
    """Tell everybody whom a comment concerns, unless it can no longer be read. Run again, it tells who is left."""
    with transaction() as session:
        people = telling.tell_first(session, comment_id, only_mentions=only_mentions)
    for at in range(0, len(people), telling.AT_ONCE):
        with transaction() as session:
            comment = queries.subject(session, comment_id, hold=True)
            if comment is None or not telling.can_be_read(comment):
                return
            for user_id, reason in people[at : at + telling.AT_ONCE]:
                telling.tell(session, comment, user_id, reason)


@handler("following.keep-up-thread")
def keep_up_thread(thread_id: int) -> None:
    """Withdraw or put back what was told of a discussion's comments, because it was hidden or shown again."""
    after = ""
    while causes := queries.causes_in(db.session(), telling.scope_of(thread_id), after, CAUSES_AT_ONCE):
        with transaction() as session:
            for cause in causes:
                kind, _, number = cause.partition(":")
                if kind == "comment":
                    telling.keep_up(session, int(number))
        after = causes[-1]


@handler("following.tell-story")
def tell_story(thread_id: int) -> None:
    """Tell those who follow an author of a story that appeared; take it back while the story is not there."""
    with transaction() as session:
        story = queries.story(session, thread_id)
        if story is None:
            return
        telling.keep_up_story(session, story)
    after = 0
    while people := queries.followers_of_author(db.session(), story, after, telling.AT_ONCE):
        with transaction() as session:
            story = queries.story(session, thread_id)
            if story is None or story.state != "published":
                return
            for user_id in people:
                telling.tell_of_story(session, story, user_id)
        after = people[-1]


@handler("following.digests")
def ask_for_digests() -> None:
    """Ask for the daily mail of each whose hour has come."""
    people = digest.people_due(db.session(), clock.now())
    if people:
        with transaction():
            for user_id in people:
                enqueue("following.digest", key=f"digest:{user_id}", user_id=user_id)


@handler("following.digest")
def write_digest(user_id: int) -> None:
    """Write one person's daily mail."""
    with transaction() as session:
        digest.write(session, user_id)


repeating("following.digests", every=timedelta(minutes=10))
