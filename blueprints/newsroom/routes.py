"""The newsroom: the list of articles, writing, previewing, publishing."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from blueprints.accounts.standing import SignedOut
from blueprints.articles.queries import picture_path
from blueprints.articles.quotations import mark_of
from blueprints.articles.service import store_picture, write_picture
from blueprints.newsroom import policy, preview, queries, service
from blueprints.newsroom.forms import ArticleForm
from blueprints.site.queries import site
from core.db import transaction
from core.errors import Forbidden, NotFound
from core.guards import staff
from core.ids import MAX_ID, row_id
from core.viewer import Viewer, current_viewer
from models.article import Article
from models.thread import Thread

newsroom = Blueprint("newsroom", __name__, url_prefix="/newsroom")

ARTICLE = f"/articles/<int(max={MAX_ID}):article_id>"
ALL = "all"
STATES = (("draft", "Drafts"), ("published", "Published"), ("unpublished", "Withdrawn"), (ALL, "All articles"))


@newsroom.get("")
@staff("is_author")
def overview() -> str:
    """Articles by state: an author's own, for editors all. Opens on the drafts, where there are any."""
    viewer = current_viewer()
    own_id = None if viewer.is_editor else viewer.id
    counts = queries.counts_by_state(own_id)
    state = request.args.get("state", ALL if counts and not counts.get("draft") else "draft")
    if state not in dict(STATES):
        raise NotFound
    counts[ALL] = sum(counts.values())
    tabs = [
        {"label": label, "href": f"/newsroom?state={key}", "current": key == state, "count": counts.get(key, 0)}
        for key, label in STATES
    ]
    page = queries.article_page(None if state == ALL else state, own_id, request.args.get("after", type=row_id))
    return render_template("newsroom/overview.html", page=page, state=state, tabs=tabs)


@newsroom.get("/articles/new")
@staff("is_author")
def begin_article() -> str:
    """An empty form."""
    viewer, form = current_viewer(), ArticleForm()
    form.begin(viewer)
    form.offer(viewer, None)
    return _editor(form, None, None)


@newsroom.post("/articles/new")
@staff("is_author")
def create_article() -> AnyResponse | tuple[str, int]:
    """Make a draft of what was typed."""
    viewer, form = current_viewer(), ArticleForm()
    form.offer(viewer, None)
    if _quotes(form, viewer):
        return _editor(form, None, None), 200
    if not _is_sound(form, viewer):
        return _editor(form, None, None), 422
    try:
        with transaction() as session:
            article = service.create_article(session, viewer, form.values())
            _then(session, viewer, article)
    except service.Refused as refusal:
        form.refuse(refusal.field, refusal.sentence)
        return _editor(form, None, None), 422
    except (SignedOut, Forbidden) as refusal:
        form.refuse("body_source", refusal.sentence)
        return _editor(form, None, None), 403
    return _saved(article)


@newsroom.get(ARTICLE)
@staff("is_author")
def edit_article(article_id: int) -> str:
    """An article in its form."""
    viewer = current_viewer()
    article, thread = _to_edit(viewer, article_id)
    form = ArticleForm()
    form.show(article, thread, queries.conversation_of(thread))
    form.offer(viewer, article)
    return _editor(form, article, None)


@newsroom.post(ARTICLE)
@staff("is_author")
def save_article(article_id: int) -> AnyResponse | tuple[str, int]:
    """Save what was typed. What somebody else saved meanwhile is shown, not overwritten."""
    viewer, form = current_viewer(), ArticleForm()
    article, _ = _to_edit(viewer, article_id)
    form.offer(viewer, article)
    if _quotes(form, viewer):
        return _editor(form, article, None), 200
    if not _is_sound(form, viewer):
        return _editor(form, article, None), 422
    try:
        with transaction() as session:
            saved = service.save_article(session, viewer, article_id, form.values(), **_seen(form))
            _then(session, viewer, saved)
    except service.Refused as refusal:
        form.refuse(refusal.field, refusal.sentence)
        return _editor(form, article, None), 422
    except (SignedOut, Forbidden) as refusal:
        form.refuse("body_source", refusal.sentence)
        return _editor(form, article, None), 403
    except service.Stale:
        return _stale(form, viewer, article_id), 409
    return _saved(saved)


@newsroom.post(f"{ARTICLE}/publish")
@staff("is_editor")
def publish(article_id: int) -> AnyResponse:
    """Put an article before its readers."""
    try:
        with transaction() as session:
            service.publish_article(session, current_viewer(), article_id, version=_int(request.form.get("version")))
        flash("Published.", "success")
    except (service.Refused, service.Stale) as refusal:
        flash(refusal.sentence, "error")
    return redirect(url_for("newsroom.edit_article", article_id=article_id), 303)


@newsroom.post(f"{ARTICLE}/unpublish")
@staff("is_editor")
def unpublish(article_id: int) -> AnyResponse:
    """Take an article away from readers."""
    try:
        with transaction() as session:
            service.unpublish_article(session, current_viewer(), article_id, version=_int(request.form.get("version")))
        flash("Withdrawn. Readers no longer find it; its text and comments are kept.", "success")
    except service.Stale as refusal:
        flash(refusal.sentence, "error")
    return redirect(url_for("newsroom.edit_article", article_id=article_id), 303)


@newsroom.get(f"{ARTICLE}/preview")
@staff("is_author")
def preview_saved(article_id: int) -> str:
    """A saved article as a kind of reader will see it."""
    to_open(current_viewer(), article_id)
    shown = preview.preview_of_saved(article_id, site(), request.args.get("as"))
    if shown is None:
        raise NotFound
    return render_template("newsroom/preview.html", preview=shown, article_id=article_id, typed=None)


@newsroom.post("/preview")
@staff("is_author")
def preview_typed() -> Response | tuple[str, int]:
    """What is typed in the form, as a kind of reader would see it. Nothing is saved but a chosen picture."""
    viewer, form = current_viewer(), ArticleForm()
    form.offer(viewer, None)
    _keep_picture(form, viewer)
    values = form.values()
    if values.section_id not in {section.id for section in site().sections}:
        form.refuse("section_id", "Please choose a section.")
        return _editor(form, None, None), 422
    shown = preview.preview_of_typed(values, site(), request.form.get("as"))
    typed = [(name, value) for name, value in request.form.items(multi=True) if name not in {"as", "csrf_token"}]
    typed = [pair for pair in typed if pair[0] != "picture_id"] + [("picture_id", form.picture_id.data or "")]
    return Response(render_template("newsroom/preview.html", preview=shown, article_id=None, typed=typed))


def _quotes(form: ArticleForm, viewer: Viewer) -> bool:
    """Whether a Pick was chosen to be quoted: its line is put below what was typed, and nothing is saved."""
    number = _int(request.form.get("quote"))
    if not number:
        return False
    _keep_picture(form, viewer)
    form.body_source.data = f"{(form.body_source.data or '').rstrip()}\n\n{mark_of(number)}\n"
    return True


def _is_sound(form: ArticleForm, viewer: Viewer) -> bool:
    """Keep an uploaded picture first, so that no other mistake loses it; then look at everything typed."""
    problem = _keep_picture(form, viewer)
    sound = bool(form.validate())
    for field, sentence in form.moments_missing():
        form.refuse(field, sentence)
        sound = False
    if problem:
        form.refuse("picture", problem)
    return sound and not problem


def _keep_picture(form: ArticleForm, viewer: Viewer) -> str | None:
    upload = request.files.get("picture")
    if upload is None or not upload.filename:
        return None
    from core.images import prepare_picture  # Pillow is read when the first picture comes

    try:
        prepared = prepare_picture(upload.stream)
    except ValueError as error:
        return str(error)
    write_picture(prepared)
    with transaction() as session:
        form.picture_id.data = str(store_picture(session, prepared, viewer.id).id)
    form.remove_picture.data = False
    return None


def _then(session: Session, viewer: Viewer, article: Article) -> None:
    """The press that saves may publish as well."""
    if request.form.get("then") == "publish":
        service.publish_article(session, viewer, article.id, version=article.version)


def _saved(article: Article) -> AnyResponse:
    said = "Published." if request.form.get("then") == "publish" else "Saved."
    if article.state == "draft" and not policy.may_publish(current_viewer()):
        said = "Saved. An editor finds it among the drafts and publishes it."
    flash(said, "success")
    return redirect(url_for("newsroom.edit_article", article_id=article.id), 303)


def _editor(form: ArticleForm, article: Article | None, theirs: list[tuple[str, str]] | None) -> str:
    number = _int(form.picture_id.data)
    picture = queries.picture(number) if number else None
    return render_template(
        "newsroom/editor.html", form=form, article=article, theirs=theirs,
        picture_url=picture_path(picture.sha256, picture.mime) if picture else None, picture=picture,
        may_publish=policy.may_publish(current_viewer()),
        closed_by_itself=queries.closed_by_itself(article.id) if article else "",
        picks=queries.picks_to_quote(article.id if article else None), quoted=_int(request.form.get("quote")),
    )  # fmt: skip


def _stale(form: ArticleForm, viewer: Viewer, article_id: int) -> str:
    """The form with what was typed, beside what somebody else saved; saving again is then a decision."""
    article, thread = _to_edit(viewer, article_id)
    standing, now = ArticleForm(formdata=None), queries.conversation_of(thread)
    standing.show(article, thread, now)
    standing.offer(viewer, article)
    theirs = [
        (field.label.text, _shown(field))
        for field in standing
        if field.type not in {"HiddenField", "FileField"} and field.name != "remove_picture"
        and (field.data or "") != (form[field.name].data or "")
    ]  # fmt: skip
    if standing.picture_id.data != form.picture_id.data:
        theirs.append(("Picture", "Another picture, or none"))
    form.now_at(article, now if thread is not None else None)
    return _editor(form, article, theirs)


def _shown(field: object) -> str:
    """A field's value as its form would show it."""
    data = field.data  # type: ignore[attr-defined]
    if isinstance(data, bool):
        return "Yes" if data else "No"
    choices = {str(choice.value): choice.label for choice in getattr(field, "choices", None) or []}
    return str(choices.get(str(data), data if data is not None else ""))


def to_open(viewer: Viewer, article_id: int) -> tuple[Article, Thread | None]:
    """An article that this person may look at here, with its thread. Raises NotFound."""
    found = queries.article_to_edit(article_id)
    if found is None or not policy.may_open(viewer, service.standing_of(found[0])):
        raise NotFound
    return found[0], found[1]


def _to_edit(viewer: Viewer, article_id: int) -> tuple[Article, Thread | None]:
    article, thread = to_open(viewer, article_id)
    if not policy.may_change(viewer, service.standing_of(article)):
        raise Forbidden("This article has been published: an editor can change it.")
    return article, thread


def _seen(form: ArticleForm) -> Any:
    """What the writer was looking at."""
    return {"version": _int(form.version.data), "thread_mark": form.thread_mark.data or ""}


def _int(text: str | None) -> int:
    try:
        return row_id(text or "")
    except ValueError:
        return 0

