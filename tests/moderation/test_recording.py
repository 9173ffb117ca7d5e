"""What staff change is in the ledger with before and after, whichever form or service it came through."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, inspect, select, update

from blueprints.moderation import ledger
from blueprints.moderation.words import DONE
from core import clock
from core.db import db, transaction
from core.recording import WATCHED, acting
from models.article import Section
from models.conduct import LadderStep
from models.fairness import FairProcess
from models.membership import Plan, Price, PromoCode
from models.moderation import LedgerHead, ModerationAction
from models.site import Rule, Site
from models.user import RoleGrant
from tests.browser import Browser, text_of
from tests.factories import make_rule, make_site, make_user
from tests.moderation.desk import ledger_problem

ROOT = Path(__file__).resolve().parents[2]


def entries() -> list[tuple[str, str, int | None, Any, Any]]:
    db.session.remove()
    return [
        (row.subject, row.to_state, row.actor_id, json.loads(row.before or "null"), json.loads(row.after or "null"))
        for row in db.session().scalars(select(ModerationAction).order_by(ModerationAction.id))
    ]


@pytest.fixture
def pat(client: Browser) -> tuple[Browser, int]:
    make_site()
    person = make_user("Pat Okoro", roles=("publisher",))
    return client.sign_in(person), person.id


def mark(browser: Browser, url: str) -> str:
    found = re.search(r'name="seen"[^>]*value="([^"]*)"', browser.get(url).get_data(as_text=True))
    assert found
    return found.group(1)


def test_a_reworded_rule_is_recorded_with_both_wordings(pat: tuple[Browser, int]) -> None:
    browser, pat_id = pat
    rule_id = make_rule("kind", "Be kind", "Always.").id
    at = f"/publisher/rules/{rule_id}"
    done = browser.post(at, {"title": "Be kind", "text": "To everybody.", "seen": mark(browser, at)})
    assert done.status_code == 303
    assert entries() == [(f"rule:{rule_id}", "changed", pat_id, {"text": "Always."}, {"text": "To everybody."})]
    assert ledger_problem() == ""


def test_roles_given_and_taken_name_the_person_and_who_did_it(pat: tuple[Browser, int]) -> None:
    browser, pat_id = pat
    mo = make_user("Mo Adeyemi")
    at = f"/publisher/people/{mo.id}"
    for roles in (["moderator"], []):
        assert browser.post(f"{at}/roles", {"roles": roles, "seen": mark(browser, at)}).status_code == 303
    given = {"name": "moderator", "user_id": mo.id}
    assert entries() == [
        (f"role:{mo.id}.moderator", "created", pat_id, None, given),
        (f"role:{mo.id}.moderator", "removed", pat_id, given, None),
    ]
    assert db.session().scalars(select(ModerationAction.user_id)).all() == [mo.id, mo.id]


def test_a_refused_form_leaves_no_entry(pat: tuple[Browser, int]) -> None:
    browser, _ = pat
    rule_id = make_rule("kind", "Be kind", "Always.").id
    assert browser.post(f"/publisher/rules/{rule_id}", {"title": "", "text": "", "seen": "x"}).status_code == 422
    assert entries() == []


def test_several_writes_of_one_act_make_one_entry(app: Flask) -> None:
    make_site(name="The Meridian")
    with acting(None), transaction() as session:
        row = session.get_one(Site, 1)
        for name in ("The Meridien", "The Parallel"):
            row.name = name
            session.flush()
    assert entries() == [("site:1", "changed", None, {"name": "The Meridian"}, {"name": "The Parallel"})]


def test_the_ledger_calls_what_was_set_by_its_name(pat: tuple[Browser, int]) -> None:
    browser, pat_id = pat
    rule_id = make_rule("kind", "Be kind", "Always.").id
    with acting(pat_id), transaction() as session:
        session.get_one(Rule, rule_id).text = "To everybody."
        session.get_one(Site, 1).tagline = "All the news."
        session.add(Section(name="Weather", slug="weather", position=9))
        session.add(LadderStep(position=2, rejections=3, within_days=30, kind="warning"))
    page = text_of(browser.get("/publisher/ledger"))
    assert re.search(r"Rule changed .* Be kind Pat Okoro", page)
    assert re.search(r"Site’s settings changed .* The Meridian Pat Okoro", page)
    assert re.search(r"Section created .* Weather Pat Okoro", page)
    assert re.search(r"Step of the ladder created .* no\. 2 Pat Okoro", page)
    assert not re.search(r"\b(rule|site|section|ladder):\d", page)


def test_what_came_back_to_where_it_stood_is_no_change(app: Flask) -> None:
    make_site(name="The Meridian")
    with acting(None), transaction() as session:
        row = session.get_one(Site, 1)
        for name in ("The Parallel", "The Meridian"):
            row.name = name
            session.flush()
    assert entries() == []


def test_a_change_that_fails_is_not_recorded_by_the_next_one(app: Flask) -> None:
    make_site()
    rule_id = make_rule("kind", "Be kind", "Always.").id
    with pytest.raises(RuntimeError), acting(None), transaction() as session:
        session.get_one(Rule, rule_id).title = "Be rude"
        session.flush()
        raise RuntimeError
    with acting(None), transaction() as session:
        session.get_one(Rule, rule_id).active = False
    assert entries() == [(f"rule:{rule_id}", "changed", None, {"active": True}, {"active": False})]


def test_what_a_program_does_by_itself_is_not_an_act_of_staff(app: Flask) -> None:
    rule_id = make_rule("kind", "Be kind", "Always.").id
    with transaction() as session:
        session.get_one(Rule, rule_id).active = False
    assert entries() == []


def test_the_operators_command_records_the_roles_it_gives(app: Flask) -> None:
    make_site()
    done = app.test_cli_runner().invoke(args=[
        "users", "create", "--email", "pat@example.test", "--name", "Pat Okoro", "--role", "publisher",
        "--password", "a long enough passphrase here",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert [(subject, state, actor) for subject, state, actor, _, _ in entries()] == [
        (f"role:{db.session().scalar(select(RoleGrant.user_id))}.publisher", "created", None)
    ]


def test_no_statement_goes_past_the_record() -> None:
    """A bulk statement on a watched model is not seen by the session: it needs `recording.note`, and a place here."""
    models = "|".join(model.__name__ for model in WATCHED)
    known = {
        "blueprints/articles/queries.py",  # versions of pages
        "blueprints/membership/queries_entitlements.py",  # entitlements that Stripe says are gone
        "blueprints/membership/rises.py",  # notes the new rise
        "blueprints/publisher/queries_exports.py",  # how far an archive is, which nobody sets
        "blueprints/publisher/selling.py",  # notes the new plan and the new code
        "blueprints/publisher/service.py",  # the first row of a site, with its defaults
        "blueprints/site/queries.py",  # the version of pages
        "blueprints/threads/queries_services.py",  # counts how services answer, which is no setting
            "blueprints/threads/picks.py",  # notes the end of a Pick
    }
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "blueprints").rglob("*.py")
        if re.search(rf"\b(?:update|delete|insert|insert_new)\(\s*(?:{models})\b", path.read_text())
    }
    assert found <= known


def test_an_entry_from_before_the_seals_is_part_of_the_chain(app: Flask) -> None:
    """Rows that an earlier version wrote have no salt, and the hash of that time."""
    who = make_user().id
    old: dict[str, Any] = dict.fromkeys(ledger.FIELDS) | {
        "id": 1, "actor_id": who, "action": "note", "from_state": "", "to_state": "", "reason": "Of old.",
        "subject": "", "salt": "", "created_at": clock.now(), "previous_hash": "",
    }  # fmt: skip
    old["hash"] = ledger.digest(old)
    with transaction() as session:
        session.execute(insert(ModerationAction).values(**old))
        session.execute(update(LedgerHead).values(action_id=1, hash=old["hash"]))
    with transaction() as session:
        assert ledger.append(session, action="note", at=clock.now(), actor_id=who, reason="New.") == 2
    assert ledger_problem() == ""


@pytest.mark.parametrize("model", [Site, Section, Rule, Plan, Price, PromoCode, FairProcess], ids=lambda model: model.__name__)
def test_no_setting_is_forgotten(app: Flask, model: Any) -> None:
    """Whoever adds a setting to one of these adds it to `moderation.recorded`."""
    not_settings = {"id", "version", "created_at", "created_by"}
    assert set(inspect(model).columns.keys()) - not_settings == set(WATCHED[model].fields)


def test_every_sort_of_entry_has_a_word_for_people(app: Flask) -> None:
    assert [watched.noun for watched in WATCHED.values() if watched.noun not in DONE] == []
