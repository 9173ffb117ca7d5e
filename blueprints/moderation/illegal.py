"""Notices of illegal content, from anybody (DSA art. 16): taken in, answered with reasons, looked at once more.

Inside the caller's transaction. Locks in the house's order: thread, comment, notice, and the end of the ledger last.
"""

import hashlib
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries, queries_illegal, queries_people
from blueprints.moderation.decision import checked_note
from blueprints.moderation.service import reject_comment
from blueprints.notifications.service import is_plain_address, send_mail
from blueprints.threads.locking import lock_comment
from blueprints.threads.policy import refuse
from core import clock, text
from core.errors import Conflict, DomainError, NotFound
from core.ids import MAX_ID
from core.records import dataclass
from core.rendering import date
from models.fairness import IllegalNotice
from models.thread import Comment

EXPLANATION_LENGTH = 5_000
LINE_LENGTH = 300
URL_LENGTH = 500
NAME_LENGTH = 120
# Art. 16 (2) (c): for offences against children nobody has to say who they are.
NAMELESS_CATEGORY = "children"
CATEGORIES = {
    "hate": "It incites to hatred or violence", "threat": "It threatens somebody",
    "defamation": "It says something false that harms somebody’s reputation",
    "privacy": "It shows private facts or data of somebody", "rights": "It infringes a copyright or another right",
    "fraud": "It deceives people or sells what may not be sold", "children": "It sexually abuses or exploits children",
    "other": "It breaks another law",
}  # fmt: skip
OUTCOMES = {
    "removed": "The content was removed or not published", "kept": "The content stays",
    "elsewhere": "This is not for us to decide",
}  # fmt: skip
MAIL_REASON = "You get this mail because you notified us of content on this site."
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that are taken for another when read out
_COMMENT_PATH = re.compile(r"/comments/(\d{1,10})(?:/|$)")
_COMMENT_MARK = re.compile(r"comment-(\d{1,10})$")


class Unfit(DomainError):
    """What was typed cannot be taken; `field` is where."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence, 422, "unfit")
        self.field = field


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody sent."""

    url: str
    category: str
    explanation: str
    name: str
    email: str
    in_good_faith: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A notice as it was taken in: its reference, and the secret half of the link to its page."""

    reference: str
    secret: str

    @property
    def path(self) -> str:
        return f"/illegal-content/{self.reference}/{self.secret}"


def take_in(session: Session, typed: Typed, notifier_id: int | None = None) -> Taken:
    """Store a notice, freeze which text it is about, and send the receipt. Raises Unfit with the field.

    `notifier_id` is who is signed in; no more is kept of it than whether they are a trusted flagger.
    """
    url, comment_id = _place(typed.url)
    explanation = text.normalise(typed.explanation).strip()
    name = " ".join(text.normalise(typed.name).split())
    email = typed.email.strip()
    if typed.category not in CATEGORIES:
        raise Unfit("category", "Please choose what is illegal about it.")
    if text.is_blank(explanation):
        raise Unfit("explanation", "Please explain why you think that this is illegal.")
    if len(explanation) > EXPLANATION_LENGTH:
        raise Unfit("explanation", f"The explanation can have up to {EXPLANATION_LENGTH:,} characters.")
    may_be_nameless = typed.category == NAMELESS_CATEGORY
    if (text.is_blank(name) and not may_be_nameless) or len(name) > NAME_LENGTH:
        raise Unfit("name", "Please give your name. The law asks for it with this kind of notice.")
    if not (email == "" and may_be_nameless) and not is_plain_address(email):
        raise Unfit("email", "Please give an e-mail address, so that you get the receipt and the decision.")
    if not typed.in_good_faith:
        raise Unfit("in_good_faith", "Please confirm this. The law asks for it.")
    comment = session.get(Comment, comment_id) if comment_id is not None else None
    if comment_id is not None and comment is None:
        raise Unfit("url", "There is no such comment on this site. Please look at the address again.")
    taken = Taken(_reference(), secrets.token_urlsafe(18))
    row = IllegalNotice(
        reference=taken.reference, secret_hash=_hash(taken.secret), comment_id=comment_id, url=url,
        revision=comment.revision if comment else None, category=typed.category, explanation=explanation,
        name=name, email=email, created_at=clock.now(),
        by_trusted=queries_people.flagger(session, notifier_id) is not None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _mail(
        row, "receipt", f"We have received your notice {row.reference}",
        ["Thank you for telling us. A person looks at it, not a program, and you get a mail with the decision and its "
         "reasons.", f"Your reference is {row.reference}. The link below shows where it stands; keep it to yourself, "
         "for whoever has it can read your notice."],
        "See where your notice stands", taken.path,
    )  # fmt: skip
    return taken


def decide(
    session: Session, *, notice_id: int, actor_id: int, outcome: str, legal_ground: str, answer: str, note: str = "",
    revision: int | None = None,
) -> int:  # fmt: skip
    """Answer a notice. `removed` takes the comment out of the discussion, under the law that is named.

    `answer` is read by the notifier, `note` by the comment's author. Returns the id of the entry in the ledger. Raises
    Conflict when a colleague answered meanwhile or the text is another by now.
    """
    answer, legal_ground = checked_note(answer), " ".join(text.normalise(legal_ground).split())
    if outcome not in OUTCOMES:
        raise DomainError("Please choose what becomes of it.")
    _check_words(outcome, legal_ground, answer)
    found, comment, row = _locked(session, notice_id, actor_id)
    if row.outcome != "open":
        raise Conflict("This notice has been answered already.")
    if outcome == "removed":
        _remove(session, row, comment, actor_id, legal_ground, note, revision)
    row.outcome, row.legal_ground, row.answer = outcome, legal_ground if outcome == "removed" else "", answer
    row.decided_by, row.decided_at = actor_id, clock.now()
    row.action_id = _note_down(session, "notice", row, found, actor_id, "open", outcome, answer)
    session.flush()
    _mail(
        row, "decision", f"Our decision on your notice {row.reference}",
        [f"{OUTCOMES[outcome]}. A person decided this, without a program.", f"The reasons: {answer}",
         "If you think this is wrong, you can ask for another look within six months, on the page of your notice; its "
         "link is in the receipt we sent you. You can also turn to a body that settles disputes out of court, or go to "
         "court."],
    )  # fmt: skip
    return row.action_id


def object_to(session: Session, reference: str, secret: str, words: str) -> None:
    """Ask for another look, once, by somebody else. Raises NotFound, Conflict, or DomainError with a sentence."""
    row = queries_illegal.notice_locked(session, reference, _hash(secret))
    if row is None:
        raise NotFound
    words = text.normalise(words).strip()
    refuse(policy.may_ask_again(row.outcome, row.objected_at, row.decided_at, clock.now()))
    if text.is_blank(words):
        raise DomainError("Please say why you think that the decision is wrong.")
    if len(words) > EXPLANATION_LENGTH:
        raise DomainError(f"This can have up to {EXPLANATION_LENGTH:,} characters.")
    row.objection, row.objected_at, row.second_outcome = words, clock.now(), "open"


def decide_again(
    session: Session, *, notice_id: int, actor_id: int, outcome: str, legal_ground: str, answer: str, note: str = "",
    revision: int | None = None,
) -> int:  # fmt: skip
    """Answer who asked for another look: by somebody else than the first time. Raises as `decide` does."""
    answer, legal_ground = checked_note(answer), " ".join(text.normalise(legal_ground).split())
    if outcome not in {"removed", "kept"}:
        raise DomainError("Please choose what becomes of it.")
    _check_words(outcome, legal_ground, answer)
    found, comment, row = _locked(session, notice_id, actor_id)
    if row.second_outcome != "open":
        raise Conflict("This has been answered already.")
    refuse(policy.may_decide_appeal(queries.staff_member(session, actor_id), row.decided_by, -1))
    if outcome == "removed":
        _remove(session, row, comment, actor_id, legal_ground, note, revision)
        row.legal_ground = legal_ground
    row.second_outcome, row.second_answer = outcome, answer
    row.second_by, row.second_at = actor_id, clock.now()
    action_id = _note_down(session, "notice-again", row, found, actor_id, row.outcome, outcome, answer)
    session.flush()
    _mail(
        row, "second", f"Another look at your notice {row.reference}",
        [f"Somebody else has looked at it. {OUTCOMES[outcome]}.", f"The reasons: {answer}",
         "You can still turn to a body that settles disputes out of court, or go to court."],
    )  # fmt: skip
    return action_id


def find(session: Session, reference: str, secret: str) -> Row[Any]:
    """The notice of a secret link. Raises NotFound, the same for a wrong secret and a wrong reference."""
    found = queries_illegal.by_link(session, reference, _hash(secret))
    if found is None:
        raise NotFound
    return found


def _locked(session: Session, notice_id: int, actor_id: int) -> tuple[Row[Any], Comment | None, IllegalNotice]:
    found = queries_illegal.notice(session, notice_id)
    if found is None:
        raise NotFound
    comment = lock_comment(session, found.comment_id)[1] if found.comment_id is not None else None
    row = queries_illegal.notice_by_id_locked(session, notice_id)
    actor = queries.staff_member(session, actor_id)
    refuse(policy.may_moderate(actor, found.section_id))
    if comment is not None:
        refuse(policy.may_decide(actor, comment.author_id))
    return found, comment, row


def _check_words(outcome: str, legal_ground: str, answer: str) -> None:
    if text.is_blank(answer):
        raise DomainError("Please give the reasons; who notified us reads them.")
    if outcome == "removed" and text.is_blank(legal_ground):
        raise DomainError("Please name the law under which it is illegal; its author reads it.")
    if len(legal_ground) > LINE_LENGTH:
        raise DomainError(f"The law can be named in up to {LINE_LENGTH} characters.")


def _remove(
    session: Session, row: IllegalNotice, comment: Comment | None, actor_id: int, legal_ground: str, note: str,
    revision: int | None,
) -> None:  # fmt: skip
    if comment is None:
        raise DomainError("This notice names no comment, so nothing can be removed here.")
    if comment.status in {"rejected", "deleted"}:
        return  # nobody can read it any more; the answer says so
    reject_comment(
        session, comment_id=comment.id, revision=comment.revision if revision is None else revision,
        actor_id=actor_id, rule_id=None, note=note, legal_ground=legal_ground, notice_id=row.id,
    )  # fmt: skip


def _note_down(
    session: Session, action: str, row: IllegalNotice, found: Row[Any], actor_id: int, before: str, after: str,
    answer: str,
) -> int:  # fmt: skip
    return ledger.append(
        session, action=action, at=clock.now(), actor_id=actor_id, comment_id=row.comment_id,
        thread_id=found.thread_id, user_id=found.author_id, from_state=before, to_state=after, revision=row.revision,
        reason=answer, after={"notice": row.reference, "category": row.category, "legal_ground": row.legal_ground},
    )  # fmt: skip


def _mail(
    row: IllegalNotice, which: str, subject: str, paragraphs: list[str], label: str = "", path: str = ""
) -> None:
    if not row.email:
        return
    about = f"It was about {row.url}, and reached us on {date(row.created_at)}."
    send_mail(
        kind="illegal-content", recipient=row.email, subject=subject, template="decision",
        dedupe_key=f"illegal-content:{row.id}:{which}",
        context={"heading": subject, "paragraphs": [*paragraphs, about], "quote": "", "action_label": label,
                 "action_path": path, "reason": MAIL_REASON},
    )  # fmt: skip


def _place(typed: str) -> tuple[str, int | None]:
    """The address on this site that was given, and the comment it names. Raises Unfit for any other."""
    url = text.normalise(typed).strip()
    try:
        parts = urlsplit(url)
        host, path = parts.netloc, parts.path
    except ValueError:
        host, path, parts = "?", "", urlsplit("")
    ours = urlsplit(current_app.config["SETTINGS"].base_url)
    if len(url) > URL_LENGTH or not path.startswith("/") or (host and host != ours.netloc):
        raise Unfit("url", f"Please give the address of the content; it begins with {ours.scheme}://{ours.netloc}/.")
    named = _COMMENT_PATH.search(path) or _COMMENT_MARK.search(parts.fragment)
    number = int(named.group(1)) if named else None
    if number is not None and number > MAX_ID:
        raise Unfit("url", "There is no such comment on this site. Please look at the address again.")
    return f"{ours.scheme}://{ours.netloc}{path}" + (f"#{parts.fragment}" if parts.fragment else ""), number


def _reference() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
