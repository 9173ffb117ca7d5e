"""Scripts joined into one: in the order they need each other, each once, and never wrongly."""

from pathlib import Path

import pytest

from core import scripts
from tests.browser import Browser
from tests.factories import make_article, make_site


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    scripts.forget()
    yield tmp_path
    scripts.forget()


def test_modules_come_once_and_after_what_they_need(folder: Path) -> None:
    (folder / "a.js").write_text('import { c } from "./c.js";\nimport { b as other } from "./b.js";\nother(c);\n')
    (folder / "b.js").write_text('// Says it.\nimport { c } from "./c.js";\nfunction own() {}\nexport { own as b };\n')
    (folder / "c.js").write_text("export const c = 1;\nexport async function d() {}\nexport class E {}\n")
    joined = scripts.source(("a", "b"))
    assert [joined.count(f"const m_{name} =") for name in "abc"] == [1, 1, 1]
    assert joined.index("m_c =") < joined.index("m_b =") < joined.index("m_a =")
    assert "const { b: other } = m_b;" in joined
    assert "return { b: own };" in joined
    assert "return { c, d, E };" in joined
    assert "Says it" not in joined


@pytest.mark.parametrize(
    "text",
    ['import "./a.js";', 'import x from "./b.js";', "export let x = 1;", "export default 1;", 'const x = await import("./b.js");', 'import { a } from "https://evil.test/a.js";'],
)
def test_what_is_not_understood_is_refused(folder: Path, text: str) -> None:
    (folder / "a.js").write_text(text + "\n")
    (folder / "b.js").write_text("export const x = 1;\n")
    with pytest.raises(scripts.CannotJoin):
        scripts.source(("a",))


def test_a_page_asks_for_one_script_that_is_kept_for_good(client: Browser) -> None:
    make_site()
    page = client.get(f"/articles/{make_article().slug}").get_data(as_text=True)
    assert page.count('<script type="module"') == 1
    address = page.split('<script type="module" src="')[1].split('"')[0]
    answer = client.get(address)
    assert answer.mimetype == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "const m_base" in answer.get_data(as_text=True)
    assert client.get(address.split("?")[0]).headers["Cache-Control"] == "no-cache"
    for wrong in ("nothing", "base+base", "..%2f..%2fapp", "base+" * 9 + "x"):
        assert client.get(f"/static/joined/{wrong}.js").status_code == 404


def test_every_module_can_be_joined() -> None:
    for path in scripts.FOLDER.glob("*.js"):
        assert scripts.source((path.stem,))


def test_other_scripts_stay_as_they_are_and_so_do_modules_that_cannot_be_joined() -> None:
    module = '<script type="module" src="/static/js/base.js?v=1"></script>'
    other = '<script src="/static/js/early.js?v=2"></script>'
    assert scripts.one_script(f"{module}\n{other}\n").startswith(other + '<script type="module" src="/static/joined/base.js')
    unknown = module.replace("base", "nothing-of-this-name")
    assert scripts.one_script(unknown) == unknown
