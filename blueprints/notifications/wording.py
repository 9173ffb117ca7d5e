"""The words of a notice, put together when it is shown, so that a name is the one its owner has now. Pure."""

from markupsafe import Markup, escape

SOMEBODY = "Somebody"
ACTOR, COUNT = "{actor}", "{count}"


def template_of(title: str, many: str, count: int) -> str:
    """Which of a cause's two wordings speaks for a notice with so many causes."""
    return many if count > 1 and many else title


def spoken(template: str, count: int, actor: str | None) -> str:
    """The words as plain text."""
    return template.replace(COUNT, f"{count:,}").replace(ACTOR, actor or SOMEBODY)


def marked(template: str, count: int, actor: str | None) -> Markup:
    """The words as HTML, with the name kept apart from the direction of what stands around it."""
    name = Markup("<bdi>{}</bdi>").format(actor) if actor else escape(SOMEBODY)
    return name.join(escape(part) for part in template.replace(COUNT, f"{count:,}").split(ACTOR))
