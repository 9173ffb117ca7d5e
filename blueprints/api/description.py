"""The OpenAPI document, written by hand: it is made when somebody asks for it, and tests hold every answer to it."""

from typing import Any

from blueprints.api.gates import REASONS
from blueprints.api.people import KINDS
from blueprints.api.stories import LISTED, MOST_LISTED
from blueprints.articles.structured import absolute
from blueprints.threads.ordering import SORTS
from core.ids import MAX_ID
from core.problems import CODES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
YES_OR_NO: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
ROW: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
MOMENT: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, UTC"}
LINK: Schema = {"type": "string", "format": "uri"}
HTML: Schema = {"type": "string", "description": "Clean HTML. Links that begin with / are of this site."}
NEXT: Schema = {"type": ["string", "null"], "format": "uri", "description": "The next page, as it is; null at the end."}
AUDIENCE = "everyone, registered, members, or plans: with the keys of plans"
# What a damaged parameter is called, beside the names that statuses have.
MORE_CODES = ("bad_cursor", "bad_sort", "bad_parameter", "unknown_parameter", "repeated_parameter", "nul")


def description() -> Schema:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rejoinder", "version": "1",
            "description": "For reading: articles, their discussions, and who one is. A visitor needs no key; a key "
                           "reads as its person would who works for nobody. Nothing is written here.",
        },
        "servers": [{"url": absolute("")}],
        "security": [{}, {"key": []}],
        "paths": {
            "/api/v1/articles": _get("articles", "Published articles, newest first", "Articles", (
                _query("section", TEXT, "The slug of a section"), _cursor(),
                _query("limit", ROW | {"minimum": 1, "maximum": MOST_LISTED, "default": LISTED}, "How many"),
            ), missing=True),
            "/api/v1/articles/{slug}": _get(
                "article", "One article, as far as its reader may read it", "Article", (_slug(),), missing=True),
            "/api/v1/articles/{slug}/comments": _get(
                "article_comments", "One page of its discussion: comments that answer the article, with first replies",
                "Discussion", (
                    _slug(), _query("sort", {"type": "string", "enum": list(SORTS)}, "Else the paper's own"), _cursor(),
                ), missing=True, gated=True),
            "/api/v1/comments/{id}": _get(
                "comment", "One comment", "Comment", (_id(),), missing=True, gone=True, gated=True),
            "/api/v1/comments/{id}/replies": _get(
                "comment_replies", "What is below a comment, page by page, depth first", "Replies", (_id(), _cursor()),
                missing=True, gone=True, gated=True),
            "/api/v1/me": _get("me", "Who asks", "Me", ()),
            "/api/v1/openapi.json": _get("openapi", "This document", "Document", ()),
        },
        "components": {
            "schemas": _schemas(),
            "responses": {
                str(status): _answer(says, "Error") for status, says in (
                    (401, "The key is unknown or revoked, or what was sent is no key"), (404, "There is nothing here"),
                    (403, "These comments are for those who may read the article"),
                    (405, "This address is for reading: GET and HEAD"), (410, "It was here, and was taken away"),
                    (422, "A parameter is unknown, given twice, or damaged"), (429, "Too many: see Retry-After"),
                    (400, "The request could not be understood"), (503, "Our store is away for a while"),
                )
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Made at /account/keys"}},
        },
    }  # fmt: skip


def _schemas() -> Schema:
    comment = _comment()
    return {
        "Error": _object(error=_object(
            code={"type": "string", "enum": sorted({*CODES.values(), *MORE_CODES})}, sentence=TEXT)),
        "Section": _object(slug=TEXT, name=TEXT),
        "Articles": _object(items=_list(_object(
            slug=TEXT, headline=TEXT, standfirst=TEXT, byline=TEXT, section=_ref("Section"), published_at=MOMENT,
            picture=_or_null(_object(url=LINK, alt=TEXT)), comments=NUMBER, gated=YES_OR_NO, url=LINK)), next=NEXT),
        "Answer": _object(
            allowed=YES_OR_NO, reason={"type": "string", "enum": list(REASONS)},
            audience={"type": ["string", "null"], "description": AUDIENCE}),
        "Article": _object(
            slug=TEXT, headline=TEXT, standfirst=TEXT, byline=TEXT, section=_ref("Section"), published_at=MOMENT,
            edited_at=_maybe(MOMENT),
            picture=_or_null(_object(
                url=LINK, alt=TEXT, width=NUMBER, height=NUMBER, caption=TEXT, credit=TEXT)),
            minutes=NUMBER, may=_object(read=_ref("Answer"), comment=_ref("Answer"), respect=_ref("Answer")),
            cut=YES_OR_NO, html=HTML,
            discussion=_or_null(_object(state=TEXT, comments=NUMBER, url=LINK)), url=LINK),
        "Author": _object(
            name=TEXT, id=_maybe(ROW), url=_maybe(LINK), badge=TEXT,
            line={"type": "string", "description": "Who a guest is"}),
        "Reply": _object(**comment),
        "Root": _object(**comment, branch=NUMBER, first_replies=_list(_ref("Reply"))),
        "Comment": _object(**comment, article=TEXT, article_url=LINK),
        "Discussion": _object(
            article=TEXT, state=TEXT, sort={"type": "string", "enum": list(SORTS)}, count=NUMBER,
            items=_list(_ref("Root")), waiting=_list(_ref("Reply")), next=NEXT),
        "Replies": _object(items=_list(_ref("Reply")), next=NEXT),
        "Entitlement": _object(**{
            "plan": TEXT, "source": TEXT, "from": MOMENT, "until": _maybe(MOMENT), "in_force": YES_OR_NO,
            "grants": _list({"type": "string", "enum": ["comment", "read", "respect"]}), "words": TEXT}),
        "Me": _object(
            kind={"type": "string", "enum": list(KINDS)}, id=_maybe(ROW), name=TEXT, confirmed=YES_OR_NO,
            entitlements=_list(_ref("Entitlement"))),
        "Document": {"type": "object"},
    }  # fmt: skip


def _comment() -> Schema:
    return {
        "id": ROW, "parent_id": _maybe(ROW), "root_id": ROW, "depth": NUMBER,
        "author": _or_null(_ref("Author")) | {"description": "null where the comment was deleted"},
        "html": HTML, "posted_at": MOMENT, "edited_at": _maybe(MOMENT), "respects": NUMBER, "respected": YES_OR_NO,
        "replies": {**NUMBER, "description": "Published direct replies"},
        "more_replies": {**NEXT, "description": "Where replies are that do not come along; null where there are none"},
        "picked": YES_OR_NO, "answer": YES_OR_NO,
        "muted": {"type": "boolean", "description": "By somebody whom its reader muted: html is empty in lists"},
        "state": {"type": "string", "enum": ["published", "held", "removed", "deleted"]},
        "reason": {"type": "string", "description": "Why it is not published, for those who may know"}, "url": LINK,
    }  # fmt: skip


def _get(
    name: str, says: str, schema: str, parameters: tuple[Schema, ...], *, missing: bool = False, gone: bool = False,
    gated: bool = False,
) -> Schema:  # fmt: skip
    sometimes = ((403, gated), (404, missing), (410, gone))
    statuses = (400, 401, *(status for status, can_be in sometimes if can_be), 422, 429, 503)
    refused = {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}
    return {"get": {
        "operationId": name, "summary": says, "parameters": list(parameters),
        "responses": {"200": _answer(says, schema)} | refused,
    }}  # fmt: skip


def _answer(says: str, schema: str) -> Schema:
    return {"description": says, "content": {"application/json": {"schema": _ref(schema)}}}


def _query(name: str, schema: Schema, says: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": says}


def _cursor() -> Schema:
    return _query("after", {"type": "string", "maxLength": 1000}, "From `next`, as it was given")


def _slug() -> Schema:
    return {"name": "slug", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _id() -> Schema:
    return {"name": "id", "in": "path", "required": True, "schema": ROW}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False
    }  # fmt: skip


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _maybe(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
