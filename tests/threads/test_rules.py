"""The rules of the thread, without a database."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.threads import policy, screening
from blueprints.threads.facts import CommentFacts, ThreadFacts
from blueprints.threads.ordering import (
    MAX_PATH_DEPTH,
    SEGMENT,
    SORTS,
    RootCursor,
    Sort,
    ancestors_in,
    path_of,
    read_reply_cursor,
    read_root_cursor,
    reply_cursor,
    root_cursor,
    score,
    segment,
)
from core.viewer import GUEST, EntitlementSpan, SanctionSpan, Viewer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PAST = NOW - timedelta(days=1)
MEMBER = Viewer(id=1, display_name="Ann", confirmed=True, entitlements=(EntitlementSpan("vip", PAST, None, "stripe"),))
READER = Viewer(id=2, display_name="Rosa", confirmed=True)
STAFF = Viewer(id=3, display_name="Mo", confirmed=True, roles=frozenset({"moderator"}))


def thread(**values: object) -> ThreadFacts:
    base: dict[str, object] = {
        "thread_id": 1, "article_id": 1, "slug": "a", "headline": "A", "byline": "", "section_id": 1,
        "article_author_id": None, "article_state": "published", "article_created_at": PAST, "state": "open",
        "closed_reason": "", "premoderated": False, "opening_question": "", "pace_seconds": None, "published_count": 0,
        "root_count": 0, "picked_count": 0, "last_comment_at": None, "version": 1, "comment_audience": "members", "respect_audience": "registered",
        "default_sort": "best",
    }  # fmt: skip
    return ThreadFacts(**(base | values))  # type: ignore[arg-type]


def comment(**values: object) -> CommentFacts:
    base: dict[str, object] = {
        "id": 5, "thread_id": 1, "parent_id": None, "author_id": 9, "status": "published", "shown": True,
        "revision": 1, "created_at": NOW,
    }  # fmt: skip
    return CommentFacts(**(base | values))  # type: ignore[arg-type]


def code(refusal: policy.Refusal | None) -> str | None:
    return refusal and refusal.code


def with_sanction(kind: str, ends_at: datetime | None = None) -> Viewer:
    return Viewer(
        id=1, confirmed=True, entitlements=MEMBER.entitlements,
        sanctions=(SanctionSpan(kind, PAST, ends_at, "Stay civil."),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("viewer", "facts", "expected"),
    [
        (MEMBER, thread(), None),
        (GUEST, thread(), "guest"),
        (READER, thread(), "audience"),
        (READER, thread(comment_audience="registered"), None),
        (Viewer(id=4), thread(comment_audience="registered"), "unconfirmed"),
        (MEMBER, thread(comment_audience="plans:gold"), "audience"),
        (MEMBER, thread(comment_audience="plans:gold,vip"), None),
        (STAFF, thread(comment_audience="plans:gold"), None),
        (STAFF, thread(state="closed"), "closed"),
        (MEMBER, thread(state="hidden"), "hidden"),
        (MEMBER, thread(article_state="draft"), "hidden"),
        (with_sanction("ban"), thread(), "banned"),
        (with_sanction("suspension", NOW + timedelta(days=1)), thread(), "suspended"),
        (with_sanction("suspension", NOW), thread(), None),
        (with_sanction("warning"), thread(), "warned"),
        (with_sanction("pre-moderation"), thread(), None),
    ],
)  # fmt: skip
def test_who_may_comment(viewer: Viewer, facts: ThreadFacts, expected: str | None) -> None:
    assert code(policy.may_comment(viewer, facts, NOW)) == expected


def test_a_suspension_says_until_when_and_why() -> None:
    refusal = policy.may_comment(with_sanction("suspension", datetime(2026, 5, 3, 9, tzinfo=UTC)), thread(), NOW)
    assert refusal is not None
    assert refusal.sentence == "You cannot take part in discussions until 3 May 2026, 09:00 UTC. Stay civil."


@pytest.mark.parametrize(
    ("viewer", "facts", "of", "expected"),
    [
        (READER, thread(), comment(), None),
        (READER, thread(state="closed"), comment(), None),
        (READER, thread(), comment(author_id=2), "own"),
        (READER, thread(), comment(status="rejected"), "gone"),
        (READER, thread(respect_audience="members"), comment(), "audience"),
        (READER, thread(state="hidden"), comment(), "gone"),
        (GUEST, thread(respect_audience="everyone"), comment(), "guest"),
        (Viewer(id=4), thread(), comment(), "unconfirmed"),
        (with_sanction("ban"), thread(), comment(), "banned"),
    ],
)  # fmt: skip
def test_who_may_give_respect(viewer: Viewer, facts: ThreadFacts, of: CommentFacts, expected: str | None) -> None:
    assert code(policy.may_respect(viewer, facts, of, NOW)) == expected


@pytest.mark.parametrize(
    ("of", "at", "expected"),
    [
        (comment(author_id=1), NOW, None),
        (comment(author_id=1), NOW + policy.EDIT_WINDOW - timedelta(seconds=1), None),
        (comment(author_id=1), NOW + policy.EDIT_WINDOW, "too_late"),
        (comment(author_id=1, status="withheld"), NOW, None),
        (comment(author_id=1, status="rejected"), NOW, "gone"),
        (comment(author_id=2), NOW, "not_yours"),
    ],
)
def test_who_may_edit(of: CommentFacts, at: datetime, expected: str | None) -> None:
    assert code(policy.may_edit(MEMBER, thread(), of, at)) == expected


def test_who_may_delete_report_and_see() -> None:
    assert policy.may_delete(MEMBER, comment(author_id=1)) is None
    assert code(policy.may_delete(MEMBER, comment(author_id=1, status="rejected"))) == "rejected"
    assert code(policy.may_delete(STAFF, comment())) == "not_yours"
    assert policy.may_report(GUEST, thread(), comment(), NOW) is None
    assert code(policy.may_report(MEMBER, thread(), comment(author_id=1), NOW)) == "own"
    assert policy.may_see_comment(GUEST, thread(), comment(), NOW) is None
    waiting = comment(status="pending", shown=False)
    assert code(policy.may_see_comment(GUEST, thread(), waiting, NOW)) == "unknown"
    assert policy.may_see_comment(Viewer(id=9), thread(), waiting, NOW) is None
    assert policy.may_see_comment(STAFF, thread(), waiting, NOW) is None
    assert code(policy.may_see_comment(GUEST, thread(), comment(status="rejected", shown=False), NOW)) == "gone"
    elsewhere = Viewer(id=3, roles=frozenset({"moderator"}), section_ids=frozenset({7}))
    assert code(policy.may_see_comment(elsewhere, thread(), waiting, NOW)) == "unknown"


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_score_is_a_share_and_rises_with_agreement(respects: int, reports: int) -> None:
    assert 0 <= score(respects, reports) < 1
    assert score(respects + 1, reports) >= score(respects, reports)
    assert score(respects, reports + 1) <= score(respects, reports)


@pytest.mark.parametrize(
    "words",
    ["👩‍👩‍👧" * 5000, "a" * 5000, "1 " * 2500, "0-" * 2500, "a." * 2500, "a@" * 2500, f"a@{'b.' * 2400}1", "+-." * 1600,
     "e\u0301" * 5000, "://" * 1600, "(0" * 2500, " \n" * 2500, "www." * 1250],
)  # fmt: skip
def test_no_text_makes_a_check_slow(words: str) -> None:
    subject = screening.Subject(words, f"<p>{words}</p>", False, 0, 0)
    for check in screening.CHECKS:
        began = time.process_time()
        list(check.look(subject))
        assert time.process_time() - began < 0.2, check.name


def test_many_who_agree_weigh_more_than_few() -> None:
    assert score(50, 0) > score(1, 0) > score(0, 0) == 0
    assert score(100, 10) > score(2, 0)


@given(st.lists(st.integers(1, 2**31 - 1), unique=True, min_size=1, max_size=80))
def test_a_path_orders_depth_first_and_names_the_ancestors(found: list[int]) -> None:
    chain = sorted(found)
    paths = [segment(chain[0])]
    for depth, comment_id in enumerate(chain[1:], 1):
        paths.append(path_of(comment_id, paths[-1], depth))
    assert paths == sorted(paths)
    assert max(map(len, paths)) <= SEGMENT * (MAX_PATH_DEPTH + 1)
    last = min(len(chain) - 1, MAX_PATH_DEPTH)
    assert ancestors_in(paths[last]) == chain[:last]


IDS = st.integers(1, 2**31 - 1)


@given(IDS, st.floats(0, 1), IDS, st.text(max_size=40))
def test_cursors_come_back_as_they_were_and_nothing_else_passes(
    comment_id: int, of_score: float, replies: int, junk: str
) -> None:
    keys: dict[Sort, float] = {"best": of_score, "newest": 0, "oldest": 0, "discussed": replies}
    for sort, key in keys.items():
        written = root_cursor(sort, RootCursor(comment_id, key))
        assert read_root_cursor(sort, written) == RootCursor(comment_id, key)
        assert [read_root_cursor(other, written) for other in SORTS if other != sort] == [None] * (len(SORTS) - 1)
        read_root_cursor(sort, junk)
    path = segment(comment_id)
    assert read_reply_cursor(reply_cursor(path)) == path
    read_reply_cursor(junk)
