"""What becomes of what people send while a disk is full or read-only, and while PostgreSQL is away: an honest answer,
nothing acknowledged is lost, and nobody has to do anything afterwards.
"""

import selectors
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import create_engine, make_url, select

from app import create_app
from blueprints.articles import sharing
from blueprints.articles.service import SIZES, write_picture
from core import limits
from core.config import Settings
from core.db import db, transaction
from core.images import prepare_picture
from core.migrations import upgrade_if_needed
from models.article import Article, Picture
from models.thread import Comment
from models.user import User
from tests.api.asking import Program, key_of
from tests.browser import Browser, text_of
from tests.factories import make_article, make_plan, make_site, make_user, viewer_of
from tests.server.serving import PATIENCE, Served, start

NOT_TAKEN_IN = "What you sent was not taken in"
DISK_MB = 24
SCRIPT = {"X-Requested-With": "fetch"}


class Disk:
    """A small disk of its own, seen through a second mount that can be made read-only."""

    def __init__(self, folder: Path) -> None:
        self._whole, self.folder = folder / "whole", folder / "seen"
        for each in (self._whole, self.folder):
            each.mkdir()
        try:
            _mount("-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(self._whole))
        except subprocess.CalledProcessError:
            pytest.skip("Only root can make a small disk, so what a full one does is left out.")
        _mount("--bind", str(self._whole), str(self.folder))

    def fill(self) -> None:
        with suppress(OSError), (self.folder / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        (self.folder / "filling").unlink()

    def remount(self, how: str) -> None:
        """Read-only, or writable again, for whatever is opened from now on."""
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        _mount("--bind", str(self._whole), str(self.folder))
        _mount("-o", f"remount,bind,{how}", str(self.folder))

    def remove(self) -> None:
        for each in (self.folder, self._whole):
            subprocess.run(["umount", "-l", str(each)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.remove()


@pytest.fixture
def on_disk(disk: Disk, migrated_app: Flask) -> Iterator[Flask]:
    """The application with its SQLite database and its pictures on that disk."""
    given = migrated_app.config["SETTINGS"].database_url
    template = Path(str(make_url(given).database)).with_suffix(".template")
    if given.startswith("sqlite"):
        shutil.copy(template, disk.folder / "rejoinder.sqlite3")
    app = create_app(Settings(
        data_dir=disk.folder, database_url="", secret_key="a-key-for-tests-only", redis_url="",
        site_url="http://localhost", mail_url="", stripe_secret_key="", stripe_webhook_secrets="",
        rejoinder_mode="demo",
    ))  # fmt: skip
    with app.app_context():
        upgrade_if_needed()
        make_site()
        yield app
        db.session.remove()
        db.engine.dispose()


def talk() -> tuple[Article, User]:
    return make_article(thread_values={"pace_seconds": 0}), make_user(plan=make_plan(share_links=1))


def said() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Comment.body_source).order_by(Comment.id)))


@pytest.mark.parametrize("way", ["full", "read-only"])
def test_a_disk_that_takes_nothing_is_said_and_loses_nothing(
    on_disk: Flask, disk: Disk, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    article, member = talk()
    browser = Browser(on_disk).sign_in(member)
    page = f"/articles/{article.slug}"
    address = f"{page}/comments"
    assert browser.post(address, {"body": "Said while there was room."}).status_code == 303
    with_key, giver = Program(on_disk, key=key_of(member)), viewer_of(make_user(plan=make_plan()))
    with transaction():
        given = sharing.address_of(article.slug, sharing.give_link(giver, article.id, readable=True).id)
    db.session.remove()
    if way == "full":
        disk.fill()
    else:
        db.engine.dispose()  # what is open stays writable
        disk.remount("ro")
    answers = [browser.post(address, {"body": f"Said into nothing, {number}. " + "Many words. " * 300}) for number in range(3)]
    by_script = browser.post(address, {"body": "Said by a script. " + "Many words. " * 300}, headers=SCRIPT)
    assert [answer.status_code for answer in (*answers, by_script)] == [503] * 4
    assert NOT_TAKEN_IN in text_of(answers[0])
    assert NOT_TAKEN_IN in by_script.get_data(as_text=True)
    assert answers[0].headers["Retry-After"]
    if way == "full":
        assert "Said while there was room." in text_of(browser.get(page))  # reading goes on
        assert "gives you this article" in text_of(browser.get(given))
        for program in (Program(on_disk), with_key):
            assert program.read(f"{page[1:]}/comments")["count"] == 1
        monkeypatch.setattr(limits, "DEMO_FACTOR", 1)
        searches = [browser.get("/search?q=said") for _ in range(31)]
        assert [answer.status_code for answer in searches] == [200] * 30 + [429]
        assert int(searches[-1].headers["Retry-After"]) > 0
        disk.free()
    else:
        disk.remount("rw")
    assert browser.post(address, {"body": "Said when there was room again."}).status_code == 303
    assert said() == ["Said while there was room.", "Said when there was room again."]


def test_a_picture_that_finds_no_room_is_refused_and_leaves_nothing_behind(on_disk: Flask, disk: Disk) -> None:
    editor = Browser(on_disk).sign_in(make_user(roles=("editor",)))
    db.session.remove()
    disk.fill()
    content = BytesIO()
    Image.effect_noise((600, 400), 90).convert("RGB").save(content, "PNG")
    content.seek(0)
    answer = editor.post("/newsroom/articles/new", {"headline": "With a picture", "picture": (content, "noise.png")})
    assert answer.status_code == 503
    assert NOT_TAKEN_IN in text_of(answer)
    disk.free()
    assert db.session.scalars(select(Picture)).all() == []
    assert list((disk.folder / "pictures").iterdir()) == []


@pytest.mark.once
@pytest.mark.parametrize("way", ["full", "read-only"])
def test_smaller_pictures_are_shown_from_a_disk_that_takes_none(on_disk: Flask, disk: Disk, way: str) -> None:
    content = BytesIO()
    Image.effect_noise((600, 400), 90).convert("RGB").save(content, "PNG")
    content.seek(0)
    picture = prepare_picture(content)
    write_picture(picture)
    address = f"/pictures/{picture.sha256}-400.webp"
    sizes = disk.folder / SIZES
    if way == "full":
        disk.fill()
    else:
        disk.remount("ro")
    shown = [Browser(on_disk).get(address) for _ in range(2)]
    assert [(answer.status_code, answer.data) for answer in shown] == [(200, shown[0].data)] * 2
    assert Image.open(BytesIO(shown[0].data)).size == (400, 267)
    assert list(sizes.iterdir() if sizes.exists() else []) == []


class Passage:
    """A way to PostgreSQL that can be closed: every line breaks, and no new one is taken."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lines: set[socket.socket] = set()
        self._open()

    def _open(self) -> None:
        self.is_open = True
        threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def _take(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._to)
                self._lines |= {near, far}
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, suppress(OSError, ValueError):
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                    if not data:
                        raise OSError
                    key.data.sendall(data)
        for line in (near, far):
            line.close()

    def close(self) -> None:
        self.is_open = False
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_lines()

    def break_lines(self) -> None:
        """As a restart of PostgreSQL does to those who are connected."""
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._lines.clear()

    def open_again(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._open()


@pytest.fixture
def through(house: Flask) -> Iterator[tuple[Passage, Served]]:
    url = make_url(house.config["SETTINGS"].database_url)
    passage = Passage(url.host or "127.0.0.1", url.port or 5432)
    there = url.set(host="127.0.0.1", port=passage.port).render_as_string(hide_password=False)
    served = start(house, DATABASE_URL=there, WEB_THREADS="4")
    yield passage, served
    if not passage.is_open:
        passage.open_again()
    served.end()
    passage.close()


@pytest.mark.postgresql
def test_while_postgresql_is_away_nothing_is_promised_and_afterwards_all_goes_on(through: tuple[Passage, Served]) -> None:
    passage, served = through
    with served.inside():
        article, member = talk()
        path, thread = f"/articles/{article.slug}", f"/articles/{article.slug}/comments"
        cookie, token = served.token(member)

    def post(words: str) -> tuple[int, str]:
        body = f"csrf_token={token}&body={words}".encode()
        answer = served.ask(thread, "POST", body, cookie=cookie, content_type="application/x-www-form-urlencoded")
        return answer.status, answer.body.decode()

    assert [served.ask(path).status for _ in range(3)] == [200] * 3
    assert post("Before.")[0] == 303
    passage.close()
    assert [served.ask(path).status for _ in range(3)] == [503] * 3
    status, text = post("Meanwhile.")
    assert status == 503
    assert NOT_TAKEN_IN in text
    assert served.ask("/livez").status == 200
    assert served.ask("/readyz").status == 503
    passage.open_again()
    assert [served.ask(path).status for _ in range(3)] == [200] * 3
    assert post("Afterwards.")[0] == 303
    passage.break_lines()  # a restart that nobody noticed
    time.sleep(0.1)
    assert post("And.again.")[0] == 303
    assert [served.ask(path).status for _ in range(3)] == [200] * 3
    _until(lambda: served.ask("/readyz").status == 200)  # the worker has come back too
    with served.inside():
        assert said()[-3:] == ["Before.", "Afterwards.", "And.again."]


@pytest.fixture
def reading_only(house: Flask) -> Iterator[Callable[[str], None]]:
    """Says whether the database may only be read, to all who connect from then on."""
    url = make_url(house.config["SETTINGS"].database_url)
    with create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT").connect() as outside:

        def say(how: str) -> None:
            outside.exec_driver_sql(f'ALTER DATABASE "{url.database}" SET default_transaction_read_only = {how}')

        yield say
        say("off")


@pytest.mark.postgresql
def test_a_database_that_could_only_be_read_for_a_while_is_written_again_without_a_hand(
    through: tuple[Passage, Served], reading_only: Callable[[str], None]
) -> None:
    passage, served = through
    with served.inside():
        article, member = talk()
        path, thread = f"/articles/{article.slug}", f"/articles/{article.slug}/comments"
        cookie, token = served.token(member)
        key = key_of(member)

    def post(words: str) -> tuple[int, str]:
        body = f"csrf_token={token}&body={words}".encode()
        answer = served.ask(thread, "POST", body, cookie=cookie, content_type="application/x-www-form-urlencoded")
        return answer.status, answer.body.decode()

    assert post("Before.")[0] == 303
    reading_only("on")
    passage.break_lines()
    time.sleep(0.1)
    for _ in range(3):
        assert served.ask(path, cookie=cookie).status == 200
        assert [served.ask(f"/api/v1{thread}", **who).status for who in ({}, {"authorization": f"Bearer {key}"})] == [200, 200]
        status, text = post("Meanwhile.")
        assert status == 503
        assert NOT_TAKEN_IN in text
    reading_only("off")
    post("The.first.may.still.meet.a.connection.of.then.")
    assert [post(words)[0] for words in ("Afterwards.", "And.again.", "And.again.and.again.")] == [303] * 3
    _until(lambda: served.ask("/readyz").status == 200)
    with served.inside():
        assert said()[-3:] == ["Afterwards.", "And.again.", "And.again.and.again."]


def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)
