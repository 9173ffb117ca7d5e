"""Writing and publishing. Nothing here commits.

Who acts is looked at again once nothing is waited for any more: a role taken meanwhile is gone. Raises SignedOut for
whoever was signed out.
"""

import re
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from blueprints.accounts.standing import still
from blueprints.articles.quotations import MAX_QUOTES, quoted_in, quotes_of, save_quotes, unquotable
from blueprints.membership.entitlements import EVERYONE, MEMBERS, REGISTERED, plans_of
from blueprints.moderation.discussions import note_settings
from blueprints.newsroom import policy, queries
from blueprints.notifications.notices import notify
from blueprints.site.queries import site
from blueprints.threads import settings
from blueprints.threads.settings import Conversation
from blueprints.threads.thread_state import shown_or_hidden
from core import clock
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.markup import RENDERER_VERSION, render_article, split_preview
from core.records import dataclass
from core.text import normalise, slugify
from core.viewer import Viewer
from models.article import Article
from models.thread import Thread

SLUG_TRIES = 100
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Refused(DomainError):
    """What was typed cannot be taken; `field` is where."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence, 422, "refused")
        self.field = field


class Stale(Conflict):
    """Somebody else saved meanwhile; nothing was overwritten."""

    def __init__(self) -> None:
        super().__init__("Somebody else saved this article while you were writing. Nothing was overwritten.")


@dataclass(frozen=True, slots=True)
class ArticleValues:
    """Everything that the newsroom sets on an article and its thread."""

    headline: str
    slug: str
    section_id: int
    standfirst: str
    byline: str
    author_id: int | None
    body_source: str
    picture_id: int | None
    picture_alt: str
    picture_caption: str
    picture_credit: str
    read_audience: str | None
    comment_audience: str | None
    respect_audience: str | None
    opens_to_all_at: datetime | None
    is_lead: bool
    conversation: Conversation
    preset_of: int | None = None  # the section whose preset a new article's form was filled with


def create_article(session: Session, actor: Viewer, values: ArticleValues) -> Article:
    """A new draft with its thread. Raises Forbidden, or Refused with the field."""
    actor = _writer(session, actor)
    article = Article(state="draft", version=0, created_by=actor.id, slug=_slug(session, values, None))
    values = _following_section(values, values.preset_of)
    _check(session, actor, values, Conversation())
    _check_quotes(session, values, set())
    _write(session, actor, article, values)
    session.add(article)
    session.flush()
    save_quotes(session, article)
    settings.begin(session, Thread(article_id=article.id), values.conversation)
    if article.is_lead:
        queries.unmark_other_leads(session, article.id)
    session.flush()
    return article


def save_article(
    session: Session, actor: Viewer, article_id: int, values: ArticleValues, *, version: int, thread_mark: str
) -> Article:
    """Change an article and its thread's settings.

    `version` and `thread_mark` say what the writer was looking at: if either has changed since, Stale is raised and
    nothing is written. Raises NotFound, Forbidden, or Refused with the field.
    """
    article, thread = queries.locked_article(session, article_id)
    actor = _writer(session, actor)
    article = _allowed(actor, article)
    standing = settings.read(session, thread) if thread is not None else Conversation()
    if article.version != version or (thread is not None and standing.mark != thread_mark):
        raise Stale
    if article.published_at is None:
        values = _following_section(values, article.section_id)
    _check(session, actor, values, standing)
    _check_quotes(session, values, quotes_of(session, article.id))
    if article.published_at is None:
        article.slug = _slug(session, values, article.id)
    if article.state == "published":
        _check_publishable(values)
    before = _words(article)
    _write(session, actor, article, values)
    save_quotes(session, article)
    if article.state == "published" and _words(article) != before:
        article.edited_at = clock.now()
    if thread is None:
        thread = Thread(article_id=article.id)
        settings.begin(session, thread, values.conversation)
        settings.set_moments(thread, article.published_at)
    else:
        _converse(session, actor, article, thread, standing, values.conversation)
    if article.is_lead:
        queries.unmark_other_leads(session, article.id)
    session.flush()
    return article


def publish_article(session: Session, actor: Viewer, article_id: int, *, version: int) -> Article:
    """Put an article before its readers; publishing again after withdrawing keeps the first date.

    Raises Forbidden, Stale, or Refused with what is missing.
    """
    article, thread = _for_publishing(session, actor, article_id, version)
    for field, sentence in policy.missing_for_publication(
        article.headline, article.body_source, article.picture_id is not None, article.picture_alt
    ):
        raise Refused(field, sentence)
    if article.state != "published":
        article.state = "published"
        article.published_at = article.published_at or clock.now()
        article.version += 1
        if thread is not None:
            settings.set_moments(thread, article.published_at)
            _invite(session, article, settings.read(session, thread))
        session.flush()
        shown_or_hidden(article.id)
    return article


def unpublish_article(session: Session, actor: Viewer, article_id: int, *, version: int) -> Article:
    """Take an article away from readers; its text, address and comments are kept. Raises Forbidden or Stale."""
    article, _ = _for_publishing(session, actor, article_id, version)
    if article.state == "published":
        article.state = "unpublished"
        article.version += 1
        session.flush()
        shown_or_hidden(article.id)
    return article


def standing_of(article: Article) -> policy.Standing:
    """What decides about this article in the newsroom."""
    return policy.Standing(article.state, article.author_id, article.created_by)


def _for_publishing(
    session: Session, actor: Viewer, article_id: int, version: int
) -> tuple[Article, Thread | None]:
    article, thread = queries.locked_article(session, article_id)
    if not policy.may_publish(still(session, actor)):
        raise Forbidden("Only editors publish.")
    if article is None:
        raise NotFound
    if article.version != version:
        raise Stale
    return article, thread


def _writer(session: Session, actor: Viewer) -> Viewer:
    actor = still(session, actor)
    if not policy.may_write(actor):
        raise Forbidden("Only the newsroom writes articles.")
    return actor


def _allowed(actor: Viewer, article: Article | None) -> Article:
    if article is None or not policy.may_open(actor, standing_of(article)):
        raise NotFound
    if not policy.may_change(actor, standing_of(article)):
        raise Forbidden("This article has been published: an editor can change it.")
    return article


def _following_section(values: ArticleValues, preset_of: int | None) -> ArticleValues:
    """What a section presets goes along when an article moves to another one, as long as nobody has touched it."""
    sections = {section.id: section for section in site().sections}
    if preset_of == values.section_id or preset_of not in sections or values.section_id not in sections:
        return values
    if not settings.follows(values.conversation, settings.preset_of(sections[preset_of])):
        return values
    preset = settings.preset_of(sections[values.section_id])
    return replace(values, conversation=settings.with_preset(values.conversation, preset))


def _converse(
    session: Session, actor: Viewer, article: Article, thread: Thread, standing: Conversation, wanted: Conversation
) -> None:
    """Change how the discussion goes; once readers have seen the article, who changed what is put on record."""
    changed = settings.change(session, thread, wanted, article.published_at)
    if article.state == "published":
        _invite(session, article, wanted)
    if article.published_at is not None and actor.id is not None:
        note_settings(
            session, thread.id, actor.id, standing=standing, new=wanted, reason=wanted.closed_reason, changed=changed,
        )  # fmt: skip


def _invite(session: Session, article: Article, wanted: Conversation) -> None:
    """Tell each guest once, now that readers can ask, where their questions wait."""
    for guest in wanted.guests if wanted.takes_questions else ():
        notify(
            session, guest.user_id, "mention", subject_key=f"guest:{article.id}",
            title=f"You are a guest of the paper: readers’ questions on “{article.headline}” wait for you",
            url=f"/articles/{article.slug}/questions", cause=f"guest:{article.id}:{guest.user_id}",
        )  # fmt: skip


def _check(session: Session, actor: Viewer, values: ArticleValues, standing: Conversation) -> None:
    if not values.headline:
        raise Refused("headline", "An article needs a headline.")
    if len(values.body_source) > policy.LONGEST_BODY:
        raise Refused("body_source", f"The text can have at most {policy.LONGEST_BODY:,} characters.")
    if not queries.section_exists(session, values.section_id):
        raise Refused("section_id", "Please choose a section.")
    if values.author_id is not None:
        if not actor.is_editor and values.author_id != actor.id:
            raise Refused("author_id", "You can sign your own articles only. An editor can change the author.")
        if not queries.can_be_author(session, values.author_id):
            raise Refused("author_id", "This person does not write for the paper.")
    if values.picture_id is not None:
        if queries.picture(values.picture_id) is None:
            raise Refused("picture", "This picture is not there any more. Please choose it again.")
        if not values.picture_alt:
            raise Refused("picture_alt", "Please describe the picture for those who do not see it.")
    for field in ("read_audience", "comment_audience", "respect_audience"):
        rule = getattr(values, field)
        if rule is not None and rule not in {EVERYONE, REGISTERED, MEMBERS} and not plans_of(rule):
            raise Refused(field, "Please choose who this is for.")
    for field, sentence in settings.problems(values.conversation, standing, values.author_id, clock.now()):
        raise Refused(field, sentence)


def _check_quotes(session: Session, values: ArticleValues, known: set[int]) -> None:
    """Only Picks that everybody can read are newly quoted; what was quoted and is gone meanwhile may stay unseen."""
    if len(quoted_in(values.body_source)) > MAX_QUOTES:
        raise Refused("body_source", f"An article can quote at most {MAX_QUOTES} comments.")
    number = unquotable(session, values.body_source, known)
    if number is not None:
        raise Refused("body_source", f"Comment {number} is not a Pick that everybody can read, so it cannot be quoted.")


def _check_publishable(values: ArticleValues) -> None:
    for field, sentence in policy.missing_for_publication(
        values.headline, values.body_source, values.picture_id is not None, values.picture_alt
    ):
        raise Refused(field, sentence)


def _slug(session: Session, values: ArticleValues, article_id: int | None) -> str:
    """The typed address if it is free and well-formed, otherwise one made of the headline."""
    if values.slug:
        if not _SLUG.fullmatch(values.slug) or len(values.slug) > 120:
            raise Refused("slug", "An address has small letters, digits and hyphens only, such as `the-new-bridge`.")
        if queries.slug_is_taken(session, values.slug, article_id):
            raise Refused("slug", "Another article has this address already.")
        return values.slug
    made = slugify(values.headline)
    for number in range(1, SLUG_TRIES):
        slug = made if number == 1 else f"{made}-{number}"
        if not queries.slug_is_taken(session, slug, article_id):
            return slug
    raise Refused("slug", "Too many articles have such a headline. Please give this one an address of its own.")


def _write(session: Session, actor: Viewer, article: Article, values: ArticleValues) -> None:
    article.headline = values.headline
    article.section_id = values.section_id
    article.standfirst = values.standfirst
    article.byline = values.byline
    article.author_id = values.author_id
    article.body_source = normalise(values.body_source)
    article.body_html = render_article(article.body_source)
    article.preview_html = render_article(split_preview(article.body_source)[0])
    article.renderer_version = RENDERER_VERSION
    article.reading_minutes = policy.reading_minutes(article.body_source)
    article.picture_id = values.picture_id
    article.picture_alt = values.picture_alt if values.picture_id else ""
    article.picture_caption = values.picture_caption if values.picture_id else ""
    article.picture_credit = values.picture_credit if values.picture_id else ""
    article.read_audience = values.read_audience
    article.comment_audience = values.comment_audience
    article.respect_audience = values.respect_audience
    article.opens_to_all_at = values.opens_to_all_at
    if actor.is_editor:
        article.is_lead = values.is_lead
    article.version += 1


def _words(article: Article) -> tuple[object, ...]:
    return (
        article.headline, article.standfirst, article.byline, article.author_id, article.body_source,
        article.picture_id, article.picture_alt, article.picture_caption, article.picture_credit,
    )  # fmt: skip
