"""Changing what articles consist of. Nothing here commits."""

import hashlib
import os
import secrets
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import structlog
from flask import current_app
from sqlalchemy.orm import Session

from blueprints.articles.picture_sizes import asked_size, names_of_sizes
from blueprints.articles.queries import EXTENSIONS, picture_with_hash
from core.bucket import bucket_of
from core.config import Settings
from core.errors import NotFound
from models.article import Picture

if TYPE_CHECKING:
    from core.images import Picture as PreparedPicture

SIZES = "picture-sizes"  # beside the pictures and not among them: backups and archives need none of what is made anew

# A picture of the largest size takes 40 MB while it is made smaller, so in each process one is after the other.
_making = Lock()

# Where the disk takes none, those asked for last are here: else everybody who asks would have them made again.
UNWRITTEN = 32
_unwritten: OrderedDict[Path, bytes] = OrderedDict()

log = structlog.get_logger("articles")


def write_picture(prepared: "PreparedPicture") -> None:
    """Write a prepared picture under DATA_DIR/pictures, named by its content, and into the storage where there is one.

    Done before the transaction that stores its row: so no row ever names a file that is missing, and nothing outside is
    waited for inside. The file is whole before it has its name. Raises OSError where it cannot be kept.
    """
    name = f"{prepared.sha256}.{EXTENSIONS[prepared.mime]}"
    if (bucket := bucket_of(_settings())) is not None:
        bucket.put(name, prepared.content, prepared.mime)
    _write_once(_folder() / name, prepared.content)


def picture_folder(name: str) -> Path:
    """The folder that has this picture: brought here from the storage if another host put it there.

    Raises NotFound where nobody has it, and OSError where the storage does not answer.
    """
    path = _folder() / name
    if not path.exists() and (bucket := bucket_of(_settings())) is not None:
        content = bucket.get(name)
        if content is None or hashlib.sha256(content).hexdigest() != path.stem:
            raise NotFound
        _write_once(path, content)
    return path.parent


def picture_size(name: str) -> Path | bytes:
    """The file of a picture in one of its smaller sizes, which is made and kept when it is first asked for.

    Where it cannot be kept, on a disk that is full or read-only, it is given as it was made, from memory. Raises
    NotFound for a name that is no size's, where the picture is gone, and where it is no wider than what was asked for;
    OSError as `picture_folder`.
    """
    asked = asked_size(name)
    if asked is None:
        raise NotFound
    original, width = asked
    source, kept = picture_folder(original) / original, _sizes() / name
    if not source.exists():  # also where the size is still there: who removes a picture has removed all of it
        raise NotFound
    if kept.exists():
        return kept
    from core.images import smaller_picture  # Pillow is read when the first picture comes

    with _making:
        if kept.exists():  # whoever was first here has made it
            return kept
        try:
            content = _unwritten.pop(kept, None) or smaller_picture(source.read_bytes(), width)
        except ValueError:
            log.warning("a picture cannot be made smaller: its file is damaged", name=original)
            raise NotFound from None
        if content is None:
            raise NotFound
        try:
            _write_once(kept, content)
        except OSError as error:
            log.warning("a smaller picture could not be kept", error=type(error).__name__)
            _unwritten[kept] = content
            while len(_unwritten) > UNWRITTEN:
                _unwritten.popitem(last=False)
            return content
    return kept


def remove_picture(path: Path) -> None:
    """Remove a picture's file and all that was made from it, as far as they are there. Raises OSError."""
    path.unlink(missing_ok=True)
    for name in names_of_sizes(path.name):
        (_sizes() / name).unlink(missing_ok=True)


def store_picture(session: Session, prepared: "PreparedPicture", by: int | None) -> Picture:
    """The row of a picture that was written; the same picture again gives the row that is there."""
    row = picture_with_hash(session, prepared.sha256)
    if row is None:
        row = Picture(
            sha256=prepared.sha256, mime=prepared.mime, width=prepared.width, height=prepared.height,
            size_bytes=len(prepared.content), created_by=by,
        )  # fmt: skip
        session.add(row)
        session.flush()
    return row


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


def _folder() -> Path:
    return Path(_settings().data_dir).resolve() / "pictures"


def _sizes() -> Path:
    return Path(_settings().data_dir).resolve() / SIZES


def _write_once(path: Path, content: bytes) -> None:
    if path.exists() and path.stat().st_size == len(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
