"""The widths in which a picture can be had beside its own, and how a page offers them. Pure.

The widths are few and fixed, so that what strangers can make this program do is bounded by the number of pictures.
"""

import re

WIDTHS = (400, 800, 1200)  # pixels: a phone's column, where the screen has one, two or three for each of the page's
CARD_SHAPE = 3 / 2  # of width to height: what a card shows of any picture, as in card.css

_NAME = re.compile(rf"([0-9a-f]{{64}})-({'|'.join(map(str, WIDTHS))})\.webp")
_PLAIN = ".webp"  # every picture is stored as one; of anything else no smaller sizes are offered


def asked_size(name: str) -> tuple[str, int] | None:
    """The picture's own name and the width in pixels that a name of `/pictures/` asks for; None for any other name."""
    found = _NAME.fullmatch(name)
    return (f"{found[1]}{_PLAIN}", int(found[2])) if found else None


def names_of_sizes(name: str) -> list[str]:
    """The names of all sizes that a picture of this name can have."""
    stem = name.removesuffix(_PLAIN)
    return [f"{stem}-{width}{_PLAIN}" for width in WIDTHS] if stem != name else []


def srcset(url: str, width: int, height: int, *, shape: float = 0.0) -> str:
    """What `srcset` says of a picture of this address and so many pixels; nothing where it has no smaller sizes.

    With a `shape` (width to height) the picture is cropped to it. What is cut off at the sides does not count then:
    a browser that went by the whole width of a panorama would choose one that is too low for its place.
    """
    smaller = [each for each in WIDTHS if each < width]
    if not smaller or not url.endswith(_PLAIN):
        return ""
    stem = url.removesuffix(_PLAIN)
    seen = min(1.0, shape * height / width) if shape else 1.0
    offered = [(f"{stem}-{each}{_PLAIN}", each) for each in smaller] + [(url, width)]
    return ", ".join(f"{address} {max(1, round(each * seen))}w" for address, each in offered)
