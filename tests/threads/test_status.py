"""The one function through which a comment's status changes, and what follows from it."""

import pytest

from core.errors import Conflict
from tests.factories import thread_of
from tests.threads.talk import change, comment, drifts, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def test_a_published_comment_counts_and_is_shown() -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    assert (comment(one).status, comment(one).shown) == ("published", True)
    thread = thread_of(article)
    assert (thread.published_count, thread.root_count) == (1, 1)
    assert drifts(article) == []


def test_a_rejected_comment_with_replies_stays_as_a_tombstone_and_no_longer_counts() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    reply = say(article, bob, to=root)
    deep = say(article, ann, to=reply)
    change(root, "rejected")
    change(reply, "rejected")
    assert [comment(each).shown for each in (root, reply, deep)] == [True, True, True]
    thread = thread_of(article)
    assert (thread.published_count, thread.root_count) == (1, 0)
    assert drifts(article) == []


def test_tombstones_vanish_with_their_last_readable_reply_and_return_with_it() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    reply = say(article, bob, to=root)
    deep = say(article, ann, to=reply)
    for each in (root, reply, deep):
        change(each, "rejected")
    assert [comment(each).shown for each in (root, reply, deep)] == [False, False, False]
    change(deep, "published")
    assert [comment(each).shown for each in (root, reply, deep)] == [True, True, True]
    change(deep, "withheld")
    change(root, "published")
    assert [comment(each).shown for each in (root, reply, deep)] == [True, False, False]
    assert drifts(article) == []


def test_any_status_can_be_undone_into_any_other() -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    for status in ("rejected", "deleted", "pending", "withheld", "published", "pending", "deleted", "published"):
        before = comment(one).status
        done = change(one, status)
        assert (done.from_status, done.to_status) == (before, status)
        assert drifts(article) == []
    assert thread_of(article).published_count == 1


def test_a_decision_on_an_older_text_is_refused() -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    with pytest.raises(Conflict):
        change(one, "rejected", expected_revision=2)
    with pytest.raises(Conflict):
        change(one, "rejected", expected_status="pending")
    assert comment(one).status == "published"


def test_every_visible_change_raises_the_version_of_the_thread() -> None:
    article, ann = make_talk(), make_member()
    versions = [thread_of(article).version]
    one = say(article, ann)
    versions.append(thread_of(article).version)
    change(one, "rejected")
    versions.append(thread_of(article).version)
    assert versions == sorted(set(versions))
    change(one, "pending")
    assert thread_of(article).version == versions[-1], "nobody sees a rejected comment become a waiting one"
