"""Behind a real nginx that keeps pages: nobody gets what is not theirs, whoever asked before."""

import itertools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest

from blueprints.articles import sharing
from core import clock
from core.db import transaction
from models.article import Article, Section
from models.user import User
from tests.factories import make_article, make_entitlement, make_plan, make_section, make_site, make_user, viewer_of
from tests.server.serving import ROOT, Answer, Served, read
from tests.server.serving import start as start_server

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

    def __init__(self, folder: Path, server: Served) -> None:
        self.port = server.port + 1
        given = (ROOT / "deploy" / "nginx.conf").read_text()
        given = given.replace("server 127.0.0.1:8000;", f"server 127.0.0.1:{server.port};")
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

    def ask(self, path: str, cookie: str = "") -> Answer:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
            line.request("GET", path, headers={"Host": "localhost"} | ({"Cookie": cookie} if cookie else {}))
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
    return make_article(
        f"A story for {audience}", section=section, read_audience=audience, author_id=author.id,
        body_html=f"<p>For all.</p>\n<p>{words}</p>", preview_html="<p>For all.</p>", body_source=f"For all.\n\n{words}",
    )  # fmt: skip


def test_no_gated_text_and_nobodys_own_page_goes_to_anybody_else(behind: tuple[Proxy, Served]) -> None:
    proxy, served = behind
    with served.inside():
        make_site()
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
        member = people["member"]
        assert member is not None
        viewer = viewer_of(member)
        with transaction():
            links = {a: sharing.give_link(viewer, article.id, readable=True).id for a, article in articles.items()}
        paths = {
            "page": {audience: f"/articles/{article.slug}" for audience, article in articles.items()},
            "feed": {audience: f"/sections/{slug}/feed.xml" for audience, slug in slugs.items()},
            "feed of comments": {a: f"/articles/{article.slug}/comments.atom" for a, article in articles.items()},
            "changes": {a: f"/articles/{article.slug}/changes?after=0" for a, article in articles.items()},
            "preview": {a: f"/newsroom/articles/{article.id}/preview?as=plan:gold" for a, article in articles.items()},
            "share link": {a: sharing.address_of(article.slug, links[a]) for a, article in articles.items()},
        }  # fmt: skip
    lists = ("/", "/feed.xml", "/sitemap.xml", "/search?q=words")
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
        for path in lists:
            text = proxy.ask(path, cookies[who]).body.decode()
            if SECRET in text:
                wrong.append(f"{path}: {who}")
            wrong += _of_others(text, who, names, path)
        if SECRET in proxy.ask(paths["page"]["members"]).body.decode():
            wrong.append("a share link opened the plain address")
    assert wrong == []
    assert len(cells) == len(people) * len(AUDIENCES) * len(paths)


def _is_shown(kind: str, audience: str, who: str) -> bool:
    """Whether the words behind the gate belong into what comes back."""
    return {
        "page": audience in MAY_READ[who], "feed": audience == "everyone", "feed of comments": False, "changes": False,
        "preview": who == "staff", "share link": True,
    }[kind]  # fmt: skip


def _of_others(text: str, who: str, names: dict[str, str], where: str) -> list[str]:
    """Names of other people who look, which stand on their own pages only."""
    return [f"{where}: {who} sees {name}" for other, name in names.items() if other != who and name in text]


def test_a_visitors_page_is_kept_by_the_proxy_and_asked_for_anew_after_a_second(behind: tuple[Proxy, Served]) -> None:
    proxy, served = behind
    with served.inside():
        article = make_article("First headline")
        path = f"/articles/{article.slug}"
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
