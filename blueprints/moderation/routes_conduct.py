"""What the desk knows of people and suggests: notes, the ladder, likeness, protection; and warnings to be read."""

from flask import redirect, request
from werkzeug.wrappers import Response

from blueprints.accounts.standing import still
from blueprints.moderation import conduct, desk, ladder, likeness
from blueprints.moderation.queues import HOME
from blueprints.moderation.routes import Answer, moderation
from blueprints.moderation.routes_people import PERSON
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import signed_in, staff
from core.ids import row_id
from core.viewer import current_viewer, forget_viewer

WARNINGS = "/account/warnings"


@moderation.post(f"{PERSON}/notes")
@staff("is_moderator")
def note_person(user_id: int) -> Answer:
    """Let colleagues know something of a person."""
    try:
        with transaction() as session:
            still(session, current_viewer())
            ladder.note_person(session, user_id=user_id, author_id=_own_id(), body=request.form.get("body", ""))
    except DomainError as refused:
        if refused.status == 404:
            raise
        desk.say(refused.sentence)
    return redirect(f"{HOME}/people/{user_id}#notes", 303)


@moderation.get(f"{HOME}/ladder")
@staff("is_moderator")
def ladder_page() -> str:
    """What the desk suggests after how many rejections."""
    return conduct.ladder_page()


@moderation.post(f"{HOME}/ladder")
@staff("is_lead")
def set_ladder() -> Answer:
    """Change it."""
    try:
        with transaction() as session:
            ladder.set_steps(session, conduct.typed_steps(request.form), actor_id=_own_id())
    except DomainError as refused:
        return conduct.ladder_page(request.form, refused.sentence), refused.status
    desk.say("Saved.")
    return redirect(f"{HOME}/ladder", 303)


@moderation.get(f"{HOME}/pairs")
@staff("is_moderator")
def pairs() -> str:
    """Accounts that may be one person, with the reasons."""
    return conduct.pairs_page()


@moderation.post(f"{HOME}/pairs")
@staff("is_moderator")
def judge_pair() -> Response:
    """Note what a person makes of a pair."""
    form = request.form
    with transaction() as session:
        likeness.judge(
            session, first_id=form.get("first_id", 0, type=row_id), second_id=form.get("second_id", 0, type=row_id),
            verdict=form.get("verdict", ""), actor_id=_own_id(),
        )  # fmt: skip
    return redirect(f"{HOME}/pairs", 303)


@moderation.get(f"{HOME}/protection")
@staff("is_moderator")
def protection() -> str:
    """On whose stories doubtful comments are held."""
    return conduct.protection_page()


@moderation.post(f"{HOME}/protection/<int(max={MAX_ID}):user_id>")
@staff("is_lead")
def protect(user_id: int) -> Response:
    """Protect an author, or no more."""
    with transaction() as session:
        conduct.protect(session, user_id=user_id, on="on" in request.form, actor_id=_own_id())
    return redirect(f"{HOME}/protection", 303)


@moderation.get(f"{HOME}/flaggers")
@staff("is_moderator")
def flaggers() -> str:
    """Whose reports come first."""
    return conduct.flaggers_page()


@moderation.post(f"{PERSON}/flagger")
@staff("is_lead")
def trust_flagger(user_id: int) -> Response:
    """Let somebody's reports come first, or no more."""
    try:
        with transaction() as session:
            conduct.trust_flagger(
                session, user_id=user_id, organisation=request.form.get("organisation", ""), actor_id=_own_id()
            )
    except DomainError as refused:
        if refused.status in {403, 404}:
            raise
        desk.say(refused.sentence)
        return redirect(f"{HOME}/people/{user_id}", 303)
    return redirect(f"{HOME}/flaggers", 303)


@moderation.get(WARNINGS)
@signed_in
def warnings() -> str:
    """The warnings that this person has not said they read."""
    return conduct.warnings_page()


@moderation.post(f"{WARNINGS}/<int(max={MAX_ID}):sanction_id>")
@signed_in
def acknowledge(sanction_id: int) -> Response:
    """Say that one has read a warning, and go on."""
    with transaction() as session:
        ladder.acknowledge(session, sanction_id=sanction_id, user_id=_own_id())
    forget_viewer()
    return redirect(WARNINGS, 303)


def _own_id() -> int:
    viewer_id = current_viewer().id
    assert viewer_id is not None
    return viewer_id
