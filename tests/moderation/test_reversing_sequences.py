"""Whatever one person did, in whatever order: a reversal leads back to where all stood, and undoing it forth again."""

import contextlib
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blueprints.moderation import reversing, sanctions, service, thread_state, undoing
from blueprints.threads import queries_facts
from core import clock
from core.db import db, transaction
from core.errors import DomainError
from core.recording import acting
from jobs.worker import run_all
from models.fairness import Reversal
from models.moderation import Sanction, StatementOfReasons
from models.site import Rule, Site
from models.user import RoleGrant
from tests.conftest import examples
from tests.factories import make_rule, make_site, make_user
from tests.moderation.desk import (
    actions,
    broken_counters,
    comment,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    play_the_ball,
    reject,
    report,
    say,
    waiting,
)

COMMENTS = 3
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["publish", "reject", "restore", "keep", "undo", "ban", "suspend", "lift", "close", "rename", "switch", "role"]
        ),
        st.integers(0, COMMENTS - 1),
    ),
    max_size=10,
)


class Paper:
    """A discussion, its people, and the one whose account is in other hands."""

    def __init__(self) -> None:
        make_site(name="The Meridian")
        self.talk, self.ann = make_talk(), make_member()
        self.eve, self.pat = make_user(roles=("publisher",)).id, make_user(roles=("publisher",)).id
        self.rule_id, self.ball_id, self.friend = make_rule(f"r{self.pat}", "Be kind", "x").id, play_the_ball().id, make_user().id
        mo = make_moderator()
        self.ids = [say(self.talk, self.ann), waiting(self.talk, self.ann), say(self.talk, self.ann)]
        reject(self.ids[2], mo)
        report(self.ids[0], make_member())
        self.ann_id, self.thread_id = self.ann.id, comment(self.ids[0]).thread_id
        self.names = 0

    def do(self, step: str, which: int) -> None:
        """One act of hers; what is refused as things stand is no act."""
        comment_id = self.ids[which]
        with contextlib.suppress(DomainError), acting(self.eve), transaction() as session:
            revision = {"comment_id": comment_id, "revision": 1, "actor_id": self.eve}
            verbs: dict[str, Any] = {
                "publish": lambda: service.publish_comment(session, **revision),
                "reject": lambda: service.reject_comment(session, rule_id=self.ball_id, **revision),
                "restore": lambda: service.restore_comment(session, **revision),
                "keep": lambda: service.dismiss_reports(session, **revision),
                "undo": lambda: undoing.undo(session, action_id=self.newest(), actor_id=self.eve),
                "ban": lambda: sanctions.ban(session, user_id=self.ann_id, rule_id=None, reason="Out.", actor_id=self.eve),
                "suspend": lambda: sanctions.suspend(
                    session, user_id=self.ann_id, until=clock.now() + sanctions.LONGEST_SUSPENSION / 2, rule_id=None,
                    reason="Out.", actor_id=self.eve),
                "lift": lambda: sanctions.lift_sanction(session, sanction_id=self.newest_sanction(), actor_id=self.eve),
                "close": lambda: thread_state.moderate_thread(
                    session, thread_id=self.thread_id, state="open" if which else "closed", reason="Done.", actor_id=self.eve),
                "rename": lambda: setattr(session.get_one(Site, 1), "name", self.name()),
                "switch": lambda: setattr(session.get_one(Rule, self.rule_id), "active", bool(which)),
                "role": lambda: self.change_role(session),
            }  # fmt: skip
            verbs[step]()

    def name(self) -> str:
        self.names += 1
        return f"Paper {self.names}"

    def newest(self) -> int:
        return max((row.id for row in actions() if row.actor_id == self.eve and not row.subject), default=0)

    def newest_sanction(self) -> int:
        return db.session().scalars(select(Sanction.id).where(Sanction.user_id == self.ann_id).order_by(Sanction.id.desc()).limit(1)).first() or 0

    def change_role(self, session: Any) -> None:
        held = session.scalar(select(RoleGrant).where(RoleGrant.user_id == self.friend))
        if held:
            session.delete(held)
        else:
            session.add(RoleGrant(user_id=self.friend, name="moderator"))

    def stands(self) -> dict[str, Any]:
        """Everything she could change, as it stands."""
        db.session.remove()
        session = db.session()
        return {
            "comments": [comment(one).status for one in self.ids],
            "reports": comment(self.ids[0]).report_count if comment(self.ids[0]).status == "published" else None,
            "sanctions": sorted(session.scalars(
                select(Sanction.kind).where(Sanction.user_id == self.ann_id, Sanction.lifted_at.is_(None)))),
            "statements": sorted(session.scalars(select(StatementOfReasons.comment_id).where(
                StatementOfReasons.comment_id.in_(self.ids), StatementOfReasons.withdrawn_at.is_(None)))),
            "thread": queries_facts.facts_of_thread(session, self.thread_id).state,
            "site": session.get_one(Site, 1).name,
            "rule": session.get_one(Rule, self.rule_id).active,
            "roles": list(session.scalars(select(RoleGrant.name).where(RoleGrant.user_id == self.friend))),
        }  # fmt: skip

    def agrees(self) -> None:
        assert ledger_problem() == ""
        assert broken_counters() == []


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example(steps=[("reject", 0), ("restore", 0)])  # the report that she closed is closed again
@given(steps=STEPS)
def test_a_reversal_leads_back_and_undoing_it_forth_again(app: Flask, steps: list[tuple[str, int]]) -> None:
    paper = Paper()
    since, before = clock.now(), paper.stands()
    for step, which in steps:
        paper.do(step, which)
    after = paper.stands()
    paper.agrees()
    count = reversing.dry_run(db.session(), paper.eve, since).count
    if count == 0:
        assert before == after
        return
    with transaction() as session:
        reversal_id = reversing.reverse(session, actor_id=paper.eve, since=since, asked_by=paper.pat, count=count)
    run_all()
    row = db.session().get_one(Reversal, reversal_id, populate_existing=True)
    assert row.left == ""
    assert row.done_count == count
    assert paper.stands() == before
    paper.agrees()
    with transaction() as session:
        back = reversing.undo_reversal(session, reversal_id=reversal_id, asked_by=paper.pat)
    run_all()
    assert db.session().get_one(Reversal, back, populate_existing=True).left == ""
    assert paper.stands() == after
    paper.agrees()
