"""Several boxes behind nginx, while one of each kind is switched off and one is cut off: nothing lost, doubled or stale.

Three web hosts, two with a worker, two with live streams, one with PostgreSQL and Redis, each in a network namespace of
its own with a folder of its own; nginx with deploy/nginx.conf in front. Members write, visitors read, readers hold live
streams, and an editor shuts and opens a story's gate while somebody looks through every door. Meanwhile a web host, a
worker's and a streams' are switched off and on again, and then another of each loses its network and gets it back. Then
everything is counted.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from flask import Flask
from sqlalchemy import select, update

from core import clock
from core.db import db, transaction
from jobs import queue
from models.article import Article
from models.membership import Entitlement
from models.thread import Thread
from models.user import User
from tests.bench import chaos, servers
from tests.bench.hosts import START_SECONDS, Host, begin_data, hosts
from tests.bench.measure import Verdict, same_data
from tests.bench.members import BROWSER, Member, sign_in, unpacked
from tests.bench.writing import thread_of
from tests.factories import make_article, make_section

PORT = 8000  # of every host
WEB, WORKERS, LIVE = 3, 2, 2
KEPT_SECONDS = 2.1  # nginx keeps a visitor's page for a second, and counts whole ones
SECRET = "the words behind the gate"
LOOK_PATIENCE = 8.0
OURS = ("502", "503", "504")  # what nginx says for a host that is gone; the person sends again


@dataclass(frozen=True)
class BoxesOptions:
    calm: float = 10.0  # seconds before, between and after what happens
    off: float = 8.0  # seconds without power
    apart: float = 20.0  # seconds without network
    writers: int = 6
    readers: int = 3
    streams: int = 8


@dataclass
class BoxesReport:
    lines: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


class Listener(threading.Thread):
    """Somebody whose browser holds a live stream, and comes back behind the last event when it ends.

    As the page does, it leaves out what it has heard: another host that is a moment behind says it again.
    """

    def __init__(self, port: int, slug: str, after: int, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.slug, self.last, self.over = port, slug, after, over
        self.heard: Counter[int] = Counter()  # by comment
        self.opened = 0
        self.reloads = 0

    def run(self) -> None:
        while not self.over.is_set():
            with suppress(OSError, HTTPException):
                self._listen()
            time.sleep(0.5)

    def _listen(self) -> None:
        line = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("GET", f"/articles/{self.slug}/live", headers={"Last-Event-ID": str(self.last)})
            answer = line.getresponse()
            if answer.status != 200:
                return
            self.opened += 1
            kind = ""
            while text := answer.readline():
                name, _, value = text.decode().strip().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind != "readers" and (event := json.loads(value))["n"] > self.last:
                    self.last = int(event["n"])
                    self.reloads += kind == "reload"
                    if kind == "comment":
                        self.heard[int(event["comment"])] += 1
                if self.over.is_set():
                    return
        finally:
            line.close()


class Gatekeeper(threading.Thread):
    """Shuts a story and opens it again, and takes a membership away; then looks through every door at once.

    The doors of the hosts must show it with the next request, nginx when its second is over.
    """

    def __init__(self, app: Flask, port: int, webs: list[Host], member: Member, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.app, self.port, self.webs, self.member, self.over = app, port, webs, member, over
        self.looks: Counter[str] = Counter()
        self.stale: Counter[str] = Counter()
        self.silent = 0
        with app.app_context():
            author = db.session.scalars(select(User.id).order_by(User.id).limit(1)).one()
            article = make_article(
                "A story with a gate", section=make_section(), read_audience="everyone", author_id=author,
                body_html=f"<p>For all.</p>\n<p>{SECRET}</p>", preview_html="<p>For all.</p>",
                body_source=f"For all.\n\n{SECRET}",
            )  # fmt: skip
            self.article_id, self.path = article.id, f"/articles/{article.slug}"
            self.member_id = db.session.scalars(select(User.id).where(User.email == member.email)).one()
            db.session.remove()

    def run(self) -> None:
        while not self.over.is_set():
            self._set(audience="everyone")
            time.sleep(KEPT_SECONDS)
            self._look("open", self.port, shown=True)
            self._set(audience="members", until=None)
            for web in self.webs:
                self._look(f"shut, {web.name}", PORT, shown=False, address=web.address)
            self._look("member", self.port, shown=True, cookie=True)
            time.sleep(KEPT_SECONDS)
            self._look("shut, nginx", self.port, shown=False)
            self._set(until="now")
            self._look("member whose time is over", self.port, shown=False, cookie=True)
            for web in self.webs:
                self._look(f"member whose time is over, {web.name}", PORT, shown=False, address=web.address, cookie=True)

    def _set(self, audience: str = "", until: str | None = "") -> None:
        with self.app.app_context():
            with transaction() as session:
                if audience:
                    session.execute(
                        update(Article).where(Article.id == self.article_id)
                        .values(read_audience=audience, version=Article.version + 1)
                    )  # fmt: skip
                if until != "":
                    ends_at = clock.now() if until == "now" else None
                    session.execute(
                        update(Entitlement).where(Entitlement.user_id == self.member_id).values(ends_at=ends_at)
                    )
            db.session.remove()

    def _look(self, what: str, port: int, *, shown: bool, address: str = "127.0.0.1", cookie: bool = False) -> None:
        line = HTTPConnection(address, port, timeout=LOOK_PATIENCE)
        try:
            line.request("GET", self.path, headers=self.member.headers if cookie else BROWSER)
            answer = line.getresponse()
            text = unpacked(answer.read(), answer.getheader("Content-Encoding"))
        except (OSError, HTTPException, EOFError):
            self.silent += 1
            return
        finally:
            line.close()
        if answer.status != 200:
            self.silent += 1
            return
        kind = what.partition(",")[0]
        self.looks[kind] += 1
        if (SECRET in text) != shown:
            self.stale[what] += 1


def run(options: BoxesOptions, say: Callable[[str], None] = print) -> BoxesReport:
    """Build it, let it all happen, count. Raises RuntimeError where there can be no namespaces."""
    with tempfile.TemporaryDirectory(prefix="rejoinder-boxes-") as name, hosts() as made:
        folder = Path(name)
        folder.chmod(0o755)
        data = made.add("data")
        database_url, redis_url = begin_data(data, folder)
        port = servers.free_port()
        settings = servers.environment(folder / "seed", PORT, database_url, 1, 4) | {
            "REDIS_URL": redis_url, "SECRET_KEY": "the same on every host", "SITE_URL": f"http://127.0.0.1:{port}",
            "TRUSTED_PROXIES": "1", "REJOINDER_MODE": "demo",
        }  # fmt: skip
        say("making the thread")
        people = options.writers + options.readers + 1
        servers.run(["seed", "load", "--comments", str(chaos.COMMENTS), "--readers", str(people)], settings)

        def box(kind: str, number: int, *arguments: str) -> Host:
            host = made.add(f"{kind}{number}")
            own = settings | {"DATA_DIR": str(folder / host.name), "HOST": host.address}
            host.begin(kind, [sys.executable, "app.py", *arguments], own, folder / f"{host.name}.log", servers.ROOT)
            return host

        webs = [box("web", number) for number in range(1, WEB + 1)]
        lives = [box("live", number, "live") for number in range(1, LIVE + 1)]
        workers = [box("worker", number, "worker") for number in range(1, WORKERS + 1)]
        for host in (*webs, *lives):
            _wait(host)
        with _proxy(folder, port, webs, lives):
            app = same_data(folder / "seed", database_url)
            try:
                return _lived_through(options, app, port, webs, lives, workers, say)
            finally:
                with app.app_context():
                    db.session.remove()
                    db.engine.dispose()


def _lived_through(
    options: BoxesOptions, app: Flask, port: int, webs: list[Host], lives: list[Host], workers: list[Host],
    say: Callable[[str], None],
) -> BoxesReport:  # fmt: skip
    slug, over = f"load-{chaos.COMMENTS}", threading.Event()
    with app.app_context():
        version = db.session.scalars(select(Thread.version).where(Thread.id == thread_of(slug))).one()
        db.session.remove()
    listeners = [Listener(port, slug, version, over) for _ in range(options.streams)]
    for listener in listeners:
        listener.start()
    gatekeeper = Gatekeeper(app, port, webs, sign_in(port, f"reader{options.writers + 1}@example.test"), over)
    crowd = chaos.gather(options.writers, options.readers, app, port)
    gatekeeper.start()

    def written() -> int:
        return sum(len(one.done.comments) for one in crowd)

    phases = []

    def phase(what: str, seconds: float) -> None:
        before, since = written(), time.monotonic()
        say(what)
        time.sleep(seconds)
        phases.append(f"{what}: {(written() - before) / (time.monotonic() - since):.1f} comments a second")

    phase("everything runs", options.calm)
    gone = [webs[0], lives[0], workers[0]]
    for host in gone:
        host.kill()
    phase("a web, a live and a worker host are off", options.off)
    for host in gone:
        host.again()
    phase("they are on again", options.calm)
    cut = [webs[1], lives[1], workers[1]]
    for host in cut:
        host.cut()
    phase("another of each has no network", options.apart)
    for host in cut:
        host.mend()
    phase("they have it back", options.calm)
    crowd[0].over.set()
    for one in crowd:
        one.join(chaos.PATIENCE * 2)
    say("settling")
    drained = chaos.drained(app, seconds=queue.LEASE.total_seconds() * 3)
    acknowledged = {comment_id for one in crowd for comment_id in one.done.comments}
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and any(acknowledged - set(one.heard) for one in listeners if not one.reloads):
        time.sleep(0.5)
    over.set()
    gatekeeper.join(LOOK_PATIENCE * 10)
    back = [host.name for host in (*webs, *lives) if not _answers(host)]
    return _counted(app, crowd, listeners, gatekeeper, phases, acknowledged, back, drained=drained)


def _counted(
    app: Flask, crowd: list[chaos.Person], listeners: list[Listener], gatekeeper: Gatekeeper, phases: list[str],
    acknowledged: set[int], back: list[str], *, drained: bool,
) -> BoxesReport:  # fmt: skip
    with app.app_context():
        db.session.rollback()
        wrong = chaos.found_wrong(crowd, thread_of(f"load-{chaos.COMMENTS}"))
        db.session.remove()
    odd: Counter[str] = sum((one.done.odd for one in crowd), Counter())
    refused = sum(number for what, number in odd.items() if what.endswith(OURS))
    odd = Counter({what: number for what, number in odd.items() if not what.endswith(OURS)})
    answers = sum(parent is not None for one in crowd for _, parent in one.done.comments.values())
    unheard = [sum(one.heard[comment_id] != 1 for comment_id in acknowledged) for one in listeners if not one.reloads]
    looks, stale = sum(gatekeeper.looks.values()), gatekeeper.stale
    report = BoxesReport([
        f"{WEB} web hosts, {LIVE} of live streams, {WORKERS} of a worker (each web process has one too), one of PostgreSQL "
        "and Redis, nginx in front",
        *phases,
        f"{len(acknowledged):,} comments acknowledged ({answers:,} of them answers), "
        f"{sum(one.done.reads for one in crowd):,} pages read, {sum(one.done.sent_again for one in crowd):,} requests sent "
        f"again, {refused:,} of them after nginx had said that a host is gone",
        f"{len(listeners)} live streams, opened {sum(one.opened for one in listeners)} times",
        f"{looks:,} looks at a gate just changed ({', '.join(f'{kind} {n}' for kind, n in gatekeeper.looks.items())}); "
        f"{gatekeeper.silent} doors were gone",
    ])  # fmt: skip
    for kind, well in (
        ("comments", f"each of {len(acknowledged):,} acknowledged comments is there once"),
        ("respects", "every respect stands as it was acknowledged"),
        ("notices", f"each of {answers:,} answers was told once to whom it answers"),
        ("events", "every comment has one live event"),
        ("counters", "every counter equals a recount"),
        ("jobs", "no job was left or given up"),
    ):
        report.verdicts.append(Verdict("; ".join(wrong[kind][:3]) or well, not wrong[kind]))
    report.verdicts += [
        Verdict("every job was done within three leases", drained),
        Verdict(f"streams did not hear {unheard} comments once" if any(unheard) else
                "every stream heard every comment once", bool(unheard) and not any(unheard)),
        Verdict("; ".join(f"{what} ({number})" for what, number in stale.items()) or "no gate was stale behind any door",
                not stale and looks > 0),
        Verdict("; ".join(f"{what} ({number})" for what, number in odd.most_common(5)) or
                "no answer was a failure of ours", not odd),
        Verdict(f"not back: {', '.join(back)}" if back else "every host answers again, without a hand", not back),
    ]  # fmt: skip
    return report


def _wait(host: Host) -> None:
    until = time.monotonic() + START_SECONDS
    while not _answers(host):
        if time.monotonic() > until:
            raise RuntimeError(f"{host.name} did not start")
        time.sleep(0.2)


def _answers(host: Host) -> bool:
    line = HTTPConnection(host.address, PORT, timeout=LOOK_PATIENCE)
    try:
        line.request("GET", "/livez")
        return line.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        line.close()


@contextmanager
def _proxy(folder: Path, port: int, webs: list[Host], lives: list[Host]) -> Iterator[None]:
    """nginx as deploy/nginx.conf has it for several boxes."""
    given = (servers.ROOT / "deploy" / "nginx.conf").read_text()
    for chosen in (webs, lives):  # the two upstreams, in this order
        lines = "\n".join(f"    server {host.address}:{PORT} max_fails=1 fail_timeout=5s;" for host in chosen)
        given = given.replace("    server 127.0.0.1:8000;", lines, 1)
    given = given.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("talk.example.org", "127.0.0.1")
    given = given.replace("/var/cache/nginx/rejoinder", str(folder / "cache"))
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; user root; pid {folder}/pid; error_log {folder}/error.log; events {{}} "
        f"http {{ access_log off; {paths} {given} }}"
    )
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")], stderr=log)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            with suppress(OSError):
                HTTPConnection("127.0.0.1", port, timeout=5).connect()
                break
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((folder / "nginx.log").read_text()[-2000:])
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)
