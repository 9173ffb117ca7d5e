"""Learning from decisions, and a corpus run through the screening."""

import json
import random
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blueprints.moderation import learning, replay
from blueprints.moderation.service import publish_comment, reject_comment
from blueprints.threads import queries_screening, screening
from blueprints.threads.screening.classifier import SIZE, features_of, from_stored, to_stored
from core.db import db, transaction
from models.screening import ScreeningModel
from models.thread import Comment
from tests.browser import Browser
from tests.factories import make_rule, make_user
from tests.publisher.rows import office
from tests.threads.screens import finding, findings_of, make_list
from tests.threads.talk import change, comment, make_member, make_talk, say

BAD = ["blork", "splunge", "wazzock", "snirt"]
GOOD = ["budget", "harbour", "bicycle", "teacher", "river"]


def cases(number: int = 600, seed: int = 1) -> list[learning.Case]:
    """Decided comments in which some words are rejected three times in four."""
    rng = random.Random(seed)
    found = []
    for at in range(number):
        bad = rng.random() < 0.3
        words = rng.choices(GOOD, k=8) + (rng.choices(BAD, k=2) if bad else [])
        rng.shuffle(words)
        found.append(learning.case_of("The " + " ".join(words) + " of it", bad and rng.random() < 0.9, at))
    return found


def test_what_was_learned_tells_rejected_from_published_and_its_figures_hold() -> None:
    learned = learning.learn(cases(1500))
    at_half = learned.figures["thresholds"][0]
    assert at_half["threshold"] == 50
    assert at_half["precision"] > 80
    assert at_half["recall"] > 80
    bins = [row for row in learned.figures["calibration"] if row["cases"]]
    error = sum(row["cases"] * abs(row["said"] - row["rejected"]) for row in bins) / learned.figures["cases"]
    assert error < 8  # percent between what it says and what people did
    again = learning.learn(cases(1500))
    assert again.weights == learned.weights  # the same decisions, the same weights


def test_too_few_decisions_are_no_ground_to_learn_from() -> None:
    with pytest.raises(learning.TooFew, match="At least 50 of each"):
        learning.learn(cases(60))


def test_nobody_is_both_learned_from_and_tested_on() -> None:
    parts = {learning.case_of("Words.", False, 7).part for _ in range(5)}
    assert len(parts) == 1


def test_false_alarms_are_told_by_language_and_by_words_that_name_groups() -> None:
    model = from_stored(1, learning.learn(cases()).weights, 50, "note")
    fine = [learning.case_of(f"The women and the {word} blork splunge of it are not bad", False, at)
            for at, word in enumerate(GOOD * 2)]  # fmt: skip
    figures = learning.measure(model, [*fine, *cases(200, seed=2)])
    row = next(row for row in figures["groups"] if row["name"] == "women")
    assert row["cases"] == 10
    assert row["alarms"] == 10
    assert [row["name"] for row in figures["languages"]] == ["English"] or figures["languages"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=20), max_size=30))
def test_features_are_stable_and_within_the_weights(words: list[str]) -> None:
    found = features_of(words)
    assert found == features_of(words)
    assert all(0 <= feature < SIZE for feature in found)


def decided(number: int = 60) -> None:
    """So many comments rejected and let through by a moderator."""
    moderator, rule, article = make_user(roles=("moderator",)), make_rule("kind", "Be kind", "Always."), make_talk()
    moderator_id, rule_id = moderator.id, rule.id
    people = [make_member() for _ in range(20)]
    for at in range(number):
        bad = say(article, people[at % 20], f"You are a {BAD[at % 4]} and a {BAD[(at + 1) % 4]}, number {at}")
        good = say(article, people[(at + 7) % 20], f"The {GOOD[at % 5]} and the {GOOD[(at + 2) % 5]} again, number {at}")
        change(good, "pending")
        with transaction() as session:
            reject_comment(session, comment_id=bad, revision=1, actor_id=moderator_id, rule_id=rule_id)
            publish_comment(session, comment_id=good, revision=1, actor_id=moderator_id)


def test_train_look_use_and_evaluate(app: Flask) -> None:
    from tests.threads.screens import set_up

    set_up(severities={"record": "off", "flood": "off"})
    decided()
    run = app.test_cli_runner().invoke
    done = run(args=["moderation", "train"])
    assert done.exit_code == 0, done.output
    assert "Version 1 is made" in done.output
    assert "false alarms by words that name groups" in done.output
    db.session.remove()

    browser = office(app)
    page = browser.get("/publisher/screening/classifier").get_data(as_text=True)
    assert "Not used" in page
    assert "from 60 comments that people rejected and 60 that they let through" in page
    fresh = make_member()
    one = say(make_talk(), fresh, "What a blork and a wazzock you are")
    assert "classifier" not in findings_of(one)

    at = "/publisher/screening/classifier/1"
    assert browser.post(at, {"threshold": "60", "severity": "reject"}).status_code == 422
    assert browser.post(at, {"threshold": "20", "severity": "hold"}).status_code == 422
    assert browser.post(at, {"threshold": "60", "severity": "hold"}).status_code == 303
    two = say(make_talk(), fresh, "What a splunge and a wazzock you are")
    found = finding(two, "classifier")
    assert (found.severity, found.rule_version, comment(two).status) == ("hold", 1, "withheld")
    source = comment(two).body_source
    marked = [source[int(a):int(b)] for a, b in (part.split("-") for part in found.passages.split())]
    assert "splunge" in marked
    assert "classifier" not in findings_of(say(make_talk(), fresh, "The river and the harbour, as ever"))
    assert "In use" in browser.get("/publisher/screening/classifier").get_data(as_text=True)

    done = run(args=["moderation", "evaluate"])
    assert done.exit_code == 0
    assert "Version 1 on" in done.output
    assert browser.post(at, {"off": "1"}).status_code == 303
    assert "classifier" not in findings_of(say(make_talk(), fresh, "What a snirt and a blork you are"))


def test_a_fresh_install_has_learned_nothing_and_says_so(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    assert "At least 50 of each" in run(args=["moderation", "train"]).output
    assert "nothing was learned yet" in run(args=["moderation", "evaluate"]).output
    assert db.session().scalar(select(ScreeningModel.id)) is None


def test_what_was_learned_is_kept_whole() -> None:
    from array import array

    weights = array("f", [0.5] * SIZE)
    model = from_stored(3, to_stored(weights, -1.0, 2.0), 80, "note")
    assert (model.bias, model.scale, model.weights) == (-1.0, 2.0, weights)
    with pytest.raises(ValueError, match="not what was learned"):
        from_stored(3, __import__("zlib").compress(b"\0" * 8), 80, "note")


CORPUS = [
    {"text": "You blork.", "label": "reject"}, {"text": "What a bl0rk!", "label": "reject", "author": "newcomer"},
    {"text": "A wretched person, truly.", "label": "reject"}, {"text": "The river rises.", "label": "publish"},
    {"text": "Write to ann@example.com", "label": "publish"}, {"text": "  ", "label": "publish"},
]  # fmt: skip


def test_a_corpus_is_replayed_with_decisions_recall_and_time(app: Flask, tmp_path: Path) -> None:
    make_list("Insults", "blork", "hold")
    file = tmp_path / "corpus.jsonl"
    file.write_text("\n".join(json.dumps(entry) for entry in CORPUS))
    before = db.session().query(Comment).count()
    db.session.remove()
    done = app.test_cli_runner().invoke(args=["moderation", "replay", str(file)])
    assert done.exit_code == 0, done.output
    assert "5 texts, 3 of them to be rejected; 1 could not be comments" in done.output
    assert "held                        600.0    400.0    200.0" in done.output
    assert "recall 66.7 %" in done.output
    assert "precision 66.7 %" in done.output
    assert "list “Insults”" in done.output
    assert "time per decision" in done.output
    assert db.session().query(Comment).count() == before


def test_a_corpus_in_another_form_is_told_by_line(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    for words, sentence in (("{}\n", "Line 1 needs"), ('{"text": "a", "label": "maybe"}', "Line 1 needs"), ("\nx", "Line 2 is no JSON")):
        file.write_text(words)
        done = app.test_cli_runner().invoke(args=["moderation", "replay", str(file)])
        assert done.exit_code == 1
        assert sentence in done.output


def test_a_replay_finds_near_repeats_within_the_corpus(app: Flask) -> None:
    words = "The ministry knew in March what it told nobody before June and that is the whole scandal of this affair"
    entries = [{"text": f"{words} {at}", "label": "reject"} for at in range(5)]
    setup = queries_screening.load_setup(db.session(), 0)
    *_, tally = replay.replay(entries, replay.Pipeline(setup, {}))
    assert tally.of("held") == 2
    assert tally.recall == 40.0
    assert screening.worst([]) is None


def test_a_visitor_sees_nothing_of_it(client: Browser) -> None:
    assert client.get("/publisher/screening/classifier").status_code in (303, 404)


def test_a_case_shows_the_words_that_caused_a_finding_marked(app: Flask) -> None:
    make_list("Insults", "blork", "hold")
    one = say(make_talk(), make_member(), "What a *bl0rk* he is, <b>truly</b>.")
    moderator = Browser(app).sign_in(make_user(roles=("moderator",)))
    page = moderator.get(f"/moderation/comments/{one}").get_data(as_text=True)
    assert "What a <em><mark>bl0rk</mark></em> he is, &lt;b&gt;truly&lt;/b&gt;." in page
    assert 'Because of: <q dir="auto">bl0rk</q>' in page
