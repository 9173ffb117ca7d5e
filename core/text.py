"""Plain text: cleaning before storing, counting as people count, comparing, shortening, addressing.

Everything here is pure and knows no HTML; `core.markup` builds on it.
"""

import hashlib
import unicodedata
from urllib.parse import quote, urlencode

import regex  # type: ignore[import-untyped]

# A cluster of more code points than this counts as several characters, so that a limit on
# characters is a limit on stored text too. The longest emoji people type has eleven.
MAX_CODE_POINTS_PER_CHARACTER = 16

# Living languages stack four or five marks on a letter; text that climbs over its neighbours uses dozens.
MAX_COMBINING_MARKS = 8

SLUG_LENGTH = 80
SLUG_HASH_LENGTH = 10

ELLIPSIS = "…"

_NEWLINES = regex.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Controls except tab and newline, halves of surrogate pairs (no database stores them), code points that
# are no characters, the byte order mark, and the annotation marks of word processors.
_CONTROLS = regex.compile(r"[^\P{Cc}\t\n]|[\p{Cs}\p{Noncharacter_Code_Point}\ufeff\ufff9-\ufffb]")
_CLUSTER = regex.compile(r"\X")
_TOO_MANY_MARKS = regex.compile(rf"(\p{{M}}{{{MAX_COMBINING_MARKS}}})\p{{M}}+")
_TRAILING_SPACE = regex.compile(r"[^\S\n]+(?=\n|\Z)")
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\ufff9-\ufffb]+")
_UNSEEN = regex.compile(r"[\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]+")
_SPACE = regex.compile(r"\s+")
_ADDRESS = regex.compile(r"[^\s@<>\"'(),:;=\[\]]{1,64}@[^\s@<>\"'(),:;=\[\]]{1,253}")
_NOT_SLUG = regex.compile(r"[^a-z0-9]+")

_EMBEDDINGS = "\u202a\u202b\u202d\u202e"
_OVERRIDES = "\u202d\u202e"
_END_EMBEDDING = "\u202c"
_ISOLATES = "\u2066\u2067\u2068"
_END_ISOLATE = "\u2069"
_BIDI_CONTROLS = regex.compile(f"[{_EMBEDDINGS}{_END_EMBEDDING}{_ISOLATES}{_END_ISOLATE}]")

# Letters that do not decompose into a plain letter and an accent, each followed by its spelling.
_SPELLINGS = (
    "ß ss æ ae œ oe ø o đ d ð d þ th ł l ı i ħ h ŋ n "
    "а a б b в v г g д d е e ё yo ж zh з z и i й y к k л l м m н n о o п p р r с s т t у u ф f х h ц c "
    "ч ch ш sh щ sch ы y э e ю yu я ya і i ї yi є ye ґ g ў u ј j љ lj њ nj ћ c џ dz ђ dj ѕ dz ѓ g ќ k "
    "α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o"
)
_PAIRS = _SPELLINGS.split()
_ROMAN = str.maketrans({**dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)), **dict.fromkeys("ъь'’", "")})


def remove_controls(text: str) -> str:
    """The text with every kind of line end as `\\n` and without what is neither seen nor meant.

    Removes control characters (tab and newline stay), lone surrogates, non-characters, and the bidirectional
    controls of `balance_bidi`. Joiners, which Persian and emoji need, stay.
    """
    return balance_bidi(_CONTROLS.sub("", _NEWLINES.sub("\n", text)))


def balance_bidi(text: str) -> str:
    """The text without bidirectional controls that could turn their surroundings around.

    In each line an embedding or isolate (U+202A, 202B, 2066–2068) stays if that line closes it; what is left
    open, and an end without a beginning, goes. Overrides (U+202D, 202E) always go: their only use in running
    text is to show another text than the one that is stored.
    """
    if not _BIDI_CONTROLS.search(text):
        return text
    return "\n".join(_balance_line(line) for line in text.split("\n"))


def _balance_line(line: str) -> str:
    kept: set[int] = set()
    opened: list[tuple[int, str]] = []
    isolates = 0
    for match in _BIDI_CONTROLS.finditer(line):
        at, control = match.start(), match.group()
        if control == _END_EMBEDDING:
            if opened and opened[-1][1] in _EMBEDDINGS:
                begun, opener = opened.pop()
                if opener not in _OVERRIDES:
                    kept |= {begun, at}
        elif control == _END_ISOLATE:
            # The end of an isolate also ends the embeddings left open inside it.
            while isolates and opened[-1][1] not in _ISOLATES:
                opened.pop()
            if isolates:
                kept |= {opened.pop()[0], at}
                isolates -= 1
        else:
            opened.append((at, control))
            isolates += control in _ISOLATES
    return str(_BIDI_CONTROLS.sub(lambda match: match.group() if match.start() in kept else "", line))


def normalise(text: str) -> str:
    """The form in which typed text is stored: NFC, one kind of line end, no controls or trailing spaces.

    Also drops outer blank lines and combining marks beyond MAX_COMBINING_MARKS in a row. Applying it
    twice changes nothing more.
    """
    text = unicodedata.normalize("NFC", remove_controls(text))
    text = _TOO_MANY_MARKS.sub(r"\1", text)
    return str(_TRAILING_SPACE.sub("", text)).strip("\n")


def count_characters(text: str) -> int:
    """The number of characters as a person counts them: a letter with its accents, or a family emoji, is one.

    Line ends count one each. A cluster that piles up more than MAX_CODE_POINTS_PER_CHARACTER code points
    counts once for every such portion, so a text never has more code points than that times its count.
    """
    text = unicodedata.normalize("NFC", _NEWLINES.sub("\n", text))
    if text.isascii():
        return len(text)
    return sum(-(-len(cluster) // MAX_CODE_POINTS_PER_CHARACTER) for cluster in _CLUSTER.findall(text))


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing: only spaces, controls and invisible characters."""
    return not _UNSEEN.sub("", text)


def fold(text: str) -> str:
    """The text as it is compared: without case, width, invisible characters, and kinds or numbers of spaces.

    For finding repetitions and listed words; never shown. Applying it twice changes nothing more.
    """
    while (folded := _fold_once(text)) != text:
        text = folded
    return folded


def _fold_once(text: str) -> str:
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", _SPACE.sub(" ", text))).casefold()
    return str(_SPACE.sub(" ", unicodedata.normalize("NFKC", text))).strip()


def body_hash(text: str) -> str:
    """SHA-256 of the folded text, in 64 hexadecimal digits: equal for texts a reader would call the same."""
    return hashlib.sha256(fold(text).encode()).hexdigest()


def excerpt(text: str, characters: int) -> str:
    """The beginning of the text on one line, at most `characters` as a person counts them, ellipsis included.

    Cut between words where the script has spaces, never inside a character. Raises ValueError below 2.
    """
    if characters < 2:
        raise ValueError("An excerpt needs room for a character and the ellipsis.")
    line = _SPACE.sub(" ", remove_controls(text)).strip()
    clusters = _CLUSTER.findall(line)
    if len(clusters) <= characters:
        return str(line)
    kept = clusters[: characters - 1]
    if clusters[characters - 1] != " ":
        # A very long word is cut rather than leaving less than half of the room filled.
        spaces = [at for at, cluster in enumerate(kept) if cluster == " " and at >= characters // 2]
        if spaces:
            kept = kept[: spaces[-1]]
    return "".join(kept).rstrip(" ,;:.–—-") + ELLIPSIS


def slugify(text: str, max_length: int = SLUG_LENGTH) -> str:
    """An address part for the text: lower-case ASCII letters and digits joined by hyphens, never empty.

    Latin, Greek and Cyrillic are written in plain letters; a text in which nothing of them is left gets a
    short hash of itself, so that two such titles differ. Cut between words where possible. Equal texts give
    equal slugs; making them unique is the caller's task.
    """
    lowered = unicodedata.normalize("NFC", text).casefold().translate(_ROMAN)
    # Decomposed once more for letters whose accent hid them from the table above.
    bare = "".join(c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c))
    slug = str(_NOT_SLUG.sub("-", bare.casefold().translate(_ROMAN))).strip("-")
    if not slug:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        slug = "t" + digest[: SLUG_HASH_LENGTH - 1]
    if len(slug) > max_length:
        shortened = slug[: max_length + 1].rpartition("-")[0]
        slug = (shortened or slug)[:max_length].strip("-")
    return slug


def without_addresses(text: str) -> str:
    """The text with every e-mail address struck out, for logs and for what is kept of errors."""
    return str(_ADDRESS.sub("(address)", text))


def failure_line(trace: str) -> str:
    """What an exception itself says first: of the last one in a traceback, else the text's first line."""
    lines = trace.strip().split("\n")
    begins = max((number for number, line in enumerate(lines) if line.startswith("Traceback")), default=None)
    if begins is None:
        return lines[0]
    return next((line for line in lines[begins + 1:] if line and not line[0].isspace()), lines[-1].strip())


def address(path: str, **query: str) -> str:
    """A path of this site with a query, quoted."""
    return f"{path}?{urlencode(query, quote_via=quote)}"
