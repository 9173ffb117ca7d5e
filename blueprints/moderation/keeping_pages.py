"""The pages of openness and keeping: settings, clocks, holds, purges."""

from flask import render_template

from blueprints.accounts.jobs import UNCONFIRMED_KEPT
from blueprints.membership.jobs import BODIES_KEPT
from blueprints.moderation import policy, queries_keeping
from blueprints.moderation.desk import desk_context, find_case, tab_of
from blueprints.moderation.forms_fair import FairForm, HoldForm, PurgeForm
from blueprints.moderation.keeping import CLOCKS
from blueprints.moderation.queries_fairness import settings
from blueprints.notifications.jobs import MAIL_KEPT, NOTICES_KEPT
from core import clock
from core.db import db
from core.viewer import current_viewer

FIXED = (
    ("Mails that were sent", MAIL_KEPT), ("Notices behind the bell", NOTICES_KEPT),
    ("What Stripe told us, word for word", BODIES_KEPT),
    ("Accounts whose address was never confirmed", UNCONFIRMED_KEPT),
)  # fmt: skip


def fair_page(form: FairForm | None = None, hold: HoldForm | None = None, refused: str = "") -> str:
    """What readers may see, how long things are kept, what the clocks did, and what they must leave alone."""
    session, now = db.session(), clock.now()
    row = settings(session)
    if form is None:
        form = FairForm()
        form.show(row)
    return render_template(
        "fair/settings.html", form=form, hold=hold or HoldForm(), refused=refused, set=row, clocks=CLOCKS, fixed=FIXED,
        runs=queries_keeping.last_runs(session), holds=queries_keeping.holds(session, now),
        waiting=len(queries_keeping.open_purges(session)),
    )  # fmt: skip


def purge_page(comment_id: int, form: PurgeForm, refused: str = "") -> str:
    """The form to ask for a purge of a comment. Raises NotFound outside of the moderator's sections."""
    case = find_case(comment_id)
    return render_template("fair/purge.html", case=case, form=form, refused=refused, **desk_context(tab_of(case)))


def purges_page(refused: str = "") -> str:
    """What waits for a second person, and what was decided lately."""
    session, viewer = db.session(), current_viewer()
    rows = queries_keeping.open_purges(session)
    return render_template(
        "fair/purges.html", rows=rows, decided=queries_keeping.decided_purges(session), refused=refused,
        may_not={row.PurgeRequest.id: policy.may_decide_purge(viewer, row.PurgeRequest.asked_by, approve=True)
                 for row in rows}, **desk_context(""),
    )  # fmt: skip
