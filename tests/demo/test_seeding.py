"""The demo paper in the database."""

import pytest
from flask import Flask
from sqlalchemy import select

from commands.demo import seed_demo
from core.db import db
from core.text import normalise
from models.article import Article
from models.site import Site


@pytest.mark.once  # on PostgreSQL the journeys fill it, and walk through it
def test_articles_are_numbered_in_the_order_of_publication_and_texts_are_as_forms_keep_them(app: Flask) -> None:
    seed_demo()
    site = db.session().scalars(select(Site)).one()
    assert (site.about, site.privacy) == (normalise(site.about), normalise(site.privacy))  # a form that is sent unchanged changes nothing
    by_number = list(db.session().scalars(select(Article.published_at).order_by(Article.id)))
    assert len(by_number) > 1
    assert by_number == sorted(moment for moment in by_number if moment)
