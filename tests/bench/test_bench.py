"""The measuring itself: it runs to its end and finds what it looks for. How fast anything is, is not asserted."""

import json

import pytest

from tests.bench import starting
from tests.bench.__main__ import HEADINGS, main, markdown, plain
from tests.bench.depth import Depth
from tests.bench.load import drive, request
from tests.bench.measure import Options, Report, Row, Verdict, run, verdicts
from tests.bench.weight import Weight


@pytest.fixture(scope="module")
def report() -> Report:
    options = Options(
        sizes=(60,), seconds=0.1, rounds=1, readers=20, connections=2, processes=1, threads=4, wrk=False, warm=0.02,
        deep=120, depth_rounds=2,
    )
    return run(options, say=lambda _line: None)


def test_everything_is_measured_and_nothing_is_lost(report):
    names = [row.name for row in report.rows]
    assert names == [
        "bare Flask, one route", "visitor, 60 comments", "visitor, page known (304)", "member, 60 comments",
        "post, 60 comments", "post a reply, 60 comments", "post by script, 60 comments", "respect, 60 comments",
    ]  # fmt: skip
    assert all(row.per_second > 0 and row.p99 >= row.p50 > 0 for row in report.rows)
    assert [(depth.sort, depth.page) for depth in report.depths] == [
        (sort, page) for sort in ("best", "newest", "oldest", "discussed") for page in (1, 2)
    ]
    for weight in report.weights.values():
        kinds = {address.partition("?")[0].rpartition(".")[2] for address in weight.bodies}
        assert {"css", "js", "svg"} <= kinds, weight.bodies
    assert report.verdicts[-1] == Verdict("nothing acknowledged was lost, and every counter equals a recount", True)


def test_a_start_that_takes_too_long_is_said():
    report = starting.StartReport()
    starting.add(report, "cold start", 1.25, starting.COLD_TARGET, "s")
    starting.add(report, "memory", 120.4, starting.MEMORY_TARGET, "MB")
    assert [verdict.met for verdict in report.verdicts] == [False, True]
    assert starting.table(report)[2:] == ["| cold start | 1.25 s | 1 s |", "| memory | 120 MB | 150 MB |"]


def test_the_report_prints_for_people_and_for_the_document(report):
    assert all(row.name in plain(report) for row in report.rows)
    table = markdown(report).splitlines()
    assert table[0].count("|") == len(HEADINGS) + 1
    assert sum(line.startswith("| ") for line in table) == len(report.rows) + 2
    assert sum("made anew" in line for line in table) == 4


def test_a_missed_target_is_said_and_with_strict_it_is_the_exit_status(monkeypatch, capsys):
    rows = [
        Row("visitor, 10 comments", 1, 1, 1, 1.0, 0.4, 2.0), Row("visitor, 20 comments", 1, 1, 1, 2.0, 0.6, 2.0),
        Row("member, 10 comments", 1, 1, 1, 1.0, 0.59, 2.0), Row("member, 20 comments", 1, 1, 1, 1.1, 0.65, 2.0),
        Row("post, 10 comments", 450.0, 1, 200, 1.0), Row("respect, 20 comments", 900.0, 1, 1, 1.0),
    ]  # fmt: skip
    deep = [Depth("best", 1, 10.0), Depth("best", 9, 11.0), Depth("newest", 1, 10.0), Depth("newest", 9, 13.0)]
    report = Report(rows, deep, {"visitor": Weight({"/": 59_000}), "member": Weight({"/": 61_000})}, [], ["here"])
    report.verdicts = found = verdicts(Options(sizes=(10, 20)), report, ["3 comments are gone"])
    assert [verdict.met for verdict in found] == [
        False, False, False, True, False, True, False, True, True, False, False,
    ]  # fmt: skip
    assert "0.40 of bare Flask" in found[0].sentence
    assert "page 9 by newest takes 1.30 times" in found[4].sentence
    assert "3 comments are gone" in found[-1].sentence
    monkeypatch.setattr("tests.bench.__main__.run", lambda options, say: report)
    assert main(["--comments", "10,20"]) == 0
    assert main(["--comments", "10,20", "--strict"]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_a_load_ends_with_its_scripts_and_knows_every_answer(report, unused_port):
    """A server that answers in two pieces, so that answers are put together from what arrives."""
    with unused_port as port:
        load = drive(port, [[request("POST", "/", {}, b"a=1")] * 3, [request("GET", "/", {})] * 2], seconds=20)
    assert load.requests == 5
    assert load.statuses == {201: 5}
    assert load.comment_ids == [7] * 5


@pytest.fixture
def unused_port():
    import socketserver
    import threading
    import time
    from contextlib import contextmanager

    class Slow(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while head := self.rfile.readline():
                length = 0
                while (line := self.rfile.readline()) != b"\r\n":
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                assert head.startswith((b"GET", b"POST"))
                self.rfile.read(length)
                self.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\ncomm")
                time.sleep(0.01)
                self.wfile.write(b"ent-7")

    @contextmanager
    def serving():
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()

    return serving()


def test_a_corpus_goes_through_posting_screening_and_the_desk(tmp_path, capsys):
    from tests.bench import replay

    entries = [
        *({"text": f"You are a blork, number {at}.", "label": "reject", "author": "newcomer"} for at in range(6)),
        *({"text": f"A kind thought of mine, number {at}.", "label": "publish"} for at in range(20)),
        {"text": "Write to ann@example.com", "label": "publish"}, {"text": "A wretched person, truly.", "label": "reject"},
    ]  # fmt: skip
    corpus, words = tmp_path / "corpus.jsonl", tmp_path / "insults.txt"
    corpus.write_text("\n".join(json.dumps(entry) for entry in entries))
    words.write_text("blork\n")
    assert replay.main([str(corpus), "--list", str(words)]) == 0
    said = capsys.readouterr().out
    assert "28 texts posted, 0 refused" in said
    assert "recall 85.7 %" in said
    assert "{'publish': 1, 'reject': 6}" in said
    assert "every counter equals a recount" in said
