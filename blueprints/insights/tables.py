"""Tables of figures: one value that the page shows and a program downloads. Pure."""

import csv
import io
from collections.abc import Sequence

from core.records import dataclass
from core.rendering import ZERO_DECIMAL, count, money

# What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_MARK = "\ufeff"  # without it, one common spreadsheet takes UTF-8 for something else
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units and a currency; shown with a sign where it is a change."""

    cents: int
    currency: str
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Percent:
    """A share between 0 and 1; shown with a sign where it is a difference."""

    share: float
    digits: int = 0
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere on this site."""

    text: str
    href: str


Cell = str | int | Money | Percent | Link | None


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are headings; the first cell of a row heads it. `total` is a last row that sums the others."""

    key: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None

    @property
    def words(self) -> frozenset[int]:
        """The columns that hold words, not figures."""
        places = range(len(self.columns))
        return frozenset(at for at in places if any(isinstance(row[at], str | Link) for row in self.rows))


def shown(cell: Cell) -> str:
    """A cell as people read it."""
    if cell is None:
        return NOTHING
    if isinstance(cell, Money):
        if cell.cents < 0:
            return "−" + money(-cell.cents, cell.currency)
        return ("+" if cell.signed and cell.cents else "") + money(cell.cents, cell.currency)
    if isinstance(cell, Percent):
        number = f"{abs(cell.share) * 100:.{cell.digits}f}"
        sign = "−" if cell.share < 0 and float(number) else "+" if cell.signed and float(number) else ""
        return f"{sign}{number} %"
    if isinstance(cell, Link):
        return cell.text
    return count(cell).replace("-", "−") if isinstance(cell, int) else cell


def as_csv(tables: Sequence[Table]) -> str:
    """Tables of the same columns as one file (RFC 4180). Figures are plain numbers; money is in major units.

    Words that a spreadsheet would take for a formula get an apostrophe in front, which it does not show.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for table in tables[:1]:
        writer.writerow([_safe(name) for name in table.columns])
    for table in tables:
        for row in (*table.rows, *((table.total,) if table.total else ())):
            writer.writerow([_plain(cell) for cell in row])
    return _MARK + out.getvalue()


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Money):
        return _major(cell.cents, cell.currency)
    if isinstance(cell, Percent):
        return f"{cell.share:.4f}"
    if isinstance(cell, int):
        return str(cell)
    return _safe(cell.text if isinstance(cell, Link) else cell)


def _major(cents: int, currency: str) -> str:
    if currency.lower() in ZERO_DECIMAL:
        return str(cents)
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _safe(words: str) -> str:
    return "'" + words if words.lstrip(" ").startswith(_FORMULA) else words
