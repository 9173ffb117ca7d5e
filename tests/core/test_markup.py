import re
import sys
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import nh3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import markup
from core.markup import (
    ARTICLE_TAGS,
    COMMENT_TAGS,
    HOST_CLASS,
    LINK_REL,
    LINK_SCHEMES,
    MAX_FORMATTED_LENGTH,
    RENDERER_VERSION,
    hide_spoilers,
    people_named,
    plain_text,
    render_article,
    render_comment,
    split_preview,
)
from core.mentions import Named, names_sought, token
from core.names import name_key

Event = tuple[str, ...]

VOID = {"br", "hr", "input"}

ONLY_IN_COMMENTS = {"bdi", "label", "input", "span"}
FIXED = {
    ("a", "rel"): {LINK_REL},
    ("bdi", "class"): {HOST_CLASS, "mention"},
    ("label", "class"): {"spoiler"},
    ("span", "class"): {"spoiler__words"},
    ("input", "type"): {"checkbox"},
    ("input", "aria-label"): {"Show the hidden words"},
}
PEOPLE = {
    key: Named(number, name)
    for number, (key, name) in enumerate(
        [("vic", "Vic"), ("victanaka", "Vic Tanaka"), ("田中", "田中"), ("דנה", "דנה"), ("obrien", "O'Brien_<b>")], 1
    )
}

# What may appear, written down a second time so that a slip in the house's list is found here.
ALLOWED_IN_COMMENTS = {
    "p": {"dir"},
    "br": set[str](),
    "em": set[str](),
    "strong": set[str](),
    "s": set[str](),
    "a": {"href", "rel"},
    "bdi": {"class", "data-person"},
    "label": {"class"},
    "input": {"type", "aria-label"},
    "span": {"class"},
    "blockquote": {"dir"},
    "code": set[str](),
    "pre": set[str](),
    "ul": set[str](),
    "ol": {"start"},
    "li": {"dir"},
}
ALLOWED_IN_ARTICLES = {
    **{tag: names for tag, names in ALLOWED_IN_COMMENTS.items() if tag not in ONLY_IN_COMMENTS},
    "a": {"href"},
    "h2": {"dir"},
    "h3": {"dir"},
    "hr": set[str](),
}

ATTACKS = [
    # raw tags
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script",
    "<script x",
    "</p><script>alert(1)</script><p>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    '<img """><script>alert(1)</script>">',
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1&#41;</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<math><a xlink:href="javascript:alert(1)">x</a></math>',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button formaction=javascript:alert(1)>x</button></form>",
    "<a href=javascript:alert(1)>x</a>",
    '<a href="https://a.example" onclick=alert(1)>x</a>',
    "<body onload=alert(1)>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href='javascript:/a/+alert(1)//'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<style>*{background:url(javascript:alert(1))}",
    "<p style='width:expression(alert(1))'>x</p>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<!--><script>alert(1)</script>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[><script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<plaintext>",
    "<textarea></textarea><script>alert(1)</script>",
    "<x onclick=alert(1)>click",
    "<\x00script>alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&amp;lt;script&amp;gt;",
    # link targets
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x]( javascript:alert(1) )",
    "[x](<javascript:alert(1)>)",
    "[x](<java\tscript:alert(1)>)",
    "[x](<java\nscript:alert(1)>)",
    "[x](java&#x09;script:alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](java&NewLine;script:alert(1))",
    "[x](&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](javascript&#0000058alert(1))",
    "[x](\\javascript:alert(1))",
    "[x](java\\script:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](java\u200bscript:alert(1))",
    "[x](java\u00adscript:alert(1))",
    "[x](\ufeffjavascript:alert(1))",
    "[x](\u202ejavascript:alert(1))",
    "[x](jav\u0430script:alert(1))",
    "[x](javascript%3Aalert(1))",
    "[x](javascript://example.com/%0aalert(1))",
    "[x](http:javascript:alert(1))",
    "[x](https:javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml,<svg/onload=alert(1)>)",
    "[x](data:image/png;base64,iVBORw0KGgo=)",
    "[x](vbscript:msgbox(1))",
    "[x](VBScript:msgbox(1))",
    "[x](feed:javascript:alert(1))",
    "[x](view-source:javascript:alert(1))",
    "[x](blob:https://example.com/x)",
    "[x](file:///etc/passwd)",
    "[x](intent://x#Intent;end)",
    "[x](//evil.example)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
    "[x](https:/\\evil.example)",
    "[x](https://evil.example\\@bank.example)",
    "[x](https://bank.example@evil.example)",
    "[x](https://bank.example%2f@evil.example)",
    "[x](https://bank.example:443:evil)",
    "[x](https://[::1]/)",
    "[x](https://[evil)",
    "[x](https://exam ple.com)",
    "[x](https://ｅvil.example/)",
    "[x](https://evil。example/)",
    "<javascript:alert(1)>",
    "<data:text/html,<script>alert(1)</script>>",
    "<JAVASCRIPT:alert(1)@a.b>",
    "<https://a.example/<script>alert(1)</script>>",
    # breaking out of attributes
    '[x](https://a.example/"onmouseover="alert(1))',
    "[x](https://a.example/'onmouseover='alert(1))",
    '[x](<https://a.example/" onmouseover="alert(1)>)',
    '[x](https://a.example "t\\" onmouseover=\\"alert(1)")',
    "[x](https://a.example 't\" onmouseover=\"alert(1)')",
    '[x](https://a.example "</a><script>alert(1)</script>")',
    "[x](https://a.example/`onmouseover=alert(1)`)",
    'https://a.example/"onmouseover="alert(1)',
    "https://a.example/<script>alert(1)</script>",
    "www.a.example/'><img/src=x onerror=alert(1)>",
    "https://a.example/&quot;onmouseover=alert(1)",
    "<a\"onmouseover=\"alert(1)@a.example>",
    "[m](mailto:a@b.example?body=<script>)",
    '[m](mailto:"onmouseover="alert(1)@b.example)',
    # hidden words and names
    "||<script>alert(1)</script>||",
    "||[x](javascript:alert(1))||",
    '||x" onclick="alert(1)||',
    "||</span></label><script>alert(1)</script>||",
    "[||x||](javascript:alert(1))",
    "||[x||](https://a.example)||",
    "**||x** ||y|| *z||*",
    '<label class="spoiler"><input type="checkbox" autofocus onfocus=alert(1)>',
    "@[Vic](javascript:alert(1))",
    "@[<script>alert(1)</script>]",
    "@O'Brien_<b>",
    '@[Vic" onclick="alert(1)]',
    "[@Vic](https://a.example) ||@[Vic Tanaka]||",
    '<bdi class="mention" data-person="1">@Vic</bdi>',
    # nesting
    "[a [b](https://b.example) c](https://a.example)",
    "[a https://b.example c](https://a.example)",
    "[![x](https://a.example/x.png)](javascript:alert(1))",
    "![x](javascript:alert(1))",
    '![x" onerror="alert(1)](https://a.example/x.png)',
    '![x](https://a.example/x.png"onerror="alert(1))',
    "[<script>alert(1)</script>](https://a.example)",
    "[`<img src=x onerror=alert(1)>`](https://a.example)",
    "**<b onclick=alert(1)>**x**</b>**",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[javascript:alert(1)]\n\n[javascript:alert(1)]: javascript:alert(1)",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "``` \" onmouseover=alert(1)\nx\n```",
    "    <script>alert(1)</script>",
    "> <script>\n> alert(1)\n> </script>",
    "- <img src=x\n  onerror=alert(1)>",
    "| <script> |\n|---|\n| alert(1) |",
    "# <script>alert(1)</script>",
    "<script>\n\nalert(1)\n\n</script>",
    "<div>\n[x](javascript:alert(1))\n</div>",
    "99999999999. <script>",
    "1\" onclick=alert(1). x",
]  # fmt: skip

# One shape each of the kinds that make parsers slow, filled to the greatest length of a comment.
LENGTH = 5000
HOSTILE = {
    "<": "<",
    "[": "[",
    "![": "![",
    "*": "*",
    "**a": "a**b",
    "_a ": "_a ",
    "~~": "~~a",
    "`": "`",
    "` runs": "".join("`" * n + " " for n in range(1, 60)),
    "[a](": "[a](",
    "[a](<": "[a](<b",
    "[a]": "[a]",
    "]": "[" * 10 + "]",
    "&": "&",
    "&#": "&#x0",
    "<a ": "<a ",
    "<!--": "<!--",
    ">": ">",
    "> >": "> ",
    "- -": "- ",
    "1. ": "1. ",
    "setext": "a\n=\n",
    "tables": "|a|b|\n|-|-|\n",
    "parentheses": "(",
    "link of parentheses": "[a](" + "(" * 30 + ")" * 30 + ")",
    "addresses": "https://a.example/",
    "www": "www.",
    "www.a.de ": "www.a.de ",
    "@": "a@",
    "a@b.c ": "a@b.c ",
    "mailto": "mailto:",
    ":": "http://",
    "host labels": "https://" + "a." * 40,
    "escapes": "\\",
    "newlines": "\n",
    "lines": "a\n",
    "tabs": "\t",
    "entities": "&amp;",
    "quoted title": '[a](b "',
    "bidi": "\u2066\u202b",
    "fences": "```\n",
    "tildes": "~",
    "link text": "[a](https://a.example) ",
    "marks": "e\u0301\u0302",
    "hidden": "||",
    "hidden words": "||a||",
    "hidden in hidden": "||a ",
    "hidden and strong": "**||a",
    "hidden or not": "||a|| b|| ",
    "single bars": "|",
    "names": "@Vic ",
    "longer names": "@Vic Tanaka Vic Tanaka Vic Tanaka ",
    "names in brackets": "@[Vic Tanaka]",
    "open brackets": "@[Vic ",
    "unspaced names": "@田中田中田中田中田中",
    "one endless name": "@" + "a.b-c_" * 20,
}
# Calls of Python functions and of built-ins for 5,000 hostile characters; about twice the worst seen.
CALLS_AT_MOST = 1_500_000

MARKDOWN = st.lists(
    st.one_of(
        st.sampled_from(
            ["*", "**", "_", "~~", "||", "|", "`", "```", "[", "]", "(", ")", "](", "](https://a.example", "<", ">", "!"]
        ),
        st.sampled_from(["#", "&", "&lt;", "&#x202e;", "|", "---", "\\", '"', "'"]),
        st.sampled_from(["\n", "\n\n", "> ", "- ", "1. ", "    ", "\t", "<script>", "<!-- more -->"]),
        st.sampled_from(["https://a.example/x", "www.a.example", "javascript:", "a@b.example"]),
        st.sampled_from(["@", "@Vic", "@[Vic Tanaka]", "@田中", "Tanaka", "a"]),
        st.sampled_from(["\u202e", "\u2067", "\u2069", "\x00", "\u200b", "é", "ש", "👍"]),
        st.text(st.characters(), max_size=5),
    ),
    max_size=60,
).map("".join)
ANY_SOURCE = st.one_of(st.text(st.characters(), max_size=300), MARKDOWN)


class _Reader(HTMLParser):
    """The events of a piece of HTML; fails on tags that are not well nested."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.events.append((tag, *(f"{name}={value}" for name, value in sorted(attrs))))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raise AssertionError(f"self-closing {tag}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.events.append(("/" + tag,))

    def handle_data(self, data: str) -> None:
        if self.events and self.events[-1][0] == "#text":
            data = self.events.pop()[1] + data
        self.events.append(("#text", data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError("a declaration")


def events(html: str) -> list[Event]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader.events


def assert_harmless(html: str, allowed: dict[str, set[str]], site_links: bool = False) -> None:
    seen = events(html)
    for name, *attributes in seen:
        if name.startswith(("#", "/")):
            continue
        assert name in allowed
        for attribute in attributes:
            key, _, value = attribute.partition("=")
            assert key in allowed[name]
            if key == "href":
                assert_safe_target(value, site_links)
            elif key == "dir":
                assert value == "auto"
            elif key in {"start", "data-person"}:
                assert value.isascii()
                assert value.isdigit()
            else:
                assert value in FIXED[name, key]
    second_opinion = nh3.clean(
        html, tags=set(allowed), attributes=allowed, url_schemes=set(LINK_SCHEMES), link_rel=None
    )
    assert events(second_opinion) == seen


def assert_safe_target(url: str, site_links: bool) -> None:
    assert url
    assert url == url.strip()
    assert url.isprintable()
    assert url.isascii()
    assert not set(url) & set(' "<>\\`')
    parts = urlsplit(url)
    if site_links and not parts.scheme:
        assert url.startswith(("/", "#"))
        assert not parts.netloc
    elif parts.scheme == "mailto":
        assert re.fullmatch(r"[\w.+-]+@[\w.-]+", parts.path)
        assert not parts.query
    else:
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert "." in parts.hostname
        assert parts.username is None


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_stays_text_in_a_comment(attack: str) -> None:
    for source in (
        attack,
        f"before {attack} after",
        f"> {attack}",
        f"- {attack}\n- x",
        f"*{attack}*",
        f"[{attack}",
    ):
        assert_harmless(render_comment(source, PEOPLE), ALLOWED_IN_COMMENTS)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_stays_text_in_an_article(attack: str) -> None:
    for source in (attack, f"before {attack} after", f"# {attack}"):
        assert_harmless(render_article(source), ALLOWED_IN_ARTICLES, site_links=True)


def test_all_attacks_in_one_text_are_harmless_too() -> None:
    for separator in ("\n\n", "\n", " "):
        assert_harmless(render_comment(separator.join(ATTACKS)), ALLOWED_IN_COMMENTS)
        assert_harmless(render_article(separator.join(ATTACKS)), ALLOWED_IN_ARTICLES, site_links=True)


@given(ANY_SOURCE)
@example("]()" * 10)
def test_any_text_becomes_a_well_formed_comment_of_allowed_tags(source: str) -> None:
    html = render_comment(source, PEOPLE)
    assert_harmless(html, ALLOWED_IN_COMMENTS)
    assert render_comment(source, PEOPLE) == html
    assert "<label" not in re.sub(r'<label class="spoiler">.*?</label>', "", html, flags=re.DOTALL)
    assert_harmless(hide_spoilers(html), ALLOWED_IN_COMMENTS)


@given(ANY_SOURCE)
@example('He said "no" & *left* <b>at once</b>')
def test_what_is_not_cleaned_is_what_cleaning_would_leave_as_it_is(source: str) -> None:
    html = markup._COMMENT_PARSER.render(source, {"people": PEOPLE})
    assert markup._clean(html, COMMENT_TAGS) == markup._cleaned(html, COMMENT_TAGS)


@given(ANY_SOURCE)
def test_any_text_becomes_a_well_formed_article_of_allowed_tags(source: str) -> None:
    html = render_article(source)
    assert_harmless(html, ALLOWED_IN_ARTICLES, site_links=True)
    assert render_article(source) == html


@given(ANY_SOURCE)
def test_no_control_character_reaches_the_page(source: str) -> None:
    for html in (render_comment(source), render_article(source)):
        assert not [c for c in html if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n"]
        assert "\u202e" not in html
        assert "\u202d" not in html


def test_the_allow_lists_are_what_these_tests_say() -> None:
    assert set(ALLOWED_IN_COMMENTS) == COMMENT_TAGS
    assert set(ALLOWED_IN_ARTICLES) == ARTICLE_TAGS
    assert RENDERER_VERSION >= 1


def calls_made(work: Callable[[], Any]) -> int:
    made = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


@pytest.mark.parametrize("shape", HOSTILE)
def test_a_hostile_shape_of_full_length_takes_bounded_work(shape: str) -> None:
    source = (HOSTILE[shape] * LENGTH)[:LENGTH]
    rendered: list[str] = []
    assert calls_made(lambda: rendered.append(render_comment(source, PEOPLE))) < CALLS_AT_MOST
    assert_harmless(rendered[0], ALLOWED_IN_COMMENTS)


def test_deep_quotes_and_lists_stop_at_a_bounded_depth() -> None:
    for source in (">" * LENGTH + " a", "- " * 2000 + "a", "\n".join("  " * n + "- a" for n in range(60))):
        html = render_comment(source)
        assert html.count("<blockquote") + html.count("<ul") <= 20


def test_an_overlong_text_is_shown_without_formatting() -> None:
    html = render_comment("*a* <b>\n&\n\n" * (MAX_FORMATTED_LENGTH // 10))
    assert html.startswith('<p dir="auto">*a* &lt;b&gt;<br>&amp;</p>\n<p dir="auto">*a*')
    assert_harmless(html, ALLOWED_IN_COMMENTS)


def test_nothing_becomes_nothing() -> None:
    for source in ("", "  \n\n ", "\x00"):
        assert render_comment(source) == render_article(source) == ""


def test_a_line_end_in_a_comment_is_a_line_end() -> None:
    assert render_comment("one\r\ntwo\n\nthree") == '<p dir="auto">one<br>\ntwo</p>\n<p dir="auto">three</p>'


def test_comments_know_emphasis_quotes_lists_and_code() -> None:
    assert render_comment("*a* **b** ~~c~~ `d`") == (
        '<p dir="auto"><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>'
    )
    assert render_comment("> a\n\nb") == (
        '<blockquote dir="auto">\n<p dir="auto">a</p>\n</blockquote>\n<p dir="auto">b</p>'
    )
    assert render_comment("- a\n- b") == '<ul>\n<li dir="auto">a</li>\n<li dir="auto">b</li>\n</ul>'
    assert render_comment("7. a\n8. b") == '<ol start="7">\n<li dir="auto">a</li>\n<li dir="auto">b</li>\n</ol>'
    assert render_comment("```python\na < b\n```") == "<pre><code>a &lt; b\n</code></pre>"


@pytest.mark.parametrize(
    "source",
    ["# Heading", "Title\n===", "Title\n---", "| a |\n|---|\n| b |", "[a]: https://a.example", "![a](x.png)",
     "<b>bold</b>", "&amp; &copy; &#x41;", "a < b > c", "***", "AT&T"],
)  # fmt: skip
def test_what_comments_do_not_know_stays_as_typed(source: str) -> None:
    assert plain_text(render_comment(source)) == source


def test_an_indented_line_in_a_comment_is_not_code() -> None:
    assert render_comment("        far right") == '<p dir="auto">far right</p>'


def link(url: str, text: str, host: str = "") -> str:
    note = f' <bdi class="link-host">({host})</bdi>' if host else ""
    return f'<p dir="auto"><a href="{url}" rel="nofollow ugc noopener">{text}</a>{note}</p>'


@pytest.mark.parametrize(
    ("source", "html"),
    [
        (
            "https://a.example/x?b=1&c=2",
            link("https://a.example/x?b=1&amp;c=2", "https://a.example/x?b=1&amp;c=2"),
        ),
        ("www.a.com", link("https://www.a.com", "www.a.com")),
        ("<https://a.example>", link("https://a.example", "https://a.example")),
        ("<me@a.example>", link("mailto:me@a.example", "me@a.example")),
        ("[here](https://www.a.example/x)", link("https://www.a.example/x", "here", "a.example")),
        ("[A.example/x](https://a.example/x)", link("https://a.example/x", "A.example/x")),
        ("[a.example.](https://a.example)", link("https://a.example", "a.example.")),
        ("[write](mailto:me@a.example)", link("mailto:me@a.example", "write", "me@a.example")),
        (
            "[bank.example](https://evil.example)",
            link("https://evil.example", "bank.example", "evil.example"),
        ),
        ("[a.example.evil](https://a.example)", link("https://a.example", "a.example.evil", "a.example")),
        ("[see a.example](https://a.example)", link("https://a.example", "see a.example", "a.example")),
        ("[a.example@b](https://a.example)", link("https://a.example", "a.example@b", "a.example")),
        ("[x](https://bücher.example)", link("https://xn--bcher-kva.example", "x", "xn--bcher-kva.example")),
        ("[x](https://a.example 'title')", link("https://a.example", "x", "a.example")),
        (
            "https://аррӏе.com",
            link("https://xn--80ak6aa92e.com", "https://аррӏе.com", "xn--80ak6aa92e.com"),
        ),
    ],
)
def test_a_link_in_a_comment_says_where_it_leads(source: str, html: str) -> None:
    assert render_comment(source) == html


def test_of_a_long_host_the_part_that_someone_registered_is_shown() -> None:
    html = render_comment("[x](https://www.bank.example." + "a." * 40 + "evil.example/)")
    assert re.search(r"\(…[a.]+evil\.example\)</bdi>", html)


@pytest.mark.parametrize(
    "source",
    ["Well.It was so", "example.com", "me@a.example", "mailto:me@a.example", "ftp://a.example", "//a.example",
     "http\\://a.example", "1.2.3.4", "https://localhost/", "https://xn--vil-376s.example/"],
)  # fmt: skip
def test_what_was_not_meant_as_a_link_is_none(source: str) -> None:
    assert "<a" not in render_comment(source)


def test_a_link_without_target_is_only_its_text() -> None:
    assert render_comment("[gone]()") == '<p dir="auto">gone</p>'


def test_a_direction_mark_cannot_turn_the_rest_of_the_comment() -> None:
    assert render_comment("a \u202eb") == '<p dir="auto">a b</p>'
    assert "\u202e" not in render_article("a &#x202e;b &#8238;c")


def test_articles_have_headings_rules_entities_and_links_within_the_site() -> None:
    assert render_article("# A\n\n## B\n\n### C\n\n###### D") == (
        '<h2 dir="auto">A</h2>\n<h2 dir="auto">B</h2>\n<h3 dir="auto">C</h3>\n<h3 dir="auto">D</h3>'
    )
    assert render_article("a\n\n---\n\nb &mdash; c") == '<p dir="auto">a</p>\n<hr>\n<p dir="auto">b — c</p>'
    assert render_article("[rules](/rules) [top](#top) [out](https://a.example)") == (
        '<p dir="auto"><a href="/rules">rules</a> <a href="#top">top</a> <a href="https://a.example">out</a></p>'
    )


def test_the_preview_marker_is_never_shown() -> None:
    for marker in ("<!-- more -->", "<!--more-->", "<!--  MORE -->"):
        assert render_article(f"a\n\n{marker}\n\nb") == '<p dir="auto">a</p>\n<p dir="auto">b</p>'
        assert split_preview(f"a\n\n{marker}\n\nb {marker} c") == ("a", "b  c")


def test_a_preview_ends_at_the_editors_marker_even_within_a_paragraph() -> None:
    assert split_preview("one\n\ntwo\n\nthree <!-- more --> more\n\nfour") == (
        "one\n\ntwo\n\nthree",
        "more\n\nfour",
    )
    assert split_preview("<!-- more -->all of it") == ("", "all of it")


def test_another_marker_may_be_named() -> None:
    assert split_preview("a\n\n[cut here]\n\nb", marker="[cut here]") == ("a", "b")


def test_without_a_marker_a_preview_has_the_first_paragraphs() -> None:
    assert split_preview("# H\n\none\ntwo\n\n- a\n\n- b\n\nthree\n\nfour") == (
        "# H\n\none\ntwo\n\n- a\n\n- b",
        "three\n\nfour",
    )
    assert split_preview("one\r\n\r\ntwo\r\n\r\nthree", paragraphs=1) == ("one", "two\n\nthree")


def test_a_preview_never_gives_away_the_whole_of_a_short_text() -> None:
    assert split_preview("one\n\ntwo") == ("one", "two")
    assert split_preview("only") == ("", "only")
    assert split_preview("- a\n- b\n- c") == ("", "- a\n- b\n- c")
    assert split_preview("") == ("", "")


@given(ANY_SOURCE, st.integers(1, 4))
def test_a_preview_and_the_rest_lose_nothing_and_show_no_marker(source: str, paragraphs: int) -> None:
    preview, rest = split_preview(source, paragraphs=paragraphs)
    assert "<!-- more -->" not in preview + rest
    source = re.sub(r"<!--\s*more\s*-->", "", source, flags=re.IGNORECASE)
    kept = [c for c in preview + rest if c.isalnum()]
    assert kept == [c for c in source if c.isalnum()]


def test_plain_text_keeps_paragraphs_lists_and_code_apart() -> None:
    html = render_article("# A\n\nb *c*\nd\n\n- e\n- f\n  1. g\n  2. h\n\n> i\n\n```\nj\n  k\n```\n\nl &amp; <m>")
    assert plain_text(html) == "A\n\nb c\nd\n\n- e\n- f\n1. g\n2. h\n\ni\n\nj\n  k\n\nl & <m>"


def test_plain_text_of_a_comment_names_the_hosts_of_its_links() -> None:
    assert plain_text(render_comment("see [this](https://a.example)")) == "see this (a.example)"


def test_plain_text_also_takes_the_source_of_an_article() -> None:
    assert plain_text("## A\n\n*b* [c](/d)") == "A\n\nb c"
    assert plain_text("") == ""


@given(ANY_SOURCE)
def test_plain_text_of_anything_is_a_text(source: str) -> None:
    plain_text(source)
    assert plain_text(render_comment(source)) == plain_text(render_comment(source)).strip("\n")


def test_many_threads_render_alike() -> None:
    sources = [f"{n} *a* [x](https://a.example/{n})\n\n> {attack}" for n, attack in enumerate(ATTACKS)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render_comment, sources)) == [render_comment(source) for source in sources]


SHOWN = '<label class="spoiler"><input type="checkbox" aria-label="Show the hidden words"><span class="spoiler__words">'


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("It was ||Bob||.", f"It was {SHOWN}Bob</span></label>."),
        ("||*a*|| **||b||**", f"{SHOWN}<em>a</em></span></label> <strong>{SHOWN}b</span></label></strong>"),
        ("||a ||b|| c||", f"{SHOWN}a b c</span></label>"),
        ("||a\nb||", f"{SHOWN}a<br>\nb</span></label>"),
        ("||a|| ||b||", f"{SHOWN}a</span></label> {SHOWN}b</span></label>"),
        ("a || b || c", "a || b || c"),
        ("a||b", "a||b"),
        ("||||", "||||"),
        ("`||a||`", "<code>||a||</code>"),
        ("\\||a||", "||a||"),
    ],
)
def test_words_between_double_bars_are_hidden_until_asked_for(source: str, html: str) -> None:
    assert render_comment(source) == f'<p dir="auto">{html}</p>'


def test_hidden_words_do_not_span_paragraphs_and_are_none_within_a_link() -> None:
    assert "<label" not in render_comment("||a\n\nb||")
    assert "<label" not in render_comment("[||a||](https://a.example)")
    assert "<label" not in render_article("||a||")


def test_hidden_words_stay_hidden_where_nothing_can_be_pressed() -> None:
    html = render_comment("The thief is ||*the* butler|| - or ||the\ncook||.")
    assert plain_text(html) == "The thief is (hidden words) - or (hidden words)."
    assert plain_text(html, reveal=True) == "The thief is the butler - or the\ncook."
    assert hide_spoilers(html) == (
        '<p dir="auto">The thief is <em>(hidden words)</em> - or <em>(hidden words)</em>.</p>'
    )


def mention(number: int, name: str) -> str:
    return f'<bdi class="mention" data-person="{number}">@{name}</bdi>'


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("@Vic Tanaka said", f"{mention(2, 'Vic Tanaka')} said"),
        ("@vic, said", f"{mention(1, 'Vic')}, said"),
        ("@Vic's idea", f"{mention(1, 'Vic')}'s idea"),
        ("@[vic tanaka]'s", f"{mention(2, 'Vic Tanaka')}'s"),
        ("@[Vic] Tanaka", f"{mention(1, 'Vic')} Tanaka"),
        ("(@Vic)", f"({mention(1, 'Vic')})"),
        ("@田中さん", f"{mention(3, '田中')}さん"),
        ("**@Vic**", f"<strong>{mention(1, 'Vic')}</strong>"),
        ("||@Vic||", f"{SHOWN}{mention(1, 'Vic')}</span></label>"),
        ("@Victoria", "@Victoria"),
        ("@ Vic", "@ Vic"),
        ("me@vic.example", "me@vic.example"),
        ("@@Vic", "@@Vic"),
        ("`@Vic`", "<code>@Vic</code>"),
        ("\\@Vic", "@Vic"),
        ("@[Nobody]", "@[Nobody]"),
        ("[@Vic](https://a.example)", "<a href=\"https://a.example\" rel=\"nofollow ugc noopener\">@Vic</a>"
         " <bdi class=\"link-host\">(a.example)</bdi>"),
    ],
)  # fmt: skip
def test_an_at_sign_before_the_name_of_somebody_present_marks_the_name(source: str, html: str) -> None:
    rendered = render_comment(source, PEOPLE)
    assert rendered == f'<p dir="auto">{html}</p>'
    assert people_named(rendered) == ([int(re.findall(r'data-person="(\d)"', html)[0])] if "mention" in html else [])


def test_the_name_of_somebody_with_a_page_leads_to_it_but_not_in_code() -> None:
    people = {key: person._replace(has_page=person.id == 2) for key, person in PEOPLE.items()}
    html = render_comment("@Vic and @Vic Tanaka, `@Vic Tanaka`", people)
    link = '<bdi class="mention" data-person="2"><a href="/readers/2">@Vic Tanaka</a></bdi>'
    assert html == f'<p dir="auto">{mention(1, "Vic")} and {link}, <code>@Vic Tanaka</code></p>'
    assert people_named(html) == [1, 2]


def test_without_people_an_at_sign_is_one() -> None:
    assert render_comment("@Vic @[Vic]") == '<p dir="auto">@Vic @[Vic]</p>'


NAMES = st.lists(
    st.text(st.sampled_from("abñéשד田中กАя"), min_size=1, max_size=4), min_size=1, max_size=4
).map(" ".join)  # fmt: skip


@given(NAMES, st.sampled_from(["", " said so", ", no", "'s", "\n", "!"]))
def test_a_chosen_name_is_always_found_again(name: str, behind: str) -> None:
    people = {name_key(name): Named(7, name)}
    assert names_sought(f"{token(name)}{behind}") == set(people)
    assert people_named(render_comment(f"{token(name)}{behind}", people)) == [7]
    typed = f"@{name}{behind}"
    assert set(people) <= names_sought(typed)
    assert people_named(render_comment(typed, people)) == [7]


@given(NAMES, st.sampled_from([".", "'", "-", "_", ".'", "_-", " .", " -."]), st.sampled_from(["", ".", ",", "...", "!"]))
def test_a_name_that_ends_in_marks_is_shown_with_them_once(name: str, marks: str, behind: str) -> None:
    people = {name_key(name): Named(7, name + marks)}
    for typed in (name + marks, name):
        html = render_comment(f"Hello @{typed} do you agree?", people)
        assert people_named(html) == [7]
        assert plain_text(html) == f"Hello @{name}{marks} do you agree?"
    assert plain_text(render_comment(f"Hello @{name}{marks}{behind}", people)) == f"Hello @{name}{marks}{behind}"
    assert plain_text(render_comment(f"{token(name + marks)}{behind}", people)) == f"@{name}{marks}{behind}"


def test_names_are_looked_for_at_so_many_signs_only() -> None:
    source = " ".join(f"@[Reader {letter * 3}]" for letter in "abcdefghijklmnopqrstuvwxyz")
    sought = names_sought(source)
    assert len(sought) == 20
    everybody = {name_key(f"Reader {letter * 3}"): Named(n, letter) for n, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
    assert len(people_named(render_comment(source, everybody))) == 20
