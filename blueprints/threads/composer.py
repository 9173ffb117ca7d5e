"""The composer in its states: open, for somebody who has yet to join, closed, or denied with a reason."""

from datetime import datetime

from markupsafe import Markup

from blueprints.membership.entitlements import EVERYONE, REGISTERED
from blueprints.threads import modes
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.nudging import Asked
from blueprints.threads.policy import Refusal
from blueprints.threads.queries import Offer
from blueprints.threads.queries_authors import NEVER_HERE, Here
from blueprints.threads.writing import MAX_LENGTH
from core.errors import DomainError
from core.records import dataclass
from core.rendering import money
from core.viewer import Viewer

HINT_OPEN = "Please stay on the story. You can change your comment for five minutes."
HINT_QUESTION = "Ask one thing, in a sentence or two. The questions that most readers respect come first."


@dataclass(frozen=True, slots=True)
class Composer:
    """What the composer's template reads."""

    mode: str  # open, guest, closed, denied
    action: str
    article_id: int
    body: str = ""
    parent_id: int | None = None
    parent_name: str = ""
    is_edit: bool = False
    is_signed_in: bool = False
    name: str = ""
    sentence: str = ""
    reasons_url: str = ""  # denied by a decision about this person: where it is read and objected to
    reasons_link: str = ""
    hint: str = HINT_OPEN
    button: str = "Post"
    error: str = ""
    error_url: str = ""
    error_link: str = ""
    from_draft: bool = False
    draft: int | str = 0  # the generation of the place, see `blueprints.threads.drafts`
    focus: bool = False
    cancel_url: str = ""
    comment_id: int | None = None  # the comment that is changed
    people_url: str = ""  # where names for an @ are asked for
    preview: Markup | None = None  # the words as they would be published
    quotation: str = ""  # words of another comment, at the end of the body, for scripts to put elsewhere
    wait: int = 0  # seconds until this can be sent
    limit: int = MAX_LENGTH
    is_question: bool = False
    before: tuple[str, ...] = ()  # what to know before writing
    quiz_url: str = ""  # where it is to be answered before the first comment
    gap_seconds: int = 0  # slow mode: between two comments of this person
    free_at: datetime | None = None  # from when the next one can be sent, if not yet
    key: str = "composer"  # the id of the form
    nudge: Asked | None = None  # what its author is asked once before these words are posted
    marked: Markup | None = None  # the words with the passages that it is about

    @property
    def kept(self) -> bool:
        return bool(self.body)


def is_for_members(facts: ThreadFacts, now: datetime) -> bool:
    """Whether commenting takes a plan at that moment, rather than an account only."""
    return modes.audience_at(facts, now) not in {EVERYONE, REGISTERED}


def leads_to_joining(refusal: Refusal | DomainError | None) -> bool:
    """Whether the refused person may still write: the words are kept until they have joined."""
    return refusal is not None and refusal.code in {"guest", "audience"}


def composer_for(
    facts: ThreadFacts,
    viewer: Viewer,
    refusal: Refusal | None,
    offer: Offer | None,
    *,
    now: datetime,
    here: Here = NEVER_HERE,
    body: str = "",
    parent_id: int | None = None,
    parent_name: str = "",
    error: str = "",
    error_url: str = "",
    error_link: str = "",
    from_draft: bool = False,
    draft: int | str = 0,
    focus: bool = False,
    cancel_url: str = "",
    wait: int = 0,
    key: str = "composer",
    newcomer: str = "",
) -> Composer:
    """The composer for this person in this thread. `newcomer` is what the screening does with their first comments."""
    asks = facts.takes_questions and parent_id is None and not modes.is_at_home(viewer, facts)
    mode, hint, sentence = "open", HINT_QUESTION if asks else HINT_OPEN, ""
    button = "Post reply" if parent_id else "Post question" if asks else "Post comment"
    if refusal is not None:
        mode, sentence = _mode(refusal), refusal.sentence
        hint, button = _invitation(facts, offer, now)
    free_at = modes.free_at(viewer, facts, here.last_at, now)
    before = modes.before_writing(facts, viewer, now, replying=parent_id is not None, newcomer=newcomer)
    if wait:  # the refusal says why, and counts down
        free_at, before = None, tuple(sentence for sentence in before if not error.startswith(sentence))
    return Composer(
        mode=mode,
        action=f"{facts.article_url}/comments",
        article_id=facts.article_id,
        body=body,
        parent_id=parent_id,
        parent_name=parent_name,
        is_signed_in=viewer.is_signed_in,
        name=viewer.display_name,
        sentence=sentence,
        reasons_url=refusal.url if refusal else "",
        reasons_link=_reasons_link(refusal),
        hint=hint,
        button=button,
        error=error,
        error_url=error_url,
        error_link=error_link,
        from_draft=from_draft,
        draft=draft,
        focus=focus,
        cancel_url=cancel_url,
        people_url=f"{facts.article_url}/people" if mode == "open" else "",
        wait=wait,
        key=key,
        is_question=asks,
        before=before,
        quiz_url=f"{facts.article_url}/quiz" if modes.needs_quiz(viewer, facts) and not here.knows_story else "",
        gap_seconds=int(modes.gap(viewer, facts, now).total_seconds()),
        free_at=free_at if free_at and free_at > now else None,
    )


def _mode(refusal: Refusal) -> str:
    if leads_to_joining(refusal):
        return "guest"
    return "closed" if refusal.code in {"closed", "hidden", "no_questions"} else "denied"


def _reasons_link(refusal: Refusal | None) -> str:
    if refusal is None or not refusal.url:
        return ""
    return "Read the warning" if refusal.code == "warned" else "Read the decision or object to it"


def _invitation(facts: ThreadFacts, offer: Offer | None, now: datetime) -> tuple[str, str]:
    if not is_for_members(facts, now):
        return "An account is enough to join in. Your words are kept while you sign up.", "Sign up and post"
    if offer is None:
        return "Members join in here. Your words are kept meanwhile.", "Join the conversation"
    price = f"{money(offer.amount_cents, offer.currency)} a {offer.interval}"
    return (
        f"{offer.plan_name} members join in, from {price}, cancel in three presses. "
        "Your words are kept while you join.",
        f"Join the conversation as a {offer.plan_name} Member",
    )


def edit_composer(
    facts: ThreadFacts, comment_id: int, body: str, ends_at: datetime, *, cancel_url: str, error: str = "",
    wait: int = 0,
) -> Composer:  # fmt: skip
    """The composer that changes a comment."""
    return Composer(
        mode="open",
        action=f"/comments/{comment_id}/edit",
        article_id=facts.article_id,
        body=body,
        is_edit=True,
        is_signed_in=True,
        hint=f"You can change this until {ends_at:%H:%M:%S} UTC. Readers can see what was changed.",
        button="Save",
        error=error,
        wait=wait,
        comment_id=comment_id,
        people_url=f"{facts.article_url}/people",
        focus=True,
        cancel_url=cancel_url,
    )
