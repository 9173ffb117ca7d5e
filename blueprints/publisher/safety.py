"""What a publisher sets about second factors and caps. Every function works inside the caller's transaction."""

from collections.abc import Mapping

from blueprints.accounts import factors
from blueprints.accounts.queries_factors import factors_of
from blueprints.moderation import queries_caps
from blueprints.moderation.caps import CAPS
from blueprints.publisher import queries_safety
from blueprints.site.queries import bump_site_version
from core.db import db
from core.errors import DomainError
from core.recording import note

CHOICES = ("", "required", "offered")


def ask_staff(choice: str) -> None:
    """Require a second factor of the staff, or offer it; "" leaves it to the mode. Raises DomainError."""
    if choice not in CHOICES:
        raise DomainError("Please choose one of these.")
    queries_safety.lock_site().staff_second_factor = choice or None
    bump_site_version()


def reset_factors(person_id: int) -> None:
    """Remove everything beside a person's password. Raises NotFound, DomainError where there is nothing."""
    had = factors_of(person_id)
    if not had.any:
        raise DomainError("This person has no second factor.")
    factors.reset(person_id)
    before = {"app": had.has_app, "passkeys": len(had.passkeys)}
    note(db.session(), "second factor", person_id, before=before, after=None, person_id=person_id)


def caps_shown(typed: Mapping[str, str] | None) -> list[tuple[str, str, object]]:
    """Each cap's field, label, and value: what was typed, else what is set."""
    row = queries_caps.caps(db.session())
    return [(name, cap.label, typed.get(name, "") if typed else getattr(row, name)) for name, cap in CAPS.items()]
