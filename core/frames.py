"""Pages that differ from reader to reader in a few places only: rendered once with marks there, kept, and filled.

Laying out the masthead, the menus and the footer costs more than everything else on a page whose content is kept
already. What readers of one kind share is a frame; names, tokens and the content are put into its places.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import has_request_context, render_template, session
from markupsafe import Markup, escape

from core import clock, csrf
from core.at_hand import take_time
from core.viewer import GUEST, EntitlementSpan, Viewer, current_viewer, desk_waits

KEPT_FRAMES = 1000  # of a few kilobytes each

_NONCE = secrets.token_hex(8)  # nothing that anybody writes can be a mark
_MARK = re.compile(rf"\x02{_NONCE}:(\w+)\x03")
_TOKEN = "form_token"  # noqa: S105 - the name of a place
_ALWAYS = EntitlementSpan("", datetime.min.replace(tzinfo=UTC), None, "")
_WITHOUT_ADS = replace(_ALWAYS, ad_free=True)
_frames: dict[tuple[Any, ...], "Frame"] = {}


class Frame:
    """A rendered page cut at its marks."""

    def __init__(self, html: str) -> None:
        self._parts = _MARK.split(html)
        self._names = self._parts[1::2]

    def fill(self, places: dict[str, Any]) -> str:
        """The page with these things in its places, escaped unless they are markup."""
        parts = self._parts.copy()
        parts[1::2] = [csrf.form_token() if name == _TOKEN else _markup(places[name]) for name in self._names]
        return "".join(parts)


def _markup(thing: Any) -> str:
    return thing if isinstance(thing, Markup) else escape(thing)


def mark(name: str) -> Markup:
    """What stands in a frame where something of that name goes."""
    return Markup(f"\x02{_NONCE}:{name}\x03")  # noqa: S704 - of our own letters only


def kept_frame(key: tuple[Any, ...], make: Callable[[], str]) -> Frame:
    """The frame kept by that key, or what `make` renders. The token of forms is a mark in it without more ado."""
    frame = _frames.get(key)
    if frame is None:
        take_time()
        with csrf.token_shown_as(mark(_TOKEN)):
            frame = Frame(make())
        if len(_frames) >= KEPT_FRAMES:
            _frames.clear()
        _frames[key] = frame
    return frame


def render_framed(template: str, key: tuple[Any, ...], places: dict[str, Any], **values: Any) -> str:
    """As `render_template`, for a page asked for often.

    `places` go into the kept frame; one that is empty is missing from it. `values` shape the frame, so they are part
    of what it is kept by, together with the `key` (the settings of the site), the day, and the kind of reader. The
    template sees the reader's kind, name and unread notices, what waits on a moderator's desk, and nothing else. A page
    with messages is made anew.
    """
    viewer, waits = current_viewer(), desk_waits()
    if has_request_context() and "_flashes" in session:
        return render_template(template, **values, **places)
    absent = {name: thing for name, thing in places.items() if not thing}
    kind = (
        viewer.is_signed_in, viewer.confirmed, viewer.is_member, viewer.is_ad_free, viewer.roles, viewer.unread != "",
        waits != "",
    )  # fmt: skip
    kept_by = (template, *key, *values.items(), tuple(absent), clock.now().date(), kind)

    def make() -> str:
        marks = {name: mark(name) for name in places}
        shown = mark("desk_waits") if waits else ""
        return render_template(
            template, **values, **{**marks, **absent}, viewer=_of_that_kind(viewer), desk_waits=lambda: shown
        )

    own = {"viewer_name": viewer.display_name, "viewer_unread": viewer.unread, "desk_waits": waits}
    return kept_frame(kept_by, make).fill({**places, **own})


def _of_that_kind(viewer: Viewer) -> Viewer:
    if not viewer.is_signed_in:
        return GUEST
    return Viewer(
        id=0, display_name=mark("viewer_name"), confirmed=viewer.confirmed, roles=viewer.roles,
        entitlements=(_WITHOUT_ADS if viewer.is_ad_free else _ALWAYS,) if viewer.is_member else (),
        loaded_at=viewer.loaded_at, unread=mark("viewer_unread") if viewer.unread else "",
    )  # fmt: skip
