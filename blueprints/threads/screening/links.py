"""Links: what spam lives on."""

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from blueprints.threads.screening.domains import BadAddress, Domains, clean_host
from blueprints.threads.screening.subject import Finding, Passage, Subject
from core.records import dataclass

MOST_LOOKED_AT = 50

_HREF = re.compile(r'<a [^>]*href="(https?:[^"]*)"', re.IGNORECASE)
_FIRST = "First comments with links are read by a person before they appear."
_WATCHED = "It links to a site that a person looks at before it appears."
_REFUSED = "It links to a site that is not linked to here."


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it leads: its host, and with its path the place by which spam is known again."""

    host: str
    place: str
    written: str

    @property
    def key(self) -> str:
        return hashlib.sha256(self.place.encode()).hexdigest()


def links_in(body_html: str) -> list[Link]:
    """The links of a rendered text, each place once."""
    if "href=" not in body_html:
        return []
    found: dict[str, Link] = {}
    for href in _HREF.findall(body_html)[:MOST_LOOKED_AT]:
        url = html.unescape(href)
        try:
            parts = urlsplit(url)
            host = clean_host(parts.hostname or "")
        except (BadAddress, ValueError):
            continue
        place = f"{host}{unquote(parts.path).rstrip('/').casefold()}"[:300]
        found.setdefault(place, Link(host, place, url))
    return list(found.values())


def foreign_links(subject: Subject) -> list[Link]:
    """Links that lead neither to this site nor to a trusted one."""
    trusted = [one.finder for one in subject.setup.trusted]
    own = subject.setup.own_host
    return [
        link for link in links_in(subject.body_html)
        if not (own and link.host == own.removeprefix("www."))
        and not any(isinstance(finder, Domains) and finder.covers(link.host) for finder in trusted)
    ]  # fmt: skip


def check_links(subject: Subject) -> Iterator[Finding]:
    """Links in somebody's first comments, many at once, to domains on a list, and to where spam led before."""
    links = foreign_links(subject)
    if not links:
        return
    places = passages_of(subject.body_source, links)
    if subject.published_before < subject.number("first_comments"):
        yield from subject.found("links.first", _FIRST, places)
    most = subject.number("most_links")
    if len(links) > most:
        reason = f"Comments with more than {most} links are read by a person before they appear."
        yield from subject.found("links.many", reason, places)
    if known := [link for link in links if link.key in subject.spam_links]:
        reason = "It links to where spam led before, so a person reads it before it appears."
        yield from subject.found("links.spam", reason, passages_of(subject.body_source, known))
    for one in subject.setup.lists:
        if one.kind != "domains" or not isinstance(one.finder, Domains):
            continue
        if on_list := [link for link in links if one.finder.covers(link.host)]:
            severity = subject.setup.severity(one.rule, subject.section_id)
            said = {"hold": _WATCHED, "reject": _REFUSED}.get(severity, f"It links to a site of the list “{one.name}”.")
            yield from subject.found(one.rule, said, passages_of(subject.body_source, on_list), one.version)


def passages_of(source: str, links: Sequence[Link]) -> list[Passage]:
    """Where these links stand in the source, as far as they are written there as they lead."""
    folded = source.casefold() if len(source.casefold()) == len(source) else source
    found = []
    for link in links:
        at = source.find(link.written)
        length = len(link.written)
        if at < 0:
            at, length = folded.find(link.host), len(link.host)
        if at >= 0:
            found.append((at, at + length))
    return sorted(set(found))
