"""The ledger: one chain, and whoever goes around its triggers is found."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from blueprints.moderation import ledger
from core import clock
from core.db import db, transaction
from tests.factories import make_user
from tests.moderation.desk import ledger_problem


def fill(number: int = 5) -> None:
    user_id = make_user().id
    for row in range(number):
        with transaction() as session:
            ledger.append(
                session, action="note", at=clock.now(), actor_id=user_id, user_id=user_id, from_state="a",
                to_state="b", reason=f"Decision {row}, with “quotes” and é.",
            )  # fmt: skip


def tamper(statement: str) -> None:
    """Change the table as somebody with the database's password could."""
    with db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE moderation_action DISABLE TRIGGER moderation_action_append_only"))
            connection.execute(text(statement))
            connection.execute(text("ALTER TABLE moderation_action ENABLE TRIGGER moderation_action_append_only"))
            return
        triggers = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'moderation_action'")
        ).all()
        for name, _ in triggers:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text(statement))
        for _, sql in triggers:
            connection.execute(text(sql))


def test_an_empty_ledger_is_intact(app: Flask) -> None:
    assert ledger_problem() == ""


def test_the_chain_is_walked_in_batches(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "BATCH", 2)
    fill(5)
    seen: list[int] = []
    verdict = ledger.verify(db.session(), seen.append)
    assert (verdict.sound, verdict.problem) == (5, "")
    assert seen == [2, 4, 5]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE moderation_action SET reason = 'nothing' WHERE id = 3", "Decision 3 was altered."),
        ("UPDATE moderation_action SET actor_id = NULL WHERE id = 1", "Decision 1 was altered."),
        ("UPDATE moderation_action SET created_at = '2020-01-01 00:00:00' WHERE id = 5", "Decision 5 was altered."),
        ("UPDATE moderation_action SET hash = 'aa' WHERE id = 4", "Decision 4 was altered."),
        ("DELETE FROM moderation_action WHERE id = 3", "Decision 3 is missing."),
        ("DELETE FROM moderation_action WHERE id = 1", "Decision 1 is missing."),
        ("DELETE FROM moderation_action WHERE id = 5", "Decision 5 is missing: the ledger went on to 5."),
        ("DELETE FROM moderation_action", "Decision 1 is missing: the ledger went on to 5."),
        ("UPDATE ledger_head SET action_id = 4", "Decision 5 was added beyond the end of the ledger."),
        ("UPDATE ledger_head SET hash = 'aa'", "Decision 5 is not the one the ledger ended with."),
        ("DELETE FROM ledger_head", "The note of where the ledger ends is missing."),
    ],
)
def test_what_was_tampered_with_is_named(app: Flask, statement: str, problem: str) -> None:
    fill()
    assert ledger_problem() == ""
    tamper(statement)
    db.session.remove()
    assert ledger_problem() == problem


def test_a_row_that_was_written_anew_with_a_fitting_hash_breaks_the_chain_behind_it(app: Flask) -> None:
    fill()
    columns = ", ".join((*ledger.FIELDS, "hash"))
    with db.engine.connect() as connection:
        row = dict(connection.execute(text(f"SELECT {columns} FROM moderation_action WHERE id = 2")).mappings().one())
    found = db.session().get(ledger.ModerationAction, 2)
    assert found is not None
    row["created_at"] = found.created_at
    forged = ledger.digest(row | {"reason": "forged"})
    db.session.remove()
    tamper(f"UPDATE moderation_action SET reason = 'forged', hash = '{forged}' WHERE id = 2")
    assert ledger_problem() == "Decision 3 does not follow from decision 2."


def run(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["moderation", "verify-ledger"])
    return result.exit_code, result.output


@pytest.mark.parametrize("spoil", [lambda: None, lambda: tamper("DELETE FROM moderation_action WHERE id = 2")])
def test_the_command_says_what_it_found_and_exits_with_it(app: Flask, spoil: Callable[[], None]) -> None:
    fill()
    spoil()
    db.session.remove()
    code, output = run(app)
    intact = "The ledger is intact: 5 decisions" in output
    broken = "The ledger is not intact. Decision 2 is missing. Sound up to decision 1." in output
    assert (code, intact, broken) in {(0, True, False), (1, False, True)}
    assert code == (ledger_problem() != "")
