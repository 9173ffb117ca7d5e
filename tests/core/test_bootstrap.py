"""The first start: which environment is used, and what a wrong one says."""

import sys
from pathlib import Path

import pytest

from core import bootstrap


def test_too_old_a_python_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is Python 3\.9\.1"):
        bootstrap.ensure_environment()


def test_inside_a_virtual_environment_no_other_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.os, "execv", lambda *_: pytest.fail("started another interpreter"))
    monkeypatch.setattr(bootstrap, "_run", lambda *_: pytest.fail("installed something"))
    bootstrap.ensure_environment(for_tests=True)


def test_it_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REJOINDER_NO_BOOTSTRAP", "1")
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(bootstrap, "_run", lambda *_: pytest.fail("installed something"))
    bootstrap.ensure_environment()


def test_a_missing_package_is_noticed(tmp_path: Path) -> None:
    listed = tmp_path / "requirements.txt"
    listed.write_text("flask==3.1.3\ntzdata==2026.6 ; sys_platform == 'win32'\n")
    assert bootstrap._present([listed])
    listed.write_text("flask==3.1.3\na-package-nobody-made==1.0\n")
    assert not bootstrap._present([listed])


def test_every_direct_dependency_is_pinned_in_the_requirements() -> None:
    import tomllib

    project = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = (bootstrap.ROOT / "requirements.txt").read_text().splitlines()
    names = {line.split("==")[0].split("[")[0] for line in pinned}
    assert {entry.split("==")[0].split("<")[0].split("[")[0].lower() for entry in project} <= names
