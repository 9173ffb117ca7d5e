"""The readers' questions for those who answer them: what waits first, by the respect for it."""

from typing import Any

from markupsafe import Markup

from blueprints.threads import queries_mine
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.ordering import ANSWERED, UNANSWERED, Questions
from blueprints.threads.page import fill_slots
from blueprints.threads.shared import Place, shared_page
from core import clock
from core.db import db
from core.records import dataclass
from core.viewer import Viewer


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """One page of questions with what was said to them."""

    html: Markup
    tabs: tuple[dict[str, Any], ...]
    next_url: str | None
    first_url: str | None
    is_answered: bool
    waiting: int


def question_page(facts: ThreadFacts, viewer: Viewer, asked: str | None, after: str) -> QuestionPage:
    """The unanswered questions, or with `asked` the answered ones. Whether the viewer may is the caller's question."""
    assert viewer.id is not None
    session, now = db.session(), clock.now()
    view: Questions = ANSWERED if asked == ANSWERED else UNANSWERED
    page = shared_page(session, facts, Place(view, after), now)
    mine = queries_mine.mine_on_page(
        session, page.mine, user_id=viewer.id, now=now, thread_id=facts.thread_id, article_id=facts.article_id
    )
    parts = page.layout.parts.copy()
    fill_slots(page.layout, parts, viewer, facts, mine, now)
    base = f"{facts.article_url}/questions?show="
    behind = (page.next_url or "").partition("&after=")[2].partition("#")[0]
    waiting = facts.question_count - facts.answered_count
    tabs = ((UNANSWERED, "Unanswered", waiting), (ANSWERED, "Answered", facts.answered_count))
    return QuestionPage(
        html=Markup("".join(parts)),  # noqa: S704 - made of our own templates
        tabs=tuple(
            {"label": label, "count": count, "href": base + name, "current": name == view}
            for name, label, count in tabs
        ),
        next_url=f"{base}{view}&after={behind}" if behind else None,
        first_url=base + view if after else None,
        is_answered=view == ANSWERED,
        waiting=waiting,
    )
