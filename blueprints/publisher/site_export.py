"""The whole site in one archive that any installation can take in, made while people write."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from flask import current_app

from blueprints.articles.service import picture_folder
from blueprints.publisher import queries_site
from blueprints.publisher.site_archive import CannotMove, Manifest, Writer
from blueprints.publisher.site_nouns import nouns
from core import clock
from core.config import Settings
from core.errors import NotFound
from core.migrations import current_revision

NOTED_EVERY = 2_000  # rows

Note = Callable[[int, int], None]


def export_site(path: Path, *, passwords: bool = False, note: Note = lambda _done, _rows: None) -> Manifest:
    """Write the site as it is at this moment into a file that only its owner can read. Raises CannotMove.

    The file has its name when it is whole; what was there under that name stays until then. `note` is told how many
    of how many rows are written. Password hashes go along only if they are asked for.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                with Writer(file) as writer:
                    manifest = _write(writer, passwords, note)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CannotMove(f"The archive could not be written to {path}: {error.strerror or error}.") from None
    return manifest


def _write(writer: Writer, passwords: bool, note: Note) -> Manifest:
    settings: Settings = current_app.config["SETTINGS"]
    missing = []
    with queries_site.one_moment() as connection:
        name = queries_site.site_name(connection)
        if name is None:
            raise CannotMove("There is no site here yet.")
        count = _Count(sum(queries_site.number_of(connection, noun) for noun in nouns()), note)
        for noun in nouns():
            columns = noun.fields(passwords=passwords)
            writer.add(noun, columns, count.each(queries_site.rows_of(connection, noun, columns)))
        for sha256 in queries_site.pictures_of(connection):
            if (file := _picture(f"{sha256}.webp")) is not None:
                writer.add_picture(sha256, file)
            else:
                missing.append(sha256)
    manifest = Manifest(
        clock.now().isoformat(), current_revision() or "", name, settings.base_url, passwords, writer.nouns,
        writer.pictures, missing,
    )  # fmt: skip
    writer.say(manifest)
    return manifest


def _picture(name: str) -> Path | None:
    """A picture's file, brought here from the storage where there is one; None where nobody has it."""
    try:
        file = picture_folder(name) / name
    except NotFound:
        return None
    except OSError as error:
        raise CannotMove(f"The pictures cannot be read: {error.strerror or error}.") from None
    return file if file.is_file() else None


class _Count:
    """Tells every so many rows how far it is."""

    def __init__(self, rows: int, note: Note) -> None:
        self.done, self.rows, self.note = 0, rows, note

    def each(self, rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            yield row
            self.done += 1
            if self.done % NOTED_EVERY == 0:
                self.note(self.done, self.rows)
