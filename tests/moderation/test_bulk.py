"""One decision about many comments: the count first, then the deed, then, if need be, all of it back."""

import re
import threading

import pytest
from flask import Flask

from blueprints.moderation import bulk, queries_bulk, service
from core.db import db, transaction
from core.errors import DomainError
from jobs.worker import run_all
from models.article import Section
from models.desk import BulkItem, BulkRun
from models.user import ModeratedSection
from tests.browser import Browser, text_of
from tests.factories import make_section
from tests.moderation.desk import (
    actions,
    broken_counters,
    comment,
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
    statuses,
    waiting,
)
from tests.moderation.test_queues import right


def tried(ids: list[int], by: int, verb: str = "reject") -> int:
    rule_id = play_the_ball().id
    with transaction() as session:
        return bulk.try_out(session, verb=verb, rule_id=rule_id, note="", ids=ids, about="By hand", actor_id=by)


def outcomes(run_id: int) -> dict[str, int]:
    db.session().expire_all()
    return queries_bulk.outcomes(db.session(), run_id)


def carried_out(run_id: int, by: int) -> dict[str, int]:
    with transaction() as session:
        bulk.begin(session, run_id=run_id, actor_id=by)
    run_all()
    return outcomes(run_id)


def test_a_brigade_is_rejected_as_one_and_taken_back_as_one(client: Browser) -> None:
    talk, people = make_talk(), [make_member() for _ in range(4)]
    brigade = [say(talk, people[number % 4], f"Down with number {number}!") for number in range(12)]
    bystander = say(talk, make_member(), "A quiet word.")
    rule = play_the_ball()
    mo = client.sign_in(make_moderator("Mo Adeyemi"))
    asked = mo.post("/moderation/bulk", {"queue": "unreviewed", "q": "down with", "all": "1", "verb": "reject", "rule_id": rule.id})
    page = text_of(mo.follow(asked))
    assert "Nothing is decided yet" in page
    assert "exactly these 12" in page
    assert "4 authors, 1 discussion" in page
    assert actions() == []
    place = asked.headers["Location"]
    assert mo.post(f"{place}/do", {}).status_code == 303
    run_all()
    assert "12 done" in text_of(mo.get(place))
    assert {statuses()[comment_id] for comment_id in brigade} == {"rejected"}
    assert comment(bystander).status == "published"
    assert all(len(statements(comment_id)) == 1 for comment_id in brigade)
    mo.post(f"{place}/undo", {})
    run_all()
    assert "All of it was taken back" in text_of(mo.get(place))
    assert set(statuses().values()) == {"published"}
    assert broken_counters() == []
    assert ledger_problem() == ""
    right()


def test_what_changed_meanwhile_is_left_as_it_is(app: Flask) -> None:
    talk, mo, flo = make_talk(), make_moderator("Mo"), make_moderator("Flo Okafor")
    one, two = (waiting(talk, make_member()) for _ in range(2))
    run_id = tried([one, two], mo.id)
    decide(service.publish_comment, two, flo)
    assert carried_out(run_id, mo.id) == {"done": 1, "refused": 1}
    assert statuses()[two] == "published"
    (left,) = [row for row in queries_bulk.items(db.session(), None, run_id, 5) if row.outcome == "refused"]
    assert left.why == "Already published by Flo Okafor just now."


def test_a_run_leaves_ones_own_comments_and_what_is_decided_out(app: Flask) -> None:
    talk, mo = make_talk(), make_moderator()
    own, done, new = say(talk, mo), say(talk, make_member()), say(talk, make_member())
    decide(service.dismiss_reports, done, make_moderator())
    run_id = tried([own, done, new], mo.id, "accept")
    rows = db.session().scalars(db.select(BulkItem.comment_id).where(BulkItem.run_id == run_id)).all()
    assert rows == [new]


def test_two_workers_on_one_run_decide_each_comment_once(app: Flask) -> None:
    talk, mo = make_talk(), make_moderator()
    run_id = tried([waiting(talk, make_member()) for _ in range(10)], mo.id, "accept")
    with transaction() as session:
        bulk.begin(session, run_id=run_id, actor_id=mo.id)

    def work() -> None:
        with app.app_context():
            bulk.work_on(run_id)
            db.session.remove()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert outcomes(run_id) == {"done": 10}
    assert len(actions()) == 10
    assert db.session().scalars(db.select(BulkRun.state)).one() == "done"


@pytest.mark.once
def test_a_decision_is_made_once_for_duplicates(client: Browser) -> None:
    talk, words = make_talk(), "Buy my boats, they are the best boats of all."
    copies = [say(make_talk(), make_member(), words) for _ in range(3)]
    first = say(talk, make_member(), words)
    report(first, make_member())
    mo = make_moderator("Mo Adeyemi")
    browser = client.sign_in(mo)
    assert browser.post(f"/moderation/comments/{first}/alike", {}).status_code == 409
    reject(first, mo, note="No advertising.")
    page = browser.get(f"/moderation/comments/{first}").get_data(as_text=True)
    assert "Do the same to all 3" in page
    asked = browser.post(f"/moderation/comments/{first}/alike", {})
    browser.post(f"{asked.headers['Location']}/do", {})
    run_all()
    assert {statuses()[comment_id] for comment_id in copies} == {"rejected"}
    assert all("No advertising." in statements(comment_id)[0].text for comment_id in copies)


def test_a_rule_says_what_authors_are_told_where_the_moderator_adds_nothing(app: Flask) -> None:
    rule = play_the_ball()
    with transaction() as session:
        session.merge(rule).note_template = "Under “{story}” we talk about the story."
    first, second = say(make_talk(), make_member()), say(make_talk(), make_member())
    reject(first, make_moderator())
    reject(second, make_moderator(), note="My own words.")
    assert "we talk about the story." in statements(first)[0].text
    assert "{story}" not in statements(first)[0].text
    assert "we talk about the story." not in statements(second)[0].text


def test_a_run_that_tries_nothing_says_so(client: Browser) -> None:
    make_talk()
    mo = client.sign_in(make_moderator())
    page = mo.follow(mo.post("/moderation/bulk", {"queue": "held", "verb": "accept", "all": "1"}))
    assert "nothing among these" in text_of(page)


def over_two_sections(by: int, verb: str = "accept") -> tuple[Section, int, int, int]:
    """A section, a comment there and one elsewhere, and a run about both that was carried out."""
    harbour = make_section("Harbour")
    here = waiting(make_talk(section=harbour), make_member("Ann Droste"), words="Words about the harbour.")
    there = waiting(make_talk(), make_member("Bea Lind"), words="Words about the theatre.")
    run_id = tried([here, there], by, verb)
    assert carried_out(run_id, by) == {"done": 2}
    return harbour, here, there, run_id


@pytest.mark.once
def test_who_moderates_only_some_of_its_sections_takes_no_run_back(app: Flask) -> None:
    mo = make_moderator()
    harbour, here, there, run_id = over_two_sections(mo.id)
    for section, status in (harbour, 403), (make_section(), 404):
        colleague = make_moderator(sections=(section,))
        with pytest.raises(DomainError) as refused, transaction() as session:
            bulk.take_back(session, run_id=run_id, actor_id=colleague.id)
        assert refused.value.status == status
    run_all()
    assert db.session().scalars(db.select(BulkRun.state)).one() == "done"
    assert {statuses()[one] for one in (here, there)} == {"published"}
    with transaction() as session:
        bulk.take_back(session, run_id=run_id, actor_id=mo.id)
    run_all()
    assert outcomes(run_id) == {"undone": 2}


def test_who_made_a_run_takes_it_back_only_while_moderating_its_sections(client: Browser) -> None:
    mo = make_moderator()
    harbour, here, there, run_id = over_two_sections(mo.id)
    with transaction() as session:
        session.add(ModeratedSection(user_id=mo.id, section_id=harbour.id))
    browser = client.sign_in(mo)
    assert "Take all of it back" not in text_of(browser.get(f"/moderation/bulk/{run_id}"))
    answer = browser.post(f"/moderation/bulk/{run_id}/undo", {})
    assert answer.status_code == 403
    assert "in sections that colleagues moderate" in text_of(answer)
    run_all()
    assert outcomes(run_id) == {"done": 2}
    assert {statuses()[one] for one in (here, there)} == {"published"}


@pytest.mark.once
def test_a_run_that_was_taken_back_in_part_says_how_much_was_not(client: Browser) -> None:
    mo = make_moderator()
    _, here, there, run_id = over_two_sections(mo.id)
    reject(here, make_moderator("Flo Okafor"))
    browser = client.sign_in(mo)
    browser.post(f"/moderation/bulk/{run_id}/undo", {})
    run_all()
    page = text_of(browser.get(f"/moderation/bulk/{run_id}"))
    assert "All of it" not in page
    assert "1 comment was not taken back" in page
    assert "taken back, but for 1" in text_of(browser.get("/moderation/bulk"))
    assert (statuses()[here], statuses()[there]) == ("rejected", "withheld")


def test_a_run_that_was_taken_back_before_it_did_anything_says_so(client: Browser) -> None:
    mo = make_moderator()
    held = waiting(make_talk(), make_member())
    run_id = tried([held], mo.id, "accept")
    browser = client.sign_in(mo)
    browser.post(f"/moderation/bulk/{run_id}/do", {})
    browser.post(f"/moderation/bulk/{run_id}/undo", {})
    run_all()
    page = text_of(browser.get(f"/moderation/bulk/{run_id}"))
    assert "1 not done" in page
    assert "It was stopped before anything was decided." in page
    assert "All of it" not in page
    assert statuses()[held] == "withheld"


def test_a_run_shows_moderators_of_sections_only_what_is_theirs(client: Browser) -> None:
    harbour, _, _, run_id = over_two_sections(make_moderator("Mo Adeyemi").id)
    browser = client.sign_in(make_moderator(sections=(harbour,)))
    page = text_of(browser.get(f"/moderation/bulk/{run_id}"))
    assert "Words about the harbour." in page
    assert "2 done" in page
    for words in ("Bea Lind", "Words about the theatre.", "Take all of it back"):
        assert words not in page
    assert "sections that colleagues moderate" in page
    assert "only somebody who moderates all of them can take it back" in page
    assert "Mo Adeyemi" in text_of(browser.get("/moderation/bulk"))


def test_the_pages_of_runs_say_where_one_is(client: Browser) -> None:
    mo = make_moderator("Mo Adeyemi")
    _, _, _, run_id = over_two_sections(mo.id)
    client.sign_in(mo)
    for path, heading in (("", "Decisions about several lately"), (f"/{run_id}", "The comments")):
        page = client.get(f"/moderation/bulk{path}").get_data(as_text=True)
        assert re.search(rf"<h[23]>{heading}</h[23]>", page)
        assert 'aria-current="true">Decided<' in page


def test_a_run_with_nothing_of_ones_sections_is_not_there(client: Browser) -> None:
    _, _, _, run_id = over_two_sections(make_moderator("Mo Adeyemi").id)
    browser = client.sign_in(make_moderator(sections=(make_section(),)))
    assert browser.get(f"/moderation/bulk/{run_id}").status_code == 404
    assert browser.post(f"/moderation/bulk/{run_id}/undo", {}).status_code == 404
    assert "Mo Adeyemi" not in text_of(browser.get("/moderation/bulk"))


def test_the_copies_of_a_comment_of_another_section_are_not_asked_for(client: Browser) -> None:
    harbour, words = make_section("Harbour"), "Buy my boats, they are the best boats of all."
    here, there = say(make_talk(section=harbour), make_member(), words), say(make_talk(), make_member(), words)
    browser = client.sign_in(make_moderator(sections=(harbour,)))
    assert browser.post(f"/moderation/comments/{there}/alike", {}).status_code == 404
    reject(there, make_moderator(), note="For colleagues only.")
    assert browser.post(f"/moderation/comments/{there}/alike", {}).status_code == 404
    assert db.session().scalars(db.select(BulkRun.id)).all() == []
    assert statuses()[here] == "published"


def test_copies_are_counted_and_chosen_in_ones_own_sections(client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 1)
    harbour, words = make_section("Harbour"), "Buy my boats, they are the best boats of all."
    for _ in range(2):
        say(make_talk(), make_member(), words)
    first, copy = (say(make_talk(section=harbour), make_member(), words) for _ in range(2))
    mo = make_moderator(sections=(harbour,))
    browser = client.sign_in(mo)
    assert "The same words, undecided, 1 more time." in text_of(browser.get(f"/moderation/comments/{first}"))
    shown = {"rule_id": play_the_ball().id, "revision": 1, "status": "published", "last_action_id": 0}
    card = browser.post(f"/moderation/comments/{first}/reject", shown, headers={"X-Requested-With": "fetch"})
    assert "Do the same to 1 copy" in text_of(card)
    assert "Do the same to it" in text_of(browser.get(f"/moderation/comments/{first}"))
    asked = browser.post(f"/moderation/comments/{first}/alike", {})
    assert asked.status_code == 303
    browser.post(f"{asked.headers['Location']}/do", {})
    run_all()
    assert statuses()[copy] == "rejected"
