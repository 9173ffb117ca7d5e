"""How decisions are called, towards colleagues. Pure."""

from datetime import datetime, timedelta

from core.rendering import date_and_time

DONE = {
    "publish": "Published", "reject": "Rejected", "restore": "Put back", "keep": "Kept", "hold": "Set aside again",
    "withhold": "Set aside",
    "reopen": "Reports opened again", "uphold": "Upheld", "reverse": "Reversed", "warning": "Warned",
    "slow-down": "Slowed down", "pre-moderation": "Pre-moderated", "suspension": "Suspended", "ban": "Banned",
    "lift": "Sanction lifted", "thread": "Discussion changed", "modes": "Discussion’s rules changed",
    "move": "Branch moved", "cap": "Cap reached", "caps": "Caps of the staff", "flagger": "Trusted flagger",
    "site": "Site’s settings", "section": "Section", "rule": "Rule", "plan": "Plan", "price": "Price",
    "promotion": "Promotion code", "role": "Role", "limit": "Moderator’s section", "article": "Article", "pick": "Pick",
    "rise": "Price rise", "gift": "Complimentary membership", "notice": "Notice of illegal content answered",
    "ladder": "Step of the ladder", "surge": "Surge mode", "protection": "Protection of an author",
    "revert": "What somebody did taken back", "revert-back": "Reversal undone",
    "retention": "A clock", "second factor": "Second factor of somebody on the staff",
    "fair-process": "Fair process", "legal-hold": "Legal hold",
    "purge-request": "Purge asked for",
    "purge": "Words removed for good", "purge-refused": "Purge refused",
    "notice-again": "Notice of illegal content looked at again",
    "screening": "Screening", "screening list": "List of the screening",
    "screening service": "Service of the screening", "classifier": "Classifier",
    "site archive": "Archive of the whole site",
}  # fmt: skip

STATUS = {
    "published": "published", "pending": "waiting to be published", "withheld": "held by the program",
    "rejected": "rejected", "deleted": "deleted by its author",
}  # fmt: skip

SANCTIONS = {
    "warning": "Warning", "slow-down": "Slowed down", "pre-moderation": "Comments read first",
    "suspension": "Suspension", "ban": "Ban",
}  # fmt: skip

THE_PROGRAM = "the program"


def ago(at: datetime, now: datetime) -> str:
    """ "2 minutes ago"; the date where it is longer than a week."""
    passed = now - at
    if passed < timedelta(minutes=1):
        return "just now"
    for unit, size, limit in (("minute", 60, 3600), ("hour", 3600, 86_400), ("day", 86_400, 7 * 86_400)):
        if passed.total_seconds() < limit:
            number = int(passed.total_seconds()) // size
            return f"{number} {unit}{'s' if number != 1 else ''} ago"
    return f"on {date_and_time(at)}"


def already(
    action: str, actor: str | None, own: bool, at: datetime, now: datetime, rule_title: str | None = None
) -> str:
    """Who decided what and when: "Already rejected by Mo Adeyemi 2 minutes ago: Play the ball." """
    by = "you" if own else actor or THE_PROGRAM
    return f"Already {lower(DONE[action])} by {by} {ago(at, now)}{': ' + rule_title if rule_title else ''}."


def standing_now(
    kind: str, ends_at: datetime | None, actor: str | None, own: bool, at: datetime, now: datetime
) -> str:
    """The sentence for a second sanction of the same kind."""
    by = "you" if own else actor or THE_PROGRAM
    until = f" until {date_and_time(ends_at)} UTC" if ends_at else ""
    return f"Already {lower(DONE[kind])}{until} by {by} {ago(at, now)}."


def lower(word: str) -> str:
    """The word inside a sentence."""
    return word[:1].lower() + word[1:]
