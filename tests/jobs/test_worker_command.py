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
from core.migrations import newest_revision
from jobs.queue import enqueue
from models.job import Job
from tests.factories import fresh

ROOT = Path(__file__).resolve().parents[2]


def stands_at(revision: str) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def test_the_worker_waits_for_the_databases_shape_does_what_waits_and_ends_when_told(
    app: Flask, database_url: str, tmp_path: Path
) -> None:
    with transaction() as session:
        enqueue("threads.expire-drafts")
        job = session.scalars(select(Job)).one()
    environment = os.environ | {
        "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "SECRET_KEY": "a-key-for-tests-only",
    }  # fmt: skip
    stands_at("0000")
    process = subprocess.Popen(
        [sys.executable, "-u", "app.py", "worker"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert "Waiting for the site" in process.stdout.readline()
        stands_at(newest_revision())
        assert "Working" in process.stdout.readline()
        for _ in range(120):
            db.session().rollback()
            if fresh(job).finished_at is not None:
                break
            time.sleep(0.25)
        assert fresh(job).finished_at is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        stands_at(newest_revision())
        process.kill()

