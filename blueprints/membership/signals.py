"""What this domain tells the others."""

from blinker import Namespace

_signals = Namespace()

# Sent with `user_id`, inside the transaction in which a reader's rights from a membership begin, change or end.
membership_changed_signal = _signals.signal("membership-changed")
