"""What names, addresses and passwords may be, and who may leave. Pure; refusals are sentences for the reader."""

import unicodedata
from typing import Any

from core.names import RESERVED_NAMES, check_display_name

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 200
# Of zxcvbn's 0 to 4: 3 withstands about ten billion guesses.
MIN_PASSWORD_SCORE = 3
# It takes no more, and more would cost time without changing the answer.
PASSWORD_ESTIMATED_LENGTH = 72
MAX_EMAIL_LENGTH = 254

ADVICE = "Four words that have nothing to do with each other make a good one."


def clean_display_name(name: str, site_name: str, *, is_staff: bool = False) -> str:
    """The name as it will be shown; ValueError with a sentence otherwise. Only staff may speak as the house."""
    return check_display_name(name, () if is_staff else RESERVED_NAMES | {site_name})


def normal_email(text: str) -> str:
    """The address as it is stored: lower case, the domain in plain characters. ValueError with a sentence otherwise.

    No name server is asked. The ending `.test`, reserved for trials, is let through.
    """
    text = text.strip()
    if not text:
        raise ValueError("Please enter your e-mail address.")
    if len(text) > MAX_EMAIL_LENGTH:
        raise ValueError("This address is too long for an e-mail address.")
    if not text.rpartition("@")[0].isascii():
        raise ValueError("The part before the @ may only have plain letters, digits and signs.")
    from email_validator import EmailNotValidError, validate_email  # its table of the world's letters can wait

    try:
        found = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, allow_quoted_local=False,
            allow_domain_literal=False, allow_display_name=False, test_environment=True,
        )  # fmt: skip
    except EmailNotValidError:
        raise ValueError("This does not look like an e-mail address, which has the form name@example.org.") from None
    return str(found.ascii_email).casefold()


def password_problem(password: str, *, name: str, email: str, site_name: str) -> str | None:
    """Why this password is refused, in a sentence, or None for a good one. Name and address count as known."""
    length = len(unicodedata.normalize("NFC", password))
    if length < MIN_PASSWORD_LENGTH:
        return f"Please use at least {MIN_PASSWORD_LENGTH} characters."
    if length > MAX_PASSWORD_LENGTH:
        return f"Please use at most {MAX_PASSWORD_LENGTH} characters."
    known = _words(name, email, site_name)
    from zxcvbn import zxcvbn  # its lists of words take twelve megabytes, which only who chooses a password needs

    found = zxcvbn(password[:PASSWORD_ESTIMATED_LENGTH], known)
    if found["score"] >= MIN_PASSWORD_SCORE:
        return None
    return f"{_weakness(found['sequence'])} {ADVICE}"


def may_leave(*, is_demo: bool, is_only_publisher: bool) -> str | None:
    """Why this person may not delete the account now, or None."""
    if is_demo:
        return "The people of the demonstration stay, so that the next visitor meets them too."
    if is_only_publisher:
        return "You are the only publisher of this paper. Make somebody else a publisher first."
    return None


def _words(name: str, email: str, site_name: str) -> list[str]:
    local, _, domain = email.partition("@")
    parts = [name.replace(" ", ""), site_name.replace(" ", ""), "rejoinder"]
    parts += [name, email, local, domain, site_name, *name.split(), *site_name.split(), *local.split(".")]
    return sorted({part.casefold() for part in parts if len(part) > 2})


def _weakness(sequence: list[dict[str, Any]]) -> str:
    if any(part.get("dictionary_name") == "user_inputs" for part in sequence):
        return "This password is easy to guess from your name, your address or the name of this site."
    if any(part.get("dictionary_name") == "passwords" for part in sequence):
        return "This password is too close to one that very many people use, which is where guessing begins."
    kinds = {part["pattern"] for part in sequence}
    if "spatial" in kinds:
        return "This password follows the keys of a keyboard, which is easy to guess."
    if kinds & {"repeat", "sequence"}:
        return "This password repeats or counts, which is easy to guess."
    if "date" in kinds:
        return "This password is mostly a date, which is easy to guess."
    return "This password is too easy to guess."
