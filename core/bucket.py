"""Pictures in S3-compatible storage, where the operator named some: what several hosts share.

What is needed of S3 is to put, get and list a few objects, so it is spoken here, with its signature (AWS Signature
Version 4, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html) and addresses that name the
bucket in their path. The folder of each host then only keeps what it has been asked for.
"""

import errno
import hashlib
import hmac
import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree

from core.config import Settings
from core.records import dataclass

SECONDS = 10.0  # for each answer of the storage
MOST_BYTES = 32 * 1024 * 1024  # of one object that is read
PREFIX = "pictures/"
SERVICE = "s3"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket and who may use it."""

    secure: bool
    host: str
    port: int | None
    name: str
    region: str
    key: str
    secret: str

    def put(self, name: str, content: bytes, mime: str) -> None:
        """Keep a picture under its name. Raises OSError where the storage does not say that it has it."""
        self._ask("PUT", PREFIX + name, body=content, mime=mime)

    def get(self, name: str) -> bytes | None:
        """A picture, or None where there is none of this name. Raises OSError where the storage does not answer."""
        return self._ask("GET", PREFIX + name)

    def names(self) -> Iterator[str]:
        """The names of all pictures there are. Raises OSError where the storage does not answer."""
        after = ""
        while True:
            asked = {"list-type": "2", "prefix": PREFIX} | ({"continuation-token": after} if after else {})
            answer = ElementTree.fromstring(self._ask("GET", "", asked) or b"<none/>")  # noqa: S314 - the operator's own
            space = answer.tag.partition("}")[0] + "}" if answer.tag.startswith("{") else ""
            for entry in answer.iter(f"{space}Key"):
                yield (entry.text or "").removeprefix(PREFIX)
            after = answer.findtext(f"{space}NextContinuationToken") or ""
            if not after:
                return

    def _ask(
        self, method: str, name: str, query: dict[str, str] | None = None, body: bytes = b"", mime: str = ""
    ) -> bytes | None:
        path = quote(f"/{self.name}/{name}")
        asked = urlencode(sorted((query or {}).items()), quote_via=quote)
        headers = self._signed(method, path, asked, body, datetime.now(UTC))
        line = (
            http.client.HTTPSConnection(self.host, self.port, timeout=SECONDS, context=ssl.create_default_context())
            if self.secure else http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        )  # fmt: skip
        try:
            with closing(line):
                line.request(method, f"{path}?{asked}" if asked else path, body or None,
                             headers | ({"Content-Type": mime} if mime else {}))  # fmt: skip
                answer = line.getresponse()
                content = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise OSError(errno.EIO, f"the storage of pictures cannot be reached: {error}") from None
        if answer.status == 404 and method == "GET" and name:
            return None
        if answer.status != 200:
            raise OSError(errno.EIO, f"the storage of pictures answered {answer.status} to {method}")
        return content

    def _signed(self, method: str, path: str, query: str, body: bytes, moment: datetime) -> dict[str, str]:
        digest, stamp = hashlib.sha256(body).hexdigest(), f"{moment:%Y%m%dT%H%M%SZ}"
        standard = self.port in (None, 443 if self.secure else 80)
        place = self.host if standard else f"{self.host}:{self.port}"
        signed = {"host": place, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        request = hashlib.sha256("\n".join((method, path, query, lines, names, digest)).encode()).hexdigest()
        scope = f"{stamp[:8]}/{self.region}/{SERVICE}/aws4_request"
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{request}".encode(), "sha256").hex()
        said = f"Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}"
        return signed | {"authorization": f"AWS4-HMAC-SHA256 {said}"}


def bucket_of(settings: Settings) -> Bucket | None:
    """The storage that PICTURES_URL names, `s3://key:secret@host/bucket?region=…`; None where pictures stay here."""
    if not settings.pictures_url:
        return None
    parts = urlsplit(settings.pictures_url)
    asked = parse_qs(parts.query)
    return Bucket(
        secure=parts.scheme == "s3", host=parts.hostname or "", port=parts.port, name=parts.path.strip("/"),
        region=asked.get("region", ["us-east-1"])[0], key=unquote(parts.username or ""),
        secret=unquote(parts.password or ""),
    )  # fmt: skip
