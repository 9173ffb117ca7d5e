"""Refusals in the shape of Stripe's error bodies."""

from typing import Any

API_VERSION = "2026-10-28.endive"
DOCS = "https://stripe.com/docs/error-codes/"


class Refusal(Exception):
    """An answer other than 2xx. `remembered` says whether an idempotency key replays it, `commits`
    whether what happened on the way (a declined charge) stays in the books."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        remembered: bool = True,
        commits: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.type = message, status, type
        self.code, self.param, self.more = code, param, more
        self.remembered, self.commits = remembered, commits

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = DOCS + self.code.replace("_", "-")
        if self.param:
            error["param"] = self.param
        error.update(self.more)
        return {"error": error}


def missing(kind: str, identifier: str, *, param: str = "id", status: int = 404) -> Refusal:
    """The resource is not there: 404 when the path named it, 400 when a parameter did."""
    return Refusal(f"No such {kind}: '{identifier}'", status=status, code="resource_missing", param=param)


def unsupported(param: str) -> Refusal:
    """Stripe knows this parameter, the sandbox does not act on it: say so instead of ignoring it."""
    return Refusal(
        f"Stripe accepts {param} here, but the sandbox does not act on it.",
        code="sandbox_unsupported",
        param=param,
        remembered=False,
    )


def unknown_url(method: str, path: str) -> Refusal:
    return Refusal(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs "
        "or we can help at https://support.stripe.com/.",
        status=404,
    )
