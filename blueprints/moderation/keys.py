"""The keys of the desk, which each moderator may change. Pure."""

from collections.abc import Mapping

from core.errors import DomainError

# What a key does, what that is called, and the usual key.
KEYS = {
    "publish": ("Publish, keep or put back", "a"),
    "reject": ("Reject, and choose the rule", "r"),
    "sanction": ("Warn or restrict the author", "d"),
    "pass": ("Leave it to a colleague", "p"),
    "show": ("Show a covered text", "v"),
    "select": ("Choose it for a decision on several", "x"),
    "tip": ("Show it to the newsroom", "t"),
    "next": ("Next", "n"),
    "previous": ("Previous", "k"),
    "undo": ("Undo the last decision", "u"),
}


def keys_of(stored: str) -> dict[str, str]:
    """The key of everything a key does, from what a moderator chose."""
    chosen = dict(part.split("=", 1) for part in stored.split() if "=" in part)
    return {name: chosen.get(name, usual) for name, (_, usual) in KEYS.items()}


def stored_keys(typed: Mapping[str, str]) -> str:
    """What is kept of the keys that were typed. Raises DomainError for two of the same, and for what is no one key."""
    chosen: dict[str, str] = {}
    for name, (label, usual) in KEYS.items():
        key = typed.get(name, "").strip().lower() or usual
        if len(key) != 1 or not key.isprintable() or key in "= ":
            raise DomainError(f"“{label}” needs a single key.")
        if key in chosen.values():
            other = next(KEYS[known][0] for known, taken in chosen.items() if taken == key)
            raise DomainError(f"“{key}” stands for two things: “{other}” and “{label}”.")
        chosen[name] = key
    return " ".join(f"{name}={key}" for name, key in chosen.items())
