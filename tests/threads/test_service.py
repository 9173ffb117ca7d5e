"""What people do in threads, on a real database."""

from datetime import timedelta
from typing import Any

import pytest
import structlog
import time_machine
from flask import Flask
from sqlalchemy import select

from blueprints.threads import pace, queries, queries_facts, reports, service, thread_state
from core import clock
from core.db import db, transaction
from core.errors import DomainError, TooFast
from core.viewer import GUEST, SanctionSpan, Viewer
from jobs.worker import run_all
from models.article import Article
from models.thread import Comment, Finding, Report, Revision
from models.user import User
from tests.factories import make_article, make_user, thread_of
from tests.threads.talk import as_viewer, change, comment, drifts, facts, make_member, make_talk, respect, say

pytestmark = pytest.mark.usefixtures("app")


def regular(name: str | None = None) -> User:
    """A member whose first comments are behind them."""
    user = make_member(name)
    elsewhere = make_talk()
    for _ in range(3):
        say(elsewhere, user)
    return user


def post(article: Article, viewer: Viewer, words: str, **place: Any) -> service.Posted:
    with transaction() as session:
        return service.post_comment(session, viewer, facts(article), words, **place)


def edit(comment_id: int, user: User, words: str) -> service.Posted:
    viewer = as_viewer(user)
    with transaction() as session:
        return service.edit_comment(session, viewer, comment_id, words)


def report(comment_id: int, viewer: Viewer = GUEST, key: str = "guest:a", **what: str) -> bool:
    with transaction() as session:
        return reports.report_comment(
            session, viewer, comment_id, reporter_key=key, reason=what.get("reason", "spam"), note=what.get("note", "")
        )


def findings(comment_id: int) -> list[tuple[str, str]]:
    return [
        (row.check, row.severity)
        for row in db.session().scalars(select(Finding).where(Finding.comment_id == comment_id).order_by(Finding.id))
    ]


def test_a_comment_is_stored_as_typed_rendered_once_with_its_first_revision() -> None:
    article, ann = make_talk(), make_member()
    row = comment(say(article, ann, "Some *plain* words.  \n"))
    assert row.body_source == "Some *plain* words."
    assert row.body_html == '<p dir="auto">Some <em>plain</em> words.</p>'
    assert (row.root_id, row.depth, row.revision) == (row.id, 0, 1)
    assert db.session().scalars(select(Revision.body_source)).all() == ["Some *plain* words."]


@pytest.mark.parametrize("words", ["", "   \n ", "\u200b\u2060", "x" * 5001, "👩‍👩‍👧" * 5001])
def test_empty_and_overlong_texts_are_refused(words: str) -> None:
    article, ann = make_talk(), make_member()
    with pytest.raises(DomainError):
        say(article, ann, words or " ")
    assert thread_of(article).published_count == 0


def test_five_thousand_characters_are_counted_as_people_count_them() -> None:
    article, ann = make_talk(), make_member()
    assert comment(say(article, ann, "👩‍👩‍👧" * 5000)).status == "published"


def test_the_same_words_twice_are_refused_with_the_first() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    first = say(article, ann, "I said this.")
    with pytest.raises(service.Repeated) as refused:
        say(article, ann, "i  SAID this.")
    assert refused.value.comment_id == first
    say(article, bob, "I said this.")
    change(first, "deleted")
    say(article, ann, "I said this.")
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        say(article, ann, "I said this.")


@pytest.mark.once
@pytest.mark.parametrize(
    ("published", "window"), [(0, pace.PACE_OF_NEWCOMERS), (pace.NEWCOMERS, pace.PACE), (pace.REGULARS, pace.PACE_OF_REGULARS)]
)
def test_the_fewer_comments_a_person_has_published_the_longer_they_wait(published: int, window: timedelta) -> None:
    before, article = make_talk(), make_talk(thread_values={"pace_seconds": None})
    ann, bob, mod = make_member(), make_member(), make_user(roles=("moderator",))
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(published - pace.BURST if published else 0):
            say(before, ann)
        traveller.shift(timedelta(hours=1))
        for _ in range(pace.BURST):
            say(article, ann)
        with pytest.raises(TooFast) as refused:
            say(article, ann)
        assert refused.value.retry_after == window.total_seconds()
        assert "You can send this in" in refused.value.sentence
        say(article, bob)
        for _ in range(pace.BURST + 1):
            say(article, mod)
        traveller.shift(window)
        say(article, ann)


def test_a_thread_sets_its_own_pace() -> None:
    article, ann = make_talk(thread_values={"pace_seconds": 120}), make_member()
    with time_machine.travel(clock.now(), tick=False) as traveller:
        say(article, ann)
        traveller.shift(100)
        with pytest.raises(TooFast, match="in 20 seconds"):
            say(article, ann)
        traveller.shift(21)
        say(article, ann)


def test_somebody_asked_to_slow_down_waits_even_where_there_is_no_pace() -> None:
    article, ann = make_talk(), make_member()
    known = as_viewer(ann)
    slow = Viewer(
        id=known.id, confirmed=True, entitlements=known.entitlements,
        sanctions=(SanctionSpan("slow-down", clock.now() - timedelta(hours=1), None, ""),),
    )  # fmt: skip
    post(article, slow, "The first of them.")
    with pytest.raises(TooFast):
        post(article, slow, "The second of them.")


def test_a_reply_goes_to_what_everybody_can_read_in_the_same_thread() -> None:
    article, other, ann, bob = make_talk(), make_talk(), make_member(), make_member()
    elsewhere, waiting = say(other, ann), say(article, ann)
    change(waiting, "withheld")
    for author, parent in ((bob, elsewhere), (bob, waiting), (ann, waiting), (bob, 999_999)):
        with pytest.raises(DomainError):
            say(article, author, to=parent)
    with pytest.raises(DomainError, match="once it is published"):
        say(article, ann, to=waiting)


def test_a_thread_closed_meanwhile_takes_nothing_in() -> None:
    article, ann = make_talk(), make_member()
    before = facts(article)
    with transaction() as session:
        thread_state.set_thread_state(session, before.thread_id, "closed", reason="It is late.")
    viewer = as_viewer(ann)
    with pytest.raises(DomainError, match="It is late"), transaction() as session:
        service.post_comment(session, viewer, before, "Too late.")


@pytest.mark.once
def test_replies_go_as_deep_as_people_talk() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    last = say(article, ann)
    for number in range(60):
        last = say(article, (ann, bob)[number % 2], to=last)
    assert comment(last).depth == 60
    assert len(comment(last).path) == 7 * 51
    assert drifts(article) == []
    assert comment(comment(last).root_id or 0).branch_count == 60


def test_premoderated_threads_and_people_wait_and_staff_do_not() -> None:
    article, ann, author = make_talk(thread_values={"premoderated": True}), make_member(), make_user(roles=("author",))
    assert comment(say(article, ann)).status == "pending"
    assert comment(say(article, author)).status == "published"
    known = as_viewer(ann)
    watched = Viewer(
        id=known.id, confirmed=True, entitlements=known.entitlements,
        sanctions=(SanctionSpan("pre-moderation", clock.now() - timedelta(hours=1), None, ""),),
    )  # fmt: skip
    assert post(make_talk(), watched, "Words of a watched person.").status == "pending"
    assert thread_of(article).published_count == 1
    assert drifts(article) == []


def test_a_newcomers_links_are_held_and_a_regulars_are_not() -> None:
    article, new, old = make_talk(), make_member(), regular()
    held = post(article, as_viewer(new), "Look at https://example.com/offer now.")
    assert held.status == "withheld"
    assert "First comments with links" in held.reason
    assert comment(say(article, old, "Look at https://example.com/source for the figures.")).status == "published"
    many = " ".join(f"https://example.com/{number}" for number in range(6))
    assert comment(say(article, old, many)).status == "withheld"


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "severity"),
    [
        ("Write to me at ann@example.com for more.", "hold"),
        ("Call me on +44 20 7946 0958 tonight.", "hold"),
        ("His card is 4242 4242 4242 4242.", "hold"),
        ("The budget grew from 1,200,000,000 to 1,350,000,000 in 2019-2020.", None),
        ("It was 12.5.2019 and again 2019-05-12 14:30:00.", None),
        ("See https://example.com/+442079460958/page?x=0044207946095", None),
    ],
)
def test_personal_data_is_held_and_plain_numbers_are_not(words: str, severity: str | None) -> None:
    article, old = make_talk(), regular()
    one = say(article, old, words)
    assert ("personal-data", "hold") in findings(one) if severity else findings(one) == []


def test_every_check_is_stored_and_the_most_severe_decides() -> None:
    article, new = make_talk(), make_member()
    one = say(article, new, "CALL ME NOW ABOUT THIS GREAT OFFER ann@example.com https://example.com")
    assert dict(findings(one)) == {"links": "hold", "personal-data": "hold", "noise": "note", "newcomer": "note"}


def test_a_check_that_breaks_is_noted_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from blueprints.threads import screening

    def broken(_: screening.Subject) -> list[screening.Finding]:
        raise RuntimeError("no list of words")

    monkeypatch.setattr(screening, "CHECKS", (screening.Check("broken", 1, broken), *screening.CHECKS))
    article, new = make_talk(), make_member()
    one = say(article, new, "See https://example.com please")
    assert findings(one)[:2] == [("broken", "note"), ("links", "hold")]


def test_what_staff_write_is_at_most_nudged() -> None:
    article, author = make_talk(), make_user(roles=("author",))
    words = "Write to desk@example.com or https://example.com/tips"
    assert say(article, author, words) == 0  # asked once whether to leave it
    one = say(article, author, words)
    assert comment(one).status == "published"
    assert {severity for _, severity in findings(one)} == {"nudge"}


def test_an_edit_keeps_the_former_text_and_is_screened_again() -> None:
    article, old = make_talk(), regular()
    one = say(article, old, "The first text.")
    edit(one, old, "The second text.")
    row = comment(one)
    assert (row.body_source, row.revision, row.status) == ("The second text.", 2, "published")
    assert [text.body_source for text in queries.revisions_of(db.session(), one)] == ["The first text.", "The second text."]
    held = edit(one, old, "Mail me at ann@example.com instead.")
    assert held.status == "withheld"
    assert edit(one, old, "A harmless text again.").status == "withheld", "only a person lets it out"
    assert drifts(article) == []


def test_an_edit_in_a_premoderated_thread_waits_again() -> None:
    article, ann = make_talk(thread_values={"premoderated": True}), make_member()
    one = say(article, ann)
    change(one, "published")
    assert edit(one, ann, "Something else altogether.").status == "pending"
    assert drifts(article) == []


def test_the_edit_window_closes() -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "The first text.")
    with time_machine.travel(clock.now() + timedelta(minutes=6)), pytest.raises(DomainError, match="for 5 minutes"):
        edit(one, ann, "Later wisdom.")
    assert comment(one).body_source == "The first text."


def test_respect_is_given_once_taken_back_and_counted() -> None:
    article, ann, bob, eve = make_talk(), make_member(), make_member(), make_user()
    one = say(article, ann)
    assert respect(one, bob).count == 1
    assert respect(one, eve).count == 2
    assert respect(one, bob, wanted=True).count == 2
    assert respect(one, bob) == service.RespectGiven(False, 1)
    assert respect(one, bob, wanted=False).count == 1
    with pytest.raises(DomainError):
        respect(one, ann)
    assert drifts(article) == []


def test_a_report_counts_once_a_person_and_closes_with_a_decision() -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    one = say(article, ann)
    assert report(one) is True
    assert report(one) is False
    assert report(one, as_viewer(bob), key=f"user:{bob.id}", reason="illegal", note="Section 5.") is True
    assert comment(one).report_count == 2
    assert drifts(article) == []
    with transaction() as session:
        assert reports.resolve_reports(session, one, clock.now()) == 2
    assert comment(one).report_count == 0
    assert drifts(article) == []


def test_a_report_needs_a_known_reason_a_short_note_and_a_comment_of_somebody_else() -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    for attempt in ({"reason": "boring"}, {"note": "x" * 501}):
        with pytest.raises(DomainError):
            report(one, **attempt)
    with pytest.raises(DomainError, match="your own"):
        report(one, as_viewer(ann), key="user:1")
    assert db.session().scalar(select(Report.id)) is None


def test_who_leaves_without_their_words_leaves_tombstones_where_others_answered() -> None:
    from blueprints.accounts.signals import account_deleting_signal

    article, ann, bob = make_talk(), make_member(), make_member()
    root, alone = say(article, ann, "Words to forget."), say(article, ann, "More to forget.")
    edit(root, ann, "Other words to forget.")
    reply = say(article, bob, to=root)
    with transaction():
        account_deleting_signal.send(None, user_id=ann.id, keep_words=False)
    run_all()
    assert [comment(each).status for each in (root, alone, reply)] == ["deleted", "deleted", "published"]
    assert [comment(each).shown for each in (root, alone, reply)] == [True, False, True]
    texts = [*db.session().scalars(select(Comment.body_source)), *db.session().scalars(select(Revision.body_source))]
    assert not any("forget" in text for text in texts)
    assert drifts(article) == []


def test_a_new_name_or_plan_gives_the_threads_a_new_version() -> None:
    from blueprints.accounts.signals import name_changed_signal
    from blueprints.membership.signals import membership_changed_signal

    article, other, ann = make_talk(), make_talk(), make_member()
    say(article, ann)
    before, untouched = thread_of(article).version, thread_of(other).version
    with transaction():
        name_changed_signal.send(None, user_id=ann.id)
    with transaction():
        membership_changed_signal.send(None, user_id=ann.id)
    assert thread_of(article).version == before + 2
    assert thread_of(other).version == untouched


def test_the_counters_command_finds_and_repairs_drift(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    root = say(article, ann)
    say(article, ann, to=root)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["counters", "check"]).exit_code == 0
    with transaction() as session:
        row = session.get(Comment, root)
        assert row is not None
        row.reply_count, row.respect_count = 7, 3
    found = runner.invoke(args=["counters", "check"])
    assert found.exit_code == 1
    assert f"comment {root}: reply_count is 7, counted 1" in found.output
    assert runner.invoke(args=["counters", "repair"]).exit_code == 0
    db.session().rollback()
    assert runner.invoke(args=["counters", "check"]).exit_code == 0


def test_the_nightly_count_reports_and_changes_nothing() -> None:
    from blueprints.threads.jobs import check_counters

    article, ann = make_talk(), make_member()
    root = say(article, ann)
    with transaction() as session:
        row = session.get(Comment, root)
        assert row is not None
        row.respect_count = 3
    with structlog.testing.capture_logs() as logs:
        check_counters()
    assert (root, "respect_count", 3, 0) in {
        (entry["row"], entry["column"], entry["stored"], entry["counted"]) for entry in logs
    }
    assert comment(root).respect_count == 3


def test_an_article_without_a_thread_takes_no_comments() -> None:
    article = make_article(thread=False)
    assert queries_facts.facts_of_article(db.session(), article.slug) is None
