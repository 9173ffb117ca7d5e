"""Every address that is written out in a template leads to a page or an action of ours."""

import re
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from werkzeug.exceptions import HTTPException

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = re.compile(r'\b(href|action|formaction)=("/[^"\n]*"(?: ~ [\w.\[\]()|]+(?: ~ "[^"\n]*")?)*)')
FILLED_IN = re.compile(r'" ~ [\w.\[\]()|]+(?: ~ ")?|\{\{.*?\}\}')
NEVER_ASKED = {"/comments/respect"}  # of a form whose buttons each have an address of their own


def addresses() -> Iterator[tuple[str, str, str]]:
    """Template, address with a 1 for whatever is filled in, and the method by which it is asked."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for attribute, written in WRITTEN.findall(path.read_text()):
            address = re.sub(r"\{%.*?%\}", "", FILLED_IN.sub("1", written)).strip('"')
            if "{" not in address:  # else a quotation mark stood inside; what comes before it is elsewhere, too
                yield path.name, re.split(r"[?#]", address)[0], "GET" if attribute == "href" else "POST"


def test_every_address_in_a_template_leads_somewhere(app: Flask) -> None:
    routes, astray, tried = app.url_map.bind("localhost"), [], 0
    for template, address, method in addresses():
        tried += 1
        # A form may be one that asks (search, filters).
        ways = {method, "GET"}
        if address not in NEVER_ASKED and not any(leads(routes, address, way) for way in ways):
            astray.append(f"{template}: {address}")
    assert tried > 250
    assert astray == []


def leads(routes: object, address: str, method: str) -> bool:
    try:
        routes.match(address, method=method)  # type: ignore[attr-defined]
    except HTTPException:
        return False
    return True
