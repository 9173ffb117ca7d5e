"""Time-based codes, against the vectors that RFC 6238 gives (appendix B, SHA-1, cut to six digits)."""

import base64
from datetime import UTC, datetime

import pytest

from blueprints.accounts import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(("seconds", "code"), [
    (59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
    (20000000000, "353130"),
])  # fmt: skip
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert totp.code_at(SECRET, seconds // 30) == code


def test_a_code_holds_one_step_earlier_and_one_later_and_no_more() -> None:
    moment = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    step = totp.step_at(moment)
    for shift, good in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        assert (totp.step_of(SECRET, totp.code_at(SECRET, step + shift), moment) == step + shift) is good
    for odd in ("", "１２３４５６", "12345", "abcdef", "\0"):
        assert totp.step_of(SECRET, odd, moment) is None


def test_every_secret_is_another_one_and_160_bits_long() -> None:
    secrets = {totp.new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b32decode(each)) for each in secrets} == {20}


def test_the_address_for_an_app_names_paper_and_account() -> None:
    address = totp.address(SECRET, account="ann+x@example.test", issuer="The Meridian")
    assert address.startswith("otpauth://totp/The%20Meridian%3Aann%2Bx@example.test?secret=GEZD")
    assert "issuer=The%20Meridian" in address
