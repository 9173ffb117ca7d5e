"""The queues: what stands in them, how much that is, how they are narrowed, and what is taken from them."""

import itertools
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from blueprints.moderation import claims, notes, queries_claims, queries_queues, service
from blueprints.moderation.jobs import guess_languages
from blueprints.moderation.keys import keys_of, stored_keys
from blueprints.moderation.queues import NONE, QUEUES, Filters, filters_from
from blueprints.threads import service as threads
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError
from models.desk import Claim, HandoverNote
from models.user import ModeratedSection, User
from tests.browser import Browser, text_of
from tests.factories import make_section
from tests.moderation.desk import (
    as_viewer,
    change,
    comment,
    decide,
    make_member,
    make_moderator,
    make_talk,
    reject,
    report,
    say,
    waiting,
)


def counts(by: User) -> dict[str, int]:
    found = queries_queues.backlog(db.session(), as_viewer(by))
    return {name: getattr(found, name) for name in QUEUES}


def listed(queue: str, filters: Filters = NONE) -> list[int]:
    return [row.id for row in queries_queues.queue_page(db.session(), queue, None, filters)]


def take(by: User, queue: str, filters: Filters = NONE) -> claims.Taken:
    with transaction() as session:
        return claims.claim(session, queue=queue, filters=filters, actor_id=by.id)


def right() -> None:
    db.session().expire_all()
    assert queries_queues.recount_backlog(db.session()) == []


def test_every_change_is_counted_in_its_own_transaction(app: Flask) -> None:
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    first = say(talk, ann)
    assert counts(mo) == {"reported": 0, "held": 0, "newcomers": 1, "unreviewed": 1}
    assert listed("newcomers") == listed("unreviewed") == [first]
    report(first, make_member())
    assert counts(mo)["reported"] == 1
    decide(service.dismiss_reports, first, mo)
    assert counts(mo) == dict.fromkeys(QUEUES, 0)
    held = waiting(talk, ann)
    assert counts(mo)["held"] == 1
    reject(held, mo)
    assert counts(mo) == dict.fromkeys(QUEUES, 0)
    right()


def test_an_edited_text_is_unreviewed_again(app: Flask) -> None:
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    first = say(talk, ann)
    decide(service.dismiss_reports, first, mo)
    assert listed("unreviewed") == []
    viewer = as_viewer(ann)
    with transaction() as session:
        threads.edit_comment(session, viewer, first, "Quite another thing that I say.")
    assert listed("unreviewed") == [first]
    right()


def test_what_nobody_complained_about_is_looked_at_once(app: Flask) -> None:
    first, mo, flo = say(make_talk(), make_member()), make_moderator("Mo"), make_moderator("Flo")
    decide(service.dismiss_reports, first, mo)
    with pytest.raises(Conflict, match="Already kept by Mo"):
        decide(service.dismiss_reports, first, flo)


def test_a_wrong_number_is_found_and_put_right(app: Flask) -> None:
    talk = make_talk()
    say(talk, make_member())
    with transaction() as session:
        from models.desk import ThreadBacklog

        session.scalars(db.select(ThreadBacklog)).one().unreviewed = 7
    assert [(wrong.queue, wrong.stored, wrong.counted) for wrong in queries_queues.recount_backlog(db.session())] == [
        ("unreviewed", 7, 1)
    ]
    done = app.test_cli_runner().invoke(args=["moderation", "check-queues", "--repair"])
    assert "unreviewed is 7, counted 1" in done.output
    right()


def test_a_moderator_of_sections_counts_their_own(app: Flask) -> None:
    harbour = make_section("Harbour")
    here, there = make_talk(section=harbour), make_talk()
    mo = make_moderator()
    with transaction() as session:
        session.add(ModeratedSection(user_id=mo.id, section_id=harbour.id))
    say(here, make_member())
    say(there, make_member())
    assert counts(mo)["unreviewed"] == 1


def test_filters_narrow_a_queue(app: Flask) -> None:
    harbour = make_section("Harbour")
    here, there, ann = make_talk(section=harbour), make_talk(), make_member("Ann Droste")
    one = say(here, ann, "Das ist nicht wahr, und das wissen alle.")
    two = say(there, make_member("Bea Lind"), "That is not what the harbour is for.")
    report(one, make_member(), "spam")
    report(two, make_member(), "abusive")
    guess_languages()
    assert listed("reported", Filters(section=harbour.id)) == [one]
    assert listed("reported", Filters(reason="abusive")) == [two]
    assert listed("reported", Filters(reason="newcomer")) == [one, two]
    assert listed("reported", Filters(language="de")) == [one]
    assert listed("reported", Filters(author="droste")) == [one]
    assert listed("reported", Filters(q="HARBOUR")) == [two]
    assert listed("reported", Filters(hours=1)) == []
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        assert listed("reported", Filters(hours=1)) == [one, two]


def test_an_address_that_makes_no_sense_narrows_nothing() -> None:
    assert filters_from({"section": "x", "hours": "5", "q": "  "}) == NONE
    odd = Filters(q="a & b", author="Ö")
    assert filters_from(dict(pair.split("=") for pair in ["q=a & b", "author=Ö"])) == odd
    assert "a+%26+b" in odd.query


def test_what_one_has_taken_nobody_else_gets_until_it_lapses(app: Flask) -> None:
    talk, ann = make_talk(), make_member()
    held = [waiting(talk, ann) for _ in range(3)]
    mo, flo = make_moderator(), make_moderator()
    assert take(mo, "held").ids == held
    assert take(flo, "held").ids == []
    with time_machine.travel(clock.now() + claims.CLAIM_LASTS + timedelta(seconds=1)):
        assert take(flo, "held").ids == held
        assert [row.id for row in queries_claims.claimed_rows(db.session(), flo.id, None, clock.now())] == held


def test_a_claim_lasts_while_its_moderator_does_something(app: Flask) -> None:
    waiting(make_talk(), make_member())
    mo, flo = make_moderator(), make_moderator()
    take(mo, "held")
    now = clock.now()
    with time_machine.travel(now + timedelta(minutes=9)), transaction() as session:
        claims.keep_claims(session, mo.id)
    with time_machine.travel(now + timedelta(minutes=15)):
        assert take(flo, "held").ids == []


def test_a_decision_ends_the_claim(app: Flask) -> None:
    held, mo, flo = waiting(make_talk(), make_member()), make_moderator(), make_moderator()
    take(mo, "held")
    decide(service.publish_comment, held, flo)  # a claim is no lock
    assert db.session().scalars(db.select(Claim)).all() == []


def test_what_was_passed_on_is_not_offered_again(app: Flask) -> None:
    held, mo, flo = waiting(make_talk(), make_member()), make_moderator(), make_moderator()
    take(mo, "held")
    with transaction() as session:
        claims.pass_comment(session, comment_id=held, actor_id=mo.id)
    assert take(mo, "held").ids == []
    assert take(flo, "held").ids == [held]


def test_nobody_takes_their_own_comment(app: Flask) -> None:
    mo = make_moderator()
    waiting(make_talk(), mo)
    assert take(mo, "held").ids == []


@pytest.mark.parametrize("hard", range(0, 26, 5))
@pytest.mark.parametrize("easy", range(0, 26, 5))
def test_a_batch_is_mixed(hard: int, easy: int) -> None:
    severe, calm = list(range(hard)), list(range(100, 100 + easy))
    batch = claims.mixed(severe, calm, claims.BATCH)
    assert len(batch) == len(set(batch)) == min(claims.BATCH, hard + easy)
    assert [one for one in batch if one < 100] == severe[: sum(one < 100 for one in batch)]
    assert [one for one in batch if one >= 100] == calm[: sum(one >= 100 for one in batch)]
    if hard and hard <= easy:
        assert all(one >= 100 or other >= 100 for one, other in itertools.pairwise(batch))


def test_severe_texts_stop_at_the_cap_for_an_hour(app: Flask) -> None:
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    severe = [say(talk, ann) for _ in range(3)]
    for comment_id in severe:
        report(comment_id, make_member(), "illegal")
    with transaction() as session:
        notes.prefer(session, user_id=mo.id, keys={}, covers_severe=True, severe_per_hour="2")
    first = take(mo, "reported")
    assert (len(first.ids), first.spared) == (2, 1)
    assert take(mo, "reported").ids == []
    with time_machine.travel(clock.now() + timedelta(hours=1, minutes=1)):
        assert len(take(mo, "reported").ids) == 2


def test_keys_are_remapped_and_two_of_the_same_are_refused() -> None:
    kept = stored_keys({"publish": "F", "reject": "d", "sanction": "b"})
    assert keys_of(kept)["publish"] == "f"
    assert keys_of(kept)["next"] == "n"
    with pytest.raises(DomainError, match="stands for two things"):
        stored_keys({"publish": "r"})


def test_a_shift_begins_and_ends_with_a_note(client: Browser) -> None:
    make_talk()
    mo = client.sign_in(make_moderator("Mo Adeyemi"))
    assert "The last shift left nothing" in text_of(mo.get("/moderation/shift"))
    assert mo.post("/moderation/notes", {"body": "   "}).status_code == 422
    mo.post("/moderation/notes", {"body": "Keep an eye on the harbour."})
    page = text_of(mo.get("/moderation/shift"))
    assert "Keep an eye on the harbour." in page
    note = db.session().scalars(db.select(HandoverNote)).one()
    mo.post(f"/moderation/notes/{note.id}/done", {})
    assert "The last shift left nothing" in text_of(mo.get("/moderation/shift"))


def test_a_view_is_kept_and_shared(client: Browser) -> None:
    make_talk()
    mo = client.sign_in(make_moderator("Mo Adeyemi"))
    mo.post("/moderation/views", {"queue": "held", "q": "harbour", "name": "Harbour", "shared": "1"})
    flo = Browser(client.app).sign_in(make_moderator("Flo Okafor"))
    page = flo.get("/moderation").get_data(as_text=True)
    assert 'href="/moderation/held?q=harbour"' in page
    assert "remove" not in page.split("Saved views")[1].split("</ul>")[0]


def test_the_newsroom_is_shown_a_comment_once_and_first_timers_first(client: Browser) -> None:
    talk, ann = make_talk(), make_member("Ann Droste")
    first = say(talk, ann, "I was there when the gate broke.")
    mo = client.sign_in(make_moderator("Mo Adeyemi"))
    place = f"/moderation/comments/{first}/tip"
    assert mo.post(place, {"kind": "pick", "note": "Saw it herself."}).status_code == 303
    assert mo.post(place, {"kind": "pick"}).status_code == 409
    page = text_of(mo.get(f"/moderation/comments/{first}"))
    assert "Suggested as a Pick" in page
    from tests.factories import make_user

    ed = Browser(client.app).sign_in(make_user(roles=("editor",)))
    shown = text_of(ed.get("/newsroom/tips"))
    assert "I was there when the gate broke." in shown
    assert "would be their first" in shown
    assert "Saw it herself." in shown


def test_colleagues_see_at_once_what_is_taken_and_decided(client: Browser) -> None:
    talk, ann = make_talk(), make_member()
    one, two = waiting(talk, ann), waiting(talk, ann)
    flo = make_moderator("Flo Okafor")
    mo = client.sign_in(make_moderator("Mo Adeyemi"))
    before = mo.get("/moderation/now").get_json()
    assert before["claims"] == {}
    assert before["counts"]["held"] == 2
    take(flo, "held")
    decide(service.publish_comment, two, flo)
    now = mo.get(f"/moderation/now?after={before['after']}").get_json()
    assert now["claims"] == {str(one): "Flo Okafor"}
    assert now["decided"] == [{"id": two, "words": "Published by Flo Okafor"}]
    assert now["counts"]["held"] == 1
    assert "Flo Okafor has taken this" in text_of(mo.get("/moderation/held"))


def test_taking_working_and_giving_back_needs_no_scripts(client: Browser) -> None:
    talk, ann = make_talk(), make_member()
    held = [waiting(talk, ann) for _ in range(2)]
    mo = client.sign_in(make_moderator("Mo Adeyemi"))
    taken = mo.post("/moderation/claims", {"queue": "held"})
    page = text_of(mo.follow(taken))
    assert "2 comments are yours" in page
    mo.post(f"/moderation/comments/{held[0]}/pass", {"next": "/moderation/mine"})
    assert comment(held[0]).status == "withheld"
    mo.post("/moderation/claims/release", {})
    assert "You hold nothing" in text_of(mo.get("/moderation/mine"))


def test_a_severe_text_is_covered_and_a_conflict_is_warned_of(client: Browser) -> None:
    talk, mo = make_talk(), make_moderator("Mo Adeyemi")
    first = say(talk, make_member())
    say(talk, mo, "I think otherwise.")
    report(first, make_member(), "illegal")
    page = client.sign_in(mo).get("/moderation").get_data(as_text=True)
    assert "data-cover" in page
    assert "You take part in this discussion" in page


def test_preferences_say_what_is_wrong_and_keep_what_was_typed(client: Browser) -> None:
    make_talk()
    mo = client.sign_in(make_moderator("Mo Adeyemi"))
    wrong = mo.post("/moderation/preferences", {"publish": "r", "severe_per_hour": "7"})
    assert wrong.status_code == 422
    assert 'value="7"' in wrong.get_data(as_text=True)
    assert mo.post("/moderation/preferences", {"publish": "f", "severe_per_hour": "7"}).status_code == 303
    waiting(make_talk(), make_member())
    assert 'data-key-publish="f"' in mo.get("/moderation/held").get_data(as_text=True)


def test_deleting_and_hiding_are_counted_too(app: Flask) -> None:
    talk, ann = make_talk(), make_member()
    first = say(talk, ann)
    report(first, make_member())
    change(first, "deleted")
    assert counts(make_moderator()) == dict.fromkeys(QUEUES, 0)
    right()


def test_a_card_marks_what_the_checks_found(client: Browser) -> None:
    held = say(make_talk(), make_member(), "Write to ann.droste@example.test or <leave> it.")
    assert comment(held).status == "withheld"
    page = client.sign_in(make_moderator()).get("/moderation/held").get_data(as_text=True)
    assert "<mark>ann.droste@example.test</mark>" in page
    assert "&lt;leave&gt;" in page


def test_a_queue_that_does_not_exist_is_refused_with_a_sentence(client: Browser) -> None:
    make_talk()
    mo = client.sign_in(make_moderator())
    assert "There is no such queue." in text_of(mo.follow(mo.post("/moderation/claims", {"queue": "nowhere"})))
    for path in ("?after=nan-1", "?after=x", "?section=-1&hours=99999999999999999999", "/held?after=1-x"):
        assert mo.get(f"/moderation{path}").status_code == 200
