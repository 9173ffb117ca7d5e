"""Reads the text out of HTML that `core.markup` made."""

from html.parser import HTMLParser

from core.inline import HIDDEN_WORDS


class PlainText(HTMLParser):
    """Collects the text of rendered HTML in `pieces`; hidden words only if they are to be revealed,
    and what is quoted unless it is to be left out."""

    _APART = frozenset({"p", "h2", "h3", "blockquote", "pre", "ul", "ol", "hr"})

    def __init__(self, *, reveal: bool = False, quotes: bool = True) -> None:
        super().__init__()
        self._reveals = reveal
        self._keeps_quotes = quotes
        self._in_quotes = 0
        self._hidden = False
        self.pieces: list[str] = []
        self._breaks = 0
        self._in_code = 0
        self._begins_item = False
        self._numbers: list[int | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._APART:
            self._break(1 if self._numbers else 2)
        self._in_quotes += tag == "blockquote"
        if tag == "br" and not self._hidden:
            self._break(1)
        elif tag == "pre":
            self._in_code += 1
        elif tag in ("ul", "ol"):
            self._numbers.append(int(dict(attrs).get("start") or 1) if tag == "ol" else None)
        elif tag == "li":
            self._begin_item()
        elif tag == "label" and not self._reveals:  # the only labels are those of hidden words
            self.handle_data(HIDDEN_WORDS)
            self._hidden = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._hidden = False
        self._in_quotes -= tag == "blockquote"
        if tag == "pre":
            self._in_code -= 1
        elif tag in ("ul", "ol") and self._numbers:
            self._numbers.pop()
        if tag in self._APART:
            self._break(1 if self._numbers else 2)

    def handle_data(self, data: str) -> None:
        # Outside code a line end in rendered HTML only sets blocks apart.
        text = data.rstrip("\n") if self._in_code else data.replace("\n", "")
        if text and not self._hidden:
            self._write(text)
            self._begins_item = False

    def _begin_item(self) -> None:
        self._break(1)
        number = self._numbers[-1] if self._numbers else None
        self._write("- " if number is None else f"{number}. ")
        if number is not None:
            self._numbers[-1] = number + 1
        self._begins_item = True

    def _break(self, lines: int) -> None:
        if not self._begins_item:
            self._breaks = max(self._breaks, lines)

    def _write(self, text: str) -> None:
        if self._in_quotes and not self._keeps_quotes:
            return
        if self.pieces:
            self.pieces.append("\n" * self._breaks)
        self._breaks = 0
        self.pieces.append(text)
