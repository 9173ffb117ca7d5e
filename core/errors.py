"""Errors that a person may read."""


class DomainError(Exception):
    """A refusal with a sentence fit for the reader and the HTTP status that goes with it."""

    def __init__(self, sentence: str, status: int = 422, code: str = "refused") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.code = code


class NotFound(DomainError):
    """What was asked for does not exist, or not for this person: the same answer for both."""

    def __init__(self, sentence: str = "There is nothing at this address.") -> None:
        super().__init__(sentence, 404, "not_found")


class Forbidden(DomainError):
    """The person is known, and may not do this."""

    def __init__(self, sentence: str = "You may not do this.") -> None:
        super().__init__(sentence, 403, "forbidden")


class Conflict(DomainError):
    """Somebody else was first; nothing was overwritten."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, 409, "conflict")


class TooFast(DomainError):
    """A limit was reached; `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence, 429, "too_fast")
        self.retry_after = retry_after
