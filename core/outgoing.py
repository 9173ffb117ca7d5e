"""Calls to addresses that people typed: never into the machine's own network, never longer than agreed.

The host is looked up once, every address it has must be a public one, and the connection goes to one of these very
addresses, so that no second look-up can lead elsewhere. Redirects are not followed. `PRIVATE_HOSTS` names hosts of the
operator's own network that may be called all the same.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

from core.records import dataclass

LARGEST_ANSWER = 64 * 1024
_PORTS = {"http": 80, "https": 443}


class CallFailed(Exception):
    """A call that brought nothing usable, with a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    seconds: float


def check_address(url: str, private_hosts: Collection[str] = ()) -> SplitResult:
    """The parts of an address that may be called. Raises CallFailed with a sentence; asks no network."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise CallFailed("This is not a web address.") from None
    host = _host_of(parts)
    if parts.scheme not in _PORTS or not host or any(character <= " " for character in url.strip()):
        raise CallFailed("The address has to begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise CallFailed("The address cannot hold a name or password.")
    if host in private_hosts:
        return parts
    if parts.scheme != "https":
        raise CallFailed("The address has to begin with https://, because comments are sent there.")
    if port not in (None, 443, 8443):
        raise CallFailed("Only the ports 443 and 8443 are called.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        if "." not in host or host.endswith((".localhost", ".local", ".internal")):
            raise CallFailed("This host belongs to a private network.") from None
    else:
        if not _is_public(literal):
            raise CallFailed("This address belongs to a private network.")
    return parts


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, private_hosts: Collection[str] = ()
) -> Answer:
    """Send a body and read the answer, all of it within so many seconds. Raises CallFailed.

    Must not be called inside a transaction.
    """
    parts = check_address(url, private_hosts)
    host = _host_of(parts)
    port = parts.port or _PORTS[parts.scheme]
    began = time.monotonic()
    address = _resolve(host, port, anything=host in private_hosts)
    connection = http.client.HTTPConnection(host, port)
    try:
        line: socket.socket = socket.create_connection(address, timeout=seconds)
        if parts.scheme == "https":
            line = ssl.create_default_context().wrap_socket(line, server_hostname=host)
        connection.sock = line
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("POST", path, body, {**headers, "Connection": "close"})
        _left(line, began, seconds)
        response = connection.getresponse()
        found = _read(response, line, began, seconds)
    except TimeoutError:
        raise CallFailed(f"There was no answer within {seconds:g} seconds.") from None
    except ssl.SSLError as error:
        raise CallFailed(f"The connection could not be secured: {error.reason or 'unknown reason'}.") from None
    except (OSError, http.client.HTTPException) as error:
        raise CallFailed(f"There is no connection: {type(error).__name__}.") from None
    finally:
        connection.close()
    return Answer(response.status, found, time.monotonic() - began)


def _host_of(parts: SplitResult) -> str:
    """The host as it is looked up: a dot at the end, which names the same one, is left out."""
    return (parts.hostname or "").casefold().removesuffix(".")


def _resolve(host: str, port: int, *, anything: bool) -> tuple[str, int]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CallFailed("This host is not known.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not anything and not all(_is_public(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
        raise CallFailed("This host leads into a private network.")
    return addresses[0], port


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        return _is_public(mapped)
    is_of_a_site = getattr(address, "is_site_local", False)  # fec0::/10, which Python counts among the global ones
    return address.is_global and not (address.is_multicast or address.is_reserved or is_of_a_site)


def _read(response: http.client.HTTPResponse, line: socket.socket, began: float, seconds: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        _left(line, began, seconds)
        part = response.read1(16_384)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise CallFailed(f"The answer is larger than {LARGEST_ANSWER // 1024} kB.")


def _left(line: socket.socket, began: float, seconds: float) -> None:
    """Let the next step take no longer than what is left."""
    left = began + seconds - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)
