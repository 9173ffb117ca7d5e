"""What is kept and for how long: clocks that run by themselves, holds that stop them, purges that need two people.

Everything runs inside the caller's transaction. Every run of a clock that removed something, every hold and every
purge is in the ledger.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries, queries_keeping
from blueprints.moderation.queries_fairness import settings, settings_locked
from blueprints.site.queries import bump_site_version
from blueprints.threads import mentions
from blueprints.threads.locking import lock_comment
from blueprints.threads.policy import refuse
from blueprints.threads.search.index import forget_comment
from core import clock, text
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.records import dataclass
from core.text import excerpt
from models.fairness import FairProcess, LegalHold, PurgeRequest, RetentionRun

REASON_LENGTH = 500
BODY_LENGTH = 300
AT_ONCE = 200
QUOTED = 60  # so many characters of a purged text find it where it is quoted
# California, Business and Professions Code § 17602: proof of an agreement is kept for three years.
CONSENT_DAYS = 3 * 366
LEAST_TEXT_DAYS = 183  # as long as there may be an objection
MOST_DAYS = 3_650
FIELDS = (
    "public_log", "public_report", "dispute_body", "address_days", "removed_text_days", "notifier_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clock:
    """One thing that is removed by itself: `due` finds some of what its time is over for, `forget` removes those."""

    name: str
    what: str
    days: Callable[[FairProcess], int]
    due: Callable[[Session, datetime, datetime, int], Sequence[int]]
    forget: Callable[[Session, Sequence[int]], int]


CLOCKS = (
    Clock("removed-texts", "The words of comments that were removed or not published, with reports’ notes and findings",
          lambda row: row.removed_text_days, queries_keeping.removed_texts_due, queries_keeping.forget_words),
    Clock("browsers", "The network that a signed-in browser was last used from (never the whole address)",
          lambda row: row.address_days, queries_keeping.networks_of_browsers_due,
          queries_keeping.forget_networks_of_browsers),
    Clock("agreements", "The network that an agreement was made from (kept as proof, as California’s law asks)",
          lambda row: CONSENT_DAYS, queries_keeping.networks_of_consents_due,
          queries_keeping.forget_networks_of_consents),
    Clock("notifiers", "Name and address of who notified us of illegal content, after the decision",
          lambda row: row.notifier_days, queries_keeping.notifiers_due,
          lambda session, ids: queries_keeping.forget_notifiers(session, ids, clock.now())),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the publisher sets."""

    public_log: bool
    public_report: bool
    dispute_body: str
    address_days: int | None
    removed_text_days: int | None
    notifier_days: int | None


class Unfit(DomainError):
    """A setting that cannot be taken; `field` is where."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence, 422, "unfit")
        self.field = field


def mark(row: FairProcess) -> str:
    """What a form was filled from."""
    return "|".join(str(getattr(row, field)) for field in FIELDS)


def change_settings(session: Session, wanted: Wanted, seen: str) -> None:
    """Set what is open to readers and how long things are kept. Raises Unfit; Conflict where others saved meanwhile."""
    body = " ".join(text.normalise(wanted.dispute_body).split())
    if len(body) > BODY_LENGTH:
        raise Unfit("dispute_body", f"This can have up to {BODY_LENGTH} characters.")
    for field, least in (("address_days", 1), ("removed_text_days", LEAST_TEXT_DAYS), ("notifier_days", 1)):
        days = getattr(wanted, field)
        if days is None or not least <= days <= MOST_DAYS:
            raise Unfit(field, f"Please give a number of days from {least} to {MOST_DAYS:,}.")
    row = settings_locked(session)
    if mark(row) != seen:
        raise Conflict("Somebody else saved this while you were writing. Please look at what stands now.")
    for field in FIELDS:
        setattr(row, field, body if field == "dispute_body" else getattr(wanted, field))
    session.flush()
    bump_site_version()  # the page of the rules says what is open


def run_clock(session: Session, which: Clock) -> int:
    """Remove some of what a clock's time is over for. Returns how much that was; fewer than AT_ONCE: all is done."""
    now = clock.now()
    ids = which.due(session, now - timedelta(days=which.days(settings(session))), now, AT_ONCE)
    return which.forget(session, ids) if ids else 0


def note_run(session: Session, which: Clock, removed: int) -> None:
    """Keep what a clock removed today, and put it on record where it was anything."""
    now = clock.now()
    session.add(RetentionRun(clock=which.name, removed=removed, ran_at=now))
    if removed:
        ledger.append(
            session, action="retention", at=now, actor_id=None, subject=f"clock:{which.name}", to_state="removed",
            after={"removed": removed, "days": which.days(settings(session))},
        )  # fmt: skip


def place_hold(
    session: Session, *, user_id: int | None, comment_id: int | None, reason: str, ends_at: datetime | None,
    actor_id: int,
) -> None:  # fmt: skip
    """Keep a person's or a comment's record from every clock. Raises DomainError with a sentence, NotFound."""
    if not queries.staff_member(session, actor_id).is_publisher:
        raise Forbidden("Only the publisher places holds.")
    now = clock.now()
    if (user_id is None) == (comment_id is None):
        raise DomainError("Please name either a person or a comment.")
    reason = _reason(reason)
    if ends_at is not None and ends_at <= now:
        raise DomainError("Please choose an end that is still to come, or none.")
    if comment_id is not None:
        lock_comment(session, comment_id)
    elif user_id is not None and not queries_keeping.person_is_here(session, user_id):
        raise NotFound
    session.add(LegalHold(user_id=user_id, comment_id=comment_id, reason=reason, ends_at=ends_at,
                          placed_by=actor_id, placed_at=now))  # fmt: skip
    session.flush()


def release_hold(session: Session, *, hold_id: int, actor_id: int) -> None:
    """Let the clocks run again. Raises Conflict for a hold that has ended."""
    if not queries.staff_member(session, actor_id).is_publisher:
        raise Forbidden("Only the publisher releases holds.")
    row = queries_keeping.hold_locked(session, hold_id)
    if row is None:
        raise NotFound
    if row.released_at is not None:
        raise Conflict("This was released already.")
    row.released_by, row.released_at = actor_id, clock.now()
    session.flush()


def refuse_leaving(session: Session, user_id: int) -> None:
    """Refuse that an account is emptied while something of it is held (GDPR art. 17 (3) (b) and (e))."""
    if queries_keeping.anything_held(session, user_id, clock.now()):
        raise DomainError(
            "The law asks us to keep something of this account for now, so it cannot be deleted yet. "
            "Please write to us; we tell you when that ends.", 409, "held",
        )  # fmt: skip


def ask_for_purge(session: Session, *, comment_id: int, reason: str, actor_id: int) -> None:
    """Ask that a removed comment's words go for good now. Another person decides. Raises Conflict, DomainError."""
    reason = _reason(reason)
    _, comment = lock_comment(session, comment_id)
    _refuse_purge(session, comment.status, comment.body_source, comment.author_id, comment_id)
    if queries_keeping.open_purge_of(session, comment_id):
        raise Conflict("A colleague has asked for this already. It waits for a second person.")
    if not queries.staff_member(session, actor_id).is_moderator:
        raise Forbidden("Only moderators ask for this.")
    session.add(PurgeRequest(comment_id=comment_id, reason=reason, asked_by=actor_id, asked_at=clock.now()))
    session.flush()


def decide_purge(session: Session, *, purge_id: int, actor_id: int, approve: bool) -> None:
    """Remove the words for good, or refuse to. Never by who asked. Raises Conflict, Forbidden, NotFound."""
    comment_id = queries_keeping.comment_of_purge(session, purge_id)
    if comment_id is None:
        raise NotFound
    thread, comment = lock_comment(session, comment_id)
    row = queries_keeping.purge_locked(session, purge_id)
    assert row is not None
    refuse(policy.may_decide_purge(queries.staff_member(session, actor_id), row.asked_by, approve=approve))
    if row.outcome != "open":
        raise Conflict("A colleague has decided about this already.")
    now = clock.now()
    if approve:
        _refuse_purge(session, comment.status, comment.body_source, comment.author_id, comment_id)
        quoted = excerpt(comment.body_source, QUOTED).rstrip("…").strip()
        mentions.forget(session, comment_id)
        forget_comment(session, comment_id)
        queries_keeping.forget_words(session, [comment_id])
        if len(quoted) >= QUOTED // 3:
            queries_keeping.forget_quotes(session, quoted)
        thread.version += 1
    row.outcome, row.decided_by, row.decided_at = ("done" if approve else "refused"), actor_id, now
    session.flush()
    ledger.append(
        session, action="purge" if approve else "purge-refused", at=now, actor_id=actor_id, user_id=comment.author_id,
        comment_id=comment_id, thread_id=comment.thread_id, reason=row.reason, after={"asked_by": row.asked_by},
    )  # fmt: skip


def _refuse_purge(session: Session, status: str, body: str, author_id: int, comment_id: int) -> None:
    if status not in {"rejected", "deleted"}:
        raise Conflict("Only what readers can no longer see is purged. Please reject the comment first.")
    if not body:
        raise Conflict("The words of this comment are gone already.")
    if queries_keeping.is_held(session, author_id, comment_id, clock.now()):
        raise Conflict("A legal hold keeps this. It has to be released first.")


def _reason(typed: str) -> str:
    reason = " ".join(text.normalise(typed).split())
    if text.is_blank(reason):
        raise DomainError("Please say why.")
    if len(reason) > REASON_LENGTH:
        raise DomainError(f"The reason can have up to {REASON_LENGTH} characters.")
    return reason
