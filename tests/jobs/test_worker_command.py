"""The worker as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from core.db import db, transaction
from jobs.queue import enqueue
from models.job import Job
from tests.factories import fresh

ROOT = Path(__file__).resolve().parents[2]


def test_the_worker_does_what_waits_and_ends_when_told(app: Flask, database_url: str, tmp_path: Path) -> None:
    with transaction() as session:
        enqueue("threads.expire-drafts")
        job = session.scalars(select(Job)).one()
    environment = os.environ | {
        "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "SECRET_KEY": "a-key-for-tests-only",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "app.py", "worker"], cwd=ROOT, env=environment)
    try:
        for _ in range(120):
            db.session().rollback()
            if fresh(job).finished_at is not None:
                break
            time.sleep(0.25)
        assert fresh(job).finished_at is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()

