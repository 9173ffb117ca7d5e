"""Whether what is not in memory may be made now, or is left to somebody who has the time."""

from flask import g


class NotAtHand(Exception):
    """Something has to be made that takes time, where only what is at hand was asked for."""


def only_at_hand() -> None:
    """Till the end of the context raise NotAtHand rather than make what takes time."""
    g.only_at_hand = True


def take_time() -> None:
    """Call before what takes time. Raises NotAtHand where that is not wanted."""
    if "only_at_hand" in g:
        raise NotAtHand
