"""Who may call what, and the rules on rows, written from the guards and the policies themselves."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import click
from flask import Flask, current_app

from commands.licences import ROOT
from core.guards import GUARD_MARK
from core.step_up import STEP_UP_MARK

LIST = ROOT / "docs" / "access.md"
BELOW = "<!-- From here on written by `python3 app.py access --write`. -->\n"
GUARDS = {
    "public": "Anybody", "machine": "Programs", "signed_in": "Signed in",
    "staff:is_author": "Authors, editors, publishers",
    "staff:is_moderator": "Moderators, leads, editors, publishers", "staff:is_lead": "Leads, editors, publishers",
    "staff:is_editor": "Editors, publishers", "staff:is_publisher": "Publishers",
}  # fmt: skip
PROOFS = {None: "", "all": "*", "some": "°"}


def rules_on_rows() -> Iterator[tuple[str, str]]:
    """Each policy function by its name in the house, with what it says of itself."""
    for path in sorted((ROOT / "blueprints").glob("*/policy.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith(("may_", "sees_")):
                said = (ast.get_docstring(node) or "").split("\n\n")[0]
                yield f"{path.parent.name}.{node.name}", " ".join(said.split())


def addresses(app: Flask) -> dict[str, dict[str, set[str]]]:
    """Per guard every address and its methods, each with a mark where a fresh proof is asked for."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        guard = "public" if rule.endpoint == "static" else getattr(view, GUARD_MARK)
        mark = PROOFS[getattr(view, STEP_UP_MARK, None)]
        address = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"<\1>", str(rule))
        address = re.sub(r"^/static/[0-9a-f]{12}\.css$", "/static/<digest>.css", address)
        found[guard][address] |= {method + mark for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    return found


def written() -> str:
    """The part of docs/access.md that follows from the code."""
    lines = [BELOW, "## Rules on rows\n", "| rule | |", "| --- | --- |"]
    lines += [f"| `{name}` | {said} |" for name, said in rules_on_rows()]
    lines += ["", "## Addresses\n", "A star: only with a proof of who it is that is not older than 15 minutes."]
    lines += ["A ring: so for whoever has a second factor."]
    found = addresses(current_app)
    for guard, who in GUARDS.items():
        lines += ["", f"### {who}\n", "| address | |", "| --- | --- |"]
        for address, methods in sorted(found[guard].items()):
            lines.append(f"| `{address}` | {', '.join(sorted(methods))} |")
    return "\n".join(lines) + "\n"


@click.command("access")
@click.option("--write", is_flag=True, help="Write the lower part of docs/access.md anew.")
def show_access(write: bool) -> None:
    """Print who may call what."""
    if write:
        LIST.write_text(LIST.read_text().partition(BELOW)[0] + written())
        click.echo(f"Written to {LIST.relative_to(ROOT)}.")
    else:
        click.echo(written(), nl=False)
