"""The installed stripe package's parameter types, read as the contract of every endpoint.

The package is never imported: its files are parsed when an endpoint is first called, and kept."""

import ast
import importlib.util
import re
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from .errors import Refusal
from .wire import Json

_INTEGER = re.compile(r"^-?\d{1,18}$")


@dataclass
class Type:
    """What one value may be."""

    scalars: set[str] = field(default_factory=set)
    literals: list[str] = field(default_factory=list)
    empty: bool = False
    item: "Type | None" = None
    values: "Type | None" = None
    hashes: list[str] = field(default_factory=list)

    def join(self, other: "Type") -> "Type":
        return Type(
            self.scalars | other.scalars,
            self.literals + [x for x in other.literals if x not in self.literals],
            self.empty or other.empty,
            self.item or other.item,
            self.values or other.values,
            self.hashes + other.hashes,
        )


@cache
def package_root() -> Path:
    """Where the stripe package lives; it is located, not imported."""
    spec = importlib.util.find_spec("stripe")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The sandbox needs the stripe package installed: it is its contract.")
    return Path(spec.submodule_search_locations[0])


def _parsed(source: str) -> ast.Module:
    """The tree of a file. CPython 3.11 counts the depth of all threads' parsing together and stumbles where another
    thread parses in the same moment, as every printed traceback does; then it is tried again."""
    for _ in range(9):
        with suppress(SystemError):
            return ast.parse(source)
    return ast.parse(source)


class Module:
    """The parameter classes of one file, each turned into types when first asked for."""

    def __init__(self, path: Path) -> None:
        tree = _parsed(path.read_text("utf-8"))
        self._fields: dict[str, dict[str, ast.expr]] = {}
        self._types: dict[str, dict[str, tuple[Type, bool]]] = {}
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                inherited: dict[str, ast.expr] = {}
                for base in node.bases:
                    if isinstance(base, ast.Name):
                        inherited |= self._fields.get(base.id, {})
                own = {
                    item.target.id: item.annotation
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                }
                self._fields[node.name] = inherited | own
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                self._functional(node)

    def _functional(self, node: ast.Assign) -> None:
        """`_Base = TypedDict("_Base", {"from": …})`: used where a field is a Python keyword."""
        call, target = node.value, node.targets[0]
        if isinstance(call, ast.Call) and isinstance(target, ast.Name) and len(call.args) == 2:
            mapping = call.args[1]
            if isinstance(mapping, ast.Dict):
                self._fields[target.id] = {
                    key.value: value
                    for key, value in zip(mapping.keys, mapping.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }

    def fields(self, name: str) -> dict[str, tuple[Type, bool]]:
        """Field name to (type, required)."""
        if name not in self._types:
            self._types[name] = {k: self._field(v) for k, v in self._fields[name].items()}
        return self._types[name]

    def _field(self, node: ast.expr) -> tuple[Type, bool]:
        node = _unquote(node)
        if isinstance(node, ast.Subscript) and _name(node.value) == "NotRequired":
            return self._type(node.slice), False
        return self._type(node), True

    def _type(self, node: ast.expr) -> Type:
        node = _unquote(node)
        if isinstance(node, ast.BinOp):
            return self._type(node.left).join(self._type(node.right))
        if isinstance(node, ast.Subscript):
            return self._generic(_name(node.value), node.slice)
        name = _name(node)
        if name in self._fields:
            return Type(hashes=[name])
        return Type(scalars={name})

    def _generic(self, name: str, inner: ast.expr) -> Type:
        args = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name == "Literal":
            values = [a.value for a in args if isinstance(a, ast.Constant)]
            return Type(literals=[str(v) for v in values if v != ""], empty="" in values)
        if name in {"List", "Sequence", "list"}:
            return Type(item=self._type(args[0]))
        if name in {"Dict", "UntypedStripeObject", "dict"}:
            return Type(values=self._type(args[-1]))
        if name in {"Union", "Optional", "NotRequired"}:
            joined = Type()
            for arg in args:
                joined = joined.join(self._type(arg))
            return joined
        raise RuntimeError(f"The stripe package uses a type the sandbox cannot read: {name}")


def _unquote(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.parse(node.value, mode="eval").body
    return node


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@cache
def module(path: str) -> Module:
    return Module(package_root() / "params" / f"{path}.py")


def check(reference: str, given: Json) -> Json:
    """The parameters of `checkout/_session_create_params:SessionCreateParams`, typed.

    Raises Refusal as Stripe words it for anything unknown, missing, ill-typed or out of range."""
    path, _, name = reference.partition(":")
    return _hash(module(path), name, given, "")


def _hash(types: Module, name: str, given: Json, at: str) -> Json:
    fields = types.fields(name)
    result: Json = {}
    for key, value in given.items():
        here = f"{at}[{key}]" if at else key
        if key not in fields:
            raise _refuse(f"Received unknown parameter: {here}", here, "parameter_unknown")
        result[key] = _value(types, fields[key][0], value, here)
    for key, (_, required) in fields.items():
        if required and key not in given:
            here = f"{at}[{key}]" if at else key
            raise _refuse(f"Missing required param: {here}.", here, "parameter_missing")
    return result


def _value(types: Module, kind: Type, value: Any, at: str) -> Any:
    if isinstance(value, dict):
        return _nested(types, kind, value, at)
    if value == "" and kind.empty:
        return ""
    if kind.scalars or kind.literals:
        return _scalar(kind, value, at)
    if value == "" and kind.item:
        return []
    raise _refuse("Invalid array" if kind.item else "Invalid object", at)


def _nested(types: Module, kind: Type, value: Json, at: str) -> Any:
    if kind.item and all(key.isdigit() for key in value):
        order = sorted(value, key=int)
        return [_value(types, kind.item, value[key], f"{at}[{key}]") for key in order]
    if kind.hashes:
        refusal: Refusal | None = None
        for name in kind.hashes:
            try:
                return _hash(types, name, value, at)
            except Refusal as error:
                refusal = refusal or error
        if refusal:
            raise refusal
    if kind.values:
        inner = kind.values
        # An empty value inside a map of strings unsets that key (metadata).
        return {key: "" if item == "" else _value(types, inner, item, f"{at}[{key}]") for key, item in value.items()}
    raise _refuse("Invalid array" if kind.item else f"Invalid string: {at}", at)


def _scalar(kind: Type, value: str, at: str) -> Any:
    if value in kind.literals:
        return value
    if "int" in kind.scalars and _INTEGER.match(value):
        return int(value)
    if "bool" in kind.scalars and value in ("true", "false"):
        return value == "true"
    if kind.scalars & {"float", "Decimal"}:
        try:
            number = Decimal(value)
            if number.is_finite():
                return str(number) if "Decimal" in kind.scalars else float(number)
        except InvalidOperation:
            pass
    if kind.literals:
        choices = kind.literals
        listed = ", ".join(choices[:-1]) + f", or {choices[-1]}" if len(choices) > 1 else choices[0]
        raise _refuse(f"Invalid {at}: must be one of {listed}", at)
    if kind.scalars & {"str", "Any", "object"}:
        if value == "":
            raise _refuse(
                f"You passed an empty string for '{at}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{at}' cannot be unset.",
                at,
                "parameter_invalid_empty",
            )
        return value
    if "int" in kind.scalars:
        raise _refuse(f"Invalid integer: {value}", at, "parameter_invalid_integer")
    if "bool" in kind.scalars:
        raise _refuse(f"Invalid boolean: {value}", at)
    raise _refuse(f"Invalid decimal: {value}", at)


def _refuse(message: str, param: str, code: str | None = None) -> Refusal:
    return Refusal(message, param=param, code=code, remembered=False)
