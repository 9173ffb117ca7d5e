"""What every table holds about people: the one list from which copies are made and accounts are emptied.

A house test walks the schema: a table that is not here, or a column that names a person and is not, fails the build.
So whoever adds a table says here what it holds, whether its rows go into a person's copy (GDPR art. 15 and 20), and
what becomes of them when the account ends (art. 17).
"""

from typing import Literal

from core.records import dataclass

After = Literal["removed", "emptied", "domain", "kept"]


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with rows about a person.

    `of` are the ways from a row to the person: a column, or `column>table.column` through another table. `hides` are
    columns that are secrets, or other people's. Rows go into the copy unless `withheld` says why not. `after` says what
    becomes of them when the account ends: removed or emptied (`empties`) from this list, seen to by their own domain on
    `account_deleting_signal`, or kept; `why` gives the reason of the last two.
    """

    of: tuple[str, ...]
    after: After
    why: str = ""
    hides: tuple[str, ...] = ()
    withheld: str = ""
    empties: tuple[str, ...] = ()


CONTRACT = "a contract and its payments, which tax law asks for; the name and address in the account are gone"
DECISION = "what was decided and why, in a chain that shows every change; it names a row that is empty by then"
CUSTOMER = "customer_id>billing_customer.user_id"
COMMENT = "comment_id>comment.author_id"
WITH_WORDS = "goes with the comment, which its author chose to leave without a name or to remove"
SINGLE_USE = "secrets, which nobody needs a copy of"

HOLDINGS: dict[str, Holding] = {
    # the account
    "user": Holding(("id",), "domain", "the row is emptied and stays, so that answers still make sense",
                    hides=("password", "fs_uniquifier", "name_key", "name_skeleton", "active")),
    "authenticator_app": Holding(("user_id",), "removed", hides=("sealed_secret", "last_step")),
    "passkey": Holding(("user_id",), "removed", hides=("public_key", "credential_id")),
    "recovery_code": Holding(("user_id",), "removed", withheld=SINGLE_USE),
    "browser_session": Holding(("user_id",), "removed", hides=("key_hash", "must_rotate")),
    "api_key": Holding(("user_id",), "removed", hides=("key_hash",)),
    "role_grant": Holding(("user_id",), "removed"),
    "moderated_section": Holding(("user_id",), "removed"),
    "desk_preference": Holding(("user_id",), "removed"),
    "act_count": Holding(("user_id",), "removed"),
    "saved_view": Holding(("owner_id",), "removed"),
    "erasure": Holding(("user_id",), "removed"),
    "data_copy": Holding(("user_id",), "removed", hides=("archive",)),
    # what they said, and what became of it
    "comment": Holding(("author_id",), "domain", WITH_WORDS,
                       hides=("body_html", "body_hash", "path", "renderer_version", "row_version", "score")),
    "revision": Holding((COMMENT,), "domain", WITH_WORDS, hides=("body_html",)),
    "comment_words": Holding((COMMENT,), "domain", WITH_WORDS, withheld="an index of words that are in the copy"),
    "comment_language": Holding((COMMENT,), "domain", WITH_WORDS, withheld="guessed from words that are in the copy"),
    "finding": Holding((COMMENT,), "domain", WITH_WORDS, hides=("setup_id",)),
    "mention": Holding(("user_id",), "domain", "others' words lose the link to the person"),
    "pick": Holding(("author_id",), "domain", WITH_WORDS, hides=("picked_by", "ended_by")),
    "draft": Holding(("user_id",), "removed", hides=("guest_hash",)),
    "nudge": Holding(("user_id",), "removed", hides=("words_hash",)),
    "respect": Holding(("user_id",), "kept", "it is counted under somebody's comment, and names a row that is empty"),
    "report": Holding(("reporter_id",), "emptied", empties=("note",), hides=("reporter_key",)),
    "quiz_pass": Holding(("user_id",), "removed"),
    "thread_guest": Holding(("user_id",), "removed"),
    # reading
    "thread_visit": Holding(("user_id",), "removed"),
    "follow": Holding(("user_id",), "removed"),
    "mute": Holding(("user_id",), "removed"),
    "notice": Holding(("user_id",), "removed"),
    "notice_cause": Holding(("user_id",), "removed", hides=("actor_id", "excerpt", "mail")),
    "notice_preference": Holding(("user_id",), "removed"),
    "notice_setting": Holding(("user_id",), "removed", hides=("feed_number",)),
    "mail": Holding(("user_id",), "removed", hides=("html", "unsubscribe_path", "dedupe_key")),
    "share_link": Holding(("user_id",), "removed"),
    # membership and payments
    "billing_customer": Holding(("user_id",), "kept", CONTRACT, hides=(
        "generation", "applied_generation", "leased_until", "asked_run", "compared_run")),
    "subscription": Holding((CUSTOMER,), "kept", CONTRACT),
    "payment": Holding((CUSTOMER,), "kept", CONTRACT),
    "billed_invoice": Holding((CUSTOMER,), "kept", CONTRACT),
    "movement": Holding((CUSTOMER,), "kept", CONTRACT),
    "billing_drift": Holding((CUSTOMER,), "kept", CONTRACT, withheld="what comparing our books with Stripe's found"),
    "membership": Holding(("user_id",), "kept", CONTRACT),
    "entitlement": Holding(("user_id",), "kept", CONTRACT),
    "consent": Holding(("user_id",), "kept", "proof of what was agreed to, without the network it came from"),
    "withdrawal": Holding(("user_id",), "kept", CONTRACT),
    "checkout_attempt": Holding(("user_id",), "kept", CONTRACT, hides=("url", "session_id")),
    "billing_notice": Holding(("user_id",), "domain", "proof of what the law asks us to tell, without the address"),
    "price_move": Holding(("user_id",), "kept", CONTRACT),
    "gift": Holding(("giver_id", "redeemed_by"), "kept", "what was paid for is still given",
                    hides=("link_number", "session_id", "intent")),
    "billing_end": Holding(("user_id",), "kept", "proof that nothing more is charged; it names nobody",
                           hides=("tries", "error")),
    "seat": Holding(("user_id",), "domain", "the seat is given back"),
    # decisions about them
    "moderation_action": Holding(("user_id",), "kept", DECISION, hides=("actor_id", "salt", "previous_hash", "hash")),
    "statement_of_reasons": Holding(("user_id",), "kept", DECISION),
    "sanction": Holding(("user_id",), "kept", DECISION),
    "appeal": Holding(("user_id",), "domain", "the words are emptied, the outcome stays", hides=("decided_by",)),
    "person_note": Holding(("user_id",), "removed", hides=("author_id",)),
    "likeness": Holding(("first_id", "second_id"), "removed", withheld="it names somebody else beside them"),
    "protected_author": Holding(("user_id",), "removed"),
    "trusted_flagger": Holding(("user_id",), "removed"),
    "legal_hold": Holding(("user_id",), "kept", "a court or an authority asked for it",
                          withheld="to tell of it could defeat it"),
}  # fmt: skip

# Columns that name a person for what they did at work: the paper's own record of who decided what.
WORK: frozenset[str] = frozenset({
    "alarm.seen_by", "appeal.decided_by", "article.author_id", "article.created_by", "bulk_run.actor_id",
    "bulk_run.undone_by", "claim.moderator_id", "handover_note.author_id", "handover_note.done_by",
    "illegal_notice.decided_by", "illegal_notice.second_by", "legal_hold.placed_by", "legal_hold.released_by",
    "likeness.closed_by", "moderation_action.actor_id", "pass.moderator_id", "person_note.author_id",
    "pick.ended_by", "pick.picked_by", "picture.created_by", "price_rise.created_by", "price_rise.ended_by",
    "promo_code.created_by", "purge_request.asked_by", "purge_request.decided_by", "reversal.asked_by",
    "reversal.of_actor_id", "screening_list_version.changed_by", "screening_setup.changed_by", "site_export.asked_by",
    "surge.started_by",
    "tip.closed_by", "tip.suggested_by",
})  # fmt: skip

# Columns that name a person in what is somebody else's.
OTHERS: dict[str, str] = {
    "mute.muted_id": "whom somebody does not want to read is theirs alone to know",
    "notice_cause.actor_id": "what somebody else was told; it goes by itself after its time",
}

# Tables with rows about people who are found by no account, or by none for long.
ELSEWHERE: dict[str, str] = {
    "job": "what is still to be done, forgotten a week after",
    "stripe_event": "Stripe's messages about payments, whose outcome is in the tables of payments; emptied within a "
                    "day of the end of an account",
    "stripe_object": "numbers of prices and products",
    "illegal_notice": "somebody without an account: name and address are forgotten by their own clock",
    "rate_count": "digests and addresses, for the length of a limit",
    "spent_token": "digests of challenges, for an hour",
    "card_burst": "how many cards were declined, and of how many readers",
}

NOT_PERSONAL: frozenset[str] = frozenset({
    "alarm", "article", "article_quote", "billing_run", "bulk_item", "bulk_run", "claim", "comment_shape",
    "desk_cap", "fair_process", "gate_count", "handover_note", "heartbeat", "insight", "ladder_step", "ledger_head",
    "ledger_seal", "live_event", "pass", "picture", "plan", "price", "price_rise", "promo_code", "purge_request",
    "quiz_question", "reading_now", "retention_run", "reversal", "rule", "schedule", "screening_list",
    "screening_list_version", "screening_model", "screening_service", "screening_setup", "screening_state",
    "section", "site", "site_export", "spam_link", "surge", "thread", "thread_backlog", "tip", "waiting_time",
})  # fmt: skip
