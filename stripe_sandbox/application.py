"""The WSGI application: `/v1/…` to the API, everything else to the hosted pages."""

import json
import logging
from collections.abc import Callable, Collection, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wrappers import Request, Response

from . import lifecycle
from .api import Api
from .errors import Refusal
from .pages import Pages
from .routes import ENDPOINTS
from .store import Store

log = logging.getLogger("stripe_sandbox")


class Application:
    """Honours SCRIPT_NAME; `prefix` is taken off the path when the server did not do so."""

    def __init__(
        self, store: Store, *, public_url: str, api_keys: Collection[str], prefix: str, wake: Callable[[], None]
    ) -> None:
        self._store, self._prefix, self._wake = store, prefix, wake
        self._api = Api(store, ENDPOINTS, api_keys=api_keys, settle=self._settle, wake=wake)
        self._pages = Pages(store, public_url=public_url, prefix=prefix, settle=self._settle, wake=wake)

    def _settle(self) -> None:
        if lifecycle.settle(self._store):
            self._wake()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        path = request.path
        if self._prefix:
            if path != self._prefix and not path.startswith(self._prefix + "/"):
                return Response("Not found", status=404, content_type="text/plain")
            path = path[len(self._prefix) :] or "/"
        is_api = path == "/v1" or path.startswith(("/v1/", "/v2/"))
        try:
            return self._api.answer(request, path) if is_api else self._pages.answer(request, path)
        except Exception:
            log.exception("%s %s", request.method, path)
            return self._broken() if is_api else Response("The sandbox broke.", 500, content_type="text/plain")

    @staticmethod
    def _broken() -> Response:
        refusal = Refusal("The sandbox broke; its own log says where.", status=500, type="api_error")
        return Response(json.dumps(refusal.body()), status=500, content_type="application/json")
