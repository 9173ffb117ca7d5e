"""Notices of illegal content: without an account, with a receipt, a status page, and reasons to both sides."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import illegal
from blueprints.threads import service as threads
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError
from models.fairness import IllegalNotice
from models.notification import Mail
from tests.browser import Browser, text_of
from tests.factories import make_section
from tests.moderation.desk import (
    actions,
    as_viewer,
    broken_counters,
    comment,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    say,
    statements,
)
from tests.moderation.test_objections import mails

LAW = "§ 186 of the German Criminal Code"


def typed(comment_id: int, **values: Any) -> dict[str, str]:
    return {
        "url": f"http://localhost/comments/{comment_id}#comment-{comment_id}", "category": "defamation",
        "explanation": "I never took that money.", "name": "Nora Outside", "email": "nora@example.test",
        "in_good_faith": "y",
    } | values  # fmt: skip


def row(number: int = 1) -> IllegalNotice:
    return db.session().get_one(IllegalNotice, number, populate_existing=True)


def to_nora() -> list[Mail]:
    return list(db.session().scalars(select(Mail).where(Mail.recipient == "nora@example.test").order_by(Mail.id)))


def decide(notice_id: int, by: Any, outcome: str = "removed", *, again: bool = False, **values: Any) -> int:
    words = {"legal_ground": LAW if outcome == "removed" else "", "answer": "It states a false fact."} | values
    with transaction() as session:
        verb = illegal.decide_again if again else illegal.decide
        return verb(session, notice_id=notice_id, actor_id=by.id, outcome=outcome, **words)


def notify(client: Browser, comment_id: int, **values: Any) -> str:
    done = client.post("/illegal-content", typed(comment_id, **values))
    assert done.status_code == 303, text_of(done)
    return str(done.headers["Location"])


@pytest.mark.once
def test_anybody_notifies_reads_the_state_and_the_decision_goes_to_both_sides(client: Browser) -> None:
    ann, mo = make_member("Ann Droste"), make_moderator("Mo Adeyemi")
    first = say(make_talk(), ann, "Nora took the money.")
    report = client.get(f"/comments/{first}/report").get_data(as_text=True)
    link = re.search(r'href="(/illegal-content\?comment=\d+)"', report)
    assert link
    assert f"/comments/{first}" in client.get(link.group(1)).get_data(as_text=True)

    page = client.get(notify(client, first))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Waiting for a decision" in text_of(page)
    receipt = to_nora()[0]
    assert row().reference in receipt.subject
    path = re.search(r"/illegal-content/[^\s\"]+", receipt.text)
    assert path
    assert row().secret_hash not in receipt.text

    desk = Browser(client.app).sign_in(mo)
    assert row().reference in text_of(desk.get("/moderation/illegal-content"))
    case = text_of(desk.get("/moderation/illegal-content/1"))
    assert "Nora took the money." in case
    assert "Nora Outside" in case
    answer = {"outcome": "removed", "legal_ground": LAW, "answer": "It states a false fact.", "note": "Prove it, or leave it."}
    assert desk.post("/moderation/illegal-content/1/decide", answer | {"revision": "1"}).status_code == 303

    assert comment(first).status == "rejected"
    told = statements(first)[0]
    assert (told.ground, told.legal_ground, told.source, told.automated) == ("law", LAW, "notice", False)
    for words in (LAW, "Prove it, or leave it.", "after somebody had notified us", "go to court"):
        assert words in told.text
    assert "Nora" not in told.text
    assert [mail.subject for mail in mails(ann)] == ["Your comment was removed"]
    decision = to_nora()[1]
    assert "It states a false fact." in decision.text
    assert "Adeyemi" not in decision.text
    status = text_of(client.get(path.group(0)))
    assert "The content was removed or not published" in status
    assert "It states a false fact." in status
    assert ledger_problem() == ""
    assert broken_counters() == []


@pytest.mark.once
@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("url", "", "Please give the address of the content"),
    ("url", "https://elsewhere.example/comments/1", "Please give the address of the content"),
    ("url", "http://[", "Please give the address of the content"),
    ("url", "http://localhost/comments/999999", "There is no such comment"),
    ("url", "http://localhost/comments/9999999999", "There is no such comment"),
    ("category", "", "Please choose what is illegal"),
    ("explanation", "  ", "Please explain why"),
    ("explanation", "a" * 5001, "up to 5,000 characters"),
    ("name", "", "Please give your name"),
    ("email", "nora", "Please give an e-mail address"),
    ("email", "nora@example.test,all@example.test", "Please give an e-mail address"),
    ("in_good_faith", "", "Please confirm this"),
])  # fmt: skip
def test_what_is_missing_gets_a_sentence_and_what_was_typed_is_kept(
    client: Browser, field: str, value: str, sentence: str
) -> None:
    first = say(make_talk(), make_member())
    refused = client.post("/illegal-content", typed(first, **{field: value}))
    assert refused.status_code == 422
    assert sentence in text_of(refused)
    kept = {"name": "nora@example.test"}.get(field, "Nora Outside")
    assert kept in refused.get_data(as_text=True)
    assert db.session().scalar(select(IllegalNotice)) is None


def test_offences_against_children_are_notified_without_a_name(client: Browser) -> None:
    first = say(make_talk(), make_member())
    page = client.get(notify(client, first, category="children", name="", email=""))
    assert "because you gave no address" in text_of(page)
    assert to_nora() == []


def test_a_guessed_link_finds_nothing_whichever_half_is_wrong(client: Browser) -> None:
    place = notify(client, say(make_talk(), make_member()))
    reference, secret = place.split("/")[-2:]
    answers = {
        client.get(f"/illegal-content/{one}/{two}").get_data(as_text=True)
        for one, two in (("2222-2222", secret), (reference, "x" * 24))
    }
    assert len({re.sub(r"<time.*?</time>", "", page) for page in answers}) == 1
    assert client.get(f"/illegal-content/{reference}/{'x' * 24}").status_code == 404


def test_the_text_that_was_notified_stays_frozen_beside_the_one_that_stands(client: Browser) -> None:
    ann = make_member()
    first = say(make_talk(), ann, "Nora took the money.")
    notify(client, first)
    viewer = as_viewer(ann)
    with transaction() as session:
        threads.edit_comment(session, viewer, first, "Somebody took the money.")
    page = text_of(Browser(client.app).sign_in(make_moderator()).get("/moderation/illegal-content/1"))
    assert "Nora took the money." in page
    assert "Somebody took the money." in page
    with pytest.raises(Conflict, match="changed the text"):
        decide(1, make_moderator(), revision=1)
    assert row().outcome == "open"


def test_a_notice_is_answered_once_and_never_by_the_comments_author(client: Browser) -> None:
    mo = make_moderator()
    first = say(make_talk(), mo)
    notify(client, first)
    with pytest.raises(DomainError, match="your own comment"):
        decide(1, mo)
    decide(1, make_moderator(), "kept")
    with pytest.raises(Conflict, match="answered already"):
        decide(1, make_moderator())
    assert comment(first).status == "published"


def test_who_is_refused_asks_once_for_another_look_by_somebody_else(client: Browser) -> None:
    mo, flo = make_moderator(), make_moderator()
    first = say(make_talk(), make_member())
    place = notify(client, first)
    assert client.post(f"{place}/again", {"words": "Too early."}).status_code == 409
    decide(1, mo, "kept")
    assert client.post(f"{place}/again", {"words": " "}).status_code == 422
    assert client.post(f"{place}/again", {"words": "He can prove nothing."}).status_code == 303
    assert client.post(f"{place}/again", {"words": "Once more."}).status_code == 409
    with pytest.raises(DomainError, match="You made this decision"):
        decide(1, mo, again=True)
    desk = Browser(client.app).sign_in(flo)
    assert "He can prove nothing." in text_of(desk.get("/moderation/illegal-content/1"))
    decide(1, flo, again=True)
    assert comment(first).status == "rejected"
    assert "After another look" in text_of(client.get(place))
    assert [entry.action for entry in actions()] == ["notice", "reject", "notice-again"]
    assert to_nora()[-1].subject.startswith("Another look")


def test_another_look_is_asked_for_within_six_months(client: Browser) -> None:
    place = notify(client, say(make_talk(), make_member()))
    decide(1, make_moderator(), "kept")
    clock.shift(timedelta(days=184))
    refused = client.post(f"{place}/again", {"words": "At last."})
    clock.shift(timedelta())
    assert refused.status_code == 409


def test_moderators_of_other_sections_do_not_see_the_notice(client: Browser) -> None:
    mine, other = make_section(), make_section()
    notify(client, say(make_talk(section=other), make_member()))
    desk = Browser(client.app).sign_in(make_moderator(sections=(mine,)))
    assert "No notice waits" in text_of(desk.get("/moderation/illegal-content"))
    assert desk.get("/moderation/illegal-content/1").status_code == 404
    assert desk.post("/moderation/illegal-content/1/decide", {"outcome": "kept", "answer": "No."}).status_code == 404


def test_an_answer_without_a_law_or_reasons_is_refused_and_kept(client: Browser) -> None:
    notify(client, say(make_talk(), make_member()))
    desk = Browser(client.app).sign_in(make_moderator())
    for values, sentence in (
        ({"outcome": "removed", "answer": "It is false."}, "name the law"),
        ({"outcome": "kept", "answer": " "}, "give the reasons"),
        ({"outcome": "", "answer": "It is false."}, "choose what becomes"),
    ):
        refused = desk.post("/moderation/illegal-content/1/decide", values)
        assert refused.status_code == 422
        assert sentence in text_of(refused)


def test_a_page_that_is_no_comment_can_be_notified_but_nothing_is_removed_here(app: Flask, client: Browser) -> None:
    place = notify(client, 1, url="http://localhost/articles/some-story")
    with pytest.raises(DomainError, match="names no comment"):
        decide(1, make_moderator())
    decide(1, make_moderator(), "elsewhere")
    assert "not for us to decide" in text_of(client.get(place))
