"""Which settings are in the ledger, and how a change of one gets there."""

from sqlalchemy.orm import Session

from blueprints.moderation import ledger
from core import clock
from core.recording import Change, Values, Watched, record, writers
from models.article import Article, Section
from models.conduct import LadderStep, ProtectedAuthor, TrustedFlagger
from models.desk import DeskCap
from models.fairness import FairProcess, LegalHold, PurgeRequest
from models.membership import Entitlement, Plan, Price, PromoCode
from models.pricing import PriceRise
from models.site import Rule, Site
from models.site_export import SiteExport
from models.thread import Pick
from models.user import ModeratedSection, RoleGrant

AUDIENCES = ("read_audience", "comment_audience", "respect_audience")


def _was_public(values: Values) -> bool:
    return bool(values["state"] != "draft")


def _is_given(values: Values) -> bool:
    return values["source"] in {"complimentary", "staff"}


def _write(session: Session, change: Change) -> None:
    done = "created" if change.before is None else "removed" if change.after is None else "changed"
    ledger.append(
        session, action=change.noun, at=clock.now(), actor_id=change.actor_id, user_id=change.person_id,
        to_state=done, subject=change.subject, before=change.before, after=change.after, undoes_id=change.undoes_id,
    )  # fmt: skip


def install() -> None:
    """Watch the settings. Safe to call for every application of a process."""
    record(Site, Watched("site", (
        "name", "tagline", "language", "direction", *AUDIENCES, "comments_shown_to", "default_sort", "longest_pause",
        "about", "privacy", "rules_enforced_by", "colour", "first_steps_away", "staff_second_factor",
        "refund_ends_access", "dispute_ends_access",
    ), called="name", returns=True))  # fmt: skip
    record(Section, Watched("section", (
        "name", "slug", "description", "position", *AUDIENCES, "default_sort", "preset_premoderated",
        "preset_pace_seconds", "preset_members_first_hours", "preset_closes_after_days",
    ), called="name", returns=True))  # fmt: skip
    record(Rule, Watched("rule", (
        "key", "title", "text", "position", "active", "note_template",
    ), called="title", returns=True))  # fmt: skip
    record(Plan, Watched("plan", (
        "key", "name", "description", "perks", "badge", "rank", "active", "grants_reading", "grants_commenting",
        "grants_respect", "ad_free", "share_links",
    ), called="name"))  # fmt: skip
    record(Price, Watched("price", (
        "key", "plan_id", "amount_cents", "currency", "interval", "active", "trial_days",
    ), called="key"))  # fmt: skip
    record(PromoCode, Watched("promotion", (
        "code", "plan_id", "percent", "amount_cents", "currency", "duration", "months", "first_time_only",
        "most_redemptions", "expires_at", "retired_at",
    ), called="code"))  # fmt: skip
    record(PriceRise, Watched("rise", ("from_price_id", "to_price_id", "takes_effect_at", "state")))
    record(RoleGrant, Watched(
        "role", ("user_id", "name"), key=("user_id", "name"), person="user_id", returns=True, goes=True
    ))  # fmt: skip
    record(ModeratedSection, Watched(
        "limit", ("user_id", "section_id"), key=("user_id", "section_id"), person="user_id", returns=True, goes=True
    ))  # fmt: skip
    record(LadderStep, Watched(
        "ladder", ("rejections", "within_days", "kind", "days"), key=("position",), returns=True, goes=True
    ))  # fmt: skip
    record(ProtectedAuthor, Watched("protection", ("user_id",), key=("user_id",), person="user_id", returns=True,
                                    goes=True))  # fmt: skip
    record(DeskCap, Watched("caps", (
        "decisions_per_minute", "decisions_per_hour", "sanctions_per_hour", "bulk_per_hour",
    ), returns=True))  # fmt: skip
    record(TrustedFlagger, Watched(
        "flagger", ("user_id", "organisation"), key=("user_id",), person="user_id", returns=True, goes=True
    ))  # fmt: skip
    record(Article, Watched("article", (
        "slug", "section_id", "state", "headline", "byline", "author_id", *AUDIENCES, "opens_to_all_at", "is_lead",
        "published_at",
    ), called="headline", when=_was_public, returns=True))  # fmt: skip
    record(Pick, Watched("pick", ("comment_id", "note", "ended_at")))
    record(Entitlement, Watched(
        "gift", ("user_id", "plan_id", "source", "starts_at", "ends_at"), person="user_id", when=_is_given
    ))  # fmt: skip
    record(FairProcess, Watched("fair-process", (
        "public_log", "public_report", "dispute_body", "address_days", "removed_text_days", "notifier_days",
    ), returns=True))  # fmt: skip
    record(LegalHold, Watched(
        "legal-hold", ("user_id", "comment_id", "reason", "ends_at", "released_at"), person="user_id"
    ))  # fmt: skip
    record(PurgeRequest, Watched("purge-request", ("comment_id", "reason", "asked_by")))
    record(SiteExport, Watched("site archive", ("created_at",)))
    if _write not in writers:
        writers.append(_write)
