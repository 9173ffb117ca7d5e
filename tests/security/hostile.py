"""Words that want to be a script: several hundred, made of what they are made of, none of them listed."""

from collections.abc import Iterator

RUN = "window.ran=1"
TAGS = (
    "a", "abbr", "audio src=x", "b", "body", "button", "canvas", "details open", "dialog open", "div", "embed src=x", "form", "frameset", "html", "iframe src=x",
    "image src=x", "img src=x", "input autofocus", "input type=image src=x", "isindex", "keygen autofocus", "link rel=stylesheet href=x", "marquee", "math", "menu",
    "meter", "object data=x", "option", "p", "picture", "search", "select autofocus", "slot", "style", "svg", "table", "textarea autofocus", "track", "video src=x",
    "video poster=x", "x-odd", "xmp", "xss tabindex=1 autofocus",
)  # fmt: skip
EVENTS = (
    "onerror", "onload", "onfocus", "onclick", "ontoggle", "onbegin", "onend", "onrepeat", "onanimationstart", "onanimationend", "ontransitionend", "onpageshow",
    "onscroll", "onscrollend", "onresize", "onhashchange", "onmessage", "onpointerrawupdate", "onpointerenter", "onmouseover", "onwheel", "onbeforetoggle",
    "onbeforeinput", "oncut", "onpaste", "onstart", "onfinish", "onbounce", "onloadstart", "oncanplay", "onprogress", "onsuspend", "onslotchange", "oncuechange",
    "onsecuritypolicyviolation", "onunhandledrejection", "onauxclick", "ondragstart", "oncontentvisibilityautostatechange", "onfocusin", "onsearch", "onsubmit",
)  # fmt: skip
BETWEEN = (" ", "/", "\t", "\x0c", " / ", "\u00a0")
QUOTES = ("{}", '"{}"', "'{}'", "`{}`", '"{}', "&quot;{}")
SCHEMES = ("javascript:", "vbscript:", "data:text/html,<script>", "data:image/svg+xml,<svg onload=", "feed:javascript:", "view-source:javascript:", "jar:javascript:",
           "livescript:", "blob:", "filesystem:", "javascript://a.example/%0a", "//evil.test/")  # fmt: skip
LINKS = ("[a]({})", "[a](<{}>)", '[a]({} "t")', "<{}>", "![a]({})", "[a][b]\n\n[b]: {}", "[![a]({})](https://a.example)", "https://a.example/?next={}", "||[a]({})||",
         '<a href="{}">a</a>', "<svg><a xlink:href='{}'><text>a</text></a></svg>", "<form action={}><button>a</button></form>", "<math href='{}'>a</math>")  # fmt: skip
FOREIGN = ("svg", "math")
BORDERS = ("mtext", "mi", "annotation-xml encoding=text/html", "foreignObject", "desc", "title", "mglyph", "malignmark", "use href=x", "set attributeName=href")
RAW = ("style", "script", "xmp", "noscript", "noembed", "noframes", "iframe", "textarea", "title", "template", "plaintext", "select", "option", "table", "p", "!--", "![CDATA[", "?x")
BIDI = ("\u202e", "\u2066", "\u2067", "\u200f", "\u061c")


def vectors() -> list[str]:
    """All, in a fixed order; each short enough to stand in a comment with others."""
    return list(dict.fromkeys([*_handlers(), *_targets(), *_mutations(), *_entities(), *_turned()]))


def comments(longest: int) -> Iterator[str]:
    """All of them, in texts of at most this many characters; each text begins with words of its own."""
    text, number = "Words 0.", 0
    for vector in vectors():
        if len(text) + len(vector) + 2 > longest:
            yield text
            number += 1
            text = f"Words {number}."
        text += f"\n\n{vector}"
    yield text


def _handlers() -> Iterator[str]:
    for number in range(len(TAGS) * 6):  # each tag with six events, each event with about six tags
        tag, event = TAGS[number % len(TAGS)], EVENTS[number % len(EVENTS)]
        between, quote = BETWEEN[number % 5 if number % 3 else 0], QUOTES[number % 6 if number % 4 == 0 else number % 3]
        yield f"<{tag.replace(' ', between)}{between}{event.upper() if number % 7 == 0 else event}={quote.format(RUN)}>"


def _targets() -> Iterator[str]:
    ways = (
        lambda scheme: scheme, lambda scheme: scheme.title().swapcase(), lambda scheme: f"{scheme[:2]}\t{scheme[2:]}", lambda scheme: f"{scheme[:4]}&#10;{scheme[4:]}",
        lambda scheme: "".join(f"&#{ord(each)};" for each in scheme[:11]), lambda scheme: "".join(f"&#x{ord(each):x}" for each in scheme[:11]) + ";",
        lambda scheme: scheme.replace(":", "&colon;"), lambda scheme: scheme.replace(":", "%3A"), lambda scheme: f"\x01{scheme}", lambda scheme: f"&Tab;{scheme}",
        lambda scheme: f"\u200b{scheme}", lambda scheme: f"{scheme[:3]}\u00ad{scheme[3:]}", lambda scheme: scheme.replace("s", "\\s"), lambda scheme: scheme.replace("a", "\uff41"),
    )  # fmt: skip
    for first, scheme in enumerate(SCHEMES):
        for second, way in enumerate(ways):
            yield LINKS[(first + second) % len(LINKS)].format(f"{way(scheme)}{RUN}")


def _mutations() -> Iterator[str]:
    image = f"<img src=x onerror={RUN}>"
    for first, root in enumerate(FOREIGN):
        for second, border in enumerate(BORDERS):
            for third in range(4):
                raw = RAW[(first * 7 + second * 4 + third) % len(RAW)]
                name = border.split()[0]
                yield (f"<{root}><{border}><{raw}>{image}", f"<{root}></p><{raw}><{border} id='</{raw}>{image}'>", f"<form><{root}><{border}></form><form><{raw}>{image}",
                       f"<{root}><{border}><{raw}></{name}></{root}>{image}</{raw}>")[third]  # fmt: skip
    for raw in RAW:
        yield f"<{raw}><p title='</{raw}>{image}'>"
        yield f"<{raw}>--!>{image}]]>?>"


def _entities() -> Iterator[str]:
    for text in (f"<img src=x onerror={RUN}>", f'"><svg onload={RUN}>', f"'-{RUN}-'", f"{{{{{RUN}}}}}", f"${{{RUN}}}", f"</script><script>{RUN}</script>"):
        yield text
        yield text.replace("<", "&lt;").replace(">", "&gt;")
        yield text.replace("<", "&#60;").replace(">", "&#0000062")
        yield text.replace("<", "\\<").replace("=", "\\=")
        yield text.replace("<", "\uff1c").replace(">", "\uff1e")
        yield text.replace("<", "%3C").replace(">", "%3E")
        yield text.replace("<", "<\x00").replace("=", "\x00=")
        yield f"`{text}`"
        yield f"> - 1. {text}"
        yield f"||{text}|| ~~{text}~~ **{text}**"
        yield f"@[{text}]"
        yield f'[{text}](https://a.example/"{text} "{text}")'


def _turned() -> Iterator[str]:
    for mark in BIDI:
        yield f"{mark}<script>{RUN}</script>"
        yield f"[{mark}moc.knab](https://evil.example)"
        yield f"[a](java{mark}script:{RUN})"
        yield f"https://a.example/{mark}<img src=x onerror={RUN}>"
