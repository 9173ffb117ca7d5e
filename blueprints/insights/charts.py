"""Charts as values: where lines and bars lie in a drawing of fixed size, which a template writes as SVG. Pure.

A chart never says anything that its table does not: the table beside it is the way in for who cannot see the chart.
Lines differ by their dashes and their names at the end, not by colour alone.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from core.records import dataclass

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 76, 124, 16, 34
LEFT_OF_STEPS = 170
THIN = 4  # what happened at all can be seen
TICKS = 4
MOST_LABELS = 8
LABEL_GAP = 15  # between the names at the ends of two lines


@dataclass(frozen=True, slots=True)
class Series:
    """A named row of values; None where there is none."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    name: str
    style: int
    points: str
    dots: tuple[tuple[float, float], ...]
    name_y: float


@dataclass(frozen=True, slots=True)
class DrawnBar:
    x: float
    y: float
    width: float
    height: float
    style: int


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a step at the left, its number at the end of its bar."""

    name: str
    number: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`title` and `summary` are for who hears the chart instead of seeing it."""

    key: str
    title: str
    summary: str
    ticks: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    lines: tuple[DrawnLine, ...] = ()
    bars: tuple[DrawnBar, ...] = ()
    legend: tuple[tuple[str, int], ...] = ()
    zero: float = 0
    names: tuple[Label, ...] = ()

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def height(self) -> int:
        return HEIGHT

    @property
    def left(self) -> int:
        return LEFT

    @property
    def right(self) -> int:
        return WIDTH - RIGHT


def line_chart(
    key: str, title: str, names: Sequence[str], series: Sequence[Series], say: Callable[[float], str],
    *, top: float | None = None,
) -> Chart:  # fmt: skip
    """A line for each series over the same named places, from zero up."""
    highest = max((value for one in series for value in one.values if value is not None), default=0)
    scale = _scale(0, top if top is not None else highest)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(names) - 1)
    lines = []
    for style, one in enumerate(series):
        dots = tuple(
            (round(LEFT + place * step, 1), _y(value, scale)) for place, value in enumerate(one.values)
            if value is not None
        )  # fmt: skip
        points = " ".join(f"{x},{y}" for x, y in dots)
        lines.append(DrawnLine(one.name, style, points, dots, dots[-1][1] if dots else 0))
    return Chart(
        key, title, _summary(names, series, say), _ticks(scale, say), _labels(names, step, LEFT),
        lines=_apart(lines), zero=_y(0, scale),
    )  # fmt: skip


def bar_chart(
    key: str, title: str, names: Sequence[str], series: Sequence[Series], say: Callable[[float], str]
) -> Chart:
    """Values stacked at each place: what is above zero upwards, what is below downwards."""
    ups = [sum(max(0.0, one.values[place] or 0) for one in series) for place in range(len(names))]
    downs = [sum(min(0.0, one.values[place] or 0) for one in series) for place in range(len(names))]
    scale = _scale(min(downs, default=0), max(ups, default=0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(names))
    bars = []
    for place in range(len(names)):
        up, down = 0.0, 0.0
        for style, one in enumerate(series):
            value = one.values[place] or 0
            base = up if value > 0 else down
            if value:
                y, end = sorted((_y(base, scale), _y(base + value, scale)))
                bars.append(DrawnBar(round(LEFT + place * step + step * 0.15, 1), y, round(step * 0.7, 1),
                                     round(end - y, 1), style))  # fmt: skip
            up, down = up + max(0.0, value), down + min(0.0, value)
    used = [(one.name, style) for style, one in enumerate(series) if any(one.values)]
    return Chart(
        key, title, _summary(names, series, say), _ticks(scale, say), _labels(names, step, LEFT + step / 2),
        bars=tuple(bars), legend=tuple(used), zero=_y(0, scale),
    )  # fmt: skip


def step_chart(key: str, title: str, steps: Sequence[tuple[str, int]], say: Callable[[float], str]) -> Chart:
    """One bar for each step of a way, under each other; the longest is the most frequent one."""
    most = max((number for _, number in steps), default=0) or 1
    room = (HEIGHT - TOP) / max(1, len(steps))
    bars = tuple(
        DrawnBar(LEFT_OF_STEPS, round(TOP + place * room + room * 0.15, 1),
                 max(round((WIDTH - LEFT_OF_STEPS - RIGHT) * number / most, 1), THIN if number else 0),
                 round(room * 0.7, 1), place)
        for place, (_, number) in enumerate(steps)
    )  # fmt: skip
    names = tuple(Label(name, say(number), bar.x + bar.width, round(bar.y + bar.height / 2, 1))
                  for (name, number), bar in zip(steps, bars, strict=True))  # fmt: skip
    said = ", ".join(f"{name} {say(number)}" for name, number in steps)
    return Chart(key, title, f"{said}.", (), (), bars=bars, names=names)


def _scale(lowest: float, highest: float) -> tuple[float, float, float]:
    """(from, to, step) in round whole numbers around what is to be shown."""
    span = max(highest - lowest, 1e-9)
    if highest <= 0 and lowest >= 0:
        return 0, 1, 1
    raw = max(1, span / TICKS)
    size = 10 ** floor(log10(raw))
    step = next(size * times for times in (1, 2, 5, 10) if size * times >= raw)
    return floor(lowest / step) * step, max(ceil(round(highest / step, 9)), 1 if lowest >= 0 else 0) * step, step


def _y(value: float, scale: tuple[float, float, float]) -> float:
    low, high, _ = scale
    return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)


def _ticks(scale: tuple[float, float, float], say: Callable[[float], str]) -> tuple[Tick, ...]:
    low, high, step = scale
    number = round((high - low) / step)
    return tuple(Tick(_y(low + step * place, scale), say(low + step * place)) for place in range(number + 1))


def _labels(names: Sequence[str], step: float, first: float) -> tuple[Tick, ...]:
    every = ceil(len(names) / MOST_LABELS) or 1
    last = len(names) - 1
    return tuple(
        Tick(round(first + place * step, 1), name) for place, name in enumerate(names) if (last - place) % every == 0
    )


def _apart(lines: Sequence[DrawnLine]) -> tuple[DrawnLine, ...]:
    """The names at the ends of lines moved so far apart that each can be read, from the highest down."""
    placed: list[DrawnLine] = []
    for line in sorted(lines, key=lambda one: one.name_y):
        lowest = placed[-1].name_y + LABEL_GAP if placed else float(TOP)
        placed.append(DrawnLine(line.name, line.style, line.points, line.dots, max(line.name_y, lowest)))
    return tuple(placed)


def _summary(names: Sequence[str], series: Sequence[Series], say: Callable[[float], str]) -> str:
    """One sentence for each series: where it begins and ends."""
    sentences = []
    for one in series:
        known = [(name, value) for name, value in zip(names, one.values, strict=True) if value is not None]
        if known and any(value for _, value in known):
            (first, begin), (last, end) = known[0], known[-1]
            sentences.append(f"{one.name}: {say(begin)} in {first}, {say(end)} in {last}.")
    return " ".join(sentences) or "Nothing to show yet."
