"""Frozen data classes that are made when the first of them is needed.

`dataclasses` writes and compiles half a dozen functions for each class, which was a seventh of a start: there are some
three hundred, and a process seldom meets half of them. `dataclass` here stands in for the standard library's, takes
what that takes, and leaves the making to it. Types and tools see the standard library's alone.
"""

import dataclasses
from collections.abc import Callable
from threading import RLock
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, **how: Any) -> Any:
        """The standard library's, which with `frozen=True, slots=True` makes a class at its first use."""
        if not (how.get("frozen") and how.get("slots")):
            return dataclasses.dataclass(cls, **how)
        return lambda plain: _made_late(plain, how) if _can_wait(plain) else dataclasses.dataclass(plain, **how)


__all__ = ["dataclass"]

OF_ITS_OWN = {"__init__", "__new__", "__slots__"}
_making = RLock()


def _can_wait(plain: type) -> bool:
    """Whether the names of its fields can be told without the standard library, and nothing of ours makes instances."""
    for note in plain.__annotations__.values():
        if isinstance(note, str | dataclasses.InitVar) or getattr(note, "__origin__", note) is ClassVar:
            return False
    return plain.__bases__ == (object,) and not OF_ITS_OWN & vars(plain).keys()


def _made_late(plain: type, how: dict[str, Any]) -> type:
    """A class with the same fields in slots. Before there is an instance it needs nothing but a way to make one."""
    waiting = [plain]

    def make() -> None:
        with _making:
            if not waiting:
                return
            for name, value in vars(dataclasses.dataclass(waiting[0], **how)).items():
                if not isinstance(value, MemberDescriptorType) and vars(late).get(name) is not value:
                    setattr(late, name, value)
            waiting.clear()

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        make()
        late.__init__(self, *values, **named)

    fields = tuple(plain.__annotations__)
    own = {name: value for name, value in vars(plain).items() if name not in {*fields, "__dict__", "__weakref__"}}
    own |= {"__slots__": fields, "__init__": __init__, "__dataclass_fields__": _Fields(make)}
    late: Any = type(plain)(plain.__name__, plain.__bases__, own)
    late.__qualname__ = plain.__qualname__
    return late  # type: ignore[no-any-return]


class _Fields:
    """What the fields are read from before the class is made: reading makes it."""

    def __init__(self, make: Callable[[], None]) -> None:
        self._make = make

    def __get__(self, _instance: object, owner: type) -> Any:
        self._make()
        return owner.__dataclass_fields__  # type: ignore[attr-defined]
