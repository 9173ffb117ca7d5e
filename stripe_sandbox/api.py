"""The JSON API: keys, routing, contract, idempotency, paging and expansion, in Stripe's manner."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from . import contract, expansion
from .errors import API_VERSION, Refusal, missing, unknown_url, unsupported
from .store import Store, Transaction
from .wire import Json, new_id, parse_form, public

IDEMPOTENCY_LIFETIME = 24 * 3600
CLAIM_SECONDS = 60.0
MAX_KEY_LENGTH = 255
MAX_BODY_BYTES = 1_000_000
DEFAULT_LIMIT = 10
MAX_LIMIT = 100


@dataclass
class Call:
    """What a handler gets: one open transaction, typed parameters, and the ids from the path."""

    tx: Transaction
    params: Json
    ids: dict[str, str]
    path: str

    @property
    def now(self) -> int:
        return self.tx.now

    def load(self, kind: str, name: str = "id", *, deleted: bool = False) -> Json:
        """The object the path names, or Stripe's 404."""
        found = self.tx.find(kind, self.ids[name], deleted=deleted)
        if found is None:
            raise missing(kind, self.ids[name], param=name)
        return found

    def refer(self, kind: str, identifier: str, param: str) -> Json:
        """The object a parameter names, or Stripe's 400."""
        found = self.tx.find(kind, identifier)
        if found is None:
            raise missing(kind, identifier, param=param, status=400)
        return found

    def page(self, kind: str, *, customer: str | None = None, parent: str | None = None, where: Any = None) -> Json:
        """A list page by Stripe's cursors, newest first."""
        clauses = list(where or [])
        clauses += _created(self.params.get("created"))
        limit = page_limit(self.params)
        after = self._cursor(kind, "starting_after")
        before = self._cursor(kind, "ending_before")
        if after is not None and before is not None:
            raise Refusal("You cannot parameterize both starting_after and ending_before.")
        rows = self.tx.select(
            kind, customer=customer, parent=parent, where=clauses, after=after, before=before, limit=limit + 1
        )
        more, rows = len(rows) > limit, rows[:limit]
        if before is not None:
            rows.reverse()
        return {"object": "list", "url": self.path, "has_more": more, "data": rows}

    def _cursor(self, kind: str, name: str) -> int | None:
        identifier = self.params.get(name)
        if identifier is None:
            return None
        found = self.tx.sequence(kind, identifier)
        if found is None:
            raise missing(kind, identifier, param=name, status=400)
        return found


def page_limit(params: Json) -> int:
    limit = int(params.get("limit", DEFAULT_LIMIT))
    if not 1 <= limit <= MAX_LIMIT:
        word = "greater than or equal to 1" if limit < 1 else f"less than or equal to {MAX_LIMIT}"
        raise Refusal(f"This value must be {word}.", param="limit", code="parameter_invalid_integer")
    return limit


def slice_page(items: list[Json], params: Json, path: str) -> Json:
    """Cursor paging over a list that lives inside another object."""
    limit, start = page_limit(params), 0
    if after := params.get("starting_after"):
        start = next((i + 1 for i, item in enumerate(items) if item["id"] == after), len(items))
    chosen = items[start : start + limit]
    return {"object": "list", "url": path, "has_more": start + limit < len(items), "data": chosen}


def _created(wanted: Any) -> list[tuple[str, list[Any]]]:
    if wanted is None:
        return []
    if isinstance(wanted, int):
        return [("created = ?", [wanted])]
    signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    return [(f"created {signs[name]} ?", [value]) for name, value in wanted.items()]


Handler = Callable[[Call], Json]


@dataclass
class Endpoint:
    """One route. `acts_on` names the parameters the handler honours; others are refused plainly."""

    method: str
    pattern: str
    params: str
    handler: Handler
    acts_on: frozenset[str]

    def __post_init__(self) -> None:
        self.regex = re.compile("^" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.pattern) + "$")


PAGING = "limit starting_after ending_before"


def endpoint(method: str, pattern: str, params: str, handler: Handler, acts_on: str = "") -> Endpoint:
    names = acts_on.replace("PAGING", PAGING).split()
    return Endpoint(method, pattern, params, handler, frozenset(names) | {"expand"})


class Api:
    """Answers one API request; `endpoints` is the whole surface."""

    def __init__(
        self,
        store: Store,
        endpoints: list[Endpoint],
        *,
        api_keys: Collection[str],
        settle: Callable[[], None],
        wake: Callable[[], None],
    ) -> None:
        self._store, self._endpoints = store, endpoints
        self._keys = frozenset(api_keys)
        self._settle, self._wake = settle, wake

    def answer(self, request: Request, path: str) -> Response:
        request_id = new_id("req_")
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        try:
            status, body = self._answer(request, path, request_id, headers)
        except Refusal as refusal:
            status, body = refusal.status, json.dumps(refusal.body())
        response = Response(body, status=status, content_type="application/json")
        response.headers.update(headers)
        response.headers["Cache-Control"] = "no-store"
        response.date = datetime.fromtimestamp(time.time(), UTC)  # the real moment, wherever the sandbox's clock is
        return response

    def _answer(self, request: Request, path: str, request_id: str, headers: dict[str, str]) -> tuple[int, str]:
        self._authenticate(request)
        version = request.headers.get("Stripe-Version", API_VERSION)
        if version != API_VERSION:
            raise Refusal(f"The sandbox speaks Stripe API version {API_VERSION} only, not {version}.")
        method = request.method
        found, ids = self._route(method, path)
        given = self._parameters(request)
        self._settle()
        key = request.headers.get("Idempotency-Key") if method == "POST" else None
        if not key:
            origin = {"id": request_id, "idempotency_key": None}
            return self._perform(found, ids, given, path, origin)
        if len(key) > MAX_KEY_LENGTH:
            raise Refusal(f"Idempotency-Key may be at most {MAX_KEY_LENGTH} characters.", type="idempotency_error")
        headers["Idempotency-Key"] = key
        print_of_call = hashlib.sha256(f"{method} {path} {json.dumps(given, sort_keys=True)}".encode()).hexdigest()
        replay = self._claim(key, print_of_call, request_id)
        if replay is not None:
            headers["Idempotent-Replayed"] = "true"
            headers["Original-Request"] = replay[2]
            return replay[0], replay[1]
        return self._perform_once(key, found, ids, given, path, request_id)

    def _authenticate(self, request: Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key).decode().partition(":")[0]
            except ValueError:
                key = ""
        if scheme.lower() not in ("bearer", "basic") or not key:
            raise Refusal(
                "You did not provide an API key. You need to provide your API key in the Authorization header, "
                "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
            )
        if "_live_" in key:
            raise Refusal("The sandbox refuses live keys: no real key belongs here.", status=401)
        if key not in self._keys:
            shown = key[:8] + "*" * max(0, len(key) - 12) + key[-4:] if len(key) > 12 else "****"
            raise Refusal(f"Invalid API Key provided: {shown}", status=401)

    def _route(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        for candidate in self._endpoints:
            if candidate.method == method and (match := candidate.regex.match(path)):
                return candidate, match.groupdict()
        raise unknown_url(method, path)

    def _parameters(self, request: Request) -> Json:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise Refusal("The request body is too large.", status=413, remembered=False)
        query = request.query_string.decode("utf-8", "replace")
        body = request.get_data(cache=False).decode("utf-8", "replace") if request.method == "POST" else ""
        return parse_form("&".join(part for part in (query, body) if part))

    def _perform(self, found: Endpoint, ids: dict[str, str], given: Json, path: str, origin: Json) -> tuple[int, str]:
        params = self._checked(found, given)
        with self._store.read() if found.method == "GET" else self._store.write() as tx:
            answer = self._handle(tx, found, ids, params, path, origin)
            emitted = tx.emitted
        if emitted:
            self._wake()
        return answer

    def _checked(self, found: Endpoint, given: Json) -> Json:
        params = contract.check(found.params, given)
        for name in params:
            if name not in found.acts_on:
                raise unsupported(name)
        expansion.check_depth(params.get("expand", []))
        return params

    def _handle(
        self, tx: Transaction, found: Endpoint, ids: dict[str, str], params: Json, path: str, origin: Json
    ) -> tuple[int, str]:
        tx.request = origin
        try:
            result = found.handler(Call(tx, params, ids, path))
        except Refusal as refusal:
            if not refusal.commits:
                raise
            return refusal.status, json.dumps(refusal.body())
        expanded = expansion.render(tx, result, params.get("expand", []))
        return 200, json.dumps(public(expanded))

    def _claim(self, key: str, fingerprint: str, request_id: str) -> tuple[int, str, str] | None:
        """Take the key, or return what its first use answered. The claim is its own transaction, so
        that a second request sees the first one running."""
        with self._store.write() as tx:
            tx.sql.execute("DELETE FROM idempotency WHERE created <= ?", (tx.now - IDEMPOTENCY_LIFETIME,))
            row = tx.sql.execute("SELECT * FROM idempotency WHERE key = ?", (key,)).fetchone()
            if row is not None:
                if row["fingerprint"] != fingerprint:
                    raise Refusal(
                        "Keys for idempotent requests can only be used with the same parameters they were first "
                        f"used with. Try using a key other than '{key}' if you meant to execute a different request.",
                        type="idempotency_error",
                    )
                if row["state"] == "done":
                    return row["status"], row["body"], row["request_id"]
                if row["claimed_at"] > time.time() - CLAIM_SECONDS:
                    raise Refusal(
                        "There is currently another in-progress request using this Idempotent Key.",
                        status=409,
                        type="idempotency_error",
                        code="idempotency_key_in_use",
                    )
            tx.sql.execute(
                "INSERT INTO idempotency VALUES (?, ?, 'running', ?, ?, ?, NULL, NULL)"
                " ON CONFLICT (key) DO UPDATE SET claimed_at = excluded.claimed_at, request_id = excluded.request_id",
                (key, fingerprint, time.time(), tx.now, request_id),
            )
        return None

    def _perform_once(
        self, key: str, found: Endpoint, ids: dict[str, str], given: Json, path: str, request_id: str
    ) -> tuple[int, str]:
        """Do the work and remember the answer in one transaction; a crash leaves the key free again."""
        try:
            params = self._checked(found, given)
            with self._store.write() as tx:
                origin = {"id": request_id, "idempotency_key": key}
                status, body = self._handle(tx, found, ids, params, path, origin)
                self._remember(tx, key, status, body)
                emitted = tx.emitted
            if emitted:
                self._wake()
            return status, body
        except Refusal as refusal:
            with self._store.write() as tx:
                if refusal.remembered:
                    self._remember(tx, key, refusal.status, json.dumps(refusal.body()))
                else:
                    tx.sql.execute("DELETE FROM idempotency WHERE key = ?", (key,))
            raise
        except BaseException:
            with self._store.write() as tx:
                tx.sql.execute("DELETE FROM idempotency WHERE key = ?", (key,))
            raise

    @staticmethod
    def _remember(tx: Transaction, key: str, status: int, body: str) -> None:
        tx.sql.execute("UPDATE idempotency SET state = 'done', status = ?, body = ? WHERE key = ?", (status, body, key))
