"""What can wait until it is needed, or need not be there."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.routing import Rule


@contextmanager
def left_out(package: str) -> Iterator[None]:
    """Let what is imported meanwhile do without a package that it would take in only because it is there.

    Afterwards the package can be imported as ever. Not for threads: others would miss it too.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # which is how Python is told that there is none
    try:
        yield
    finally:
        del sys.modules[package]


class LateRule(Rule):
    """A rule that learns to write addresses when the first of them is asked for.

    werkzeug compiles two functions for each rule, of which there are some hundred, and a page links to few of them.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = super()._compile_builder

        def build(rule: Any, **values: Any) -> tuple[str, str]:
            made = compiled(append_unknown).__get__(rule)
            setattr(rule, "_build_unknown" if append_unknown else "_build", made)
            return made(**values)  # type: ignore[no-any-return]

        return build
