"""Each decision: what it does, what it refuses, and what it leaves in the ledger."""

from datetime import timedelta

import pytest
from flask import Flask

from blueprints.moderation import queries_cases, service, thread_state, undoing
from blueprints.moderation.decision import Decision
from core import clock
from core.db import transaction
from core.errors import Conflict, DomainError
from core.text import body_hash
from models.thread import Comment, Revision
from tests.factories import make_section, make_user, thread_of
from tests.moderation.desk import (
    actions,
    actions_on,
    broken_counters,
    comment,
    decide,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    open_reports,
    play_the_ball,
    reject,
    report,
    say,
    statements,
    waiting,
)
from tests.threads.talk import change, respect


def edit(comment_id: int, words: str) -> None:
    with transaction() as session:
        row = session.get(Comment, comment_id)
        assert row is not None
        row.revision += 1
        row.body_source, row.body_html, row.body_hash = words, f"<p>{words}</p>", body_hash(words)
        session.add(Revision(comment_id=comment_id, number=row.revision, body_source=words, body_html=row.body_html))


def test_a_rejected_comment_leaves_the_discussion_and_its_author_is_told_why(app: Flask) -> None:
    talk, mo, ann = make_talk(), make_moderator(), make_member()
    first = say(talk, ann)
    done = reject(first, mo, note="Leave his looks out of it.")
    assert comment(first).status == "rejected"
    assert thread_of(talk).published_count == 0
    (told,) = statements(first)
    assert told.action_id == done.action_id
    assert told.user_id == ann.id
    assert not told.automated
    for words in ("What the ministry knew", "was removed", "The rule: Play the ball. Leave alone who said it.",
                  "Leave his looks out of it.", "A person decided", "you can object until"):  # fmt: skip
        assert words in told.text
    assert mo.display_name not in told.text
    (row,) = actions()
    assert (row.action, row.actor_id, row.user_id, row.from_state, row.to_state, row.revision) == (
        "reject", mo.id, ann.id, "published", "rejected", 1,
    )  # fmt: skip
    assert ledger_problem() == ""
    assert broken_counters() == []


def test_a_rejection_by_the_program_says_so(app: Flask) -> None:
    first, rule = say(make_talk(), make_member()), play_the_ball()
    with transaction() as session:
        service.reject_comment(session, comment_id=first, revision=1, actor_id=None, rule_id=rule.id)
    (told,) = statements(first)
    assert told.automated
    assert "A program decided this, without a person." in told.text


def test_a_rejection_needs_a_rule(app: Flask) -> None:
    first = say(make_talk(), make_member())
    with pytest.raises(DomainError, match="choose the rule"):
        reject(first, make_moderator(), rule_id=None)
    assert comment(first).status == "published"


def test_the_statement_says_what_the_preview_showed(app: Flask) -> None:
    first, mo = waiting(make_talk(), make_member()), make_moderator()
    rule = play_the_ball()
    with transaction() as session:
        preview = service.statement_preview(session, first, rule.id, "Twice over.")
    reject(first, mo, note="Twice over.")
    assert statements(first)[0].text == preview
    assert "was not published" in preview
    assert "A program had set the comment aside" in preview


def test_a_waiting_comment_is_published(app: Flask) -> None:
    talk, mo = make_talk(), make_moderator()
    for status in ("withheld", "pending"):
        held = waiting(talk, make_member(), status)
        decide(service.publish_comment, held, mo)
        assert comment(held).status == "published"
        assert actions_on(held) == ["publish"]
    assert thread_of(talk).published_count == 2
    assert broken_counters() == []


def test_what_is_published_is_not_published_again(app: Flask) -> None:
    held, mo, flo = waiting(make_talk(), make_member()), make_moderator(), make_moderator("Flo Okafor")
    decide(service.publish_comment, held, flo)
    with pytest.raises(Conflict, match="Already published by Flo Okafor just now"):
        decide(service.publish_comment, held, mo)


def test_keeping_a_comment_closes_its_reports(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    for _ in range(3):
        report(first, make_user())
    assert comment(first).report_count == 3
    decide(service.dismiss_reports, first, mo)
    assert comment(first).report_count == 0
    assert open_reports(first) == 0
    assert comment(first).status == "published"
    assert actions_on(first) == ["keep"]
    assert broken_counters() == []


def test_a_report_nobody_has_seen_stays_open(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    report(first, make_user())
    with transaction() as session:
        seen = queries_cases.open_reports(session, [first])[-1].id
    report(first, make_user(), "illegal")
    decide(service.dismiss_reports, first, mo, last_report_id=seen)
    assert comment(first).report_count == 1
    assert broken_counters() == []


def test_rejecting_a_reported_comment_closes_its_reports(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    report(first, make_user())
    reject(first, mo)
    assert open_reports(first) == 0
    assert "after readers had reported" in statements(first)[0].text
    assert broken_counters() == []


def test_a_restored_comment_is_back_in_its_place_with_its_respects(app: Flask) -> None:
    talk, mo, ann = make_talk(), make_moderator(), make_member()
    first = say(talk, ann)
    reply = say(talk, make_member(), to=first)
    respect(first, make_member())
    reject(first, mo)
    assert comment(reply).status == "published"
    decide(service.restore_comment, first, make_moderator())
    row = comment(first)
    assert (row.status, row.respect_count, row.reply_count) == ("published", 1, 1)
    assert statements(first) == []
    assert broken_counters() == []


def test_a_text_that_was_edited_is_not_decided_unseen(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    edit(first, "Something else entirely.")
    with pytest.raises(Conflict, match="The author changed the text meanwhile"):
        reject(first, mo, revision=1)
    assert comment(first).status == "published"
    assert actions() == []


def test_a_deleted_comment_is_left_alone(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    change(first, "deleted")
    with pytest.raises(Conflict, match="The author has deleted this comment"):
        reject(first, mo)


def test_the_second_moderator_is_told_who_was_first(app: Flask) -> None:
    first, mo, flo = say(make_talk(), make_member()), make_moderator("Mo Adeyemi"), make_moderator()
    clock.shift(-timedelta(minutes=2))
    reject(first, mo)
    clock.shift(timedelta())
    with pytest.raises(Conflict, match=r"^Already rejected by Mo Adeyemi 2 minutes ago: Play the ball\.$"):
        reject(first, flo)
    assert actions_on(first) == ["reject"]


def test_a_decision_made_on_an_older_one_is_stale(app: Flask) -> None:
    first, mo, flo = say(make_talk(), make_member()), make_moderator("Mo Adeyemi"), make_moderator()
    report(first, make_user())
    kept = decide(service.dismiss_reports, first, mo, last_action_id=0)
    with pytest.raises(Conflict, match="Already kept by Mo Adeyemi"):
        reject(first, flo, last_action_id=0)
    assert comment(first).status == "published"
    reject(first, flo, last_action_id=kept.action_id)


def test_nobody_decides_about_their_own_comment(app: Flask) -> None:
    mo = make_moderator()
    first = say(make_talk(), mo)
    with pytest.raises(DomainError, match="your own comment") as refused:
        reject(first, mo)
    assert refused.value.status == 403


def test_a_reader_decides_nothing(app: Flask) -> None:
    first = say(make_talk(), make_member())
    with pytest.raises(DomainError) as refused:
        reject(first, make_member())
    assert refused.value.status == 403


def test_a_moderator_with_limits_decides_in_their_sections_only(app: Flask) -> None:
    mine, other = make_section(), make_section()
    mo = make_moderator(sections=(mine,))
    here, there = say(make_talk(section=mine), make_member()), say(make_talk(section=other), make_member())
    reject(here, mo)
    with pytest.raises(DomainError, match="moderated by colleagues") as refused:
        reject(there, mo)
    assert refused.value.status == 403
    assert comment(there).status == "published"


# Undoing


def undo(action_id: int, by: object) -> Decision:
    with transaction() as session:
        return undoing.undo(session, action_id=action_id, actor_id=by.id)  # type: ignore[attr-defined]


def test_an_undone_rejection_leaves_everything_as_it_was(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    report(first, make_user())
    done = reject(first, mo)
    back = undo(done.action_id, mo)
    assert (back.action, back.to_state) == ("restore", "published")
    assert comment(first).status == "published"
    assert comment(first).report_count == 1  # it is in the queue again
    assert statements(first) == []
    assert actions()[-1].undoes_id == done.action_id
    assert broken_counters() == []
    assert ledger_problem() == ""


@pytest.mark.once
@pytest.mark.parametrize("status", ["withheld", "pending"])
def test_an_undone_decision_on_a_waiting_comment_lets_it_wait_again(app: Flask, status: str) -> None:
    held, mo = waiting(make_talk(), make_member(), status), make_moderator()
    undo(decide(service.publish_comment, held, mo).action_id, mo)
    assert comment(held).status == status
    undo(reject(held, mo).action_id, mo)
    assert comment(held).status == status
    assert actions_on(held) == ["publish", "hold", "reject", "hold"]
    assert statements(held) == []
    assert broken_counters() == []


def test_undoing_keep_opens_the_reports_again(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    report(first, make_user())
    kept = decide(service.dismiss_reports, first, mo)
    opened = undo(kept.action_id, mo)
    assert comment(first).report_count == 1
    undo(opened.action_id, mo)
    assert comment(first).report_count == 0
    assert actions_on(first) == ["keep", "reopen", "keep"]
    assert broken_counters() == []


def test_undoing_a_restoration_tells_the_author_the_same_again(app: Flask) -> None:
    first, mo = say(make_talk(), make_member()), make_moderator()
    reject(first, mo, note="No.")
    before = statements(first)[0].text
    undo(decide(service.restore_comment, first, mo).action_id, mo)
    assert comment(first).status == "rejected"
    assert [row.text for row in statements(first)] == [before]


def test_what_was_decided_again_since_is_not_undone(app: Flask) -> None:
    first, mo, flo = say(make_talk(), make_member()), make_moderator(), make_moderator("Flo Okafor")
    rejected = reject(first, mo)
    decide(service.restore_comment, first, flo)
    with pytest.raises(Conflict, match="Already put back by Flo Okafor"):
        undo(rejected.action_id, mo)


# The discussion as a whole


def test_a_discussion_is_closed_hidden_and_opened_again(app: Flask) -> None:
    talk, mo = make_talk(), make_moderator()
    thread_id = thread_of(talk).id

    def put(state: str, reason: str = "") -> Decision:
        with transaction() as session:
            return thread_state.moderate_thread(session, thread_id=thread_id, state=state, reason=reason, actor_id=mo.id)

    with pytest.raises(DomainError, match="say why"):
        put("closed")
    closed = put("closed", "The case is before a court.")
    assert (thread_of(talk).state, thread_of(talk).closed_reason) == ("closed", "The case is before a court.")
    with pytest.raises(Conflict, match="closed already"):
        put("closed", "Again.")
    undone = undo(closed.action_id, mo)
    assert thread_of(talk).state == "open"
    undo(undone.action_id, mo)
    assert (thread_of(talk).state, thread_of(talk).closed_reason) == ("closed", "The case is before a court.")
    put("hidden", "An injunction.")
    assert [(row.action, row.from_state, row.to_state) for row in actions()] == [
        ("thread", "open", "closed"), ("thread", "closed", "open"), ("thread", "open", "closed"),
        ("thread", "closed", "hidden"),
    ]  # fmt: skip
    assert ledger_problem() == ""
