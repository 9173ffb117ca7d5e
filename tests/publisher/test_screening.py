"""What the publisher sets about the screening, tries first, and sees afterwards."""

import io
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation.ledger import verify
from core.db import db, transaction
from models.moderation import ModerationAction
from models.screening import ScreeningList, ScreeningListVersion, ScreeningSetup
from tests.browser import Browser
from tests.factories import make_rule, make_section, make_site, make_user
from tests.publisher.rows import at_once, hidden, office
from tests.threads.screens import findings_of, make_list
from tests.threads.talk import change, comment, make_member, make_talk, say

AT = "/publisher/screening"
PAGES = (
    AT, f"{AT}/lists", f"{AT}/lists/new/words", f"{AT}/lists/1", f"{AT}/lists/1/export", f"{AT}/test", f"{AT}/nudge",
    f"{AT}/classifier", f"{AT}/services", f"{AT}/services/1", f"{AT}/history",
)  # fmt: skip
ACTIONS = (
    AT, f"{AT}/lists/new/words", f"{AT}/lists/1", f"{AT}/lists/1/put-back", f"{AT}/test", f"{AT}/nudge", f"{AT}/history",
    f"{AT}/classifier/1", f"{AT}/services", f"{AT}/services/1", f"{AT}/services/1/secret", f"{AT}/services/1/test",
)  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("roles", [(), ("author",), ("moderator",), ("editor",)])
def test_nobody_but_a_publisher_comes_in(app: Flask, roles: tuple[str, ...]) -> None:
    make_site()
    browser = Browser(app).sign_in(make_user(roles=roles))
    assert {path: browser.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 403)
    assert {path: browser.post(path).status_code for path in ACTIONS} == dict.fromkeys(ACTIONS, 403)


def test_every_page_and_action_is_listed_above(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("screening.")]
    for method, paths in (("GET", PAGES), ("POST", ACTIONS)):
        known = {re.sub(r"<[^>]*>", "*", rule.rule) for rule in rules if method in (rule.methods or ())}
        assert known == {re.sub(r"/(\d+|words)(?=/|$)", "/*", path) for path in paths}


def test_every_page_of_a_fresh_install_opens_and_says_what_there_is_not(app: Flask) -> None:
    browser = office(app)
    for path in (AT, f"{AT}/lists", f"{AT}/test", f"{AT}/nudge", f"{AT}/classifier", f"{AT}/services", f"{AT}/history"):
        assert browser.get(path).status_code == 200, path
    assert "A fresh install comes without" in browser.get(f"{AT}/classifier").get_data(as_text=True)


def typed(browser: Browser, path: str = AT, **values: str) -> dict[str, str]:
    """The form of a page as it stands, with some fields typed over."""
    page = browser.get(path).get_data(as_text=True)
    fields = {"seen": hidden(browser.get(path))}
    for name, body in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(r'<option value="([^"]*)"', body)
        fields[name] = chosen[1] if chosen else ""
    return fields | {name.replace("__", "-"): value for name, value in values.items()}


def test_severities_and_numbers_are_kept_as_versions_with_who_and_what(app: Flask) -> None:
    browser = office(app)
    form = typed(browser, **{"severity-personal.phone": "note", "number-most_links": "2"})
    assert browser.post(AT, form).status_code == 303
    row = db.session().scalar(select(ScreeningSetup))
    assert row is not None
    assert row.settings == {"severities": {"personal.phone": "note"}, "sections": {}, "numbers": {"most_links": 2}}
    assert row.changed == "Telephone numbers: hold for a person → note it. Links at most: 5 → 2."
    assert "Telephone numbers: hold for a person → note it." in browser.get(f"{AT}/history").get_data(as_text=True)
    entry = db.session().scalar(select(ModerationAction).where(ModerationAction.subject == "screening:settings"))
    assert entry is not None
    assert '"most_links":2' in (entry.after or "")
    assert verify(db.session()).problem == ""
    assert findings_of(say(make_talk(), make_member(), "Call +44 20 7946 0958 tonight."))["personal.phone"] == "note"


@pytest.mark.once
@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [("severity-newcomer", "reject", "offered severities"), ("severity-newcomer", "", "offered severities"),
     ("number-most_links", "0", "from 1 to 50"), ("number-most_links", "many", "from 1 to 50"),
     ("number-most_links", "9" * 40, "from 1 to 50")],
)  # fmt: skip
def test_what_cannot_be_set_is_told_and_keeps_what_was_typed(app: Flask, field: str, value: str, sentence: str) -> None:
    browser = office(app)
    answer = browser.post(AT, typed(browser, **{"severity-personal.phone": "report", field: value}))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in page
    assert re.search(r'name="severity-personal.phone".*?value="report" selected', page, re.S)
    assert db.session().scalar(select(ScreeningSetup)) is None


def test_whoever_saves_over_a_change_is_told(app: Flask) -> None:
    browser = office(app)
    form = typed(browser, **{"severity-newcomer": "hold"})
    assert browser.post(AT, typed(browser, **{"severity-newcomer": "off"})).status_code == 303
    answer = browser.post(AT, form)
    assert answer.status_code == 409
    assert "Somebody else changed this meanwhile" in answer.get_data(as_text=True)


def test_a_section_inherits_what_it_does_not_set(app: Flask) -> None:
    browser = office(app)
    section = make_section("Sport")
    make_list("Insults", "blork", "hold")
    path = f"{AT}?section={section.id}"
    form = typed(browser, path, section=str(section.id), **{"severity-list:1": "note", "severity-newcomer": "off"})
    assert browser.post(AT, form).status_code == 303
    row = db.session().scalar(select(ScreeningSetup))
    assert row is not None
    assert row.settings["sections"] == {str(section.id): {"list:1": "note", "newcomer": "off"}}
    assert "In Sport, First comments: as everywhere → off." in row.changed
    assert findings_of(say(make_talk(section=section), make_member(), "A blork.")) == {"list:1": "note"}


def test_a_list_is_made_changed_put_back_exported_and_imported(app: Flask) -> None:
    browser = office(app)
    values: dict[str, Any] = {"name": "Insults", "severity": "hold", "entries": "blork\nsplunge", "sees_through": "1", "active": "1"}
    assert browser.post(f"{AT}/lists/new/words", values).status_code == 303
    more = values | {"entries": "blork\nwazzock", "seen": "1", "file": (io.BytesIO("nöff\n# note\n".encode()), "more.txt")}
    assert browser.post(f"{AT}/lists/1", more).status_code == 303
    assert listed() == (2, "blork\nwazzock\nnöff\n# note")
    assert browser.get(f"{AT}/lists/1/export").get_data(as_text=True) == "blork\nwazzock\nnöff\n# note\n"
    answer = browser.get(f"{AT}/lists/1/export?number=1")
    assert answer.get_data(as_text=True) == "blork\nsplunge\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="insults-1.txt"'
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert browser.post(f"{AT}/lists/1/put-back", {"number": "1", "seen": "2"}).status_code == 303
    assert listed() == (3, "blork\nsplunge")
    changes = db.session().scalars(select(ScreeningListVersion.changed).order_by(ScreeningListVersion.number)).all()
    assert changes == [
        "Made with 2 entries.", "Added “wazzock”, “nöff”. Removed “splunge”.", "Added “splunge”. Removed “wazzock”, “nöff”.",
    ]  # fmt: skip
    subjects = db.session().scalars(select(ModerationAction.subject).order_by(ModerationAction.id)).all()
    assert subjects == ["screening list:1"] * 3


def listed() -> tuple[int, str]:
    db.session().rollback()
    row = db.session().scalar(select(ScreeningList))
    assert row is not None
    return row.version, row.entries


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        ("words", {"entries": "fine\n*\n"}, "Line 2: “*” has no letters"),
        ("words", {"entries": "x", "severity": "reject"}, "stands for a rule of the conversation"),
        ("words", {"entries": "x", "name": ""}, "give the list a name"),
        ("domains", {"entries": "https://a.example/x\nno domain"}, "Line 2: “no domain” is not the name of a domain"),
        ("mails", {"entries": "x y@b"}, "is not an e-mail address"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_work_is_told_line_by_line(app: Flask, kind: str, values: dict[str, str], sentence: str) -> None:
    browser = office(app)
    answer = browser.post(f"{AT}/lists/new/{kind}", {"name": "L", "severity": "hold", "active": "1"} | values)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in page
    assert values["entries"].split("\n")[0] in page
    assert db.session().scalar(select(ScreeningList)) is None


def test_of_two_who_change_a_list_at_once_one_is_told(app: Flask) -> None:
    from blueprints.publisher.screening import ListValues, change_list

    person = make_user(roles=("publisher",)).id
    make_list("Insults", "blork")

    def save(entries: str) -> str:
        values = ListValues("Insults", "words", "hold", True, True, None, True, entries)
        with transaction() as session:
            return change_list(session, 1, values, seen=1, actor_id=person)

    answers = at_once(app, lambda: save("one"), lambda: save("two"))
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "str"]
    assert listed()[0] == 2


def test_a_change_is_tried_on_the_last_days_first(app: Flask) -> None:
    browser, article = office(app), make_talk()
    ann, bob = make_member("Ann Trial"), make_member("Bob Trial")
    bad = [say(article, ann, f"A bl0rk it is, number {number}.") for number in range(3)]
    good = say(article, bob, "My blork is a kind of cheese, <i>really</i>.")
    say(article, bob, "Nothing of the sort here.")
    for one in bad:
        change(one, "rejected")
    answer = browser.post(f"{AT}/lists/new/words", {
        "name": "Insults", "severity": "hold", "entries": "blork", "sees_through": "1", "active": "1", "try": "1",
    })  # fmt: skip
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "5 comments looked at" in page
    figures = re.findall(r'figures__n">([^<]*)</p>', page)
    assert figures == ["4", "0", "0 → 4", "75 %"]
    assert "My <mark>blork</mark> is a kind of cheese, &lt;i&gt;really&lt;/i&gt;." in page
    assert "<bdi>Ann Trial</bdi></a>: 3" in page
    assert f'/moderation/comments/{good}"' in page
    assert db.session().scalar(select(ScreeningList)) is None
    assert comment(good).status == "published"


def test_a_milder_rule_shows_what_it_would_have_let_through(app: Flask) -> None:
    browser, article = office(app), make_talk()
    say(article, make_member(), "Write to ann@example.com now.")
    answer = browser.post(AT, typed(browser, **{"severity-personal.mail": "off", "try": "1"}))
    figures = re.findall(r'figures__n">([^<]*)</p>', answer.get_data(as_text=True))
    assert figures == ["0", "1", "1 → 0", "–"]


def test_a_text_is_tested_with_every_check_and_its_passages(app: Flask) -> None:
    browser = office(app)
    rule = make_rule("hate", "No hatred", "Attack ideas.")
    make_list("Slurs", "blork", "reject", rule_id=rule.id)
    answer = browser.post(f"{AT}/test", {"text": "A bl0rk. <b>Call</b> +44 20 7946 0958", "author": "newcomer"})
    page = answer.get_data(as_text=True)
    assert "Rejected, with a statement of reasons" in page
    assert "A <mark>bl0rk</mark>. &lt;b&gt;Call&lt;/b&gt; <mark>+44 20 7946 0958</mark>" in page
    assert "This is the author&#39;s first comment here." in page
    assert page.count('<td class="muted" colspan="2">Nothing</td>') == 9
    assert browser.post(f"{AT}/test", {"text": "  "}).status_code == 422


@pytest.mark.once
def test_what_nudging_did_is_shown_beside_the_hold_out_group(app: Flask) -> None:
    browser = office(app)
    make_list("Harsh", "blork", "nudge")
    article = make_talk()
    assert browser.post(f"{AT}/nudge", {"number-hold_out_percent": "50"}).status_code == 303
    for number in range(8):
        person = make_member()
        if say(article, person, f"Blork {number}.") == 0:
            say(article, person, f"Blork {number}." if number % 2 else f"Well, {number}.")
    page = browser.get(f"{AT}/nudge").get_data(as_text=True)
    assert "Too few to tell a difference yet" in page
    rows = dict(re.findall(r'<th scope="row">([^<]*)</th><td class="num">(\d+)', page))
    assert int(rows["Changed, then posted"]) + int(rows["Posted as they were"]) == int(rows["Words that a rule would ask about"])
    assert browser.post(f"{AT}/nudge", {"number-hold_out_percent": "99"}).status_code == 422


def test_settings_go_back_to_a_former_version_or_to_how_they_came(app: Flask) -> None:
    browser = office(app)
    for severity in ("hold", "off"):
        assert browser.post(AT, typed(browser, **{"severity-newcomer": severity})).status_code == 303
    assert browser.post(f"{AT}/history", {"number": "1", "seen": "2"}).status_code == 303
    assert browser.post(f"{AT}/history", {"number": "0", "seen": "2"}).status_code == 409
    assert browser.post(f"{AT}/history", {"number": "0", "seen": "3"}).status_code == 303
    rows = db.session().scalars(select(ScreeningSetup).order_by(ScreeningSetup.id)).all()
    assert [row.settings["severities"] for row in rows] == [{"newcomer": "hold"}, {"newcomer": "off"}, {"newcomer": "hold"}, {}]
    assert browser.post(f"{AT}/history", {"number": "77", "seen": "4"}).status_code == 404


def test_a_list_that_somebody_changed_is_put_back_with_all_they_did(app: Flask) -> None:
    from blueprints.moderation.settings_back import take_back_setting
    from core.recording import acting

    browser, pat = office(app), make_user(roles=("publisher",)).id
    values = {"name": "Insults", "severity": "hold", "entries": "blork", "sees_through": "1", "active": "1"}
    assert browser.post(f"{AT}/lists/new/words", values).status_code == 303
    assert browser.post(f"{AT}/lists/1", values | {"entries": "", "seen": "1"}).status_code == 303
    assert comment(say(make_talk(), make_member(), "A blork.")).status == "published"
    with transaction() as session, acting(pat):
        row = session.scalar(select(ModerationAction).order_by(ModerationAction.id.desc()).limit(1))
        take_back_setting(session, row)  # type: ignore[arg-type]
    assert listed() == (1, "blork")
    assert comment(say(make_talk(), make_member(), "A blork.")).status == "withheld"
    assert browser.post(f"{AT}/lists/1", values | {"entries": "wazzock", "seen": "1"}).status_code == 303
    assert listed() == (3, "wazzock")
