"""Pictures in storage that several hosts share: the signature, and a real S3 server where one is installed (moto's)."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from app import create_app
from blueprints.publisher.site_export import export_site
from commands.doctor import checks
from core import backup
from core.bucket import Bucket, bucket_of
from core.config import ConfigError, Settings, load_settings
from core.db import db
from models.article import Picture
from tests.browser import Browser, text_of
from tests.factories import make_site, make_user

PATIENCE = 30.0


@pytest.mark.parametrize(("bucket", "asked", "signature"), [
    (Bucket(True, "s3.example.test", None, "paper", "eu-central-1", "AKIDEXAMPLE", "a/secret+key"),
     ("PUT", "/paper/pictures/abc.webp", "", b"words"), "8fe05b102a64531b7f60c0d7dbbb571576cbd0d7e16b49f22c489e1ab353c0ab"),
    (Bucket(False, "127.0.0.1", 9000, "paper", "eu-central-1", "AKIDEXAMPLE", "a/secret+key"),
     ("GET", "/paper/", "continuation-token=a%2Fb%3D&list-type=2&prefix=pictures%2F", b""),
     "27b99d8e7590ff5bee10c45c49ed079c7c5ce63fa66267c956151d4ef7cf139d"),
])  # fmt: skip
def test_a_request_is_signed_as_amazons_own_library_signs_it(
    bucket: Bucket, asked: tuple[str, str, str, bytes], signature: str
) -> None:
    headers = bucket._signed(*asked, datetime(2026, 11, 25, 12, 30, 45, tzinfo=UTC))
    assert headers["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize("wrong", ["https://host/bucket", "s3://host/bucket", "s3://key:secret@host", "s3://key:secret@host/a/b"])
def test_a_wrong_address_of_the_storage_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("PICTURES_URL", wrong)
    with pytest.raises(ConfigError, match="PICTURES_URL is wrong: must look like s3://"):
        load_settings()


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    program = os.environ.get("MOTO_SERVER") or shutil.which("moto_server")
    if program is None:
        pytest.skip("moto_server is not installed (pip install 'moto[server]'), so a real S3 server is left out.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            line = HTTPConnection("127.0.0.1", port, timeout=5)
            line.request("PUT", "/paper", headers={"Host": f"127.0.0.1:{port}"})
            if line.getresponse().status == 200:
                break
        assert time.monotonic() < until
        time.sleep(0.1)
    yield f"s3+http://key:secret@127.0.0.1:{port}/paper"
    server.terminate()
    server.wait(PATIENCE)


@contextmanager
def host(app: Flask, folder: Path, storage: str) -> Iterator[Flask]:
    """Inside another host on the same database, with a folder of its own."""
    db.session.remove()
    given: Settings = app.config["SETTINGS"]
    other = create_app(replace(given, data_dir=folder, pictures_url=storage, web_threads=1))
    with other.app_context():
        yield other
        db.session.remove()
        db.engine.dispose()


def test_what_one_host_is_given_every_host_shows_and_every_backup_has(app: Flask, tmp_path: Path, storage: str) -> None:
    make_site()
    editor = make_user(roles=("editor",))
    content = BytesIO()
    Image.effect_noise((600, 400), 90).convert("RGB").save(content, "PNG")
    content.seek(0)
    with host(app, tmp_path / "one", storage) as one:
        answer = Browser(one).sign_in(editor).post(
            "/newsroom/articles/new", {"headline": "With a picture", "picture": (content, "noise.png")}
        )
        assert answer.status_code < 500, text_of(answer)
    (name,) = [path.name for path in (tmp_path / "one" / "pictures").iterdir()]
    assert db.session.scalars(select(Picture.sha256)).one() == name.partition(".")[0]
    with host(app, tmp_path / "other", storage) as other:
        settings: Settings = other.config["SETTINGS"]
        small = Browser(other).get(f"/pictures/{name.partition('.')[0]}-400.webp")  # brings the picture here first
        assert (small.status_code, small.mimetype) == (200, "image/webp")
        assert Browser(other).get(f"/pictures/{'0' * 64}-400.webp").status_code == 404
        shown = Browser(other).get(f"/pictures/{name}")
        assert shown.status_code == 200
        assert shown.data == (tmp_path / "one" / "pictures" / name).read_bytes()
        assert Browser(other).get(f"/pictures/{'0' * 64}.webp").status_code == 404
        (tmp_path / "other" / "pictures" / name).unlink()  # a new host has an empty folder
        made = backup.make(settings, tmp_path / "backups")
        held = backup.check(made.path).files
        assert [file for file in held if file.startswith("picture")] == [f"pictures/{name}"], "no sizes: they are made anew"
        (tmp_path / "other" / "pictures" / name).unlink()
        assert export_site(tmp_path / "site.zip").pictures == 1, "and every archive"
        assert [check.good for check in checks(settings, None, offline=False) if check.name == "pictures"] == [True]


def test_storage_that_is_away_is_said_and_nothing_is_half_kept(app: Flask, tmp_path: Path) -> None:
    make_site()
    editor = make_user(roles=("editor",))
    content = BytesIO()
    Image.new("RGB", (300, 200)).save(content, "PNG")
    content.seek(0)
    with host(app, tmp_path / "away", "s3+http://key:secret@127.0.0.1:9/paper") as away:
        answer = Browser(away).sign_in(editor).post(
            "/newsroom/articles/new", {"headline": "With a picture", "picture": (content, "plain.png")}
        )
        assert answer.status_code == 503
        assert "What you sent was not taken in" in text_of(answer)
        assert Browser(away).get(f"/pictures/{'0' * 64}.webp").status_code == 503
        assert db.session.scalars(select(Picture)).all() == []
        assert [check.good for check in checks(away.config["SETTINGS"], None, offline=False) if check.name == "pictures"] == [False]


def test_what_is_put_back_from_a_backup_is_in_the_storage_again(tmp_path: Path, storage: str) -> None:
    settings = Settings(data_dir=tmp_path / "new", pictures_url=storage)
    unpacked = tmp_path / "unpacked"
    (unpacked / "pictures").mkdir(parents=True)
    (unpacked / "pictures" / "kept.webp").write_bytes(b"a picture of before")
    settings.data_dir.mkdir()
    backup._restore_files(settings, unpacked)
    bucket = bucket_of(settings)
    assert bucket is not None
    assert bucket.get("kept.webp") == b"a picture of before"


def test_all_names_are_found_however_many_there_are(storage: str) -> None:
    bucket = bucket_of(Settings(pictures_url=storage))
    assert bucket is not None
    before = set(bucket.names())
    for number in range(3):
        bucket.put(f"{number}.webp", b"a picture", "image/webp")
    assert set(bucket.names()) - before == {"0.webp", "1.webp", "2.webp"}
    assert bucket.get("1.webp") == b"a picture"
    assert bucket.get("9.webp") is None
