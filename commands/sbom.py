"""The bill of materials: every package the site runs on, in the form of CycloneDX that scanners read (ECMA-424)."""

import json
import re
import tomllib
from typing import Any

import click

from commands.licences import REQUIREMENTS, ROOT, licences

LIST = ROOT / "docs" / "sbom.cdx.json"
SPEC = "1.6"
# What packages call their licence that is no expression of SPDX is told as its name.
NO_EXPRESSION = re.compile(r"\bBSD\b(?!-)|\bPublic-Domain\b")
PIN = re.compile(r"^([\w.-]+)==([\w.+-]+)(?:\s*;\s*(.*))?$", re.M)


def bill() -> dict[str, Any]:
    """The bill as CycloneDX has it. It holds no moment and no random number: the same packages make the same bill."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    stated = {each.package: each.licence for each in licences()}
    pins = PIN.findall(REQUIREMENTS.read_text())
    itself = f"{project['name']}@{project['version']}"
    direct = {re.match(r"[\w.-]+", line)[0].lower() for line in project["dependencies"]}  # type: ignore[index]
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX", "specVersion": SPEC, "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": itself, "name": project["name"], "version": project["version"],
            "licenses": [{"expression": project["license"]}],
        }},
        "components": [_component(name, version, condition, stated.get(name)) for name, version, condition in pins],
        "dependencies": [{"ref": itself, "dependsOn": sorted({_purl(n, v) for n, v, _ in pins if n in direct})}],
    }  # fmt: skip


def written() -> str:
    """The bill as docs/sbom.cdx.json holds it."""
    return json.dumps(bill(), indent=1, ensure_ascii=False) + "\n"


def _component(name: str, version: str, condition: str, licence: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library", "bom-ref": _purl(name, version), "name": name, "version": version,
        "purl": _purl(name, version),
    }  # fmt: skip
    if licence:
        is_expression = not NO_EXPRESSION.search(licence) and " and " not in licence
        found["licenses"] = [{"expression": licence} if is_expression else {"license": {"name": licence}}]
    if condition:
        found["properties"] = [{"name": "rejoinder:only-where", "value": condition}]
    return found


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


@click.command("sbom")
@click.option("--write", is_flag=True, help="Write docs/sbom.cdx.json anew.")
def show_sbom(write: bool) -> None:
    """Print the bill of materials (CycloneDX, JSON)."""
    if write:
        LIST.write_text(written())
        click.echo(f"Written to {LIST.relative_to(ROOT)}.")
    else:
        click.echo(written(), nl=False)
