"""Finding people, their roles, what they are given."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.membership.signals import membership_changed_signal
from blueprints.publisher.policy import may_set_roles
from core import clock
from core.db import db
from jobs.worker import run_all
from models.membership import Entitlement, Membership
from models.user import ModeratedSection, User
from tests.browser import Browser, text_of
from tests.factories import fresh, make_entitlement, make_plan, make_section, make_site, make_user
from tests.publisher.rows import ago, at_once, hidden, make_payment, office, publisher_browser, roles_of, statements


def set_roles(browser: Browser, person: User, *roles: str, sections: tuple[int | str, ...] = (), seen: str = ""):  # type: ignore[no-untyped-def]
    seen = seen or hidden(browser.get(f"/publisher/people/{person.id}"))
    return browser.post(
        f"/publisher/people/{person.id}/roles", {"roles": list(roles), "section_ids": list(sections), "seen": seen}
    )


def test_people_are_found_by_name_and_by_address(app: Flask) -> None:
    browser = office(app)
    make_user("Ana Ruiz", email="ana@example.test")
    make_user("Bo Lund", email="bo@else.test")
    make_user("Left Long", email="left@example.test", deleted_at=clock.now())
    assert "Ana Ruiz" in text_of(browser.get("/publisher/people?q=a+RUIZ"))
    assert "Bo Lund" not in text_of(browser.get("/publisher/people?q=ruiz"))
    assert "Bo Lund" in text_of(browser.get("/publisher/people?q=BO@else"))
    assert "Nobody found" in text_of(browser.get("/publisher/people?q=left@"))
    assert "Nobody found" in text_of(browser.get("/publisher/people?q=%25%25"))
    both = text_of(browser.get("/publisher/people"))
    assert "Ana Ruiz" in both
    assert "Bo Lund" in both


def test_staff_and_members_have_lists_of_their_own(app: Flask) -> None:
    browser = office(app)
    make_user("Ana Ruiz", roles=("moderator",))
    make_user("Bo Lund", plan=make_plan())
    make_entitlement(make_user("Cy Past"), make_plan(), ends_at=ago(1), starts_at=ago(2))
    staff, members = (text_of(browser.get(f"/publisher/people?show={show}")) for show in ("staff", "members"))
    assert ("Ana Ruiz" in staff, "Bo Lund" in staff) == (True, False)
    assert ("Ana Ruiz" in members, "Bo Lund" in members, "Cy Past" in members) == (False, True, False)


def test_the_list_goes_on_where_it_stopped(app: Flask) -> None:
    browser = office(app)
    names = [f"Colleague {first}{second}" for first in "abcdefgh" for second in "mnpqrstu"][:60]
    for name in names:
        make_user(name)
    first = browser.get("/publisher/people?q=colleague")
    link = first.get_data(as_text=True).split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = browser.get(link)
    shown = [[name for name in names if name in text_of(page)] for page in (first, second)]
    assert shown == [names[:50], names[50:]]
    assert 'rel="next"' not in second.get_data(as_text=True)


def test_a_list_of_people_asks_the_same_number_of_questions_whatever_its_length(app: Flask) -> None:
    browser = office(app)
    person = make_user(plan=make_plan(), roles=("author",))
    browser.get("/publisher/people")
    with statements() as few:
        browser.get("/publisher/people")
    with statements() as one:
        browser.get(f"/publisher/people/{person.id}")
    for _ in range(8):
        make_user(plan=make_plan(), roles=("author", "moderator"))
        make_payment(person, 490)
        make_entitlement(person, make_plan())
    with statements() as many:
        browser.get("/publisher/people")
    with statements() as full:
        browser.get(f"/publisher/people/{person.id}")
    assert len(few) == len(many) <= 6
    assert len(one) == len(full) <= 8


def test_roles_are_given_and_taken(app: Flask) -> None:
    browser = office(app)
    politics, world = make_section("Politics"), make_section("World")
    person = make_user("Ana Ruiz")
    answer = set_roles(browser, person, "author", "moderator", sections=(world.id,))
    assert answer.status_code == 303
    assert roles_of(person) == {"author", "moderator"}
    limits = select(ModeratedSection.section_id).where(ModeratedSection.user_id == person.id)
    assert list(db.session().scalars(limits)) == [world.id]
    page = browser.get(f"/publisher/people/{person.id}").get_data(as_text=True)
    assert page.count(" checked>") == 3
    assert set_roles(browser, person, "author", sections=(politics.id,)).status_code == 303
    assert roles_of(person) == {"author"}
    assert list(db.session().scalars(limits)) == []


@pytest.mark.parametrize("sections", [(9999,), ("abc",), ("",)])
def test_a_limit_to_what_is_no_section_is_no_leave_for_all_of_them(app: Flask, sections: tuple[int | str, ...]) -> None:
    browser, person, world = office(app), make_user("Ana Ruiz"), make_section("World")
    for chosen in (sections, (world.id, *sections)):
        answer = set_roles(browser, person, "moderator", sections=chosen)
        assert (answer.status_code, roles_of(person)) == (422, set())
        assert "One of these sections is not there any more" in answer.get_data(as_text=True)


def test_who_leads_everywhere_is_not_given_sections(app: Flask) -> None:
    browser, person, world = office(app), make_user("Ana Ruiz"), make_section("World")
    answer = set_roles(browser, person, "lead", sections=(world.id,))
    assert (answer.status_code, roles_of(person)) == (422, set())
    assert answer.get_data(as_text=True).count(" checked>") == 2
    assert set_roles(browser, person, "lead", "moderator", sections=(world.id,)).status_code == 303


def test_a_new_moderator_comes_in_with_the_next_click(app: Flask) -> None:
    browser = office(app)
    person = make_user("Ana Ruiz")
    theirs = Browser(app).sign_in(person)
    assert theirs.get("/publisher").status_code == 403
    set_roles(browser, person, "publisher")
    assert theirs.get("/publisher").status_code == 200


def test_the_last_publisher_cannot_lose_the_role(app: Flask) -> None:
    make_site()
    only, browser = publisher_browser(app)
    answer = set_roles(browser, only, "editor")
    assert answer.status_code == 422
    assert "This is the only publisher." in text_of(answer)
    assert roles_of(only) == {"publisher"}


def test_nobody_takes_the_publishers_role_from_themselves(app: Flask) -> None:
    make_site()
    me, browser = publisher_browser(app)
    other = make_user("Uwe Herausgeber", roles=("publisher",))
    answer = set_roles(browser, me)
    assert answer.status_code == 422
    assert "Another publisher can." in text_of(answer)
    assert set_roles(browser, other).status_code == 303
    assert (roles_of(me), roles_of(other)) == ({"publisher"}, set())


def test_two_publishers_who_remove_each_other_at_once_leave_one(app: Flask) -> None:
    make_site()
    one, first = publisher_browser(app, "Pia Verleger")
    two, second = publisher_browser(app, "Uwe Herausgeber")
    seen = [hidden(browser.get(f"/publisher/people/{who.id}")) for browser, who in ((first, two), (second, one))]
    answers = at_once(
        app, lambda: set_roles(first, two, seen=seen[0]), lambda: set_roles(second, one, seen=seen[1])
    )
    assert sorted(answer.status_code for answer in answers) in ([303, 403], [303, 422])
    assert sorted((roles_of(one), roles_of(two)), key=len) == [set(), {"publisher"}]


def test_two_publishers_who_set_one_persons_roles_at_once_lose_nothing_in_silence(app: Flask) -> None:
    make_site()
    first = publisher_browser(app, "Pia Verleger")[1]
    second = publisher_browser(app, "Uwe Herausgeber")[1]
    person = make_user("Ana Ruiz")
    seen = hidden(first.get(f"/publisher/people/{person.id}"))
    answers = at_once(
        app, lambda: set_roles(first, person, "author", seen=seen), lambda: set_roles(second, person, "moderator", seen=seen)
    )
    assert sorted(answer.status_code for answer in answers) == [303, 422]
    assert roles_of(person) in ({"author"}, {"moderator"})
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert "This is saved now" in text_of(refused)


def test_an_unconfirmed_person_gets_no_role(app: Flask) -> None:
    browser = office(app)
    person = make_user("Ana Ruiz", confirmed=False)
    answer = set_roles(browser, person, "moderator")
    assert answer.status_code == 422
    assert "has not confirmed" in text_of(answer)
    assert answer.get_data(as_text=True).count(" checked>") == 1
    assert roles_of(person) == set()


def test_roles_that_do_not_exist_are_refused(app: Flask) -> None:
    browser = office(app)
    person = make_user("Ana Ruiz")
    assert set_roles(browser, person, "owner").status_code == 422
    assert roles_of(person) == set()


def test_who_is_no_publisher_any_more_sets_nothing() -> None:
    refusal = may_set_roles(1, 2, before=frozenset(), after=frozenset({"author"}), publishers=frozenset({3}), confirmed=True)
    assert refusal == "You are not a publisher any more."


def test_a_membership_is_given_moved_and_withdrawn(app: Flask) -> None:
    browser = office(app)
    make_plan()
    person = make_user("Ana Ruiz")
    told: list[int] = []

    def note(_sender: object, user_id: int) -> None:
        told.append(user_id)

    with membership_changed_signal.connected_to(note):
        day = (clock.now() + timedelta(days=10)).date()
        path = f"/publisher/people/{person.id}/membership"
        assert browser.post(path, {"plan": "vip", "last_day": day.isoformat()}).status_code == 303
        rows = select(Entitlement).where(Entitlement.user_id == person.id).execution_options(populate_existing=True)
        given = db.session().scalars(rows).one()
        assert given.source == "complimentary"
        assert given.ends_at is not None
        assert given.ends_at.isoformat() == f"{day + timedelta(days=1)}T00:00:00+00:00"
        assert browser.post(path, {"plan": "vip", "last_day": ""}).status_code == 303
        assert db.session().scalars(rows).one().ends_at is None
        assert "without end" in text_of(browser.get(f"/publisher/people/{person.id}"))
        assert Browser(app).sign_in(person).get("/account").status_code == 200
        assert browser.post(f"{path}/{given.id}/withdraw").status_code == 303
        assert fresh(given).ends_at <= clock.now()
        assert browser.post(path, {"plan": "vip"}).status_code == 303
        assert len(db.session().scalars(rows).all()) == 2
    assert told == [person.id] * 4
    spans = db.session().scalars(select(Membership.ended_at).where(Membership.user_id == person.id).order_by(Membership.id))
    assert [ended is None for ended in spans] == [False, True]


def test_the_membership_ends_with_the_last_day_of_its_gift(app: Flask) -> None:
    browser = office(app)
    make_plan()
    person = make_user("Ana Ruiz")
    path = f"/publisher/people/{person.id}/membership"
    browser.post(path, {"plan": "vip", "last_day": clock.now().date().isoformat()})
    browser.post(path, {"plan": "vip", "last_day": (clock.now() + timedelta(days=3)).date().isoformat()})
    ended = select(Membership.ended_at).where(Membership.user_id == person.id)
    try:
        clock.shift(timedelta(days=2))
        run_all()
        assert list(db.session().scalars(ended)) == [None]
        clock.shift(timedelta(days=5))
        run_all()
        db.session().rollback()
        assert [at is not None for at in db.session().scalars(ended)] == [True]
    finally:
        clock.shift(timedelta())


def test_a_gift_needs_a_plan_on_sale_and_a_day_to_come(app: Flask) -> None:
    browser = office(app)
    make_plan()
    person = make_user("Ana Ruiz")
    path = f"/publisher/people/{person.id}/membership"
    for fields, sentence in (
        ({"plan": "gold", "last_day": ""}, "Please choose a plan."),
        ({"plan": "vip", "last_day": "2001-01-01"}, "This day is over already."),
        ({"plan": "vip", "last_day": "9999-12-31"}, "This is very far away."),
        ({"plan": "vip", "last_day": "soon"}, "Please give a day such as 2030-01-31."),
    ):
        answer = browser.post(path, fields)
        assert answer.status_code == 422
        assert sentence in text_of(answer)
        assert fields["last_day"] in answer.get_data(as_text=True)
    assert db.session().scalar(select(Entitlement.id)) is None


def test_two_publishers_giving_at_once_give_one_membership(app: Flask) -> None:
    make_site()
    make_plan()
    person = make_user("Ana Ruiz")
    path = f"/publisher/people/{person.id}/membership"
    browsers = [publisher_browser(app, name)[1] for name in ("Pia Verleger", "Uwe Herausgeber")]
    answers = at_once(app, *(lambda browser=browser: browser.post(path, {"plan": "vip"}) for browser in browsers))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(db.session().scalars(select(Entitlement.id).where(Entitlement.user_id == person.id)).all()) == 1


def test_what_was_paid_for_is_not_withdrawn_here(app: Flask) -> None:
    browser = office(app)
    person, other = make_user("Ana Ruiz"), make_user("Bo Lund")
    paid = make_entitlement(person, make_plan(), source="stripe")
    gift = make_entitlement(other, make_plan())
    for each in (paid, gift):
        assert browser.post(f"/publisher/people/{person.id}/membership/{each.id}/withdraw").status_code == 404
        assert fresh(each).ends_at is None
    assert "Withdraw" not in text_of(browser.get(f"/publisher/people/{person.id}"))


def test_a_persons_payments_are_shown_with_what_went_back(app: Flask) -> None:
    browser = office(app)
    person = make_user("Ana Ruiz")
    payment = make_payment(person, 4900, refunded=900)
    words = text_of(browser.get(f"/publisher/people/{person.id}"))
    assert f"{payment.number} $49.00 $9.00" in words
    assert "No payment has arrived" in text_of(browser.get(f"/publisher/people/{make_user().id}"))


def test_somebody_who_left_is_not_found(app: Flask) -> None:
    browser = office(app)
    gone = make_user("Left Long", deleted_at=clock.now())
    assert browser.get(f"/publisher/people/{gone.id}").status_code == 404
    assert browser.post(f"/publisher/people/{gone.id}/roles", {"roles": ["author"]}).status_code == 404
