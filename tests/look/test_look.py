"""The promises of the look that a program can check: contrast, mirroring, nothing inline, nothing from outside."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STYLES = sorted((ROOT / "static" / "css").rglob("*.css"))
PAGES = [path for path in sorted((ROOT / "templates").rglob("*.html")) if path.parent.name != "mail"]
RULES_BYTES = 90_000  # of rules; the vocabulary in the comments comes on top
TEXT_CONTRAST = 4.5
EDGE_CONTRAST = 3.0
PHYSICAL = re.compile(
    r"[\s{;](?:(?:(?:margin|padding|border|inset)-)?(?:left|right)|(?:float|text-align):\s*(?:left|right))\b"
)
INLINE = re.compile(
    r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:|<script(?![^>]*\b(?:src|type=\"application/ld\+json\"))", re.I
)
ON_PAPER = ("ink", "soft", "accent", "good", "hold", "bad")
PAIRS = [
    *((colour, "paper", TEXT_CONTRAST) for colour in ON_PAPER),
    ("ink", "tint", TEXT_CONTRAST), ("soft", "tint", TEXT_CONTRAST), ("accent", "tint", TEXT_CONTRAST),
    ("ink", "mark", TEXT_CONTRAST), ("soft", "mark", TEXT_CONTRAST), ("accent", "mark", TEXT_CONTRAST),
    ("ink", "good-tint", TEXT_CONTRAST), ("ink", "hold-tint", TEXT_CONTRAST), ("ink", "bad-tint", TEXT_CONTRAST),
    ("accent-ink", "accent", TEXT_CONTRAST), ("accent-ink", "accent-strong", TEXT_CONTRAST),
    ("edge", "paper", EDGE_CONTRAST), ("edge", "raised", EDGE_CONTRAST), ("edge", "tint", EDGE_CONTRAST),
]  # fmt: skip


def rules(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palettes() -> list[dict[str, str]]:
    """The colours of each theme, in the order of the file: light, dark by the system, dark by the page."""
    blocks = re.findall(r"\{[^{}]*--ink:[^{}]*\}", rules(ROOT / "static" / "css" / "tokens.css"))
    return [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block)) for block in blocks]


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark by the system", "dark by the page"])
def test_every_pair_of_colours_can_be_read(theme: int) -> None:
    palette = palettes()[theme]
    weak = {pair: round(contrast(palette[pair[0]], palette[pair[1]]), 2) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < pair[2]} == {}


def test_both_ways_into_the_dark_give_the_same_colours() -> None:
    _light, by_system, by_page = palettes()
    assert by_system == by_page


def test_the_styles_mirror_for_scripts_from_right_to_left() -> None:
    assert {path.name: found for path in STYLES if (found := PHYSICAL.findall(rules(path)))} == {}


def test_the_styles_ask_nobody_else_for_anything() -> None:
    assert [path.name for path in STYLES if re.search(r"@import|@font-face|url\(|//", rules(path))] == []


def test_every_style_stands_in_a_layer_so_that_the_order_of_files_does_not_matter() -> None:
    assert [path.name for path in STYLES if not re.match(r"\s*@layer [a-z, ]+[;{]", rules(path))] == []


def test_the_stylesheet_stays_small() -> None:
    assert sum(len(rules(path).encode()) for path in STYLES) < RULES_BYTES


def test_no_template_of_a_page_carries_inline_styles_or_scripts() -> None:
    assert {path.name: found for path in PAGES if (found := INLINE.findall(path.read_text()))} == {}


def test_every_part_and_variant_of_a_component_is_known_to_the_styles() -> None:
    """A misspelt `comment__boddy` is a page that looks wrong in silence."""
    known = set(re.findall(r"[\w-]+", "\n".join(path.read_text() for path in STYLES)))
    used: dict[str, set[str]] = {}
    for path in PAGES:
        for value in re.findall(r"\sclass=\"([^\"{}]*)\"", path.read_text()):
            for name in value.split():
                used.setdefault(name, set()).add(path.name)
    parts = {name: where for name, where in used.items() if "__" in name or "--" in name}
    assert {name: where for name, where in parts.items() if name not in known} == {}
