"""The newsroom's one form. What is refused here is refused again by the services."""

from datetime import UTC, datetime
from typing import Any

from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired

from blueprints.membership.entitlements import effective_audience
from blueprints.newsroom import policy, queries
from blueprints.newsroom.conversation import ConversationFields, at_most, moment_field
from blueprints.newsroom.service import ArticleValues
from blueprints.site.queries import site
from blueprints.threads.settings import Conversation, preset_of
from core.ids import row_id
from core.text import normalise
from core.viewer import Viewer
from models.article import Article
from models.thread import Thread

AUDIENCES = ("read_audience", "comment_audience", "respect_audience")


class _Sentences:
    """What the library says of wrong input, in our words."""

    KNOWN = {
        "Not a valid choice.": "Please choose one of these.",
        "Not a valid datetime value.": "Please give a date and a time.",
    }

    def gettext(self, sentence: str) -> str:
        return self.KNOWN.get(sentence, sentence)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return one if number == 1 else many


class ArticleForm(ConversationFields):
    """An article and its thread's settings. The token has been checked in front of the route."""

    class Meta:
        csrf = False

        def get_translations(self, _form: object) -> "_Sentences":
            return _Sentences()

    version = HiddenField(default="0")
    thread_mark = HiddenField(default="")
    picture_id = HiddenField(default="")
    headline = StringField("Headline", [InputRequired("An article needs a headline."), at_most(300)])
    slug = StringField(
        "Address", [at_most(120)],
        description="The last part of the address. Left empty, it is made of the headline. Fixed once published.",
    )  # fmt: skip
    section_id = SelectField("Section", coerce=lambda text: _number(str(text)) or 0)
    standfirst = TextAreaField("Standfirst", [at_most(600)], description="One or two sentences below the headline.")
    byline = StringField("Byline", [at_most(160)], description="Left empty, the author's name stands here.")
    author_id = SelectField("Author", description="Gets the author's badge in the discussion.")
    body_source = TextAreaField(
        "Text", [at_most(policy.LONGEST_BODY)],
        description="Markdown. A line with <!-- more --> ends the part that everybody may read; without it, "
        "the first two paragraphs are free.",
    )  # fmt: skip
    picture = FileField("Picture", description="JPEG, PNG, WebP or GIF, at most 12 MB.")
    remove_picture = BooleanField("Remove the picture")
    picture_alt = StringField(
        "Description", [at_most(300)], description="For those who do not see the picture. Needed with every picture."
    )
    picture_caption = StringField("Caption", [at_most(300)])
    picture_credit = StringField("Credit", [at_most(160)])
    read_audience = SelectField("May read the whole text")
    comment_audience = SelectField("May comment")
    respect_audience = SelectField("May give respect")
    opens_to_all_at = moment_field("Opens to all at", "From then on everybody may read it. In UTC.")
    is_lead = BooleanField("Lead story of the front page")
    def offer(self, viewer: Viewer, standing: Article | None) -> None:
        """Fill in what can be chosen, as it depends on sections, people and plans."""
        paper, plans = site(), queries.plan_names()
        self.section_id.choices = [SelectChoice(section.id, section.name) for section in paper.sections]
        authors = queries.possible_authors() if viewer.is_editor else [(viewer.id or 0, viewer.display_name)]
        here = standing.author_id if standing else None
        if here is not None and here not in {number for number, _ in authors}:
            authors.append((here, "The present author"))
        self.author_id.choices = [
            SelectChoice("", "Nobody with an account"), *(SelectChoice(str(number), name) for number, name in authors)
        ]  # fmt: skip
        section = next((section for section in paper.sections if section.id == self.section_id.data), None)
        for name in AUDIENCES:
            inherited = effective_audience(getattr(section, name, None), getattr(paper, name))
            stands = (getattr(standing, name) if standing else None) or ""
            label = policy.audience_label(inherited, plans)
            choices = policy.audience_choices(plans, stands, label)
            self[name].choices = [SelectChoice(rule, words) for rule, words in choices]
        self.offer_conversation()

    def begin(self, viewer: Viewer) -> None:
        """Fill the form of an article that does not exist yet: its author, and what the first section presets."""
        section = next(iter(site().sections), None)
        self.author_id.data = str(viewer.id)
        self.show_conversation(preset_of(section))
        self.preset_of.data = str(section.id) if section else ""

    def show(self, article: Article, thread: Thread | None, standing: Conversation) -> None:
        """Fill the form with what stands."""
        for name in _PLAIN_FIELDS:
            self[name].data = getattr(article, name)
        self.author_id.data = str(article.author_id or "")
        for name in AUDIENCES:
            self[name].data = getattr(article, name) or ""
        self.picture_id.data = str(article.picture_id or "")
        self.show_conversation(standing)
        self.now_at(article, standing if thread is not None else None)

    def now_at(self, article: Article, standing: Conversation | None) -> None:
        """Say that the writer has seen this version."""
        self.version.data = str(article.version)
        self.thread_mark.data = standing.mark if standing is not None else ""

    def values(self) -> ArticleValues:
        """What was typed, cleaned."""
        texts = {name: " ".join(normalise(self[name].data or "").split()) for name in _TEXT_FIELDS}
        opens_at: datetime | None = self.opens_to_all_at.data
        audiences: dict[str, Any] = {name: self[name].data or None for name in AUDIENCES}
        return ArticleValues(
            **texts,
            section_id=int(self.section_id.data or 0),
            author_id=_number(self.author_id.data),
            body_source=self.body_source.data or "",
            picture_id=None if self.remove_picture.data else _number(self.picture_id.data),
            **audiences,
            opens_to_all_at=opens_at.replace(tzinfo=UTC) if opens_at else None,
            is_lead=bool(self.is_lead.data),
            conversation=self.conversation(),
            preset_of=_number(self.preset_of.data),
        )

    def validate_picture_alt(self, field: Field) -> None:
        """A picture needs a description."""
        if self.values().picture_id and not (field.data or "").strip():
            raise ValidationError("Please describe the picture for those who do not see it.")

    def refuse(self, name: str, sentence: str) -> None:
        """Put a refusal beside the field it belongs to."""
        field: Any = self[name]
        field.errors = [*field.errors, sentence]


_TEXT_FIELDS = (
    "headline", "slug", "standfirst", "byline", "picture_alt", "picture_caption", "picture_credit",
)  # fmt: skip
_PLAIN_FIELDS = (
    "headline", "slug", "section_id", "standfirst", "byline", "body_source", "picture_alt", "picture_caption",
    "picture_credit", "opens_to_all_at", "is_lead",
)  # fmt: skip


def _number(text: str | None) -> int | None:
    try:
        return row_id(text or "")
    except ValueError:
        return None
