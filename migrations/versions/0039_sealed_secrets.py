"""The secrets that sign calls to outside services of the screening are sealed.

A host of the version before, while both run, signs with what it finds and is refused by the service; what was refused
is asked again, by then under the right secret.
"""

import secrets

import sqlalchemy as sa
from alembic import op

from core.sealing import is_sealed_as_now, seal, unseal

revision = "0039"
down_revision = "0038"

PURPOSE = "screening service"
service = sa.table("screening_service", sa.column("id", sa.Integer()), sa.column("secret", sa.Text()))


def upgrade() -> None:
    with op.batch_alter_table("screening_service") as batch:
        batch.alter_column("secret", existing_type=sa.String(length=80), type_=sa.Text(), existing_nullable=False)
    for row_id, secret in _rows():
        if not is_sealed_as_now(secret):
            _keep(row_id, seal(secret, PURPOSE))


def downgrade() -> None:
    for row_id, sealed in _rows():
        # Sealed under a key that is gone: a new one, which the publisher's page shows.
        _keep(row_id, unseal(sealed, PURPOSE) or secrets.token_urlsafe(32))
    with op.batch_alter_table("screening_service") as batch:
        batch.alter_column("secret", existing_type=sa.Text(), type_=sa.String(length=80), existing_nullable=False)


def _rows() -> list[tuple[int, str]]:
    return [(row.id, row.secret) for row in op.get_bind().execute(sa.select(service.c.id, service.c.secret))]


def _keep(row_id: int, secret: str) -> None:
    op.get_bind().execute(service.update().where(service.c.id == row_id).values(secret=secret))
