"""What everybody may know: figures that match the ledger, a log without names, a case that can be checked at home."""

import csv
import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.moderation import (
    casefile,
    jobs_screening,
    ledger,
    objecting,
    queries_people,
    records,
    sanctions,
    service,
    transparency,
)
from core import clock
from core.db import db, transaction
from core.errors import DomainError
from jobs.queue import enqueue
from jobs.worker import run_all
from models.fairness import FairProcess
from models.user import User
from tests.browser import Browser, text_of
from tests.conftest import examples
from tests.factories import make_site, make_user
from tests.moderation.desk import (
    actions,
    as_viewer,
    change,
    decide,
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
from tests.moderation.test_illegal import decide as answer_notice
from tests.moderation.test_illegal import notify
from tests.moderation.test_ledger import tamper


def open_everything() -> None:
    make_site()
    with transaction() as session:
        session.add(FairProcess(id=1, public_log=True, public_report=True))


def object_to(comment_id: int, by: User) -> int:
    viewer = as_viewer(by)
    with transaction() as session:
        return objecting.file_appeal(session, viewer, comment_id, "Not so.")


def a_busy_day(client: Browser) -> None:
    """Two removals, one by a program, one of them reversed; a ban; a report kept; a notice; one held, one published."""
    talk, ann, mo, flo = make_talk(), make_member("Ann Droste"), make_moderator("Mo Adeyemi"), make_moderator()
    first, second, third, fourth = (say(talk, ann) for _ in range(4))
    reject(first, mo)
    with transaction() as session:
        service.reject_comment(session, comment_id=second, revision=1, actor_id=None, rule_id=play_the_ball().id)
    appeal_id = object_to(second, ann)
    with transaction() as session:
        objecting.decide_appeal(session, appeal_id=appeal_id, actor_id=flo.id, reverse=True, answer="It is fine.")
    object_to(first, ann)
    with transaction() as session:
        sanctions.ban(session, user_id=ann.id, rule_id=None, reason="Enough.", actor_id=mo.id)
    report(third, make_member(), "spam")
    decide(service.dismiss_reports, third, mo)
    notify(client, fourth)
    answer_notice(1, mo)
    ben = make_member()
    decide(service.publish_comment, waiting(talk, ben), mo)


def figures(parts: list[transparency.Part]) -> dict[str, Any]:
    return {f"{part.key}.{one.key}": one.value for part in parts for one in part.figures}


def this_year() -> list[transparency.Part]:
    today = clock.now().date()
    return transparency.report(db.session(), *transparency.period("", "", today))


def test_the_report_counts_what_the_ledger_holds(client: Browser) -> None:
    a_busy_day(client)
    found = figures(this_year())
    assert found["ledger.total"] == len([row for row in actions() if not row.subject])
    expected = {
        "overview.restrictions": 4, "overview.by_program": 1, "overview.share_by_program": 25.0,
        "overview.taken_back": 1, "overview.error_rate_program": 100.0, "overview.error_rate_people": 0.0,
        "restrictions_by_kind.removal": 3, "restrictions_by_kind.ban": 1, "restrictions_by_source.notice": 1,
        "restrictions_by_source.program": 1, "restrictions_by_decider.person": 3,
        "restrictions_by_ground.rules:Play the ball": 2,
        "notices.received": 1, "notices.removed": 1, "notices.category:defamation": 1, "notices.median_hours": 0.0,
        "reports.received": 1, "reports.answered": 1, "reports.reason:spam": 1,
        "objections.received": 2, "objections.reversed": 1, "objections.open": 1, "objections.reversal_rate": 100.0,
        "objections.about_program": 1, "objections.about_program_reversed": 1,
        "program.decided": 1, "program.published": 1, "program.error_rate": 100.0,
    }  # fmt: skip
    assert {key: found.get(key) for key in expected} == expected


def test_the_page_and_both_files_tell_the_same_of_any_period(client: Browser) -> None:
    open_everything()
    a_busy_day(client)
    page = text_of(client.get("/transparency"))
    assert "Restrictions, each with a statement of reasons 4" in page
    told = json.loads(client.get("/transparency.json").get_data(as_text=True))["figures"]
    lines = list(csv.DictReader(io.StringIO(client.get("/transparency.csv").get_data(as_text=True))))
    assert {(line["part"], line["key"]): line["value"] for line in lines} == {
        (part, key): "" if value is None else str(value) for part, numbers in told.items() for key, value in numbers.items()
    }
    before = client.get("/transparency.json?from=2020-01-01&to=2020-12-31").get_json()
    assert before["figures"]["overview"]["restrictions"] == 0
    assert before["figures"]["overview"]["error_rate_people"] is None
    for asked, sentence in (("from=soon", "year, month and day"), ("from=2026-05-01&to=2026-04-01", "before the last"),
                            ("from=2000-01-01&to=2026-01-01", "five years")):
        refused = client.get(f"/transparency?{asked}")
        assert refused.status_code == 422
        assert sentence in text_of(refused)
        assert client.get(f"/transparency.csv?{asked}").status_code == 422


def test_nothing_is_open_before_the_publisher_says_so(client: Browser) -> None:
    make_site()
    for path in ("/transparency", "/transparency.csv", "/transparency.json", "/moderation-log"):
        assert client.get(path).status_code == 404
    assert "/moderation-log" not in client.get("/rules").get_data(as_text=True)
    client.sign_in(make_user(roles=("publisher",)))
    assert "it is not published" in text_of(client.get("/transparency"))
    assert "it is not published" in text_of(client.get("/moderation-log"))


@pytest.mark.once
def test_the_log_names_grounds_but_neither_people_nor_words(client: Browser) -> None:
    open_everything()
    a_busy_day(client)
    page = text_of(client.get("/moderation-log"))
    for words in ("Comment removed", "Play the ball", "a program", "Objection: the decision was reversed", "Banned",
                  "Notice of illegal content decided", "§ 186", "Notified as illegal"):
        assert words in page, words
    for secret in ("Ann Droste", "Mo Adeyemi", "Nora", "money", "Enough."):
        assert secret not in page
    assert "/moderation-log" in client.get("/rules").get_data(as_text=True)


def take_home(client: Browser, person: User) -> Any:
    client.sign_in(person)
    done = client.post("/account/record")
    assert done.status_code == 200
    return json.loads(done.get_data(as_text=True))


def test_a_person_checks_their_case_with_a_program_of_their_own(client: Browser, tmp_path: Path) -> None:
    make_site()
    talk, ann, ben, mo = make_talk(), make_member("Ann Droste"), make_member("Ben Other"), make_moderator("Mo Adeyemi")
    for author in (ben, ann, ben, ann, ben):
        reject(say(talk, author), mo, note=f"To {author.display_name}.")
    client.sign_in(ann)
    page = client.get("/account/record")
    assert "Rejected" in text_of(page)
    assert "/account/record" in client.get("/account/comments").get_data(as_text=True)
    case = take_home(client, ann)
    assert casefile.check(case) == (4, 2, [])
    whole = json.dumps(case)
    assert "To Ann Droste." in whole
    for secret in ("Ben", "actor_id\": [", str(mo.fs_uniquifier)):
        assert secret not in whole
    assert '"actor_id"' in whole  # its seal, so that the entry's hash can be worked out
    assert case["stretches"][-1]["end_hash"] in client.get("/ledger").get_data(as_text=True)

    file, script = tmp_path / "case.json", tmp_path / "casefile.py"
    file.write_text(whole)
    script.write_text(client.get("/ledger/casefile.py").get_data(as_text=True))
    done = subprocess.run([sys.executable, "-I", str(script), str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "Sound: 4 entries, 2 of them about you." in done.stdout
    file.write_text(whole.replace("To Ann Droste.", "To Ann Drost."))
    done = subprocess.run([sys.executable, "-I", str(script), str(file)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "NOT sound" in done.stdout
    run = client.app.test_cli_runner().invoke
    assert run(args=["moderation", "verify-case", str(file)]).exit_code == 1
    file.write_text("no case")
    done = run(args=["moderation", "verify-case", str(file)])
    assert (done.exit_code, done.stderr) == (2, "This is not the file of a case, or it is damaged.\n")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a file something stands that can be changed."""
    if isinstance(value, dict):
        return [place for key, inner in value.items() for place in _places(inner, (*path, key))]
    if isinstance(value, list):
        return [place for number, inner in enumerate(value) for place in _places(inner, (*path, number))]
    return [path]


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_changed_in_a_case_is_found(app: Flask, data: st.DataObject) -> None:
    case = _one_case()
    place = data.draw(st.sampled_from(_places(case["stretches"])))
    holder: Any = case["stretches"]
    for step in place[:-1]:
        holder = holder[step]
    if place[-1] == "sealed_at":  # when it was published is not part of the chain
        return
    old = holder[place[-1]]
    holder[place[-1]] = data.draw(st.one_of(st.none(), st.integers(), st.text(max_size=70)).filter(lambda new: new != old))
    assert casefile.check(case)[2] != []


_made: dict[str, str] = {}


def _one_case() -> Any:
    if "case" not in _made:
        talk, ann, mo = make_talk(), make_member(), make_moderator()
        for author in (ann, make_member(), ann):
            reject(say(talk, author), mo)
        with transaction() as session:
            records.seal_now(session)
            _made["case"] = json.dumps(records.case_of(session, ann.id, "The Meridian"))
    return json.loads(_made["case"])


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)))
def test_no_file_breaks_the_check(case: Any) -> None:
    for wrapped in (case, {"format": casefile.FORMAT, "stretches": case}, {"format": casefile.FORMAT, "stretches": [case]}):
        assert casefile.check(wrapped)[2] != [] or wrapped.get("stretches") in ([], {}, "")


def test_a_chain_that_was_written_anew_throughout_differs_from_what_was_published(app: Flask) -> None:
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    for _ in range(3):
        reject(say(talk, ann), mo)
    with transaction():
        enqueue("moderation.seal")
    run_all()
    assert ledger_problem() == ""
    previous = ""
    rows = [{name: getattr(row, name) for name in ledger.FIELDS} for row in actions()]
    db.session.remove()
    for row in rows:
        row |= {"reason": "forged", "previous_hash": previous}
        previous = ledger.digest(row)
        tamper(f"UPDATE moderation_action SET reason = 'forged', previous_hash = '{row['previous_hash']}', hash = '{previous}' WHERE id = {row['id']}")
    tamper(f"UPDATE ledger_head SET hash = '{previous}'")
    assert ledger_problem() == ""
    done = app.test_cli_runner().invoke(args=["moderation", "verify-ledger"])
    assert done.exit_code == 1
    assert "Decision 3 is not the one that was published on" in done.output


def test_the_same_end_is_sealed_once(app: Flask) -> None:
    with transaction() as session:
        assert records.seal_now(session) is None
    reject(say(make_talk(), make_member()), make_moderator())
    ids = set()
    for _ in range(2):
        with transaction() as session:
            seal = records.seal_now(session)
            assert seal
            ids.add(seal.id)
    assert len(ids) == 1


def test_days_are_checked_before_anything_is_counted() -> None:
    today = clock.now().date()
    assert transparency.period("", "", today) == (today.replace(month=1, day=1), today)
    assert transparency.period("2026-01-01", "2026-01-01", today)[0].isoformat() == "2026-01-01"
    with pytest.raises(DomainError):
        transparency.period("2026-01-01", (today + timedelta(days=9999)).isoformat(), today)


@pytest.mark.once
def test_what_a_program_held_after_posting_is_among_the_figures_and_taken_back_by_who_publishes_it(client: Browser) -> None:
    open_everything()
    ann, mo, talk = make_member(), make_moderator(), make_talk()
    one, two, clean = (say(talk, ann) for _ in range(3))
    for held in (one, two, clean):
        change(held, "withheld")
    change(clean, "published")  # before anybody was told
    for _ in range(2):
        for held in (one, two, clean):
            jobs_screening.held(held, 1)
    (told,) = statements(one)
    assert (told.restriction, told.source, told.automated, told.ground) == ("held", "program", True, "rules")
    assert "is held until a person has read it" in told.text
    assert [(row.action, row.comment_id, row.actor_id) for row in actions()] == [("withhold", held, None) for held in (one, two)]
    found = figures(this_year())
    assert found["overview.restrictions"] == found["overview.by_program"] == 2
    assert found["restrictions_by_kind.held"] == 2
    assert "Set aside" in text_of(client.get("/moderation-log"))
    decide(service.publish_comment, one, mo)
    assert statements(one) == []
    reject(two, mo)
    assert {row.restriction for row in statements(two)} == {"held", "not-published"}
    found = figures(this_year())
    assert [found[f"overview.{key}"] for key in ("restrictions", "taken_back", "by_program")] == [3, 1, 2]
    assert [row.user_id for row in queries_people.rejections_of(db.session(), [ann.id], clock.now() - timedelta(days=1))] == [ann.id]
    decide(service.restore_comment, two, mo)
    assert statements(two) == []
    assert ledger_problem() == ""
