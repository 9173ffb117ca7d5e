"""The statement of reasons: what a person is told about a decision, in full sentences and in one place. Pure.

It says what the European Union's Digital Services Act (Regulation 2022/2065, art. 17 (3)) asks for: what is restricted,
where and how long; the facts, and how they came to light; whether a program took part; the rule or the law; and every
way to have it looked at again: an objection, a body for settling disputes, a court.
"""

from datetime import datetime

from blueprints.moderation.policy import APPEAL_WITHIN
from core.records import dataclass
from core.rendering import date, date_and_time

HELD = "held"  # the restriction of a comment that could be read and waits for a person now
PROGRAM = "A program decided this, without a person."

SANCTION_WORDS = {
    "warning": "You are asked to keep to the rules of the discussion.",
    "slow-down": "You can comment only every few minutes",
    "pre-moderation": "Your comments are read by a person before they appear",
    "suspension": "You cannot comment, show respect or report",
    "ban": "You can no longer comment, show respect or report. This has no end date.",
}

SANCTION_SUBJECTS = {
    "warning": "You were warned",
    "slow-down": "Your comments are slowed down",
    "pre-moderation": "Your comments are read before they appear",
    "suspension": "You are suspended from the discussions",
    "ban": "You can no longer take part in the discussions",
}


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A rule as it stood when it was applied."""

    id: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """What the statement on a rejected comment is made of. `from_status` is where the comment stood before."""

    headline: str
    sent_at: datetime
    from_status: str
    had_reports: bool
    rule: RuleWords | None
    note: str
    automated: bool
    decided_at: datetime
    legal_ground: str = ""  # where the law, not a rule, is the ground
    from_notice: bool = False  # somebody notified us of it as illegal
    dispute_body: str = ""  # the certified body the publisher names

    @property
    def source(self) -> str:
        """How it came to light: `notice`, `program`, `reports`, or `own`."""
        if self.from_notice:
            return "notice"
        if self.automated or self.from_status == "withheld":
            return "program"
        return "reports" if self.had_reports else "own"

    @property
    def restriction(self) -> str:
        return "removal" if self.from_status == "published" else "not-published"


def on_rejection(facts: Rejection) -> str:
    """The words for the author of a rejected comment."""
    was_read = facts.from_status == "published"
    done = "was removed from" if was_read else "was not published in"
    return _joined(
        f"Your comment of {date(facts.sent_at)} {done} the discussion of “{facts.headline}”.",
        _law(facts.legal_ground) if facts.legal_ground else _rule(facts.rule),
        _note(facts.note),
        PROGRAM if facts.automated else _how_found(facts),
        "Nobody else can read the comment now, wherever they are. Answers to it stay, and so do all your other "
        "comments: you can go on taking part. The decision has no end date."
        if was_read
        else "Only you and the moderation team can read the comment. You can go on taking part. "
        "The decision has no end date.",
        _ways_out(facts.decided_at, facts.dispute_body),
    )


def on_hold(headline: str, sent_at: datetime, reason: str, usually: str, dispute_body: str = "") -> str:
    """The words for the author of a comment that could be read and is held by a program now. `reason` is what the
    screening says, `usually` how long a decision takes."""
    body = dispute_body or "a certified body that settles disputes out of court"
    return _joined(
        f"Your comment of {date(sent_at)} in the discussion of “{headline}” is held until a person has read it.",
        reason,
        PROGRAM,
        "Until then only you and the moderation team can read the comment, from anywhere. Answers to it stay, and so "
        "do all your other comments: you can go on taking part.",
        f"A person decides next. {usually}".rstrip(),
        "You need not do anything. If the comment is not put back, you get the reasons, and you can object to them; "
        f"somebody else then decides. It costs nothing. You can also turn to {body}, or go to court.",
    )


def on_sanction(
    kind: str, ends_at: datetime | None, rule: RuleWords | None, reason: str, decided_at: datetime,
    dispute_body: str = "",
) -> str:  # fmt: skip
    """The words for a person who was warned or restricted."""
    effect = SANCTION_WORDS[kind]
    if kind not in {"warning", "ban"}:
        until = f"{date_and_time(ends_at)} UTC; then this ends by itself" if ends_at else "this is lifted"
        effect += f" until {until}."
    reach = "This holds in every discussion of the paper. Reading, your membership and your account go on as before."
    return _joined(
        effect, "" if kind == "warning" else reach, _rule(rule), _note(reason), "A person decided this.",
        _ways_out(decided_at, dispute_body),
    )  # fmt: skip


def _rule(rule: RuleWords | None) -> str:
    return f"The rule: {rule.title}. {rule.text}" if rule else ""


def _law(ground: str) -> str:
    return f"The law: {ground}. The moderation team considers the comment illegal under it." if ground else ""


def _note(note: str) -> str:
    return f"The moderation team writes: {note}" if note else ""


def _how_found(facts: Rejection) -> str:
    if facts.from_notice:
        return "A person decided this, after somebody had notified us of the comment as illegal."
    if facts.from_status == "withheld":
        return "A person decided this. A program had set the comment aside for them to read."
    if facts.had_reports:
        return "A person decided this, after readers had reported the comment."
    return "A person decided this. The moderation team came upon it by itself."


def _ways_out(decided_at: datetime, dispute_body: str) -> str:
    body = dispute_body or "a certified body that settles disputes out of court"
    return (
        f"If you think this is wrong, you can object until {date(decided_at + APPEAL_WITHIN)}. "
        "Somebody else on the team then decides, and you get an answer with reasons. "
        f"It costs nothing. You can also turn to {body}, or go to court."
    )


def _joined(*paragraphs: str) -> str:
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
