"""Where a reader says they live, which decides how they are told of money; and trying the card for what is owed."""

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from blueprints.accounts.hooks import SettingsPart
from blueprints.membership import dunning, notices
from blueprints.membership.countries import COUNTRIES
from blueprints.membership.gateway import GatewayError
from blueprints.membership.law import law_words
from blueprints.membership.queries_notices import country_of
from blueprints.membership.routes import DOWN, membership, own_page, user_id
from core.db import transaction
from core.errors import DomainError
from core.guards import signed_in
from core.limits import at_most, limiter
from core.viewer import Viewer, forget_viewer


def country_setting(viewer: Viewer) -> SettingsPart:
    """The panel among the settings, with the law that holds for this reader now."""
    country = country_of(viewer.id or 0)
    values = {"country": country, "countries": COUNTRIES, "law": law_words(country)}
    return SettingsPart("membership/_country_setting.html", values)


@membership.post("/account/membership/country")
@signed_in
@limiter.limit(at_most(30, "hour"))
def declare_country() -> Response:
    """Note where the reader says they live."""
    code = request.form.get("country", "")
    try:
        with transaction():
            notices.declare_country(user_id(), code)
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status)
    flash(f"Noted: {COUNTRIES[code]}." if code else "Noted: you would rather not say.", "success")
    where = "accounts.settings" if request.form.get("from") == "settings" else "membership.own"
    return redirect(url_for(where), 303)


@membership.post("/account/membership/pay")
@signed_in
@limiter.limit(at_most(10, "hour"))
def pay_now() -> Response:
    """Try the card on file again for what is owed; where the bank wants to ask first, go there."""
    try:
        onward = dunning.pay_now(user_id())
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN, 503)
    forget_viewer()
    if onward:
        return redirect(onward, 303)
    flash("The payment has arrived, and your membership goes on. Thank you.", "success")
    return redirect(url_for("membership.own"), 303)
