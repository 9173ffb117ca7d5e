"""Taking in the archive of a whole site: all of it in one transaction into a fresh install, or nothing.

It is read once before anything is written. HTML is made here from the sources and is never taken from an archive;
counters are counted anew and compared; the ledger is walked before the end. Numbers stay as they are, so that every
address within the site does.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from flask import current_app
from PIL import Image
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from blueprints.accounts.service import new_uniquifier
from blueprints.articles.service import remove_picture, write_picture
from blueprints.moderation import ledger
from blueprints.moderation.queries_queues import recount_backlog
from blueprints.publisher import queries_site
from blueprints.publisher.site_archive import CannotMove, Manifest, Reader
from blueprints.publisher.site_export import Note
from blueprints.publisher.site_nouns import nouns
from blueprints.threads.counters import recount
from blueprints.threads.ordering import path_of
from blueprints.threads.outside import new_secret
from core.config import Settings
from core.db import db, transaction
from core.images import MAX_BYTES, MAX_PIXELS, MIME, Picture
from core.markup import RENDERER_VERSION, render_article, render_comment, split_preview
from core.mentions import Named
from core.migrations import current_revision, newest_revision
from core.names import name_key
from jobs.queue import HANDLERS, enqueue

WRITTEN_AT_ONCE = 250

Row = dict[str, Any]


@dataclass(slots=True)
class Taken:
    """What was taken in. `drifts` are counters that the old place had wrong; they are right now."""

    manifest: Manifest
    publishers: int = 0
    drifts: int = 0
    ledger_entries: int = 0
    ledger_problem: str = ""
    written: list[Path] = field(default_factory=list)  # pictures that were not there before


def check_archive(path: Path, note: Note = lambda _done, _rows: None) -> Manifest:
    """Read all of an archive and compare it with what it says of itself. Changes nothing. Raises CannotMove."""
    with Reader(path, nouns()) as reader:
        manifest = reader.manifest
        if manifest.revision > newest_revision():
            raise CannotMove(
                f"{path.name} was made by a newer version (its database stands at {manifest.revision[:20]!r}, this "
                f"version knows {newest_revision()}): install that version first."
            )
        done = 0
        for noun in nouns():
            for _ in reader.rows(noun):
                done += 1
                if done % WRITTEN_AT_ONCE == 0:
                    note(done, manifest.rows)
        for sha256 in reader.picture_hashes():
            _picture_in(path.name, sha256, reader.picture(sha256, MAX_BYTES))
    return manifest


def why_not_here() -> str | None:
    """Why this installation cannot take in a site, None for a fresh one. Changes nothing, whatever its shape."""
    stands_at = current_revision()
    if stands_at is None:
        return None
    if stands_at == newest_revision():
        found = queries_site.first_with_rows(db.session(), nouns())
    else:
        with queries_site.one_moment() as connection:
            found = "site" if queries_site.site_name(connection) is not None else None
    return _refusal(found)


def _refusal(found: str | None) -> str | None:
    if found is None:
        return None
    return f"There is a site here already (the table {found} has rows): an archive goes into a fresh install only."


def import_site(
    path: Path, *, accept_broken_ledger: bool = False, note: Note = lambda _done, _rows: None
) -> Taken:  # fmt: skip
    """Take in an archive that `check_archive` found whole. Raises CannotMove, and then nothing is changed."""
    settings: Settings = current_app.config["SETTINGS"]
    if (why := why_not_here()) is not None:
        raise CannotMove(why)
    with Reader(path, nouns()) as reader:
        taken = Taken(reader.manifest)
        try:
            _pictures_in(reader, settings, taken)
            with transaction() as session:
                queries_site.lock_fresh(session)
                if (why := _refusal(queries_site.first_with_rows(session, nouns()))) is not None:
                    raise CannotMove(why)
                queries_site.make_way_for_ledger(session)
                _rows_in(session, reader, note)
                if settings.production and queries_site.has_demo_people(session):
                    raise CannotMove("The demo's people are in this archive, who sign in without a password.")
                _compare(session, taken, accept_broken_ledger)
                queries_site.go_on_counting(session, nouns())
                enqueue("threads.fill-search", key="fill-search")
        except BaseException as error:
            db.session.remove()
            if why_not_here() is None:  # else they are those of somebody who was first
                for written in taken.written:
                    remove_picture(written)
            if isinstance(error, (IntegrityError, DataError)):
                raise CannotMove(
                    f"{path.name} does not hang together, and nothing was changed: {_first_line(error)}"
                ) from None
            if isinstance(error, (DBAPIError, StatementError)):
                raise CannotMove(f"The database took no more, and nothing was changed: {_first_line(error)}") from None
            if isinstance(error, OSError):
                raise CannotMove(f"A picture could not be written: {error.strerror or error}.") from None
            raise
    return taken


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _rows_in(session: Session, reader: Reader, note: Note) -> None:
    done = 0
    mentions = _Mentions(reader)
    fill: Mapping[str, Callable[[Session, list[Row]], None]] = {
        "user": _fill_people, "screening_service": _fill_services, "article": _fill_articles,
        "comment": mentions.fill_comments, "revision": _fill_revisions, "job": _fill_jobs,
    }  # fmt: skip
    for noun in nouns():
        with queries_site.uncounted(session, noun):
            for rows in _batches(reader.rows(noun)):
                if noun.name == "comment":
                    _refuse_other_tree(session, reader.name, rows)
                if noun.name in fill:
                    fill[noun.name](session, rows)
                queries_site.add_rows(session, noun, rows)
                done += len(rows)
                note(done, reader.manifest.rows)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, WRITTEN_AT_ONCE)):
        yield batch


# What an archive does not hold


def _fill_people(_session: Session, rows: list[Row]) -> None:
    for row in rows:
        row["fs_uniquifier"] = new_uniquifier()
        row.setdefault("password", None)


def _fill_services(_session: Session, rows: list[Row]) -> None:
    for row in rows:
        row["secret"] = new_secret()


def _fill_jobs(_session: Session, rows: list[Row]) -> None:
    for row in rows:
        if row["kind"] not in HANDLERS or not isinstance(row["payload"], dict):
            raise CannotMove(f"The archive holds work that is unknown here: {row['kind'][:60]!r}. Nothing was changed.")


def _fill_articles(_session: Session, rows: list[Row]) -> None:
    for row in rows:
        row["body_html"] = render_article(row["body_source"])
        row["preview_html"] = render_article(split_preview(row["body_source"])[0])
        row["renderer_version"] = RENDERER_VERSION


def _fill_revisions(session: Session, rows: list[Row]) -> None:
    """The standing text's HTML is its comment's; a former one is made with the people whom the comment names now."""
    ids = list({row["comment_id"] for row in rows})
    texts, people = queries_site.texts_of(session, ids), _people(queries_site.named_in(session, ids))
    for row in rows:
        source, html = texts.get(row["comment_id"], ("", ""))
        is_standing = source == row["body_source"]
        row["body_html"] = html if is_standing else render_comment(row["body_source"], people.get(row["comment_id"]))


def _people(rows: Sequence[Any]) -> dict[int, dict[str, Named]]:
    people: dict[int, dict[str, Named]] = {}
    for row in rows:
        people.setdefault(row.comment_id, {})[name_key(row.name)] = Named(row.user_id, row.name)
    return people


class _Mentions:
    """Whom comments name, read beside them: both files are in the order of the comments."""

    def __init__(self, reader: Reader) -> None:
        [noun] = [noun for noun in nouns() if noun.name == "mention"]
        self._rows = reader.rows(noun)
        self._next = next(self._rows, None)

    def fill_comments(self, _session: Session, rows: list[Row]) -> None:
        for row in rows:
            named = self._named_in(row["id"])
            row["body_html"] = render_comment(row["body_source"], named)
            # Whose page is open is known when all is in: the job that makes old comments anew sets those links.
            row["renderer_version"] = 0 if named else RENDERER_VERSION

    def _named_in(self, comment_id: int) -> dict[str, Named] | None:
        people: dict[str, Named] = {}
        while self._next is not None and self._next["comment_id"] <= comment_id:
            if self._next["comment_id"] == comment_id:
                people[name_key(self._next["name"])] = Named(self._next["user_id"], self._next["name"])
            self._next = next(self._rows, None)
        return people or None


# What has to be so


def _refuse_other_tree(session: Session, name: str, rows: list[Row]) -> None:
    """Every reply hangs under an earlier comment of its thread, at the place that its path names."""
    parents = [row["parent_id"] for row in rows if row["parent_id"] is not None]
    places = {
        place.id: (place.thread_id, place.root_id, place.path, place.depth)
        for place in queries_site.places_of(session, parents).values()
    }  # fmt: skip
    for row in rows:
        _, root_id, path, depth = place = _place_of(row)
        if row["parent_id"] is None:
            expected = (row["thread_id"], row["id"], path_of(row["id"], "", 0), 0)
            if (place[0], root_id, path, depth) != expected:
                raise CannotMove(f"{name} cannot be taken in: comment {row['id']} does not stand in its own tree.")
        else:
            above = places.get(row["parent_id"])
            paths = above and {path_of(row["id"], above[2], depth, first=first) for first in (False, True)}
            if above is None or not paths or path not in paths or (above[0], above[1], above[3] + 1) != (
                row["thread_id"], root_id, depth,
            ):  # fmt: skip
                raise CannotMove(f"{name} cannot be taken in: comment {row['id']} does not hang under its parent.")
        places[row["id"]] = place


def _place_of(row: Row) -> tuple[int, int | None, str, int]:
    return row["thread_id"], row["root_id"], row["path"], row["depth"]


def _compare(session: Session, taken: Taken, accept_broken_ledger: bool) -> None:
    verdict = ledger.verify(session)
    if verdict.problem and not accept_broken_ledger:
        raise CannotMove(
            f"The ledger in this archive is broken, so it was altered after it was written: {verdict.problem} Nothing "
            "was changed; with --accept-broken-ledger it is taken in as it is."
        )
    taken.ledger_entries, taken.ledger_problem = verdict.sound, verdict.problem
    for thread_id in queries_site.thread_ids(session):
        taken.drifts += len(recount(session, thread_id, repair=True))
        session.expire_all()
    recount_backlog(session, repair=True)
    taken.publishers = queries_site.publishers(session)


def _picture_in(name: str, sha256: str, content: bytes) -> Picture:
    """The picture, which is only looked at: it was encoded by this program. Raises CannotMove for what is none."""
    try:
        with Image.open(io.BytesIO(content), formats=("WEBP",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError
            return Picture(content, image.width, image.height, MIME, sha256)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise CannotMove(f"{name} cannot be taken in: one of its pictures is no picture.") from None


def _pictures_in(reader: Reader, settings: Settings, taken: Taken) -> None:
    """Write the pictures before the rows that name them, and before the transaction: the storage may be far away."""
    for sha256 in reader.picture_hashes():
        path = settings.data_dir.resolve() / "pictures" / f"{sha256}.webp"
        if not path.exists():
            taken.written.append(path)
        write_picture(_picture_in(reader.name, sha256, reader.picture(sha256, MAX_BYTES)))
