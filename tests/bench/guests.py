"""Guests who write, sign up and pay over HTTP, as people do: and what is there of their words and money afterwards.

Each types a comment, is led to the plans, signs up, confirms the address and stands at the till. There some cards are
declined, some banks ask, some people go back, some close the tab, some press twice or pay in two tabs, some think
better of it. Meanwhile webhooks come at once, shuffled, twice, late, wrongly signed or never. In the end a comparison
catches up, and everybody is counted: no draft lost, nobody charged twice, nobody without access who paid.
"""

import json
import random
import re
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from sqlalchemy import create_engine, text

from tests.bench import servers
from tests.bench.chaos import database

PASSWORD = "a long way over the river 7"
WAYS = (
    ("pays", 30), ("declined, then another card", 14), ("bank asks", 14), ("bank says no, then another card", 6),
    ("goes back and chooses again", 8), ("closes the tab after paying", 10), ("presses pay twice", 5),
    ("pays in two tabs", 5), ("goes away without paying", 8),
)  # fmt: skip
MODES = ("normal", "duplicated", "shuffled", "held", "lost", "wrong-signature", "delayed")
MODE_SECONDS = 4.0
PATIENCE = 90.0
NO_PAYMENT = {"goes away without paying"}


@dataclass(frozen=True)
class GuestOptions:
    guests: int = 1_000
    at_once: int = 12
    processes: int = 2
    threads: int = 8
    database: str = "sqlite"
    seed: int = 20_261_125


@dataclass(frozen=True)
class Verdict:
    sentence: str
    met: bool


@dataclass(frozen=True)
class GuestReport:
    lines: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


@dataclass
class Guest:
    """One person with a browser, and how far they came."""

    number: int
    way: str
    base: str
    slug: str
    mailbox: Callable[[str], str | None]
    odd: list[str] = field(default_factory=list)
    kept: bool = False
    composer: bool = False

    def __post_init__(self) -> None:
        self.browser = requests.Session()
        self.address = f"guest{self.number}@example.test"
        self.words = f"Guest {self.number} says that the bridge sways when two buses meet on it."

    def come(self) -> None:
        """The whole way, from the first word to the composer after paying."""
        try:
            at_till = self._to_the_till()
            if at_till:
                self._pay(at_till)
            self._look_again()
        except Exception as problem:  # one guest's trouble is counted, and the others go on
            self.odd.append(f"{type(problem).__name__}: {str(problem)[:160]}")

    def _to_the_till(self) -> str:
        page = self._get(f"/articles/{self.slug}")
        led = self._post(f"/articles/{self.slug}/comments", self._token(page) | {"body": self.words})
        plans = self._get(led.headers["Location"])
        self.kept = self.words in unescape(plans.text)
        form = self._token(plans) | {"price": "vip-month", "article": self.slug}
        sign_up = self._get(self._post("/join/checkout", form).headers["Location"])
        following = re.search(r'name="next"[^>]*value="([^"]+)"', sign_up.text)
        assert following is not None, "no way on from signing up"
        sent = self._post("/sign-up", self._token(sign_up) | {
            "display_name": f"Guest {_letters(self.number)}", "email": self.address, "password": PASSWORD,
            "next": unescape(following[1]),
        })  # fmt: skip
        assert sent.status_code == 303, f"signing up: {sent.status_code}"
        link = self._mail()
        confirm = self._get(link)
        confirmed = self._post(link, self._token(confirm))
        assert confirmed.status_code == 307, f"confirming: {confirmed.status_code}"
        led = self._post(confirmed.headers["Location"], self._token(confirm))
        assert led.status_code == 303, f"to the till: {led.status_code}"
        return str(led.headers["Location"])

    def _mail(self) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = re.search(r"https?://[^/\s]+(/confirm/\S+)", self.mailbox(self.address) or "")
            if found:
                return found[1]
            time.sleep(0.3)
        raise TimeoutError("no mail")

    def _pay(self, url: str) -> None:
        match self.way:
            case "goes away without paying":
                return
            case "declined, then another card":
                self._card(url, "declined")
                self._card(url, "insufficient-funds")
            case "bank says no, then another card":
                self._bank(self._card(url, "3d-secure"), "fail")
            case "bank asks":
                self._back(self._bank(self._card(url, "3d-secure"), "complete"))
                return
            case "goes back and chooses again":
                plans = self._get(f"/join?article={self.slug}")
                again = self._post("/join/checkout", self._token(plans) | {"price": "vip-month", "article": self.slug})
                url = again.headers["Location"]
            case "pays in two tabs":
                pressed = [threading.Thread(target=self._card, args=(url, "works")) for _ in range(2)]
                for one in pressed:
                    one.start()
                for one in pressed:
                    one.join()
        led = self._card(url, "works")
        if self.way == "presses pay twice":
            led = self._card(url, "works")
        if self.way != "closes the tab after paying":
            self._back(led)

    def _card(self, url: str, card: str) -> str:
        answer = requests.post(urljoin(self.base, url), data={"card": card}, allow_redirects=False, timeout=PATIENCE)
        return str(answer.headers.get("Location", ""))

    def _bank(self, url: str, says: str) -> str:
        asked = requests.post(urljoin(self.base, url), data={"answer": says}, allow_redirects=False, timeout=PATIENCE)
        return str(asked.headers.get("Location", ""))

    def _back(self, led: str) -> None:
        """Follow Stripe's redirect, and wait on our page as long as it takes."""
        parts = urlsplit(led)
        path, until = f"{parts.path}?{parts.query}", time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answer = self._get(path)
            if answer.status_code == 303:
                page = self._get(answer.headers["Location"].partition("#")[0])
                self.composer = self.words in unescape(page.text)
                return
            time.sleep(1)
        self.odd.append("waited too long after paying")

    def _look_again(self) -> None:
        """Whoever closed the tab, or went away, comes to the story again."""
        if not self.composer:
            self.composer = self.words in unescape(self._get(f"/articles/{self.slug}").text)

    def has_words(self) -> bool:
        """Whether the words are still in the composer, after everything."""
        return self.words in unescape(self._get(f"/articles/{self.slug}").text)

    def _get(self, path: str) -> requests.Response:
        answer = self.browser.get(self.base + path, allow_redirects=False, timeout=PATIENCE)
        if answer.status_code >= 400:
            self.odd.append(f"GET {path.partition('?')[0].rstrip('0123456789')}: {answer.status_code}")
        return answer

    def _post(self, path: str, fields: dict[str, str]) -> requests.Response:
        answer = self.browser.post(self.base + path, data=fields, allow_redirects=False, timeout=PATIENCE)
        if answer.status_code >= 400:
            self.odd.append(f"POST {path.partition('?')[0]}: {answer.status_code}")
        return answer

    @staticmethod
    def _token(page: requests.Response) -> dict[str, str]:
        found = re.search(r'name="csrf[-_]token" (?:content|value)="([^"]+)"', page.text)
        assert found is not None, f"no token on {page.url}"
        return {"csrf_token": found[1]}


def run(options: GuestOptions, say: Callable[[str], None] = print) -> GuestReport:
    """Let them all come to a fresh paper, then count."""
    with tempfile.TemporaryDirectory(prefix="rejoinder-guests-") as name, database(options.database) as url:
        folder, port = Path(name), servers.free_port()
        settings = servers.environment(folder / "data", port, url, options.processes, options.threads)
        served = servers.rejoinder(port, settings, folder / "rejoinder.log")
        try:
            base = f"http://127.0.0.1:{port}"
            engine = create_engine(url or f"sqlite:///{folder / 'data' / 'rejoinder.sqlite3'}")
            guests = _guests(options, base, engine)
            over = threading.Event()
            weather = threading.Thread(target=_weather, args=(base, over))
            weather.start()
            began = time.monotonic()
            with ThreadPoolExecutor(options.at_once) as crowd:
                for done, _ in enumerate(crowd.map(Guest.come, guests), start=1):
                    if done % 100 == 0:
                        say(f"{done:,} guests have come, {time.monotonic() - began:.0f} s")
            took = time.monotonic() - began
            over.set()
            weather.join()
            _panel(base, action="mode", mode="normal")
            _panel(base, action="release")
            time.sleep(5)
            say("catching up and comparing")
            servers.run(["billing", "reconcile"], settings)
            return _counted(options, guests, engine, folder / "data" / "sandbox.sqlite3", took)
        finally:
            served.stop()


def _guests(options: GuestOptions, base: str, engine: Any) -> list[Guest]:
    chance = random.Random(options.seed)
    ways = [way for way, share in WAYS for _ in range(share)]
    slug = _members_story(base)

    def mailbox(address: str) -> str | None:
        with engine.connect() as line:
            return line.execute(
                text("SELECT text FROM mail WHERE recipient = :address ORDER BY id DESC LIMIT 1"), {"address": address}
            ).scalar()

    return [Guest(number, chance.choice(ways), base, slug, mailbox) for number in range(1, options.guests + 1)]


def _members_story(base: str) -> str:
    """A story whose discussion is for members."""
    front = requests.get(base + "/", timeout=PATIENCE).text
    for slug in dict.fromkeys(re.findall(r'href="/articles/([a-z0-9-]+)"', front)):
        page = requests.get(f"{base}/articles/{slug}", timeout=PATIENCE).text
        if "Join the conversation" in page and 'name="body"' in page:
            return slug
    raise LookupError("the paper has no story for members")


def _weather(base: str, over: threading.Event) -> None:
    """Let webhooks come in another way every few seconds."""
    chance = random.Random(1)
    while not over.wait(MODE_SECONDS):
        _panel(base, action="mode", mode=chance.choice(MODES))
        if chance.random() < 0.4:
            _panel(base, action="release")


def _panel(base: str, **form: str) -> None:
    requests.post(f"{base}/_sandbox/stripe/", data=form, allow_redirects=False, timeout=PATIENCE)


def _counted(options: GuestOptions, guests: list[Guest], engine: Any, sandbox: Path, took: float) -> GuestReport:
    with sqlite3.connect(sandbox) as line:
        def every(kind: str) -> list[dict[str, Any]]:
            return [json.loads(row[0]) for row in line.execute("SELECT data FROM objects WHERE kind = ?", (kind,))]

        ours = {guest.address for guest in guests}  # the demo's own people are members as well
        customers = {each["id"]: each["email"] for each in every("customer") if each["email"] in ours}
        running = Counter(
            customers[each["customer"]] for each in every("subscription")
            if each["status"] in {"active", "trialing"} and each["customer"] in customers
        )  # fmt: skip
        charges = [each for each in every("charge") if each["status"] == "succeeded" and each["customer"] in customers]
        net = Counter(customers[each["customer"]] for each in charges if not each["refunded"])
    with engine.connect() as line:
        rows = line.execute(text(
            'SELECT u.email, count(e.id) FROM "user" u JOIN entitlement e ON e.user_id = u.id'
            " WHERE e.source = 'stripe' AND e.ends_at IS NULL GROUP BY u.email"
        ))  # fmt: skip
        access = {address: number for address, number in rows if address in ours}
        rows = line.execute(text(
            "SELECT recipient, count(*) FROM mail WHERE kind = 'membership.welcome' GROUP BY recipient"
        ))  # fmt: skip
        mails = {address: number for address, number in rows if address in ours}
    came = [guest for guest in guests if guest.kept]
    paid = {guest.address for guest in guests if net[guest.address] or running[guest.address]}
    lost = [guest for guest in came if not guest.has_words()]
    twice = [address for address, times in net.items() if times > 1]
    without = sorted(paid - access.keys())
    for_nothing = sorted(guest.address for guest in guests if guest.address in access and guest.address not in paid)
    odd = Counter(problem for guest in guests for problem in guest.odd)
    ways = Counter(guest.way for guest in guests)
    unpaid = sum(guest.way in NO_PAYMENT for guest in guests)
    lines = (
        f"{len(guests):,} guests in {took:.0f} s, {options.at_once} at once, {options.database.partition(':')[0]}",
        "; ".join(f"{number} {way}" for way, number in ways.most_common()),
        f"{len(paid):,} paid of {len(guests) - unpaid:,} who meant to; {len(charges):,} charges,"
        f" {sum(bool(each['refunded']) for each in charges)} given back; {sum(mails.values()):,} welcome mails",
        *(f"{times} × {problem}" for problem, times in odd.most_common(8)),
    )
    return GuestReport(lines, (
        Verdict(f"{len(lost)} drafts lost", not lost),
        Verdict(f"{len(twice)} charged twice", not twice),
        Verdict(f"{len(without)} without access after paying", not without),
        Verdict(f"{len(for_nothing)} with access who did not pay", not for_nothing),
        Verdict(f"{sum(times > 1 for times in mails.values())} welcomed twice", max(mails.values(), default=0) <= 1),
        Verdict(f"{len(guests) - unpaid - len(paid)} who meant to pay did not get so far", len(guests) - unpaid == len(paid)),
    ))  # fmt: skip


def _letters(number: int) -> str:
    """A number in letters, for names: digits in one would look like somebody else's."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number)).capitalize()
