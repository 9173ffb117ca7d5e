"""Running the checks."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from blueprints.threads.screening.subject import SEVERITIES, Finding, Passage, Severity, Subject
from core.metrics import SCREENING, timed
from core.records import dataclass

NOT_CHECKED = "This check failed, so it found nothing."

log = structlog.get_logger("screening")


@dataclass(frozen=True, slots=True)
class Check:
    """One check. Its version rises when it would answer differently.

    One that looks at words alone (`of_words`) can be run before anything is known of the author.
    """

    name: str
    version: int
    look: Callable[[Subject], Iterable[Finding]]
    of_words: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and the check it comes from."""

    check: str
    version: int
    severity: Severity
    reason: str
    rule: str = ""
    passages: tuple[Passage, ...] = ()
    checked: bool = True


def screen(
    checks: Sequence[Check], subject: Subject, known: Mapping[str, list[Found]] | None = None
) -> list[Found]:
    """Everything the checks find, in their order. Never raises. `known` is what `screen_words` found before."""
    known = known or {}
    with timed(SCREENING):
        return [
            found for check in checks
            for found in (known[check.name] if check.name in known else _run(check, subject))
        ]  # fmt: skip


def screen_words(checks: Sequence[Check], subject: Subject) -> dict[str, list[Found]]:
    """What those checks find that look at words alone, by the names of the checks."""
    return {check.name: _run(check, subject) for check in checks if check.of_words}


def _run(check: Check, subject: Subject) -> list[Found]:
    try:
        findings = list(check.look(subject))
    except Exception:  # one broken check must not stop a comment, nor the other checks
        log.exception("a check failed", check=check.name)
        return [Found(check.name, check.version, "note", NOT_CHECKED, checked=False)]
    return [
        Found(check.name, finding.version or check.version, _capped(finding.severity, subject), finding.reason,
              finding.rule, finding.passages)
        for finding in findings
    ]  # fmt: skip


def _capped(severity: Severity, subject: Subject) -> Severity:
    return min(severity, "nudge", key=SEVERITIES.index) if subject.by_staff else severity


def worst(found: Iterable[Found]) -> Severity | None:
    """The most severe of these, which decides."""
    return max((one.severity for one in found), key=SEVERITIES.index, default=None)


def status_after(found: Sequence[Found]) -> str:
    """The status the most severe finding asks for. What is to be rejected is withheld until its author can be told why:
    `moderation.jobs` rejects it at once, under a rule and with a statement of reasons."""
    return "withheld" if worst(found) in ("hold", "reject") else "published"
