"""Calls to addresses that people typed stay out of private networks and keep to their time."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.outgoing import CallFailed, check_address, post

HERE = frozenset({"127.0.0.1"})


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/drip":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
            return
        if self.path == "/sleep":
            time.sleep(1)
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        with suppress(ConnectionError):  # who hears enough hangs up
            self.wfile.write(b"y" * (100_000 if self.path == "/huge" else 2))

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def at() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "https://localhost/", "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest",
        "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fd00::1]/", "https://intranet/", "https://db.internal/",
        "https://printer.local/", "ftp://example.com/", "file:///etc/passwd", "https://user:pw@example.com/",
        "https://example.com:22/", "https://example.com:99999/", "https://exa mple.com/", "javascript:alert(1)", "", "https://",
        "https://0.0.0.0/", "https://224.0.0.1/", "https://100.64.0.1/", "https://2130706433/", "https://0x7f000001/",
        "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
        "https://[fec0::1]/", "https://[2001::1]/", "https://127.0.0.1./", "https://localhost./", "https://db.internal./",
        "https://127。0。0。1/", "https://example.com\\@127.0.0.1/", "https://example.com:0/",
    ],
)  # fmt: skip
def test_an_address_that_leads_inside_or_is_not_secured_is_refused(url: str) -> None:
    with pytest.raises(CallFailed):
        check_address(url)


def test_a_public_address_passes_and_a_named_private_one_too() -> None:
    assert check_address("https://checks.example.org:8443/v1?x=1").hostname == "checks.example.org"
    assert check_address("http://127.0.0.1:9/", HERE).port == 9


def test_a_public_name_that_leads_inside_is_found_out_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    for inside in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0"):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443)), (socket.AF_INET, socket.SOCK_STREAM, 6, "", (inside, 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
        with pytest.raises(CallFailed, match="private network"):
            post("https://rebinding.example/", b"{}", {}, seconds=1)


@pytest.mark.parametrize("spelling", ["127.1", "0177.0.0.1", "①②⑦.⓪.⓪.①"])
def test_a_spelling_that_the_system_takes_for_an_inner_address_is_found_out_too(spelling: str) -> None:
    with pytest.raises(CallFailed, match=r"private network|not known"):
        post(f"https://{spelling}/", b"{}", {}, seconds=1)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere the second time it is looked up."""
    asked, called = [], []

    def look_up(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", port))]

    def connect(address: tuple[str, int], **_: object) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(CallFailed, match="no connection"):
        post("https://rebinding.example/", b"{}", {}, seconds=1)
    assert (asked, called) == (["rebinding.example"], [("93.184.216.34", 443)])


def test_an_answer_comes_back_and_a_redirect_is_not_followed(at: str) -> None:
    answer = post(at, b"{}", {}, seconds=2, private_hosts=HERE)
    assert (answer.status, answer.body) == (200, b"yy")
    assert post(f"{at}/away", b"{}", {}, seconds=2, private_hosts=HERE).status == 302


@pytest.mark.parametrize("path", ["sleep", "drip"])
def test_no_answer_takes_longer_than_agreed_however_it_trickles(at: str, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(CallFailed, match=r"within 0\.3 seconds"):
        post(f"{at}/{path}", b"{}", {}, seconds=0.3, private_hosts=HERE)
    assert time.monotonic() - began < 0.9


def test_a_huge_answer_and_a_dead_host_are_told(at: str) -> None:
    with pytest.raises(CallFailed, match="larger than 64 kB"):
        post(f"{at}/huge", b"{}", {}, seconds=2, private_hosts=HERE)
    with pytest.raises(CallFailed, match="no connection"):
        post("http://127.0.0.1:1/", b"{}", {}, seconds=1, private_hosts=HERE)
