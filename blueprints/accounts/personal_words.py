"""The words for tables, columns and values in a person's copy of their data, where people read it."""

from datetime import datetime
from typing import Any

from core.rendering import date_and_time

TITLES: dict[str, str] = {
    "user": "Your account", "authenticator_app": "Your authenticator app", "passkey": "Your passkeys",
    "recovery_code": "Recovery codes", "browser_session": "Browsers where you are signed in",
    "api_key": "Keys of your programs",
    "role_grant": "Your roles at the paper", "moderated_section": "Sections you moderate",
    "desk_preference": "How you work at the moderation desk", "act_count": "How often you decided at the desk",
    "saved_view": "Views of the desk you keep", "erasure": "Your wish to end the account",
    "data_copy": "Copies of your data", "comment": "Your comments", "revision": "Earlier words of your comments",
    "comment_words": "Words of your comments", "comment_language": "Languages of your comments",
    "finding": "What the screening found in your comments", "mention": "Where others named you",
    "pick": "Comments of yours that were picked", "draft": "Your drafts", "nudge": "Advice you got while writing",
    "respect": "Respect you gave", "report": "What you reported", "quiz_pass": "Quizzes you passed",
    "thread_guest": "Discussions you were invited to", "thread_visit": "Discussions you read",
    "follow": "What you follow", "mute": "Whom you muted", "notice": "Your notices",
    "notice_cause": "What your notices are about",
    "notice_preference": "How you want to be told", "notice_setting": "More about how you want to be told",
    "mail": "Mails to you", "share_link": "Articles you opened to others",
    "billing_customer": "You as a customer at Stripe", "subscription": "Your subscriptions", "payment": "Your payments",
    "billed_invoice": "Your invoices", "movement": "Changes of what you pay", "billing_drift": "Checks of our books",
    "membership": "Your memberships", "entitlement": "What you have access to", "consent": "What you agreed to",
    "withdrawal": "Contracts you withdrew from", "checkout_attempt": "Payments you began",
    "billing_notice": "What you were told about money", "price_move": "Rises of your price",
    "gift": "Gifts you gave or took", "billing_end": "The end of your payments",
    "seat": "Your places in groups", "moderation_action": "Decisions about you and your comments",
    "statement_of_reasons": "The reasons you were given", "sanction": "Restrictions and warnings",
    "appeal": "Your objections", "person_note": "Notes about you", "likeness": "Accounts like yours",
    "protected_author": "Protection from abuse", "trusted_flagger": "You as a trusted flagger",
    "legal_hold": "What is kept for a court",
    # what is not in a copy
    "job": "Work that waits", "stripe_event": "Messages from Stripe", "stripe_object": "What Stripe last said",
    "illegal_notice": "Notices of illegal content", "rate_count": "Counts against abuse", "spent_token": "Used links",
    "card_burst": "Bursts of cards",
}  # fmt: skip

LABELS: dict[str, str] = {
    "id": "Number", "user_id": "Your account (number)", "at": "When", "about_at": "About what time", "how": "How",
    "body": "Words", "body_source": "Words", "many": "How many", "many_url": "Page for several", "reads": "Reads",
    "act": "What was done", "from_state": "State before", "to_state": "State after", "from_name": "Name of the giver",
    "to_name": "For whom", "to_email": "For which address", "before": "Stood before", "after": "Stands after",
    "reply_count": "Replies", "respect_count": "Respect", "report_count": "Reports", "branch_count": "Answers below it",
    "sign_count": "Times used", "sign_ups": "Accounts made", "report_weight": "Weight of its reports",
    "stripe_id": "Name at Stripe", "promo_id": "Promotion (number)", "url": "Page", "reply_url": "Page to answer on",
    "canceled_at": "Cancelled", "cancel_at": "Will be cancelled", "redeemed_by": "Taken by account (number)",
    "ad_free": "Without advertisements", "keys": "Keys of the keyboard", "since": "Since",
    "past_due_since": "Payment missing since", "severe_since": "Hard cases counted since", "parts": "Parts",
    "queue": "List", "mode": "Mode of Stripe", "law": "Law that applies", "number": "Which number",
    "asked": "What was asked", "ended": "How it ended",
}  # fmt: skip
ENDINGS = (("_at", "{}"), ("_id", "{} (number)"), ("_cents", "{} (in cents)"), ("_url", "Page of the {}"))


def label(column: str) -> str:
    """A column in words."""
    if column in LABELS:
        return LABELS[column]
    for ending, words in ENDINGS:
        if column.endswith(ending):
            return _spaced(words.format(column.removesuffix(ending)))
    return _spaced(column.removeprefix("is_"))


def value(stored: Any) -> str:
    """What a column holds, in words."""
    if isinstance(stored, bool):
        return "yes" if stored else "no"
    if isinstance(stored, datetime):
        return f"{date_and_time(stored)} UTC"
    if isinstance(stored, bytes):
        return stored.hex()
    return str(stored)


def _spaced(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
