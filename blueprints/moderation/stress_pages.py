"""The pages of discussions under stress."""

from collections.abc import Mapping
from typing import Any

from flask import render_template

from blueprints.moderation import queries_stress
from blueprints.moderation.desk import desk_context
from blueprints.moderation.stress import LENGTHS, PACES, Wanted
from core import clock
from core.db import db


def surge_page() -> str:
    """Surge mode of every discussion, and the alarms that sound."""
    return render_template("moderation/surge.html", **surge_values(None), **desk_context("shift"))


def surge_values(thread_id: int | None) -> dict[str, Any]:
    """What the part of a page about surge mode needs."""
    return {
        "surges": queries_stress.surges(db.session(), clock.now(), thread_id), "LENGTHS": LENGTHS, "PACES": PACES,
        "surge_at": "/moderation/surge" if thread_id is None else f"/moderation/threads/{thread_id}/surge",
    }  # fmt: skip


def wanted(typed: Mapping[str, str]) -> Wanted:
    """What a form asks for; what is no number there asks for nothing that exists."""

    def number(name: str) -> int:
        text = typed.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 6 else -1

    return Wanted(number("minutes"), "holds_newcomers" in typed, "members_only" in typed, number("pace_seconds"))
