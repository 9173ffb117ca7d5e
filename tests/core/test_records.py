"""Data classes that are made at their first use behave as the standard library's do."""

import copy
import dataclasses
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from core.records import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word."""

    text: str
    times: int = 1
    places: list[int] = dataclasses.field(default_factory=list)

    @property
    def loud(self) -> str:
        return self.text.upper()


def a_class() -> Any:
    @dataclass(frozen=True, slots=True)
    class Fresh:
        first: int
        second: tuple[int, ...] = dataclasses.field(default_factory=tuple)

    return Fresh


def test_a_record_has_its_values_and_says_them() -> None:
    assert repr(Word("so", places=[4])) == "Word(text='so', times=1, places=[4])"
    assert Word("so").loud == "SO"
    assert Word("so") == Word("so", 1) != Word("so", 2)
    assert Word.__doc__ == "A word."


def test_a_record_refuses_what_its_fields_do_not_allow() -> None:
    with pytest.raises(TypeError, match="text"):
        a_class_of_words()
    with pytest.raises(dataclasses.FrozenInstanceError):
        Word("so").times = 2  # type: ignore[misc]
    assert not hasattr(Word("so"), "__dict__")


def a_class_of_words() -> Word:
    return Word()  # type: ignore[call-arg]


def test_the_tools_for_data_classes_work_before_there_is_an_instance() -> None:
    assert [one.name for one in dataclasses.fields(a_class())] == ["first", "second"]
    assert dataclasses.is_dataclass(a_class())
    assert hash(a_class()(1)) == hash(a_class()(1))
    assert dataclasses.replace(Word("so"), times=3).times == 3
    assert dataclasses.asdict(Word("so")) == {"text": "so", "times": 1, "places": []}
    assert pickle.loads(pickle.dumps(Word("so"))) == copy.copy(Word("so")) == Word("so")


def test_a_record_is_matched_by_its_fields() -> None:
    match a_class()(1, (2,)):
        case Word():
            found = 0
        case other:
            found = other.first
    assert found == 1
    match Word("so", 2):
        case Word(text, times):
            assert (text, times) == ("so", 2)


def test_many_threads_make_a_class_once() -> None:
    fresh = a_class()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: fresh(number), range(64)))
    assert [one.first for one in made] == list(range(64))
    assert {one.second for one in made} == {()}
    assert list(inspect.signature(fresh).parameters) == ["first", "second"]


def test_what_cannot_wait_is_made_at_once() -> None:
    @dataclass(frozen=True, slots=True)
    class Counted:
        kind: ClassVar[str] = "counted"
        number: int

    @dataclass(frozen=True, slots=True)
    class More(Counted):
        also: int = 2

    @dataclass
    class Open:
        number: int

    assert Counted.kind == "counted"
    assert More(1) == More(1, 2)
    assert More(1).number == 1
    opened = Open(1)
    opened.number = 2
    assert opened == Open(2)
