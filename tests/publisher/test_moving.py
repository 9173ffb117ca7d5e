"""The whole site out of one installation and into a fresh one: the same, or nothing at all."""

import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from PIL import Image
from sqlalchemy import insert, inspect, select, text, update

from app import create_app
from blueprints.articles.service import store_picture, write_picture
from blueprints.moderation import ledger
from blueprints.moderation.queries_queues import recount_backlog
from blueprints.publisher import site_export, site_import
from blueprints.publisher.site_archive import CannotMove
from blueprints.publisher.site_export import export_site
from blueprints.publisher.site_import import check_archive, import_site, why_not_here
from blueprints.publisher.site_nouns import nouns
from blueprints.threads.counters import recount
from blueprints.threads.outside import SEALED_FOR, secret_of
from blueprints.threads.search import index
from core.config import Settings
from core.db import db, transaction
from core.images import prepare_picture
from core.migrations import upgrade_if_needed
from core.sealing import seal
from jobs.worker import run_all
from models.article import Article
from models.moderation import ModerationAction
from models.screening import ScreeningService
from models.thread import Comment, Draft, Thread
from models.user import User
from tests.browser import Browser
from tests.conftest import _empty, _file
from tests.factories import fresh
from tests.security.paper import make_paper
from tests.threads.talk import make_member, respect, say

Change = Callable[[list[dict[str, Any]]], None]
HTML = ("article.body_html", "comment.body_html", "revision.body_html")


@pytest.fixture(scope="module")
def elsewhere_app(migrated_app: Flask, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Another installation, on SQLite whatever the tests run on, with a copy of its database as it begins."""
    folder = tmp_path_factory.mktemp("elsewhere")
    other = create_app(_settings(migrated_app, folder / "site.sqlite3", folder / "data"))
    other.testing = True
    with other.app_context():
        if database_url.startswith("sqlite"):
            shutil.copy(_file(database_url).with_suffix(".template"), folder / "site.sqlite3")
        upgrade_if_needed()
        db.engine.dispose()
    shutil.copy(folder / "site.sqlite3", folder / "site.template")
    return other


@pytest.fixture
def elsewhere(app: Flask, elsewhere_app: Flask) -> Iterator[Flask]:
    """The other installation, fresh."""
    elsewhere_app.extensions.pop("rejoinder_site", None)
    yield elsewhere_app
    with elsewhere_app.app_context():
        db.session.remove()
        settings = elsewhere_app.config["SETTINGS"]
        _empty(settings.database_url)
        for path in (settings.data_dir / "pictures").glob("*"):
            path.unlink()


def _settings(app: Flask, file: Path, folder: Path) -> Settings:
    same = asdict(app.config["SETTINGS"])
    return Settings(**same | {"database_url": f"sqlite:///{file}", "data_dir": folder})


def make_everything(app: Flask) -> Article:
    """A paper with decisions, a tree, a person who is named, a picture, drafts of a reader and of a guest."""
    paper = make_paper(app)
    ann, bob = make_member("Ann Lee"), make_member("Bob, “quoted”")
    article = fresh(paper.article)
    root = say(article, ann, "A line\n\nand *another*, with a tab\there, and ünïcode 🙂 <b>.")
    reply = say(article, bob, "I see, @Ann Lee, what you mean.", to=root)
    say(article, ann, "Deeper.", to=reply)
    respect(root, bob)
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(picture, "PNG")
    prepared = prepare_picture(io.BytesIO(picture.getvalue()))
    write_picture(prepared)
    with transaction() as session:
        stored = store_picture(session, prepared, None)
        session.execute(update(Article).values(picture_id=stored.id))
        session.add(ScreeningService(name="Outside", url="https://outside.test", secret=seal("the old secret", SEALED_FOR), severity="hold"))
    Browser(app).post(f"/articles/{article.slug}/comments", {"body": "A guest's words, kept for the guest."})
    paper.browser("author").post(f"/articles/{article.slug}/comments", {"body": "", "save_draft": "1"})
    article = fresh(article)
    db.session.expunge_all()  # it is asked for its number again when the database is another one
    db.session.remove()
    return article


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Every row that moves, as plain values."""
    db.session.remove()
    with db.engine.connect() as connection:
        return {
            noun.name: sorted((tuple(row) for row in connection.execute(select(*noun.columns))), key=repr)
            for noun in nouns()
        }


def html_of(full: str) -> list[tuple[Any, ...]]:
    table, _, column = full.partition(".")
    with db.engine.connect() as connection:
        return sorted(map(tuple, connection.execute(text(f"SELECT id, {column} FROM {table}"))))


def said_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zipfile.ZipFile(path).read("manifest.json"))
    return found


def altered(path: Path, to: Path, noun: str = "", change: Change | None = None, **said: Any) -> Path:
    """The archive with other rows of one noun, and sums that fit."""
    manifest = said_of(path) | said
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if change and name == f"{noun}.jsonl":
                rows = [json.loads(line) for line in content.splitlines()]
                change(rows)
                content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
                manifest["nouns"][noun] |= {
                    "rows": len(rows), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
                }  # fmt: skip
            if name != "manifest.json":
                new.writestr(name, content)
        new.writestr("manifest.json", json.dumps(manifest))
    return to


def test_a_site_that_moved_is_the_site_as_it_was_and_moves_back(
    app: Flask, elsewhere: Flask, database_url: str, tmp_path: Path
) -> None:
    article = make_everything(app)
    before, html = everything(), {full: html_of(full) for full in HTML}
    exported = export_site(tmp_path / "site.zip")
    assert (tmp_path / "site.zip").stat().st_mode & 0o077 == 0, "for nobody else's eyes"
    assert exported.pictures == 1
    with elsewhere.app_context():
        assert check_archive(tmp_path / "site.zip") == exported
        taken = import_site(tmp_path / "site.zip")
        assert (taken.drifts, taken.ledger_problem, taken.publishers) == (0, "", 1)
        assert taken.ledger_entries == len(before["moderation_action"]) > 1
        after = everything()
        assert {name for name in before if after[name] != before[name]} == {"draft", "job"}
        assert before["mention"]
        assert before["sanction"]
        assert all(row[2] is not None for row in after["draft"]), "a guest's words stay where the guest's browser is known"
        for full in HTML[1:]:
            assert html_of(full) == html[full]
        assert ledger.verify(db.session()).problem == ""
        db.session.remove()
        for thread_id in db.session().scalars(select(Thread.id)).all():
            assert recount(db.session(), thread_id, lock=False) == []
        picture = Browser(elsewhere).get(f"/pictures/{before['picture'][0][1]}.webp")
        assert picture.status_code == 200
        assert picture.data[8:12] == b"WEBP"
        users = db.session().scalars(select(User)).all()
        assert {user.password for user in users} == {None}
        service = db.session().scalars(select(ScreeningService)).one()
        assert secret_of(service) not in {"the old secret", None}
        db.session.remove()
        export_site(tmp_path / "again.zip")
        run_all()
        published, unknown = index.standing(db.session())
        assert published
        assert unknown == 0, "the search knows every word"
        page = Browser(elsewhere).get(f"/articles/{article.slug}")
        assert "ünïcode 🙂 &lt;b&gt;" in page.text
        later = say(fresh(article), make_member(), "Life goes on, with numbers that nobody had.")
        assert later > max(row[0] for row in before["comment"])
        db.session.remove()
    first, again = said_of(tmp_path / "site.zip"), said_of(tmp_path / "again.zip")
    differing = {name for name, said in first["nouns"].items() if again["nouns"][name] != said}
    assert differing <= {"job"}, "what goes out again is what came in, to the byte"
    assert again["nouns"]["job"]["rows"] == first["nouns"]["job"]["rows"] + 1, "the search has to learn the words"
    # and back into a database of the first kind
    with app.app_context():
        db.session.remove()
        _empty(database_url)
        import_site(tmp_path / "again.zip")
        back = everything()
        assert {name for name in before if back[name] != before[name]} == {"draft", "job"}
        assert recount_backlog(db.session()) == [], "the desk's numbers too"
        db.session.remove()
        assert say(fresh(article), make_member(), "Here too.") > max(row[0] for row in before["comment"])


def test_passwords_go_along_only_when_they_are_asked_for(app: Flask, elsewhere: Flask, tmp_path: Path) -> None:
    make_everything(app)
    with transaction() as session:
        session.execute(update(User).values(password="$argon2id$kept"))
    export_site(tmp_path / "without.zip")
    export_site(tmp_path / "with.zip", passwords=True)
    for name, is_there in (("without", False), ("with", True)):
        content = zipfile.ZipFile(tmp_path / f"{name}.zip").read("user.jsonl")
        assert (b"argon2id" in content) is is_there
        assert b"uniquifier" not in content
    old = set(db.session().scalars(select(User.fs_uniquifier)).all())
    with elsewhere.app_context():
        import_site(tmp_path / "with.zip")
        assert set(db.session().scalars(select(User.password)).all()) == {"$argon2id$kept"}
        assert not old & set(db.session().scalars(select(User.fs_uniquifier)).all()), "every session of before is over"


def test_an_archive_made_while_people_write_holds_one_moment(
    app: Flask, elsewhere: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    article, writer = make_everything(app), make_member()
    article, writer = fresh(article), fresh(writer)
    db.session.expunge_all()
    monkeypatch.setattr(site_export, "NOTED_EVERY", 20)
    before, said = everything(), []

    def write(_done: int, _rows: int) -> None:
        said.append(say(article, writer))

    export_site(tmp_path / "site.zip", note=write)
    assert said
    with elsewhere.app_context():
        assert import_site(tmp_path / "site.zip").drifts == 0
        assert everything()["comment"] == before["comment"]


def test_only_a_fresh_install_takes_a_site_in_and_of_two_at_once_one_does(
    app: Flask, database_url: str, tmp_path: Path
) -> None:
    make_everything(app)
    export_site(tmp_path / "site.zip")
    with pytest.raises(CannotMove, match="There is a site here already"):
        import_site(tmp_path / "site.zip")
    db.session.remove()
    _empty(database_url)
    outcomes: list[str] = []

    def take() -> None:
        with app.app_context():
            try:
                import_site(tmp_path / "site.zip")
                outcomes.append("")
            except CannotMove as error:
                outcomes.append(str(error))
            finally:
                db.session.remove()

    both = [threading.Thread(target=take) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    assert sorted(bool(said) for said in outcomes) == [False, True]
    assert "already" in max(outcomes)
    assert db.session().scalars(select(Comment.id)).all()


def _more(values: dict[str, Any], at: int = 0) -> Change:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[at] |= values

    return change


def _twice(rows: list[dict[str, Any]]) -> None:
    rows.append(rows[-1])


def _under_a_stranger(rows: list[dict[str, Any]]) -> None:
    [reply, *_] = [row for row in rows if row["parent_id"]]
    reply["parent_id"] = next(row["id"] for row in rows if row["id"] != reply["parent_id"] and row["id"] < reply["id"])


HOSTILE: dict[str, tuple[str, Change, str]] = {
    "HTML of its own": ("comment", _more({"body_html": "<script>x</script>"}), "line 1 of comment.jsonl is wrong"),
    "a person who is not there": ("comment", _more({"author_id": 999_999}), "does not hang together"),
    "a reply under a stranger": ("comment", _under_a_stranger, "does not hang under its parent"),
    "a root that is none": ("comment", _more({"depth": 1}), "does not stand in its own tree"),
    "the same row twice": ("user", _twice, "does not hang together"),
    "a number that is none": ("comment", _more({"respect_count": "many"}), "respect_count is no integer"),
    "a number without end": ("comment", _more({"score": float("inf")}), "score is no number"),
    "a number too large": ("comment", _more({"respect_count": 2**40}), "respect_count is too large"),
    "a name too long": ("user", _more({"display_name": "x" * 81}), "display_name is too long"),
    "half a letter": ("user", _more({"display_name": "\ud800"}), "holds what no text does"),
    "a moment without a zone": ("comment", _more({"created_at": "2026-01-01T00:00:00"}), "created_at is no moment"),
    "nothing where something is": ("article", _more({"slug": None}), "slug is empty"),
    "a state that is none": ("thread", _more({"state": "ajar"}), "does not hang together"),
    "work that is unknown": ("job", _more({"kind": "os.system"}), "work that is unknown here: 'os.system'"),
    "an altered decision": ("moderation_action", _more({"reason": "Never said."}), "The ledger in this archive is broken"),
}


@pytest.mark.once
@pytest.mark.parametrize("what", HOSTILE)
def test_an_archive_that_somebody_altered_is_refused_in_a_sentence_and_changes_nothing(
    app: Flask, elsewhere: Flask, paper_archive: Path, tmp_path: Path, what: str
) -> None:
    noun, change, words = HOSTILE[what]
    path = altered(paper_archive, tmp_path / "altered.zip", noun, change)
    with elsewhere.app_context():
        refused(path, words)


def refused(path: Path, words: str) -> None:
    with pytest.raises(CannotMove, match=words) as said:
        check_archive(path)
        import_site(path)
    assert "\n" not in str(said.value)
    db.session.remove()
    assert why_not_here() is None
    assert not list((current_app.config["SETTINGS"].data_dir / "pictures").glob("*"))


@pytest.fixture(scope="module")
def paper_archive(migrated_app: Flask, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One archive for all who alter it."""
    path = tmp_path_factory.mktemp("archive") / "site.zip"
    with migrated_app.app_context():
        make_everything(migrated_app)
        export_site(path)
        db.session.remove()
        _empty(database_url)
    return path


@pytest.mark.once
def test_files_that_are_no_sound_archive_are_refused_in_a_sentence(
    elsewhere: Flask, paper_archive: Path, tmp_path: Path
) -> None:
    data = paper_archive.read_bytes()
    middle = len(data) // 2

    def written(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    def with_file(name: str, content: bytes = b"x", times: int = 1) -> Path:
        path = written("with.zip", data)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            for _ in range(times):
                archive.writestr(name, content)
        return path

    def without_manifest() -> Path:
        with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
            archive.writestr("posts.json", "[]")
        return tmp_path / "foreign.zip"

    with elsewhere.app_context():
        refused(written("none.zip", b"no archive"), "it cannot be unpacked")
        refused(written("empty.zip", b""), "it cannot be unpacked")
        refused(written("short.zip", data[:middle]), "it cannot be unpacked")
        refused(written("bent.zip", data[:300] + bytes(64) + data[364:]), "it cannot be unpacked|is not what was written")
        refused(without_manifest(), "no archive of a site")
        refused(with_file("../../etc/cron.d/x"), "no archive of a site: it holds '../../etc")
        refused(with_file("/etc/passwd"), "it holds '/etc/passwd'")
        refused(with_file("pictures/../x.webp"), "it holds 'pictures/../x.webp'")
        with pytest.warns(UserWarning, match="Duplicate"):
            refused(with_file("user.jsonl"), "a file twice")
        refused(with_file("pictures/" + "0" * 64 + ".webp"), "should hold 1 pictures")
        refused(with_file("bomb.jsonl", bytes(8 * 1024 * 1024)), "unpacks to far more")
        refused(altered(paper_archive, tmp_path / "new.zip", format=2), "a newer version")
        refused(altered(paper_archive, tmp_path / "old.zip", format=0), "another version")
        refused(altered(paper_archive, tmp_path / "next.zip", revision="9999"), "a newer version.*install that version")
        refused(altered(paper_archive, tmp_path / "odd.zip", pictures="one"), "cannot be read")
        nouns_said = said_of(paper_archive)["nouns"]
        refused(altered(paper_archive, tmp_path / "noun.zip", nouns=nouns_said | {"poll": nouns_said["mute"]}), "'poll', unknown here")
        other = nouns_said | {"mute": nouns_said["mute"] | {"fields": {"body_html": "text"}}}
        refused(altered(paper_archive, tmp_path / "field.zip", nouns=other), "field 'body_html', unknown here")


def test_a_picture_that_is_none_is_refused(elsewhere: Flask, paper_archive: Path, tmp_path: Path) -> None:
    page = b"<svg onload=alert(1)>"
    with zipfile.ZipFile(paper_archive) as old, zipfile.ZipFile(tmp_path / "picture.zip", "w") as new:
        for name in old.namelist():
            is_picture = name.startswith("pictures/")
            new.writestr(f"pictures/{hashlib.sha256(page).hexdigest()}.webp" if is_picture else name, page if is_picture else old.read(name))
    with elsewhere.app_context():
        refused(tmp_path / "picture.zip", "one of its pictures is no picture")


def test_a_notice_that_leads_elsewhere_is_refused(elsewhere: Flask, paper_archive: Path, tmp_path: Path) -> None:
    def add(rows: list[dict[str, Any]]) -> None:
        fields = said_of(paper_archive)["nouns"]["notice_cause"]["fields"]
        row = dict.fromkeys(fields, "") | {"id": 1, "notice_id": None, "user_id": 1, "actor_id": None, "withdrawn_at": None,
               "kind": "reply", "mail": "never", "created_at": "2026-01-01T00:00:00+00:00"}  # fmt: skip
        rows.append(row | {"url": "javascript:alert(1)"})

    with elsewhere.app_context():
        refused(altered(paper_archive, tmp_path / "url.zip", "notice_cause", add), "leads away from this site")


def test_a_ledger_that_was_broken_before_is_taken_in_only_when_that_is_said(
    elsewhere: Flask, paper_archive: Path, tmp_path: Path
) -> None:
    path = altered(paper_archive, tmp_path / "altered.zip", "moderation_action", _more({"reason": "Never said."}))
    with elsewhere.app_context():
        taken = import_site(path, accept_broken_ledger=True)
        assert "Decision 1 was altered" in taken.ledger_problem


def test_counters_that_were_wrong_are_counted_anew(elsewhere: Flask, paper_archive: Path, tmp_path: Path) -> None:
    path = altered(paper_archive, tmp_path / "altered.zip", "comment", _more({"respect_count": 77}))
    with elsewhere.app_context():
        assert import_site(path).drifts == 1
        assert 77 not in db.session().scalars(select(Comment.respect_count)).all()


def test_the_demos_people_do_not_come_into_a_paper_of_its_own(
    elsewhere: Flask, paper_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = altered(paper_archive, tmp_path / "altered.zip", "user", _more({"is_demo": True}))
    settings = elsewhere.config["SETTINGS"]
    settings = Settings(**asdict(settings) | {"rejoinder_mode": "production"})
    monkeypatch.setitem(elsewhere.config, "SETTINGS", settings)
    with elsewhere.app_context():
        refused(path, "The demo's people")


def test_an_import_that_breaks_off_leaves_a_fresh_install(
    elsewhere: Flask, paper_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(done: int, rows: int) -> None:
        if done > rows // 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(site_import, "WRITTEN_AT_ONCE", 5)
    with elsewhere.app_context():
        with pytest.raises(KeyboardInterrupt):
            import_site(paper_archive, note=note)
        db.session.remove()
        assert why_not_here() is None
        assert import_site(paper_archive).drifts == 0, "and it can be begun again"


def test_a_drafts_place_and_words_move_with_their_reader(app: Flask, elsewhere: Flask, tmp_path: Path) -> None:
    article = make_everything(app)
    reader = make_member()
    with transaction() as session:
        from core import clock

        session.execute(insert(Draft).values(user_id=reader.id, article_id=article.id, parent_key=0, body="Half a tho",
                                             updated_at=clock.now(), expires_at=clock.now()))  # fmt: skip
    export_site(tmp_path / "site.zip")
    with elsewhere.app_context():
        import_site(tmp_path / "site.zip")
        assert db.session().scalars(select(Draft.body)).all() == ["Half a tho"]


def test_the_commands_say_what_they_did(app: Flask, elsewhere: Flask, tmp_path: Path) -> None:
    file = tmp_path / "site.zip"
    run = app.test_cli_runner().invoke
    nothing = run(args=["export", str(file)])
    assert (nothing.exit_code, "no site here yet" in nothing.output, file.exists()) == (1, True, False)
    make_everything(app)
    made = run(args=["export", str(file)])
    assert made.exit_code == 0, made.output
    assert "The Meridian" in made.output
    assert "is there already" in run(args=["export", str(file)]).output
    assert run(args=["export", str(file), "--replace"]).exit_code == 0
    assert "could not be written" in run(args=["export", str(tmp_path / "nowhere" / "x.zip")]).output
    assert "There is a site here already" in run(args=["import", str(file)]).output
    assert "There is a site here already" in run(args=["import", "--check", str(file)]).output
    db.session.remove()
    with elsewhere.app_context():
        there = elsewhere.test_cli_runner().invoke
        tried = there(args=["import", "--check", str(file)])
        assert "It would make" in tried.output
        assert "fresh install, which can take it in" in tried.output
        assert why_not_here() is None
        db.session.remove()
        done = there(args=["import", str(file)])
        assert done.exit_code == 0, done.output
        for words in ("1 of the people are publishers", "entries are sound", "Every counter agrees", "Forgotten your password?"):
            assert words in done.output


def test_of_an_older_archive_what_is_new_since_stays_as_it_begins(
    elsewhere: Flask, paper_archive: Path, tmp_path: Path
) -> None:
    """A noun that did not exist then has no rows; a field has what the database begins with."""
    def older(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            del row["thread_sort"]

    manifest = said_of(paper_archive)
    del manifest["nouns"]["user"]["fields"]["thread_sort"]
    path = altered(paper_archive, tmp_path / "older.zip", "user", older, nouns=manifest["nouns"])
    with elsewhere.app_context():
        import_site(path)
        assert set(db.session().scalars(select(User.thread_sort)).all()) == {None}


def test_decisions_keep_their_places_in_the_chain(elsewhere: Flask, paper_archive: Path) -> None:
    with elsewhere.app_context():
        import_site(paper_archive)
        ids = list(db.session().scalars(select(ModerationAction.id).order_by(ModerationAction.id)))
        assert ids == list(range(1, len(ids) + 1))




def test_a_check_makes_nothing_not_even_tables(app: Flask, paper_archive: Path, tmp_path: Path) -> None:
    nowhere = create_app(_settings(app, tmp_path / "none.sqlite3", tmp_path / "none"))
    with nowhere.app_context():
        done = nowhere.test_cli_runner().invoke(args=["import", "--check", str(paper_archive)])
        assert "fresh install, which can take it in" in done.output
        assert inspect(db.engine).get_table_names() == []
        db.engine.dispose()


@pytest.mark.once
def test_an_archive_that_leaves_out_where_comments_hang_is_refused_in_a_sentence(app: Flask, tmp_path: Path) -> None:
    make_everything(app)
    whole = export_site(tmp_path / "site.zip")
    assert "parent_id" in whole.nouns["comment"].fields
    said = said_of(tmp_path / "site.zip")["nouns"]
    del said["comment"]["fields"]["parent_id"]

    def leave_out(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            del row["parent_id"]

    with pytest.raises(CannotMove, match="comment has no field parent_id"):
        check_archive(altered(tmp_path / "site.zip", tmp_path / "less.zip", "comment", leave_out, nouns=said))
