"""The screening of a submitted text: an ordered list of small checks.

Every check runs, whatever another found. The most severe finding decides; all of them are stored and shown to
moderators, with the version of the rule and the passages that caused them. A check that fails is stored as "not
checked" and decides nothing. What staff write is checked too, and at most nudged.

`rules` names what the program's own checks do and what a publisher sets about them; `setup` is what holds at a moment.
"""

from blueprints.threads.screening.classifier import check_learned
from blueprints.threads.screening.links import check_links
from blueprints.threads.screening.lists import check_mails, check_words
from blueprints.threads.screening.newcomer import FIRST_COMMENTS, check_newcomer, check_record
from blueprints.threads.screening.noise import check_length, check_mentions, check_noise
from blueprints.threads.screening.personal import check_personal_data
from blueprints.threads.screening.repeats import check_flood, check_repeats
from blueprints.threads.screening.run import Check, Found, screen, screen_words, status_after, worst
from blueprints.threads.screening.setup import DEFAULT, Setup
from blueprints.threads.screening.subject import SEVERITIES, Finding, Subject, Twin

CHECKS: tuple[Check, ...] = (
    Check("words", 1, check_words, of_words=True),
    Check("links", 2, check_links),
    Check("personal-data", 2, check_personal_data, of_words=True),
    Check("repeats", 2, check_repeats),
    Check("flood", 1, check_flood),
    Check("length", 1, check_length, of_words=True),
    Check("noise", 1, check_noise, of_words=True),
    Check("mentions", 1, check_mentions, of_words=True),
    Check("newcomer", 2, check_newcomer),
    Check("record", 1, check_record),
    Check("e-mail", 1, check_mails),
    Check("classifier", 1, check_learned, of_words=True),
)

__all__ = [
    "CHECKS", "DEFAULT", "FIRST_COMMENTS", "SEVERITIES", "Check", "Finding", "Found", "Setup", "Subject", "Twin",
    "screen", "screen_words", "status_after", "worst",
]  # fmt: skip
