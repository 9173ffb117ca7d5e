"""What rendering costs: an ordinary comment, and the hostile shapes at full length, in milliseconds.

Run from the project's root: `python -m tests.bench.bench_markup`.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

from core.markup import render_article, render_comment
from tests.core.test_markup import HOSTILE, LENGTH

ORDINARY = (
    "I think the council was *right* to wait. The figures are at https://example.com/report, "
    "and [this piece](https://example.org/a) says why.\n\n> It was never about the money.\n\n"
    "That is **not** what was said in the meeting, though.\nI was there. " + "There is more to say about it. " * 10
)
ROUNDS = 7


def milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median duration of the work."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def main() -> None:
    print(f"{'ordinary comment, ' + str(len(ORDINARY)) + ' characters':40}", end="")
    print(f"{milliseconds(lambda: render_comment(ORDINARY), 50):9.2f} ms")
    article = f"## A heading\n\n{ORDINARY}\n\n" * 12
    print(f"{'article, ' + str(len(article)) + ' characters':40}", end="")
    print(f"{milliseconds(lambda: render_article(article)):9.2f} ms")
    print(f"\n{'hostile, characters:':30}{LENGTH // 4:>12}{LENGTH:>12}{'growth':>10}")
    for name, shape in HOSTILE.items():
        short, full = ((shape * LENGTH)[: LENGTH // 4], (shape * LENGTH)[:LENGTH])
        few, many = milliseconds(partial(render_comment, short)), milliseconds(partial(render_comment, full))
        print(f"{name:30}{few:9.2f} ms{many:9.2f} ms{many / few:9.1f}×")


if __name__ == "__main__":
    main()
