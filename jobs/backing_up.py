"""The nightly backup, where the operator named a folder for it."""

from datetime import timedelta

from flask import current_app

from core import backup
from core.config import Settings
from jobs.queue import handler
from jobs.schedule import repeating


@handler("site.backup")
def back_up() -> None:
    """Write a backup into BACKUP_DIR and keep the newest BACKUP_KEEP. Nothing where no folder is named."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.backup_dir is None:
        return
    backup.make(settings, settings.backup_dir)
    backup.keep(settings.backup_dir, settings.backup_keep)


repeating("site.backup", every=timedelta(days=1), at_once=True)
