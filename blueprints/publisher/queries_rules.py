"""The rules of the house, and whether a decision names them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, union_all

from core.db import db
from core.records import dataclass
from models.moderation import ModerationAction, Sanction, StatementOfReasons
from models.site import Rule


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule, on or off; `used` when a decision names it."""

    id: int
    title: str
    text: str
    active: bool
    used: bool
    note_template: str = ""


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


def _is_used() -> ColumnElement[bool]:
    named = (
        select(model.rule_id).where(model.rule_id == Rule.id)
        for model in (ModerationAction, StatementOfReasons, Sanction)
    )
    return union_all(*named).exists()
