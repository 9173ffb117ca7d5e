"""What is taken, how much of it and how often: docs/limits.md, its tables written from the constants that rule."""

import re
from datetime import timedelta
from importlib import import_module
from typing import Any

import click
from flask import Flask, current_app

from commands.licences import ROOT
from core.limits import at_most, limiter

LIST = ROOT / "docs" / "limits.md"
BELOW = "<!-- From here on written by `python3 app.py limits --write`. -->\n"

# Where a rule lives, and what its number counts.
NAMED: dict[str, tuple[tuple[str, str], ...]] = {
    "Accounts": (
        ("blueprints.accounts.policy.MIN_PASSWORD_LENGTH", "characters of a password at least"),
        ("blueprints.accounts.policy.MAX_PASSWORD_LENGTH", "characters at most"),
        ("blueprints.accounts.policy.MIN_PASSWORD_SCORE", "of zxcvbn's 0 to 4 at least"),
        ("blueprints.accounts.policy.MAX_EMAIL_LENGTH", "characters of an address"),
        ("core.names.MIN_LENGTH", "characters of a name at least"),
        ("core.names.MAX_LENGTH", "characters of a name at most"),
        ("blueprints.accounts.session.IDLE_LIFETIME", "a session lives after its last use"),
        ("blueprints.accounts.session.LONGEST_LIFETIME", "a session lives at all"),
        ("core.step_up.PROOF_LASTS", "a proof of who it is holds"),
        ("blueprints.accounts.factors.CODES", "recovery codes"),
        ("blueprints.accounts.factors.MOST_PASSKEYS", "passkeys of one person"),
        ("blueprints.accounts.api_keys.MOST_KEYS", "keys of one person's programs"),
        ("blueprints.accounts.api_keys.LONGEST_NAME", "characters of a key's name"),
        ("blueprints.accounts.passkeys.CHALLENGE_LASTS", "a challenge for a passkey holds"),
        ("blueprints.accounts.jobs.UNCONFIRMED_KEPT", "an account without a confirmed address stays"),
        ("blueprints.accounts.copying.COPY_KEPT", "a copy of one's data stays"),
    ),
    "Words": (
        ("blueprints.threads.writing.MAX_LENGTH", "characters of a comment, as people count them"),
        ("core.markup.MAX_NESTING", "levels of quotations and lists"),
        ("blueprints.threads.mentions.MAX_MENTIONS", "people that a comment names"),
        ("blueprints.threads.policy.EDIT_WINDOW", "a comment can be edited"),
        ("blueprints.threads.service.REPEAT_WITHIN", "the same words are a repetition"),
        ("blueprints.threads.drafts.LONGEST_DRAFT", "code points of a draft"),
        ("blueprints.threads.drafts.KEPT_FOR", "a draft stays"),
        ("blueprints.threads.reports.NOTE_LENGTH", "characters of a report's note"),
        ("blueprints.threads.search.words.MAX_QUERY", "characters of a search"),
        ("blueprints.threads.search.words.MAX_QUERY_WORDS", "words of a search"),
        ("blueprints.threads.quiz.MOST_QUESTIONS", "questions of a quiz"),
        ("blueprints.threads.moving.MOST_AT_ONCE", "comments of a branch that is moved"),
        ("blueprints.following.policy.MOST_FOLLOWED", "of each kind followed"),
        ("blueprints.following.policy.MOST_MUTED", "people muted"),
    ),
    "Moderation": (
        ("blueprints.moderation.policy.APPEAL_WITHIN", "a decision can be objected to"),
        ("blueprints.moderation.objecting.OBJECTION_LENGTH", "characters of an objection"),
        ("blueprints.moderation.objecting.MOST_OPEN", "objections of one person open at once"),
        ("blueprints.moderation.objecting.MOST_IN_A_MONTH", "objections of one person in a month"),
        ("blueprints.moderation.sanctions.LONGEST_SUSPENSION", "a suspension at most"),
        ("blueprints.moderation.bulk.MOST", "comments decided on at once"),
        ("blueprints.moderation.claims.CLAIM_LASTS", "a case is held for a colleague"),
        ("blueprints.moderation.illegal.EXPLANATION_LENGTH", "characters of a notice of illegal content"),
        ("blueprints.moderation.keeping.LEAST_TEXT_DAYS", "days that removed words stay at least"),
        ("blueprints.publisher.screening_programs.MOST_SERVICES", "services that check comments"),
        ("core.outgoing.LARGEST_ANSWER", "bytes of a service's answer"),
    ),
    "Articles, money, files": (
        ("blueprints.newsroom.policy.LONGEST_BODY", "code points of an article"),
        ("blueprints.articles.sharing.LIFETIME", "a shared link opens an article"),
        ("blueprints.membership.policy.GRACE_PERIOD", "access goes on after a failed payment"),
        ("blueprints.membership.terms.WITHDRAWAL_DAYS", "days to withdraw"),
        ("blueprints.membership.checkout.MOST_SEATS", "seats of a group"),
        ("blueprints.membership.gifts_policy.LONGEST_NOTE", "characters of a gift's note"),
        ("blueprints.membership.webhooks.LARGEST_BODY", "bytes of a message of Stripe"),
        ("blueprints.publisher.selling.MOST_CENTS", "minor units of a price"),
        ("blueprints.publisher.selling.MOST_PLANS", "plans"),
        ("blueprints.publisher.selling.MOST_TRIAL_DAYS", "free days"),
        ("blueprints.publisher.service.MOST_SECTIONS", "sections"),
        ("blueprints.publisher.service.MOST_RULES", "rules"),
        ("blueprints.publisher.people_csv.MOST_ROWS", "rows of a list of people"),
        ("core.images.MAX_BYTES", "bytes of a picture"),
        ("core.images.MAX_PIXELS", "pixels of a picture, before it is decoded"),
        ("core.images.MAX_WIDTH", "pixels of a picture's width as it is kept"),
        ("blueprints.publisher.site_archive.LONGEST_LINE", "bytes of a line in an archive"),
        ("core.ids.MAX_ID", "the largest number of a row"),
    ),
}  # fmt: skip
COUNTED = {
    "person_or_address": "the person, else the address", "account_named": "the address that was typed",
    "_account_named": "the account", "_browser_or_account": "the account, or a browser known to it",
    "_browser_or_address": "the address, or a browser known to the account", "address_block": "the network",
    "everybody": "the whole site", "_half": "the account whose password was right",
    "whoever_asks": "the key, else the person, else the network",
}  # fmt: skip


def value_of(place: str) -> str:
    """A constant as people write it. Raises AttributeError where it is gone."""
    module, _, name = place.rpartition(".")
    value = getattr(import_module(module), name)
    return _span(value) if isinstance(value, timedelta) else f"{value:,}"


def calls(app: Flask) -> list[tuple[str, str, str]]:
    """Address, limit and who is counted, for each limit of a view, as production has it."""
    views = {f"{view.__module__}.{view.__name__}": name for name, view in app.view_functions.items()}
    addresses = {rule.endpoint: str(rule) for rule in app.url_map.iter_rules()}
    found: list[tuple[str, str, str]] = []
    production, app.config["PRODUCTION"] = app.config["PRODUCTION"], True
    try:
        for name, limits in limiter.limit_manager._decorated_limits.items():
            endpoint = views.get(".".join(name.split(".")[:-2] + name.split(".")[-1:]), "")
            address = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"<\1>", addresses.get(endpoint, ""))
            found += [(address, _text(one), _counted(one)) for one in limits if address]
    finally:
        app.config["PRODUCTION"] = production
    return sorted(set(found))


def written() -> str:
    """The part of docs/limits.md that follows from the code."""
    lines = [BELOW]
    for title, rules in NAMED.items():
        lines += [f"## {title}\n", "| | | rule |", "| --- | --- | --- |"]
        lines += [f"| {value_of(place)} | {what} | `{place.removeprefix('blueprints.')}` |" for place, what in rules]
        lines.append("")
    lines += ["## How often\n", "In the demonstration a hundred times as often: everybody comes from one address.\n",
              "| address | at most | counted for |", "| --- | --- | --- |"]  # fmt: skip
    lines += [f"| `{address}` | {limit} | {who} |" for address, limit, who in calls(current_app)]
    return "\n".join(lines) + "\n"


def _text(limit: Any) -> str:
    provider = limit.limit_provider
    if callable(provider) and not provider.__qualname__.startswith(at_most.__name__):
        return "fewer while cards are being tried out"  # asks the database
    return str(provider() if callable(provider) else provider)


def _counted(limit: Any) -> str:
    name = getattr(limit.key_function, "__name__", "")
    return COUNTED.get(name, "what the view says")


def _span(value: timedelta) -> str:
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if value.total_seconds() % unit == 0:
            number = int(value.total_seconds() // unit)
            return f"{number:,} {name}{'' if number == 1 else 's'}"
    return f"{value.total_seconds()} seconds"


@click.command("limits")
@click.option("--write", is_flag=True, help="Write the tables of docs/limits.md anew.")
def show_limits(write: bool) -> None:
    """Print what is taken, how much of it and how often."""
    if write:
        LIST.write_text(LIST.read_text().partition(BELOW)[0] + written())
        click.echo(f"Written to {LIST.relative_to(ROOT)}.")
    else:
        click.echo(written(), nl=False)
