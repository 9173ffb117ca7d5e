"""The scripts of a page, joined into one when they are first asked for: one request instead of one for each module.

The modules under `static/js` are ordinary ES modules. Joining understands what they use: named imports from each
other at the beginning of a line, and exported functions, classes, constants and lists of names. Anything else is
refused, so nothing is ever joined wrongly.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

FOLDER = Path(__file__).resolve().parent.parent / "static" / "js"
MOST_ENTRIES = 8
KEPT = 64

_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}")
_IMPORT = re.compile(r'^import\s*(?:\{([^}]*)\}\s*from\s*)?"\./([a-z][a-z0-9-]*)\.js";[ \t]*\n?', re.MULTILINE)
_EXPORT = re.compile(r"^export\s+((?:async\s+)?function\s*\*?|class|const)\s+(\w+)", re.MULTILINE)
_EXPORT_LIST = re.compile(r"^export\s*\{([^}]*)\};[ \t]*\n?", re.MULTILINE)
_LEFT_OVER = re.compile(r"^\s*(?:import|export)\b|\bimport\s*[(.]", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*.*?\*/[ \t]*)\n", re.MULTILINE)
_SCRIPT = re.compile(r'<script type="module" src="/static/js/([a-z0-9-]+)\.js(?:\?v=\w+)?"></script>')


class CannotJoin(ValueError):
    """A module that does not exist, or uses what joining does not understand."""


def one_script(tags: str) -> Markup:
    """One script element in the place of several that name modules of ours; other elements stay as they are.

    Modules that cannot be joined stay too: the page asks for each of them.
    """
    names = tuple(dict.fromkeys(_SCRIPT.findall(tags)))
    try:
        address = f"/static/joined/{'+'.join(entries('+'.join(names)))}.js?v={version(names)}"
    except CannotJoin:
        return Markup(tags)  # noqa: S704 - our own template's
    others = _SCRIPT.sub("", tags).strip()
    return Markup(f'{others}<script type="module" src="{address}"></script>')  # noqa: S704 - our own template's


def entries(joined: str) -> tuple[str, ...]:
    """The modules that an address names. Raises CannotJoin where they are none of ours, or too many."""
    names = tuple(joined.split("+"))
    if len(names) > MOST_ENTRIES or len(set(names)) != len(names) or not all(map(_NAME.fullmatch, names)):
        raise CannotJoin("no such modules")
    return names


@lru_cache(maxsize=KEPT)
def source(names: tuple[str, ...]) -> str:
    """These modules and all that they import, each once, in the order in which they need each other."""
    done: dict[str, str] = {}
    for name in names:
        _add(name, done, ())
    return "".join(done.values())


@lru_cache(maxsize=KEPT)
def version(names: tuple[str, ...]) -> str:
    """A short hash of their content."""
    return hashlib.sha256(source(names).encode()).hexdigest()[:10]


def forget() -> None:
    """Read the files anew, for whoever works on them."""
    source.cache_clear()
    version.cache_clear()


def _add(name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in done:
        return
    path = FOLDER / f"{name}.js"
    if name in above or not path.is_file():
        raise CannotJoin(f"{name}.js is imported in a circle or is not there")
    text = path.read_text()
    for _, needed in _IMPORT.findall(text):
        _add(needed, done, (*above, name))
    done[name] = _wrapped(name, text)


def _wrapped(name: str, text: str) -> str:
    exported = [found[1] for found in _EXPORT.findall(text)]
    for listed in _EXPORT_LIST.findall(text):
        exported += _names(listed, " as ", ": ", turned=True)

    def imported(found: re.Match[str]) -> str:
        names = ", ".join(_names(found[1] or "", " as ", ": "))
        return f"const {{ {names} }} = {_variable(found[2])};\n" if names else ""

    text = _COMMENT.sub("", text)
    text = _EXPORT_LIST.sub("", _EXPORT.sub(r"\1 \2", _IMPORT.sub(imported, text)))
    if _LEFT_OVER.search(text):
        raise CannotJoin(f"{name}.js imports or exports in a way that cannot be joined")
    return f"const {_variable(name)} = (() => {{\n{text}return {{ {', '.join(exported)} }};\n}})();\n"


def _names(listed: str, word: str, mark: str, *, turned: bool = False) -> Iterable[str]:
    """`a, b as c` as a pattern takes it (`a, b: c`), or turned, as an object does (`a, c: b`)."""
    for part in filter(None, (part.strip() for part in listed.split(","))):
        first, _, second = part.partition(word)
        yield f"{second}{mark}{first}" if second and turned else f"{first}{mark}{second}" if second else first


def _variable(name: str) -> str:
    return "m_" + name.replace("-", "_")
