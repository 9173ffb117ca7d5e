"""The bill of materials is true, and a package with a known hole fails the check while an index out of reach does not."""

import json
from importlib import metadata
from pathlib import Path

import pytest
from flask import Flask
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from commands import audit as auditing
from commands.audit import audit_packages, read_report
from commands.licences import REQUIREMENTS, ROOT
from commands.sbom import LIST, PIN, bill, show_sbom, written

HOLE = {"name": "bleach", "version": "3.1.0", "vulns": [{"id": "PYSEC-2020-28", "fix_versions": ["3.1.1"]}]}
WHOLE = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "ours", "version": "1", "skip_reason": "Dependency not found on PyPI"}


def test_the_bill_of_materials_names_every_pinned_package(app: Flask) -> None:
    kept = json.loads(LIST.read_text())
    pins = {f"pkg:pypi/{name}@{version}" for name, version, _ in PIN.findall(REQUIREMENTS.read_text())}
    assert {one["purl"] for one in kept["components"]} == pins, "write it anew: python3 app.py sbom --write"
    assert len(pins) == len([line for line in REQUIREMENTS.read_text().splitlines() if line.strip()])
    told = {one["purl"]: one.get("licenses") for one in kept["components"]}
    assert {one["purl"]: one["licenses"] for one in bill()["components"] if "licenses" in one}.items() <= told.items()
    assert set(kept["dependencies"][0]["dependsOn"]) <= pins
    assert app.test_cli_runner().invoke(show_sbom).output == written()


@pytest.mark.parametrize(
    ("packages", "arguments", "status", "said"),
    [([WHOLE], [], 0, "No known holes in 1 packages."),
     ([WHOLE, HOLE], [], 1, "bleach 3.1.0: PYSEC-2020-28, mended in 3.1.1"),
     ([WHOLE, UNKNOWN], [], 0, "in 1 packages; the index did not answer for 1 others"),
     ([WHOLE, UNKNOWN], ["--strict"], 1, "in 1 packages; the index did not answer for 1 others"),
     (None, [], 0, "were not audited: the index cannot be asked"), (None, ["--strict"], 1, "were not audited")],
)  # fmt: skip
def test_a_hole_fails_the_audit_and_silence_is_said(
    app: Flask, monkeypatch: pytest.MonkeyPatch, packages: list[object] | None, arguments: list[str], status: int, said: str
) -> None:
    def ask() -> str:
        if packages is None:
            raise OSError("no route to host")
        return json.dumps({"dependencies": packages})

    monkeypatch.setattr(auditing, "ask", ask)  # it asks the network
    done = app.test_cli_runner().invoke(audit_packages, arguments)
    assert (done.exit_code, said in done.output) == (status, True), done.output


@pytest.mark.parametrize("lists", [["requirements.txt"], ["requirements.txt", "requirements-dev.txt"]])
def test_the_pins_name_all_that_any_of_them_needs_on_every_python(lists: list[str]) -> None:
    """They are installed without asking what else is needed; a marker may be true of an older Python than this one."""
    pins = [pin for path in lists for pin in pins_of(ROOT / path)]
    lacking = set()
    for version in ("3.11.0", "3.11.9", "3.12.9", "3.13.9", "3.14.2"):
        there = {canonicalize_name(pin.name) for pin in pins if holds(pin, version)}
        needs = ((name, need) for name in there for need in needs_of(name) if holds(need, version))
        lacking |= {f"{name} needs {need.name}" for name, need in needs if canonicalize_name(need.name) not in there}
    assert lacking == set()


def holds(requirement: Requirement, version: str) -> bool:
    """Whether it is asked for on that Python, without extras."""
    python = {"python_full_version": version, "python_version": version.rpartition(".")[0], "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(python)


def pins_of(path: Path) -> list[Requirement]:
    return [Requirement(line) for line in path.read_text().splitlines() if line.strip()]


def needs_of(name: str) -> list[Requirement]:
    """What an installed package says it needs; one for another system or Python is not here to be asked."""
    try:
        return [Requirement(line) for line in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return []


def test_what_is_no_report_is_no_answer() -> None:
    with pytest.raises(ValueError):
        read_report("Traceback")
