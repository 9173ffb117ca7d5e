"""Behind a real nginx that keeps pages: nobody gets what is not theirs, whoever asked before."""

import itertools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from blueprints.accounts.api_keys import make_key
from blueprints.articles import sharing
from core import clock
from core.db import transaction
from models.article import Article, Section
from models.user import User
from tests.factories import make_article, make_entitlement, make_plan, make_section, make_site, make_user, viewer_of
from tests.server.serving import ROOT, Answer, Line, Served, read
from tests.server.serving import start as start_server
from tests.threads.talk import say

pytestmark = pytest.mark.once

SECRET = "the words behind the gate"
AUDIENCES = ("everyone", "registered", "members", "plans:gold")
# Who may read what lies behind which gate.
MAY_READ = {
    "visitor": {"everyone"},
    "registered": {"everyone", "registered"},
    "lapsed": {"everyone", "registered"},
    "member": {"everyone", "registered", "members"},
    "staff": set(AUDIENCES),
}


class Proxy:
    """nginx as deploy/nginx.conf has it, in front of a server of ours."""

    def __init__(self, folder: Path, server: Served, *, beside: int = 0) -> None:
        """`beside` is the port of a second host."""
        self.port = server.port + (2 if beside else 1)
        given = (ROOT / "deploy" / "nginx.conf").read_text()
        hosts = [port for port in (server.port, beside) if port]
        given = given.replace("server 127.0.0.1:8000;", " ".join(f"server 127.0.0.1:{port};" for port in hosts))
        given = given.replace("listen 80;", f"listen 127.0.0.1:{self.port};").replace("talk.example.org", "localhost")
        given = given.replace("/var/cache/nginx/rejoinder", str(folder / "cache"))
        paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(
            f"daemon off; user root; pid {folder}/pid; error_log {folder}/error.log; events {{}} "
            f"http {{ access_log off; {paths} {given} }}"
        )
        self.process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.ask("/livez")
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError((folder / "error.log").read_text()[-2000:])

    def ask(self, path: str, cookie: str = "", method: str = "GET", **headers: str) -> Answer:
        """`X_Host="x"` names a header."""
        named = {"Host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
            line.request(method, path, headers=named | ({"Cookie": cookie} if cookie else {}))
            return read(line.getresponse())

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def behind(house: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Served]]:
    if shutil.which("nginx") is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs nginx")
        pytest.skip("nginx is not installed, so its cache is left out.")
    served = start_server(house, TRUSTED_PROXIES="1")  # type: ignore[arg-type]
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    proxy = Proxy(folder, served)
    yield proxy, served
    proxy.end()
    served.end()


def gated(audience: str, author: User, section: Section) -> Article:
    words = "words for all" if audience == "everyone" else SECRET
    article = make_article(
        f"A story for {audience}", section=section, read_audience=audience, author_id=author.id,
        body_html=f"<p>For all.</p>\n<p>{words}</p>", preview_html="<p>For all.</p>", body_source=f"For all.\n\n{words}",
        thread_values={"pace_seconds": 0},
    )  # fmt: skip
    say(article, author, f"So these are {words}.")
    return article


def test_no_gated_text_and_nobodys_own_page_goes_to_anybody_else(behind: tuple[Proxy, Served]) -> None:
    proxy, served = behind
    with served.inside():
        make_site(comments_shown_to="article_readers")
        vip, author = make_plan(share_links=5), make_user(roles=("author",))
        make_plan("gold", "Gold", 2)
        sections = {audience: make_section() for audience in AUDIENCES}
        slugs = {audience: section.slug for audience, section in sections.items()}
        articles = {audience: gated(audience, author, sections[audience]) for audience in AUDIENCES}
        people: dict[str, User | None] = {
            "visitor": None, "registered": make_user("Reg Isterson"), "member": make_user("Mem Berovic", plan=vip),
            "lapsed": make_user("Lap Sedova"), "staff": make_user("Sta Fforde", roles=("editor",)),
        }  # fmt: skip
        lapsed = people["lapsed"]
        assert lapsed is not None
        make_entitlement(lapsed, vip, starts_at=clock.now() - timedelta(days=9), ends_at=clock.now() - timedelta(days=1))
        cookies = {who: served.cookie(user) if user else "" for who, user in people.items()}
        names = {who: user.display_name for who, user in people.items() if user}
        viewers = {who: viewer_of(user) for who, user in people.items() if user}
        viewer = viewers["member"]
        with transaction():
            keys = {who: make_key(each, "A program") for who, each in viewers.items()}
            links = {a: sharing.give_link(viewer, article.id, readable=True).id for a, article in articles.items()}
        paths = {
            "page": {audience: f"/articles/{article.slug}" for audience, article in articles.items()},
            "feed": {audience: f"/sections/{slug}/feed.xml" for audience, slug in slugs.items()},
            "feed of comments": {a: f"/articles/{article.slug}/comments.atom" for a, article in articles.items()},
            "changes": {a: f"/articles/{article.slug}/changes?after=0" for a, article in articles.items()},
            "preview": {a: f"/newsroom/articles/{article.id}/preview?as=plan:gold" for a, article in articles.items()},
            "API": {a: f"/api/v1/articles/{article.slug}" for a, article in articles.items()},
            "comments of the API": {a: f"/api/v1/articles/{article.slug}/comments" for a, article in articles.items()},
            "share link": {a: sharing.address_of(article.slug, links[a]) for a, article in articles.items()},
        }  # fmt: skip
    lists = ("/", "/feed.xml", "/sitemap.xml", "/search?q=words", "/api/v1/articles")
    wrong, cells = [], set()
    for who, round_number in itertools.product((*people, *reversed(list(people))), range(2)):
        for kind, by_audience in paths.items():
            for audience, path in by_audience.items():
                answer = proxy.ask(path, cookies[who])
                text = answer.body.decode()
                words = "words for all" if audience == "everyone" else SECRET
                cells.add((who, audience, kind))
                if (words in text) != _is_shown(kind, audience, who):
                    wrong.append(f"{kind} for {audience}: {who}, round {round_number}, {answer.status}")
                if kind != "share link":  # which says who gave it
                    wrong += _of_others(text, who, names, f"{kind} for {audience}")
                if cookies[who] and answer.headers.get("x-cache") == "HIT":
                    wrong.append(f"{kind} for {audience} came to {who} from the cache")
                if "API" in kind:
                    by_key = proxy.ask(path, **({"Authorization": f"Bearer {keys[who]}"} if who in keys else {}))
                    if (words in by_key.body.decode()) != _is_shown(kind, audience, "registered" if who == "staff" else who):
                        wrong.append(f"{kind} for {audience}: {who} by key, round {round_number}, {by_key.status}")
                    if who in keys and by_key.status == 200 and by_key.headers.get("x-cache") != "BYPASS":
                        wrong.append(f"{kind} for {audience}: {by_key.headers.get('x-cache')} for {who} by key")
                    if proxy.ask(path, Authorization="Bearer unknown").status != 401:
                        wrong.append(f"{kind} for {audience}: an unknown key was let in")
        me = proxy.ask("/api/v1/me", cookies[who]).body.decode()
        if names.get(who, '"visitor"') not in me or _of_others(me, who, names, ""):
            wrong.append(f"{who} is taken for {me}")
        for path in lists:
            text = proxy.ask(path, cookies[who]).body.decode()
            if SECRET in text and not (path.startswith("/search") and "members" in MAY_READ[who]):
                wrong.append(f"{path}: {who}")
            wrong += _of_others(text, who, names, path)
        if SECRET in proxy.ask(paths["page"]["members"]).body.decode():
            wrong.append("a share link opened the plain address")
    assert wrong == []
    assert len(cells) == len(people) * len(AUDIENCES) * len(paths)


def _is_shown(kind: str, audience: str, who: str) -> bool:
    """Whether the words behind the gate belong into what comes back."""
    return {
        "page": audience in MAY_READ[who], "API": audience in MAY_READ[who], "comments of the API": audience in MAY_READ[who],
        "feed": audience == "everyone", "feed of comments": audience == "everyone", "changes": False, "preview": who == "staff", "share link": True,
    }[kind]  # fmt: skip


def _of_others(text: str, who: str, names: dict[str, str], where: str) -> list[str]:
    """Names of other people who look, which stand on their own pages only."""
    return [f"{where}: {who} sees {name}" for other, name in names.items() if other != who and name in text]


@pytest.mark.parametrize("beginning", ["", "/api/v1"])
def test_a_visitors_page_is_kept_by_the_proxy_and_asked_for_anew_after_a_second(
    behind: tuple[Proxy, Served], beginning: str
) -> None:
    proxy, served = behind
    with served.inside():
        article = make_article("First headline")
        path = f"{beginning}/articles/{article.slug}"
        article_id = article.id
    first = proxy.ask(path)
    assert first.headers["x-cache"] == "MISS"
    again = proxy.ask(path)
    assert again.headers["x-cache"] in {"HIT", "REVALIDATED"}
    assert again.body == first.body
    with served.inside(), transaction() as session:
        row = session.get(Article, article_id)
        assert row is not None
        row.headline, row.version = "Second headline", row.version + 1
    time.sleep(2.1)  # nginx counts whole seconds
    assert re.search("Second headline", proxy.ask(path).body.decode())


def test_metrics_are_not_passed_on(behind: tuple[Proxy, Served]) -> None:
    proxy, served = behind
    assert proxy.ask("/metrics").status == 404
    assert served.ask("/metrics").status == 200


# What an address in a cache does not say of a request: if an answer followed it, it would be everybody's.
UNKEYED: dict[str, dict[str, str]] = {
    "hosts": {"X_Forwarded_Host": "evil.test", "X_Host": "evil.test", "Forwarded": "host=evil.test;proto=gopher", "X_Forwarded_Server": "evil.test"},
    "schemes": {"X_Forwarded_Scheme": "http", "X_Forwarded_Proto": "gopher", "X_Forwarded_Port": "66", "X_Url_Scheme": "evil.test", "Front_End_Https": "off"},
    "addresses": {"X_Original_URL": "/evil.test", "X_Rewrite_URL": "/evil.test", "X_Forwarded_Prefix": "/evil.test", "X_Forwarded_Path": "/evil.test"},
    "methods": {"X_HTTP_Method_Override": "POST", "X_HTTP_Method": "DELETE", "X_Method_Override": "HEAD"},
    "what is taken": {"Accept": "application/json", "Accept_Language": "evil.test", "Accept_Charset": "utf-7", "Range": "bytes=0-9", "TE": "trailers"},
    "what is known": {"If_None_Match": "*", "If_Modified_Since": "Thu, 01 Jan 2099 00:00:00 GMT", "If_Match": '"evil.test"', "If_Unmodified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    "where from": {"Origin": "https://evil.test", "Referer": "https://evil.test/", "User_Agent": "evil.test", "Via": "evil.test", "X_Forwarded_For": "evil.test", "X_Request_Id": "evil.test"},
    "a fragment": {"X_Requested_With": "fetch", "Sec_Fetch_Mode": "cors", "Sec_Fetch_Site": "cross-site"},
    "a refusal": {"Authorization": "Basic evil.test", "Expect": "evil.test", "Content_Length": "-1", "X_Odd": "x" * 7000},
    "an upgrade": {"Upgrade": "h2c", "Connection": "Upgrade, X-Accel-Expires", "X_Accel_Expires": "900", "Cache_Control": "only-if-cached"},
    "cookies": {"Cookie": "theme=evil.test; session =evil.test; Session=evil.test; csrf_token=evil.test; sort=oldest"},
}  # fmt: skip
SAID_ANEW = {"date", "x-cache", "x-request-id", "etag", "connection", "content-length", "set-cookie",
              "retry-after"}  # fmt: skip


@pytest.mark.parametrize("headers", UNKEYED)
def test_nothing_that_the_address_does_not_say_changes_what_others_get(behind: tuple[Proxy, Served], headers: str) -> None:
    """Each page is asked for at an address that nobody kept, first oddly and then plainly."""
    proxy, served = behind
    with served.inside():
        article, section = make_article("The bridge"), make_section("Economy")
        paths = ["/", f"/articles/{article.slug}", f"/articles/{article.slug}/comments.atom", f"/sections/{section.slug}",
                 "/feed.xml", "/sitemap.xml", "/robots.txt", "/rules", "/join", "/search?q=bridge", "/nothing-here", "/static/js/base.js", "/api/v1/articles"]  # fmt: skip
    wrong = []
    for path in paths:
        fresh = f"{path}{'&' if '?' in path else '?'}utm_source={headers.replace(' ', '-')}"
        if path.startswith("/api/"):  # where a parameter is known or refused
            fresh = f"{path}?limit={list(UNKEYED).index(headers) + 1}"
        expected = served.ask(fresh, host="localhost", x_forwarded_proto="http", x_forwarded_for="127.0.0.1")
        odd = proxy.ask(fresh, **UNKEYED[headers])
        plain = [proxy.ask(fresh), proxy.ask(fresh)]
        for answer in plain:
            if (answer.status, _same(answer.body)) != (expected.status, _same(expected.body)):
                wrong.append(f"{path}: {answer.status} where {expected.status} was asked for, {answer.headers.get('x-cache')}")
            wrong += [f"{path}: {name} is {answer.headers.get(name)!r}, not {value!r}" for name, value in expected.headers.items()
                      if name not in SAID_ANEW and not name.startswith("x-ratelimit") and answer.headers.get(name, value) != value]  # fmt: skip
        if b"evil.test" in odd.body or any("evil.test" in value for value in odd.headers.values()):
            wrong.append(f"{path} repeats what it was told")
        if odd.status >= 500:
            wrong.append(f"{path}: {odd.status}")
    assert wrong == [], "\n".join(wrong)


def _same(page: bytes) -> bytes:
    """Without what says when a page was made, and the token of its forms."""
    return re.sub(rb'guest\.[\w.-]+|"csrf[-_]token" (content|value)="[^"]+"|datetime="[^"]+"|<updated>[^<]+|<lastBuildDate>[^<]+', b"", page)


def test_what_a_page_is_asked_with_is_not_on_it(behind: tuple[Proxy, Served]) -> None:
    proxy, served = behind
    with served.inside():
        slug = make_article("The bridge").slug
    for path in ("/", f"/articles/{slug}", "/rules", "/join", "/sign-in"):
        for name in ("utm_source", "utm_content", "fbclid", "gclid", "_method", "callback", "lang", "theme", "x"):
            for value in ("evil.test", "%22%3E%3Cscript%3Eevil.test", "%0d%0aX-Odd:evil.test"):
                answer = proxy.ask(f"{path}?{name}={value}")
                assert answer.status in {200, 404}, path
                assert "x-odd" not in answer.headers
                seen = re.sub(rb'(href|value|action)="[^"<>]*"', b"", answer.body)
                assert b"evil.test" not in seen, (path, name)


def _smuggled(shape: str) -> bytes:
    inner = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\nX-Odd: "
    head = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    chunk = b"0\r\n\r\n" + inner
    lengths, pieces = b"Content-Length: %d\r\n" % len(chunk), b"Transfer-Encoding: chunked\r\n"
    as_piece = b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)
    return {
        "CL.TE": head + lengths + pieces + b"\r\n" + chunk,
        "TE.CL": head + pieces + b"Content-Length: 4\r\n\r\n" + as_piece,
        "two lengths": head + b"Content-Length: 0\r\n" + lengths + b"\r\n" + inner,
        "a list of lengths": head + b"Content-Length: 0, %d\r\n\r\n" % len(inner) + inner,
        "a signed length": head + b"Content-Length: +%d\r\n\r\n" % len(inner) + inner,
        "a length behind a space": head + b"Content-Length : %d\r\n\r\n" % len(inner) + inner,
        "a length of another alphabet": head + "Content-Length: \u0665\r\n\r\n".encode() + inner,
        "pieces that are hidden": head + lengths + b"Transfer-Encoding: xchunked\r\n\r\n" + chunk,
        "pieces behind a tab": head + lengths + b"Transfer-Encoding:\tchunked\r\n\r\n" + chunk,
        "pieces behind a space": head + lengths + b"Transfer-Encoding : chunked\r\n\r\n" + chunk,
        "pieces on a folded line": head + lengths + b"X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n" + chunk,
        "pieces after a bare line end": head + lengths + b"X-A: b\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
        "pieces after a lone return": head + lengths + b"X-A: b\rTransfer-Encoding: chunked\r\n\r\n" + chunk,
        "pieces twice": head + lengths + pieces + b"Transfer-Encoding: identity\r\n\r\n" + chunk,
        "pieces in HTTP/1.0": head.replace(b"HTTP/1.1", b"HTTP/1.0") + lengths + pieces + b"\r\n" + chunk,
        "a name with an underscore": head + b"Content_Length: 0\r\n" + lengths + b"Transfer_Encoding: chunked\r\n\r\n" + chunk,
        "a size that overflows": head + pieces + b"\r\nFFFFFFFFFFFFFFFF0\r\n" + inner,
        "a size with a sign": head + pieces + b"\r\n-1\r\n" + inner,
        "a size with a prefix": head + pieces + b"\r\n0x0\r\n\r\n" + inner,
        "a size with an extension": head + pieces + b"\r\n0;a=\r\nb\r\n\r\n" + inner,
        "a size that is too small": head + pieces + b"\r\n1\r\n" + inner + b"\r\n0\r\n\r\n",
        "a body of a GET": b"GET /rules HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner,
        "a trailer": head + pieces + b"\r\n0\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner,
        "an address with a line": b"GET /rules%0d%0aX:%20y\rX HTTP/1.1\r\nHost: localhost\r\n\r\n" + inner,
        "an upgrade": b"GET /rules HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + inner,
        "an expectation": head + lengths + b"Expect: 100-continue\r\n" + pieces + b"\r\n" + chunk,
    }[shape]  # fmt: skip


SHAPES = (
    "CL.TE", "TE.CL", "two lengths", "a list of lengths", "a signed length", "a length behind a space", "a length of another alphabet",
    "pieces that are hidden", "pieces behind a tab", "pieces behind a space", "pieces on a folded line", "pieces after a bare line end",
    "pieces after a lone return", "pieces twice", "pieces in HTTP/1.0", "a name with an underscore", "a size that overflows",
    "a size with a sign", "a size with a prefix", "a size with an extension", "a size that is too small", "a body of a GET", "a trailer",
    "an address with a line", "an upgrade", "an expectation",
)  # fmt: skip


@pytest.mark.parametrize("through", ["nginx", "the server itself"])
def test_no_request_is_hidden_in_another(behind: tuple[Proxy, Served], through: str) -> None:
    """Whoever asks next, over the line that the proxy keeps, gets their own answer: never the one of what was hidden."""
    proxy, served = behind
    wrong = []
    for shape in SHAPES:
        line = Line(proxy.port if through == "nginx" else served.port, _smuggled(shape))
        line.socket.settimeout(0.15)  # what waits for more of a body is not waited for
        with suppress(OSError):
            line.rest()
        line.close()
        if b"HTTP/1.1 5" in line.got and b"HTTP/1.1 501" not in line.got:
            wrong.append(f"{shape}: {line.got[:80]!r}")
        for _ in range(3):
            answer = proxy.ask("/livez" if through == "nginx" else "/rules")
            if answer.status != 200 or b"smuggled" in answer.body:
                wrong.append(f"{shape}: then {answer.status}")
    assert wrong == [], "\n".join(wrong)


class OfAnotherVersion(BaseHTTPRequestHandler):
    """A host that knows none of our files: another version's stylesheet has another name."""

    def do_GET(self) -> None:
        self.send_error(200 if self.path == "/livez" else 404)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_while_hosts_are_changed_one_by_one_a_file_comes_from_the_one_that_has_it(
    behind: tuple[Proxy, Served], tmp_path: Path
) -> None:
    _, served = behind
    with served.inside():
        make_site()
    style = re.search(rb"/static/[0-9a-f]+\.css", served.ask("/rules").body)
    assert style is not None
    tmp_path.chmod(0o755)
    with ThreadingHTTPServer(("127.0.0.1", 0), OfAnotherVersion) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        proxy = Proxy(tmp_path, served, beside=other.server_port)
        try:
            asked = [proxy.ask(f"{style[0].decode()}?{number}").status for number in range(6)]
            nobodys = proxy.ask("/static/nobodys.css").status
        finally:
            proxy.end()
            other.shutdown()
    assert asked == [200] * 6
    assert nobodys == 404
