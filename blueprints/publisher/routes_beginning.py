"""The first publisher, and the first steps of a paper."""

from flask import Response, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts import passwords
from blueprints.accounts.forms import SignUpForm
from blueprints.accounts.service import FieldProblem
from blueprints.accounts.session import start_session
from blueprints.membership.gateway import gateway
from blueprints.publisher import beginning
from blueprints.publisher.routes import publisher
from blueprints.site.queries import site
from core.db import transaction
from core.errors import NotFound
from core.guards import public, staff
from core.limits import at_most, limiter
from core.recording import acting
from core.viewer import current_viewer


@publisher.get("/begin/<token>")
@public
@limiter.limit(at_most(60, "hour"))
def begin(token: str) -> ResponseReturnValue:
    """The form for the first publisher. To who has no good link, there is no such page."""
    if not beginning.is_good(token):
        raise NotFound
    return _begin_page(SignUpForm(formdata=None), token)


@publisher.post("/begin/<token>")
@public
@limiter.limit(at_most(60, "hour"))
def make_first_publisher(token: str) -> ResponseReturnValue:
    """Make them, sign them in, and go on to the first steps."""
    if not beginning.is_good(token):
        raise NotFound
    form = SignUpForm()
    if form.validate():
        hashed = passwords.hash_password(form.typed("password"))
        try:
            with acting(None), transaction():  # written down as the operator's: nobody is anybody yet
                person = beginning.make_first_publisher(
                    display_name=form.typed("display_name"), email=form.typed("email"), password_hash=hashed
                )
                start_session(person.id)
            return redirect(url_for("publisher.first_steps"), 303)
        except FieldProblem as problem:
            form.refuse(problem.field, problem.sentence)
    answer = _begin_page(form, token)
    answer.status_code = 422
    return answer


@publisher.get("/publisher/first-steps")
@staff("is_publisher")
def first_steps() -> ResponseReturnValue:
    """What a new paper needs, with what is done of it."""
    return render_template("publisher/first_steps.html", steps=beginning.steps(site(), gateway().mode))


@publisher.post("/publisher/first-steps/mail")
@staff("is_publisher")
@limiter.limit(at_most(10, "hour"))
def send_test_mail() -> ResponseReturnValue:
    """Send a mail to who asks."""
    viewer = current_viewer()
    with transaction():
        beginning.send_test_mail(viewer.id or 0)
    flash(f"A mail to {viewer.email} is on its way. Load this page again to see what became of it.", "success")
    return redirect(url_for("publisher.first_steps"), 303)


@publisher.post("/publisher/first-steps/<any(away, back):where>")
@staff("is_publisher")
def put_steps(where: str) -> ResponseReturnValue:
    """Take the steps off the overview, or put them back."""
    with transaction():
        beginning.put_away(away=where == "away")
    flash("The overview shows them no more. They stay at the foot of it." if where == "away"
          else "The overview shows them again.", "success")  # fmt: skip
    return redirect(url_for("publisher.overview" if where == "away" else "publisher.first_steps"), 303)


def _begin_page(form: SignUpForm, token: str) -> Response:
    answer = make_response(render_template("publisher/begin.html", form=form, token=token))
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address is a key
    return answer
