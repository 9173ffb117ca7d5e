"""From a comment to those whom it concerns: who is told, in which words.

Nobody is told twice of one comment: the strongest reason counts. What was told is withdrawn while the comment cannot
be read, and put back when it can.
"""

from collections.abc import Set
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.accounts.queries import viewer_with_id
from blueprints.following import queries
from blueprints.following.policy import MOST_FOLLOWED
from blueprints.membership.entitlements import EVERYONE
from blueprints.notifications.notices import notify, restate, withdraw
from blueprints.site.queries import site
from core import clock
from core.markup import plain_text
from core.records import dataclass

AT_ONCE = 100  # people in one transaction


@dataclass(frozen=True, slots=True)
class Words:
    """How one reason is told."""

    kind: str
    subject_key: str
    title: str
    many: str
    many_url: str


def cause_of(comment_id: int) -> str:
    """What a comment is called as a cause."""
    return f"comment:{comment_id}"


def scope_of(thread_id: int) -> str:
    """What a discussion is called as the place of a cause."""
    return f"thread:{thread_id}"


def closed_to(session: Session, user_id: int, scopes: Set[str]) -> Set[str]:
    """Those of these discussions whose words this person may not read at present."""
    if site().comments_shown_to == EVERYONE:
        return frozenset()
    ids = {int(number) for kind, _, number in (scope.partition(":") for scope in scopes) if kind == "thread"}
    return {scope_of(each) for each in ids - queries.threads_read_by(session, viewer_with_id(user_id), ids)}


def can_be_read(comment: Row[Any]) -> bool:
    """Whether everybody can read it now."""
    states = (comment.status, comment.article_state)
    return states == ("published", "published") and bool(comment.thread_state != "hidden")


def note_part(session: Session, comment: Row[Any]) -> None:
    """Keep that the author took part in the discussion, which they follow if they chose so."""
    queries.add_follow(session, comment.author_id, "part", comment.thread_id, clock.now())
    if (
        queries.follows_own_threads(session, comment.author_id)
        and queries.count_follows(session, comment.author_id, "thread") < MOST_FOLLOWED
    ):
        queries.add_follow(session, comment.author_id, "thread", comment.thread_id, clock.now())


def whom_to_tell(session: Session, comment: Row[Any], *, only_mentions: bool) -> list[tuple[int, str]]:
    """Everybody to be told, with the reason."""
    author = queries.person(session, comment.author_id)
    is_open = author is not None and (author.page_is_open or author.has_role)
    return list(queries.concerned(session, comment, only_mentions=only_mentions, person_is_open=is_open))


def tell_first(session: Session, comment_id: int, *, only_mentions: bool = False) -> list[tuple[int, str]]:
    """Tell those whom a comment concerns, unless it can no longer be read: so many as one transaction should hold.

    Returns the others, with the reason. Who was told before is not told again.
    """
    comment = queries.subject(session, comment_id, hold=True)
    if comment is None or not can_be_read(comment):
        return []
    note_part(session, comment)
    people = whom_to_tell(session, comment, only_mentions=only_mentions)
    for user_id, reason in people[:AT_ONCE]:
        tell(session, comment, user_id, reason)
    return people[AT_ONCE:]


def tell(session: Session, comment: Row[Any], user_id: int, reason: str) -> None:
    """Tell one person."""
    words = _words(comment, reason)
    notify(
        session, user_id, words.kind, subject_key=words.subject_key, title=words.title, many=words.many,
        url=_place(comment.id), many_url=words.many_url, reply_url=f"/comments/{comment.id}/reply",
        actor_id=comment.author_id, nameless=comment.nameless, excerpt=plain_text(comment.body_html),
        cause=cause_of(comment.id), scope=scope_of(comment.thread_id),
    )  # fmt: skip


def keep_up(session: Session, comment_id: int) -> None:
    """Bring what was told of a comment to how the comment stands now."""
    comment = queries.subject(session, comment_id)
    if comment is None or not can_be_read(comment):
        withdraw(session, cause_of(comment_id))
    else:
        restate(session, cause_of(comment_id), plain_text(comment.body_html), nameless=comment.nameless,
                scope=scope_of(comment.thread_id))  # fmt: skip


def tell_of_story(session: Session, story: Row[Any], user_id: int) -> None:
    """Tell somebody who follows its author of a story."""
    notify(
        session, user_id, "follow", subject_key=f"stories:{story.author_id}",
        title=f"{{actor}}, whom you follow, wrote a story: “{story.headline}”",
        many="{count} new stories by {actor}, whom you follow", url=f"/articles/{story.slug}",
        actor_id=story.author_id, excerpt=story.standfirst, cause=_cause_of_story(story),
    )  # fmt: skip


def keep_up_story(session: Session, story: Row[Any]) -> None:
    """Bring what was told of a story to how it stands now."""
    if story.state == "published":
        restate(session, _cause_of_story(story), story.standfirst)
    else:
        withdraw(session, _cause_of_story(story))


def _cause_of_story(story: Row[Any]) -> str:
    return f"article:{story.id}"


def _words(comment: Row[Any], reason: str) -> Words:
    story, here = f"“{comment.headline}”", f"thread:{comment.thread_id}"
    newest = f"/articles/{comment.slug}?sort=newest#comments"
    if reason == "reply":
        return Words(
            "reply", f"comment:{comment.parent_id}", f"{{actor}} replied to you on {story}",
            f"{{count}} replies to your comment on {story}", _place(comment.parent_id),
        )  # fmt: skip
    if reason == "mention":
        return Words(
            "mention", here, f"{{actor}} mentioned you on {story}", f"{{count}} mentions of you on {story}", ""
        )
    if reason == "branch":
        return Words(
            "follow", f"branch:{comment.root_id}", f"{{actor}} replied in a conversation you follow on {story}",
            f"{{count}} new replies in a conversation you follow on {story}", _place(comment.root_id),
        )  # fmt: skip
    if reason == "staff":
        who = {"author": "{actor}, who wrote the story,", "guest": "{actor}, a guest of the discussion,"}.get(
            comment.author_badge, "{actor} of the newsroom"
        )
        return Words(
            "staff_answer", here, f"{who} wrote in a discussion you took part in: {story}",
            f"{{count}} answers by the newsroom in a discussion you took part in: {story}", newest,
        )  # fmt: skip
    if reason == "person":
        return Words(
            "follow", f"person:{comment.author_id}", f"{{actor}}, whom you follow, commented on {story}",
            "{count} new comments by {actor}, whom you follow", "",
        )  # fmt: skip
    return Words("follow", here, f"{{actor}} commented on {story}", f"{{count}} new comments on {story}", newest)


def _place(comment_id: int) -> str:
    return f"/comments/{comment_id}#comment-{comment_id}"
