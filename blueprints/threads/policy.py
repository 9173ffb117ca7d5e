"""Who may do what in a thread. Pure: route, service and template ask the same functions.

Each answers None for yes, or a Refusal with a code for programs and a sentence for people; `refuse` raises that.
"""

from datetime import datetime, timedelta

from blueprints.membership.entitlements import EVERYONE, REGISTERED, allows
from blueprints.threads import modes
from blueprints.threads.facts import CommentFacts, ThreadFacts
from core.errors import DomainError
from core.records import dataclass
from core.rendering import date_and_time
from core.viewer import SanctionSpan, Viewer

GATED = "gated"  # the code of a refusal to those who may not read the article
EDIT_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `status` is the HTTP status of an attempt all the same; `url` is where more is said, if anywhere."""

    code: str
    sentence: str
    status: int = 403
    url: str = ""


def refuse(refusal: Refusal | None) -> None:
    """Raise what a rule answered, if it was not yes."""
    if refusal:
        raise DomainError(refusal.sentence, refusal.status, refusal.code)


def may_see_thread(viewer: Viewer, facts: ThreadFacts, now: datetime) -> Refusal | None:
    """A thread is seen with its published article; a hidden one by its moderators only.

    Where the publisher wants that, the comments of a gated article are for those who may read it, and for those who
    answer there. `listing.threads_seen_by` says the same in SQL.
    """
    if viewer.moderates(facts.section_id):
        return None
    if facts.article_state != "published":
        return Refusal("unpublished", "There is nothing at this address.", 404)
    if facts.state == "hidden":
        return Refusal("hidden", "The discussion of this article is not shown.", 404)
    if modes.is_for_everyone(facts, now) or allows(facts.shown_to, viewer, now, "read"):
        return None
    if viewer.is_signed_in and (viewer.id == facts.article_author_id or modes.answers_here(viewer, facts)):
        return None
    return Refusal(GATED, "The conversation is for those whom the article is for.")


def may_comment(viewer: Viewer, facts: ThreadFacts, now: datetime, *, replying: bool = False) -> Refusal | None:
    """Commenting needs an open thread, the audience of that moment, a confirmed address and no restriction.

    Where readers ask and guests answer, a comment that answers none is a question, and those have their time. Guests
    and the author answer at any time, and need be no members.
    """
    state = modes.state_at(facts, now)
    if facts.article_state != "published" or state == "hidden":
        return Refusal("hidden", "The discussion of this article is not shown.")
    if state == "closed":
        return Refusal("closed", modes.closed_sentence(facts, now))
    answers = modes.answers_here(viewer, facts)
    if not replying and not answers and (sentence := modes.question_sentence(facts, now)):
        return Refusal("no_questions", sentence)
    if not viewer.is_signed_in:
        return Refusal("guest", "Sign in or join to take part in the discussion.", 401)
    if stopped := stopped_by(viewer, now):
        return stopped
    if not viewer.confirmed:
        return Refusal("unconfirmed", "Confirm your e-mail address first: the link is in the mail we sent you.")
    if replying and (unseen := may_see_thread(viewer, facts, now)):
        return unseen
    if not answers and not allows(modes.audience_at(facts, now), viewer, now, "comment"):
        return Refusal("audience", modes.audience_sentence(facts, now))
    return None


def may_reply_to(viewer: Viewer, parent: CommentFacts) -> Refusal | None:
    """Only what everybody can read is answered."""
    if parent.status == "published":
        return None
    if parent.author_id == viewer.id:
        return Refusal("parent_waiting", "You can add to this comment once it is published.", 422)
    return Refusal("parent_gone", "The comment you answer is no longer there. Your words are still here.", 422)


def may_respect(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts, now: datetime) -> Refusal | None:
    """Respect is given to other people's published comments by the article's respect audience."""
    unseen = may_see_thread(viewer, facts, now) if viewer.is_signed_in else None
    gone = comment.status != "published" and not unseen  # how a comment stands is no more told than what it says
    if facts.article_state != "published" or facts.state == "hidden" or gone:
        return Refusal("gone", "This comment is no longer there.", 404)
    if unseen:
        return unseen
    if not viewer.is_signed_in:
        return Refusal("guest", "Sign in to show respect for a comment.", 401)
    if comment.author_id == viewer.id:
        return Refusal("own", "Respect for a comment comes from others.", 422)
    if stopped := stopped_by(viewer, now):
        return stopped
    if facts.respect_audience in {EVERYONE, REGISTERED} and not viewer.confirmed:
        return Refusal("unconfirmed", "Confirm your e-mail address first: the link is in the mail we sent you.")
    if not allows(facts.respect_audience, viewer, now, "respect"):
        return Refusal("audience", "Respect is given by members here.")
    return None


def may_edit(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts, now: datetime) -> Refusal | None:
    """Authors edit what is published or waiting, for EDIT_WINDOW after it was sent."""
    if not viewer.is_signed_in or comment.author_id != viewer.id:
        return Refusal("not_yours", "Only its author can change a comment.")
    if comment.status not in {"published", "pending", "withheld"}:
        return Refusal("gone", "This comment can no longer be changed.", 409)
    if modes.state_at(facts, now) != "open":
        return Refusal("closed", "The discussion is closed, so its comments stay as they are.")
    if stopped := stopped_by(viewer, now):
        return stopped
    if now >= edit_ends_at(comment.created_at):
        minutes = int(EDIT_WINDOW.total_seconds()) // 60
        return Refusal("too_late", f"A comment can be changed for {minutes} minutes after it was sent.", 422)
    return None


def may_delete(viewer: Viewer, comment: CommentFacts) -> Refusal | None:
    """Authors delete what is theirs at any time, unless it was removed."""
    if not viewer.is_signed_in or comment.author_id != viewer.id:
        return Refusal("not_yours", "Only its author can delete a comment.")
    if comment.status == "deleted":
        return Refusal("gone", "This comment is deleted already.", 409)
    if comment.status == "rejected":
        return Refusal("rejected", "This comment was removed by the moderation team already.", 409)
    return None


def may_withdraw_name(viewer: Viewer, comment: CommentFacts) -> Refusal | None:
    """Authors take their name off what is published; what the newsroom says stays under a name."""
    if not viewer.is_signed_in or comment.author_id != viewer.id:
        return Refusal("not_yours", "Only its author can take their name off a comment.")
    if comment.status != "published":
        return Refusal("gone", "This comment cannot be read at the moment, so there is no name to take off.", 409)
    if comment.nameless:
        return Refusal("nameless", "This comment is without your name already.", 409)
    if viewer.is_staff:
        return Refusal("staff", "What the newsroom says stays under a name. You can delete it instead.")
    return None


def may_report(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts, now: datetime) -> Refusal | None:
    """Anybody, also without an account, reports what others published; not who is suspended or banned."""
    if may_see_thread(viewer, facts, now) or comment.status != "published":
        return Refusal("gone", "This comment is no longer there.", 404)
    if viewer.is_signed_in and comment.author_id == viewer.id:
        return Refusal("own", "This is your own comment: you can delete it instead.", 422)
    return stopped_by(viewer, now)


def may_choose_picks(viewer: Viewer, facts: ThreadFacts) -> Refusal | None:
    """Picks are chosen by editors, and by the author of the story for its discussion."""
    if viewer.is_editor or (viewer.is_author and viewer.id == facts.article_author_id):
        return None
    return Refusal("not_yours", "Picks are chosen by the editors and by the author of the story.")


def may_pick(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts) -> Refusal | None:
    """What others said and everybody can read may be picked."""
    if refusal := may_choose_picks(viewer, facts):
        return refusal
    if facts.article_state != "published" or facts.state == "hidden" or comment.status != "published":
        return Refusal("gone", "Readers do not see this comment, so it cannot be a Pick.", 409)
    if comment.author_id == viewer.id:
        return Refusal("own", "Your own comment is for somebody else to pick.", 422)
    return None


def may_see_comment(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts, now: datetime) -> Refusal | None:
    """Published comments and tombstones are everybody's; the rest is its author's and the moderators'."""
    if viewer.moderates(facts.section_id) or (viewer.is_signed_in and viewer.id == comment.author_id):
        return None
    if refusal := may_see_thread(viewer, facts, now):
        return refusal
    if comment.shown:
        return None
    if comment.status in {"rejected", "deleted"}:
        return Refusal("gone", "This comment is no longer here.", 410)
    return Refusal("unknown", "There is nothing at this address.", 404)


def sees_all_versions(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts) -> bool:
    """Texts that were never published are shown to their author and to the section's moderators."""
    return viewer.moderates(facts.section_id) or (viewer.is_signed_in and viewer.id == comment.author_id)


def may_see_history(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts, now: datetime) -> Refusal | None:
    """Who may read a comment may read what was changed in it; of one that was taken away, nobody else reads more."""
    if refusal := may_see_comment(viewer, facts, comment, now):
        return refusal
    if comment.status == "published" or sees_all_versions(viewer, facts, comment):
        return None
    return Refusal("gone", "This comment is no longer here.", 410)


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What decides about the page of a person who has not left."""

    id: int
    page_is_open: bool
    is_barred: bool  # suspended or banned at the moment


def may_see_page(viewer: Viewer, person: PersonFacts) -> Refusal | None:
    """One's own page always; moderators see everybody's; others where the person opened it and is not kept out.

    The answer is the one for a person who does not exist.
    """
    if viewer.id == person.id or viewer.is_moderator:
        return None
    if person.page_is_open and not person.is_barred:
        return None
    return Refusal("private", "There is nothing at this address.", 404)


def edit_ends_at(created_at: datetime) -> datetime:
    """When a comment sent at that moment can no longer be changed."""
    return created_at + EDIT_WINDOW


def sanction(viewer: Viewer, kind: str, now: datetime) -> SanctionSpan | None:
    """The restriction of that kind in force for the viewer, if any."""
    return next((span for span in viewer.sanctions if span.kind == kind and span.covers(now)), None)


def stopped_by(viewer: Viewer, now: datetime) -> Refusal | None:
    """The ban or suspension that keeps the viewer out of every discussion, with its end and reason, or else a warning
    that they have not said they read."""
    if banned := sanction(viewer, "ban", now):
        sentence = f"You can no longer take part in discussions here. {banned.reason}"
        return Refusal("banned", sentence.rstrip(), url=_decision(banned))
    if suspended := sanction(viewer, "suspension", now):
        until = f" until {date_and_time(suspended.ends_at)} UTC" if suspended.ends_at else ""
        sentence = f"You cannot take part in discussions{until}. {suspended.reason}"
        return Refusal("suspended", sentence.rstrip(), url=_decision(suspended))
    if sanction(viewer, "warning", now):
        sentence = "You were warned. Please read why under “Your account”; then you can go on."
        return Refusal("warned", sentence, url="/account/warnings")
    return None


def _decision(span: SanctionSpan) -> str:
    """Where its person reads the statement of reasons and objects to it."""
    return f"/sanctions/{span.id}/appeal" if span.id else ""
