"""What goes into an archive of the whole site, and what does not and why.

A house test walks the schema: a table that is in neither list fails the build, so whoever adds one decides here.
A noun is named like its table, its fields like the columns, and its rows keep their numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import field

from sqlalchemy import Column, ColumnElement, Table, and_, or_
from sqlalchemy.schema import sort_tables

from core.db import Base
from core.records import dataclass

PASSWORD = "password"  # noqa: S105 the name of a column
HTML = "made from the source, so that no page shows HTML that somebody wrote into an archive"
VERSION = "says which version of this program made the HTML"

SECRET: Mapping[str, str] = {
    "user.fs_uniquifier": "ends the sessions of the old place: each person gets a new one",
    "screening_service.secret": "signs what is sent to the service: it gets a new one, shown on its page",
}
DERIVED: Mapping[str, str] = {
    "article.body_html": HTML, "article.preview_html": HTML, "article.renderer_version": VERSION,
    "comment.body_html": HTML, "comment.renderer_version": VERSION, "revision.body_html": HTML,
}  # fmt: skip
PLACE: Mapping[str, str] = {
    "billing_notice.mail_id": "the number of a mail, and mails stay behind",
    **dict.fromkeys(
        ("job.id", "job.attempts", "job.leased_until", "job.leased_by", "job.finished_at", "job.failed_at", "job.error",
         "job.request_id"),
        "how far the machines of the old place were with it",
    ),
}  # fmt: skip

PROOF = "shows who somebody is, at this address only: a second factor is set up anew"
FOR_A_WHILE = "counts for minutes or hours only"
MACHINE = "what the machines of one installation have to do, or have done"
COUNTED = "counted or worked out from the rest, and made anew"

LEFT_OUT: Mapping[str, str] = {
    "authenticator_app": PROOF, "passkey": PROOF, "recovery_code": PROOF,
    "browser_session": "everybody signs in anew", "api_key": "programs get new keys, as people sign in anew",
    "spent_token": FOR_A_WHILE, "rate_count": FOR_A_WHILE,
    "claim": FOR_A_WHILE,
    "act_count": FOR_A_WHILE, "live_event": FOR_A_WHILE, "reading_now": FOR_A_WHILE,
    "comment_shape": "helps to find near-repeats of the last days", "schedule": MACHINE, "heartbeat": MACHINE,
    "data_copy": "somebody's own archive, kept for a week: they can have another one made",
    "site_export": "an archive is in no archive",
    "mail": "mails hold links that open accounts, and nobody is written to twice",
    "stripe_event": "Stripe's messages: what came of them is in the tables of payments, and Stripe is asked for more",
    "comment_words": COUNTED, "thread_backlog": COUNTED, "insight": COUNTED, "waiting_time": COUNTED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Noun:
    """One file of an archive: a table without what is secret or made from the rest."""

    table: Table
    columns: tuple[Column[object], ...]  # in their order, without the password
    kept: ColumnElement[bool] | None = None  # other rows stay behind
    paths: frozenset[str] = field(default_factory=frozenset)  # columns that lead somewhere on this site

    @property
    def name(self) -> str:
        return self.table.name

    def fields(self, *, passwords: bool) -> tuple[Column[object], ...]:
        """The columns as they stand in an archive with or without passwords."""
        if passwords and self.name == "user":
            return (*self.columns, self.table.c[PASSWORD])
        return self.columns


def _waits(job: Table) -> ColumnElement[bool]:
    """Work that is not done, without what its new place asks for itself and what is about rows that stay behind."""
    starts = ("accounts.", "mail.", "publisher.export", "stripe.event")
    elsewhere = or_(*(job.c.kind.startswith(start) for start in starts))
    is_repeating = and_(job.c.key.is_not(None), job.c.key.startswith("repeating:"))
    return and_(job.c.finished_at.is_(None), job.c.failed_at.is_(None), ~elsewhere, ~is_repeating)


_KEPT: Mapping[str, Callable[[Table], ColumnElement[bool]]] = {
    "draft": lambda table: table.c.user_id.is_not(None),  # a guest's browser knows the old place only
    "job": _waits,
}
_PATHS = {
    "checkout_attempt": frozenset({"return_path"}), "notice_cause": frozenset({"url", "many_url", "reply_url"}),
}  # fmt: skip


def nouns() -> tuple[Noun, ...]:
    """Every noun, those that others point to first."""
    tables = [table for table in Base.metadata.tables.values() if table.name not in LEFT_OUT]
    return tuple(_noun(table) for table in sort_tables(tables))


def _noun(table: Table) -> Noun:
    hidden = {*SECRET, *DERIVED, *PLACE, f"user.{PASSWORD}"}
    columns = tuple(column for column in table.columns if f"{table.name}.{column.name}" not in hidden)
    kept = _KEPT[table.name](table) if table.name in _KEPT else None
    return Noun(table, columns, kept, _PATHS.get(table.name, frozenset()))
