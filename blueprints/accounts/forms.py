"""The forms of the account pages. What is refused here is refused again by the services."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    RadioField,
    StringField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from blueprints.accounts import policy
from blueprints.site.queries import site

CODE_HINT = "The six digits that your authenticator app shows now, or one of your recovery codes."
PASSWORD_HINT = f"At least {policy.MIN_PASSWORD_LENGTH} characters. {policy.ADVICE}"


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose token has been checked already, in front of every route."""

    class Meta:
        csrf = False

    def typed(self, field: str) -> str:
        """What was typed into a text field."""
        return str(self[field].data or "")

    def refuse(self, field: str, sentence: str) -> None:
        """Put a refusal that a service gave beside the field it belongs to."""
        found: Field = self[field] if field in self else self[self.first]
        found.errors = [*found.errors, sentence]

    @property
    def first(self) -> str:
        """The field that is shown first."""
        return str(next(field.name for field in self if field.type != "HiddenField"))


def _asked(sentence: str) -> InputRequired:
    return InputRequired(sentence)


class _NewPassword:
    """Judges a new password by the name and the address that go with it."""

    def __init__(self, name: str = "", email: str = "") -> None:
        self.name, self.email = name, email

    def __call__(self, form: Any, field: Field) -> None:
        name = form.display_name.data if "display_name" in form else self.name
        email = form.email.data if "email" in form else self.email
        problem = policy.password_problem(
            field.data or "", name=name or "", email=email or "", site_name=site().name
        )
        if problem:
            raise ValidationError(problem)


def _name(_form: Any, field: Field) -> None:
    try:
        policy.clean_display_name(field.data or "", site().name)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _email(_form: Any, field: Field) -> None:
    try:
        policy.normal_email(field.data or "")
    except ValueError as error:
        raise ValidationError(str(error)) from None


class SignUpForm(Form):
    display_name = StringField(
        "Display name", [_name], description="Everyone sees it beside your comments. It need not be your real name."
    )
    email = EmailField("E-mail address", [_email], description="Nobody sees it. We send a link to it.")
    password = PasswordField("Password", [_NewPassword()], description=PASSWORD_HINT)
    next = HiddenField()


class SignInForm(Form):
    email = EmailField("E-mail address", [_asked("Please enter your e-mail address.")])
    password = PasswordField("Password", [_asked("Please enter your password.")])
    next = HiddenField()


class AddressForm(Form):
    """Asks where to send a link to."""

    email = EmailField("E-mail address", [_email])
    next = HiddenField()


class ResetForm(Form):
    """A new password by a mailed link."""

    password = PasswordField("New password", description=PASSWORD_HINT)

    def __init__(self, name: str, email: str) -> None:
        super().__init__()
        self.password.validators = [_NewPassword(name, email)]


class NameForm(Form):
    display_name = StringField("Display name", description="Comments you have written change with it.")


class PageForm(Form):
    page_is_open = BooleanField(
        "Others may see my page",
        description="It lists your published comments, with your name, your badges and the month you joined, and your "
        "name leads there. Otherwise only you and the moderators see it. Your comments stay where they are either way.",
    )  # fmt: skip


class EmailForm(Form):
    new_email = EmailField(
        "New e-mail address", [_email], description="We send a link to it. Nothing changes until you use the link."
    )
    email_password = PasswordField("Your password", [_asked("Please enter your password.")])


class PasswordForm(Form):
    current_password = PasswordField("Current password", [_asked("Please enter your current password.")])
    new_password = PasswordField("New password", description=PASSWORD_HINT)

    def __init__(self, name: str, email: str, **values: Any) -> None:
        super().__init__(**values)
        self.new_password.validators = [_NewPassword(name, email)]


class DeleteForm(Form):
    words = RadioField(
        "What you have written here",
        [InputRequired("Please choose what happens to what you have written.")],
        choices=[
            SelectChoice("keep", "Keep my words without my name, so that the answers to them still make sense"),
            SelectChoice("delete", "Delete my words too"),
        ],
    )  # fmt: skip
    password = PasswordField("Your password", [_asked("Please enter your password.")])


class CodeForm(Form):
    """A code of an app, or a recovery code; a script puts a passkey's signature beside it."""

    code = StringField("Code", description=CODE_HINT)
    passkey = HiddenField()
    next = HiddenField()

    @property
    def plain(self) -> str:
        """The code without what people put between its digits."""
        return "".join(self.typed("code").split())


class PasskeyForm(Form):
    """A passkey that a script has just had made or used."""

    name = StringField("Name of the passkey", description="By which you know it again, such as the name of the device.")
    passkey = HiddenField()
    next = HiddenField()


class KeyForm(Form):
    """A new key for a program."""

    key_name = StringField("Name of the key", description="By which you know it again, such as that of the program.")


class ProofForm(Form):
    """Shows once more whose account it is; its fields meet those of any other form."""

    proof_password = PasswordField("Your password")
    proof_code = StringField("Code", description=CODE_HINT)
    proof_passkey = HiddenField()
    proof_press = HiddenField()
    next = HiddenField()
