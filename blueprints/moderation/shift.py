"""The pages around the queues: the start of a shift, one's own ways of working, and what the newsroom is shown."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import render_template

from blueprints.moderation import claims, queries, queries_claims, queries_notes, queries_queues, queries_stress
from blueprints.moderation.desk import desk_context
from blueprints.moderation.keys import KEYS, keys_of
from blueprints.moderation.queues import QUEUES
from blueprints.moderation.words import DONE
from core import clock
from core.db import db
from core.viewer import current_viewer

HOT_WITHIN = timedelta(hours=1)
DECISIONS_TOLD = 100


def shift_page(typed: str = "", refused: str = "") -> str:
    """What waits, what is hot, and what the last shift left."""
    session, viewer, now = db.session(), current_viewer(), clock.now()
    return render_template(
        "moderation/shift.html", notes=queries_notes.handover_notes(session), typed=typed, refused=refused,
        hot=queries_notes.hot_threads(session, queries.sections_of(viewer), now - HOT_WITHIN),
        views=queries_notes.saved_views(session, viewer.id or 0), QUEUES=QUEUES, **desk_context("shift"),
    )  # fmt: skip


def preferences_page(typed: Mapping[str, str] | None = None, refused: str = "") -> str:
    """Keys, covers and the cap; what was typed stays where it could not be taken."""
    viewer = current_viewer()
    kept = queries_claims.preference(db.session(), viewer.id or 0)
    called = queries_stress.whom_to_alarm(db.session(), None) if viewer.is_lead else []
    mails = any(person.id == viewer.id and person.wants_mail for person in called)
    shown = keys_of(kept.keys) | {name: typed.get(name, "") for name in KEYS} if typed else keys_of(kept.keys)
    return render_template(
        "moderation/preferences.html", shown=shown, KEYS=KEYS, refused=refused,
        covers="covers_severe" in typed if typed else kept.covers_severe,
        alarm_mails="alarm_mails" in typed if typed else mails,
        cap=typed.get("severe_per_hour", "") if typed else kept.severe_per_hour, **desk_context("preferences"),
    )  # fmt: skip


def tips_page() -> str:
    """What the moderators show the newsroom."""
    return render_template("moderation/tips.html", rows=queries_notes.tips(db.session()))


def state_since(action_id: int) -> dict[str, Any]:
    """Who holds what, what was decided behind that decision, and how much waits, as programs read it."""
    session, viewer = db.session(), current_viewer()
    sections = queries.sections_of(viewer)
    rows = queries_claims.decided_since(action_id, sections, DECISIONS_TOLD)
    backlog = queries_queues.backlog(session, viewer)
    return {
        "claims": {
            row.comment_id: row.name
            for row in queries_claims.claims_on(session, clock.now(), sections=sections)
            if row.moderator_id != viewer.id
        },
        "decided": [
            {"id": row.comment_id, "words": f"{DONE[row.action]} by {row.actor or 'the program'}"}
            for row in rows if row.actor_id != viewer.id and row.action in queries.DECISIONS
        ],
        "alarms": len(queries_stress.alarms(session, sections)),
        "after": rows[-1].id if rows else action_id,
        "counts": {name: getattr(backlog, name) for name in (*QUEUES, "objections")},
    }  # fmt: skip


def taken_sentence(taken: claims.Taken) -> str:
    """What became of taking the next comments."""
    spared = ""
    if taken.spared:
        spared = " You have seen as many severe ones as you set for an hour; colleagues see the rest."
    if not taken.ids:
        return f"There was nothing to take: colleagues hold it, or you passed it on.{spared}"
    minutes = int(claims.CLAIM_LASTS.total_seconds()) // 60
    number = len(taken.ids)
    one = "comment is" if number == 1 else "comments are"
    return f"{number} {one} yours, until you have done nothing for {minutes} minutes.{spared}"
