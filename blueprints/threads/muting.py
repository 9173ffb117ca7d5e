"""Comments by people whom the reader has muted: folded to one line, which opens without scripts."""

from collections.abc import Iterable

from flask import current_app

from blueprints.threads.layout import Layout

_STARTS, _ENDS = "<article ", "</article>"


def fold_muted(layout: Layout, parts: list[str], muted: Iterable[int]) -> None:
    """Fold what these people said in a reader's copy of the layout's parts. Answers to it stay where they are.

    A comment begins in the string before its first slot and ends in the one behind its last: there is no slot for
    the fold, because nearly nobody needs it and every page would carry it.
    """
    for user_id in muted:
        for comment_id in layout.by_author.get(user_id, ()):
            slots = layout.slots[comment_id]
            shown = layout.pieces[comment_id].shown
            if shown.is_tombstone or not shown.is_named:  # a fold would tell who wrote what has no name
                continue
            before, behind = slots.new - 1, slots.own + 1
            at = parts[before].rindex(_STARTS)
            parts[before] = f"{parts[before][:at]}{_fold()}{parts[before][at:]}"
            parts[behind] = parts[behind].replace(_ENDS, f"{_ENDS}</details>", 1)


def _fold() -> str:
    return str(current_app.jinja_env.get_template("threads/_muted.html").module.__html__())
