"""The person a page is made for, as plain values: what every policy and template asks."""

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import Literal, cast

from flask import current_app, g

from core.records import dataclass

Role = Literal["author", "moderator", "lead", "editor", "publisher"]
ROLES: tuple[Role, ...] = ("author", "moderator", "lead", "editor", "publisher")


Act = Literal["read", "comment", "respect"]
EVERY_ACT: frozenset[Act] = frozenset({"read", "comment", "respect"})


def grants(reading: bool, commenting: bool, respect: bool) -> frozenset[Act]:
    """The acts that a plan's three flags grant."""
    flags: tuple[tuple[bool, Act], ...] = ((reading, "read"), (commenting, "comment"), (respect, "respect"))
    return frozenset(act for flag, act in flags if flag)


@dataclass(frozen=True, slots=True)
class EntitlementSpan:
    """One reason for access: to which plan, from when, until when (None: without end), and from where.

    `grants` are the audiences that the plan makes its members part of.
    """

    plan_key: str
    starts_at: datetime
    ends_at: datetime | None
    source: str
    grants: frozenset[Act] = EVERY_ACT
    ad_free: bool = False

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class SanctionSpan:
    """A restriction in force for a person; `ends_at` None means until it is lifted."""

    kind: str
    starts_at: datetime
    ends_at: datetime | None
    reason: str
    id: int = 0

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. `id` is None for a guest. Entitlements and sanctions are those not yet over when loaded."""

    id: int | None = None
    display_name: str = ""
    email: str = ""
    confirmed: bool = False
    roles: frozenset[str] = frozenset()
    section_ids: frozenset[int] = frozenset()  # a moderator's limits; empty: all sections
    entitlements: tuple[EntitlementSpan, ...] = ()
    sanctions: tuple[SanctionSpan, ...] = ()
    thread_sort: str | None = None  # the order of discussions they chose
    reading_keys: bool = True  # whether single keys move through a discussion
    unread: str = ""  # the number on the bell: empty for none, at most "99+"
    session_id: int | None = field(default=None, compare=False)  # the signed-in browser
    waiting_roles: frozenset[str] = frozenset()  # those that need a second factor, which was not shown
    proved_at: datetime | None = field(default=None, compare=False)  # when they last proved there who they are
    second_factor: bool = field(default=False, compare=False)  # whether that took more than a password
    loaded_at: datetime | None = field(default=None, compare=False)

    @property
    def is_signed_in(self) -> bool:
        return self.id is not None

    @property
    def is_author(self) -> bool:
        return bool(self.roles & {"author", "editor", "publisher"})

    @property
    def is_moderator(self) -> bool:
        return bool(self.roles & {"moderator", "lead", "editor", "publisher"})

    @property
    def is_lead(self) -> bool:
        """Whether they set how the desk works: the ladder, whom it protects, surges of the whole site."""
        return bool(self.roles & {"lead", "editor", "publisher"})

    @property
    def is_editor(self) -> bool:
        return bool(self.roles & {"editor", "publisher"})

    @property
    def is_publisher(self) -> bool:
        return "publisher" in self.roles

    @property
    def is_staff(self) -> bool:
        return bool(self.roles)

    @property
    def is_member(self) -> bool:
        """For the page's greeting and marks; whether something is allowed is asked of the policies."""
        at = self.loaded_at
        return at is not None and any(span.covers(at) for span in self.entitlements)

    @property
    def is_ad_free(self) -> bool:
        """Whether a plan of theirs promises pages without advertisements."""
        at = self.loaded_at
        return at is not None and any(span.ad_free and span.covers(at) for span in self.entitlements)

    def moderates(self, section_id: int | None) -> bool:
        """Whether this moderator's limits let them work on that section."""
        return self.is_moderator and (
            not self.section_ids or section_id in self.section_ids or self.is_editor
        )


GUEST = Viewer()

_EXTENSION = "rejoinder_viewer_loader"


def register_viewer_loader(app: object, loader: Callable[[], Viewer]) -> None:
    """Say how the viewer of a request is found; called once, by the accounts domain."""
    app.extensions[_EXTENSION] = loader  # type: ignore[attr-defined]


def current_viewer() -> Viewer:
    """The viewer of this request, loaded at most once."""
    if "viewer" not in g:
        g.viewer = cast(Callable[[], Viewer], current_app.extensions[_EXTENSION])()
    return cast(Viewer, g.viewer)


def forget_viewer() -> None:
    """Load the viewer anew on the next question: after signing in or out, or a change of rights."""
    g.pop("viewer", None)
    g.pop("desk_waits", None)


_DESK = "rejoinder_desk_waits"


def register_desk(app: object, waits: Callable[[Viewer], str]) -> None:
    """Say how much waits on the desk for a moderator; called once, by the moderation domain."""
    app.extensions[_DESK] = waits  # type: ignore[attr-defined]


def desk_waits() -> str:
    """How much waits on the desk for the viewer of this request, as the bell says numbers: empty for nothing.

    Asked at most once, and only for those who moderate.
    """
    if not current_viewer().is_moderator:
        return ""
    if "desk_waits" not in g:
        g.desk_waits = cast(Callable[[Viewer], str], current_app.extensions[_DESK])(current_viewer())
    return cast(str, g.desk_waits)
