"""The shape of a text: a few numbers of which texts with nearly the same words share at least one.

Pairs of words are hashed into eight parts, the smallest of each part kept, and two neighbouring parts make one key
(A. Broder, "On the resemblance and containment of documents", 1997; P. Li et al., "One permutation hashing", 2012).
Of two texts that share four fifths of their pairs, 98 in 100 share a key; whether they really are alike is then
counted exactly. Quotations of others are left out. Pure and linear.
"""

import itertools
from zlib import crc32

from blueprints.threads.screening import folding

PARTS = 8
KEYS = PARTS // 2
FEWEST_WORDS = 12  # shorter texts are alike by chance
ALIKE = 0.6  # of all pairs in two texts, those in both (Jaccard)
_LONG_WORD = 15  # on average: a script without spaces, of which letters are taken instead
_SHIFT = 32 - 3


def pairs_of(source: str) -> set[int]:
    """The hashes of all pairs of neighbouring words; empty for a text that is too short."""
    own = "\n".join(line for line in source.split("\n") if not line.startswith(">")) if ">" in source else source
    units = folding.without_accents(folding.fold_words(folding.visible(own)))
    words = units.words
    letters = sum(map(len, words))
    if words and letters > _LONG_WORD * len(words):
        words = list("".join(words))
    if len(words) < FEWEST_WORDS:
        return set()
    data = [word.encode("utf-8", "surrogatepass") for word in words]
    return {crc32(first + b" " + second) for first, second in itertools.pairwise(data)}


def keys_of(pairs: set[int]) -> tuple[int, ...]:
    """The keys under which a text is found; none for one that is too short."""
    if not pairs:
        return ()
    least: list[int | None] = [None] * PARTS
    for pair in pairs:
        part = pair >> _SHIFT
        smallest = least[part]
        if smallest is None or pair < smallest:
            least[part] = pair
    filled = [_borrowed(least, part) for part in range(PARTS)]
    return tuple(
        (number << 60) | (((filled[2 * number] << 28) ^ filled[2 * number + 1]) & ((1 << 60) - 1))
        for number in range(KEYS)
    )


def _borrowed(least: list[int | None], part: int) -> int:
    """The smallest of a part; of one that is empty, that of the next that is not."""
    for step in range(PARTS):
        found = least[(part + step) % PARTS]
        if found is not None:
            return (found + step * 0x9E3779B1) & 0xFFFFFFFF
    raise ValueError("no pairs")


def likeness(one: set[int], other: set[int]) -> float:
    """The share of all pairs that are in both."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0
