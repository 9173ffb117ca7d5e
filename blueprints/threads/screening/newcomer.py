"""What is known of the author: newcomers, and those who were often rejected lately."""

from collections.abc import Iterator

from blueprints.threads.screening.setup import Setup
from blueprints.threads.screening.subject import Finding, Subject

FIRST_COMMENTS = 3  # unless the publisher says otherwise

_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def check_newcomer(subject: Subject) -> Iterator[Finding]:
    """Notes the first few comments of a person, so that they are met kindly."""
    if not subject.by_staff and subject.published_before < subject.number("first_comments"):
        at = subject.published_before
        number = _ORDINALS[at] if at < len(_ORDINALS) else f"{at + 1}th"
        severity = subject.setup.severity("newcomer", subject.section_id)
        reason = (
            "First comments are read by a person before they appear." if severity == "hold"
            else f"This is the author's {number} comment here."
        )  # fmt: skip
        yield from subject.found("newcomer", reason)


def said_before(setup: Setup, section_id: int, published: int) -> str:
    """What somebody should know before they write who is new here, with so many comments; empty for nothing."""
    if published >= setup.number("first_comments"):
        return ""
    if setup.severity("newcomer", section_id) == "hold":
        return "While you are new here, your comments are read by a person before they appear."
    if setup.severity("links.first", section_id) == "hold":
        return "While you are new here, a comment with a link is read by a person before it appears."
    return ""


def check_record(subject: Subject) -> Iterator[Finding]:
    """A share of recent rejections, from a number of decided comments on that says something."""
    if subject.by_staff or subject.recent_decided < subject.number("rejected_sample"):
        return
    if subject.recent_rejected * 100 > subject.number("rejected_percent") * subject.recent_decided:
        severity = subject.setup.severity("record", subject.section_id)
        reason = (
            "Several of your last comments were rejected, so a person reads this one before it appears."
            if severity == "hold"
            else f"{subject.recent_rejected} of the author's last {subject.recent_decided} comments were rejected."
        )
        yield from subject.found("record", reason)
