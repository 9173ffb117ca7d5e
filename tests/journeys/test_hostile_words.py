"""Words that want to be a script, typed into the composer of a real browser: they stay words.

The shapes are ours: each family of mark-up that a browser's parser treats in its own way (foreign content, raw text,
templates, tables, comments, broken attributes, entities, links), with something in it that would run; and the hundreds
that `tests/security/hostile.py` makes of tags, events, schemes and borders.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.security.hostile import comments

pytestmark = [pytest.mark.browser, pytest.mark.once]
RUN = "window.ran=1"
FAMILIES = {
    "elements": [
        f"<script>{RUN}</script>", f"<ScRiPt src=data:,{RUN}></sCrIpT>", f"<img src=x onerror={RUN}>", f"<img/src='x'/onerror='{RUN}'>",
        f"<body onload={RUN}>", f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>", f"<input autofocus onfocus={RUN}>",
        f"<details open ontoggle={RUN}><summary>x</summary></details>", f"<video><source onerror={RUN}></video>",
        f"<style>@keyframes x{{}}</style><b style=animation-name:x onanimationstart={RUN}>x</b>", "<base href=//evil.test/>",
        f"<object data='javascript:{RUN}'></object>", "<meta http-equiv=refresh content='0;url=//evil.test'>",
    ],
    "foreign content": [
        f"<svg onload={RUN}>", f"<svg><script>{RUN}</script></svg>", f"<svg><a xlink:href='javascript:{RUN}'><text>x</text></a></svg>",
        f"<svg><animate onbegin={RUN} attributeName=x dur=1s></svg>", f"<math><mtext><table><mglyph><style><img src onerror={RUN}></style>",
        f"<svg></p><style><a id='</style><img src=x onerror={RUN}>'>", f"<math href='javascript:{RUN}'>x</math>",
        f"<svg><foreignObject><img src=x onerror={RUN}></foreignObject></svg>", f"<svg><desc><img src=x onerror={RUN}></desc></svg>",
    ],
    "raw text and tables": [
        f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>", f"<textarea></textarea><img src=x onerror={RUN}>",
        f"<title><img src=x onerror={RUN}></title>", f"<xmp></xmp><img src=x onerror={RUN}>", f"<plaintext><img src=x onerror={RUN}>",
        f"<template><img src=x onerror={RUN}></template>", f"<table><td><img src=x onerror={RUN}>", f"<select><option><img src=x onerror={RUN}></select>",
        f"<!--><img src=x onerror={RUN}>-->", f"<!-- --!><img src=x onerror={RUN}> -->", f"<![CDATA[<img src=x onerror={RUN}>]]>", f"<?x ><img src=x onerror={RUN}>",
    ],
    "broken tags and entities": [
        f"<img src=x onerror={RUN}//", f"<img \x0bsrc=x \x0conerror={RUN}>", f'<a href="x" "onclick={RUN}">x</a>', f"<<img src=x onerror={RUN}>>",
        f"&lt;img src=x onerror={RUN}&gt;", f"&#60;img src=x onerror={RUN}&#62;", f"&amp;lt;img src=x onerror={RUN}&amp;gt;", f"\\<img src=x onerror={RUN}\\>",
        f"`<img src=x onerror={RUN}>`", f"    <img src=x onerror={RUN}>", f"> <img src=x onerror={RUN}>", f"||<img src=x onerror={RUN}>||",
    ],
    "links": [
        f"[a](javascript:{RUN})", f"[a](JaVaScRiPt:{RUN})", f"[a](java\tscript:{RUN})", f"[a](data:text/html,<script>{RUN}</script>)",
        f"[a](&#106;avascript:{RUN})", f"[a](<javascript:{RUN}>)", f'[a](https://a.example/ "x onmouseover={RUN}")', f"![x](x onerror={RUN})",
        f"<javascript:{RUN}>", f"https://a.example/'onmouseover='{RUN}", f'https://a.example/"><img src=x onerror={RUN}>', f"[a]: javascript:{RUN}", f"@<img src=x onerror={RUN}>",
    ],
}  # fmt: skip
ODD = """(root) => [...root.querySelectorAll('*')].flatMap((element) => {
  const allowed = ['P', 'BR', 'EM', 'STRONG', 'S', 'DEL', 'A', 'CODE', 'PRE', 'BLOCKQUOTE', 'UL', 'OL', 'LI', 'SPAN', 'LABEL', 'INPUT', 'HR', 'BDI'];
  const names = element.getAttributeNames().filter((name) => name.startsWith('on') || ['style', 'srcdoc'].includes(name));
  const link = element.getAttribute('href') ?? '';
  const bad = !allowed.includes(element.tagName) || names.length || (link && !/^(https?:|mailto:|\\/|#)/.test(link));
  return bad ? [element.outerHTML.slice(0, 120)] : [];
})"""


def test_no_family_of_hostile_words_runs_or_becomes_an_element(
    new_browser: Callable[..., BrowserContext], backstage: Backstage
) -> None:
    member, page = backstage.member("Hester"), new_browser().new_page()
    story = backstage.article("What people type")
    steps.come_in(page, member)
    page.goto(story)
    form = steps.composer(page)
    for family, shapes in FAMILIES.items():
        steps.words_in_composer(page).fill("\n\n".join([f"Words of {family}.", *shapes]))
        form.get_by_role("button", name="Preview").click()
        shown = form.locator(".composer__preview .comment__body")
        expect(shown).to_contain_text(f"Words of {family}.")
        assert shown.evaluate(ODD) == [], family
        assert page.evaluate("window.ran") is None, family
        form.get_by_role("button", name="Go on writing").click()
    for number, text in enumerate(comments(5_000)):
        steps.words_in_composer(page).fill(text)
        form.get_by_role("button", name="Preview").click()
        expect(shown).to_contain_text(f"Words {number}.")
        assert shown.evaluate(ODD) == [], number
        assert page.evaluate("window.ran") is None, number
        form.get_by_role("button", name="Go on writing").click()
    steps.words_in_composer(page).fill("\n\n".join([f"Words of {family}.", *shapes]))
    steps.press_main_button(page)
    expect(page.locator("body")).to_contain_text("Words of links.")
    page.reload()
    for body in page.locator(".comment__body").all():
        assert body.evaluate(ODD) == []
    assert page.evaluate("window.ran") is None
