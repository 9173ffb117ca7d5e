"""The same words, or nearly the same, in many places; and many comments in a short time."""

from collections.abc import Iterator

from blueprints.threads.screening.subject import Finding, Subject

MANY = "The same words were posted in several discussions, so a person reads this one first."
NEARLY_MANY = "Nearly the same words were posted several times, so a person reads this one first."
ONCE = "The author posted the same words in another discussion."
NEARLY_ONCE = "Nearly the same words were posted lately."


def check_repeats(subject: Subject) -> Iterator[Finding]:
    """Words that were said before, by the same author or, changed a little, by anybody."""
    same, near = subject.same_elsewhere, len(subject.twins)
    many = subject.number("many_repeats")
    if max(same, near) >= many:
        yield from subject.found("repeats.many", MANY if same >= many else NEARLY_MANY)
    elif same or near:
        yield from subject.found("repeats.once", ONCE if same else NEARLY_ONCE)


def check_flood(subject: Subject) -> Iterator[Finding]:
    """More comments than a conversation needs. The pace of a discussion refuses more; this tells of a long evening."""
    if not subject.by_staff and subject.recent_sent >= subject.number("flood_comments"):
        minutes = subject.number("flood_minutes")
        reason = f"The author sent {subject.recent_sent + 1} comments within {minutes} minutes."
        yield from subject.found("flood", reason)
