"""Changing what articles consist of. Nothing here commits."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy.orm import Session

from blueprints.articles.queries import EXTENSIONS, picture_with_hash
from core.bucket import bucket_of
from core.config import Settings
from core.errors import NotFound
from models.article import Picture

if TYPE_CHECKING:
    from core.images import Picture as PreparedPicture


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
