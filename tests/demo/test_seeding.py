"""The demo paper in the database."""

import pytest
from flask import Flask
from sqlalchemy import select

from commands.demo import seed_demo
from core.db import db
from models.article import Article


@pytest.mark.once  # on PostgreSQL the journeys fill it, and walk through it
def test_articles_are_numbered_in_the_order_of_publication(app: Flask) -> None:
    seed_demo()
    by_number = list(db.session().scalars(select(Article.published_at).order_by(Article.id)))
    assert len(by_number) > 1
    assert by_number == sorted(moment for moment in by_number if moment)
