"""The rules of the program's own checks: what each is called, what it may do, and what it does in a fresh install."""

from core.records import dataclass

OFF = "off"
UP_TO_HOLD = (OFF, "note", "nudge", "report", "hold")
UP_TO_REPORT = (OFF, "note", "nudge", "report")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that a publisher sets, with what it counts."""

    name: str
    label: str
    default: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a check. None of them rejects: that takes a list that people keep, and a rule of the conversation."""

    key: str
    title: str
    explanation: str
    default: str
    severities: tuple[str, ...] = UP_TO_HOLD
    numbers: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that belong together on the publisher's page."""

    title: str
    rules: tuple[Rule, ...]


GROUPS: tuple[Group, ...] = (
    Group("Length", (
        Rule("length.short", "Very short", "Has fewer words than this.", OFF, UP_TO_REPORT,
             (Number("shortest_words", "words at least", 2, 1, 20),)),
        Rule("length.long", "Very long", "Has more characters than this.", OFF, UP_TO_HOLD,
             (Number("longest_characters", "characters at most", 3_000, 200, 5_000),)),
    )),
    Group("Links", (
        Rule("links.first", "Links of newcomers", "There is a link in one of somebody’s first comments.", "hold"),
        Rule("links.many", "Many links", "There are more links than this.", "hold", UP_TO_HOLD,
             (Number("most_links", "links at most", 5, 1, 50),)),
        Rule("links.spam", "Links to known spam", "It leads to where a comment led that was rejected as spam.", "hold"),
    )),
    Group("Repetition", (
        Rule("repeats.once", "Said before", "The author posted the same or nearly the same lately.", "note"),
        Rule("repeats.many", "Said in many places", "The same or nearly the same words stand in this many recent "
             "comments, by whomever.", "hold", UP_TO_HOLD, (Number("many_repeats", "comments", 3, 2, 20),)),
        Rule("flood", "Many comments in a short time", "The author sent more comments than this.", "note", UP_TO_HOLD,
             (Number("flood_comments", "comments", 8, 2, 20), Number("flood_minutes", "minutes", 30, 1, 1440))),
    )),
    Group("How it is written", (
        Rule("noise.capitals", "Capitals", "Most of it is written in capitals.", "note", UP_TO_HOLD),
        Rule("noise.runs", "Noise", "One character is repeated many times.", "note", UP_TO_HOLD),
        Rule("mentions.many", "Many names", "It names more people than this with an @.", "note", UP_TO_HOLD,
             (Number("most_mentions", "people at most", 5, 1, 20),)),
    )),
    Group("Personal data", (
        Rule("personal.mail", "E-mail addresses", "It seems to hold an e-mail address.", "hold"),
        Rule("personal.phone", "Telephone numbers", "It seems to hold a telephone number.", "hold"),
        Rule("personal.card", "Card numbers", "It holds a number with the check digit of payment cards.", "hold"),
        Rule("personal.identity", "Identity and account numbers", "It holds a number with the check digits of an "
             "IBAN, or of a social security, tax, health or identity number.", "hold"),
        Rule("personal.address", "Home addresses", "It seems to hold a street with its number and postcode.", "hold"),
    )),
    Group("The author", (
        Rule("newcomer", "First comments", "It is among somebody’s first comments here.", "note", UP_TO_HOLD,
             (Number("first_comments", "first comments", 3, 1, 20),)),
        Rule("record", "Often rejected lately", "Of the author’s last 20 comments within 30 days, more than this share "
             "was rejected.", "hold", UP_TO_HOLD, (
                 Number("rejected_percent", "percent", 30, 5, 100),
                 Number("rejected_sample", "decided at least", 5, 3, 20),
             )),
    )),
)  # fmt: skip

HOLD_OUT = Number("hold_out_percent", "percent of authors are never nudged, to see what nudging does", 10, 0, 50)

RULES: dict[str, Rule] = {rule.key: rule for group in GROUPS for rule in group.rules}
NUMBERS: dict[str, Number] = {
    **{number.name: number for rule in RULES.values() for number in rule.numbers}, HOLD_OUT.name: HOLD_OUT,
}  # fmt: skip

# What is no rule of this page but can be found all the same.
MODEL_RULE = "classifier"


def list_rule(list_id: int) -> str:
    """The rule that a list is."""
    return f"list:{list_id}"


def service_rule(service_id: int) -> str:
    """The rule that an outside service is."""
    return f"service:{service_id}"
