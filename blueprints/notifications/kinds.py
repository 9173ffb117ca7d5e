"""The kinds of notices, in the order in which settings list them, and how each goes by mail unless somebody chose."""

from core.records import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of notice. `about` ends the sentence "Mails about …"; `default` is `now`, `daily` or `never`."""

    name: str
    label: str
    about: str
    default: str
    may_choose: bool = True
    is_listed: bool = True  # among the settings of everybody


# Decisions are told by mail at once, by the moderation domain: the law asks for it, so nobody can turn it off.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("reply", "Somebody replies to you", "replies to you", "now"),
        Kind("mention", "Somebody mentions you", "mentions of you", "now"),
        Kind("staff_answer", "The newsroom answers where you took part", "answers of the newsroom", "daily"),
        Kind("pick", "The newsroom picks your comment", "picks of your comments", "now"),
        Kind("thanks", "Thanks for what you reported or pointed out", "thanks to you", "daily"),
        Kind("follow", "News from whom and what you follow", "what you follow", "daily"),
        # To those who lead moderation, who choose on the desk whether a mail comes too, and get it at once.
        Kind("alarm", "Comments come much faster than usual", "alarms", "never", may_choose=False, is_listed=False),
        Kind("decision", "Decisions about you or your comments", "decisions", "never", may_choose=False),
    )
}
