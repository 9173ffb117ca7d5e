"""What happens to comments and discussions, for the domains above to act on.

Unless it says otherwise, each is sent by a job, inside its transaction, after the change it tells of. Receivers write
little in it and ask for jobs of their own for the rest.
"""

from blinker import Namespace

_signals = Namespace()

# `comment_id`: the comment can be read by everybody for the first time. Sent once in a comment's life.
comment_published_signal = _signals.signal("comment-published")
# `comment_id`: a comment that was told of before was taken away, put back or edited; its row says how it stands.
comment_changed_signal = _signals.signal("comment-changed")
# `thread_id`: a discussion can no longer be seen, or can be seen again, with everything in it.
thread_changed_signal = _signals.signal("thread-changed")

# `article_id`: somebody who may not comment here yet pressed the composer's button; their words are kept. Sent in a
# request, after its transaction; receivers write nothing to the database.
gate_pressed_signal = _signals.signal("gate-pressed")
