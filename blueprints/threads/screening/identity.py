"""Numbers by which people are known to banks and states. Each is told from other numbers by its check digits.

Where a number has no check digits, or one in ten passes by chance, a word that names it has to stand before it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date

from core.records import dataclass

NAMED_WITHIN = 30  # characters before a number in which its name is looked for


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of number: how it is written, whether its digits are right, and a name it needs beside it."""

    name: str
    pattern: re.Pattern[str]
    is_right: Callable[[str], bool]
    needs: re.Pattern[str] | None = None


def identities_in(text: str) -> Iterator[tuple[str, int, int]]:
    """The kind and place of every such number."""
    for kind in KINDS:
        for found in kind.pattern.finditer(text):
            if kind.needs and not kind.needs.search(text, max(0, found.start() - NAMED_WITHIN), found.start()):
                continue
            if kind.is_right(re.sub(r"[\s.\-]", "", found[0]).upper()):
                yield kind.name, found.start(), found.end()


def is_iban(number: str) -> bool:
    """ISO 13616: the letters as numbers, the first four at the end, modulo 97 is 1."""
    length = _IBAN_LENGTHS.get(number[:2])
    if length is None or len(number) != length or not number.isalnum():
        return False
    turned = number[4:] + number[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def is_social_security(number: str) -> bool:
    """United States: no area 000, 666 or 9xx, no group 00, no serial 0000 (Social Security Administration, 2011)."""
    area, group, serial = number[:3], number[3:5], number[5:]
    known = number in {"123456789", "111223333", "078051120", "219099999"}
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000" and not known


def is_nhs(number: str) -> bool:
    """United Kingdom: weights 10 to 2, modulo 11."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:9], range(10, 1, -1), strict=True))
    return (11 - total % 11) % 11 == int(number[9]) and len(set(number)) > 1


def is_nir(number: str) -> bool:
    """France: the two last digits are 97 minus the rest modulo 97; 2A and 2B stand for Corsica."""
    digits = number[:13].replace("2A", "19").replace("2B", "18")
    return digits.isdecimal() and number[13:].isdecimal() and 97 - int(digits) % 97 == int(number[13:])


def is_dni(number: str) -> bool:
    """Spain: the letter is that of the number modulo 23; X, Y, Z begin the numbers of foreigners."""
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return digits.isdecimal() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


def is_codice_fiscale(code: str) -> bool:
    """Italy: the last letter is a sum over the others, those at odd places in an order of their own (D.M.
    23.12.1976).
    """
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    total = 0
    for place, character in enumerate(code[:15]):
        value = int(character) if character.isdecimal() else ord(character) - 65
        total += odd[value] if place % 2 == 0 else value
    return chr(65 + total % 26) == code[15]


def is_pesel(number: str) -> bool:
    """Poland: a date of birth, and weights 1, 3, 7, 9 modulo 10."""
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
    century = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}.get(month // 20)
    try:
        date((century or 0) + year, month % 20, day)
    except ValueError:
        return False
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True)) % 10 == 0


def is_steuer_id(number: str) -> bool:
    """Germany: the last digit by ISO 7064, mod 11,10."""
    rest = 10
    for digit in number[:10]:
        total = (int(digit) + rest) % 10 or 10
        rest = total * 2 % 11
    return (11 - rest) % 10 == int(number[10]) and number[0] != "0"


def is_bsn(number: str) -> bool:
    """The Netherlands: weights 9 to 2 and -1, modulo 11."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True)) % 11 == 0


def is_insurance(number: str) -> bool:
    """United Kingdom: letters that are given out (HMRC, NIM39110)."""
    prefix = number[:2]
    return (
        prefix[0] not in "DFIQUV" and prefix[1] not in "DFIQUVO"
        and prefix not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"} and number[-1] in "ABCD"
    )  # fmt: skip


_IBANS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 "
    "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
    "LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 "
    "SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
_IBAN_LENGTHS = {pair[:2]: int(pair[2:]) for pair in _IBANS.split()}
KINDS: tuple[Kind, ...] = (
    Kind("an account number",
         re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]{4}){2,7}(?:[ ]?[A-Za-z0-9]{1,3})?\b"), is_iban),
    Kind("a social security number", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), is_social_security),
    Kind("a national insurance number", re.compile(r"\b[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]\b"), is_insurance),
    Kind("an NHS number", re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)"), is_nhs, re.compile(r"\bNHS\b", re.I)),
    Kind("a social security number",
         re.compile(r"(?<!\d)[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AaBb]) ?\d{3} ?\d{3} ?\d{2}(?!\d)"),
         is_nir),
    Kind("an identity number", re.compile(r"\b(?:[XYZxyz]-?)?\d{7,8}-?[A-Za-z]\b"), is_dni),
    Kind("a tax number",
         re.compile(r"\b[A-Za-z]{6}\d{2}[A-EHLMPR-Ta-ehlmpr-t]\d{2}[A-Za-z]\d{3}[A-Za-z]\b"), is_codice_fiscale),
    Kind("an identity number", re.compile(r"(?<!\d)\d{11}(?!\d)"), is_pesel, re.compile(r"\bPESEL\b", re.I)),
    Kind("a tax number", re.compile(r"(?<!\d)\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\d)"), is_steuer_id,
         re.compile(r"steuer|identifikationsnummer|\bIdNr\b|\bTIN\b", re.I)),
    Kind("an identity number", re.compile(r"(?<!\d)\d{9}(?!\d)"), is_bsn, re.compile(r"\bBSN\b|burgerservice", re.I)),
)  # fmt: skip
