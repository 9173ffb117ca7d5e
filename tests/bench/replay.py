"""A labelled corpus through the whole house: posted as comments, screened, queued, and decided on by moderators.

`python -m tests.bench.replay FILE [--list WORDS.txt]…` makes a database of its own, posts every text of the corpus (the
format is that of `flask moderation replay`), lets moderators decide what waits or is reported as its label says, and
prints decisions per 1,000, recall, and the time per post and per decision. Afterwards everything is counted.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app import create_app
from blueprints.moderation import ledger, replay
from blueprints.moderation.queries_queues import recount_backlog
from blueprints.moderation.service import dismiss_reports, publish_comment, reject_comment
from blueprints.threads import queries, queries_facts, service
from blueprints.threads.counters import recount
from core.config import Settings
from core.db import db, transaction
from core.errors import DomainError
from core.migrations import upgrade_if_needed
from core.viewer import Viewer
from jobs import worker
from models.thread import Comment, Finding
from tests.factories import make_article, make_plan, make_rule, make_site, make_user
from tests.threads.screens import make_list, set_up
from tests.threads.talk import as_viewer

REGULARS = 40
NEWCOMERS = 40
A_THREAD = 500  # comments under one article


@dataclass(slots=True)
class Outcome:
    """What came of a corpus."""

    texts: int = 0
    refused: int = 0
    states: Counter[tuple[str, str]] = field(default_factory=Counter)  # label and state after posting
    decisions: Counter[str] = field(default_factory=Counter)
    post_seconds: list[float] = field(default_factory=list)
    decide_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float | None:
        """Percent of what should be rejected that came before a moderator, or that the program rejected."""
        wanted = sum(number for (label, _), number in self.states.items() if label == "reject")
        missed = self.states["reject", "published"]
        return 100 * (wanted - missed) / wanted if wanted else None


def run(entries: Iterable[Mapping[str, Any]]) -> Outcome:
    """Post and decide everything; inside an application context on an empty database."""
    outcome, labels = Outcome(), {}
    moderator, rule = make_user(roles=("moderator",)).id, make_rule("kind", "Be kind", "Always.").id
    plan = make_plan()
    people = {
        "regular": [as_viewer(make_user(plan=plan)) for _ in range(REGULARS)],
        "newcomer": [as_viewer(make_user(plan=plan)) for _ in range(NEWCOMERS)],
    }
    _give_history(people["regular"])
    set_up(severities={"record": "off", "flood": "off"})  # one person here stands for many
    here: Any = None
    for number, entry in enumerate(entries):
        if number % A_THREAD == 0:
            article = make_article("A story", thread_values={"pace_seconds": 0})
            here = queries_facts.facts_of_article(db.session(), article.slug)
        kind = "newcomer" if entry.get("author") == "newcomer" else "regular"
        viewer = people[kind][number % len(people[kind])]
        began = time.perf_counter()
        posted = _post(viewer, here, entry["text"])
        if posted is None:
            outcome.refused += 1
            continue
        outcome.post_seconds.append(time.perf_counter() - began)
        outcome.texts += 1
        labels[posted] = entry["label"]
    worker.run_all()
    db.session.remove()
    _count_states(outcome, labels)
    _decide_all(outcome, labels, moderator, rule)
    outcome.problems = list(_look_for_problems())
    return outcome


def _give_history(viewers: list[Viewer]) -> None:
    article = make_article("An old story", thread_values={"pace_seconds": 0})
    here = queries_facts.facts_of_article(db.session(), article.slug)
    assert here is not None
    for viewer in viewers:
        for number in range(3):
            _post(viewer, here, f"Old words of {viewer.id}, number {number}.")


def _post(viewer: Viewer, here: Any, text: str) -> int | None:
    """The comment's id; asked once whether to leave the words, they are left. None for what is refused."""
    try:
        for _ in range(2):
            with transaction() as session:
                posted = service.post_comment(session, viewer, here, text)
            if posted.comment_id:
                return posted.comment_id
    except DomainError:
        pass
    return None


def _count_states(outcome: Outcome, labels: Mapping[int, str]) -> None:
    rows = db.session().execute(select(Comment.id, Comment.status, Comment.report_count).where(Comment.id.in_(labels)))
    for row in rows:
        state = {"withheld": "held", "pending": "held", "rejected": "rejected"}.get(row.status) or (
            "reported" if row.report_count else "published"
        )
        outcome.states[labels[row.id], state] += 1
    failed = db.session().scalar(select(func.count()).where(Finding.checked.is_(False))) or 0
    if failed:
        outcome.problems.append(f"{failed} findings say that a check failed")


def _decide_all(outcome: Outcome, labels: Mapping[int, str], moderator: int, rule: int) -> None:
    """What a moderator finds in the queues, decided as its label says."""
    waiting = db.session().execute(
        select(Comment.id, Comment.status, Comment.revision)
        .where(Comment.id.in_(labels), Comment.status.in_(("withheld", "pending")) | (Comment.report_count > 0))
        .order_by(Comment.id)
    ).all()
    db.session().rollback()
    for row in waiting:
        began = time.perf_counter()
        about: dict[str, Any] = {"comment_id": row.id, "revision": row.revision, "actor_id": moderator}
        with transaction() as session:
            if labels[row.id] == "reject":
                done = reject_comment(session, **about, rule_id=rule)
            elif row.status == "published":
                done = dismiss_reports(session, **about)
            else:
                done = publish_comment(session, **about)
        outcome.decide_seconds.append(time.perf_counter() - began)
        outcome.decisions[done.action] += 1


def _look_for_problems() -> Iterable[str]:
    session = db.session()
    left = session.scalar(select(func.count()).where(Comment.status.in_(("withheld", "pending"))))
    if left:
        yield f"{left} comments still wait"
    if problem := ledger.verify(session).problem:
        yield problem
    for thread_id in queries.thread_ids(session):
        if recount(session, thread_id, lock=False):
            yield f"a counter of discussion {thread_id} is wrong"
    if recount_backlog(session):
        yield "a queue is miscounted"


def report(outcome: Outcome) -> Iterable[str]:
    """In lines for a terminal."""
    yield f"{outcome.texts:,} texts posted, {outcome.refused:,} refused (the same words again, or no comment)"
    yield f"{'per 1,000 texts':20}{'all':>9}{'reject':>9}{'publish':>9}"
    for state in ("published", "reported", "held", "rejected"):
        cells = [outcome.states[label, state] for label in ("reject", "publish")]
        yield f"{state:20}" + "".join(f"{1000 * number / max(outcome.texts, 1):9.1f}" for number in (sum(cells), *cells))
    if outcome.recall is not None:
        yield f"recall {outcome.recall:.1f} %"
    yield f"decisions of moderators: {dict(sorted(outcome.decisions.items()))}"
    for name, times in (("post", sorted(outcome.post_seconds)), ("decision", sorted(outcome.decide_seconds))):
        if times:
            yield (f"time per {name}: {1000 * times[len(times) // 2]:.2f} ms in the middle, "
                   f"{1000 * times[min(len(times) - 1, len(times) * 99 // 100)]:.2f} ms at the 99th percentile")  # fmt: skip
    yield f"{'; '.join(outcome.problems)}" if outcome.problems else "nothing waits, the ledger is intact, every counter equals a recount"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replay", description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines with text and label")
    parser.add_argument("--list", dest="lists", type=Path, action="append", default=[], help="words to hold, one a line")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=f"sqlite:///{folder}/replay.sqlite3", data_dir=Path(folder), secret_key="replay",
        )
        app = create_app(settings)
        with app.app_context():
            upgrade_if_needed()
            make_site()
            for path in given.lists:
                make_list(path.stem, path.read_text(), "hold")
            with given.file.open(encoding="utf-8") as lines:
                outcome = run(replay.read(lines))
            for line in report(outcome):
                print(line)
            db.session.remove()
            db.engine.dispose()
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
