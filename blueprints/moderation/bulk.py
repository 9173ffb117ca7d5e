"""One decision about many comments: tried first, carried out by a job, and taken back as a whole.

A run is about what it was tried on: these comments in these texts. Each of them is a decision of its own in the
ledger, made in a transaction of its own, so nobody waits for the whole; what was decided or edited meanwhile is left
as it is and said. The functions run inside the caller's transaction and never commit, except the two that jobs call.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from blueprints.moderation import policy, queries, queries_bulk, queries_queues, service, undoing
from blueprints.moderation.decision import Decision, checked_note
from blueprints.moderation.queues import QUEUES, Filters
from blueprints.threads import queries_facts
from blueprints.threads.policy import refuse
from core import clock
from core.db import transaction
from core.errors import Conflict, DomainError, NotFound
from jobs.queue import enqueue
from models.desk import BulkItem, BulkRun

MOST = 500
VERBS = {"accept": "publish or keep", "reject": "reject"}


def chosen_ids(
    session: Session, ids: Sequence[int], *, queue: str, filters: Filters | None, actor_id: int
) -> list[int]:
    """What was ticked, or else everything in a queue with these filters, at most MOST."""
    if filters is None:
        return list(dict.fromkeys(ids))[:MOST]
    if queue not in QUEUES:
        raise DomainError("There is no such queue.")
    return queries_queues.ids_in(session, queries.staff_member(session, actor_id), queue, filters, MOST)


def try_out(
    session: Session, *, verb: str, rule_id: int | None, note: str, ids: Sequence[int], about: str, actor_id: int
) -> int:
    """Fix what a decision would be about, without making it. Returns the run's id, whose page states the count.

    Raises DomainError where nothing is left to decide about, or a rejection names no rule.
    """
    actor = queries.staff_member(session, actor_id)
    if verb not in VERBS:
        raise DomainError("Please choose what should happen to these comments.")
    refuse(policy.may_moderate(actor, next(iter(actor.section_ids), None)))
    if verb == "reject" and (rule_id is None or queries.rule(session, rule_id) is None):
        raise DomainError("Please choose the rule that was broken.")
    note = checked_note(note)
    rows = queries_bulk.choosable(session, actor, queries.sections_of(actor), ids, verb)
    if not rows:
        raise DomainError("There is nothing among these that you could decide about.")
    run = BulkRun(
        actor_id=actor_id, verb=verb, rule_id=rule_id if verb == "reject" else None, note=note, about=about[:700],
        state="tried", created_at=clock.now(),
    )  # fmt: skip
    session.add(run)
    session.flush()
    queries_bulk.add_items(session, run.id, rows)
    return run.id


def try_alike(session: Session, *, comment_id: int, actor_id: int) -> int:
    """Decide once for duplicates: the last decision about a comment, tried on every undecided one with its words.

    Raises DomainError where nobody has decided about it yet, or colleagues moderate its section.
    """
    actor, facts = queries.staff_member(session, actor_id), queries_facts.facts_of_comment(session, comment_id)
    if facts is None:
        raise NotFound
    refuse(policy.may_moderate(actor, facts.section_id))
    last = queries.last_decision(session, comment_id)
    if last is None or last.actor_id is None or last.action not in {"publish", "keep", "restore", "reject"}:
        raise DomainError("Decide about this one first; then the same can be done to its copies.", 409)
    verb = "reject" if last.action == "reject" else "accept"
    return try_out(
        session, verb=verb, rule_id=last.rule_id, note=last.reason if verb == "reject" else "",
        ids=queries_bulk.alike_ids(session, queries.sections_of(actor), comment_id, MOST), actor_id=actor_id,
        about=f"The same words as comment {comment_id}",
    )  # fmt: skip


def begin(session: Session, *, run_id: int, actor_id: int) -> None:
    """Carry a run out that this moderator tried. Raises Conflict where it was begun already."""
    run = _locked(session, run_id)
    if run.actor_id != actor_id:
        raise NotFound
    if run.state != "tried":
        raise Conflict("This was begun already.")
    run.state, run.started_at = "running", clock.now()
    enqueue("moderation.bulk", key=f"bulk:{run_id}", run_id=run_id)


def take_back(session: Session, *, run_id: int, actor_id: int) -> None:
    """Take a whole run back, also one that is still being carried out.

    Raises NotFound where nothing of it is in the moderator's sections, and DomainError where not all of it is; Conflict
    where that was done already.
    """
    actor, run = queries.staff_member(session, actor_id), _locked(session, run_id)
    about = queries_bulk.sections_of_run(session, run_id)
    if not any(actor.moderates(section_id) for section_id in about):
        raise NotFound
    refuse(policy.may_take_back_run(actor, about))
    if run.state not in {"running", "done"}:
        raise Conflict("This was taken back already, or never begun.")
    run.state, run.undone_by, run.finished_at = "undoing", actor_id, None
    enqueue("moderation.bulk", key=f"bulk-back:{run_id}", run_id=run_id)


def work_on(run_id: int) -> None:
    """Decide about what is left of a run, one comment after the other, or take back what it did."""
    while _one_step(run_id):
        pass


def _one_step(run_id: int) -> bool:
    with transaction() as session:
        run = queries_bulk.run_locked(session, run_id)
        if run is None or run.state not in {"running", "undoing"}:
            return False
        forward = run.state == "running"
        item = queries_bulk.next_item(session, run_id, "" if forward else "done")
        if item is None:
            run.state, run.finished_at = ("done" if forward else "undone"), clock.now()
            return False
        try:
            if forward:
                done = _decide(session, run, item)
                item.outcome, item.action_id = "done", done.action_id
            else:
                assert item.action_id is not None
                assert run.undone_by is not None
                undoing.undo(session, action_id=item.action_id, actor_id=run.undone_by)
                item.outcome = "undone"
        except DomainError as refused:
            # Every refusal comes before the first change, so there is nothing to take back here.
            item.outcome, item.why = ("refused" if forward else "kept"), refused.sentence[:300]
        return True


def _decide(session: Session, run: BulkRun, item: BulkItem) -> Decision:
    seen = {"comment_id": item.comment_id, "revision": item.revision, "actor_id": run.actor_id,
            "last_action_id": item.last_action_id, "status": item.status}  # fmt: skip
    if run.verb == "reject":
        return service.reject_comment(session, rule_id=run.rule_id, note=run.note, **seen)  # type: ignore[arg-type]
    verb = service.publish_comment if item.status in queries.WAITING else service.dismiss_reports
    return verb(session, note=run.note, **seen)  # type: ignore[arg-type]


def _locked(session: Session, run_id: int) -> BulkRun:
    run = queries_bulk.run_locked(session, run_id)
    if run is None:
        raise NotFound
    return run
