"""What the routes of lists and Picks ask for, for the person who asks."""

from typing import Any

from sqlalchemy import Row

from blueprints.site.queries import SectionView
from blueprints.threads import picks
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.readers import ReaderPage, reader_page
from blueprints.threads.search.finding import Place, Results, find_comments
from blueprints.threads.search.words import read_query
from core import clock
from core.db import db
from core.viewer import Viewer


def search(
    viewer: Viewer, typed: str, facts: ThreadFacts | None, section: SectionView | None, before: int
) -> Results:
    """One page of what was found there. Raises DomainError when the query says nothing, or too much."""
    place = Place(facts.thread_id if facts else None, section.id if section else None)
    return find_comments(db.session(), viewer, read_query(typed), place, before=before, now=clock.now())


def reader(viewer: Viewer, user_id: int, before: int) -> ReaderPage:
    """A person's page. Raises DomainError where the viewer may not see it."""
    return reader_page(db.session(), viewer, user_id, before, clock.now())


def pick_of(comment_id: int) -> Row[Any] | None:
    """The Pick of a comment, if it is one."""
    return picks.live_pick(db.session(), comment_id)


def pick_author(comment_id: int) -> picks.Chosen:
    """Whose comment is to be picked, and whether that would be the first time."""
    return picks.chosen(db.session(), comment_id)
