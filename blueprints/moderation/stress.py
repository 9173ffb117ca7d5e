"""Discussions under stress: an alarm when comments come much faster than usual, and surge mode with an end time.

The functions run inside the caller's transaction and never commit.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries, queries_stress
from blueprints.notifications.notices import notify
from blueprints.notifications.service import send_mail
from blueprints.site.queries import bump_site_version
from blueprints.threads import modes, queries_facts
from blueprints.threads.locking import lock_thread
from blueprints.threads.policy import refuse
from core import clock
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.records import dataclass
from jobs.queue import enqueue
from models.stress import Surge

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FACTOR = 5.0
FEWEST = 10  # comments in a minute; with fewer nobody needs to be called
CALM_AFTER = timedelta(minutes=10)
EVERYWHERE = 0
LENGTHS = {30: "30 minutes", 60: "an hour", 180: "3 hours", 720: "12 hours", 1_440: "a day"}
PACES = {0: "No longer than usual", 60: "a minute", 120: "2 minutes", 300: "5 minutes", 900: "15 minutes"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What surge mode does, and for how many minutes."""

    minutes: int
    holds_newcomers: bool
    members_only: bool
    pace_seconds: int


def is_surge(fresh: int, usual: float) -> bool:
    """Whether so many comments in a minute are FACTOR times as many as usual, and enough to call somebody."""
    return fresh >= FEWEST and fresh >= FACTOR * usual


def listen(session: Session, now: datetime) -> list[int]:
    """Compare the last minute with the hour before it, everywhere. Returns the places where an alarm begins.

    Those who lead moderation are told of each by a job. While one discussion sounds, nobody is told of all together.

    The hour before says what is usual; what is younger is compared with its share of the hour all the same.
    """
    rows = queries_stress.rates(session, now - MINUTE, now - HOUR - MINUTE)
    places = [(row.thread_id, int(row.fresh), int(row.earlier) / 60) for row in rows]
    places.append((EVERYWHERE, sum(row[1] for row in places), sum(row[2] for row in places)))
    begun = []
    for place, fresh, usual in places:
        if is_surge(fresh, usual) and (alarm_id := queries_stress.sound(session, place, fresh, usual, now)):
            begun.append(place)
            enqueue("moderation.tell-alarm", key=f"alarm:{alarm_id}", alarm_id=alarm_id)
    session.flush()
    queries_stress.calm(session, now - CALM_AFTER, now)
    return begun


def tell_alarm(session: Session, alarm_id: int) -> None:
    """Tell those who lead moderation that an alarm sounds: on the bell, and by a mail those who want it. Once each."""
    row = queries_stress.alarm(session, alarm_id)
    if row is None or row.ended_at is not None:
        return
    if row.place == EVERYWHERE and queries_stress.sounds_somewhere(session):
        return
    where = f"in the discussion of “{row.headline}”" if row.headline else "in all discussions together"
    path = f"/moderation/threads/{row.place}" if row.place else "/moderation/surge"
    subject = f"{row.comments:,} comments a minute {where}"
    for person in queries_stress.whom_to_alarm(session, row.section_id):
        notify(
            session, person.id, "alarm", subject_key=f"alarm:{row.place}", cause=f"alarm:{alarm_id}", url=path,
            title=f"{subject}, usually {row.usual:.1f}",
        )  # fmt: skip
        if person.wants_mail:
            send_mail(
                kind="alarm", recipient=person.email, user_id=person.id, subject=subject, template="alarm",
                dedupe_key=f"alarm:{alarm_id}:{person.id}",
                context={"where": where, "comments": f"{row.comments:,}", "usual": f"{row.usual:.1f}", "path": path,
                         "seen_by": row.seen or ""},
            )  # fmt: skip


def take_alarm(session: Session, *, alarm_id: int, actor_id: int) -> None:
    """Say to colleagues that one sees to it. Raises Conflict where somebody does already, Forbidden elsewhere."""
    alarm = queries_stress.alarm_locked(session, alarm_id)
    if alarm is None:
        raise NotFound
    if alarm.place != EVERYWHERE:
        place = queries_stress.alarm(session, alarm_id)
        refuse(policy.may_moderate(queries.staff_member(session, actor_id), place.section_id if place else None))
    if alarm.seen_by is not None:
        raise Conflict("A colleague sees to this already.")
    alarm.seen_by = actor_id


def begin_surge(session: Session, *, thread_id: int | None, wanted: Wanted, actor_id: int) -> int:
    """Switch surge mode on, for a discussion or for all; it ends by itself. Returns the decision's id.

    Raises Conflict where it is on already, and Forbidden: only leads switch it on for all.
    """
    now, actor = clock.now(), queries.staff_member(session, actor_id)
    if wanted.minutes not in LENGTHS or wanted.pace_seconds not in PACES:
        raise DomainError("Please choose how long it lasts, and how slow.")
    if not (wanted.holds_newcomers or wanted.members_only or wanted.pace_seconds):
        raise DomainError("Please choose at least one thing that surge mode does.")
    _may(session, actor_id, thread_id)
    if queries_stress.has_surge(session, thread_id, now):
        raise Conflict("Surge mode is on here already. End it first, to set it anew.")
    ends_at = now + timedelta(minutes=wanted.minutes)
    session.add(Surge(
        thread_id=thread_id, holds_newcomers=wanted.holds_newcomers, members_only=wanted.members_only,
        pace_seconds=wanted.pace_seconds, started_by=actor_id, starts_at=now, ends_at=ends_at,
    ))  # fmt: skip
    session.flush()
    bump_site_version()
    assert actor.id is not None
    return ledger.append(
        session, action="surge", at=now, actor_id=actor.id, thread_id=thread_id,
        to_state=f"until {ends_at.isoformat(timespec='seconds')}", reason=words(wanted),
    )  # fmt: skip


def end_surge(session: Session, *, surge_id: int, actor_id: int) -> int:
    """Switch surge mode off before its time. Returns the decision's id. Raises Conflict where it is over."""
    now, row = clock.now(), queries_stress.surge_locked(session, surge_id)
    if row is None:
        raise NotFound
    _may(session, actor_id, row.thread_id)
    if row.ends_at <= now:
        raise Conflict("Surge mode is over here already.")
    row.ends_at = now
    session.flush()
    bump_site_version()
    return ledger.append(
        session, action="surge", at=now, actor_id=actor_id, thread_id=row.thread_id, from_state="on", to_state="off"
    )


def words(wanted: Wanted) -> str:
    """What surge mode does, in words."""
    said = []
    if wanted.holds_newcomers:
        said.append("first comments are read before they appear")
    if wanted.members_only:
        said.append("for members only")
    if wanted.pace_seconds:
        said.append(f"{modes.span(wanted.pace_seconds)} between two comments of one person")
    return ", ".join(said).capitalize() + "."


def _may(session: Session, actor_id: int, thread_id: int | None) -> None:
    actor = queries.staff_member(session, actor_id)
    if thread_id is None:
        if not actor.is_lead:
            raise Forbidden("Lead moderators switch surge mode for every discussion.")
        return
    lock_thread(session, thread_id)
    refuse(policy.may_moderate(actor, queries_facts.facts_of_thread(session, thread_id).section_id))
