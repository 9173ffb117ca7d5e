"""The lists that people keep: words in the text, e-mail addresses of authors. Domains are looked at with the links."""

from collections.abc import Iterator

from blueprints.threads.screening.domains import Mails
from blueprints.threads.screening.matching import Matcher
from blueprints.threads.screening.setup import WordList
from blueprints.threads.screening.subject import Finding, Subject

# What authors read. They are not told which list it is on, nor how it was recognised.
SAID = {
    "hold": "It has words that a person looks at before they appear.",
    "reject": "It has words that are not published here.",
}
NUDGED = "It has words that readers often take badly."
NOTED = "It has words of the list “{}”."


def check_words(subject: Subject) -> Iterator[Finding]:
    """Words, phrases and `*` of every list of words."""
    for one in subject.setup.lists:
        if one.kind != "words":
            continue
        assert isinstance(one.finder, Matcher)
        if hits := one.finder.find(subject.text):
            passages = [(hit.start, hit.end) for hit in hits]
            yield from subject.found(one.rule, said(subject, one), passages, one.version)


def check_mails(subject: Subject) -> Iterator[Finding]:
    """Addresses of authors that the publisher watches."""
    if not subject.email:
        return
    for one in subject.setup.lists:
        if one.kind == "mails" and isinstance(one.finder, Mails) and one.finder.covers(subject.email):
            severity = subject.setup.severity(one.rule, subject.section_id)
            reason = (
                "A person reads this before it appears." if severity in SAID
                else f"The author’s e-mail address is on the list “{one.name}”."
            )  # fmt: skip
            yield from subject.found(one.rule, reason, (), one.version)


def said(subject: Subject, one: WordList) -> str:
    """The sentence for words of a list."""
    severity = subject.setup.severity(one.rule, subject.section_id)
    if severity == "nudge":
        return NUDGED
    return SAID.get(severity) or NOTED.format(one.name)
