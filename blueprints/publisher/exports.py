"""Archives of the whole site that a publisher asks for on a page: made by a job, fetched for a while, then gone."""

import re
import secrets
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from flask import current_app

from blueprints.publisher import queries_exports
from blueprints.publisher.site_export import export_site
from core import clock
from core.config import Settings
from core.db import db, transaction
from core.errors import Conflict, NotFound
from jobs.queue import enqueue, handler
from jobs.schedule import repeating
from models.site_export import SiteExport

KEPT = timedelta(days=2)
ALIVE = timedelta(minutes=2)  # after its last sign of life a job is taken to be dead
NOTED_EVERY = 2.0  # seconds
LONGEST_MAKING = timedelta(hours=12)
STRAY = timedelta(days=1)  # a file that is in no row, and so old, was left by a process that died
FOLDER = "exports"
Standing = Literal["busy", "ready", "gone", "failed"]
_OURS = re.compile(r"\.?site-\d{8}-[0-9a-f]{32}\.zip(\.[0-9a-f]{12})?")


class _NotWanted(Exception):
    """Somebody has called it off."""


def ask(user_id: int) -> int:
    """Have an archive made, inside the caller's transaction. Raises Conflict while one is being made."""
    queries_exports.lock_newest()
    if any(standing(asked.row) == "busy" for asked in queries_exports.all_asked()):
        raise Conflict("An archive is being made already.")
    moment = clock.now()
    row = SiteExport(
        asked_by=user_id, file_name=f"site-{moment:%Y%m%d}-{secrets.token_hex(16)}.zip",
        expires_at=moment + LONGEST_MAKING + KEPT,
    )  # fmt: skip
    db.session().add(row)
    db.session().flush()
    enqueue("publisher.export-site", key=_key(row.id), export_id=row.id)
    return row.id


def standing(row: SiteExport) -> Standing:
    """How it is with an archive now. One whose job was given up, or that is not made after so long, will not be."""
    moment = clock.now()
    if row.state == "ready":
        return "ready" if row.expires_at > moment and path_of(row).is_file() else "gone"
    given_up = queries_exports.given_up(_key(row.id))
    is_given_up = given_up is not None and given_up > row.created_at
    return "failed" if is_given_up or moment - row.created_at >= LONGEST_MAKING else "busy"


def ready_file(export_id: int) -> tuple[Path, SiteExport]:
    """The archive's file. Raises NotFound where it is not there, or not any more."""
    row = queries_exports.one(export_id)
    if row is None or standing(row) != "ready":
        raise NotFound("This archive is not there any more. You can have another one made.")
    return path_of(row), row


def remove(export_id: int) -> None:
    """Forget an archive, and call off the job that makes it. Inside the caller's transaction. Raises NotFound."""
    row = queries_exports.one(export_id, lock=True)
    if row is None:
        raise NotFound
    path_of(row).unlink(missing_ok=True)
    db.session().delete(row)


def path_of(row: SiteExport) -> Path:
    """Where an archive's file is, or will be."""
    return _folder() / row.file_name


def _folder() -> Path:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.data_dir.resolve() / FOLDER


def _key(export_id: int) -> str:
    return f"export-site:{export_id}"


@handler("publisher.export-site")
def make(export_id: int) -> None:
    """Make the archive. Begun anew when it was cut off, never by two at once; called off when its row is removed."""
    with transaction():
        name = queries_exports.take_work(export_id, clock.now(), clock.now() + ALIVE)
        row = queries_exports.one(export_id)
        if name is None and row is not None and row.state != "ready":
            # Somebody else makes it, for longer than a job's lease. If they die, nobody would: so look again.
            enqueue("publisher.export-site", key=_key(export_id), run_at=clock.now() + ALIVE, export_id=export_id)
    if name is None:
        return
    noted = time.monotonic()

    def note(done: int, rows: int) -> None:
        nonlocal noted
        if time.monotonic() - noted < NOTED_EVERY:
            return
        noted = time.monotonic()
        with transaction():
            if not queries_exports.note_progress(export_id, done, rows, clock.now() + ALIVE):
                raise _NotWanted

    path = _folder() / name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        manifest = export_site(path, note=note)
    except _NotWanted:
        return
    except BaseException:
        with transaction():
            queries_exports.let_go(export_id)
        raise
    with transaction():
        wanted = queries_exports.note_made(export_id, manifest.rows, path.stat().st_size, clock.now() + KEPT)
    if not wanted:
        path.unlink(missing_ok=True)


@handler("publisher.export-forget")
def forget() -> None:
    """Remove archives whose time is over, and files that no row knows."""
    moment = clock.now()
    with transaction() as session:
        for row in queries_exports.expired(moment):
            path_of(row).unlink(missing_ok=True)
            session.delete(row)
    if not _folder().is_dir():
        return
    wanted = queries_exports.file_names()
    for path in _folder().iterdir():
        if _OURS.fullmatch(path.name) and path.name not in wanted and moment - _changed_at(path) > STRAY:
            path.unlink(missing_ok=True)


repeating("publisher.export-forget", every=timedelta(hours=1))


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=clock.now().tzinfo)
