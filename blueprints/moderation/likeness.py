"""Accounts that may be one person: pairs with their reasons, for a person to look at.

Nothing ever follows from a pair by itself, and no reason is enough alone: families share networks and addresses look
alike. A verdict is a note for colleagues; what is done about it is a decision like any other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from itertools import combinations

from sqlalchemy.orm import Session

from blueprints.moderation import queries_likeness
from core import clock
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass

JOINED_WITHIN = timedelta(days=90)
BARRED_WITHIN = timedelta(days=365)
SOON_AFTER = timedelta(days=7)
WORDS_WITHIN = timedelta(days=30)
SAME_WORDS = 2  # texts that both posted word for word
ENOUGH = 2  # the strength from which a pair is shown
SHORTEST_NAME = 5  # of a skeleton that is compared with one letter more, fewer or other
CROWD = 12  # more accounts than that in one place say nothing of any two of them
VERDICTS = ("same", "different")


@dataclass(frozen=True, slots=True)
class Account:
    """What is compared of an account."""

    id: int
    name: str
    skeleton: str
    email: str
    joined_at: datetime
    barred_at: datetime | None
    is_staff: bool


@dataclass
class _Pair:
    strength: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, strength: int, reason: str) -> None:
        self.strength += strength
        self.reasons.append(reason)


@dataclass(frozen=True, slots=True)
class Found:
    """A pair worth a look: the lower id first."""

    first_id: int
    second_id: int
    strength: int
    reasons: tuple[str, ...]


def compare(
    accounts: Sequence[Account], places: Iterable[tuple[int, str]], words: Iterable[tuple[int, int, int]]
) -> list[Found]:
    """The pairs among these accounts. `places` are accounts with a network and device, `words` pairs of accounts with
    the number of texts that both posted. Pure.
    """
    known = {account.id: account for account in accounts}
    pairs: dict[tuple[int, int], _Pair] = defaultdict(_Pair)

    def pair(one: int, other: int) -> _Pair:
        return pairs[(min(one, other), max(one, other))]

    for one, other in _alike((account.id, mailbox(account.email)) for account in accounts):
        pair(one, other).add(3, "Their addresses lead to one mailbox.")
    for one, other in _names_alike(accounts):
        staff = known[one].is_staff or known[other].is_staff
        pair(one, other).add(2 if staff else 1, "Their names differ by one letter.")
    for one, other in _alike(places):
        if one in known and other in known:
            pair(one, other).add(1, "They were signed in from one network with the same kind of browser.")
    for one, other, number in words:
        if one in known and other in known and number >= SAME_WORDS:
            pair(one, other).add(2, f"They posted {number} texts that are the same word for word.")
    for (one, other), found in pairs.items():
        for barred, newer in ((known[one], known[other]), (known[other], known[one])):
            if barred.barred_at and barred.barred_at <= newer.joined_at <= barred.barred_at + SOON_AFTER:
                days = (newer.joined_at - barred.barred_at).days
                when = "on the same day" if days == 0 else f"{days} day{'s' if days != 1 else ''} after"
                found.add(2, f"{newer.name} joined {when}, when {barred.name} was kept out.")
    return [
        Found(one, other, found.strength, tuple(found.reasons))
        for (one, other), found in sorted(pairs.items()) if found.strength >= ENOUGH
    ]  # fmt: skip


def mailbox(email: str) -> str:
    """Where a message to an address most likely arrives: without what stands behind a plus, and without dots where
    the provider ignores them."""
    local, _, domain = email.partition("@")
    local = local.partition("+")[0]
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}" if local and domain else ""


def _alike(marks: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    """Pairs that share a mark; a mark of a crowd says nothing."""
    places: dict[str, set[int]] = defaultdict(set)
    for account_id, mark in marks:
        if mark:
            places[mark].add(account_id)
    seen: set[tuple[int, int]] = set()
    for ids in places.values():
        if 1 < len(ids) <= CROWD:
            seen.update(combinations(sorted(ids), 2))
    yield from sorted(seen)


def _names_alike(accounts: Sequence[Account]) -> Iterator[tuple[int, int]]:
    """Pairs whose skeletons differ by one letter. Each name meets those that lose one letter to the same rest, so the
    work grows with the number of names and not with its square."""
    skeletons = {account.id: account.skeleton for account in accounts if len(account.skeleton) >= SHORTEST_NAME}
    rests = (
        (account_id, rest)
        for account_id, name in skeletons.items()
        for rest in {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}
    )
    for one, other in _alike(rests):
        if _one_letter_apart(skeletons[one], skeletons[other]):
            yield one, other


def _one_letter_apart(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, other_rest = one[start:], other[start:]
    return rest[1:] == other_rest[1:] or rest == other_rest[1:] or rest[1:] == other_rest


def look_for_pairs(session: Session) -> int:
    """Compare who joined or was kept out lately, and note the pairs. Returns how many there are."""
    now = clock.now()
    rows = queries_likeness.accounts(session, joined_since=now - JOINED_WITHIN, barred_since=now - BARRED_WITHIN)
    accounts = [Account(*tuple(row)) for row in rows]
    ids = [account.id for account in accounts]
    found = compare(
        accounts, queries_likeness.places(session, ids), queries_likeness.same_words(session, now - WORDS_WITHIN)
    )
    for pair in found:
        queries_likeness.note(session, pair.first_id, pair.second_id, "\n".join(pair.reasons)[:400], pair.strength, now)
    return len(found)


def judge(session: Session, *, first_id: int, second_id: int, verdict: str, actor_id: int) -> None:
    """Note what a person makes of a pair. Raises Conflict where a colleague has already."""
    if verdict not in VERDICTS:
        raise DomainError("Please choose whether they are the same person.")
    row = queries_likeness.pair_locked(session, first_id, second_id)
    if row is None:
        raise NotFound
    if row.closed_at is not None:
        raise Conflict("A colleague has looked at this pair already.")
    row.verdict, row.closed_by, row.closed_at = verdict, actor_id, clock.now()
