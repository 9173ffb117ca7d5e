"""Requests over real lines: what is answered at once is what Flask answers, and nobody's slowness is everybody's."""

import gzip
import io
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from PIL import Image

from blueprints.articles.service import SIZES, write_picture
from commands.server.packing import SMALLEST
from core.db import transaction
from core.images import prepare_picture
from models.thread import Thread
from tests.factories import make_article, make_plan, make_user, thread_of
from tests.server.serving import PATIENCE, Line, Served, start


def new_article(server: Served) -> str:
    with server.inside():
        return f"/articles/{make_article('A story').slug}"


def without_token(page: bytes) -> bytes:
    """The page without what says in which second it was made."""
    return re.sub(rb'guest\.[\w.-]+|datetime="[^"]+"', b"", page)


@pytest.mark.once
def test_a_visitors_page_is_flasks_page_from_the_first_to_the_last_byte(server: Served) -> None:
    path = new_article(server)
    by_flask = server.app.test_client(use_cookies=False).get(path)
    made, kept = server.ask(path), server.ask(path)
    assert made.status == kept.status == 200
    assert made.body == kept.body
    assert without_token(kept.body) == without_token(by_flask.data)
    expected = {name.lower(): value for name, value in by_flask.headers}
    assert made.headers | {"date": ""} == kept.headers | {"date": ""}
    for answer in (made, kept):
        same = {name: value for name, value in expected.items() if name != "etag"}
        assert {name: answer.headers[name] for name in same} == same
        assert set(answer.headers) - set(expected) == {"date"}


@pytest.mark.once
def test_a_visitors_page_is_packed_or_not_sent_again_or_asked_for_without_its_body(server: Served) -> None:
    path = new_article(server)
    plain = server.ask(path)
    for _ in range(2):  # made in a thread, then from memory
        packed = server.ask(path, accept_encoding="gzip")
        assert gzip.decompress(packed.body) == plain.body
        known = server.ask(path, accept_encoding="gzip", if_none_match=packed.headers["etag"])
        assert (known.status, known.body) == (304, b"")
        head = server.ask(path, "HEAD", accept_encoding="gzip")
        assert (head.body, head.headers["etag"]) == (b"", packed.headers["etag"])
        assert int(head.headers["content-length"]) == len(packed.body)
    until = time.monotonic() + PATIENCE
    while b'rejoinder_kept_answers_total{kind="visitor"}' not in server.ask("/metrics").body:
        assert time.monotonic() < until, "answers from memory are not counted"
        time.sleep(0.2)


def test_a_change_is_on_the_next_page_and_what_is_withdrawn_is_gone(server: Served) -> None:
    path = new_article(server)
    assert b"No comments yet" in server.ask(path).body
    assert server.ask(path).status == 200
    with server.inside():
        from sqlalchemy import select

        from core.db import db
        from models.article import Article

        article = db.session.scalar(select(Article).where(Article.slug == path.rpartition("/")[2]))
        assert article is not None
        with transaction() as session:
            row = session.get(Thread, thread_of(article).id)
            assert row is not None
            row.published_count, row.version = 3, row.version + 1
        assert b"3 comments" in server.ask(path).body
        with transaction() as session:
            session.get(Article, article.id).state = "unpublished"  # type: ignore[union-attr]
    assert server.ask(path).status == 404


@pytest.mark.once
def test_pages_of_members_styles_and_scripts_are_packed_too_and_kept_for_good_where_their_address_is_their_content(
    server: Served,
) -> None:
    path = new_article(server)
    with server.inside():
        cookie = server.cookie(make_user("Vera Ustinov", plan=make_plan()))
    page = server.ask(path, accept_encoding="gzip", cookie=cookie)
    html = gzip.decompress(page.body).decode()
    assert "Vera Ustinov" in html
    assert page.headers["cache-control"] == "private, no-store"
    assert "Accept-Encoding" in page.headers["vary"]
    lengths = {len(server.ask(path, accept_encoding="gzip", cookie=cookie).body) for _ in range(12)}
    assert len(lengths) > 1, "the length of a page with a token tells about its content"
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    assert len(files) >= 3
    for file in files:
        plain = server.ask(file)
        for _ in range(2):
            packed = server.ask(file, accept_encoding="gzip")
            assert "immutable" in packed.headers["cache-control"]
            assert ("content-encoding" in packed.headers) == (len(plain.body) >= SMALLEST)
            assert (gzip.decompress(packed.body) if "content-encoding" in packed.headers else packed.body) == plain.body
            if tag := packed.headers.get("etag"):
                assert server.ask(file, accept_encoding="gzip", if_none_match=tag).status == 304


@pytest.mark.once
def test_a_picture_and_its_sizes_are_kept_in_memory_at_their_own_address_alone(server: Served) -> None:
    stream = io.BytesIO()
    Image.effect_noise((600, 400), 60).convert("RGB").save(stream, "PNG")
    stream.seek(0)
    picture = prepare_picture(stream)
    with server.inside():
        write_picture(picture)
        folder = Path(server.app.config["SETTINGS"].data_dir)
    name, small = f"{picture.sha256}.webp", f"{picture.sha256}-400.webp"
    for file in (f"/pictures/{name}", f"/pictures/{small}"):
        made = server.ask(file)
        assert (made.status, made.headers["content-type"]) == (200, "image/webp")
        assert "immutable" in made.headers["cache-control"]
        odd = (f"{file}?v=1", file.replace(".webp", ".web%70"))
        assert [server.ask(each).body == made.body for each in odd] == [True, True], "asked oddly, and not kept so"
        head, known = server.ask(file, "HEAD"), server.ask(file, if_none_match=made.headers["etag"])
        assert (head.status, head.body, known.status, known.body) == (200, b"", 304, b"")
        assert int(head.headers["content-length"]) == len(made.body)
    shutil.rmtree(folder / SIZES)
    (folder / "pictures" / name).unlink()
    for file in (f"/pictures/{name}", f"/pictures/{small}"):
        assert server.ask(file).status == 200
        assert [server.ask(each).status for each in (f"{file}?v=1", file.replace(".webp", ".web%70"))] == [404, 404]


@pytest.mark.once
def test_an_answer_that_a_page_is_still_good_and_a_stream_carry_the_policies_too(server: Served) -> None:
    path = new_article(server)
    page = server.ask(path)
    good = server.ask(path, if_none_match=page.headers["etag"])
    assert (good.status, good.body) == (304, b"")
    every = ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-resource-policy")
    assert [good.headers[name] for name in every] == [page.headers[name] for name in every]
    assert "content-type" not in good.headers
    line = server.open(b"GET %s/live HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
    head = line.until(b"\r\n\r\n").lower()
    assert all(name.encode() in head for name in every)
    line.close()


@pytest.mark.once
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"b" * 70_000, 431),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_two_readers_could_understand_differently_is_refused_and_ends_the_line(
    server: Served, request_: bytes, status: int
) -> None:
    answer = server.open(request_).rest()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"nosniff" in answer
    assert b"frame-ancestors 'none'" in answer
    assert server.ask("/livez").status == 200


@pytest.mark.once
def test_an_upgrade_that_is_not_spoken_here_is_answered_as_an_ordinary_request_and_nothing_after_it_is_read(
    server: Served,
) -> None:
    line = server.open(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
                       b"GET /moderation HTTP/1.1\r\nHost: a\r\n\r\n")  # fmt: skip
    assert line.rest().count(b"HTTP/1.1 ") == 1


@pytest.mark.once
def test_one_line_serves_many_requests_and_their_answers_keep_the_order(server: Served) -> None:
    path = new_article(server).encode()
    ordinary = b"GET /rules HTTP/1.1\r\nHost: a\r\n\r\n"
    page = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path
    line = server.open(page + ordinary + page + b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    titles = re.findall(rb"<title>([^<]+)</title>|\r\n\r\n(ok)\n", line.rest())
    assert [one or other for one, other in titles] == [b"A story \xc2\xb7 The Meridian", b"Rules of the discussion \xc2\xb7 The Meridian",
                                                       b"A story \xc2\xb7 The Meridian", b"ok"]  # fmt: skip


@pytest.mark.once
def test_a_header_that_could_pass_for_another_does_not_reach_the_application(server: Served) -> None:
    answer = server.open(b"GET /account HTTP/1.1\r\nHost: here.test\r\nX_Forwarded_Host: evil.test\r\nProxy: evil.test\r\n"
                         b"X-Forwarded-For: 1.2.3.4\r\nConnection: close\r\n\r\n").rest()  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 303 ")
    assert b"evil" not in answer


@pytest.mark.once
def test_a_body_that_is_too_long_is_refused_in_a_sentence_before_it_is_read(server: Served) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    line = server.open(head + b"Expect: 100-continue\r\nContent-Length: 99000000\r\n\r\n")
    assert b" 413 " in line.until(b"larger than we take")
    line.close()
    piece = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    line = server.open(head + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 17)
    assert b" 413 " in line.until(b"larger than we take")
    line.close()


def test_words_that_are_too_many_come_back_with_the_form(server: Served) -> None:
    path = new_article(server)
    with server.inside():
        cookie, token = server.token(make_user(plan=make_plan()))
    body = urlencode({"csrf_token": token, "body": "Not one word of this is lost. " * 6000}).encode()
    assert len(body) > 64 * 1024  # more than is held in memory
    answer = server.ask(f"{path}/comments", "POST", body, cookie=cookie, content_type="application/x-www-form-urlencoded")
    assert answer.status == 422
    assert answer.body.count(b"Not one word of this is lost.") == 6000


@pytest.mark.once
def test_browsers_that_send_slowly_keep_nobody_waiting(server: Served) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n"
    slow = [server.open(head + b"email") for _ in range(20)] + [server.open(b"GET / HTTP/1.1\r\nHo") for _ in range(20)]
    began = time.monotonic()
    assert server.ask("/rules").status == 200
    assert time.monotonic() - began < 5
    slow[0].send(b"=a%4")
    assert b" 400 " in slow[0].until(b"\r\n")  # complete now: a form without a token
    for line in slow:
        line.close()


@pytest.mark.once
def test_a_server_that_is_told_to_end_finishes_what_was_begun(house: Flask) -> None:
    served = start(house)
    body = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    begun = served.open(b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        b"Content-Length: 7\r\n\r\nemail")  # fmt: skip
    idle = served.open(body)
    idle.until(b"ok\n")
    time.sleep(0.2)
    served.process.terminate()
    assert idle.rest() == b""
    with pytest.raises(OSError):
        while True:
            Line(served.port, body).rest()
            time.sleep(0.02)
    begun.send(b"=a")
    answer = begun.rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer
    assert served.process.wait(15) == 0
