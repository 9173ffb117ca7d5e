"""Imports that can wait."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
