"""Compiled templates are kept, and never in the way."""

from pathlib import Path

import pytest
from flask import Flask
from jinja2 import DictLoader, Environment, nodes

from core.compiled import KeptTemplates


def page(folder: Path, text: str, how: bytes = b"") -> str:
    """The page as a process that has just begun makes it."""
    return Environment(loader=DictLoader({"page": text}), bytecode_cache=KeptTemplates(folder, how)).get_template("page").render()


def test_a_template_is_compiled_once_for_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(tmp_path / "kept", "one {{ 1 + 1 }}") == "one 2"
    monkeypatch.setattr(Environment, "_compile", None)
    assert page(tmp_path / "kept", "one {{ 1 + 1 }}") == "one 2"


def test_a_template_that_was_changed_is_compiled_anew(tmp_path: Path) -> None:
    assert page(tmp_path, "one") == "one"
    assert page(tmp_path, "two") == "two"


def test_another_way_to_compile_makes_all_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page(tmp_path, "one", b"before")
    monkeypatch.setattr(Environment, "_compile", None)
    with pytest.raises(TypeError):
        page(tmp_path, "one", b"after")


@pytest.mark.parametrize("left", [b"", b"j2", b"nothing of ours at all"], ids=["empty", "begun", "foreign"])
def test_half_a_file_is_as_good_as_none(tmp_path: Path, left: bytes) -> None:
    page(tmp_path, "one")
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for half in (left, whole[: len(whole) // 2], whole[:20] + left):
        kept.write_bytes(half)
        assert page(tmp_path, "one") == "one"


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert page(tmp_path / "file" / "kept", "one") == "one"


@pytest.mark.once
def test_no_filter_of_ours_is_asked_while_compiling(app: Flask) -> None:
    """Else what it answers would be kept, and stay the same when the filter changes."""
    plain, ours = Environment().filters, app.jinja_env.filters
    own = {name for name in ours if ours[name] is not plain.get(name)}
    assert {"date", "money", "one_script"} <= own
    names = app.jinja_env.list_templates(filter_func=lambda name: "__pycache__" not in name)
    assert "base.html" in names
    for name in names:
        tree = app.jinja_env.parse(app.jinja_env.loader.get_source(app.jinja_env, name)[0])
        for used in tree.find_all(nodes.Filter):
            if used.name in own:
                with pytest.raises(nodes.Impossible):
                    used.as_const()
