"""People as CSV, both ways: out for a spreadsheet, in from another system, tried first.

Spreadsheets run what begins with a sign of theirs, so such a value goes out behind an apostrophe (ASVS 5.0, 1.2.10),
which is taken off again on the way in. What goes out can be taken in again: people, their plans and their last day.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta

from blueprints.accounts import policy as account_policy
from blueprints.accounts import queries as account_queries
from blueprints.accounts import service as accounts
from blueprints.notifications.service import send_mail
from blueprints.publisher import policy, queries_csv, queries_plans, service
from blueprints.publisher.checking import Refused
from blueprints.site.queries import site
from core import clock
from core.db import db
from core.errors import DomainError
from core.names import name_key, name_skeleton
from core.records import dataclass

COLUMNS = ("email", "display_name", "since", "confirmed", "roles", "plans", "last_day")
TAKEN = ("email", "display_name", "plans", "last_day")
ALSO_CALLED = {"plan": "plans"}
MOST_ROWS = 1_000
MORE = "more"  # where cells stand that have no column
ROWS_AT_ONCE = 25  # in one transaction
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, by the number of its line."""

    line: int
    email: str
    display_name: str
    plans: tuple[str, ...]
    last_day: date | None


@dataclass(slots=True)
class Trial:
    """What an import would do, or has done."""

    rows: list[Row] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)  # line and sentence
    new: int = 0
    known: int = 0
    memberships: int = 0
    left: tuple[str, ...] = ()  # columns that are not taken in


def safe(value: str) -> str:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value


def export() -> Iterator[str]:
    """Everybody with an account, line by line, a few at a time from the database."""
    yield _line(COLUMNS)
    after = 0
    while people := queries_csv.people_after(after, clock.now()):
        for person in people:
            after = person.id
            yield _line([
                person.email, person.display_name, person.created_at.date().isoformat(),
                "yes" if person.confirmed else "no", " ".join(person.roles), " ".join(person.plans),
                _last_day(person.ends_at).isoformat() if person.ends_at else "",
            ])  # fmt: skip


def tried(text: str) -> Trial:
    """Read a file and say what importing it would do. Changes nothing. Raises DomainError for what is no such file."""
    trial, seen_emails, seen_names = Trial(), set[str](), set[str]()
    plans = dict(queries_plans.plans_given())
    for line, values in _read(text):
        trial.left = tuple(name for name in values if name and name not in (*TAKEN, MORE))
        try:
            row = _checked(line, values, plans)
            is_known = account_queries.user_by_email(row.email) is not None
            key = name_key(row.display_name)
            if row.email in seen_emails:
                raise DomainError("This address is in the file twice.")
            if not is_known and (not row.display_name or key in seen_names):
                raise DomainError("A new person needs a display_name that nobody else in the file has.")
            if not is_known and account_queries.name_is_taken(key, name_skeleton(row.display_name)):
                raise DomainError(accounts.NAME_TAKEN)
        except DomainError as error:
            trial.errors.append((line, error.sentence))
            continue
        seen_emails.add(row.email)
        seen_names.add(key)
        trial.rows.append(row)
        trial.known, trial.new = trial.known + is_known, trial.new + (not is_known)
        trial.memberships += len(row.plans)
    return trial


def take(rows: Sequence[Row], done: Trial, *, write: bool = False) -> None:
    """Import these rows, each whole or not at all, inside the caller's transaction. `done` is added to.

    With `write`, each new person is told by mail how to set a password; else nobody is written to.
    """
    for row in rows:
        try:
            with db.session().begin_nested():
                user = account_queries.user_by_email(row.email)
                is_new = user is None
                if user is None:
                    user = accounts.create_user(
                        display_name=row.display_name, email=row.email, password_hash=None
                    )  # fmt: skip
                    if write:
                        send_mail(
                            kind="taken-in", recipient=user.email, subject=f"Your account at {site().name}",
                            template="accounts/taken-in", context={"display_name": user.display_name},
                            user_id=user.id, dedupe_key=f"taken-in:{user.id}",
                        )  # fmt: skip
                for plan in row.plans:
                    service.give_membership(user.id, plan, row.last_day)
        except Refused as error:
            done.errors.append((row.line, " ".join(error.problems.values())))
            continue
        except DomainError as error:
            done.errors.append((row.line, error.sentence))
            continue
        done.rows.append(row)
        done.new, done.known = done.new + is_new, done.known + (not is_new)
        done.memberships += len(row.plans)


def _read(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    text = text.removeprefix("\ufeff")
    header = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=header.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, restkey=MORE, restval="", strict=True)
    try:
        given = [(name or "").strip().casefold() for name in reader.fieldnames or ()]
        names = [ALSO_CALLED.get(name, name) for name in given]
        if "email" not in names:
            raise DomainError(f"The first line has to name the columns: {', '.join(TAKEN)}. Only email must be there.")
        reader.fieldnames = names
        for number, values in enumerate(reader, start=1):
            if number > MOST_ROWS:
                raise DomainError(f"At most {MOST_ROWS} rows are taken at a time. Please cut the file.")
            yield reader.line_num, values
    except csv.Error as error:
        raise DomainError(f"This is not a CSV file: line {reader.line_num} cannot be read.") from error


def _checked(line: int, values: Mapping[str, str], plans: Mapping[str, str]) -> Row:
    given = {name: _plain(values.get(name) or "") for name in TAKEN}
    try:
        email = account_policy.normal_email(given["email"])
        name = given["display_name"] and account_policy.clean_display_name(given["display_name"], site().name)
        last_day = date.fromisoformat(given["last_day"]) if given["last_day"] else None
        policy.end_of(last_day, clock.now())
    except ValueError as error:
        is_date = "isoformat" in str(error)
        raise DomainError("A last day looks like 2027-12-31." if is_date else str(error)) from None
    wanted = tuple(dict.fromkeys(given["plans"].split()))
    if unknown := [key for key in wanted if key not in plans]:
        known = f"there are {', '.join(plans)}" if plans else "no plan has been made yet"
        raise DomainError(f"There is no plan with the key {unknown[0]}; {known}.")
    return Row(line, email, name, wanted, last_day)


def _last_day(ends_at: datetime) -> date:
    """The last day on which something that ends at this moment still is."""
    return (ends_at - timedelta(microseconds=1)).date()


def _plain(value: str) -> str:
    value = value.strip()
    return value[1:] if value.startswith("'") and value[1:].startswith(FORMULA) else value


def _line(values: Sequence[str]) -> str:
    made = io.StringIO()
    csv.writer(made).writerow([safe(value) for value in values])
    return made.getvalue()
