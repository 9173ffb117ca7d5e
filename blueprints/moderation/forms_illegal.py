"""What people who notify us of illegal content send, and the answer."""

from wtforms import BooleanField, Form, RadioField, SelectChoice, StringField, TextAreaField

from blueprints.moderation.illegal import CATEGORIES, EXPLANATION_LENGTH, NAME_LENGTH, URL_LENGTH, Typed, Unfit

LAW_HINT = "For example: § 186 of the German Criminal Code (malicious gossip). Its author reads this."


class NoticeForm(Form):
    """A notice of illegal content (DSA art. 16 (2))."""

    url = StringField("Where is it?", description="The address of the comment or page on this site.",
                      render_kw={"maxlength": URL_LENGTH, "inputmode": "url", "dir": "ltr"})  # fmt: skip
    category = RadioField("What is illegal about it?", choices=[
        SelectChoice(value, label) for value, label in CATEGORIES.items()], validate_choice=False)  # fmt: skip
    explanation = TextAreaField(
        "Why do you think that it is illegal?",
        description="Say which words you mean, and which law they break if you know it.",
        render_kw={"maxlength": EXPLANATION_LENGTH, "rows": 7, "dir": "auto"},
    )
    name = StringField("Your name", description="May stay empty for offences against children only.",
                       render_kw={"maxlength": NAME_LENGTH, "autocomplete": "name", "dir": "auto"})  # fmt: skip
    email = StringField("Your e-mail address", description="The receipt and the decision go there.",
                        render_kw={"maxlength": 254, "autocomplete": "email", "inputmode": "email"})  # fmt: skip
    in_good_faith = BooleanField("I believe in good faith that what I say here is accurate and complete.")

    def typed(self) -> Typed:
        """What was typed."""
        return Typed(
            self.url.data or "", self.category.data or "", self.explanation.data or "", self.name.data or "",
            self.email.data or "", bool(self.in_good_faith.data),
        )  # fmt: skip

    def refuse(self, error: Unfit) -> None:
        """Put the sentence beside its field."""
        self[error.field].errors = [error.sentence]


class AskAgainForm(Form):
    """Why a decision on a notice is thought wrong."""

    words = TextAreaField("Why do you think that the decision is wrong?",
                          render_kw={"maxlength": EXPLANATION_LENGTH, "rows": 5, "dir": "auto"})  # fmt: skip


class NoticeAnswerForm(Form):
    """A decision on a notice."""

    outcome = RadioField("What becomes of it?", validate_choice=False, choices=[
        SelectChoice("removed", "It is illegal: remove it"), SelectChoice("kept", "It is not: it stays"),
        SelectChoice("elsewhere", "Not for us to decide")])  # fmt: skip
    legal_ground = StringField("The law it breaks", description=LAW_HINT, render_kw={"maxlength": 300, "dir": "auto"})
    answer = TextAreaField("Your reasons, which the notifier reads", render_kw={"rows": 3, "maxlength": 1000,
                                                                            "dir": "auto"})  # fmt: skip
    note = TextAreaField("To the comment’s author, with the statement of reasons",
                         render_kw={"rows": 2, "maxlength": 1000, "dir": "auto"})  # fmt: skip
