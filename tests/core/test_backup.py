"""The whole site in one file, made while people write, and put back with every row."""

import hashlib
import io
import json
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect, select, text

from core import backup
from core.backup import CannotBackUp
from core.db import db, transaction
from models.thread import Comment
from tests.factories import fresh, make_site, make_user
from tests.threads.talk import drifts, make_member, make_talk, respect, say


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    db.session.remove()
    with db.engine.connect() as connection:
        names = [name for name in inspect(connection).get_table_names() if not name.startswith("sqlite_")]
        return {
            name: sorted(map(tuple, connection.execute(text(f'SELECT * FROM "{name}"'))), key=repr) for name in names
        }


def test_a_backup_that_is_put_back_is_the_site_as_it_was(app: Flask, tmp_path: Path) -> None:
    settings = app.config["SETTINGS"]
    article, ann, bob = make_talk(), make_member("Ann, “quoted”"), make_member()
    root = say(article, ann, "A line\n\nand *another*, with \\N and a tab\there, and ünïcode 🙂.")
    say(article, bob, to=root)
    respect(root, bob)
    article, bob = fresh(article), fresh(bob)
    db.session.expunge_all()  # they are asked for words again when the database is another one
    pictures = settings.data_dir / "pictures"
    pictures.mkdir(exist_ok=True)
    (pictures / "a-picture.webp").write_bytes(b"\0\1picture")
    before = everything()
    made = backup.make(settings, tmp_path)
    say(article, bob, "Said after the backup, and lost with what is put in its place.")
    (pictures / "a-picture.webp").unlink()
    with pytest.raises(CannotBackUp, match="--replace"):
        backup.restore(settings, made.path, replace=False)
    backup.restore(settings, made.path, replace=True)
    after = everything()
    assert after.keys() == before.keys()
    assert {name for name in before if after[name] != before[name]} == set()
    assert (pictures / "a-picture.webp").read_bytes() == b"\0\1picture"
    later = say(article, bob, "Life goes on, with numbers that nobody had.")
    assert later > root
    assert drifts(article) == []
    make_user()


def test_a_backup_made_while_people_write_holds_one_moment(app: Flask, tmp_path: Path) -> None:
    settings = app.config["SETTINGS"]
    article, people = make_talk(), [make_member() for _ in range(3)]
    for person in people:
        say(article, person)
    fresh(article)
    over = threading.Event()
    failed: list[BaseException] = []

    def write(person: Any) -> None:
        with app.app_context():
            try:
                while not over.is_set():
                    say(article, person)
            except BaseException as error:
                failed.append(error)
            finally:
                db.session.remove()

    loaded = [fresh(person) for person in people]
    db.session.expunge_all()
    writing = [threading.Thread(target=write, args=(person,)) for person in loaded]
    for each in writing:
        each.start()
    made = [backup.make(settings, tmp_path / str(number)) for number in range(3)]
    over.set()
    for each in writing:
        each.join(30)
    assert failed == []
    backup.restore(settings, made[-1].path, replace=True)
    assert drifts(article) == [], "the counters belong to the same moment as what they count"
    assert len(db.session().scalars(select(Comment.id)).all()) >= len(people)


def test_a_damaged_or_foreign_file_is_refused_and_changes_nothing(app: Flask, tmp_path: Path) -> None:
    settings = app.config["SETTINGS"]
    make_site()
    make_user()
    made = backup.make(settings, tmp_path)
    before = everything()
    data = made.path.read_bytes()
    (tmp_path / "short.tar.gz").write_bytes(data[: len(data) // 2])
    with tarfile.open(tmp_path / "foreign.tar.gz", "w:gz") as tar:
        tar.add(__file__, "something.py")
    (tmp_path / "none.tar.gz").write_bytes(b"no archive")
    middle = len(data) // 2
    (tmp_path / "bent.tar.gz").write_bytes(data[:middle] + bytes(64) + data[middle + 64:])
    for name, words in {"short": "damaged", "bent": "damaged", "foreign": "no backup", "none": "no backup"}.items():
        with pytest.raises(CannotBackUp, match=words) as refused:
            backup.restore(settings, tmp_path / f"{name}.tar.gz", replace=True)
        assert "method" not in str(refused.value)
        assert "\n" not in str(refused.value)
    assert everything() == before


def test_a_file_that_wants_to_lie_elsewhere_is_refused_and_links_are_left_out(app: Flask, tmp_path: Path) -> None:
    settings = app.config["SETTINGS"]
    make_site()
    made = backup.make(settings, tmp_path)
    before, outside = everything(), tmp_path / "outside"
    for name in (f"../{outside.name}", str(outside)):
        with tarfile.open(made.path) as tar, tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as bad:
            manifest = json.loads(tar.extractfile(backup.MANIFEST).read())  # type: ignore[union-attr]
            link = tarfile.TarInfo("pictures")
            link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
            bad.addfile(link)
            manifest["files"][name] = hashlib.sha256(b"mine").hexdigest()
            for what, data in {name: b"mine", backup.MANIFEST: json.dumps(manifest).encode()}.items():
                entry = tarfile.TarInfo(what)
                entry.size = len(data)
                bad.addfile(entry, io.BytesIO(data))
            for entry in tar:
                if entry.isfile() and entry.name != backup.MANIFEST:
                    bad.addfile(entry, tar.extractfile(entry))
        with pytest.raises(CannotBackUp, match="wants to write to"):
            backup.restore(settings, tmp_path / "bad.tar.gz", replace=True)
        assert not outside.exists()
    assert everything() == before


def test_a_restore_that_fails_in_the_middle_leaves_the_site_as_it_was(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app.config["SETTINGS"]
    article = make_talk()
    say(article, make_member())
    made = backup.make(settings, tmp_path)
    before = everything()
    whole = backup.check(made.path)
    counted = backup.Manifest(**{
        name: getattr(whole, name) for name in ("made_at", "database", "revision", "files", "format")
    }, tables=whole.tables | {"comment": whole.tables["comment"] + 1})  # fmt: skip
    monkeypatch.setattr(backup, "check", lambda *_: counted)
    with pytest.raises(CannotBackUp, match="rows"):
        backup.restore(settings, made.path, replace=True)
    assert everything() == before


def test_only_the_newest_backups_are_kept(app: Flask, tmp_path: Path) -> None:
    for number in range(1, 5):
        (tmp_path / f"rejoinder-2026010{number}-000000.tar.gz").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not ours")
    assert [path.name for path in backup.keep(tmp_path, 2)] == [
        "rejoinder-20260102-000000.tar.gz", "rejoinder-20260101-000000.tar.gz",
    ]  # fmt: skip
    assert len(backup.listed(tmp_path)) == 2
    assert (tmp_path / "notes.txt").exists()


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(CannotBackUp, match="could not be written"):
        backup.make(app.config["SETTINGS"], tmp_path / "a-file")


def test_the_commands_say_what_they_did(app: Flask, tmp_path: Path) -> None:
    make_site()
    run = app.test_cli_runner().invoke
    made = run(args=["backup", "--to", str(tmp_path), "--keep", "3"])
    assert made.exit_code == 0, made.output
    (archive,) = tmp_path.glob("*.tar.gz")
    assert archive.stat().st_mode & 0o077 == 0, "for nobody else's eyes"
    checked = run(args=["restore", "--check", str(archive)])
    assert "is whole" in checked.output
    refused = run(args=["restore", str(archive)])
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    with transaction() as session:
        session.execute(text("DELETE FROM heartbeat"))
    assert run(args=["restore", "--replace", str(archive)]).exit_code == 0
