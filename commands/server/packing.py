"""Answers packed with gzip for browsers that take it.

A page of somebody who is signed in holds their token beside words that an address may have brought along, so its
packed length could tell a listener on the line something about both. A random number of bytes in the header hides that
(the name of a file that never was; readers skip it).
"""

import secrets
import zlib
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from blueprints.articles.visitor_cache import takes_gzip
from commands.server.bridge import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_quick: ModuleType = zlib
with suppress(ImportError):  # there is no wheel of it for every kind of machine
    _quick = import_module("isal.isal_zlib")

SMALLEST = 512  # bytes; less is not worth it
LARGEST = 2 * 1024 * 1024
LEVEL = 1  # for what is made for one request
LASTING_LEVEL = 9  # for what is kept
MOST_PADDING = 100
TYPES = (b"text/", b"application/json", b"application/javascript", b"application/xml", b"application/atom+xml",
         b"application/feed+json", b"application/ld+json", b"application/manifest+json", b"image/svg+xml")  # fmt: skip


def pack(environ: "WSGIEnvironment", answer: Answer) -> None:
    """Pack the answer's body where that is of use, and say that it depends on what the browser takes."""
    if answer.is_sent or not SMALLEST <= len(answer.body) <= LARGEST or answer.status in {206, 304}:
        return
    named = dict(answer.headers)
    if b"content-encoding" in named or not named.get(b"content-type", b"").startswith(TYPES):
        return
    if b"no-transform" in named.get(b"cache-control", b""):
        return
    vary = b", ".join(value for name, value in answer.headers if name == b"vary")
    if b"accept-encoding" not in vary.lower():
        _set(answer, b"vary", vary + b", Accept-Encoding" if vary else b"Accept-Encoding")
    if not takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
        return
    lasting = b"immutable" in named.get(b"cache-control", b"")
    answer.body = gzipped(answer.body, LASTING_LEVEL if lasting else LEVEL, 0 if lasting else MOST_PADDING)
    _set(answer, b"content-encoding", b"gzip")
    _set(answer, b"content-length", b"%d" % len(answer.body))
    tag = named.get(b"etag")
    if tag and not tag.startswith(b"W/"):
        _set(answer, b"etag", b"W/" + tag)  # the same page in other bytes


def gzipped(body: bytes, level: int, padding: int) -> bytes:
    """The body as one gzip member, its header longer by up to so many bytes."""
    maker: ModuleType = _quick if level == LEVEL else zlib
    packer = maker.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"-" * secrets.randbelow(padding + 1) + b"\0"
    tail = _quick.crc32(body).to_bytes(4, "little") + (len(body) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join([head, packer.compress(body), packer.flush(), tail])


def _set(answer: Answer, name: bytes, value: bytes) -> None:
    answer.headers = [pair for pair in answer.headers if pair[0] != name]
    answer.headers.append((name, value))
