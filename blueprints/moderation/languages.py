"""A guess at the language of a short text, from its letters and its smallest words. Pure.

It only sorts a queue, so it answers nothing rather than something wrong: "" where little speaks for any language.
"""

from collections import Counter

import regex  # type: ignore[import-untyped]

LANGUAGES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fr": "French", "he": "Hebrew", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
ENOUGH = 2  # small words that speak for a language
LOOKED_AT = 2_000  # characters

_SCRIPTS = (
    ("ja", regex.compile(r"[\p{Hiragana}\p{Katakana}]")), ("ko", regex.compile(r"\p{Hangul}")),
    ("zh", regex.compile(r"\p{Han}")), ("el", regex.compile(r"\p{Greek}")), ("he", regex.compile(r"\p{Hebrew}")),
    ("ar", regex.compile(r"\p{Arabic}")), ("uk", regex.compile(r"[іїєґІЇЄҐ]")), ("ru", regex.compile(r"\p{Cyrillic}")),
)  # fmt: skip
_WORD = regex.compile(r"\p{L}+")
_SMALL = {
    "en": "the and of to is that it for you was not are this have with but they what we be all who would there",
    "de": "der die das und ist nicht ich es ein eine zu den mit sich auf für auch wie aber wir haben wird kein dass",
    "fr": "le la les et est pas que qui des une dans pour ce sur il nous vous avec mais plus cette sont aux être",
    "es": "el los las que una por con para está pero más como muy también esto sus sin hay ser son del lo se",
    "it": "il che non è di una per sono con più anche della gli questo come ma dei nel alla hanno ci si lo",
    "pt": "não que uma os para com mais como mas foi ele das isso são também você dos pela ser tem muito em",
    "nl": "het een van en niet dat ik je zijn op voor met maar ook aan wel nog naar dit geen deze wordt heeft",
    "sv": "och att det som inte är jag på för med av den till har om ett men så vi kan från också",
    "da": "og det at ikke jeg er på til af med der den har men også fra kan vi så han hvad være",
    "pl": "nie to się na że jest do tak jak ale co już tylko czy przez dla był jego ma po są",
    "cs": "je se že na to jako ale není jsem by pro tak co jsou jen si už ve který jeho od",
    "hu": "hogy nem egy az és ez is van de csak meg már mint volt még azt ha mert ki lesz",
    "tr": "bir ve bu için değil çok ama ne gibi daha olarak var ben kadar olan sonra ile mi da de",
}
_SAYS: dict[str, tuple[str, ...]] = {}
for _language, _words in _SMALL.items():
    for _word in _words.split():
        _SAYS[_word] = (*_SAYS.get(_word, ()), _language)


def guess(text: str) -> str:
    """The code of the language; "" where there is no telling."""
    text = text[:LOOKED_AT]
    letters = sum(character.isalpha() for character in text)
    for language, script in _SCRIPTS:
        if letters and len(script.findall(text)) * 4 > letters:
            return language
        if language == "uk" and script.search(text) and len(_SCRIPTS[-1][1].findall(text)) * 2 > letters:
            return language
    score: Counter[str] = Counter()
    for word in _WORD.findall(text.lower()):
        for language in _SAYS.get(word, ()):
            score[language] += 1
    best = score.most_common(2)
    if not best or best[0][1] < ENOUGH or (len(best) > 1 and best[0][1] == best[1][1]):
        return ""
    return best[0][0]
