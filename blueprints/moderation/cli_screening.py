"""Commands about the screening: learning from decisions, and a labelled corpus run through it."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from blueprints.moderation import learning, queries_learning, replay
from blueprints.moderation.cli import moderation_cli
from blueprints.site.queries import site
from blueprints.threads import queries_screening
from blueprints.threads.screening.rules import RULES
from core.db import db, transaction
from core.errors import DomainError

SHOWN = 15


@moderation_cli.command("train")
@click.option("--most", default=learning.MOST, show_default=True, help="Comments of each kind to learn from.")
def train(most: int) -> None:
    """Learn from the decisions of people here. The new version is not used before a publisher says so."""
    session = db.session()
    cases = learning.gather(session, most=most)
    session.rollback()
    try:
        learned = learning.learn(cases, lambda line: click.echo(line, err=True))
    except DomainError as refused:
        click.echo(refused.sentence, err=True)
        sys.exit(1)
    with transaction() as writing:
        number = queries_learning.add_model(writing, learned.weights, learned.learned_from, learned.figures)
    click.echo(f"Version {number} is made. Look at it under /publisher/screening/classifier before it is used.\n")
    _print(figures_lines(learned.figures))


@moderation_cli.command("evaluate")
@click.option("--version", "number", type=int, help="Which one; the newest unless said.")
def evaluate(number: int | None) -> None:
    """Say how good a version is on decisions that it did not learn from."""
    try:
        number, on_what, figures = learning.evaluate(db.session(), number)
    except DomainError as refused:
        click.echo(refused.sentence, err=True)
        sys.exit(1)
    click.echo(f"Version {number} on {on_what}:\n")
    _print(figures_lines(figures))


@moderation_cli.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def replay_corpus(file: Path) -> None:
    """Run a labelled corpus (JSON lines with "text" and "label": reject or publish) through the screening as it is set.

    Prints decisions per 1,000 texts, recall, precision, what each rule caught, and the time per decision. Stores
    nothing.
    """
    session = db.session()
    setup = queries_screening.load_setup(session, queries_screening.state_version(session))
    pipeline = replay.Pipeline(setup, {section.slug: section.id for section in site().sections})
    tally = replay.Tally()
    try:
        with file.open(encoding="utf-8") as lines:
            for tally in replay.replay(replay.read(lines), pipeline):
                if tally.texts % 5_000 == 0:
                    click.echo(f"… {tally.texts:,} texts", err=True)
    except replay.BadLine as why:
        click.echo(str(why), err=True)
        sys.exit(1)
    names = {key: rule.title for key, rule in RULES.items()}
    names |= {one.rule: f"list “{one.name}”" for one in setup.lists}
    _print(replay.report(tally, names))


def figures_lines(figures: Mapping[str, Any]) -> Iterable[str]:
    """How good a version is, for a terminal."""
    yield f"{figures['cases']:,} comments, {figures['rejected']:,} of them rejected by people"
    yield ""
    yield "threshold   flagged per 1,000   precision   recall"
    for row in figures["thresholds"]:
        yield (f"{row['threshold']:8} %{_number(row['per_thousand']):>20}{_percent(row['precision']):>12}"
               f"{_percent(row['recall']):>9}")  # fmt: skip
    yield ""
    yield "said              comments   rejected"
    for row in figures["calibration"]:
        yield f"{row['from']:3} to {row['to']:3} %{row['cases']:>15,}{_percent(row['rejected']):>11}"
    for title, key in (("false alarms by language", "languages"), ("false alarms by words that name groups", "groups")):
        yield ""
        yield f"{title} (at {figures['threshold']} %; all: {_percent(figures['false_alarms']['percent'])})"
        for row in figures[key][:SHOWN]:
            yield f"  {row['name']:20}{row['alarms']:>7,} of {row['cases']:,}{_percent(row['percent']):>10}"
        if not figures[key]:
            yield "  too few comments to say"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
