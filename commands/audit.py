"""Whether a package that the site runs on has a known hole: pip-audit asks the advisories of the Python Package Index.

pip-audit is not among our packages: it is put into a folder of its own, and thrown away with it. An index that cannot
be asked is no finding, but is said, and so is every package that it does not answer for.
"""

import json
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import click

from commands.licences import REQUIREMENTS

AUDITOR = "pip-audit==2.10.1"
INSTALL_SECONDS = 300
ASK_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found: a line for each hole, and how many packages were asked for and not answered for."""

    holes: tuple[str, ...]
    asked: int
    unanswered: int

    @property
    def sentence(self) -> str:
        """All of it but the holes, in one line."""
        answered = self.asked - self.unanswered
        told = f"{len(self.holes) or 'No'} known {'hole' if len(self.holes) == 1 else 'holes'} in {answered} packages"
        return f"{told}; the index did not answer for {self.unanswered} others." if self.unanswered else f"{told}."


def read_report(report: str) -> Audit:
    """What pip-audit's JSON says. Raises ValueError for anything else."""
    packages = json.loads(report)["dependencies"]
    holes = tuple(
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in packages for hole in one.get("vulns", ())
    )  # fmt: skip
    return Audit(holes, len(packages), sum("skip_reason" in one for one in packages))


def ask() -> str:
    """The report of pip-audit on the pinned packages. Raises OSError where it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*install, "--retries", "1", "--timeout", "15", AUDITOR], INSTALL_SECONDS)
        return _run([str(python), "-m", "pip_audit", "-r", str(REQUIREMENTS), "--disable-pip", "--no-deps", "--format",
                     "json", "--progress-spinner", "off"], ASK_SECONDS)  # fmt: skip


def _run(command: list[str], seconds: int) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603
    except subprocess.SubprocessError as error:
        raise OSError(str(error)) from None
    if done.returncode and not done.stdout.strip():
        raise OSError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return done.stdout


@click.command("audit")
@click.option("--strict", is_flag=True, help="Fail also where the index could not be asked for every package.")
def audit_packages(strict: bool) -> None:
    """Ask whether a pinned package has a known hole; fails where one has."""
    try:
        found = read_report(ask())
    except (OSError, ValueError, KeyError) as error:
        found, sentence = Audit((), 0, 1), f"The packages were not audited: the index cannot be asked ({error})."
    else:
        sentence = found.sentence
    for hole in found.holes:
        click.echo(hole)
    if found.holes or (strict and found.unanswered):
        raise click.ClickException(sentence)
    click.echo(sentence)
