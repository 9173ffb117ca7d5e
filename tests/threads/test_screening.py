"""What each check says of a comment, and what follows."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.moderation import spam
from blueprints.moderation.ledger import verify
from blueprints.moderation.service import reject_comment
from blueprints.threads import queries_screening, screened, screening
from blueprints.threads.screening.identity import identities_in
from blueprints.threads.screening.shapes import keys_of, likeness, pairs_of
from core.db import db, transaction
from jobs import worker
from models.moderation import ModerationAction, StatementOfReasons
from models.screening import CommentShape
from models.thread import Report
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_rule, make_section, make_user
from tests.threads.screens import finding, findings_of, make_list, set_up
from tests.threads.talk import as_viewer, change, comment, facts, make_member, make_talk, say

LONG = "The ministry knew in March what it told nobody before June and that is the whole scandal of this affair"


@pytest.fixture
def old(app: Flask) -> User:
    """Somebody who has said enough to be nobody new."""
    person, before = make_member(), make_talk()
    for _ in range(3):
        say(before, person)
    return person


LINKS_ARE_READ = "While you are new here, a comment with a link is read by a person before it appears."
ALL_ARE_READ = "While you are new here, your comments are read by a person before they appear."


def told(app: Flask, person: User | None, path: str) -> str:
    """What that page's composer says of first comments."""
    browser = Browser(app).sign_in(person) if person else Browser(app)
    words = text_of(browser.get(path))
    return "".join(sentence for sentence in (LINKS_ARE_READ, ALL_ARE_READ) if sentence in words)


def test_who_is_new_reads_before_writing_what_happens_to_a_link(app: Flask, old: User) -> None:
    new, talk = make_member(), make_talk()
    path, reply = f"/articles/{talk.slug}", f"/comments/{say(talk, old)}/reply"
    for page in (path, reply):
        assert told(app, new, page) == LINKS_ARE_READ
        for other in (old, make_user(roles=("moderator",)), make_user(), None):
            assert told(app, other, page) == ""
    for _ in range(3):
        say(make_talk(), new)
    assert told(app, new, path) == told(app, new, reply) == ""


def test_what_a_newcomer_reads_before_writing_is_what_the_publisher_set(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screened, "FRESH_FOR", 0)
    new, old, section = make_member(), make_member(), make_section()
    say(make_talk(), old)
    here, there = make_talk(), make_talk(section=section)
    pages = [f"/articles/{here.slug}", f"/articles/{there.slug}", f"/comments/{say(here, old)}/reply"]
    set_up(severities={"links.first": "note"}, sections={str(section.id): {"links.first": "hold"}})
    assert [told(app, new, page) for page in pages] == ["", LINKS_ARE_READ, ""]
    set_up(severities={"newcomer": "hold"}, numbers={"first_comments": 2})
    assert [told(app, new, page) for page in pages] == [ALL_ARE_READ] * 3
    assert [told(app, old, page) for page in pages] == [""] * 3
    read_first = make_talk(thread_values={"premoderated": True})
    assert told(app, new, f"/articles/{read_first.slug}") == ""


@pytest.mark.parametrize(
    ("severity", "status"), [("note", "published"), ("report", "published"), ("hold", "withheld")]
)
def test_a_listed_word_does_what_its_list_says_and_names_version_and_place(
    old: User, severity: str, status: str
) -> None:
    row = make_list("Insults", "blork", severity)
    one = say(make_talk(), old, "What a bl0rk he is.")
    assert comment(one).status == status
    found = finding(one, f"list:{row.id}")
    assert (found.check, found.severity, found.rule_version, found.passages) == ("words", severity, 1, "7-12")
    reports = db.session().scalars(select(Report.reporter_key).where(Report.comment_id == one)).all()
    assert reports == (["screening"] if severity == "report" else [])


def test_a_list_that_rejects_does_so_under_its_rule_on_record_with_reasons(old: User) -> None:
    rule_id = make_rule("hate", "No hatred", "Attack ideas, not people.").id
    make_list("Slurs", "blork", "reject", rule_id=rule_id)
    one = say(make_talk(), old, "What a blork he is.")
    assert comment(one).status == "withheld"  # nobody reads it meanwhile
    worker.run_all()
    db.session.remove()
    assert comment(one).status == "rejected"
    entry = db.session().scalar(select(ModerationAction).where(ModerationAction.comment_id == one))
    assert entry is not None
    assert (entry.action, entry.actor_id, entry.rule_id) == ("reject", None, rule_id)
    told = db.session().scalar(select(StatementOfReasons).where(StatementOfReasons.comment_id == one))
    assert told is not None
    assert told.automated
    assert "A program decided this" in told.text
    assert verify(db.session()).problem == ""


def test_a_decision_that_came_first_is_not_undone_by_the_program(old: User) -> None:
    rule = make_rule("hate", "No hatred", "Attack ideas, not people.")
    make_list("Slurs", "blork", "reject", rule_id=rule.id)
    one = say(make_talk(), old, "What a blork he is.")
    change(one, "published")
    worker.run_all()
    assert comment(one).status == "published"


def test_a_section_can_be_stricter_or_milder_than_the_rest(old: User) -> None:
    lax = make_section("Sport")
    row = make_list("Insults", "blork", "hold")
    set_up(sections={str(lax.id): {f"list:{row.id}": "note", "personal.mail": "off"}})
    here, there = make_talk(), make_talk(section=lax)
    assert comment(say(here, old, "What a blork.")).status == "withheld"
    assert comment(say(there, old, "What a blork, write to ann@example.com.")).status == "published"


def test_a_change_counts_from_the_next_comment_on_and_is_named_in_the_findings(old: User) -> None:
    article = make_talk()
    assert comment(say(article, old, "Write to ann@example.com now.")).status == "withheld"
    set_up(severities={"personal.mail": "note"})
    one = say(article, old, "Write to bob@example.com then.")
    assert comment(one).status == "published"
    found = finding(one, "personal.mail")
    assert found.setup_id == 1
    assert found.passages == "9-24"


def test_domains_are_held_with_all_below_them_and_trusted_ones_are_no_links(app: Flask) -> None:
    new = make_member()
    make_list("Watched", "bad.example\n", "hold", "domains")
    make_list("Trusted", "gov.example", "note", "trusted")
    article = make_talk()
    assert "links.first" not in findings_of(say(article, new, "See https://stats.gov.example/births for it."))
    one = say(article, new, "See https://www.shop.bad.example/x?y=1 and https://notbad.example for it.")
    assert {"links.first", "list:1"} <= set(findings_of(one))
    assert finding(one, "list:1").passages == "4-38"


def test_near_repeats_are_found_whoever_posts_them(old: User) -> None:
    others = [make_member() for _ in range(3)]
    first = say(make_talk(), others[0], LONG)
    second = say(make_talk(), others[1], LONG + ", friends")
    assert "repeats.once" not in findings_of(first)
    assert findings_of(second)["repeats.once"] == "note"
    say(make_talk(), others[2], LONG.replace("scandal", "story") + " indeed")
    last = say(make_talk(), old, LONG.replace("June", "July"))
    assert findings_of(last)["repeats.many"] == "hold"
    assert comment(last).status == "withheld"
    quoting = say(make_talk(), old, f"> {LONG}\n\nThis is well said, and I have nothing to add to it but my thanks to you all.")
    assert not {"repeats.once", "repeats.many"} & set(findings_of(quoting))


def test_an_edit_is_no_repeat_of_itself(old: User) -> None:
    from blueprints.threads.service import edit_comment

    one = say(make_talk(), old, LONG)
    viewer = as_viewer(old)
    for words in (LONG + " indeed", LONG + " after all"):
        with transaction() as session:
            edit_comment(session, viewer, one, words)
    assert findings_of(one) == {}
    assert db.session().query(CommentShape).count() >= 4


def test_shapes_are_forgotten_after_a_week(old: User) -> None:
    from datetime import timedelta

    from core import clock

    say(make_talk(), old, LONG)
    with transaction() as session:
        assert queries_screening.forget_shapes(session, clock.now() - timedelta(days=7)) == 0
        assert queries_screening.forget_shapes(session, clock.now() + timedelta(seconds=1)) == 4


def test_texts_that_share_most_pairs_share_a_key() -> None:
    pairs = pairs_of(LONG)
    changed = pairs_of(LONG.replace("whole", "entire"))
    assert likeness(pairs, changed) > 0.7
    assert set(keys_of(pairs)) & set(keys_of(changed))
    assert pairs_of("Too short to be compared with anything.") == set()
    assert likeness(pairs, pairs_of("Something quite different was said in the house about the budget of the coming year today")) == 0


def test_a_record_of_rejections_counts_only_from_enough_decisions_on(old: User) -> None:
    article = make_talk()
    ids = [say(article, old) for _ in range(2)]
    for one in ids:
        change(one, "rejected")
    assert findings_of(say(article, old))["record"] == "hold"  # 2 of 5 decided
    new = make_member()
    first = say(article, new)
    change(first, "rejected")
    assert "record" not in findings_of(say(article, new))  # 1 of 1 says nothing


def test_many_comments_in_a_short_time_are_noted(old: User) -> None:
    article = make_talk()
    for _ in range(5):
        say(article, old)
    assert findings_of(say(article, old)) == {"flood": "note"}


def test_addresses_of_authors_can_be_watched(app: Flask) -> None:
    make_list("Throw-away", "mailinator.example\nfred@mail.example", "hold", "mails")
    article = make_talk()
    for address, held in (("x@eu.mailinator.example", True), ("Fred+news@mail.example", True), ("ann@mail.example", False)):
        one = say(article, make_member(email=address))
        assert (comment(one).status == "withheld") is held, address


def test_links_of_spam_are_known_again_until_it_is_put_back(old: User) -> None:
    rule = make_rule("spam", "No advertising", "This is no market.")
    moderator, article = make_user(roles=("moderator",)), make_talk()
    one = say(article, old, "Buy at https://pills.example/cheap/?id=7 today")
    with transaction() as session:
        reject_comment(session, comment_id=one, revision=1, actor_id=moderator.id, rule_id=rule.id)
    with transaction() as session:
        assert spam.learn(session) == (1, 0)
    two = say(article, old, "Look: https://pills.example/cheap?id=99 !")
    assert findings_of(two) == {"links.spam": "hold"}
    assert findings_of(say(article, old, "Look: https://pills.example/other !")) == {}
    change(one, "published")
    with transaction() as session:
        assert spam.learn(session) == (0, 1)
    assert findings_of(say(article, old, "Again: https://pills.example/cheap !")) == {}


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("Pay to GB82 WEST 1234 5698 7654 32 please", "personal.identity"),
        ("Pay to DE89370400440532013000 please", "personal.identity"),
        ("Pay to DE89370400440532013001 please", None),  # its check digits are wrong
        ("His SSN is 536-90-4399, imagine", "personal.identity"),
        ("The range 666-12-3456 is not given out", None),
        ("NHS number 943 476 5919 is hers", "personal.identity"),
        ("NHS number 943 476 5918 is hers", None),
        ("Numéro 1 84 12 76 451 089 46 voilà", "personal.identity"),
        ("Su DNI es 12345678Z, creo", "personal.identity"),
        ("Su DNI es 12345678A, creo", None),
        ("Il codice RSSMRA85T10A562S è suo", "personal.identity"),
        ("PESEL 44051401359 jest jego", "personal.identity"),
        ("Steuer-ID 86095742719 steht da", "personal.identity"),
        ("BSN 111222333 is van hem", "personal.identity"),
        ("The budget of 111222333 in 44051401359 steps", None),
        ("Call (212) 555-0187 now", "personal.phone"),
        ("She lives at 12 Acacia Avenue, London SW1A 1AA", "personal.address"),
        ("Er wohnt in der Lindenstraße 12, 10969 Berlin", "personal.address"),
        ("Il habite 12 rue de la Paix, 75002 Paris", "personal.address"),
        ("The press waits in front of 10 Downing Street", None),
        ("4111 1111 1111 1111", "personal.card"),
        ("4111 1111 1111 1112", None),
    ],
)  # fmt: skip
def test_personal_data_is_told_from_other_numbers(words: str, rule: str | None) -> None:
    subject = screening.Subject(words, f"<p>{words}</p>", False, 9, 0)
    found = [one.rule for one in screening.screen(screening.CHECKS, subject) if one.rule.startswith("personal")]
    assert found == ([rule] if rule else [])


def test_every_finding_about_words_says_where() -> None:
    words = "CALL ME NOW ABOUT IT ann@example.com or +44 20 7946 0958!!!!!!!!!!!!!!! WHOEVER YOU ARE"
    found = screening.screen(screening.CHECKS, screening.Subject(words, words, False, 9, 0))
    assert {one.rule for one in found} == {"personal.mail", "personal.phone", "noise.capitals", "noise.runs"}
    assert all(one.passages for one in found)
    assert [kind for kind, *_ in identities_in("nothing here, 12345")] == []


def test_two_processes_see_a_change_at_the_same_comment(old: User, app: Flask) -> None:
    """Somebody changes a list while others post: each post goes by one version or the other, and says by which."""
    article, barrier = make_talk(), threading.Barrier(2)
    people, seen = [make_member() for _ in range(6)], []

    def post() -> None:
        with app.app_context():
            viewers = [as_viewer(person) for person in people]
            here = facts(article)
            db.session().rollback()
            barrier.wait()
            from blueprints.threads.service import post_comment

            for number, viewer in enumerate(viewers):
                with transaction() as session:
                    seen.append(post_comment(session, viewer, here, f"A blork, number {number}.").comment_id)
            db.session.remove()

    thread = threading.Thread(target=post)
    thread.start()
    barrier.wait()
    row = make_list("Insults", "blork", "hold")
    thread.join(30)
    db.session().rollback()
    assert len(seen) == 6
    held = [f"list:{row.id}" in findings_of(one) for one in seen]
    assert held == sorted(held)  # once it counts, it counts
    assert comment(say(article, old, "Another blork, later.")).status == "withheld"
