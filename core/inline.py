"""Marks within a line that Markdown does not have: words to be hidden, and people who are named.

Rules for the parser of `core.markup`, which is the only one to use them.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import regex  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from core.mentions import MAX_SOUGHT, is_sign, named_at

MENTION_CLASS = "mention"
PAGE_OF_PERSON = "/readers/"
SPOILER_CLASS = "spoiler"
SPOILER_LABEL = "Show the hidden words"
HIDDEN_WORDS = "(hidden words)"

_BAR = "|"
_MARK = "||"
# A check box that shows what follows it: valid within any paragraph, and works without scripts.
_SPOILER_OPEN = (
    f'<label class="{SPOILER_CLASS}"><input type="checkbox" aria-label="{SPOILER_LABEL}">'
    f'<span class="{SPOILER_CLASS}__words">'
)
_SPOILER_CLOSE = "</span></label>"
_SPOILER = regex.compile(rf'<label class="{SPOILER_CLASS}">.*?</label>', regex.DOTALL)
_MENTIONED = regex.compile(rf'<bdi class="{MENTION_CLASS}" data-person="(\d+)">')


def install(parser: MarkdownIt) -> None:
    """Let a parser know both marks. People are those of the environment's `people`, by the keys of their names."""
    parser.inline.add_terminator_char(_BAR)
    parser.inline.ruler.push("spoiler", _spoiler)
    parser.inline.ruler2.after("balance_pairs", "spoiler", _pair_spoilers)
    parser.inline.ruler.push("mention", _mention)
    parser.core.ruler.push("flatten_spoilers", _flatten_spoilers)
    parser.add_render_rule("spoiler_open", _render_spoiler_open)
    parser.add_render_rule("spoiler_close", _render_spoiler_close)
    parser.add_render_rule("mention", _render_mention)


def hide_spoilers(html: str) -> str:
    """Rendered HTML for where nothing can be pressed (feeds, mails): hidden words are left out, and said to be."""
    return str(_SPOILER.sub(f"<em>{HIDDEN_WORDS}</em>", html)) if SPOILER_CLASS in html else html


def people_named(html: str) -> list[int]:
    """The ids of the people whom rendered HTML names, each once, in the order of the text."""
    return list(dict.fromkeys(map(int, _MENTIONED.findall(html)))) if MENTION_CLASS in html else []


def _spoiler(state: StateInline, silent: bool) -> bool:
    """Takes `||` that touches a word as the begin or end of hidden words. Within a link there are none."""
    if silent or not state.src.startswith(_MARK, state.pos) or state.linkLevel > 0:
        return False
    at, end = state.pos, state.pos + len(_MARK)
    before, after = state.src[at - 1 : at] if at else " ", state.src[end : end + 1] or " "
    token = state.push("text", "", 0)
    token.content = _MARK
    state.delimiters.append(
        Delimiter(
            marker=ord(_BAR), length=0, token=len(state.tokens) - 1, end=-1,
            open=not after.isspace(), close=not before.isspace(),
        )
    )  # fmt: skip
    state.pos = end
    return True


def _pair_spoilers(state: StateInline) -> None:
    for delimiters in (state.delimiters, *(meta["delimiters"] for meta in state.tokens_meta if meta)):
        for opener in delimiters:
            if opener.marker == ord(_BAR) and opener.end != -1:
                _become(state.tokens[opener.token], "spoiler_open", 1)
                _become(state.tokens[delimiters[opener.end].token], "spoiler_close", -1)


def _become(token: Token, kind: str, nesting: Any) -> None:
    token.type, token.nesting, token.content = kind, nesting, ""


def _flatten_spoilers(state: StateCore) -> None:
    for token in state.tokens:
        if token.children:
            token.children = list(_outermost(token.children))


def _outermost(tokens: Sequence[Token]) -> Iterator[Token]:
    """Hidden words within hidden words are hidden once."""
    depth = 0
    for token in tokens:
        is_mark = token.type in ("spoiler_open", "spoiler_close")
        depth += token.type == "spoiler_open"
        if not is_mark or depth == 1:
            yield token
        depth -= token.type == "spoiler_close"


def _mention(state: StateInline, silent: bool) -> bool:
    """Takes an @ and the name of one of the people as a mention; within a link it stays text."""
    people = state.env.get("people")
    if not people or state.src[state.pos] != "@" or state.linkLevel > 0 or not is_sign(state.src, state.pos):
        return False
    if not silent:
        state.env["signs"] = state.env.get("signs", 0) + 1
    if state.env.get("signs", 0) > MAX_SOUGHT:
        return False
    found = named_at(state.src, state.pos, people)
    if found is None:
        return False
    end, person = found
    if not silent:
        token = state.push("mention", "", 0)
        token.content = f"@{person.name}"
        token.meta.update(person=person.id, has_page=person.has_page)
    state.pos = end
    return True


def _render_spoiler_open(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return _SPOILER_OPEN


def _render_spoiler_close(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return _SPOILER_CLOSE


def _render_mention(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    number, words = int(token.meta["person"]), escape(token.content)
    if token.meta["has_page"]:
        words = f'<a href="{PAGE_OF_PERSON}{number}">{words}</a>'  # by the number alone: names change
    return f'<bdi class="{MENTION_CLASS}" data-person="{number}">{words}</bdi>'
