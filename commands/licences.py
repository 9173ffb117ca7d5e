"""The licences of the packages that a site runs on, as each says itself, held against those that are allowed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
LIST = ROOT / "docs" / "licences.md"

# All let anybody run, change and sell what is built on them. LGPL and MPL ask that changes of the package itself stay
# open; nothing of these packages is changed or copied here.
ALLOWED = {
    "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "ISC", "LGPL-3.0-only", "MIT", "MIT-0",
    "MIT-CMU", "MPL-2.0", "PSF-2.0", "Public-Domain", "Unlicense",
}  # fmt: skip
# How packages say it that do not use the names of SPDX.
SAID_AS = {
    "MIT License": "MIT", "BSD License": "BSD", "Apache Software License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}  # fmt: skip
HEAD = """# Licences

What a site runs on: the packages of `requirements.txt`, with the licence that each states in its metadata. Written by
`python3 app.py licences --write`; a test fails where this list is not true, or a licence is not among those allowed.

| package | licence |
| --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Licensed:
    """A package and its licence; empty where it states none."""

    package: str
    licence: str

    @property
    def is_allowed(self) -> bool:
        """Whether all parts that apply together are allowed, and of those to choose from one is."""
        ways = re.split(r"\s+OR\s+", self.licence.strip("()"))
        return any(all(part.strip("() ") in ALLOWED for part in re.split(r"\s+(?:AND|and)\s+", way)) for way in ways)


def licences() -> Iterator[Licensed]:
    """Each package that is installed here for the site itself, by name."""
    lines = {found[0]: line for line in REQUIREMENTS.read_text().splitlines() if (found := re.match(r"[\w.-]+", line))}
    for name in sorted(lines):
        try:
            yield Licensed(name, _licence_of(name))
        except PackageNotFoundError:
            if ";" not in lines[name]:  # for another system, or another Python
                raise


def page() -> str:
    """The list as docs/licences.md holds it."""
    return HEAD + "".join(f"| {each.package} | {each.licence} |\n" for each in licences())


def _licence_of(package: str) -> str:
    said = metadata(package)
    for expression in said.get_all("License-Expression", []):
        return str(expression)
    named = {name.rpartition(" :: ")[2] for name in said.get_all("Classifier", []) if name.startswith("License ::")}
    if not named:
        named = {short for short in said.get_all("License", []) if "\n" not in short}
    return " OR ".join(sorted({SAID_AS.get(name, name) for name in named}))


@click.command("licences")
@click.option("--write", is_flag=True, help="Write docs/licences.md anew.")
def show_licences(write: bool) -> None:
    """Print the licence of every package the site runs on; fails where one is not allowed."""
    found = list(licences())
    width = max(len(each.package) for each in found)
    for each in found:
        click.echo(f"{'  ' if each.is_allowed else '! '}{each.package:<{width}}  {each.licence or 'states none'}")
    if write:
        LIST.write_text(page())
        click.echo(f"Written to {LIST.relative_to(ROOT)}.")
    if wrong := [each.package for each in found if not each.is_allowed]:
        raise click.ClickException(f"Not allowed: {', '.join(wrong)}. See ALLOWED in commands/licences.py.")
