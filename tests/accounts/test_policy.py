"""Addresses, passwords, names: the pure rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from blueprints.accounts import policy


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Nora@Example.COM ", "nora@example.com"),
        ("NORA+news@example.com", "nora+news@example.com"),
        ("nora@straße.de", "nora@xn--strae-oqa.de"),
        ("nora@例え.jp", "nora@xn--r8jz45g.jp"),
    ],
)
def test_an_address_has_one_form(typed: str, kept: str) -> None:
    assert policy.normal_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "nora", "nora@", "@example.com", "a@b@c.com", "nora@localhost", "nora@[127.0.0.1]", '"a b"@example.com',
     "Nora <nora@example.com>", "nora@example.com, x@example.com", "nörå@example.com", "nora@example.com\nBcc: x@y.com",
     "nora@example.invalid", "a" * 255 + "@example.com", "nora@exa mple.com", "nora\x00@example.com"],
)  # fmt: skip
def test_what_is_not_one_address_is_refused_in_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        policy.normal_email(typed)


@given(st.emails())
def test_an_address_once_in_its_form_stays_so(address: str) -> None:
    try:
        kept = policy.normal_email(address)
    except ValueError:
        return
    assert kept == policy.normal_email(kept)
    assert kept.isascii()


@given(st.text(max_size=300))
def test_every_text_is_judged_as_a_password(password: str) -> None:
    problem = policy.password_problem(password, name="Nora Quist", email="nora@example.com", site_name="The Meridian")
    assert problem is None or problem.endswith(".")


@pytest.mark.parametrize("password", ["violet anchor quarrel moss", "a-long-password", "ünïcödé wörds hélp töo", "密码很长的一句话在这里呢"])
def test_a_good_password_is_taken(password: str) -> None:
    assert policy.password_problem(password, name="Nora", email="nora@example.com", site_name="The Meridian") is None


def test_the_commonest_passwords_that_are_long_enough_are_refused() -> None:
    listed = [each for each in FREQUENCY_LISTS["passwords"] if len(each) >= policy.MIN_PASSWORD_LENGTH]
    assert len(listed) > 1_000
    lengthened = [form.format(each) for each in FREQUENCY_LISTS["passwords"][:20] for form in ("{0}{0}", "{0}1234567", "{0}!2026")]
    taken = [
        each for each in listed + [each for each in lengthened if len(each) >= policy.MIN_PASSWORD_LENGTH]
        if policy.password_problem(each, name="Nora", email="nora@example.com", site_name="The Meridian") is None
    ]  # fmt: skip
    assert taken == []


def test_the_papers_own_name_is_no_password() -> None:
    assert policy.password_problem("themeridian", name="Nora", email="n@example.com", site_name="The Meridian")


@pytest.mark.parametrize("password", ["themeridian1", "annash12345", "Rejoinder2026!"])
def test_neither_are_names_written_together(password: str) -> None:
    assert policy.password_problem(password, name="Ann Ash", email="a@example.test", site_name="The Meridian") is not None
