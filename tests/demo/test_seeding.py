"""The demo paper in the database."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, select
from sqlalchemy.orm import Session

from core.text import normalise
from models.article import Article
from models.site import Site
from tests.databases import DEMO, made_once
from tests.journeys.conftest import database, first_start


def test_articles_are_numbered_in_the_order_of_publication_and_texts_are_as_forms_keep_them(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, worker_name: str
) -> None:
    data = shutil.copytree(made_once(tmp_path_factory, DEMO, first_start), tmp_path / "demo")
    copied, drop = database(f"seeding_{worker_name}", like=DEMO)
    url = make_url(copied).set(drivername="postgresql+psycopg") if copied else f"sqlite:///{data / 'rejoinder.sqlite3'}"
    engine = create_engine(url)
    with Session(engine) as session:
        site = session.scalars(select(Site)).one()
        by_number = list(session.scalars(select(Article.published_at).order_by(Article.id)))
    engine.dispose()
    drop()
    assert (site.about, site.privacy) == (normalise(site.about), normalise(site.privacy))  # a form that is sent unchanged changes nothing
    assert len(by_number) > 1
    assert by_number == sorted(moment for moment in by_number if moment)
