"""The paper's colour, whether its first steps are put away, and an index that finds mails not sent yet."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE site ADD COLUMN colour VARCHAR(8) CONSTRAINT ck_site_colour"
        " CHECK (colour IN ('red', 'blue', 'green', 'purple', 'grey'))"
    )
    op.add_column("site", sa.Column("first_steps_away", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(sa.update(sa.table("site", sa.column("first_steps_away"))).values(first_steps_away=sa.true()))
    op.create_index(op.f("ix_mail_sent_at"), "mail", ["sent_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_mail_sent_at"), "mail")
    op.drop_column("site", "first_steps_away")
    op.execute("ALTER TABLE site DROP COLUMN colour")
