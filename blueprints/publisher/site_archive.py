"""The archive of a whole site: a ZIP with one file of JSON lines for each noun, the pictures, and a manifest.

Written and read a few rows at a time. What is read was written by anybody: names of files are looked up, never
followed; nothing is unpacked to where an archive says; lines, sizes and ratios have an end. docs/export.md has the
format for those who read or write it elsewhere.
"""

import base64
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Float, Integer, LargeBinary, String

from blueprints.publisher.site_nouns import Noun
from core.db import UTCDateTime
from core.guards import safe_next
from core.records import dataclass

FORMAT = 1
MANIFEST = "manifest.json"
PICTURE = re.compile(r"pictures/([0-9a-f]{64})\.webp")
LONGEST_LINE = 16 * 1024 * 1024  # bytes
LONGEST_MANIFEST = 1024 * 1024
LARGEST_RATIO, RATIO_COUNTS_FROM = 300, 4 * 1024 * 1024  # rows repeat much, and still pack a tenth as well
COMPRESSION = 4
PIECE = 256 * 1024
LOOKED_AT = {"comment.parent_id", "comment.root_id", "comment.path", "comment.depth", "job.payload"}  # before writing
_UNREADABLE = (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, UnicodeDecodeError)


class CannotMove(Exception):
    """A sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive says of one noun: rows, bytes, SHA-256 of its file, and the kind of each field."""

    rows: int
    bytes: int
    sha256: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself. `revision` is that of the database's shape it was made from."""

    made_at: str
    revision: str
    site: str
    address: str
    passwords: bool
    nouns: dict[str, Contents]
    pictures: int
    missing_pictures: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(contents.rows for contents in self.nouns.values())


def kind_of(column: Column[Any]) -> str:
    """The kind of a field, as the manifest names it."""
    for type_, kind in _KINDS:
        if isinstance(column.type, type_):
            return f"{kind}, may be null" if column.nullable else kind
    raise TypeError(f"no kind for {column}")


_KINDS: tuple[tuple[type, str], ...] = (
    (UTCDateTime, "moment"), (Date, "day"), (Boolean, "boolean"), (Float, "number"), (Integer, "integer"),
    (LargeBinary, "base64"), (JSON, "json"), (String, "text"),
)  # fmt: skip

# Writing


class Writer:
    """An archive that grows noun by noun. The manifest comes last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION)
        self.nouns: dict[str, Contents] = {}
        self.pictures = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, noun: Noun, columns: Sequence[Column[Any]], rows: Iterable[Sequence[Any]]) -> None:
        """Write a noun's rows, one line each, their values in the order of `columns`."""
        names, encode = [column.name for column in columns], [_encoder(column) for column in columns]
        digest, size, number = hashlib.sha256(), 0, 0
        with self._zip.open(f"{noun.name}.jsonl", "w", force_zip64=True) as file:
            for row in rows:
                values = {
                    name: None if value is None else change(value) if change else value
                    for name, change, value in zip(names, encode, row, strict=True)
                }
                line = json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"
                digest.update(line)
                size, number = size + len(line), number + 1
                file.write(line)
        kinds = {column.name: kind_of(column) for column in columns}
        self.nouns[noun.name] = Contents(number, size, digest.hexdigest(), kinds)

    def add_picture(self, sha256: str, path: Path) -> None:
        """Put a picture's file in, as it is: it is packed already."""
        info = zipfile.ZipInfo(f"pictures/{sha256}.webp")
        info.compress_type = zipfile.ZIP_STORED
        with path.open("rb") as source, self._zip.open(info, "w") as file:
            while piece := source.read(PIECE):
                file.write(piece)
        self.pictures += 1

    def say(self, manifest: Manifest) -> None:
        """Write the manifest."""
        self._zip.writestr(MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1))


def _encoder(column: Column[Any]) -> Callable[[Any], Any] | None:
    kind = kind_of(column).partition(",")[0]
    if kind in {"moment", "day"}:
        return lambda value: value.isoformat()
    return (lambda value: base64.b64encode(value).decode()) if kind == "base64" else None


# Reading


class Reader:
    """An archive that was opened with suspicion. Whatever is wrong with it is a CannotMove."""

    def __init__(self, path: Path, nouns: Sequence[Noun]) -> None:
        self.name = path.name
        self._nouns = {noun.name: noun for noun in nouns}
        try:
            self._zip = zipfile.ZipFile(path)
        except _UNREADABLE:
            raise self._unpackable() from None
        except OSError as error:
            raise CannotMove(f"{self.name} cannot be read: {error.strerror or error}.") from None
        try:
            self.manifest = self._looked_at()
        except BaseException as error:
            self._zip.close()
            if isinstance(error, (*_UNREADABLE, OSError)):
                raise self._unpackable() from None
            raise

    def _looked_at(self) -> Manifest:
        entries = self._zip.infolist()
        if MANIFEST not in {entry.filename for entry in entries}:
            raise CannotMove(f"{self.name} is no archive of a site: it does not say what is in it.")
        self._refuse_bombs(entries)
        manifest = self._manifest()
        self._refuse_strangers(manifest, [entry.filename for entry in entries])
        return manifest

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def rows(self, noun: Noun) -> Iterator[dict[str, Any]]:
        """A noun's rows as the database takes them. At the end the file is compared with what the manifest says."""
        said = self.manifest.nouns.get(noun.name)
        if said is None:
            return
        columns = {column.name: column for column in noun.fields(passwords=True) if column.name in said.fields}
        read = {name: _reader(column, is_path=name in noun.paths) for name, column in columns.items()}
        digest, size, number = hashlib.sha256(), 0, 0
        try:
            with self._zip.open(f"{noun.name}.jsonl") as file:
                while line := file.readline(LONGEST_LINE + 1):
                    digest.update(line)
                    size, number = size + len(line), number + 1
                    if len(line) > LONGEST_LINE:
                        raise self._wrong(noun, number, "it is too long")
                    yield self._row(noun, number, line, read)
        except (*_UNREADABLE, OSError):
            raise self._unpackable() from None
        if (number, size, digest.hexdigest()) != (said.rows, said.bytes, said.sha256):
            raise CannotMove(f"{self.name} is damaged: {noun.name}.jsonl is not what was written.")

    def picture_hashes(self) -> list[str]:
        """The pictures that are there, by the SHA-256 of their files."""
        return sorted(found[1] for name in self._zip.namelist() if (found := PICTURE.fullmatch(name)))

    def picture(self, sha256: str, most: int) -> bytes:
        """A picture's file, at most so many bytes, compared with its name."""
        try:
            with self._zip.open(f"pictures/{sha256}.webp") as file:
                content = file.read(most + 1)
        except (*_UNREADABLE, OSError):
            raise self._unpackable() from None
        if len(content) > most:
            raise CannotMove(f"{self.name} holds a picture that is too large: {sha256[:12]}….")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise CannotMove(f"{self.name} is damaged: the picture {sha256[:12]}… is not what was written.")
        return content

    def _row(self, noun: Noun, number: int, line: bytes, read: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            raise self._wrong(noun, number, "it is no JSON") from None
        if not isinstance(values, dict) or values.keys() != read.keys():
            raise self._wrong(noun, number, "it does not have the fields that the manifest names")
        try:
            return {name: change(values[name]) for name, change in read.items()}
        except _Unfit as problem:
            raise self._wrong(noun, number, str(problem)) from None

    def _wrong(self, noun: Noun, number: int, why: str) -> CannotMove:
        return CannotMove(f"{self.name} cannot be taken in: line {number} of {noun.name}.jsonl is wrong, {why}.")

    def _unpackable(self) -> CannotMove:
        return CannotMove(f"{self.name} is no archive of a site, or it is damaged: it cannot be unpacked.")

    def _refuse_bombs(self, entries: Sequence[zipfile.ZipInfo]) -> None:
        for entry in entries:
            large = entry.file_size > RATIO_COUNTS_FROM
            if entry.flag_bits & 1 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise CannotMove(f"{self.name} is packed in a way that is not read here.")
            if large and entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1):
                raise CannotMove(f"{self.name} unpacks to far more than it can hold, and is not opened.")

    def _refuse_strangers(self, manifest: Manifest, names: Sequence[str]) -> None:
        expected = {MANIFEST, *(f"{name}.jsonl" for name in manifest.nouns)}
        strange = [name for name in names if name not in expected and not PICTURE.fullmatch(name)]
        if strange or len(set(names)) != len(names):
            what = repr(strange[0][:60]) if strange else "a file twice"
            raise CannotMove(f"{self.name} is no archive of a site: it holds {what}.")
        if missing := expected - set(names):
            raise CannotMove(f"{self.name} is damaged: {min(missing)} is missing.")
        if sum(1 for name in names if PICTURE.fullmatch(name)) != manifest.pictures:
            raise CannotMove(f"{self.name} is damaged: it should hold {manifest.pictures} pictures.")

    def _manifest(self) -> Manifest:
        with self._zip.open(MANIFEST) as file:
            text = file.read(LONGEST_MANIFEST + 1)
        strange = CannotMove(f"{self.name} is no archive of a site: what it says of itself cannot be read.")
        try:
            values = json.loads(text) if len(text) <= LONGEST_MANIFEST else None
        except (ValueError, RecursionError):
            raise strange from None
        if not isinstance(values, dict) or type(values.get("format")) is not int:
            raise strange
        if values["format"] != FORMAT:
            raise CannotMove(
                f"{self.name} has the format {values['format']}, and this version reads {FORMAT}: it was made by "
                f"{'a newer' if values['format'] > FORMAT else 'another'} version, which has to read it."
            )
        try:
            nouns = {str(name): Contents(**said) for name, said in values.pop("nouns").items()}
            manifest = Manifest(nouns=nouns, **values)
        except (TypeError, AttributeError, KeyError):
            raise strange from None
        if not _is_sound(manifest):
            raise strange
        self._refuse_other_shapes(manifest)
        return manifest

    def _refuse_other_shapes(self, manifest: Manifest) -> None:
        for name, said in manifest.nouns.items():
            noun = self._nouns.get(name)
            if noun is None:
                raise CannotMove(f"{self.name} was made by another version: it holds {name[:60]!r}, unknown here.")
            columns = {column.name: column for column in noun.fields(passwords=manifest.passwords)}
            if unknown := sorted(said.fields.keys() - columns.keys()):
                raise CannotMove(
                    f"{self.name} was made by another version: {name} has the field {unknown[0][:60]!r}, unknown here."
                )
            for column in columns.values():
                is_empty_without = column.nullable or column.default is not None or column.server_default is not None
                needed = not is_empty_without or f"{name}.{column.name}" in LOOKED_AT
                if needed and column.name not in said.fields:
                    raise CannotMove(f"{self.name} was made by another version: {name} has no field {column.name}.")


def _is_sound(manifest: Manifest) -> bool:
    texts = (manifest.made_at, manifest.revision, manifest.site, manifest.address)
    return (
        all(isinstance(text, str) for text in texts) and type(manifest.passwords) is bool
        and type(manifest.pictures) is int and isinstance(manifest.missing_pictures, list)
        and all(
            type(said.rows) is int and type(said.bytes) is int and isinstance(said.sha256, str)
            and isinstance(said.fields, dict)
            for said in manifest.nouns.values()
        )
    )  # fmt: skip


class _Unfit(Exception):
    """Why a value is not taken."""


def _reader(column: Column[Any], *, is_path: bool) -> Callable[[Any], Any]:
    kind = kind_of(column).partition(",")[0]
    longest = getattr(column.type, "length", None)
    most = 2**63 if isinstance(column.type, BigInteger) else 2**31

    def read(value: Any) -> Any:
        if value is None:
            if not column.nullable:
                raise _Unfit(f"{column.name} is empty")
            return None
        try:
            fit = _READ[kind](value)
        except (TypeError, ValueError, OverflowError):
            raise _Unfit(f"{column.name} is no {kind}") from None
        if kind == "integer" and not -most <= fit < most:
            raise _Unfit(f"{column.name} is too large")
        if kind == "text" and ((longest and len(fit) > longest) or "\0" in fit or not _is_unicode(fit)):
            raise _Unfit(f"{column.name} is too long, or holds what no text does")
        if is_path and fit and safe_next(fit, "") != fit:
            raise _Unfit(f"{column.name} leads away from this site")
        return fit

    return read


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _exactly(*types: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) not in types:
            raise TypeError
        return value

    return read


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _number(value: Any) -> float:
    number = float(_exactly(int, float)(value))
    if number - number != 0:  # neither infinite nor no number
        raise ValueError
    return number


def _json(value: Any) -> Any:
    if "\\u0000" in json.dumps(value) or not _is_unicode(json.dumps(value, ensure_ascii=False)):
        raise ValueError
    return value


_READ: Mapping[str, Callable[[Any], Any]] = {
    "moment": _moment, "day": date.fromisoformat, "boolean": _exactly(bool), "number": _number,
    "integer": _exactly(int), "text": _exactly(str), "json": _json,
    "base64": lambda value: base64.b64decode(value, validate=True),
}  # fmt: skip
