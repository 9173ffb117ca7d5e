"""What the publisher's pages read, and the few writes that touch many rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, union_all, update

from core.db import db
from core.names import name_key
from core.text import failure_line
from models.article import Section
from models.job import Job
from models.membership import Entitlement, Plan, Price, StripeEvent
from models.moderation import ModerationAction, Sanction, StatementOfReasons
from models.site import Rule, Site
from models.thread import Comment
from models.user import ModeratedSection, RoleGrant, User

PEOPLE_PER_PAGE = 50
ENTITLEMENTS_SHOWN = 50
FAILURES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person in the list: what they may do here and what they have."""

    id: int
    display_name: str
    email: str
    confirmed: bool
    created_at: datetime
    roles: tuple[str, ...]
    plans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeoplePage:
    people: tuple[PersonLine, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account, as the publisher sees them."""

    id: int
    display_name: str
    email: str
    confirmed: bool
    created_at: datetime
    roles: frozenset[str]
    section_ids: frozenset[int]
    comments: int


@dataclass(frozen=True, slots=True)
class HeldEntitlement:
    id: int
    plan_name: str
    source: str
    starts_at: datetime
    ends_at: datetime | None

    def state(self, at: datetime) -> str:
        """`coming`, `live` or `over`."""
        if self.ends_at is not None and self.ends_at <= at:
            return "over"
        return "live" if self.starts_at <= at else "coming"


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule, on or off; `used` when a decision names it."""

    id: int
    title: str
    text: str
    active: bool
    used: bool
    note_template: str = ""


@dataclass(frozen=True, slots=True)
class PriceLine:
    amount_cents: int
    currency: str
    interval: str
    active: bool
    key: str


@dataclass(frozen=True, slots=True)
class PlanLine:
    key: str
    name: str
    description: str
    perks: tuple[str, ...]
    badge: str
    active: bool
    members: int
    prices: tuple[PriceLine, ...]


@dataclass(frozen=True, slots=True)
class FailedJob:
    id: int
    kind: str
    attempts: int
    failed_at: datetime
    error: str

    @property
    def said(self) -> str:
        return failure_line(self.error)


@dataclass(frozen=True, slots=True)
class FailedEvent:
    id: str
    type: str
    mode: str
    tries: int
    received_at: datetime
    error: str

    @property
    def said(self) -> str:
        return failure_line(self.error)


def lock_site() -> Site:
    """The site's row, held to the end: every change of settings passes here, one after the other.

    Raises LookupError before the site is set up.
    """
    row = db.session().scalar(
        select(Site).where(Site.id == 1).with_for_update().execution_options(populate_existing=True)
    )
    if row is None:
        raise LookupError("no site")
    return row


def plan_names() -> dict[str, str]:
    """Every plan's name by its key, lowest first; those no longer sold too, since people may have them."""
    rows = db.session().execute(select(Plan.key, Plan.name).order_by(Plan.rank, Plan.id))
    return {row.key: row.name for row in rows}


def plans_given() -> list[tuple[str, str]]:
    """The plans on sale as (key, name), lowest first."""
    rows = db.session().execute(select(Plan.key, Plan.name).where(Plan.active).order_by(Plan.rank, Plan.id))
    return [(row.key, row.name) for row in rows]


def plan_lines(at: datetime) -> list[PlanLine]:
    """All plans with their prices and how many people have each now: two queries."""
    session = db.session()
    members = (
        select(func.count(Entitlement.user_id.distinct())).where(Entitlement.plan_id == Plan.id, is_live(at))
        .scalar_subquery()
    )  # fmt: skip
    plans = session.execute(
        select(Plan.id, Plan.key, Plan.name, Plan.description, Plan.perks, Plan.badge, Plan.active,
               members.label("members"))
        .order_by(Plan.active.desc(), Plan.rank, Plan.id)
    ).all()  # fmt: skip
    prices = session.execute(
        select(Price.plan_id, Price.amount_cents, Price.currency, Price.interval, Price.active, Price.key)
        .order_by(Price.active.desc(), Price.interval, Price.amount_cents, Price.id)
    ).all()  # fmt: skip
    return [
        PlanLine(
            plan.key, plan.name, plan.description, lines_of(plan.perks), plan.badge, plan.active, plan.members,
            tuple(PriceLine(*row[1:]) for row in prices if row.plan_id == plan.id),
        )
        for plan in plans
    ]  # fmt: skip


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a text that say something."""
    return tuple(line.strip() for line in text.split("\n") if line.strip())


def plan_to_edit(key: str, *, lock: bool = False) -> Plan | None:
    """A plan on sale; with `lock`, held to the end of the transaction."""
    statement = select(Plan).where(Plan.key == key, Plan.active)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.session().scalar(statement)


def prices_on_sale(plan_id: int) -> Sequence[Price]:
    return db.session().scalars(select(Price).where(Price.plan_id == plan_id, Price.active)).all()


def lock_sections() -> Sequence[Section]:
    """All sections in their order, held to the end."""
    return db.session().scalars(
        select(Section).order_by(Section.position, Section.id).with_for_update()
        .execution_options(populate_existing=True)
    ).all()  # fmt: skip


def section_ids() -> frozenset[int]:
    return frozenset(db.session().scalars(select(Section.id)))


def lock_rules() -> Sequence[Rule]:
    """All rules in their order, held to the end."""
    return db.session().scalars(
        select(Rule).order_by(Rule.position, Rule.id).with_for_update().execution_options(populate_existing=True)
    ).all()  # fmt: skip


def rule_lines() -> list[RuleLine]:
    """All rules in their order."""
    rows = db.session().execute(
        select(Rule.id, Rule.title, Rule.text, Rule.active, _is_used(), Rule.note_template)
        .order_by(Rule.position, Rule.id)
    )
    return [RuleLine(*row) for row in rows]


def rule_line(rule_id: int) -> RuleLine | None:
    row = db.session().execute(
        select(Rule.id, Rule.title, Rule.text, Rule.active, _is_used(), Rule.note_template).where(Rule.id == rule_id)
    ).first()
    return RuleLine(*row) if row else None


def rule_is_used(rule_id: int) -> bool:
    """Whether a decision, a statement of reasons or a sanction names this rule."""
    return bool(db.session().scalar(select(_is_used()).where(Rule.id == rule_id)))


def remove_rule(rule_id: int) -> None:
    """Remove a rule, as a row, so that it is recorded."""
    session = db.session()
    session.delete(session.get_one(Rule, rule_id))
    session.flush()


def people_page(at: datetime, *, wanted: str = "", which: str = "", after: str = "") -> PeoplePage:
    """People who have not left, by name: three queries.

    `wanted` is part of a name or an address, `which` is "staff", "members" or empty, `after` the last page's mark.
    """
    session = db.session()
    statement = select(
        User.id, User.display_name, User.email, User.confirmed_at, User.created_at, User.name_key
    ).where(User.deleted_at.is_(None))
    if wanted.strip():
        statement = statement.where(is_called(wanted.strip()))
    if which == "staff":
        statement = statement.where(exists().where(RoleGrant.user_id == User.id))
    elif which == "members":
        statement = statement.where(exists().where(Entitlement.user_id == User.id, is_live(at)))
    if after:
        statement = statement.where(User.name_key > after)
    rows = session.execute(statement.order_by(User.name_key).limit(PEOPLE_PER_PAGE + 1)).all()
    shown = rows[:PEOPLE_PER_PAGE]
    ids = [row.id for row in shown]
    roles = _by_person(session.execute(
        select(RoleGrant.user_id, RoleGrant.name).where(RoleGrant.user_id.in_(ids)).order_by(RoleGrant.name)
    ))  # fmt: skip
    plans = _by_person(session.execute(
        select(Entitlement.user_id, Plan.name).join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id.in_(ids), is_live(at)).order_by(Plan.rank)
    ))  # fmt: skip
    return PeoplePage(
        tuple(
            PersonLine(row.id, row.display_name, row.email, row.confirmed_at is not None, row.created_at,
                       roles.get(row.id, ()), plans.get(row.id, ()))
            for row in shown
        ),
        shown[-1].name_key if len(rows) > PEOPLE_PER_PAGE else None,
    )  # fmt: skip


def person(person_id: int) -> Person | None:
    """Somebody who has not left, with roles, limits and how many of their comments can be read: two queries."""
    session = db.session()
    comments = (
        select(func.count()).select_from(Comment)
        .where(Comment.author_id == User.id, Comment.status == "published").scalar_subquery()
    )  # fmt: skip
    row = session.execute(
        select(User.id, User.display_name, User.email, User.confirmed_at, User.created_at, comments.label("comments"))
        .where(User.id == person_id, User.deleted_at.is_(None))
    ).first()  # fmt: skip
    if row is None:
        return None
    roles, sections = rights_of(person_id)
    return Person(
        row.id, row.display_name, row.email, row.confirmed_at is not None, row.created_at, roles, sections, row.comments
    )


def rights_of(person_id: int) -> tuple[frozenset[str], frozenset[int]]:
    """A person's roles, and the sections that they as a moderator are limited to: one query."""
    rows = db.session().execute(
        select(RoleGrant.name, ModeratedSection.section_id)
        .outerjoin(ModeratedSection, ModeratedSection.user_id == RoleGrant.user_id)
        .where(RoleGrant.user_id == person_id)
    ).all()  # fmt: skip
    return frozenset(row.name for row in rows), frozenset(row.section_id for row in rows if row.section_id)


def lock_publishers() -> frozenset[int]:
    """Who the publishers are now; their grants are held to the end, so that no two changes cross."""
    return frozenset(db.session().scalars(
        select(RoleGrant.user_id).where(RoleGrant.name == "publisher").order_by(RoleGrant.user_id).with_for_update()
    ))  # fmt: skip


def take_roles(person_id: int, names: Iterable[str]) -> None:
    """Take roles from a person, row by row, so that each is recorded."""
    session = db.session()
    for row in session.scalars(
        select(RoleGrant).where(RoleGrant.user_id == person_id, RoleGrant.name.in_(list(names)))
    ):
        session.delete(row)
    session.flush()


def set_section_limits(person_id: int, section_ids: Iterable[int]) -> None:
    """Limit a moderator to these sections; none means all."""
    session = db.session()
    wanted = set(section_ids)
    standing = {
        row.section_id: row
        for row in session.scalars(select(ModeratedSection).where(ModeratedSection.user_id == person_id))
    }
    for section_id in standing.keys() - wanted:
        session.delete(standing[section_id])
    session.add_all(
        ModeratedSection(user_id=person_id, section_id=each) for each in sorted(wanted - standing.keys())
    )
    session.flush()


def entitlements_of(person_id: int) -> list[HeldEntitlement]:
    """Why a person has, had or will have a plan, newest first."""
    rows = db.session().execute(
        select(Entitlement.id, Plan.name, Entitlement.source, Entitlement.starts_at, Entitlement.ends_at)
        .join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id == person_id)
        .order_by(Entitlement.starts_at.desc(), Entitlement.id.desc()).limit(ENTITLEMENTS_SHOWN)
    )  # fmt: skip
    return [HeldEntitlement(*row) for row in rows]


def gift_of(person_id: int, entitlement_id: int) -> Entitlement | None:
    """A complimentary entitlement of this person."""
    return db.session().scalar(
        select(Entitlement).where(
            Entitlement.id == entitlement_id, Entitlement.user_id == person_id, Entitlement.source == "complimentary"
        )
    )


def live_gift_reference(person_id: int, plan_key: str, at: datetime) -> str | None:
    """The reference of the complimentary membership of this plan that runs now."""
    return db.session().scalar(
        select(Entitlement.source_ref).join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id == person_id, Plan.key == plan_key, Entitlement.source == "complimentary",
               is_live(at))
        .order_by(Entitlement.id).limit(1)
    )  # fmt: skip


def gifts_ever(person_id: int) -> int:
    """How many complimentary memberships a person was given."""
    return db.session().scalar(
        select(func.count()).select_from(Entitlement)
        .where(Entitlement.user_id == person_id, Entitlement.source == "complimentary")
    ) or 0  # fmt: skip


def failed_jobs() -> list[FailedJob]:
    """Jobs given up, newest first; mails have a list of their own."""
    rows = db.session().execute(
        select(Job.id, Job.kind, Job.attempts, Job.failed_at, Job.error)
        .where(Job.failed_at.is_not(None), Job.finished_at.is_(None), Job.kind != "mail.send")
        .order_by(Job.failed_at.desc(), Job.id.desc()).limit(FAILURES_SHOWN)
    )  # fmt: skip
    return [FailedJob(row.id, row.kind, row.attempts, row.failed_at, row.error or "") for row in rows]


def failed_events(mode: str) -> list[FailedEvent]:
    """Stripe's messages that could not be dealt with, newest first."""
    rows = db.session().execute(
        select(StripeEvent.id, StripeEvent.type, StripeEvent.mode, StripeEvent.tries, StripeEvent.received_at,
               StripeEvent.error)
        .where(StripeEvent.mode == mode, StripeEvent.state == "failed")
        .order_by(StripeEvent.received_at.desc()).limit(FAILURES_SHOWN)
    )  # fmt: skip
    return [FailedEvent(*row[:5], row.error or "") for row in rows]


def put_back_failed_job(job_id: int, at: datetime) -> bool:
    """Let a job that failed, given up or not, run now, from the first attempt; whether there was one, not running.

    Its key goes: another job of the same meaning may be waiting by now, and doing it twice is safe.
    """
    done = db.session().execute(
        update(Job)
        .where(Job.id == job_id, Job.attempts > 0, Job.error.is_not(None), Job.finished_at.is_(None),
               or_(Job.leased_until.is_(None), Job.leased_until < at))
        .values(failed_at=None, attempts=0, run_at=at, leased_until=None, leased_by=None, key=None)
    )  # fmt: skip
    return bool(done.rowcount)  # type: ignore[attr-defined]


def is_live(at: datetime) -> ColumnElement[bool]:
    """Entitlements in force at a moment."""
    return and_(Entitlement.starts_at <= at, or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > at))


def _is_used() -> ColumnElement[bool]:
    named = (
        select(model.rule_id).where(model.rule_id == Rule.id)
        for model in (ModerationAction, StatementOfReasons, Sanction)
    )
    return union_all(*named).exists()


def is_called(wanted: str) -> ColumnElement[bool]:
    by_mail = User.email.contains(wanted.casefold(), autoescape=True)
    key = name_key(wanted)
    return or_(by_mail, User.name_key.contains(key, autoescape=True)) if key else by_mail


def _by_person(rows: Iterable[Row[int, str]]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for person_id, word in rows:
        if word not in found.get(person_id, ()):
            found[person_id] = (*found.get(person_id, ()), word)
    return found
