"""What happens to accounts, for the domains above to act on. Each is sent inside the transaction of the change."""

from blinker import Namespace

_signals = Namespace()

# `user_id`: somebody signed in on this browser; their session is in place. Sent in a request.
signed_in_signal = _signals.signal("signed-in")
# `user_id`: an account was made, or made anew, from this browser; its address is not confirmed yet. Sent in a request.
signed_up_signal = _signals.signal("signed-up")
# `user_id`: the display name is another now.
name_changed_signal = _signals.signal("name-changed")
# `user_id`: others may see the person's own page now, or no longer.
page_changed_signal = _signals.signal("page-changed")
# `user_id`: mail goes to another address now, which was confirmed.
email_changed_signal = _signals.signal("email-changed")
# `user_id`: somebody asked for the end of the account, and has a week to change their mind.
erasure_asked_signal = _signals.signal("erasure-asked")
# `user_id`, `keep_words`: the row is about to be emptied. Receivers may refuse with a DomainError.
account_deleting_signal = _signals.signal("account-deleting")
