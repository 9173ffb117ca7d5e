"""People on the desk: their record, and what restricts them."""

from flask import redirect, request
from werkzeug.wrappers import Response

from blueprints.moderation import sanctions
from blueprints.moderation.caps import SANCTIONS, capped
from blueprints.moderation.decision import Decision
from blueprints.moderation.desk import HOME, decided_card, remember
from blueprints.moderation.forms import SanctionForm
from blueprints.moderation.people import people_page, person_page
from blueprints.moderation.routes import Answer, moderation
from blueprints.site.queries import site
from blueprints.threads.ordering import MAX_ID
from core import clock
from core.errors import DomainError
from core.guards import safe_next, staff
from core.ids import row_id
from core.rendering import is_fetch
from core.viewer import current_viewer

PERSON = f"{HOME}/people/<int(max={MAX_ID}):user_id>"
SEARCH_LENGTH = 80


@moderation.get(f"{HOME}/people")
@staff("is_moderator")
def people() -> str:
    """Search by name; without one, who is restricted now."""
    return people_page(request.args.get("q", "").strip()[:SEARCH_LENGTH])


@moderation.get(PERSON)
@staff("is_moderator")
def person(user_id: int) -> str:
    """A person's record, sanctions, and every decision about them."""
    return person_page(user_id, SanctionForm(rules=site().rules), before=request.args.get("before", type=row_id))


@moderation.post(f"{PERSON}/sanctions")
@staff("is_moderator")
def impose(user_id: int) -> Answer:
    """Warn or restrict a person."""
    form = SanctionForm(request.form, rules=site().rules)
    try:
        if not form.validate():
            raise DomainError(" ".join(str(error) for errors in form.errors.values() for error in errors))
        with capped(SANCTIONS, current_viewer().id or 0) as session:
            done = sanctions.sanction(
                session, user_id=user_id, kind=form.kind.data, until=form.until(clock.now()),
                rule_id=form.rule_id.data or None, reason=form.reason.data or "", actor_id=current_viewer().id or 0,
                comment_id=form.comment_id.data,
            )  # fmt: skip
    except DomainError as refused:
        if is_fetch() or refused.status in {403, 404}:
            raise
        return person_page(user_id, form, "" if form.errors else refused.sentence), refused.status
    return _back(done, user_id)


@moderation.post(f"{HOME}/sanctions/<int(max={MAX_ID}):sanction_id>/lift")
@staff("is_moderator")
def lift(sanction_id: int) -> Answer:
    """End a sanction before its time."""
    with capped(SANCTIONS, current_viewer().id or 0) as session:
        done = sanctions.lift_sanction(session, sanction_id=sanction_id, actor_id=current_viewer().id or 0)
    return _back(done, done.user_id or 0)


def _back(done: Decision, user_id: int) -> str | Response:
    if is_fetch():
        return decided_card(done.action_id, "moderation/_sanctioned.html")
    remember(done.action_id)
    return redirect(safe_next(request.form.get("next"), f"{HOME}/people/{user_id}"), 303)
