"""Whole stories in a real browser against the real server, started as a reader of the README would start it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from tests.conftest import PATIENCE_MS
from tests.databases import DEMO, POSTGRESQL, create_database, database_name, drop_database, made_once
from tests.journeys.backstage import Backstage
from tests.journeys.watch import Watch

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240  # where many start at once on one processor, the demo takes its time

# All rules that can find something serious look at the whole page; the contrast, and how links stand out of the words
# around them, which take axe ten times as long as all the rest together, are measured at the first and the last of each
# look: the same letters, on the same of what is painted or placed around them. A look that was fine on one page is not
# measured on the next. Nothing is fetched to be looked at (only for a rule about films).
FINDINGS = """async fine => {
  const known = new Set(fine), grounds = new Map(), looks = new Map();
  const short = look => {
    let one = 7, other = 11;
    for (let at = 0; at < look.length; at++) {
      one = Math.imul(one ^ look.charCodeAt(at), 0x9E3779B1);
      other = Math.imul(other ^ look.charCodeAt(at), 0x85EBCA77);
    }
    return `${one}.${other}`;
  };
  const speaks = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const ground = element => {
    if (!element) return '';
    if (!grounds.has(element)) {
      const style = getComputedStyle(element), own = [];
      if (style.backgroundColor !== 'rgba(0, 0, 0, 0)' || style.backgroundImage !== 'none') own.push(style.background);
      if (style.opacity !== '1' || style.filter !== 'none' || style.mixBlendMode !== 'normal' || style.clipPath !== 'none') {
        own.push(style.opacity, style.filter, style.mixBlendMode, style.clipPath);
      }
      if (!['static', 'relative'].includes(style.position) || style.zIndex !== 'auto' || style.transform !== 'none') {
        own.push(element.tagName, element.className, style.position, style.zIndex);
      }
      if (element.matches('[aria-hidden=true], [inert], :disabled, [aria-disabled=true]')) own.push('not for use');
      if (element.matches('label') && element.control?.disabled) own.push('of what is not for use');
      grounds.set(element, ground(element.parentElement) + (own.length ? own.join('|') + '/' : ''));
    }
    return grounds.get(element);
  };
  const inWords = ['textDecoration', 'border', 'outline', 'font', 'display', 'cursor'];
  const letters = (element, more = []) => {
    const style = getComputedStyle(element), size = parseFloat(style.fontSize), weight = Number(style.fontWeight);
    const large = size >= 24 || (size >= 18.66 && weight >= 700);  // WCAG 2.2, 1.4.3: less will do for these
    return [style.color, large, style.textShadow, ...more.map(name => style[name])];
  };
  for (const element of document.querySelectorAll('body, body *')) {
    const link = element.matches('a[href]');
    if (!(element.value || link || speaks(element)) || !element.checkVisibility({ visibilityProperty: true })) continue;
    const inLine = link && speaks(element.parentElement);
    const look = [ground(element), letters(element), element.textContent.trim().length > 1,
      inLine && [letters(element, inWords), letters(element.parentElement, inWords)]].join();
    looks.set(look, [looks.get(look)?.[0] ?? element, element]);
  }
  const fresh = new Map([...looks].map(([look, where]) => [short(look), where]).filter(([look]) => !known.has(look)));
  const measured = [...fresh.values()].flat();
  for (const one of measured) one.setAttribute('data-one-of-a-look', '');
  const minor = axe._audit.rules.filter(rule => ['minor', 'moderate'].includes(rule.impact));
  axe.configure({ rules: [{ id: 'color-contrast', selector: '[data-one-of-a-look]' },
    { id: 'link-in-text-block', selector: 'a[href][data-one-of-a-look]' },
    ...minor.map(rule => ({ id: rule.id, enabled: false }))] });
  const found = await axe.run({ resultTypes: ['violations'], preload: { assets: ['cssom'] } });
  for (const one of measured) one.removeAttribute('data-one-of-a-look');
  const worst = found.violations.filter(one => ['serious', 'critical'].includes(one.impact)).map(one =>
    `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' … ')}`);
  return [worst, [...fresh.keys()]];
}"""
FINE: set[str] = set()  # looks that were measured in this process, and nothing was found


@dataclass(frozen=True)
class Site:
    """A running site and where its data lies."""

    url: str
    data_dir: Path
    database_url: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_name: str) -> Iterator[Site]:
    """The demo as its first start leaves it, on a port of its own."""
    data = tmp_path_factory.mktemp("journeys")
    shutil.copytree(made_once(tmp_path_factory, DEMO, first_start), data, dirs_exist_ok=True)
    url, drop = database(f"journeys_{worker_name}", like=DEMO)
    with serving(data, url) as address:
        yield Site(address, data, url or f"sqlite:///{data / 'rejoinder.sqlite3'}")
    drop()


def first_start(data: Path) -> None:
    """Start on nothing, do the work that a first start finds, and end: else every copy does it, and a story waits for it."""
    with serving(data, database(DEMO)[0]) as url:
        for _ in range(START_SECONDS * 4):
            with suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                if str(json.load(answer)["jobs"]).startswith("0 due"):
                    return
            time.sleep(0.25)
    raise AssertionError("a first start's work is never done")


@contextmanager
def serving(data: Path, database_url: str) -> Iterator[str]:
    """The demo's server, started as the README says; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("STRIPE_", "MAIL_"))}
    environment |= {"PORT": str(port), "HOST": "127.0.0.1", "DATA_DIR": str(data), "SITE_URL": "", "WEB_PROCESSES": "1"}
    environment["DATABASE_URL"] = database_url
    with (data / "server.log").open("w") as log:
        server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, server, data / "server.log")
            yield url
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


@pytest.fixture(params=[pytest.param(True, id="scripts", marks=pytest.mark.once), pytest.param(False, id="no-scripts")])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Each story that asks for this runs twice: with scripts, and without, when every press reaches the database."""
    return bool(request.param)


@pytest.fixture(scope="session")
def backstage(site: Site) -> Backstage:
    """People and articles put straight into the site's database."""
    return Backstage(site.database_url, site.data_dir, site.url)


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    """Fails the test on what no page may ever do: ask another site, break its own policy, raise an error."""
    watching = Watch(site.url)
    yield watching
    assert watching.problems == []


@pytest.fixture
def new_browser(chromium: Browser, site: Site, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Make a fresh browser for one person; `scripts=False` turns JavaScript off. All that it does is watched."""
    contexts: list[BrowserContext] = []

    def make(
        *, scripts: bool = True, width: int = 1280, height: int = 900, dark: bool = False,
        storage_state: StorageState | None = None,
    ) -> BrowserContext:  # fmt: skip
        context = chromium.new_context(
            base_url=site.url, java_script_enabled=scripts, viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light", storage_state=storage_state, reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_MS)
        watch.over(context)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


def findings(page: Page) -> list[str]:
    """Every serious or critical finding of axe, named with its elements."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
        page.add_init_script(AXE_SCRIPT)  # the pages after this one bring it along, for a tenth of the time
    worst, looks = page.evaluate(FINDINGS, sorted(FINE))
    if not worst:
        FINE.update(looks)
    return [str(found) for found in worst]


def assert_accessible(page: Page, where: str) -> None:
    """Fail on any serious or critical finding of axe."""
    worst = findings(page)
    assert worst == [], f"{where}: {worst}"


def mail_link(page: Page, recipient: str, pattern: str = r"/confirm/\S+") -> str:
    """The link in the newest mail to somebody, read from the demo's inbox; waits for the worker."""
    for _ in range(150):
        page.goto("/demo/mail")
        entry = page.locator("main a", has_text=recipient).or_(page.locator("main li, main tr", has_text=recipient).locator("a"))
        if entry.count():
            page.goto(entry.first.get_attribute("href") or "/demo/mail")
            link = re.search(pattern, page.content())
            if link:
                return re.split(r"[\"'<\s]", link.group(0))[0].replace("&amp;", "&")
        time.sleep(0.1)
    raise AssertionError(f"no mail with {pattern} for {recipient}")


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(START_SECONDS * 4):
        if server.poll() is not None:
            raise AssertionError(f"the server ended at the start:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(f"{url}/livez", timeout=2):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(f"the server did not start:\n{log.read_text()[-3000:]}")


def database(of: str, like: str = "") -> tuple[str, Callable[[], None]]:
    """The address of a database of this use on PostgreSQL, empty or a copy, and how to drop it; nothing on SQLite."""
    if not POSTGRESQL:
        return "", lambda: None
    name = database_name(of)
    url = create_database(name, database_name(like) if like else "template1").set(drivername="postgresql")
    return url.render_as_string(hide_password=False), partial(drop_database, name)


def pictures_wanted() -> Path | None:
    """Where to leave pictures of the pages, if anybody asked for them with PICTURES=folder."""
    folder = os.environ.get("PICTURES")
    if not folder:
        return None
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path


__all__ = ["Site", "assert_accessible", "mail_link", "pictures_wanted"]
