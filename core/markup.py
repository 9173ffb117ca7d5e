"""User text becomes HTML here, once, when it is written; the result is stored beside its source.

Three barriers stand one behind the other: the parser knows no raw HTML and renders only what is listed,
every link target is judged by `_is_link_target`, and the finished HTML passes an allow-list.
This is the only module that imports bleach.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

import bleach
import idna
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from core import inline
from core.inline import MENTION_CLASS, SPOILER_CLASS, SPOILER_LABEL, hide_spoilers, people_named
from core.mentions import Named
from core.plain import PlainText
from core.text import remove_controls

# Stored beside every rendered text; raise it when the same source would render differently.
RENDERER_VERSION = 3

PREVIEW_MARKER = "<!-- more -->"
PREVIEW_PARAGRAPHS = 2

# Deeper quotes and lists are cut off by the parser: nobody reads them, and their cost grows with depth.
MAX_NESTING = 20

# Comments are limited long before; a text beyond this is shown without formatting rather than parsed.
MAX_FORMATTED_LENGTH = 40_000

# Of a longer host the end is shown: that is the part which its owner registered.
MAX_SHOWN_HOST = 40

LINK_REL = "nofollow ugc noopener"
HOST_CLASS = "link-host"
LINK_SCHEMES = frozenset({"http", "https", "mailto"})

_SHARED_TAGS = frozenset({"p", "br", "em", "strong", "s", "a", "blockquote", "code", "pre", "ul", "ol", "li"})
COMMENT_TAGS = _SHARED_TAGS | {"bdi", "label", "input", "span"}
ARTICLE_TAGS = _SHARED_TAGS | {"h2", "h3", "hr"}

_COMMENT_RULES = ("paragraph", "blockquote", "list", "fence", "text", "newline", "escape", "backticks",
                  "strikethrough", "emphasis", "link", "autolink", "linkify")  # fmt: skip
_ARTICLE_RULES = (*_COMMENT_RULES, "heading", "hr", "entity")

_DIRECTED = frozenset({"paragraph_open", "blockquote_open", "list_item_open", "heading_open"})
_HEADING_TAGS = {"h1": "h2", "h2": "h2"}

# Strict on purpose: where two parsers could disagree about the host, there is no link.
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\.?", re.IGNORECASE)
_WEB_TARGET = re.compile(r"https?://[^/?#\\@\s]+(?:[/?#][^\\\s]*)?", re.IGNORECASE)
_MAIL_TARGET = re.compile(r"mailto:[\w.+-]+@([^@?\s]+)", re.IGNORECASE | re.ASCII)
_SITE_TARGET = re.compile(r"/(?![/\\])[^\\\s]*|#[^\\\s]*")
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_RENDERED = re.compile(r"<(?:p|ul|ol|blockquote|pre|h[23]|hr)[ >]")


# Attributes that have one value or a few.
_FIXED = {
    ("bdi", "class"): {HOST_CLASS, MENTION_CLASS},
    ("label", "class"): {SPOILER_CLASS},
    ("span", "class"): {f"{SPOILER_CLASS}__words"},
    ("input", "type"): {"checkbox"},
    ("input", "aria-label"): {SPOILER_LABEL},
    ("a", "rel"): {LINK_REL},
}
_NUMBERS = {("ol", "start"), ("bdi", "data-person")}


def _allows_attribute(tag: str, name: str, value: str) -> bool:
    if name == "dir":
        return value == "auto"
    if (tag, name) in _NUMBERS:
        return value.isdecimal()
    return (tag, name) == ("a", "href") or value in _FIXED.get((tag, name), ())


def _is_link_target(url: str) -> bool:
    """Whether a comment may link there: http(s) to a plain host name, or mailto to one plain address."""
    if mail := _MAIL_TARGET.fullmatch(url):
        return _is_host(mail[1])
    return _WEB_TARGET.fullmatch(url) is not None and _is_host(_host(url))


def _is_host(host: str) -> bool:
    if not _HOST.fullmatch(host):
        return False
    try:
        for label in host.lower().split("."):
            if label.startswith("xn--"):
                idna.ulabel(label)
    except idna.IDNAError:
        return False
    return True


def _is_article_link_target(url: str) -> bool:
    return _is_link_target(url) or _SITE_TARGET.fullmatch(url) is not None


def _host(url: str) -> str:
    """The host of a link target, or the address of a mailto; empty where it cannot be told."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError for a port that is none
    except ValueError:
        return ""
    return parts.path if parts.scheme == "mailto" else (parts.hostname or "")


class _PlainLinks:
    """Finds addresses in running text: those with a scheme, and those that begin with `www.`.

    Anything looser makes links of forgotten spaces ("Well.It was so") and publishes mail addresses.
    """

    def __init__(self, finder: Any) -> None:
        finder.set({"fuzzy_email": False})
        self._finder = finder.add("ftp:", None).add("//", None).add("mailto:", None)

    def pretest(self, text: str) -> bool:
        return bool(self._finder.pretest(text))

    def test(self, text: str) -> bool:
        return self.match(text) is not None

    def match(self, text: str) -> list[Any] | None:
        found = [link for link in self._finder.match(text) or [] if self._is_meant(link)]
        for link in found:
            if not link.schema:
                link.url = "https://" + link.raw
        return found or None

    def match_at_start(self, text: str) -> Any:
        return self._finder.match_at_start(text)

    @staticmethod
    def _is_meant(link: Any) -> bool:
        return bool(link.schema) or link.raw.lower().startswith("www.")


def _set_directions(state: StateCore) -> None:
    """Each block takes its direction from its own first letters; a fence says nothing of its language."""
    for token in state.tokens:
        if token.type in _DIRECTED:
            token.attrSet("dir", "auto")
        elif token.type == "fence":
            token.info = ""


def _lower_headings(state: StateCore) -> None:
    """The page has its one h1; an article's own headings are h2 and h3."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = _HEADING_TAGS.get(token.tag, "h3")


def _clean_decoded_text(state: StateCore) -> None:
    """A character entity must not bring in what was removed from the source."""
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "text":
                child.content = remove_controls(child.content)


def _finish_links(show_hosts: bool) -> Callable[[StateCore], None]:
    def rule(state: StateCore) -> None:
        for token in state.tokens:
            if token.children:
                token.children = list(_linked(token.children, show_hosts))

    return rule


def _linked(tokens: Sequence[Token], show_hosts: bool) -> Iterator[Token]:
    """The tokens of one block without links that lead nowhere; in comments with rel and shown hosts."""
    url, text = "", ""
    for token in tokens:
        if token.type == "link_open":
            url, text = str(token.attrGet("href") or ""), ""
            token.attrs = {"href": url, "rel": LINK_REL} if show_hosts else {"href": url}
            if url:
                yield token
        elif token.type == "link_close":
            if url:
                yield token
                if show_hosts and not _names_host(text, _host(url)):
                    yield _host_note(_host(url))
            url = ""
        else:
            text += token.content
            yield token


def _names_host(text: str, host: str) -> bool:
    """Whether the text of a link begins with the host it leads to, as a reader would read an address."""
    shown = re.sub(r"^(?:https?://|mailto:)", "", text.strip().lower())
    return re.match(rf"(?:www\.)?{re.escape(_bare(host))}(?![\w@-]|\.\w)", shown) is not None


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.").rstrip(".")


def _host_note(host: str) -> Token:
    shown = _bare(host)
    if len(shown) > MAX_SHOWN_HOST:
        shown = "…" + shown[-MAX_SHOWN_HOST:]
    note = Token("host_note", "", 0)
    note.content = shown
    return note


def _render_host_note(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return f' <bdi class="{HOST_CLASS}">({escape(tokens[at].content)})</bdi>'


def _parser(rules: Sequence[str], validate: Callable[[str], bool], of_readers: bool) -> MarkdownIt:
    parser = MarkdownIt(
        "zero", {"html": False, "linkify": True, "breaks": True, "xhtmlOut": False, "maxNesting": MAX_NESTING}
    )
    parser.enable([*rules])
    parser.linkify = _PlainLinks(parser.linkify)
    parser.validateLink = validate  # type: ignore[assignment]
    parser.core.ruler.push("directions", _set_directions)
    parser.core.ruler.push("lower_headings", _lower_headings)
    parser.core.ruler.push("clean_decoded_text", _clean_decoded_text)
    parser.core.ruler.push("finish_links", _finish_links(of_readers))
    parser.add_render_rule("host_note", _render_host_note)
    if of_readers:
        inline.install(parser)
    # Rule chains are built on first use, which two threads must not do at once.
    parser.render("- [warm](https://example.com) *up*")
    return parser


_COMMENT_PARSER = _parser(_COMMENT_RULES, _is_link_target, of_readers=True)
_ARTICLE_PARSER = _parser(_ARTICLE_RULES, _is_article_link_target, of_readers=False)


# Words with nothing around them but these tags, which are balanced because the renderer makes them: most comments.
_PLAIN = re.compile(
    r'(?:[^<>&\x00-\x08\x0b-\x1f\x7f-\x9f]++|&(?:amp|lt|gt|quot);|<p dir="auto">|</p>|<br>|</?(?:em|strong|s)>)*+'
)


def _clean(html: str, tags: frozenset[str]) -> str:
    if _PLAIN.fullmatch(html):  # cleaning would leave it as it is, and takes longer than all the rest
        return html
    return _cleaned(html, tags)


def _cleaned(html: str, tags: frozenset[str]) -> str:
    # A cleaner of its own for each call: bleach's parser keeps state and must not be shared between threads.
    return bleach.clean(html, tags=tags, attributes=_allows_attribute, protocols=LINK_SCHEMES, strip=True)


def render_comment(source: str, people: Mapping[str, Named] | None = None) -> str:
    """HTML of a comment or reply: paragraphs, emphasis, links, quotes, lists, code, hidden words; nothing else.

    `||words||` are hidden until a reader asks for them. An @ before the name of one of the `people`, who are given by
    the keys of their names, marks that name (see `core.mentions`), and leads to their page
    where they have one; `people_named` tells whose names are marked.

    What readers type is what they see: a line end is a line end, an ampersand an ampersand, and tags, images,
    headings and tables stay the characters they are typed with. Links carry LINK_REL and are followed by the
    host they lead to where their text does not begin with it. Never raises; an overlong text stays
    unformatted.
    """
    text = remove_controls(source)
    if len(text) > MAX_FORMATTED_LENGTH:
        return _clean(_unformatted(text), COMMENT_TAGS)
    return _clean(_COMMENT_PARSER.render(text, {"people": people}), COMMENT_TAGS).strip()


def render_article(source: str) -> str:
    """HTML of an article: a comment's mark-up and h2, h3, rules, character entities, links within the site.

    The editor's preview marker is not shown. No raw HTML, images or tables. Never raises.
    """
    return _clean(_ARTICLE_PARSER.render(_without_marker(remove_controls(source))), ARTICLE_TAGS).strip()


def _unformatted(text: str) -> str:
    paragraphs = _BLANK_LINES.split(text.strip())
    return "\n".join(f'<p dir="auto">{escape(part).replace(chr(10), "<br>")}</p>' for part in paragraphs)


def split_preview(source: str, marker: str = PREVIEW_MARKER, paragraphs: int = PREVIEW_PARAGRAPHS) -> tuple[str, str]:
    """The sources of the part of a gated article that everyone may read, and of the rest.

    Cut at the editor's first marker (spaces in it do not matter), otherwise after so many paragraphs; a list,
    quote or code block counts as one, a heading as none. Without a marker at least the last paragraph is kept
    back, so that a gate on a short text still has something behind it: the preview of a single paragraph is
    empty. The marker is in neither part.
    """
    text = remove_controls(source)
    if found := _marker_pattern(marker).search(text):
        preview, rest = text[: found.start()], text[found.end() :]
        return preview.strip(), _without_marker(rest, marker).strip("\n ")
    ends = _paragraph_ends(text)
    keep = min(paragraphs, len(ends) - 1)
    cut = ends[keep - 1] if keep > 0 else 0
    lines = text.split("\n")
    return "\n".join(lines[:cut]).strip(), "\n".join(lines[cut:]).strip("\n")


def _paragraph_ends(text: str) -> list[int]:
    """The line after each outermost block of text that is neither heading nor rule."""
    tokens: list[Token] = []
    _ARTICLE_PARSER.block.parse(text, _ARTICLE_PARSER, {}, tokens)
    return [
        token.map[1]
        for token in tokens
        if token.level == 0 and token.map and token.type not in ("heading_open", "hr", "inline")
    ]


def _marker_pattern(marker: str) -> re.Pattern[str]:
    words = re.sub(r"(<!--|-->)", r" \1 ", marker).split()
    return re.compile(r"\s*".join(re.escape(word) for word in words), re.IGNORECASE)


def _without_marker(text: str, marker: str = PREVIEW_MARKER) -> str:
    return _marker_pattern(marker).sub("", text)


@lru_cache(maxsize=64)  # one comment is told of to many, and then indexed
def plain_text(html_or_source: str, *, reveal: bool = False, quotes: bool = True) -> str:
    """The text without mark-up, for excerpts, mails and search: paragraphs apart, list items marked.

    Hidden words are left out, and said to be, unless they are to be revealed; `quotes` says whether quotations are
    part of it. Takes HTML made by this module, or an article's source. The result is text that was typed by someone:
    where it goes into HTML again it must be escaped again.
    """
    html = html_or_source if _RENDERED.match(html_or_source) else render_article(html_or_source)
    reader = PlainText(reveal=reveal, quotes=quotes)
    reader.feed(html)
    reader.close()
    return "".join(reader.pieces).strip("\n")


def plain_comment(source: str) -> str:
    """A comment's text without the mark-up it was typed with, for its author and those who decide about it."""
    return plain_text(render_comment(source), reveal=True)


__all__ = [
    "ARTICLE_TAGS", "COMMENT_TAGS", "HOST_CLASS", "LINK_REL", "LINK_SCHEMES", "MAX_FORMATTED_LENGTH",
    "PREVIEW_MARKER", "PREVIEW_PARAGRAPHS", "RENDERER_VERSION", "hide_spoilers", "people_named", "plain_comment",
    "plain_text", "render_article", "render_comment", "split_preview",
]
