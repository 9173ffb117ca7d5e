"""Whatever moderators, authors and readers do in whatever order: statuses, counters and ledger agree."""

import contextlib
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blueprints.moderation import moving, objecting, queries_queues, service, undoing
from blueprints.threads import reports, weighing
from blueprints.threads import service as threads
from blueprints.threads.queries_facts import facts_of_thread
from core.db import db, transaction
from core.errors import DomainError
from models.moderation import Appeal
from models.thread import Report
from models.user import User
from tests.conftest import examples
from tests.factories import thread_of
from tests.moderation.desk import (
    actions,
    as_viewer,
    broken_counters,
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
    statuses,
)
from tests.threads.talk import change, comment

COMMENTS, READERS = 4, 3
WORDS = ("A calm thought", "Something else entirely", "What the harbour needs")

STEPS = st.lists(
    st.tuples(
        st.sampled_from([
            "publish", "reject", "restore", "keep", "undo", "report", "withdraw", "edit", "hold", "delete", "appeal",
            "uphold", "reverse", "move",
        ]),
        st.integers(0, COMMENTS - 1),
        st.integers(0, READERS - 1),
    ),
    min_size=1,
    max_size=25,
)


class World:
    """A small discussion with replies, and what the steps did to it."""

    def __init__(self) -> None:
        talk, author = make_talk(), make_member()
        self.places = [thread_of(talk).id, thread_of(make_talk()).id]
        self.author, self.edits = author, 0
        self.readers: list[User] = [make_member() for _ in range(READERS)]
        self.moderators: list[User] = [make_moderator() for _ in range(READERS)]
        play_the_ball()
        root = say(talk, author)
        self.ids = [root, say(talk, author, to=root), say(talk, author), 0]
        self.ids[3] = say(talk, author, to=self.ids[1])

    def step(self, what: str, which: int, who: int) -> None:
        comment_id, mo = self.ids[which], self.moderators[who]
        verbs: dict[str, Any] = {
            "publish": service.publish_comment, "restore": service.restore_comment, "keep": service.dismiss_reports,
        }  # fmt: skip
        with contextlib.suppress(DomainError):
            if what in verbs:
                decide(verbs[what], comment_id, mo)
            elif what == "reject":
                reject(comment_id, mo)
            elif what == "report":
                report(comment_id, self.readers[who])
            elif what == "withdraw":
                with transaction() as session:
                    reports.withdraw_report(session, comment_id, reporter_key=f"user:{self.readers[who].id}")
            elif what == "edit":
                self.edits += 1
                viewer = as_viewer(self.author)
                with transaction() as session:
                    threads.edit_comment(session, viewer, comment_id, f"{WORDS[self.edits % len(WORDS)]} {self.edits}")
            elif what == "appeal":
                viewer = as_viewer(self.author)
                with transaction() as session:
                    objecting.file_appeal(session, viewer, comment_id, "I do not think so.")
            elif what in {"uphold", "reverse"}:
                self.answer(comment_id, mo, reverse=what == "reverse")
            elif what == "hold" and comment(comment_id).status == "published":
                change(comment_id, "withheld")  # as an edit does that the screening stops
            elif what == "delete" and comment(comment_id).status in {"published", "pending", "withheld"}:
                change(comment_id, "deleted")
            elif what == "move":
                self.move(comment_id, mo)
            elif what == "undo" and (rows := [row for row in actions() if row.comment_id == comment_id]):
                last = rows[-1].id
                with transaction() as session:
                    undoing.undo(session, action_id=last, actor_id=mo.id)

    def move(self, comment_id: int, by: User) -> None:
        here = comment(comment_id).thread_id
        (there,) = set(self.places) - {here}
        slug = facts_of_thread(db.session(), there).slug
        db.session().rollback()
        with transaction() as session:
            moving.move_branch(session, comment_id=comment_id, from_thread_id=here, to_address=slug,
                               reason="It belongs there.", actor_id=by.id)  # fmt: skip

    def answer(self, comment_id: int, by: User, *, reverse: bool) -> None:
        chosen = select(Appeal.id).where(Appeal.comment_id == comment_id, Appeal.outcome == "open")
        appeal_id = db.session().scalar(chosen)
        db.session().rollback()
        if appeal_id is not None:
            with transaction() as session:
                objecting.decide_appeal(session, appeal_id=appeal_id, actor_id=by.id, reverse=reverse, answer="So it is.")

    def check(self) -> None:
        assert broken_counters() == []
        assert ledger_problem() == ""
        assert queries_queues.recount_backlog(db.session()) == []
        rows = actions()
        now = statuses()
        self.check_places(rows)
        for comment_id in self.ids:
            mine = [row for row in rows if row.comment_id == comment_id and row.action != "move"]
            assert comment(comment_id).report_count == open_reports(comment_id)
            self.check_weight(comment_id)
            self.check_looked_at(comment_id, mine)
            self.check_appeals(comment_id)
            # What the author was told stands exactly as long as the comment is out.
            assert len(statements(comment_id)) == (now[comment_id] == "rejected")
            if now[comment_id] == "rejected":
                assert mine[-1].to_state == "rejected"
            # Each decision began where things stood: where the one before left them, or where author or program moved.
            for before, after in pairwise(mine):
                assert after.from_state == before.to_state or after.from_state in {"withheld", "deleted"}
            taken_back = [row.undoes_id for row in mine if row.undoes_id]
            assert len(taken_back) == len(set(taken_back))


    def check_places(self, rows: list[Any]) -> None:
        """A branch stands together, where its last move led."""
        for ids in ((0, 1, 3), (2,)):
            moves = [row for row in rows if row.action == "move" and row.comment_id == self.ids[ids[0]]]
            place = int(moves[-1].to_state) if moves else self.places[0]
            assert {comment(self.ids[each]).thread_id for each in ids} == {place}

    def check_weight(self, comment_id: int) -> None:
        still = select(Report).where(Report.comment_id == comment_id, Report.resolved_at.is_(None))
        assert comment(comment_id).report_weight == pytest.approx(weighing.together(db.session().scalars(still)))

    def check_looked_at(self, comment_id: int, mine: list[Any]) -> None:
        """The text that a person has looked at is what the last decision about it was made on, unless taken back."""
        last = next((row for row in reversed(mine) if row.action not in {"uphold", "reverse"}), None)
        expected = 0 if last is None or last.action in {"hold", "reopen"} else last.revision
        assert comment(comment_id).reviewed_revision == expected

    def check_appeals(self, comment_id: int) -> None:
        """An objection is open only while what it is about stands."""
        rows = db.session().scalars(select(Appeal).where(Appeal.comment_id == comment_id, Appeal.outcome == "open"))
        standing = {row.action_id for row in statements(comment_id)}
        assert {row.action_id for row in rows} <= standing


@given(steps=STEPS)
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_statuses_counters_and_ledger_agree_after_any_sequence(
    app: Flask, steps: list[tuple[str, int, int]]
) -> None:
    world = World()
    for what, which, who in steps:
        world.step(what, which, who)
    world.check()
    db.session.remove()
