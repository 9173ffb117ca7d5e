"""What other domains add to the pages of joining."""

from collections.abc import Callable

# Each returns the words this browser's visitor has written and not yet posted, or None. The threads domain registers.
kept_words: list[Callable[[], str | None]] = []


def words_kept() -> str | None:
    """The words that wait for their author to join, from the first who knows of any."""
    return next((words for ask in kept_words if (words := ask())), None)
