"""Stripe's form encoding, ids, and small text helpers."""

import itertools
import re
import secrets
import string
from typing import Any
from urllib.parse import parse_qsl

from .errors import Refusal

Json = dict[str, Any]

MAX_DEPTH = 12
MAX_FIELDS = 2000
_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
_ID_LENGTH = {"cs_test_": 58, "whsec_": 32, "bps_": 24, "invtok_": 40}
DEFAULT_ID_LENGTH = 24
_WITHOUT_CENTS = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(_WITHOUT_CENTS.split())
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"}


def new_id(prefix: str) -> str:
    """A random id in Stripe's form; long enough to be unguessable."""
    length = _ID_LENGTH.get(prefix, DEFAULT_ID_LENGTH)
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def parse_form(text: str) -> Json:
    """`a[b][0]=x&a[c][]=y` as nested dictionaries. Lists stay dictionaries of positions: only the
    parameter's type can tell a list from a hash with numeric keys."""
    root: Json = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refusal("The request has too many parameters.", remembered=False) from None
    for key, value in pairs:
        match = _KEY.match(key)
        parts = [match[1], *_PART.findall(match[2])] if match else [key]
        if len(parts) > MAX_DEPTH:
            raise Refusal(f"Invalid hash: {parts[0]} is nested too deeply.", param=parts[0], remembered=False)
        _place(root, parts, value, key)
    return root


def _place(root: Json, parts: list[str], value: str, key: str) -> None:
    node = root
    for here, below in itertools.pairwise(parts):
        if here == "":
            here = _position(node, below)
        child = node.setdefault(here, {})
        if not isinstance(child, dict):
            raise Refusal("Invalid hash", param=key, remembered=False)
        node = child
    last = parts[-1] if parts[-1] != "" else str(len(node))
    if isinstance(node.get(last), dict):
        raise Refusal("Invalid string", param=key, remembered=False)
    node[last] = value


def _position(node: Json, below: str) -> str:
    """`a[][x]` continues the last element until a key repeats, then starts the next one."""
    if not node:
        return "0"
    last = str(len(node) - 1)
    element = node.get(last)
    repeated = isinstance(element, dict) and below in element
    return str(len(node)) if repeated or below == "" else last


def money(amount: int, currency: str) -> str:
    """Minor units as people write them: `money(800, "eur")` is `€8.00`."""
    sign = "-" if amount < 0 else ""
    amount = abs(amount)
    shown = f"{amount:,}" if currency in ZERO_DECIMAL else f"{amount // 100:,}.{amount % 100:02d}"
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{shown}" if symbol else f"{sign}{currency.upper()} {shown}"


def public(value: Any) -> Any:
    """The object without the sandbox's own `_` fields."""
    if isinstance(value, dict):
        return {k: public(v) for k, v in value.items() if not k.startswith("_")}
    if isinstance(value, list):
        return [public(item) for item in value]
    return value
