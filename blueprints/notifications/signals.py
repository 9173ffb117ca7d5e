"""What this domain tells the others."""

from blinker import Namespace

_signals = Namespace()

# Sent with `mail_id`, `kind` and `at`, inside the transaction in which it is noted that a mail has left the house.
mail_sent_signal = _signals.signal("mail-sent")
