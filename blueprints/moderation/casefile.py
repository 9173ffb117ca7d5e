"""How an entry of the ledger is sealed, and the check of a file that a person took home.

Nothing but Python's own library is used: `python3 casefile.py FILE` runs anywhere, without this application.

Every field of an entry is sealed alone: SHA-256 of its mark, name and value, where the mark is HMAC-SHA-256 of the
field's name under the entry's secret salt. The seals of all fields make the entry's content, and SHA-256 of the content
behind the hash of the entry before is the entry's hash. So an entry can be shown in part, or not at all, and the chain
still be followed by whoever holds it: a seal says nothing about its value without the mark (the idea of RFC 9901).
"""

import hashlib
import hmac
import json
import sys
from typing import Any

FORMAT = "rejoinder-case-1"


def mark_of(salt: str, name: str) -> str:
    """What makes a field's seal unguessable."""
    return hmac.new(salt.encode(), name.encode(), hashlib.sha256).hexdigest()


def seal(mark: str, name: str, value: Any) -> str:
    """The seal of one field; the value is None, a number, a truth or text."""
    return _sha(json.dumps([mark, name, value], separators=(",", ":"), ensure_ascii=False))


def content_of(seals: dict[str, str]) -> str:
    """What an entry's seals come to, in the order of their names."""
    return _sha(json.dumps(seals, sort_keys=True, separators=(",", ":")))


def link(previous_hash: str, content: str) -> str:
    """The hash of an entry that follows another one; the first of all follows nothing."""
    return _sha(f"{previous_hash}:{content}")


def check(case: Any) -> tuple[int, int, list[str]]:
    """Hold a case's file against itself: how many entries, how many of them about the person, and what is wrong.

    Each stretch begins with the hash before it and ends with that of its last entry, which the paper publishes.
    """
    problems: list[str] = []
    entries = own = 0
    if not isinstance(case, dict) or case.get("format") != FORMAT:
        return 0, 0, ["This is not the file of a case."]
    try:
        for stretch in case["stretches"]:
            last_id, last_hash = stretch["after_id"], stretch["after_hash"]
            for entry in stretch["entries"]:
                entries, own = entries + 1, own + ("shown" in entry)
                if entry["id"] != last_id + 1:
                    problems.append(f"Entry {last_id + 1} is missing.")
                last_id = entry["id"]
                if "whole" in entry:  # from before single fields were sealed: it can be followed, not looked into
                    last_hash = str(entry["whole"])
                    continue
                last_hash = link(last_hash, _content(entry, problems))
                if "hash" in entry and entry["hash"] != last_hash:
                    problems.append(f"Entry {entry['id']} does not have the hash it should have.")
            if (last_id, last_hash) != (stretch["end_id"], stretch["end_hash"]):
                problems.append(f"The entries up to {last_id} do not lead to the published hash.")
    except (KeyError, TypeError, ValueError, AttributeError):
        problems.append("The file is damaged: a part of it is missing or of the wrong sort.")
    return entries, own, problems


def _content(entry: dict[str, Any], problems: list[str]) -> str:
    if "shown" not in entry:
        return str(entry["content"])
    seals = dict(entry["hidden"])
    for name, (mark, value) in entry["shown"].items():
        seals[name] = seal(mark, name, value)
    if entry["shown"]["id"][1] != entry["id"]:
        problems.append(f"Entry {entry['id']} calls itself {entry['shown']['id'][1]}.")
    return content_of(seals)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main(arguments: list[str]) -> int:
    """Check one file and say so in words; 0 where all is sound, 1 where not, 2 where there is nothing to check."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python3 casefile.py FILE\n")
        return 2
    try:
        with open(arguments[0], encoding="utf-8") as file:
            case = json.load(file)
    except OSError as error:
        sys.stderr.write(f"The file cannot be read: {error.strerror or error}.\n")
        return 2
    except ValueError:  # no text, or no JSON
        sys.stderr.write("This is not the file of a case, or it is damaged.\n")
        return 2
    entries, own, problems = check(case)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    if problems:
        sys.stdout.write("The file is NOT sound.\n")
        return 1
    sys.stdout.write(f"Sound: {entries} entries, {own} of them about you. Compare with what the paper publishes:\n")
    for stretch in case["stretches"]:
        sys.stdout.write(f"  entry {stretch['end_id']}: {stretch['end_hash']}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
