"""Words kept while they are typed: from tab to tab and device to device, and never back from the dead."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from blueprints.threads import drafts, queries_drafts, service
from core import clock
from core.db import db, transaction
from models.article import Article
from models.thread import Draft
from models.user import User
from tests.conftest import examples
from tests.threads.talk import as_viewer, facts, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def keep(owner: drafts.DraftOwner, article: Article, words: str, parent_id: int | None = None) -> None:
    """Keep these words as a page does that knows what is there."""
    session = db.session()
    known = queries_drafts.draft_at(session, article.id, parent_id or 0, owner)[1]
    with transaction() as session:
        if owner.guest_hash:
            drafts.keep_words(session, owner, article.id, words, parent_id)
        else:
            assert drafts.save_draft(session, owner, article.id, words, known=known, parent_id=parent_id).state == "saved"


def kept() -> list[tuple[int | None, int, str]]:
    rows = db.session().execute(select(Draft.user_id, Draft.parent_key, Draft.body).where(Draft.body != "").order_by(Draft.id))
    return [(row[0], row[1], row[2]) for row in rows]


def test_posting_forgets_the_draft_of_that_place_only() -> None:
    article, ann = make_talk(), make_member()
    root = say(article, ann)
    owner = drafts.DraftOwner(user_id=ann.id)
    keep(owner, article, "A new root.")
    keep(owner, article, "A reply.", root)
    keep(owner, article, "A better root.")
    assert kept() == [(ann.id, 0, "A better root."), (ann.id, root, "A reply.")]
    say(article, ann, "A better root.")
    assert kept() == [(ann.id, root, "A reply.")]
    keep(owner, article, "  ", root)
    assert kept() == []


def test_a_guests_words_go_to_the_reader_and_the_newest_win() -> None:
    article, other, ann = make_talk(), make_talk(), make_member()
    guest, own = drafts.DraftOwner(guest_hash="g" * 64), drafts.DraftOwner(user_id=ann.id)
    keep(own, article, "Older words of the reader.")
    keep(guest, article, "Newer words of the guest.")
    keep(guest, other, "Older words of the guest.")
    keep(own, other, "Newer words of the reader.")
    with transaction() as session:
        drafts.copy_guest_drafts(session, "g" * 64, ann.id, only_missing=True)
    assert len(kept()) == 4
    with transaction() as session:
        drafts.claim_guest_drafts(session, "g" * 64, ann.id)
    assert sorted(kept()) == [(ann.id, 0, "Newer words of the guest."), (ann.id, 0, "Newer words of the reader.")]


def test_words_posted_elsewhere_meanwhile_are_not_offered_again() -> None:
    article, ann = make_talk(), make_member()
    keep(drafts.DraftOwner(guest_hash="g" * 64), article, "Words of a guest.")
    with transaction() as session:
        drafts.copy_guest_drafts(session, "g" * 64, ann.id)
    say(article, ann, "Words of a guest.")
    with transaction() as session:
        drafts.claim_guest_drafts(session, "g" * 64, ann.id)
    assert kept() == []


def test_drafts_are_forgotten_after_thirty_days() -> None:
    from blueprints.threads.jobs import expire_drafts

    article, ann = make_talk(), make_member()
    keep(drafts.DraftOwner(user_id=ann.id), article, "Old words.")
    expire_drafts()
    assert len(kept()) == 1
    with time_machine.travel(clock.now() + timedelta(days=31)):
        expire_drafts()
    assert db.session().scalar(select(func.count()).select_from(Draft)) == 0



def stands(owner: drafts.DraftOwner, article: Article) -> tuple[str, int]:
    db.session().rollback()
    return queries_drafts.draft_at(db.session(), article.id, 0, owner)


def save(owner: drafts.DraftOwner, article: Article, words: str, known: int) -> drafts.Kept:
    with transaction() as session:
        return drafts.save_draft(session, owner, article.id, words, known=known)


def test_a_tab_that_was_left_open_neither_overwrites_nor_brings_back() -> None:
    article, ann = make_talk(), make_member()
    owner = drafts.DraftOwner(user_id=ann.id)
    first = save(owner, article, "Half a thought", 0)
    second = save(owner, article, "Half a thought, and more", first.generation)
    stale = save(owner, article, "Half a thought, otherwise", first.generation)
    assert (stale.state, stale.generation, stale.body) == ("newer", second.generation, "Half a thought, and more")
    say(article, ann, "Half a thought, and more of it")
    assert stands(owner, article)[0] == "", "what was posted began like this"
    gone = save(owner, article, "Half a thought, otherwise", second.generation)
    assert (gone.state, stands(owner, article)[0]) == ("gone", "")
    assert save(owner, article, "A second comment", gone.generation).state == "saved"


def test_posting_one_text_leaves_what_was_typed_elsewhere_since() -> None:
    article, ann = make_talk(), make_member()
    owner = drafts.DraftOwner(user_id=ann.id)
    here = save(owner, article, "Typed here", 0)
    save(owner, article, "Typed on the telephone", here.generation)
    with transaction() as session:
        service.post_comment(session, as_viewer(ann), facts(article), "Typed here, to the end", draft=here.generation)
    assert stands(owner, article)[0] == "Typed on the telephone"


def test_words_that_were_posted_are_not_kept_again_as_the_first_of_a_place() -> None:
    article, ann = make_talk(), make_member()
    owner = drafts.DraftOwner(user_id=ann.id)
    say(article, ann, "Posted before anything was kept")
    assert save(owner, article, "Posted before anything was kept", 0).state == "gone"
    assert stands(owner, article) == ("", 0)


def test_a_guests_words_do_not_return_once_they_were_changed_and_posted(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    guest, own = drafts.DraftOwner(guest_hash="h" * 64), drafts.DraftOwner(user_id=ann.id)
    keep(guest, article, "Words of a guest.")
    with transaction() as session:
        drafts.copy_guest_drafts(session, "h" * 64, ann.id, only_missing=True)
    assert stands(own, article)[0] == "Words of a guest."
    say(article, ann, "Words of a reader, changed at the last moment.")
    with transaction() as session:
        drafts.claim_guest_drafts(session, "h" * 64, ann.id)
    assert stands(own, article)[0] == ""


@dataclass
class Tab:
    """A page as our script runs it: what is typed, and the generation it knows."""

    words: str = ""
    known: int = 0


STEP = st.tuples(st.integers(0, 1), st.sampled_from(["type", "type", "save", "save", "post", "discard", "mine", "open"]))


@given(st.lists(STEP, max_size=25))
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_tabs_in_any_order_lose_nothing_and_revive_nothing(app: Flask, steps: list[tuple[int, str]]) -> None:
    """Whatever two tabs of one reader do: what is kept was typed by a tab that knew all that had happened before, and
    what was posted or discarded there is not kept again unless its tab is told, and says so."""
    article, ann = make_talk(), make_member()
    owner, tabs = drafts.DraftOwner(user_id=ann.id), [Tab(), Tab()]
    stored, generation, number = "", 0, 0  # what must be kept, and the generation of the place
    for which, what in steps:
        tab = tabs[which]
        if what == "open":
            tab.words, tab.known = stands(owner, article)
        elif what == "type":
            number += 1
            tab.words += f" {chr(97 + which)}{number}"
        elif what in ("save", "mine"):
            known = generation if what == "mine" else tab.known
            kept = save(owner, article, tab.words, known)
            if kept.state == "saved" and kept.generation > generation:
                assert known == generation, "only who knew the present generation changes it"
                stored = tab.words
            elif kept.state == "newer":
                assert known < generation
                assert kept.body == stored
            elif kept.state == "gone":
                assert not stored
            if kept.state == "saved":
                tab.known = generation = max(kept.generation, generation)
        elif what == "post" and tab.words:
            if not post(article, ann, tab):
                continue
            begun = tab.words.strip().startswith(stored) or tab.known >= generation
            stored, generation = ("", generation + 1) if stored and begun else (stored, generation)
            tab.words, tab.known = "", generation if not stored else tab.known
        elif what == "discard":
            with transaction() as session:
                ended = drafts.end_draft(session, owner, article.id, known=tab.known)
            assert ended == (bool(stored) and tab.known >= generation)
            stored, generation = ("", generation + 1) if ended else (stored, generation)
            tab.words, tab.known = "", generation if ended else tab.known
        assert stands(owner, article)[0] == stored
        assert stands(owner, article)[1] == generation or (generation == 0 and not stored)


def post(article: Article, ann: User, tab: Tab) -> bool:
    """Post the tab's words; False where they were posted from the other tab already."""
    try:
        with transaction() as session:
            service.post_comment(session, as_viewer(ann), facts(article), tab.words, draft=tab.known)
    except service.Repeated:
        return False
    return True
