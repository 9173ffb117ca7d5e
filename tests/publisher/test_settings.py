"""Site, sections, rules and plans: what is saved is what readers see, and nothing typed is lost."""

from flask import Flask
from sqlalchemy import select

from blueprints.moderation import ledger
from blueprints.publisher.policy import audience_choices, audience_label
from core import clock
from core.db import db, transaction
from models.article import Section
from models.membership import Plan, Price
from models.site import Rule, Site
from tests.browser import Browser, text_of
from tests.factories import fresh, make_article, make_plan, make_rule, make_section, make_site, make_user
from tests.publisher.rows import at_once, form_of, hidden, office, publisher_browser, statements


def the_site() -> Site:
    row = db.session().scalar(select(Site).execution_options(populate_existing=True))
    assert row is not None
    return row


def test_a_changed_name_stands_on_the_next_page_for_everybody(app: Flask, client: Browser) -> None:
    make_site()
    article = make_article()
    assert "The Meridian" in text_of(client.get("/"))
    assert "The Meridian" in text_of(client.get(f"/articles/{article.slug}"))
    _, browser = publisher_browser(app)
    version = the_site().version
    fields = form_of(browser.get("/publisher/site")) | {"name": "The New Meridian", "about": "We **began** again."}
    assert browser.post("/publisher/site", fields).status_code == 303
    assert the_site().version > version
    assert the_site().about == "We **began** again."
    assert "The New Meridian" in text_of(client.get("/"))
    assert "The New Meridian" in text_of(client.get(f"/articles/{article.slug}"))


def test_the_form_untouched_changes_nothing_but_the_version(app: Flask) -> None:
    make_site(about="One\n\nTwo", language="de", comment_audience="plans:vip", direction="ltr")
    make_plan("vip")
    make_plan("gold", rank=2)
    _, browser = publisher_browser(app)
    before = {name: getattr(the_site(), name) for name in ("name", "about", "language", "comment_audience", "privacy")}
    assert browser.post("/publisher/site", form_of(browser.get("/publisher/site"))).status_code == 303
    assert {name: getattr(the_site(), name) for name in before} == before


def test_what_cannot_be_taken_is_said_beside_its_field_and_nothing_typed_is_lost(app: Flask) -> None:
    browser = office(app)
    answer = browser.post("/publisher/site", {
        "name": " ", "tagline": "t" * 161, "language": "german", "direction": "up", "read_audience": "friends",
        "comment_audience": "plans:silver", "respect_audience": "", "about": "A text I typed for an hour",
        "privacy": "x" * 40_001, "seen": "",
    })  # fmt: skip
    assert answer.status_code == 422
    words, page = text_of(answer), answer.get_data(as_text=True)
    assert "Please give the paper a name." in words
    assert "It can have at most 160 characters." in words
    assert "Please give a language tag" in words
    assert "There is no plan called silver." in words
    assert words.count("Please choose who this is for.") == 4  # above the form and beside each of two fields
    assert "A text I typed for an hour" in page
    assert "t" * 161 in page
    assert the_site().name == "The Meridian"


def test_an_audience_names_plans_that_exist_lowest_first(app: Flask) -> None:
    browser = office(app)
    make_plan("vip")
    make_plan("gold", "VIP Gold", rank=2)
    fields = form_of(browser.get("/publisher/site")) | {"comment_audience": "plans:gold, vip"}
    assert browser.post("/publisher/site", fields).status_code == 303
    assert the_site().comment_audience == "plans:vip,gold"
    assert "Members of VIP or VIP Gold only" in text_of(browser.get("/publisher/site"))


def test_audiences_are_said_in_words() -> None:
    plans = {"vip": "VIP", "gold": "Gold", "patron": "Patron"}
    assert audience_label("plans:gold", plans) == "Members of Gold only"
    assert audience_label("plans:lost", plans) == "Members of lost only"
    assert audience_label("nonsense", plans) == "Nobody but staff"
    offered = [rule for rule, _ in audience_choices(plans, "plans:vip,patron")]
    assert offered == [
        "everyone", "registered", "members", "plans:gold,patron", "plans:vip", "plans:gold", "plans:patron",
        "plans:vip,patron",
    ]  # fmt: skip


def test_the_first_publisher_sets_up_a_site_that_has_no_row_yet(app: Flask) -> None:
    _, browser = publisher_browser(app)
    fields = form_of(browser.get("/publisher/site")) | {"name": "The Beginning"}
    first = browser.post("/publisher/site", fields)
    assert first.status_code in {303, 422}
    if first.status_code == 422:
        assert browser.post("/publisher/site", form_of(first)).status_code == 303
    assert the_site().name == "The Beginning"


def test_who_saves_over_newer_words_is_shown_them_first(app: Flask) -> None:
    make_site(tagline="Old line")
    one = publisher_browser(app, "Pia Verleger")[1]
    two = publisher_browser(app, "Uwe Herausgeber")[1]
    mine, theirs = form_of(one.get("/publisher/site")), form_of(two.get("/publisher/site"))
    assert two.post("/publisher/site", theirs | {"tagline": "Their line"}).status_code == 303
    answer = one.post("/publisher/site", mine | {"name": "My name"})
    assert answer.status_code == 422
    assert "Somebody else saved this while you were writing." in text_of(answer)
    assert "Line under the name Their line" in text_of(answer)
    assert (the_site().name, the_site().tagline) == ("The Meridian", "Their line")
    again = form_of(answer)
    assert (again["name"], again["tagline"]) == ("My name", "Old line")
    assert one.post("/publisher/site", again | {"tagline": "Their line"}).status_code == 303
    assert (the_site().name, the_site().tagline) == ("My name", "Their line")


def test_two_publishers_saving_the_site_at_once_lose_nothing_in_silence(app: Flask) -> None:
    make_site()
    browsers = [publisher_browser(app, name)[1] for name in ("Pia Verleger", "Uwe Herausgeber")]
    forms = [form_of(browser.get("/publisher/site")) for browser in browsers]
    answers = at_once(app, *(
        lambda browser=browser, form=form, line=line: browser.post("/publisher/site", form | {"tagline": line})
        for browser, form, line in zip(browsers, forms, ("From Pia", "From Uwe"), strict=True)
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [303, 422]
    kept = the_site().tagline
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert kept in text_of(refused)
    assert form_of(refused)["tagline"] in {"From Pia", "From Uwe"} - {kept}


def test_two_publishers_adding_sections_at_once_both_get_theirs(app: Flask) -> None:
    make_site()
    browsers = [publisher_browser(app, name)[1] for name in ("Pia Verleger", "Uwe Herausgeber")]
    names = ("Science", "Sciençe")  # the same address, were they alone
    answers = at_once(app, *(
        lambda browser=browser, name=name: browser.post("/publisher/sections/new", {"name": name})
        for browser, name in zip(browsers, names, strict=True)
    ))  # fmt: skip
    assert [answer.status_code for answer in answers] == [303, 303]
    rows = db.session().execute(select(Section.name, Section.slug, Section.position)).all()
    assert {row.name for row in rows} == set(names)
    assert {row.slug for row in rows} == {"science", "science-2"}
    assert sorted(row.position for row in rows) == [1, 2]


def test_two_publishers_adding_rules_at_once_both_get_theirs(app: Flask) -> None:
    make_site()
    browsers = [publisher_browser(app, name)[1] for name in ("Pia Verleger", "Uwe Herausgeber")]
    answers = at_once(app, *(
        lambda browser=browser: browser.post("/publisher/rules/new", {"title": "Be kind", "text": "Always."})
        for browser in browsers
    ))  # fmt: skip
    assert [answer.status_code for answer in answers] == [303, 303]
    assert set(db.session().scalars(select(Rule.key))) == {"be-kind", "be-kind-2"}


def test_a_section_is_added_renamed_and_given_audiences(app: Flask, client: Browser) -> None:
    browser = office(app)
    answer = browser.post("/publisher/sections/new", {"name": "  News   & Politics ", "description": "All of it.",
                                                      "comment_audience": "registered"})  # fmt: skip
    assert answer.status_code == 303
    section = db.session().scalar(select(Section))
    assert section is not None
    assert (section.name, section.slug, section.comment_audience) == ("News & Politics", "news-politics", "registered")
    assert (section.read_audience, section.respect_audience) == (None, None)
    assert "News & Politics" in text_of(client.get("/"))
    path = f"/publisher/sections/{section.id}"
    assert browser.post(path, form_of(browser.get(path)) | {"name": "Politics"}).status_code == 303
    assert (fresh(section).name, fresh(section).slug) == ("Politics", "news-politics")
    assert "Politics" in text_of(client.get("/sections/news-politics"))
    words = text_of(browser.get("/publisher/sections"))
    assert "Registered readers" in words
    assert "/sections/news-politics" in words


def test_a_section_presets_how_discussions_begin(app: Flask) -> None:
    browser = office(app)
    section = make_section("Letters")
    at = f"/publisher/sections/{section.id}"
    fields = form_of(browser.get(at))
    wanted = {"preset_premoderated": "True", "preset_pace_seconds": "300", "preset_members_first_hours": "24",
              "preset_closes_after_days": "14"}  # fmt: skip
    assert browser.post(at, fields | wanted).status_code == 303
    row = fresh(section)
    assert [getattr(row, name) for name in wanted] == [True, 300, 24, 14]
    assert wanted.items() <= form_of(browser.get(at)).items()
    for name, wrong in (("preset_pace_seconds", "x"), ("preset_closes_after_days", "9999"), ("preset_premoderated", "Perhaps")):
        answer = browser.post(at, form_of(browser.get(at)) | {name: wrong})
        assert (answer.status_code, "Please choose one of these." in text_of(answer)) == (422, True)
    assert browser.post(at, form_of(browser.get(at)) | dict.fromkeys(wanted, "")).status_code == 303
    assert [getattr(fresh(section), name) for name in wanted] == [False, None, None, None]


def test_two_sections_never_have_one_name(app: Flask) -> None:
    browser = office(app)
    make_section("World")
    economy = make_section("Economy")
    answer = browser.post("/publisher/sections/new", {"name": "WORLD", "description": "kept"})
    assert answer.status_code == 422
    assert "There is a section of this name." in text_of(answer)
    assert "kept" in answer.get_data(as_text=True)
    path = f"/publisher/sections/{economy.id}"
    assert browser.post(path, form_of(browser.get(path)) | {"name": "world"}).status_code == 422
    assert browser.post(path, form_of(browser.get(path)) | {"name": "ECONOMY"}).status_code == 303


def test_sections_are_put_in_another_order(app: Flask) -> None:
    browser = office(app)
    first, second, third = make_section("One"), make_section("Two"), make_section("Three")

    def order() -> list[str]:
        return list(db.session().scalars(select(Section.name).order_by(Section.position, Section.id)))

    assert browser.post(f"/publisher/sections/{third.id}/move", {"to": "earlier"}).status_code == 303
    assert order() == ["One", "Three", "Two"]
    browser.post(f"/publisher/sections/{first.id}/move", {"to": "later"})
    assert order() == ["Three", "One", "Two"]
    browser.post(f"/publisher/sections/{second.id}/move", {"to": "later"})
    assert order() == ["Three", "One", "Two"]
    nav = browser.get("/").get_data(as_text=True)
    assert nav.index(">Three<") < nav.index(">One<") < nav.index(">Two<")


def test_a_rule_is_added_reworded_and_switched_off(app: Flask) -> None:
    browser = office(app)
    assert browser.post("/publisher/rules/new", {"title": "", "text": "Only the text"}).status_code == 422
    assert browser.post("/publisher/rules/new", {"title": "Play the ball", "text": "Not the man."}).status_code == 303
    rule = db.session().scalar(select(Rule))
    assert rule is not None
    path = f"/publisher/rules/{rule.id}"
    assert browser.post(path, form_of(browser.get(path)) | {"text": "Not the player."}).status_code == 303
    assert fresh(rule).text == "Not the player."
    browser.post(f"{path}/switch", {"to": "off"})
    assert not fresh(rule).active
    assert "Switched off" in text_of(browser.get("/publisher/rules"))
    browser.post(f"{path}/switch", {"to": "on"})
    assert fresh(rule).active


def test_a_rule_that_a_decision_names_is_never_deleted(app: Flask) -> None:
    browser = office(app)
    used, unused = make_rule("used"), make_rule("unused")
    with transaction() as session:
        ledger.append(session, action="reject", at=clock.now(), actor_id=None, rule_id=used.id)
    answer = browser.post(f"/publisher/rules/{used.id}/delete")
    assert answer.status_code == 422
    assert "You can switch it off." in text_of(answer)
    assert "cannot be deleted" in text_of(browser.get(f"/publisher/rules/{used.id}"))
    assert "Delete this rule" in text_of(browser.get(f"/publisher/rules/{unused.id}"))
    assert browser.post(f"/publisher/rules/{unused.id}/delete").status_code == 303
    assert set(db.session().scalars(select(Rule.key))) == {"used"}


def test_rules_are_put_in_another_order_and_say_who_enforces_them(app: Flask) -> None:
    browser = office(app)
    make_rule("first")
    second = make_rule("second")
    browser.post(f"/publisher/rules/{second.id}/move", {"to": "earlier"})
    assert list(db.session().scalars(select(Rule.key).order_by(Rule.position))) == ["second", "first"]
    seen = hidden(browser.get("/publisher/rules"))
    assert browser.post("/publisher/rules/enforced-by", {"rules_enforced_by": "w" * 301, "seen": seen}).status_code == 422
    assert browser.post("/publisher/rules/enforced-by", {"rules_enforced_by": "Two of us.", "seen": seen}).status_code == 303
    assert the_site().rules_enforced_by == "Two of us."
    stale = browser.post("/publisher/rules/enforced-by", {"rules_enforced_by": "Three of us.", "seen": seen})
    assert stale.status_code == 422
    assert "Two of us." in text_of(stale)


def test_a_plan_gets_other_words_and_keeps_its_prices(app: Flask) -> None:
    browser = office(app)
    plan = make_plan("vip", cents=490)
    make_user(plan=plan)
    before = db.session().execute(select(Price.key, Price.amount_cents, Price.active).order_by(Price.id)).all()
    words = text_of(browser.get("/publisher/plans"))
    assert "An amount never changes on a price" in words
    assert "$4.90 a month" in words
    assert "Members now 1" in words
    fields = form_of(browser.get("/publisher/plans/vip")) | {
        "name": "VIP Member", "perks": "Comment\r\n\r\n  Read everything ", "badge": "",
    }  # fmt: skip
    assert browser.post("/publisher/plans/vip", fields).status_code == 303
    row = db.session().scalar(select(Plan).execution_options(populate_existing=True))
    assert row is not None
    assert (row.name, row.perks, row.badge, row.rank) == ("VIP Member", "Comment\nRead everything", "VIP Member", 1)
    assert db.session().execute(select(Price.key, Price.amount_cents, Price.active).order_by(Price.id)).all() == before
    assert browser.post("/publisher/plans/vip", fields | {"name": ""}).status_code == 422


def test_a_plan_no_longer_sold_is_shown_and_not_edited(app: Flask) -> None:
    from blueprints.membership.service import withdraw_plan

    browser = office(app)
    make_plan("vip")
    with transaction():
        withdraw_plan("vip")
    assert "No longer sold" in text_of(browser.get("/publisher/plans"))
    assert browser.get("/publisher/plans/vip").status_code == 404
    assert browser.post("/publisher/plans/vip", {"name": "X"}).status_code == 404


def test_lists_ask_the_same_number_of_questions_whatever_their_length(app: Flask) -> None:
    browser = office(app)
    paths = ("/publisher/sections", "/publisher/rules", "/publisher/plans", "/publisher/site")
    make_section()
    make_rule("a")
    make_plan("a")

    def questions() -> dict[str, int]:
        browser.get("/publisher/site")
        found = {}
        for path in paths:
            with statements() as sent:
                browser.get(path)
            found[path] = len(sent)
        return found

    before = questions()
    for mark in "bcdef":
        make_section()
        make_rule(mark)
        make_plan(mark)
    make_site()
    assert questions() == before
    assert max(before.values()) <= 7
