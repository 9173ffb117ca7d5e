"""A case: a comment with everything a moderator needs to decide about it, put together for a whole page at once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup
from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ladder, policy, queries, queries_cases, queries_claims, queries_people, trust
from blueprints.moderation.languages import LANGUAGES
from blueprints.moderation.queries_queues import HARSH, SEVERE_REPORTS
from blueprints.moderation.words import SANCTIONS
from blueprints.site.queries import site
from blueprints.threads.screening import SEVERITIES, passages
from core.changes import Change, changes
from core.markup import plain_text
from core.records import dataclass
from core.rendering import date_and_time
from core.viewer import Viewer


@dataclass(frozen=True, slots=True)
class SanctionView:
    """A sanction as the desk shows it."""

    id: int
    title: str
    reason: str
    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None
    action_id: int
    rule_title: str | None
    actor: str | None
    in_force: bool

    @property
    def span(self) -> str:
        """Until when, in a few words."""
        if self.lifted_at is not None:
            return f"lifted {date_and_time(self.lifted_at)}"
        if self.ends_at is None:
            return "no end" if self.in_force else ""
        return f"{'until' if self.in_force else 'ended'} {date_and_time(self.ends_at)}"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a person's part in the discussions."""

    published: int
    rejected: int
    waiting: int
    deleted: int
    reports: int
    sanctions: list[SanctionView]
    last: list[Row[Any]]
    notes: list[Row[Any]]
    trust: str
    earned: str
    suggestion: ladder.Suggestion | None

    @property
    def total(self) -> int:
        return self.published + self.rejected + self.waiting + self.deleted

    @property
    def restricted(self) -> list[SanctionView]:
        """What they are under now."""
        return [sanction for sanction in self.sanctions if sanction.in_force]


WORDS_SHOWN = 10  # of one finding
LONGEST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Case:
    """One comment on the desk. The last ids say what was known when it was shown."""

    row: Row[Any]
    reports: list[Row[Any]]
    findings: list[Row[Any]]
    revisions: list[Row[Any]]
    decisions: list[Row[Any]]
    record: Record
    changes: list[Change]
    warning: str
    deciders: list[str] | None  # who may decide, where this is one's own
    may_decide: bool
    severity: str
    is_severe: bool
    is_covered: bool
    alike: int  # other undecided comments with the same words
    language: str  # only where it is not the paper's
    tips: list[Row[Any]]
    never_picked: bool
    claim: Row[Any] | None  # a colleague's

    @property
    def id(self) -> int:
        return int(self.row.id)

    @property
    def is_undecided(self) -> bool:
        """Whether somebody still has to decide, or could look."""
        return _is_undecided(self.row)

    @property
    def text(self) -> Markup:
        """The comment with the words marked that the screening spoke of."""
        return passages.marked_html(self.row.body_html, [words for one in self.findings for words in self.because(one)])

    def because(self, finding: Row[Any]) -> list[str]:
        """The words that caused a finding."""
        return passages.quotes(finding.body_source, passages.from_stored(finding.passages), WORDS_SHOWN, LONGEST_SHOWN)

    @property
    def last_action_id(self) -> int:
        """The newest decision about the comment itself; 0 without one."""
        return max((row.id for row in self.decisions if row.action in queries.DECISIONS), default=0)

    @property
    def last_report_id(self) -> int:
        """The newest open report; 0 without one."""
        return max((row.id for row in self.reports), default=0)


def cases(session: Session, rows: Sequence[Row[Any]], viewer: Viewer, now: datetime) -> list[Case]:
    """These comments as cases, in their order. As many queries for one as for a page."""
    ids = [row.id for row in rows]
    authors = sorted({row.author_id for row in rows})
    reports = _by(queries_cases.open_reports(session, ids), "comment_id")
    findings = _by(queries_cases.findings_of(session, ids), "comment_id")
    revisions = _by(queries_cases.earlier_revisions(session, ids), "comment_id")
    decisions = _by(queries.decisions_on(session, ids), "comment_id")
    sections = queries.sections_of(viewer)
    known = records(session, authors, sections, now)
    alike = queries_cases.alike(session, sections, [row.body_hash for row in rows])
    part_in = queries_cases.threads_with(session, viewer.id or 0, sorted({row.thread_id for row in rows}))
    unpicked, languages = queries_cases.never_picked(session, authors), queries_cases.languages_of(session, ids)
    tips = _by(queries_cases.open_tips(session, ids), "comment_id")
    claims = {row.comment_id: row for row in queries_claims.claims_on(session, now, ids)}
    own = site().language.partition("-")[0]

    def foreign(code: str) -> str:
        return LANGUAGES.get(code, "") if code != own else ""

    covers = queries_claims.preference(session, viewer.id or 0).covers_severe
    return [
        Case(
            row=row,
            reports=reports[row.id],
            findings=findings[row.id],
            revisions=revisions[row.id],
            decisions=decisions[row.id],
            record=known[row.author_id],
            changes=_changes(row, revisions[row.id]),
            warning=policy.conflict_of_interest(
                viewer, row.author_id, row.parent_author_id, takes_part=row.thread_id in part_in
            ),
            deciders=None if row.author_id != viewer.id
            else queries_people.colleagues(session, row.section_id, [viewer.id]),
            may_decide=policy.may_decide(viewer, row.author_id) is None and row.status != "deleted",
            severity=_severity(findings[row.id], reports[row.id]),
            is_severe=(severe := _is_severe(findings[row.id], reports[row.id])),
            is_covered=severe and covers,
            alike=max(0, alike.get(row.body_hash, 0) - _is_undecided(row)),
            language=foreign(languages.get(row.id, "")),
            tips=tips[row.id],
            never_picked=row.author_id in unpicked,
            claim=claim if (claim := claims.get(row.id)) and claim.moderator_id != viewer.id else None,
        )
        for row in rows
    ]


def records(
    session: Session, user_ids: Sequence[int], sections: queries.Sections, now: datetime
) -> dict[int, Record]:
    """What moderators of these sections know of each of these people."""
    numbers: dict[int, dict[str, int]] = defaultdict(dict)
    for row in queries_cases.statuses_of(session, user_ids):
        numbers[row.author_id][row.status] = row.number
    reports = queries_cases.reports_against(session, user_ids)
    sanctions = _by(queries_people.sanctions_of(session, user_ids), "user_id")
    last = _by(queries_cases.last_comments(session, user_ids, sections), "author_id")
    notes = _by(queries_people.notes_on(session, user_ids), "user_id")
    read, joined = queries_people.discussions_read(session, user_ids), queries_people.joined(session, user_ids)
    steps = ladder.steps(session)
    since = now - timedelta(days=max((step.within_days for step in steps), default=1))
    rejected_at = _by(queries_people.rejections_of(session, user_ids, since), "user_id")

    def record(user_id: int) -> Record:
        count = numbers[user_id]
        under = [_sanction(row, now) for row in sanctions[user_id]]
        earned = trust.Earned(
            count.get("published", 0), count.get("rejected", 0), read.get(user_id, 0), joined.get(user_id, now)
        )
        kinds = frozenset(row.kind for row in sanctions[user_id] if _in_force(row, now))
        return Record(
            published=earned.published,
            rejected=earned.rejected,
            waiting=sum(count.get(status, 0) for status in queries.WAITING),
            deleted=count.get("deleted", 0),
            reports=reports.get(user_id, 0),
            sanctions=under,
            last=last[user_id],
            notes=notes[user_id],
            trust=trust.LABELS[trust.level(earned, now)],
            earned=trust.sentence(earned),
            suggestion=ladder.suggest(steps, [row.created_at for row in rejected_at[user_id]], kinds, now),
        )

    return {user_id: record(user_id) for user_id in user_ids}


def _in_force(row: Row[Any], now: datetime) -> bool:
    """Whether a sanction holds: a warning, until the person has said that they read it."""
    over = row.lifted_at is not None or (row.ends_at is not None and row.ends_at <= now)
    return not over and (row.kind != "warning" or row.acknowledged_at is None)


def _sanction(row: Row[Any], now: datetime) -> SanctionView:
    return SanctionView(
        row.id, SANCTIONS[row.kind], row.reason, row.starts_at, row.ends_at, row.lifted_at, row.action_id,
        row.rule_title, row.actor, in_force=_in_force(row, now),
    )  # fmt: skip


def _severity(findings: Sequence[Row[Any]], reports: Sequence[Row[Any]]) -> str:
    found = [row.severity for row in findings] + (["report"] if reports else [])
    return max(found, key=SEVERITIES.index, default="note")


def _is_severe(findings: Sequence[Row[Any]], reports: Sequence[Row[Any]]) -> bool:
    """As `queries_queues.is_severe` says it in SQL."""
    return (
        sum(report.reason in HARSH for report in reports) >= SEVERE_REPORTS
        or any(report.reason == "illegal" for report in reports)
        or any(finding.severity == "reject" for finding in findings)
    )


def _is_undecided(row: Row[Any]) -> bool:
    waits = row.status in queries.WAITING
    return waits or (row.status == "published" and (row.report_count > 0 or row.reviewed_revision < row.revision))


def _changes(row: Row[Any], earlier: Sequence[Row[Any]]) -> list[Change]:
    """What the last edit changed."""
    return changes(plain_text(earlier[0].body_html), plain_text(row.body_html)) if earlier else []


def _by(rows: Sequence[Row[Any]], column: str) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[getattr(row, column)].append(row)
    return found
