"""Personal data: what nobody should publish of another, or by accident of themselves."""

import re
from collections.abc import Iterator

import regex  # type: ignore[import-untyped]

from blueprints.threads.screening.identity import identities_in
from blueprints.threads.screening.subject import Finding, Passage, Subject

PHONE_DIGITS = (9, 15)
CARD_DIGITS = (13, 19)
POSTCODE_WITHIN = 60  # characters between a street and its postcode

_WEB = regex.compile(r"https?://\S+|www\.\S+")
_MAIL = regex.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.\p{L}{2,}", regex.IGNORECASE)
_NUMBER = regex.compile(r"(?<![\w.,])\+?\(?\d(?:[ \t\u00a0./()-]{0,2}\d){8,18}(?![\w])")
_PHONE_START = regex.compile(r"\+|00|\(?0")
_AMERICAN = re.compile(r"(?<![\d.-])\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[.-]\d{4}(?![\d-])")
_STREET = regex.compile(
    r"\b\d{1,5}[a-z]?,?\s+(?:\p{Lu}[\p{L}'’.-]{0,30}\s+){1,3}"
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|ct|close|crescent|square|terrace|boulevard|blvd|way|place)\b\.?"
    r"|\b\p{Lu}[\p{L}-]{1,30}(?:stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|straat|laan|plein)\s+\d{1,4}\s?[a-z]?\b"
    r"|\b\d{1,4}\s?(?:bis|ter)?,?\s+(?:rue|avenue|boulevard|chemin|impasse|place|quai)\s+(?:\p{L}[\p{L}'’-]{0,30}\s?){1,4}"
    r"|\b(?:calle|avenida|plaza|paseo|via|viale|piazza|corso|rua|ulica|ul\.)\s+(?:\p{L}[\p{L}'’.-]{0,30}\s){1,4}?(?:n[º°.]?\s?)?\d{1,4}\b",
    regex.IGNORECASE,
)
_POSTCODE = regex.compile(
    r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b|\b[A-Z]{2}\s+\d{5}(?:-\d{4})?\b|\b\d{5}\b|\b\d{4}\s?[A-Z]{2}\b|\b\d{2}-\d{3}\b"
    r"|\b\d{4}\s+\p{Lu}\p{Ll}"
)

_HELD = "This seems to hold {}, so a person reads it before it appears."


def check_personal_data(subject: Subject) -> Iterator[Finding]:
    """E-mail addresses, telephone, card, account and identity numbers, and where somebody lives."""
    text = _WEB.sub(lambda found: " " * len(found[0]), subject.body_source)
    if "@" in text and (mails := [found.span() for found in _MAIL.finditer(text)]):
        yield from subject.found("personal.mail", _HELD.format("an e-mail address"), mails)
    if not any(character.isdigit() for character in text):
        return
    cards: list[Passage] = []
    phones: list[Passage] = [found.span() for found in _AMERICAN.finditer(text)]
    for found in _NUMBER.finditer(text):
        if _is_card(found[0]):
            cards.append(found.span())
        elif _is_phone(found[0]):
            phones.append(found.span())
    known = list(identities_in(text))
    taken = [*cards, *((start, end) for _, start, end in known)]
    phones = [span for span in phones if not any(span[0] < end and start < span[1] for start, end in taken)]
    if cards:
        yield from subject.found("personal.card", _HELD.format("a card number"), cards)
    if known:
        reason = _HELD.format(known[0][0])
        yield from subject.found("personal.identity", reason, [(start, end) for _, start, end in known])
    if phones:
        yield from subject.found("personal.phone", _HELD.format("a telephone number"), phones)
    if homes := list(_homes(text)):
        yield from subject.found("personal.address", _HELD.format("somebody’s address"), homes)


def _homes(text: str) -> Iterator[Passage]:
    """A street with a number alone may be a place of interest; with a postcode it is where somebody can be found."""
    for street in _STREET.finditer(text):
        around = _POSTCODE.search(text, street.end(), min(len(text), street.end() + POSTCODE_WITHIN))
        if around:
            yield street.start(), around.end()


def _is_phone(number: str) -> bool:
    digits = sum(character.isdecimal() for character in number)
    return PHONE_DIGITS[0] <= digits <= PHONE_DIGITS[1] and _PHONE_START.match(number) is not None


def _is_card(number: str) -> bool:
    """The check digit of card numbers (Luhn, ISO/IEC 7812-1)."""
    digits = [int(character) for character in number if character.isdecimal()]
    if not CARD_DIGITS[0] <= len(digits) <= CARD_DIGITS[1] or len(set(digits)) == 1:
        return False
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
