"""The headers of answers that are made without Flask: streams, refusals, signs of life. Nothing in them is a page."""

from core.rendering import HSTS

Pair = tuple[bytes, bytes]

_EVERY: tuple[Pair, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_over_tls = False


def set_over_tls(over_tls: bool) -> None:
    """Say once for this process whether readers come over TLS."""
    global _over_tls
    _over_tls = over_tls


def bare_headers() -> list[Pair]:
    """What every such answer carries."""
    return [*_EVERY, *([(b"strict-transport-security", HSTS.encode())] if _over_tls else [])]


def bare_lines() -> bytes:
    """The same as they are sent."""
    return b"".join(b"%s: %s\r\n" % pair for pair in bare_headers())
