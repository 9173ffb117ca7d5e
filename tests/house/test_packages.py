"""The bill of materials is true, and a package with a known hole fails the check while an index out of reach does not."""

import json

import pytest
from flask import Flask

from commands import audit as auditing
from commands.audit import audit_packages, read_report
from commands.sbom import LIST, PIN, REQUIREMENTS, bill, show_sbom, written

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


def test_what_is_no_report_is_no_answer() -> None:
    with pytest.raises(ValueError):
        read_report("Traceback")
