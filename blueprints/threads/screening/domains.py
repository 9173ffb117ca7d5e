"""Lists of domains and of e-mail addresses. A domain stands for all its subdomains. Pure."""

from collections.abc import Callable, Iterator

import idna

from core.records import dataclass

MOST_ENTRIES = 20_000


class BadAddress(ValueError):
    """A line that is no domain or address, with a sentence that says so."""


def clean_host(written: str) -> str:
    """A host as it is compared: without scheme, path, port and `www.`, in the letters that DNS uses. Raises
    BadAddress.
    """
    host = written.strip().casefold().partition("://")[2] or written.strip().casefold()
    for mark in "/?#":
        host = host.partition(mark)[0]
    host = host.rpartition("@")[2].partition(":")[0].strip(".").removeprefix("*.").removeprefix("www.")
    try:
        plain = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        plain = ""
    labels = plain.split(".")
    if len(plain) > 253 or not all(label and len(label) < 64 and label.replace("-", "").isalnum() for label in labels):
        raise BadAddress(f"“{written.strip()[:60]}” is not the name of a domain.")
    return plain


def parents(host: str) -> Iterator[str]:
    """A host and every domain above it, but not the top one alone unless it is the host."""
    yield host
    while "." in host:
        host = host.partition(".")[2]
        yield host


@dataclass(frozen=True, slots=True)
class Domains:
    """Domains with all below them."""

    hosts: frozenset[str]

    @classmethod
    def of(cls, entries: str) -> "Domains":
        return cls(frozenset(_lines(entries, clean_host)[0]))

    def covers(self, host: str) -> str:
        """The entry under which a host falls, or ''."""
        return next((one for one in parents(host) if one in self.hosts), "")


@dataclass(frozen=True, slots=True)
class Mails:
    """E-mail addresses, and domains of them with all below."""

    addresses: frozenset[str]
    hosts: frozenset[str]

    @classmethod
    def of(cls, entries: str) -> "Mails":
        lines = _lines(entries, clean_mail)[0]
        return cls(frozenset(one for one in lines if "@" in one), frozenset(one for one in lines if "@" not in one))

    def covers(self, address: str) -> str:
        """The entry under which an address falls, or ''. What is behind a + does not make another address."""
        address = address.strip().casefold()
        name, _, host = address.rpartition("@")
        plain = f"{name.partition('+')[0]}@{host}"
        for one in (address, plain):
            if one in self.addresses:
                return one
        return next((one for one in parents(host) if one in self.hosts), "")


def clean_mail(written: str) -> str:
    """An address, or a domain of addresses, as it is compared. Raises BadAddress."""
    name, sign, host = written.strip().casefold().rpartition("@")
    plain = clean_host(host)
    if sign and (any(character.isspace() for character in name) or len(name) > 64):
        raise BadAddress(f"“{written.strip()[:60]}” is not an e-mail address.")
    return f"{name}@{plain}" if name else plain


def problems_in(kind: str, entries: str) -> list[str]:
    """A sentence for every line that cannot be used."""
    return _lines(entries, clean_mail if kind == "mails" else clean_host)[1]


def lines_of(kind: str, entries: str) -> list[str]:
    """The entries as they are compared."""
    return _lines(entries, clean_mail if kind == "mails" else clean_host)[0]


def _lines(entries: str, clean: Callable[[str], str]) -> tuple[list[str], list[str]]:
    found: dict[str, None] = {}
    problems = []
    for number, line in enumerate(entries.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            found[clean(line)] = None
        except BadAddress as why:
            problems.append(f"Line {number}: {why}")
    if len(found) > MOST_ENTRIES:
        problems.append(f"A list has at most {MOST_ENTRIES:,} entries; this one has {len(found):,}.")
    return list(found), problems
