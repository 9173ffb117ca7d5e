"""What search engines read of an article: schema.org's NewsArticle, with the first comments of its discussion in it."""

import json
from collections.abc import Iterable
from typing import Any

from flask import current_app
from markupsafe import Markup

from blueprints.articles.queries import article_path, picture_path
from blueprints.site.queries import SiteView
from blueprints.threads.pieces import Shown
from core.markup import plain_text
from core.rendering import iso

GATED_CLASS = "article__gated"  # what structured data calls the part that is not free
COMMENTS_NAMED = 50


def absolute(path: str) -> str:
    """A path of this site as the address that readers and search engines know."""
    return str(current_app.config["SETTINGS"].base_url) + path


def structured_data(row: Any, site: SiteView, gated: bool, comments: Iterable[Shown] = ()) -> Markup:
    """The article as schema.org's NewsArticle, safe inside a script element. Says so where part of it is not free.

    `comments` are those that everybody sees on the page, in their order.
    """
    url = absolute(article_path(row.slug))
    publisher = {"@type": "Organization", "name": site.name, "url": absolute("/")}
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": row.headline,
        "mainEntityOfPage": url,
        "url": url,
        "articleSection": site.section(row.section_id).name,
        "inLanguage": site.language,
        "author": {"@type": "Person", "name": row.byline} if row.byline else publisher,
        "publisher": publisher,
        "commentCount": row.comment_count,
        "isAccessibleForFree": not gated,
    }
    if row.standfirst:
        data["description"] = row.standfirst
    if row.published_at:
        data["datePublished"] = iso(row.published_at)
        data["dateModified"] = iso(row.edited_at or row.published_at)
    if row.sha256:
        data["image"] = {
            "@type": "ImageObject", "url": absolute(picture_path(row.sha256, row.mime)),
            "width": row.width, "height": row.height,
        }  # fmt: skip
    if gated:
        data["hasPart"] = {
            "@type": "WebPageElement", "isAccessibleForFree": False, "cssSelector": f".{GATED_CLASS}",
        }  # fmt: skip
    if nodes := _nested(comments):
        data["comment"] = nodes
    return script_json(data)


def script_json(data: Any) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - nothing in it can open or close a tag any more


def _nested(comments: Iterable[Shown]) -> list[dict[str, Any]]:
    """The first of these as nodes, replies inside what they answer; of a comment that is gone, only its replies."""
    top: list[dict[str, Any]] = []
    replies: dict[int, list[dict[str, Any]]] = {}  # where the answers to each comment go
    named = 0
    for shown in comments:
        place = replies.get(shown.parent_id or 0, top)
        if shown.is_tombstone:
            replies[shown.id] = place
            continue
        node = _node(shown)
        place.append(node)
        replies[shown.id] = node["comment"]
        named += 1
        if named == COMMENTS_NAMED:
            break
    return _without_empty(top)


def _node(shown: Shown) -> dict[str, Any]:
    url = absolute(f"/comments/{shown.id}")
    author = {"@type": "Person", "name": shown.name}
    if shown.page_url:
        author["url"] = absolute(shown.page_url)
    node: dict[str, Any] = {
        "@type": "Comment", "@id": url, "url": url, "author": author, "datePublished": iso(shown.created_at),
        "text": plain_text(str(shown.body)), "upvoteCount": shown.respect_count, "comment": [],
    }  # fmt: skip
    if shown.edited_at:
        node["dateModified"] = iso(shown.edited_at)
    return node


def _without_empty(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for node in nodes:
        if not _without_empty(node["comment"]):
            del node["comment"]
    return nodes
