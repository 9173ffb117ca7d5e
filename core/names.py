"""Display names: what readers may call themselves, and when two names are too much alike.

Two names clash if their keys are equal (the same name, written differently) or their skeletons are (names that
look the same). The database keeps both in unique columns of NAME_COLUMN_LENGTH.
"""

import unicodedata
from collections.abc import Collection, Mapping
from functools import cache, lru_cache

import regex  # type: ignore[import-untyped]
from confusable_homoglyphs.categories import alias
from confusable_homoglyphs.utils import load

MIN_LENGTH = 2
MAX_LENGTH = 40

# Bounds what is stored: without it a single character could carry hundreds of accents.
MAX_CODE_POINTS = 80
MAX_MARKS_ON_A_LETTER = 4

# Room for the key and the skeleton of any name that `check_display_name` lets through.
NAME_COLUMN_LENGTH = 255

# A bound on memory: the characters of nearly all names, not all of Unicode.
SKELETONS_REMEMBERED = 4096

# Names that would speak for the house; a site adds its own name.
RESERVED_NAMES = frozenset(
    {
        "admin",
        "administrator",
        "anonymous",
        "deleted",
        "editor",
        "editorial",
        "guest",
        "moderation",
        "moderator",
        "newsroom",
        "official",
        "publisher",
        "root",
        "staff",
        "support",
        "system",
        "webmaster",
    }
)

# Of these, names of people and things that are refused only alone: "Joe Root" is welcome, "Root" is not.
_RESERVED_ALONE = frozenset({"anonymous", "deleted", "guest", "root", "support", "system"})

# Scripts that are written together in one word; otherwise a word has one script.
_SCRIPTS_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
)
_ANY_SCRIPT = frozenset({"COMMON", "INHERITED", "Unknown"})

# Different drawings of plain letters and digits, by the tags of Unicode's decompositions.
_STYLED = ("<font>", "<wide>", "<narrow>", "<circle>", "<super>", "<sub>", "<square>")
_PUNCTUATION = str.maketrans({**dict.fromkeys("’‘ʼ`´＇", "'"), **dict.fromkeys("‐‑‒–—−", "-")})

_SPACES = regex.compile(r"[\p{Z}\t\n\r]+")
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\p{Cf}\p{Co}\p{Cn}\u2800]")
_NOT_ALLOWED = regex.compile(r"[^\p{L}\p{M}\p{Nd} .'_-]")
_LETTER = regex.compile(r"\p{L}")
_STRAY_MARK = regex.compile(rf"(?:\A|[^\p{{L}}\p{{M}}])\p{{M}}|\p{{M}}{{{MAX_MARKS_ON_A_LETTER + 1}}}")
_REPEATED_PUNCTUATION = regex.compile(r"([.'_-])\1|[.'_-]{3}")
_WORDS = regex.compile(r"[^ .'_-]+")
_LOOSE = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
# Endings common enough that a name ending in them reads as an address. Initials ("J.P. Co") are too short for it.
_ADDRESS = regex.compile(
    r"(?:\A|[ '_])(?:www\.|[\p{L}\p{M}\p{Nd}-]{2,}\.(?:[\p{L}\p{M}\p{Nd}-]+\.)*"
    r"(?:com|org|net|info|biz|edu|gov|mil|int|app|dev|xyz|online|site|website|shop|store|top|club|live|news|blog|link"
    r"|click|info|pro|tv|io|co|ai|me|ly|to|gg|us|uk|eu|de|fr|es|it|nl|be|ch|at|pl|cz|se|dk|fi|pt|ie|ru|ua|by|su|cn"
    r"|jp|kr|in|tr|ir|br|mx|ar|ca|au|nz|za|xn--[a-z0-9-]+|рф|онлайн)(?:\Z|[ '_]))",
    regex.IGNORECASE,
)

# Marks that only decorate a letter. Vowel signs of Indic scripts and the voicing marks of kana make another letter.
_DECORATION = regex.compile(
    r"[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
# Beyond Unicode's table of look-alikes, which leaves digits in the place of letters to us.
_LOOK_ALIKES = {
    **{"i": "l", "1": "l", "0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "w": "vv"},
    **{"ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ø": "o"},
}


def check_display_name(name: str, reserved: Collection[str] = RESERVED_NAMES) -> str:
    """The name as it will be shown, cleaned; or ValueError with a sentence for the person who typed it.

    Cleaning composes accents, writes styled letters plainly, and makes every run of spaces one. A name has
    MIN_LENGTH to MAX_LENGTH characters as a person counts them: letters of any script, digits, spaces and
    . ' - _, with at least one letter. Scripts that could hide a look-alike are not mixed within a word. Names
    that read as an address are refused, and so are those that contain a reserved one as words of its own.
    """
    cleaned = _cleaned(name)
    length = len(regex.findall(r"\X", cleaned))
    if not cleaned:
        raise ValueError("Please choose a name.")
    if _INVISIBLE.search(cleaned):
        raise ValueError("This name contains an invisible character. Please type it without copying it from elsewhere.")
    if "@" in cleaned:
        raise ValueError("A name cannot contain @. Please do not use your e-mail address: everyone can read the name.")
    if length < MIN_LENGTH:
        raise ValueError(f"This name is too short. It needs at least {MIN_LENGTH} characters.")
    if length > MAX_LENGTH or len(cleaned) > MAX_CODE_POINTS or len(name_skeleton(cleaned)) > NAME_COLUMN_LENGTH:
        raise ValueError(f"This name is too long. It can have at most {MAX_LENGTH} characters.")
    if found := _NOT_ALLOWED.search(cleaned):
        raise ValueError(f"A name cannot contain {found.group()} – only letters, digits, spaces and . ' - _")
    if not _LETTER.search(cleaned) or not name_skeleton(cleaned):
        raise ValueError("A name needs at least one letter.")
    if _STRAY_MARK.search(cleaned):
        raise ValueError("This name has accents without a letter, or too many on one.")
    if _REPEATED_PUNCTUATION.search(cleaned):
        raise ValueError("This name has too much punctuation in a row.")
    if _ADDRESS.search(cleaned):
        raise ValueError("This name looks like a web address. Please choose another, or put a space after the dot.")
    if _mixes_scripts(cleaned):
        raise ValueError("This name mixes letters of different alphabets in one word. Please write each word in one.")
    if _is_reserved(cleaned, reserved):
        raise ValueError("This name is reserved. Please choose another.")
    return cleaned


def name_key(name: str) -> str:
    """What two spellings of the same name share: without regard to case, width, spaces and punctuation.

    "Vic Tanaka", "vic.tanaka" and "ＶＩＣ_tanaka" have one key; accents make a difference. Empty only for a text
    without letters and digits. The key of a key is the key.
    """
    while (key := _folded(name)) != name:
        name = key
    return key


def name_skeleton(name: str) -> str:
    """What names that look alike share: letters, digits and accents that a reader may confuse become one.

    Follows Unicode's skeleton (UTS 39) and goes further, without case, accents, spaces and punctuation, with
    digits as the letters they stand for, and with i, l and 1 as one. Never shown. The skeleton of a skeleton
    is the skeleton.
    """
    plain = "".join(_plain(character) for character in unicodedata.normalize("NFKD", name))
    return unicodedata.normalize("NFKD", plain)


def _cleaned(name: str) -> str:
    composed = unicodedata.normalize("NFC", name).translate(_PUNCTUATION)
    plain = "".join(
        unicodedata.normalize("NFKC", c) if unicodedata.decomposition(c).startswith(_STYLED) else c for c in composed
    )
    return str(_SPACES.sub(" ", unicodedata.normalize("NFC", plain))).strip()


def _mixes_scripts(name: str) -> bool:
    for word in _WORDS.findall(name):
        scripts = {alias(character) for character in word} - _ANY_SCRIPT
        if len(scripts) > 1 and not any(scripts <= together for together in _SCRIPTS_TOGETHER):
            return True
    return False


def _is_reserved(name: str, reserved: Collection[str]) -> bool:
    """Whether a reserved name appears in it as whole words, digits after them aside ("moderator 2", "Adm1n")."""
    words = [name_skeleton(word) for word in _WORDS.findall(name)]
    bare = [name_skeleton(word.rstrip("0123456789")) for word in _WORDS.findall(name)]
    for phrase in reserved:
        wanted = name_skeleton(phrase)
        parts = [name_skeleton(word) for word in _WORDS.findall(phrase)]
        if not wanted:
            continue
        if wanted in ("".join(words), "".join(bare)):
            return True
        if phrase.lower() in _RESERVED_ALONE:
            continue
        runs = [spelt[at : at + len(parts)] for spelt in (words, bare) for at in range(len(spelt))]
        if parts in runs:
            return True
    return False


def _folded(name: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return str(_LOOSE.sub("", _INVISIBLE.sub("", folded)))


@lru_cache(maxsize=SKELETONS_REMEMBERED)
def _plain(character: str) -> str:
    """The skeleton of one character: its replacements followed until they no longer change.

    Where they go round in a circle, the first member in order stands for all of them.
    """
    seen = [character]
    while (following := "".join(_step(c) for c in seen[-1])) not in seen:
        seen.append(following)
    return min(seen[seen.index(following) :])


def _step(character: str) -> str:
    alike = _bare(_prototype(character))
    # Letters that look like a punctuation mark would vanish from the name.
    alike = alike or _bare(character)
    return "".join(_LOOK_ALIKES.get(c, c) for c in _bare(alike.casefold()))


def _bare(text: str) -> str:
    return str(_LOOSE.sub("", _DECORATION.sub("", unicodedata.normalize("NFKD", text))))


def _prototype(character: str) -> str:
    """The character that stands for all that look like this one, by Unicode's table of confusable characters.

    In the table a prototype lists its look-alikes, and each of these lists the prototype only.
    """
    alike = look_alikes().get(character, ())
    if len(alike) != 1:
        return character
    other = alike[0]
    if len(look_alikes().get(other, ())) == 1:
        return min(character, other, key=lambda c: (len(c), c))
    return other


@cache
def look_alikes() -> Mapping[str, tuple[str, ...]]:
    """Unicode's table of confusable characters: to each, those that it is taken for. Read when first asked for.

    Without what else the package says of them, which would take seven megabytes.
    """
    table = load("confusables.json")
    return {character: tuple(str(entry["c"]) for entry in alike) for character, alike in table.items()}
