"""Moving a branch of comments to the discussion it belongs to, and taking that back.

Called inside the caller's transaction; nothing here commits. Locks: both threads in the order of their ids, then the
end of the ledger.
"""

import re
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries, queries_moving
from blueprints.moderation.decision import Decision, checked_note, tell_soon
from blueprints.threads import moving, queries_facts
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.policy import refuse
from core import clock, text
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.viewer import Viewer

_ADDRESS = re.compile(r"(?:^|/articles/)([a-z0-9][a-z0-9-]*)/?(?:[?#].*)?$")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch before it is moved: how much of it there is, and where it could go."""

    root_id: int
    thread_id: int
    headline: str
    slug: str
    comments: int
    published: int
    authors: int
    places: list[Row[Any]]  # slug and headline of newer articles

    @property
    def is_too_large(self) -> bool:
        return self.comments > moving.MOST_AT_ONCE


def branch(session: Session, viewer: Viewer, comment_id: int) -> Branch:
    """The branch that a comment stands in. Raises NotFound outside of the moderator's sections."""
    facts = queries_facts.facts_of_comment(session, comment_id)
    if facts is None or policy.may_moderate(viewer, facts.section_id):
        raise NotFound
    root_id = queries_moving.root_of(session, comment_id)
    reach = queries_moving.reach_of(session, root_id)
    places = queries_moving.places(session, queries.sections_of(viewer), facts.thread_id)
    return Branch(root_id, facts.thread_id, facts.headline, facts.slug, int(reach.comments), int(reach.published),
                  int(reach.authors), places)  # fmt: skip


def move_branch(
    session: Session, *, comment_id: int, from_thread_id: int, to_address: str, reason: str, actor_id: int
) -> Decision:
    """Move a root with everything below it to the discussion of the article at this address.

    `from_thread_id` is where it stood when it was looked at; `reason` is what its authors read. Raises Conflict where
    it was moved meanwhile, and DomainError with a sentence for what cannot be.
    """
    reason = checked_note(reason)
    if text.is_blank(reason):
        raise DomainError("Please say why, in a sentence the authors can read.")
    there = _article_at(session, to_address)
    if there.thread_id == from_thread_id:
        raise DomainError("The branch stands in this discussion already. Please choose another article.")
    if there.state == "hidden":
        raise DomainError("Readers do not see the discussion of this article. Please choose another one.")
    return _move(session, comment_id, from_thread_id, there.thread_id, reason, actor_id)


def undo_move(session: Session, row: Row[Any], actor_id: int) -> Decision:
    """Move a branch back. Raises Conflict where it was moved on since."""
    return _move(session, row.comment_id, int(row.to_state), int(row.from_state), row.reason, actor_id,
                 undoes_id=row.id)  # fmt: skip


def _move(
    session: Session, root_id: int, from_id: int, to_id: int, reason: str, actor_id: int, *,
    undoes_id: int | None = None,
) -> Decision:  # fmt: skip
    root = _locked(session, root_id, from_id, to_id, actor_id)
    here, there = (queries_facts.facts_of_thread(session, thread_id) for thread_id in (from_id, to_id))
    actor = queries.staff_member(session, actor_id)
    for facts in (here, there):
        refuse(policy.may_moderate(actor, facts.section_id))
    moved = moving.move_branch(session, root, to_thread_id=to_id, article_author_id=there.article_author_id)
    now = clock.now()
    action_id = ledger.append(
        session, action="move", at=now, actor_id=actor_id, user_id=moved.author_id, comment_id=root_id,
        thread_id=from_id, from_state=str(from_id), to_state=str(to_id), reason=reason, undoes_id=undoes_id,
        before={"thread_id": from_id, "article": here.headline},
        after={"thread_id": to_id, "article": there.headline, "comments": moved.comments},
    )  # fmt: skip
    tell_soon(action_id, now)
    return Decision(action_id, "move", root_id, moved.author_id, str(from_id), str(to_id))


def _locked(session: Session, root_id: int, from_id: int, to_id: int, actor_id: int) -> Any:
    try:
        return moving.lock_both(session, root_id, from_thread_id=from_id, to_thread_id=to_id)
    except Conflict:
        last = queries_moving.last_move(session, root_id)
        if last is None:
            raise
        by = "you" if last.actor_id == actor_id else last.actor
        raise Conflict(f"Already moved to the discussion of “{last.headline}” by {by}.") from None


def _article_at(session: Session, address: str) -> ThreadFacts:
    """The discussion of the article that an address, or the last part of one, names.

    A story that is not published is none here: its address is the newsroom's business.
    """
    found = _ADDRESS.search(address.strip())
    facts = queries_facts.facts_of_article(session, found.group(1)) if found else None
    if facts is None or facts.article_state != "published":
        raise DomainError("There is no article at this address. Please copy it from the article’s page.")
    return facts
