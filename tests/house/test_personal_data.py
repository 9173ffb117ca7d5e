"""Every table says what it holds about people: so no copy leaves anything out, and no ended account leaves anything."""

import re

from blueprints.accounts.copying import given_tables
from blueprints.accounts.personal import ELSEWHERE, HOLDINGS, NOT_PERSONAL, OTHERS, WORK
from blueprints.accounts.personal_words import TITLES, label
from core.db import Base
from models import *  # noqa: F403 -- every table

TABLES = Base.metadata.tables
HOW = "say in blueprints/accounts/personal.py what it holds about people"
TELLING = re.compile(r"(^|_)(e?mail|email|recipient|network|address|phone|ip|device|ip_address)$")


def test_every_table_is_on_the_list_once() -> None:
    listed = [*HOLDINGS, *NOT_PERSONAL, *(ELSEWHERE.keys() - HOLDINGS.keys())]
    assert sorted(TABLES.keys() - set(listed)) == [], HOW
    assert sorted(set(listed) - TABLES.keys()) == [], "these tables are gone"
    assert not HOLDINGS.keys() & NOT_PERSONAL


def test_every_table_and_column_has_words_in_a_persons_copy() -> None:
    assert sorted((HOLDINGS.keys() | ELSEWHERE.keys()) - TITLES.keys()) == [], "say in personal_words.py what it is"
    assert sorted(TITLES.keys() - HOLDINGS.keys() - ELSEWHERE.keys()) == []
    for name in given_tables():
        labels = [label(column.name) for column in TABLES[name].columns if column.name not in HOLDINGS[name].hides]
        assert all(words[0].isupper() and "_" not in words for words in labels), (name, labels)
        assert len(set(labels)) == len(labels), (name, labels)


def test_every_column_that_names_a_person_is_accounted_for() -> None:
    missing = []
    for table in TABLES.values():
        ways = {way.partition(">")[0] for way in HOLDINGS[table.name].of} if table.name in HOLDINGS else set()
        for column in table.columns:
            names_somebody = any(key.target_fullname == "user.id" for key in column.foreign_keys)
            full = f"{table.name}.{column.name}"
            if names_somebody and column.name not in ways and full not in WORK and full not in OTHERS:
                missing.append(full)
            if TELLING.search(column.name) and table.name not in HOLDINGS and table.name not in ELSEWHERE:
                missing.append(full)
    assert missing == [], HOW


def test_what_is_said_of_the_tables_is_true_of_their_columns() -> None:
    for name, holding in HOLDINGS.items():
        columns = TABLES[name].columns
        for way in holding.of:
            column, _, through = way.partition(">")
            assert column in columns, f"{name}.{column}"
            if through:
                other, _, person = through.partition(".")
                assert person in TABLES[other].columns
                assert other in HOLDINGS
        for column in (*holding.hides, *holding.empties):
            assert column in columns, f"{name}.{column}"
        assert holding.why or holding.after in {"removed", "emptied"}, f"why does {name} stay?"
    for full in (*WORK, *OTHERS):
        table, _, column = full.partition(".")
        assert column in TABLES[table].columns, full
