"""Several moderators at once: every item is decided once, and whoever comes second is told."""

import threading
from collections import Counter
from collections.abc import Callable

from flask import Flask

from blueprints.moderation import claims, illegal, keeping, objecting, reversing, sanctions, service
from blueprints.moderation.decision import Decision
from blueprints.moderation.queues import NONE
from core import clock
from core.db import db, transaction
from core.errors import Conflict
from core.recording import acting
from models.site import Rule
from tests.bench.moderators import shift
from tests.factories import make_rule, make_user
from tests.moderation.desk import (
    actions,
    actions_on,
    as_viewer,
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
    statements,
    waiting,
)

MODERATORS = 10
ITEMS = 100


def at_once(app: Flask, *calls: Callable[[], object]) -> list[object]:
    """What each call answered or raised, all started together in threads with contexts of their own."""
    answers: list[object] = [None] * len(calls)
    ready = threading.Barrier(len(calls))

    def run(number: int, call: Callable[[], object]) -> None:
        with app.app_context():
            ready.wait()
            try:
                answers[number] = call()
            except Conflict as conflict:
                answers[number] = conflict
            finally:
                db.session.remove()

    workers = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    db.session.remove()
    return answers


def judge(comment_id: int, by: int, rule_id: int, *, publish: bool) -> Decision:
    with transaction() as session:
        if publish:
            return service.publish_comment(session, comment_id=comment_id, revision=1, actor_id=by)
        return service.reject_comment(session, comment_id=comment_id, revision=1, actor_id=by, rule_id=rule_id)


def test_of_two_decisions_at_once_one_stands_and_the_other_is_told(app: Flask) -> None:
    held, rule_id = waiting(make_talk(), make_member()), play_the_ball().id
    mo, flo = make_moderator("Mo Adeyemi").id, make_moderator("Flo Okafor").id
    answers = at_once(
        app,
        lambda: judge(held, mo, rule_id, publish=True),
        lambda: judge(held, flo, rule_id, publish=True),
    )
    (told,) = [answer for answer in answers if isinstance(answer, Conflict)]
    (done,) = [answer for answer in answers if isinstance(answer, Decision)]
    winner = next(row.actor_id for row in actions() if row.id == done.action_id)
    name = {mo: "Mo Adeyemi", flo: "Flo Okafor"}[winner or 0]
    assert told.sentence == f"Already published by {name} just now."
    assert actions_on(held) == ["publish"]


def test_keep_and_reject_at_once_do_not_overwrite_each_other(app: Flask) -> None:
    first, rule_id = say(make_talk(), make_member()), play_the_ball().id
    report(first, make_member())
    mo, flo = make_moderator().id, make_moderator().id

    def keep() -> Decision:
        with transaction() as session:
            return service.dismiss_reports(session, comment_id=first, revision=1, actor_id=mo, last_action_id=0)

    def remove() -> Decision:
        with transaction() as session:
            return service.reject_comment(
                session, comment_id=first, revision=1, actor_id=flo, rule_id=rule_id, last_action_id=0
            )

    answers = at_once(app, keep, remove)
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    assert len(actions_on(first)) == 1
    assert comment(first).status == ("published" if actions_on(first) == ["keep"] else "rejected")
    assert broken_counters() == []


def test_ten_moderators_on_a_hundred_items_decide_each_once(app: Flask) -> None:
    talks = [make_talk() for _ in range(2)]
    people = [make_member() for _ in range(4)]
    items = [waiting(talks[number % 2], people[number % 4]) for number in range(ITEMS)]
    rule_id, moderators = play_the_ball().id, [make_moderator().id for _ in range(MODERATORS)]

    def work(actor_id: int, number: int) -> Callable[[], list[str]]:
        # Each begins elsewhere, so that all of them meet somewhere.
        start = number * ITEMS // MODERATORS
        order = items[start:] + items[:start]

        def shift() -> list[str]:
            told = []
            for comment_id in order:
                try:
                    judge(comment_id, actor_id, rule_id, publish=bool(comment_id % 3))
                except Conflict as conflict:
                    told.append(conflict.sentence)
            return told

        return shift

    answers = at_once(app, *(work(by, number) for number, by in enumerate(moderators)))
    rows = actions()
    assert Counter(row.comment_id for row in rows) == Counter(items)
    assert len({row.actor_id for row in rows}) > 1
    told = [sentence for answer in answers if isinstance(answer, list) for sentence in answer]
    assert len(told) == ITEMS * (MODERATORS - 1)
    assert all(sentence.startswith(("Already published by", "Already rejected by")) for sentence in told)
    assert [row.id for row in rows] == list(range(1, ITEMS + 1))
    assert ledger_problem() == ""
    assert broken_counters() == []


def test_an_objection_filed_twice_at_once_is_one(app: Flask) -> None:
    ann = make_member()
    first = say(make_talk(), ann)
    reject(first, make_moderator())
    viewer = as_viewer(ann)

    def file() -> int:
        with transaction() as session:
            return objecting.file_appeal(session, viewer, first, "Not so.")

    answers = at_once(app, file, file)
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    assert len(statements(first)) == 1


def test_a_person_is_banned_once(app: Flask) -> None:
    make_talk()
    ann, rivals = make_member().id, [make_moderator().id for _ in range(3)]

    def ban(by: int) -> Callable[[], Decision]:
        def call() -> Decision:
            with transaction() as session:
                return sanctions.ban(session, user_id=ann, rule_id=None, reason="A threat.", actor_id=by)

        return call

    answers = at_once(app, *(ban(by) for by in rivals))
    assert sum(isinstance(answer, Decision) for answer in answers) == 1
    assert len(actions()) == 1


def test_settings_and_decisions_at_once_leave_one_chain(app: Flask) -> None:
    """Staff acts of different sorts append at once: none is lost, and the chain does not fork."""
    talk, ann, rule_id = make_talk(), make_member(), play_the_ball().id
    moderators = [make_moderator().id for _ in range(3)]
    held = [waiting(talk, ann) for _ in range(12)]
    rules = [make_rule(f"rule-{number}", f"Rule {number}", "x").id for number in range(12)]

    def decides(number: int) -> Callable[[], object]:
        def call() -> object:
            return [judge(one, moderators[number], rule_id, publish=True) for one in held[number * 4 : number * 4 + 4]]

        return call

    def sets(number: int) -> Callable[[], object]:
        def call() -> object:
            for one in rules[number * 4 : number * 4 + 4]:
                with acting(moderators[number]), transaction() as session:
                    session.get_one(Rule, one).text = "y"
            return None

        return call

    at_once(app, *(decides(number) for number in range(3)), *(sets(number) for number in range(3)))
    assert Counter(row.action for row in actions()) == {"publish": 12, "rule": 12}
    assert ledger_problem() == ""


def test_a_notice_is_answered_by_one_of_two(app: Flask) -> None:
    first = say(make_talk(), make_member())
    typed = illegal.Typed(f"/comments/{first}", "hate", "Look.", "Nora", "nora@example.test", True)
    with transaction() as session:
        illegal.take_in(session, typed)
    mo, flo = make_moderator().id, make_moderator().id

    def answer(by: int, outcome: str) -> int:
        with transaction() as session:
            return illegal.decide(session, notice_id=1, actor_id=by, outcome=outcome, legal_ground="§ 130", answer="So.")

    answers = at_once(app, lambda: answer(mo, "removed"), lambda: answer(flo, "kept"))
    assert [type(one) for one in answers].count(Conflict) == 1
    kept = comment(first).status == "published"
    assert actions_on(first) == (["notice"] if kept else ["reject", "notice"])
    assert ledger_problem() == ""


def test_two_workers_at_one_reversal_take_nothing_back_twice(app: Flask) -> None:
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    pat, since = make_user(roles=("publisher",)), clock.now()
    ids = [say(talk, ann) for _ in range(6)]
    for one in ids:
        reject(one, mo)
    with transaction() as session:
        reversal_id = reversing.reverse(session, actor_id=mo.id, since=since, asked_by=pat.id, count=6)

    def work() -> None:
        more = True
        while more:
            with transaction() as session:
                more = reversing.step(session, reversal_id)

    at_once(app, work, work)
    assert [comment(one).status for one in ids] == ["published"] * 6
    assert Counter(row.action for row in actions()) == {"reject": 6, "restore": 6, "revert": 1}
    assert ledger_problem() == ""
    assert broken_counters() == []


def test_a_purge_is_agreed_to_by_one_of_two(app: Flask) -> None:
    first, mo = say(make_talk(), make_member(), "Twelve, Birch Lane."), make_moderator().id
    reject(first, make_moderator())
    with transaction() as session:
        keeping.ask_for_purge(session, comment_id=first, reason="An address.", actor_id=mo)
    editors = [make_user(roles=("editor",)).id for _ in range(2)]

    def agree(by: int) -> None:
        with transaction() as session:
            keeping.decide_purge(session, purge_id=1, actor_id=by, approve=True)

    answers = at_once(app, *(lambda by=by: agree(by) for by in editors))
    assert [type(one) for one in answers].count(Conflict) == 1
    assert actions_on(first) == ["reject", "purge"]
    assert comment(first).body_source == ""
def test_moderators_who_take_and_decide_at_once_lose_nothing_and_count_right(app: Flask) -> None:
    # `python -m tests.bench moderators` does the same with a thousand.
    outcome = shift(app, items=80, moderators=6)
    assert outcome.is_sound, outcome.lines
    assert outcome.decided == 80


def test_what_two_take_at_once_each_gets_once(app: Flask) -> None:
    talk = make_talk()
    held = [waiting(talk, make_member()) for _ in range(30)]
    mo, flo = make_moderator().id, make_moderator().id

    def take(by: int) -> Callable[[], list[int]]:
        def call() -> list[int]:
            with transaction() as session:
                return claims.claim(session, queue="held", filters=NONE, actor_id=by).ids

        return call

    answers = at_once(app, take(mo), take(flo))
    first, second = (answer if isinstance(answer, list) else [] for answer in answers)
    assert not set(first) & set(second)
    assert set(first) | set(second) <= set(held)
    assert max(len(first), len(second)) == claims.BATCH
