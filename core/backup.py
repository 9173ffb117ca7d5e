"""One file that holds the whole site: the database at one moment, and the pictures. Made while the site runs.

SQLite is copied with VACUUM INTO, PostgreSQL with COPY in one snapshot; neither keeps anybody from writing. The archive
says what is in it: the database's revision, the rows of each table, and the SHA-256 of each file. A backup is read once
more after it was made, and only then gets its name. The secret key is not in it, because it comes from the environment.
"""

import gzip
import hashlib
import io
import json
import mimetypes
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from flask import current_app
from sqlalchemy import Connection, inspect, text

from core import clock
from core.bucket import bucket_of
from core.config import Settings
from core.db import Base, db
from core.migrations import current_revision, newest_revision, upgrade, upgrade_if_needed
from core.records import dataclass

FORMAT = 1
MANIFEST = "manifest.json"
SQLITE, SANDBOX = "database.sqlite3", "sandbox.sqlite3"
PICTURES, TABLES = "pictures", "tables"
PIECE = 1024 * 1024
COMPRESSION = 3
_NAME = re.compile(r"rejoinder-\d{8}-\d{6}\.tar\.gz")

Say = Callable[[str], None]


class CannotBackUp(Exception):
    """A sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds. `files` are SHA-256 sums by the name in the archive; `tables` numbers of rows."""

    made_at: str
    database: str
    revision: str
    tables: dict[str, int]
    files: dict[str, str]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is there."""

    path: Path
    made_at: datetime
    bytes: int


def make(settings: Settings, folder: Path, say: Say = lambda _: None) -> Made:
    """Write a backup into the folder and read it once more. Raises CannotBackUp with what stands in the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        moment = clock.now()
        path = folder / f"rejoinder-{moment:%Y%m%d-%H%M%S}.tar.gz"
        with tempfile.TemporaryDirectory(prefix=".rejoinder-backup-", dir=folder) as name:
            parts, unnamed = Path(name), Path(name) / "archive"
            os.chmod(parts, 0o700)
            tables = _copy_database(parts, say)
            if (sandbox := settings.data_dir / SANDBOX).exists() and not settings.production:
                _vacuum_into(sandbox, parts / SANDBOX)
            _write(unnamed, parts, settings, tables, moment, say)
            check(unnamed, say)
            os.chmod(unnamed, 0o600)
            os.replace(unnamed, path)
    except OSError as error:
        raise CannotBackUp(f"The backup could not be written to {folder}: {error.strerror or error}.") from None
    return Made(path, moment, path.stat().st_size)


def check(archive: Path, say: Say = lambda _: None) -> Manifest:
    """Read all of an archive and compare it with what it says of itself. Raises CannotBackUp where they differ."""
    say("reading it once more")
    try:
        with tarfile.open(archive) as tar:
            manifest = _manifest(tar)
            found = {
                entry.name: _digest(cast(IO[bytes], tar.extractfile(entry)))
                for entry in tar if entry.isfile() and entry.name != MANIFEST
            }  # fmt: skip
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
        said = f"{archive.name} is no backup of Rejoinder, or it is damaged: it cannot be unpacked."
        raise CannotBackUp(said) from None
    except OSError as error:
        raise CannotBackUp(f"{archive.name} cannot be read: {error.strerror or error}.") from None
    if found != manifest.files:
        wrong = sorted(name for name in found.keys() | manifest.files if found.get(name) != manifest.files.get(name))
        raise CannotBackUp(f"{archive.name} is damaged: {', '.join(wrong[:3])} is not what was written.")
    return manifest


def restore(settings: Settings, archive: Path, *, replace: bool, say: Say = lambda _: None) -> Manifest:
    """Put an archive in the place of the database and the pictures, and bring it to the newest shape.

    Without `replace` only into a site that has nothing yet. The site must not run. Raises CannotBackUp, and then the
    database is what it was.
    """
    manifest = check(archive, say)
    kind = db.engine.dialect.name
    if manifest.database != kind:
        raise CannotBackUp(
            f"This backup is of {manifest.database}, and DATABASE_URL leads to {kind}: it can be put back only into a "
            "database of its own kind."
        )
    if manifest.revision > newest_revision():
        raise CannotBackUp(
            f"This backup was made by a newer version (its database stands at {manifest.revision}, this version knows "
            f"{newest_revision()}): install that version first."
        )
    if current_revision() is not None and _has_rows() and not replace:
        raise CannotBackUp("There is a site here already: say --replace to put the backup in its place.")
    with tempfile.TemporaryDirectory(prefix=".rejoinder-restore-", dir=settings.data_dir) as name:
        parts = Path(name)
        _unpack(archive, manifest, parts)
        say("putting the database in its place")
        if kind == "sqlite":
            _restore_sqlite(parts / SQLITE, manifest)
        else:
            _restore_postgresql(parts / TABLES, manifest, say)
        _restore_files(settings, parts)
    upgrade_if_needed()
    return manifest


def _unpack(archive: Path, manifest: Manifest, parts: Path) -> None:
    """Put the files that the archive says it holds into the folder, and nothing outside it.

    By hand, because Python can do it safely by itself only since 3.11.4.
    """
    inside = parts.resolve()
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.name not in manifest.files:
                continue
            path = (inside / entry.name).resolve()
            if not path.is_relative_to(inside):
                raise CannotBackUp(f"{archive.name} is no backup of Rejoinder: it wants to write to {entry.name}.")
            path.parent.mkdir(parents=True, exist_ok=True)
            with cast(IO[bytes], tar.extractfile(entry)) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, PIECE)
            os.chmod(path, entry.mode & 0o644 | 0o600)
            os.utime(path, (entry.mtime, entry.mtime))


def listed(folder: Path) -> list[Made]:
    """The backups in a folder, the newest first."""
    if not folder.is_dir():
        return []
    found = sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)
    return [Made(path, _moment(path), path.stat().st_size) for path in found]


def keep(folder: Path, number: int) -> list[Path]:
    """Remove all but the newest so many backups; returns what was removed."""
    old = [made.path for made in listed(folder)[max(1, number):]]
    for path in old:
        path.unlink(missing_ok=True)
    return old


def _moment(path: Path) -> datetime:
    return datetime.strptime(path.name, "rejoinder-%Y%m%d-%H%M%S.tar.gz").replace(tzinfo=clock.now().tzinfo)


# Making


def _copy_database(parts: Path, say: Say) -> dict[str, int]:
    engine = db.engine
    say("copying the database")
    if engine.dialect.name == "sqlite":
        _vacuum_into(Path(str(engine.url.database)), parts / SQLITE)
        return _rows_of(parts / SQLITE)
    (parts / TABLES).mkdir()
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return {table: _copy_out(connection, table, parts / TABLES / f"{table}.copy") for table in _tables(connection)}


def _vacuum_into(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def _rows_of(path: Path) -> dict[str, int]:
    """The rows of each table of a SQLite file; raises CannotBackUp for one that is damaged."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if state != "ok":
            raise CannotBackUp(f"The database is damaged: {state}.")
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names}  # noqa: S608


def _tables(connection: Connection) -> list[str]:
    """Every table, those that others point to first."""
    there = set(inspect(connection).get_table_names()) - {"alembic_version"}
    ours = [table.name for table in Base.metadata.sorted_tables if table.name in there]
    return ours + sorted(there - set(ours))


def _columns(connection: Connection, table: str) -> list[str]:
    """The columns that hold something of their own: not those the database works out from others."""
    return [column["name"] for column in inspect(connection).get_columns(table) if not column.get("computed")]


def _copy_out(connection: Connection, table: str, path: Path) -> int:
    columns = ", ".join(f'"{name}"' for name in _columns(connection, table))
    cursor: Any = connection.connection.cursor()
    with path.open("wb") as file, cursor.copy(f'COPY "{table}" ({columns}) TO STDOUT') as copy:
        for piece in copy:
            file.write(piece)
    return int(cursor.rowcount)


def _write(
    archive: Path, parts: Path, settings: Settings, tables: dict[str, int], moment: datetime, say: Say
) -> None:
    pictures = settings.data_dir / PICTURES
    if (bucket := bucket_of(settings)) is not None:
        say("fetching the pictures that other hosts have put into the storage")
        for name in bucket.names():
            path = pictures / Path(name).name
            if not path.exists() and (content := bucket.get(name)) is not None:
                path.write_bytes(content)
    files = [(path, path.relative_to(parts).as_posix()) for path in sorted(parts.rglob("*")) if path.is_file()]
    if pictures.is_dir():
        # A picture's name is its content, and one is never changed: what comes meanwhile is in the next backup.
        files += [(path, f"{PICTURES}/{path.name}") for path in sorted(pictures.iterdir()) if path.is_file()]
    say(f"packing {len(files)} files")
    digests: dict[str, str] = {}
    with tarfile.open(archive, "w:gz", compresslevel=COMPRESSION) as tar:
        for path, name in files:
            with path.open("rb") as file:
                digests[name] = _digest(file)
            tar.add(path, name, filter=_nobodys)
        manifest = Manifest(moment.isoformat(), db.engine.dialect.name, current_revision() or "", tables, digests)
        said = json.dumps(asdict(manifest), indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mtime = len(said), int(moment.timestamp())
        tar.addfile(entry, io.BytesIO(said))


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def _manifest(tar: tarfile.TarFile) -> Manifest:
    try:
        said = tar.extractfile(MANIFEST)
        values = json.loads(said.read()) if said else {}
        manifest = Manifest(**values)
    except (KeyError, TypeError, ValueError):
        raise CannotBackUp("This is no backup of Rejoinder, or it is damaged: it does not say what is in it.") from None
    if manifest.format != FORMAT:
        raise CannotBackUp(f"This backup has the format {manifest.format}; this version knows {FORMAT}.")
    return manifest


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


# Putting back


def _has_rows() -> bool:
    with db.engine.connect() as connection:
        return connection.execute(text("SELECT 1 FROM site LIMIT 1")).first() is not None


def _restore_sqlite(copied: Path, manifest: Manifest) -> None:
    if _rows_of(copied) != manifest.tables:
        raise CannotBackUp("The database in the backup does not have the rows that it should. Nothing was changed.")
    path = Path(str(db.engine.url.database))
    db.session.remove()
    db.engine.dispose()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    os.replace(copied, path)


def _restore_postgresql(folder: Path, manifest: Manifest, say: Say) -> None:
    """The site's schema is set aside, made anew at the backup's revision and filled; set back where anything fails."""
    db.session.remove()
    aside = f"aside_{secrets.token_hex(4)}"
    _run(f'ALTER SCHEMA public RENAME TO "{aside}"', "CREATE SCHEMA public")
    try:
        with current_app.app_context():
            upgrade(manifest.revision)
        with db.engine.begin() as connection:
            tables = _tables(connection)
            for table in tables:
                connection.execute(text(f'ALTER TABLE "{table}" DISABLE TRIGGER USER'))
            names = ", ".join(f'"{table}"' for table in tables)
            connection.execute(text(f"TRUNCATE {names} CASCADE"))
            for number, table in enumerate(tables, 1):
                if manifest.tables.get(table):
                    say(f"{table} ({number} of {len(tables)})")
                _copy_in(connection, table, folder / f"{table}.copy", manifest.tables.get(table))
                _set_sequences(connection, table)
            for table in tables:
                connection.execute(text(f'ALTER TABLE "{table}" ENABLE TRIGGER USER'))
    except BaseException:
        db.session.remove()
        _run("DROP SCHEMA public CASCADE", f'ALTER SCHEMA "{aside}" RENAME TO public')
        raise
    _run(f'DROP SCHEMA "{aside}" CASCADE')


def _run(*statements: str) -> None:
    """In one transaction, on a connection that no cached plan of the old tables is left on."""
    db.engine.dispose()
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    db.engine.dispose()


def _copy_in(connection: Connection, table: str, path: Path, rows: int | None) -> None:
    if rows is None:
        return
    columns = ", ".join(f'"{name}"' for name in _columns(connection, table))
    cursor: Any = connection.connection.cursor()
    with path.open("rb") as file, cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
        while piece := file.read(PIECE):
            copy.write(piece)
    if cursor.rowcount != rows:
        raise CannotBackUp(f"{table} has {cursor.rowcount} rows in the backup instead of {rows}. Nothing was changed.")


def _set_sequences(connection: Connection, table: str) -> None:
    """Let the next number of each counted column be one that was never given."""
    for column in _columns(connection, table):
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:of, :name)"), {"of": f'"{table}"', "name": column}
        ).scalar()
        if sequence:
            connection.execute(
                text(f'SELECT setval(:of, coalesce((SELECT max("{column}") FROM "{table}"), 0) + 1, false)'),  # noqa: S608
                {"of": sequence},
            )


def _restore_files(settings: Settings, parts: Path) -> None:
    if (parts / SANDBOX).exists() and not settings.production:
        for suffix in ("-wal", "-shm"):
            (settings.data_dir / f"{SANDBOX}{suffix}").unlink(missing_ok=True)
        os.replace(parts / SANDBOX, settings.data_dir / SANDBOX)
    if (parts / PICTURES).is_dir():
        target = settings.data_dir / PICTURES
        target.mkdir(parents=True, exist_ok=True)
        bucket = bucket_of(settings)
        for path in (parts / PICTURES).iterdir():
            if bucket is not None:
                bucket.put(path.name, path.read_bytes(), mimetypes.guess_type(path.name)[0] or "")
            shutil.move(path, target / path.name)
