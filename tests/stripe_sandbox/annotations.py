"""What the official package says of its objects, read from the annotations in its files."""

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

spec = importlib.util.find_spec("stripe")
assert spec
assert spec.submodule_search_locations
PACKAGE = Path(spec.submodule_search_locations[0])
SCALARS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "Decimal": (str,),
}


@cache
def load(file: str) -> ast.ClassDef:
    """The resource class of a file: the one that names an object."""
    tree = ast.parse((PACKAGE / file).read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return next(node for node in classes if "OBJECT_NAME" in fields(node))


def fields(node: ast.ClassDef) -> dict[str, ast.expr]:
    return {
        item.target.id: item.annotation
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


def problems(node: ast.ClassDef, value: dict[str, Any], scopes: tuple[ast.ClassDef, ...] = (), at: str = "") -> list[str]:
    """Every way in which `value` is not what the class says: unknown, absent or ill-typed fields."""
    known = {name: kind for name, kind in fields(node).items() if name != "OBJECT_NAME" and not name.startswith("_")}
    known = {name.rstrip("_"): kind for name, kind in known.items()}
    found = [f"{at}{name}: unknown" for name in value if name not in known]
    for name, kind in known.items():
        if name in value:
            found += _mismatch(kind, value[name], (*scopes, node), f"{at}{name}")
        elif not _optional(kind):
            found.append(f"{at}{name}: absent")
    return found


def _unquote(kind: ast.expr) -> ast.expr:
    return ast.parse(kind.value, mode="eval").body if isinstance(kind, ast.Constant) and isinstance(kind.value, str) else kind


def _optional(kind: ast.expr) -> bool:
    kind = _unquote(kind)
    return isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "Optional"


def _mismatch(kind: ast.expr, value: Any, scopes: tuple[ast.ClassDef, ...], at: str) -> list[str]:
    kind = _unquote(kind)
    if isinstance(kind, ast.Subscript):
        return _generic(kind, value, scopes, at)
    name = ast.unparse(kind)
    if name in SCALARS:
        fits = isinstance(value, SCALARS[name]) and (name == "bool") == isinstance(value, bool)
        return [] if fits else [f"{at}: {value!r} is no {name}"]
    for scope in reversed(scopes):
        for node in scope.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                if not isinstance(value, dict):
                    return [f"{at}: {value!r} is no {name}"]
                return problems(node, value, scopes, f"{at}.")
    if isinstance(value, dict) and (file := FILES.get(str(value.get("object")))):
        return problems(load(file), value, (), f"{at}.")
    return []


def _generic(kind: ast.Subscript, value: Any, scopes: tuple[ast.ClassDef, ...], at: str) -> list[str]:
    name, inner = ast.unparse(kind.value), kind.slice
    args = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Optional":
        return [] if value is None else _mismatch(args[0], value, scopes, at)
    if name == "Literal":
        return [] if value in [ast.literal_eval(arg) for arg in args] else [f"{at}: {value!r} is out of range"]
    if name == "Union":
        literals = [arg for arg in args if ast.unparse(arg).startswith("Literal[")]
        outcomes = [_mismatch(arg, value, scopes, at) for arg in literals or args]
        return min(outcomes, key=len)
    if name == "ExpandableField":
        return [] if isinstance(value, str) else _mismatch(args[0], value, scopes, at)
    if name == "List":
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no list"]
        return [one for i, item in enumerate(value) for one in _mismatch(args[0], item, scopes, f"{at}[{i}]")]
    if name == "ListObject":
        if not isinstance(value, dict) or value.get("object") != "list":
            return [f"{at}: {value!r} is no list object"]
        return [one for i, item in enumerate(value["data"]) for one in _mismatch(args[0], item, scopes, f"{at}[{i}]")]
    return [] if isinstance(value, dict) else [f"{at}: {value!r} is no {name}"]


FILES = {
    "billing_portal.configuration": "billing_portal/_configuration.py",
    "billing_portal.session": "billing_portal/_session.py",
    "charge": "_charge.py",
    "checkout.session": "checkout/_session.py",
    "coupon": "_coupon.py",
    "customer": "_customer.py",
    "discount": "_discount.py",
    "dispute": "_dispute.py",
    "entitlements.active_entitlement": "entitlements/_active_entitlement.py",
    "entitlements.active_entitlement_summary": "entitlements/_active_entitlement_summary.py",
    "entitlements.feature": "entitlements/_feature.py",
    "event": "_event.py",
    "invoice": "_invoice.py",
    "invoice_payment": "_invoice_payment.py",
    "invoiceitem": "_invoice_item.py",
    "item": "_line_item.py",
    "line_item": "_invoice_line_item.py",
    "payment_intent": "_payment_intent.py",
    "payment_method": "_payment_method.py",
    "plan": "_plan.py",
    "price": "_price.py",
    "product": "_product.py",
    "product_feature": "_product_feature.py",
    "promotion_code": "_promotion_code.py",
    "refund": "_refund.py",
    "setup_intent": "_setup_intent.py",
    "subscription": "_subscription.py",
    "subscription_item": "_subscription_item.py",
    "subscription_schedule": "_subscription_schedule.py",
    "test_helpers.test_clock": "test_helpers/_test_clock.py",
    "webhook_endpoint": "_webhook_endpoint.py",
}
