"""What a publisher may set, and the words for it. Pure: values in, an answer out."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from blueprints.membership.entitlements import EVERYONE, MEMBERS, PLANS_PREFIX, REGISTERED, plans_of
from core.viewer import ROLES

LONGEST_AUDIENCE = 120
LONGEST_TEXT = 40_000  # of the about and privacy pages, in code points
LONGEST_RULE = 2_000
LONGEST_PERKS = 2_000
LONGEST_GIFT = timedelta(days=20 * 366)
DIRECTIONS = ("ltr", "rtl")
COLOURS = ("red", "blue", "green", "purple", "grey")  # each readable in light and dark: static/css/tokens.css
SHOWN_TO = (("everyone", "Everybody"), ("article_readers", "Those who may read the article"))
PAUSES = (("0", "Not at all"), ("1", "One month"), ("2", "Up to two months"), ("3", "Up to three months"))

# The shape of a language tag such as en, pt-BR, zh-Hans; the column has 12 places.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
LONGEST_LANGUAGE = 12


def fingerprint(*values: object) -> str:
    """A mark of what a form was filled from: it differs as soon as somebody else has saved something else."""
    return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()[:16]


def clean_audience(rule: str, plan_keys: Sequence[str]) -> str:
    """An audience in its stored form. Raises ValueError, with a sentence, for one that is none.

    `plan_keys` are the existing plans, lowest first.
    """
    rule = rule.strip()
    if rule in (EVERYONE, REGISTERED, MEMBERS):
        return rule
    named = plans_of(rule)
    if not rule.startswith(PLANS_PREFIX) or not named:
        raise ValueError("Please choose who this is for.")
    if unknown := sorted(named - set(plan_keys)):
        raise ValueError(f"There is no plan called {unknown[0]}.")
    cleaned = PLANS_PREFIX + ",".join(key for key in plan_keys if key in named)
    if len(cleaned) > LONGEST_AUDIENCE:
        raise ValueError("These are more plans than one audience can name.")
    return cleaned


def audience_label(rule: str, plans: Mapping[str, str]) -> str:
    """An audience in words; `plans` are names by key."""
    plain = {EVERYONE: "Everyone", REGISTERED: "Registered readers", MEMBERS: "Members of any plan"}
    if rule in plain:
        return plain[rule]
    named = plans_of(rule)
    names = [name for key, name in plans.items() if key in named] + sorted(named - plans.keys())
    return f"Members of {' or '.join(names)} only" if names else "Nobody but staff"


def audience_choices(plans: Mapping[str, str], standing: str | None) -> list[tuple[str, str]]:
    """What a form offers: the three plain audiences, each plan alone, each plan with all above it, and what stands.

    `plans` are names by key, lowest first.
    """
    keys = list(plans)
    rules = [EVERYONE, REGISTERED, MEMBERS]
    rules += [PLANS_PREFIX + ",".join(keys[at:]) for at in range(1, len(keys) - 1)]
    rules += [PLANS_PREFIX + key for key in keys]
    if standing and standing not in rules:
        rules.append(standing)
    return [(rule, audience_label(rule, plans)) for rule in rules]


def language_problem(language: str) -> str | None:
    """Why this is no language tag, or None."""
    if _LANGUAGE.fullmatch(language) and len(language) <= LONGEST_LANGUAGE:
        return None
    return "Please give a language tag such as en, de or pt-BR."


def may_set_roles(
    actor_id: int, person_id: int, *, before: frozenset[str], after: frozenset[str], publishers: frozenset[int],
    confirmed: bool,
) -> str | None:  # fmt: skip
    """Why these roles may not be given or taken, or None. `publishers` are those there are now.

    The paper never loses its last publisher, and nobody takes the role from themselves by a slip.
    """
    if actor_id not in publishers:
        return "You are not a publisher any more."
    if after - set(ROLES):
        return "There is no such role."
    if "publisher" in before - after:
        if publishers <= {person_id}:
            return "This is the only publisher. Make somebody else a publisher first."
        if actor_id == person_id:
            return "You cannot take the publisher's role from yourself. Another publisher can."
    if after - before and not confirmed:
        return "This person has not confirmed the e-mail address yet, so nobody knows whose it is."
    return None


def end_of(last_day: date | None, now: datetime) -> datetime | None:
    """The moment at which a gift ends: the end of its last day in UTC, None for a gift without end.

    Raises ValueError, with a sentence, for a day that is over or further away than LONGEST_GIFT.
    """
    if last_day is None:
        return None
    if last_day < now.date():
        raise ValueError("This day is over already.")
    if last_day > (now + LONGEST_GIFT).date():
        raise ValueError("This is very far away. Leave the day empty for a membership without end.")
    return datetime.combine(last_day, time(), UTC) + timedelta(days=1)
