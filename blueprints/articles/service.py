"""Changing what articles consist of. Nothing here commits."""

import os
import secrets
from pathlib import Path

from flask import current_app
from sqlalchemy.orm import Session

from blueprints.articles.queries import EXTENSIONS, picture_with_hash
from core.images import Picture as PreparedPicture
from models.article import Picture


def store_picture(session: Session, prepared: PreparedPicture, by: int | None) -> Picture:
    """Write a prepared picture under DATA_DIR/pictures, named by its content, and return its row.

    The same picture again gives the row that is there. The file is whole before it has its name, and is written
    before the row, so no row ever names a file that is missing.
    """
    folder = Path(current_app.config["SETTINGS"].data_dir).resolve() / "pictures"
    _write_once(folder / f"{prepared.sha256}.{EXTENSIONS[prepared.mime]}", prepared.content)
    row = picture_with_hash(session, prepared.sha256)
    if row is None:
        row = Picture(
            sha256=prepared.sha256, mime=prepared.mime, width=prepared.width, height=prepared.height,
            size_bytes=len(prepared.content), created_by=by,
        )  # fmt: skip
        session.add(row)
        session.flush()
    return row


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
