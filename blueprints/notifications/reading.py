"""A mail's text, taken apart for the page that shows it in the demo."""

import re

from core.records import dataclass

ACTION_LABEL = "Open the link"

_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Part:
    """Words, or a link on this site: `path` is where it leads, without the host."""

    words: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of parts; or, where a link stands alone, the button to press: its `label`, and `action`, its path."""

    lines: tuple[tuple[Part, ...], ...]
    action: str | None = None
    label: str = ACTION_LABEL


def paragraphs(text: str, base_url: str) -> list[Paragraph]:
    """A mail's paragraphs with links to this site marked; addresses elsewhere stay words.

    A line that ends in a colon, above a link alone, is the label of its button.
    """
    found: list[Paragraph] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = tuple(_parts(line, base_url) for line in block.split("\n"))
        action = lines[0][0].path if len(lines) == 1 and len(lines[0]) == 1 else None
        label = _label(found[-1]) if action and found else None
        if label:
            found.pop()
        found.append(Paragraph(lines, action, label or ACTION_LABEL))
    return found


def _label(above: Paragraph) -> str | None:
    words = "".join(part.words for line in above.lines for part in line)
    return words.removesuffix(":") if len(above.lines) == 1 and words.endswith(":") else None


def _parts(line: str, base_url: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    at = 0
    for match in _URL.finditer(line):
        path = _path(match.group(), base_url)
        if path is None:
            continue
        parts += [Part(line[at : match.start()]), Part(match.group(), path)]
        at = match.end()
    parts.append(Part(line[at:]))
    return tuple(part for part in parts if part.words)


def _path(url: str, base_url: str) -> str | None:
    rest = url.removeprefix(base_url)
    if rest == url or not (rest == "" or rest.startswith("/")) or rest.startswith("//"):
        return None
    return rest or "/"
