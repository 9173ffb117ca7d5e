"""Objections: by the author, to somebody else than who decided, with an answer either way."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import objecting, service, undoing
from blueprints.moderation.decision import Decision
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError, NotFound
from jobs.worker import run_all
from models.moderation import Appeal
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import fresh, make_section, make_user
from tests.moderation.desk import (
    actions_on,
    as_viewer,
    broken_counters,
    comment,
    decide,
    ledger_problem,
    make_member,
    make_moderator,
    make_talk,
    reject,
    say,
    statements,
)
from tests.threads.talk import respect


@pytest.fixture(autouse=True)
def _own_time():  # type: ignore[no-untyped-def]
    yield
    clock.shift(timedelta())


def object_to(comment_id: int, author: User, body: str = "I quoted him word for word.") -> int:
    viewer = as_viewer(author)
    with transaction() as session:
        return objecting.file_appeal(session, viewer, comment_id, body)


def answer(appeal_id: int, by: User, *, reverse: bool, words: str = "Read again.") -> Decision:
    with transaction() as session:
        return objecting.decide_appeal(session, appeal_id=appeal_id, actor_id=by.id, reverse=reverse, answer=words)


def mails(user: User) -> list[Mail]:
    clock.shift(timedelta(seconds=11))
    run_all()
    return list(db.session().scalars(select(Mail).where(Mail.user_id == user.id).order_by(Mail.id)))


def test_an_objection_that_succeeds_brings_the_comment_back_with_its_respects(app: Flask) -> None:
    talk, ann, mo, flo = make_talk(), make_member(), make_moderator("Mo Adeyemi"), make_moderator("Flo Okafor")
    first = say(talk, ann)
    respect(first, make_member())
    reject(first, mo)
    appeal_id = object_to(first, ann)
    answer(appeal_id, flo, reverse=True, words="It is a quotation.")
    row = comment(first)
    assert (row.status, row.respect_count) == ("published", 1)
    assert statements(first) == []
    assert actions_on(first) == ["reject", "reverse"]
    assert broken_counters() == []
    assert ledger_problem() == ""
    found = mails(ann)
    assert [mail.subject for mail in found] == ["Your comment is back"]
    assert "It is a quotation." in found[0].text
    assert "Adeyemi" not in found[0].text
    assert "Okafor" not in found[0].text


def test_an_upheld_decision_stands_and_the_author_reads_why(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    first = say(make_talk(), ann)
    reject(first, mo)
    assert [mail.subject for mail in mails(ann)] == ["Your comment was removed"]
    appeal_id = object_to(first, ann)
    answer(appeal_id, make_moderator(), reverse=False, words="A quotation would name its source.")
    assert comment(first).status == "rejected"
    assert len(statements(first)) == 1
    clock.shift(timedelta(minutes=1))
    run_all()
    last = db.session().scalars(select(Mail).order_by(Mail.id.desc())).first()
    assert last is not None
    assert last.subject == "Your objection: the decision stands"
    assert "A quotation would name its source." in last.text
    with pytest.raises(Conflict, match="objected to this decision already"):
        object_to(first, ann)


def my_comments(app: Flask, author: User) -> str:
    """What the author reads in the list of their own."""
    return text_of(Browser(app).sign_in(author).get("/account/comments"))


def test_the_list_of_ones_comments_says_what_became_of_an_objection_and_leads_to_the_answer(app: Flask) -> None:
    talk, ann, mo, flo = make_talk(), make_member(), make_moderator(), make_moderator()
    first = say(talk, ann)
    reject(first, mo)
    assert "Object to the decision" in my_comments(app, ann)
    appeal_id = object_to(first, ann)
    assert "Your objection waits for an answer. Read your objection" in my_comments(app, ann)
    answer(appeal_id, flo, reverse=True, words="It is a quotation.")
    assert "It is back because you objected. Read the answer" in my_comments(app, ann)
    reject(first, mo)
    assert "Object to the decision" in my_comments(app, ann)
    assert "objected" not in my_comments(app, ann)
    answer(object_to(first, ann), flo, reverse=False, words="Not this time.")
    assert "Your objection was answered: the decision stands. Read the answer" in my_comments(app, ann)
    assert "Not this time." in text_of(Browser(app).sign_in(ann).get(f"/comments/{first}/appeal"))


def test_whoever_decided_does_not_answer_the_objection(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    first = say(make_talk(), ann)
    reject(first, mo)
    appeal_id = object_to(first, ann)
    with pytest.raises(DomainError, match="You made this decision") as refused:
        answer(appeal_id, mo, reverse=False)
    assert refused.value.status == 403


def test_an_objection_is_answered_once(app: Flask) -> None:
    ann = make_member()
    first = say(make_talk(), ann)
    reject(first, make_moderator())
    appeal_id = object_to(first, ann)
    answer(appeal_id, make_moderator("Flo Okafor"), reverse=False)
    with pytest.raises(Conflict, match="Already upheld by Flo Okafor just now"):
        answer(appeal_id, make_moderator(), reverse=True)
    assert comment(first).status == "rejected"


def test_only_its_author_objects_and_only_to_what_stands(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    first = say(make_talk(), ann)
    with pytest.raises(DomainError, match="no decision to object to"):
        object_to(first, ann)
    reject(first, mo)
    with pytest.raises(NotFound):
        object_to(first, make_member())
    for empty in ("", "  \n "):
        with pytest.raises(DomainError, match="say why"):
            object_to(first, ann, empty)
    with pytest.raises(DomainError, match="3,000 characters"):
        object_to(first, ann, "a" * 3001)
    clock.shift(timedelta(days=184))
    with pytest.raises(DomainError, match="six months"):
        object_to(first, ann)


def test_a_decision_taken_back_answers_the_objection_to_it(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    first = say(make_talk(), ann)
    reject(first, mo)
    appeal_id = object_to(first, ann)
    decide(service.restore_comment, first, mo)
    row = fresh(db.session().get(Appeal, appeal_id))
    assert (row.outcome, row.answer) == ("reversed", "The decision was taken back.")


def test_a_slip_undone_at_once_never_reaches_the_author(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    first = say(make_talk(), ann)
    done = reject(first, mo)
    with transaction() as session:
        undoing.undo(session, action_id=done.action_id, actor_id=mo.id)
    assert mails(ann) == []


def test_a_restored_comment_is_told_to_who_was_told_of_its_removal(app: Flask) -> None:
    ann, mo = make_member(), make_moderator()
    first = say(make_talk(), ann)
    done = reject(first, mo)
    assert len(mails(ann)) == 1
    with transaction() as session:
        undoing.undo(session, action_id=done.action_id, actor_id=mo.id)
    clock.shift(timedelta(minutes=1))
    run_all()
    subjects = list(db.session().scalars(select(Mail.subject).order_by(Mail.id)))
    assert subjects == ["Your comment was removed", "Your comment is back"]


@pytest.mark.once
def test_the_author_reads_objects_and_reads_the_answer_without_scripts(client: Browser) -> None:
    talk, ann, mo, flo = make_talk(), make_member("Ann Droste"), make_moderator("Mo Adeyemi"), make_moderator()
    first = say(talk, ann, "He cannot count to three.")
    reject(first, mo, note="Leave his sums out of it.")
    client.sign_in(ann)
    at = f"/comments/{first}/appeal"
    page = text_of(client.get(at))
    for words in ("He cannot count to three.", "The rule: Play the ball.", "Leave his sums out of it."):
        assert words in page, words
    assert "Adeyemi" not in page
    empty = client.post(at, {"body": ""})
    assert empty.status_code == 422
    assert "Please say why you think" in text_of(empty)
    long = client.post(at, {"body": "word " * 700})
    assert long.status_code == 422
    assert "word word" in long.get_data(as_text=True)
    done = client.post(at, {"body": "He said so himself."})
    assert done.status_code == 303
    assert "Waiting for an answer" in text_of(client.follow(done))
    assert client.post(at, {"body": "Once more."}).status_code == 409

    desk = Browser(client.app).sign_in(mo)
    assert "Left to somebody else" in text_of(desk.get("/moderation/objections"))
    assert "You made this decision" in text_of(desk.get("/moderation/appeals/1"))
    desk = Browser(client.app).sign_in(flo)
    assert "He said so himself." in text_of(desk.get("/moderation/objections"))
    blank = desk.post("/moderation/appeals/1/answer", {"outcome": "reversed", "answer": ""})
    assert blank.status_code == 422
    assert "Please give the reason" in text_of(blank)
    assert desk.post("/moderation/appeals/1/answer", {"outcome": "reversed", "answer": "So he did."}).status_code == 303
    page = text_of(client.get(at))
    assert "You were right to object" in page
    assert "So he did." in page


@pytest.mark.once
def test_who_objects_to_everything_waits_for_answers_first(app: Flask) -> None:
    talk, ann, mo, flo = make_talk(), make_member(), make_moderator(), make_moderator()
    ids = [say(talk, ann, f"Thing number {number}.") for number in range(objecting.MOST_OPEN + 1)]
    for one in ids:
        reject(one, mo)
    appeals = [object_to(one, ann) for one in ids[:-1]]
    with pytest.raises(DomainError, match="10 of your objections wait") as refused:
        object_to(ids[-1], ann)
    assert refused.value.status == 429
    answer(appeals[0], flo, reverse=False)
    object_to(ids[-1], ann)


def test_objections_of_thirty_days_are_bounded_too(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objecting, "MOST_IN_A_MONTH", 1)
    talk, ann, mo = make_talk(), make_member(), make_moderator()
    first, second = say(talk, ann, "This."), say(talk, ann, "And that.")
    for one in (first, second):
        reject(one, mo)
    answer(object_to(first, ann), make_moderator(), reverse=False)
    with pytest.raises(DomainError, match="1 objections in thirty days"):
        object_to(second, ann)
    clock.shift(timedelta(days=31))
    object_to(second, ann)
    clock.shift(timedelta())


def test_strangers_find_no_page_of_an_objection(client: Browser) -> None:
    first = say(make_talk(), make_member())
    reject(first, make_moderator())
    assert client.get(f"/comments/{first}/appeal").status_code == 303
    client.sign_in(make_member())
    assert client.get(f"/comments/{first}/appeal").status_code == 404
    assert client.post(f"/comments/{first}/appeal", {"body": "Me too."}).status_code == 404


def test_objections_of_other_sections_are_not_shown(client: Browser) -> None:
    mine, other, ann = make_section(), make_section(), make_member()
    first = say(make_talk(section=other), ann)
    reject(first, make_moderator())
    object_to(first, ann)
    client.sign_in(make_moderator(sections=(mine,)))
    assert "No objection waits" in text_of(client.get("/moderation/objections"))
    assert client.get("/moderation/appeals/1").status_code == 404
    assert client.post("/moderation/appeals/1/answer", {"outcome": "upheld", "answer": "No."}).status_code == 404


def test_what_one_may_not_decide_says_who_does_and_why_it_waits(client: Browser) -> None:
    ann, mo = make_member(), make_moderator("Mo Adeyemi")
    first = say(make_talk(), ann)
    reject(first, mo)
    appeal_id = object_to(first, ann)
    alone = client.sign_in(mo)
    for place in ("/moderation/objections", f"/moderation/appeals/{appeal_id}"):
        assert "because nobody else here may decide it: ask the publisher to make somebody a moderator" in text_of(alone.get(place))
    page = text_of(Browser(client.app).sign_in(ann).get(f"/comments/{first}/appeal"))
    assert "At the moment there is nobody else on the team" in page
    make_moderator("Flo Okafor")
    make_moderator("Else Where", sections=(make_section(),))
    for place in ("/moderation/objections", f"/moderation/appeals/{appeal_id}"):
        assert "It waits for Flo Okafor." in text_of(alone.get(place))
    page = text_of(Browser(client.app).sign_in(ann).get(f"/comments/{first}/appeal"))
    assert "nobody else" not in page
    assert "Flo" not in page


def test_ones_own_comment_says_whose_it_is_to_decide(client: Browser) -> None:
    mo = make_moderator("Mo Adeyemi")
    own = say(make_talk(), mo)
    client.sign_in(mo)
    assert "a colleague decides about it. It waits, because nobody else here may decide it" in text_of(
        client.get(f"/moderation/comments/{own}")
    )
    make_user("Pat Moreau", roles=("publisher",))
    assert "a colleague decides about it. It waits for Pat Moreau." in text_of(client.get(f"/moderation/comments/{own}"))
