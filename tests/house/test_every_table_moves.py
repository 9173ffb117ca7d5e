"""Every table goes into the archive of the whole site, or is left out for a reason that somebody wrote down."""

from blueprints.publisher.site_archive import kind_of
from blueprints.publisher.site_nouns import DERIVED, LEFT_OUT, PASSWORD, PLACE, SECRET, nouns
from core.db import Base
from models import *  # noqa: F403 -- every table

TABLES = Base.metadata.tables
HOW = "say in blueprints/publisher/site_nouns.py why it is left out, or in docs/export.md what it holds"
DOCUMENT = "docs/export.md"


def test_every_table_is_documented_as_exported_or_left_out_with_a_reason() -> None:
    from tests.house.test_code import ROOT

    text = (ROOT / DOCUMENT).read_text()
    exported = {noun.name for noun in nouns()}
    assert exported | LEFT_OUT.keys() == TABLES.keys()
    assert not exported & LEFT_OUT.keys()
    assert [name for name in sorted(TABLES) if f"`{name}`" not in text] == [], HOW
    assert all(len(reason) > 15 for reason in (*LEFT_OUT.values(), *SECRET.values(), *DERIVED.values(), *PLACE.values()))


def test_every_column_is_exported_or_left_out_with_a_reason() -> None:
    hidden = {*SECRET, *DERIVED, *PLACE, f"user.{PASSWORD}"}
    for full in hidden:
        table, _, column = full.partition(".")
        assert column in TABLES[table].columns, full
    for noun in nouns():
        here = {column.name for column in noun.columns}
        assert {f"{noun.name}.{column.name}" for column in noun.table.columns if column.name not in here} <= hidden
        assert all(kind_of(column) for column in noun.columns)
        assert noun.paths <= here


def test_nothing_that_is_exported_points_to_what_is_not() -> None:
    broken = [
        f"{noun.name}.{column.name}" for noun in nouns() for column in noun.columns for key in column.foreign_keys
        if key.column.table.name in LEFT_OUT
    ]  # fmt: skip
    assert broken == []


def test_what_looks_like_a_secret_is_never_exported_by_accident() -> None:
    """Whoever adds a column with such a name says here that it is none, or hides it."""
    harmless = {
        "illegal_notice.secret_hash",  # the digest of a notifier's link, which has to go on working
        "nudge.words_hash", "comment.body_hash", "moderation_action.hash", "moderation_action.previous_hash",
        "moderation_action.salt", "ledger_head.hash", "ledger_seal.hash", "user.name_key", "follow.target_id",
        "notice.subject_key", "report.reporter_key", "draft.guest_hash", "draft.parent_key", "plan.key", "price.key",
        "rule.key", "job.key", "stripe_object.key", "spam_link.key", "desk_preference.keys", "user.reading_keys",
        "checkout_attempt.session_id", "gift.session_id",  # Stripe's numbers
    }  # fmt: skip
    names = ("secret", "token", "hash", "password", "uniquifier", "key", "session", "salt")
    found = {
        f"{noun.name}.{column.name}" for noun in nouns() for column in noun.columns
        if any(name in column.name for name in names)
    }  # fmt: skip
    assert found <= harmless, found - harmless
