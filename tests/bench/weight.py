"""What a first view of a page takes over the wire: the page and everything it asks for, packed as a browser gets it."""

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

from tests.bench.load import connected
from tests.bench.members import unpacked

_TAG = re.compile(r"<(?:link|script|img|source)\b[^>]*>")
_ADDRESS = re.compile(r'\b(?:href|src)="([^"]+)"')
_ASKED_FOR = re.compile(r'\brel="(?:stylesheet|icon|modulepreload|preload)"')
_IMPORT = re.compile(r"""^(?:import|export)\b[^;'"]*['"](\.{1,2}/[^'"]+)['"]""", re.MULTILINE)


@dataclass
class Weight:
    """The bytes of the bodies by address."""

    bodies: dict[str, int] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return len(self.bodies)

    @property
    def kilobytes(self) -> float:
        return sum(self.bodies.values()) / 1000


def first_view(port: int, path: str, headers: dict[str, str]) -> Weight:
    """Ask for a page, and once for everything that a browser with an empty cache would ask for because of it."""
    weight = Weight()
    waiting = [path]
    with connected(port) as line:
        while waiting:
            address = waiting.pop(0)
            if address in weight.bodies:
                continue
            line.request("GET", address, headers=headers)
            answer = line.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{address}: {answer.status}")
            weight.bodies[address] = len(body)
            kind = (answer.getheader("Content-Type") or "").partition(";")[0]
            if kind in {"text/html", "text/javascript", "application/javascript"}:
                text = unpacked(body, answer.getheader("Content-Encoding"))
                found = _in_page(text) if kind == "text/html" else _IMPORT.findall(text)
                waiting += [urljoin(address, other) for other in found if not other.startswith(("data:", "http"))]
    return weight


def _in_page(html: str) -> list[str]:
    tags = [tag for tag in _TAG.findall(html) if not tag.startswith("<link") or _ASKED_FOR.search(tag)]
    return [found[1] for tag in tags if (found := _ADDRESS.search(tag))]
