"""What is noticed on every page of every journey, whatever the journey is about."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError

OWN_FILES = {"stylesheet", "script", "image", "font"}
ANSWERED = "Failed to load resource: the server responded with a status of 4"  # a refusal that the journey looks at itself


class Watch:
    """Collects what must not happen: requests to other sites, errors in the console, broken files, server errors."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.problems: list[str] = []

    def over(self, context: BrowserContext) -> None:
        """Watch all pages of this browser."""
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", self._error)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self._note(request.frame.page if request.frame else None, f"asked {request.url}")

    def _response(self, response: Response) -> None:
        broken = response.status >= 400 and response.request.resource_type in OWN_FILES
        if response.status >= 500 or broken:
            self.problems.append(f"{response.status} of {response.request.method} {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(ANSWERED):
            self._note(message.page, message.text)

    def _error(self, error: WebError) -> None:
        self._note(error.page, str(error.error))

    def _note(self, page: Page | None, what: str) -> None:
        self.problems.append(f"{page.url if page else '?'}: {what}")
