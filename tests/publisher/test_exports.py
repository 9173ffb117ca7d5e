"""The whole site asked for on a page: made by a job, for publishers alone, and not for long."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from blueprints.publisher import exports
from blueprints.publisher.exports import FOLDER, KEPT
from core import clock
from core.db import db, transaction
from core.step_up import PROOF_LASTS
from jobs.worker import run_all
from models.browser_session import BrowserSession
from models.job import Job
from models.moderation import ModerationAction
from models.site_export import SiteExport
from tests.browser import Browser, text_of
from tests.publisher.rows import office

PAGE = "/publisher/export"


@pytest.fixture
def boss(app: Flask) -> Browser:
    return office(app)


def files(app: Flask) -> list[Path]:
    return list((app.config["SETTINGS"].data_dir / FOLDER).glob("*"))


@pytest.fixture(autouse=True)
def tidy(app: Flask) -> None:
    for path in files(app):
        path.unlink()


def test_an_archive_is_made_by_a_job_and_fetched(app: Flask, boss: Browser) -> None:
    assert boss.post(PAGE).status_code == 303
    assert "Being made" in text_of(boss.get(PAGE))
    assert "An archive is being made already" in text_of(boss.follow(boss.post(PAGE)))
    run_all()
    [file] = files(app)
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    page = boss.get(PAGE)
    assert "It can be fetched until" in text_of(page)
    answer = boss.get(f"{PAGE}/1")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=site-")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "manifest.json" in zipfile.ZipFile(io.BytesIO(answer.data)).namelist()
    assert boss.get(f"{PAGE}/1", headers={"Range": "bytes=0-3"}).data == b"PK\x03\x04", "a download can go on"
    entries = db.session().execute(select(ModerationAction.action, ModerationAction.to_state)).all()
    assert ("site archive", "created") in [tuple(entry) for entry in entries], "and the ledger says who had it made"


def test_it_goes_by_itself_and_when_it_is_removed(app: Flask, boss: Browser) -> None:
    boss.post(PAGE)
    run_all()
    assert boss.post(f"{PAGE}/1/remove").status_code == 303
    assert files(app) == []
    assert boss.get(f"{PAGE}/1").status_code == 404
    assert boss.post(f"{PAGE}/1/remove").status_code == 404
    boss.post(PAGE)
    run_all()
    with transaction() as session:
        session.execute(update(SiteExport).values(expires_at=clock.now() - timedelta(seconds=1)))
    number = db.session().scalars(select(SiteExport.id)).one()
    assert boss.get(f"{PAGE}/{number}").status_code == 404
    (files(app)[0].parent / "notes.txt").write_text("not ours")
    exports.forget()
    assert [path.name for path in files(app)] == ["notes.txt"]
    assert db.session().scalars(select(SiteExport.id)).all() == []
    assert timedelta(days=8) > KEPT


def test_nobody_gets_one_who_proved_nothing_lately(app: Flask, boss: Browser) -> None:
    boss.post(PAGE)
    run_all()
    with transaction() as session:
        session.execute(update(BrowserSession).values(proved_at=clock.now() - PROOF_LASTS - timedelta(seconds=1)))
    assert boss.get(f"{PAGE}/1").headers["Location"].startswith("/account/prove")
    boss.post(f"{PAGE}/1/remove")
    assert boss.post(PAGE).status_code == 403
    assert db.session().scalars(select(SiteExport.id)).all() == []


def test_a_job_that_is_alive_is_not_done_twice_and_one_that_died_is(app: Flask, boss: Browser) -> None:
    boss.post(PAGE)
    with transaction() as session:
        session.execute(update(SiteExport).values(state="making", working_until=clock.now() + timedelta(minutes=1)))
        session.execute(update(Job).values(finished_at=clock.now()))
    exports.make(1)
    assert files(app) == []
    [again] = db.session().scalars(select(Job).where(Job.finished_at.is_(None))).all()
    assert (again.kind, again.run_at > clock.now()) == ("publisher.export-site", True), "it is looked at again"
    with transaction() as session:
        session.execute(update(SiteExport).values(working_until=clock.now() - timedelta(seconds=1)))
        session.execute(update(Job).values(run_at=clock.now()))
    run_all()
    assert len(files(app)) == 1


def test_what_is_called_off_meanwhile_leaves_no_file(app: Flask, boss: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "NOTED_EVERY", 0.0)
    monkeypatch.setattr("blueprints.publisher.site_export.NOTED_EVERY", 1)
    boss.post(PAGE)
    with transaction() as session:
        session.delete(session.get_one(SiteExport, 1))
    exports.make(1)
    assert files(app) == []
    boss.post(PAGE)
    take, number = exports.queries_exports.take_work, db.session().scalars(select(SiteExport.id)).one()

    def taken_and_called_off(*arguments: object) -> object:
        name = take(*arguments)  # type: ignore[arg-type]
        db.session().delete(db.session().get_one(SiteExport, number))
        return name

    monkeypatch.setattr(exports.queries_exports, "take_work", taken_and_called_off)
    exports.make(number)
    assert files(app) == []


def test_one_whose_job_was_given_up_is_said_to_have_failed(app: Flask, boss: Browser) -> None:
    boss.post(PAGE)
    with transaction() as session:
        session.execute(update(Job).where(Job.kind == "publisher.export-site").values(failed_at=clock.now()))
    assert "Failed" in text_of(boss.get(PAGE))
    assert boss.post(PAGE).status_code == 303
    assert len(db.session().scalars(select(SiteExport.id)).all()) == 2


def test_a_disk_that_takes_nothing_is_tried_again(app: Flask, boss: Browser) -> None:
    folder = app.config["SETTINGS"].data_dir / FOLDER
    if folder.is_dir():
        folder.rmdir()
    folder.write_text("in the way")
    boss.post(PAGE)
    run_all()
    folder.unlink()
    with transaction() as session:
        session.execute(update(Job).values(run_at=clock.now()))
    run_all()
    assert len(files(app)) == 1
