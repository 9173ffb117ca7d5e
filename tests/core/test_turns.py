"""Turns to write: one at a time, across threads and processes, and none held by the dead."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from core.turns import Turns

ROOT = Path(__file__).resolve().parents[2]
HOLDING = """
import sys, time
from core.turns import turns
turns.take(sys.argv[1])
print("mine", flush=True)
time.sleep(60)
"""


def test_threads_write_one_after_the_other(tmp_path: Path) -> None:
    turns, path = Turns(), str(tmp_path / "a.sqlite3")
    inside: list[int] = []
    seen: list[int] = []

    def work() -> None:
        for _ in range(20):
            turns.take(path)
            inside.append(1)
            seen.append(len(inside))
            time.sleep(0.0005)
            inside.pop()
            turns.give_back()

    running = [threading.Thread(target=work) for _ in range(5)]
    for each in running:
        each.start()
    for each in running:
        each.join(timeout=30)
    assert seen == [1] * 100


def test_a_thread_may_ask_twice_and_gives_back_once(tmp_path: Path) -> None:
    turns, path = Turns(), str(tmp_path / "a.sqlite3")
    turns.take(path)
    turns.take(path)
    turns.give_back()
    turns.give_back()
    taken = threading.Event()
    threading.Thread(target=lambda: (turns.take(path), taken.set(), turns.give_back())).start()
    assert taken.wait(10)


def test_another_process_is_waited_for_and_one_that_is_killed_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "a.sqlite3")
    other = subprocess.Popen([sys.executable, "-c", HOLDING, path], cwd=ROOT, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"mine\n"
    turns, taken = Turns(), threading.Event()
    threading.Thread(target=lambda: (turns.take(path), taken.set(), turns.give_back()), daemon=True).start()
    assert not taken.wait(0.2)
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert taken.wait(10)
