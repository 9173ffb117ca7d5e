"""The test cards: the only numbers the sandbox ever sees."""

from dataclasses import dataclass

from .wire import Json


@dataclass(frozen=True)
class Card:
    """A card and what happens when it is charged."""

    key: str
    number: str
    label: str
    brand: str = "visa"
    decline: str | None = None
    authenticate: str = "never"  # never, once (then remembered), always
    later_fails: bool = False
    disputed: bool = False

    @property
    def last4(self) -> str:
        return self.number[-4:]


CARDS = {
    card.key: card
    for card in (
        Card("works", "4242424242424242", "Pay with a card that works"),
        Card("declined", "4000000000000002", "Card is declined", decline="generic_decline"),
        Card("insufficient-funds", "4000000000009995", "Insufficient funds", decline="insufficient_funds"),
        Card("3d-secure", "4000002500003155", "3-D Secure check", authenticate="once"),
        Card("expired", "4000000000000069", "Card has expired", decline="expired_card"),
        Card("wrong-cvc", "4000000000000127", "Wrong security code", decline="incorrect_cvc"),
        Card("3d-secure-always", "4000002760003184", "3-D Secure every time", authenticate="always"),
        Card("3d-secure-declined", "4000008400001629", "3-D Secure, then declined", "visa", "generic_decline", "once"),
        Card("fails-later", "4000000000000341", "Works now, renewal fails", later_fails=True),
        Card("disputed", "4000000000000259", "Works, then disputed", disputed=True),
        Card("mastercard", "5555555555554444", "Mastercard that works", brand="mastercard"),
        Card("amex", "378282246310005", "American Express that works", brand="amex"),
    )
}
BUTTONS = ("works", "declined", "insufficient-funds", "3d-secure")
BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express"}

_MESSAGES = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
}


def by_number(text: str) -> Card | None:
    """The listed card of this number, however it was spaced."""
    digits = "".join(character for character in text if character.isdigit())
    return next((card for card in CARDS.values() if card.number == digits), None)


def decline_error(reason: str, charge: str, method: Json) -> Json:
    """The `card_error` that a declined charge carries."""
    code, message = _MESSAGES[reason]
    return {
        "charge": charge,
        "code": code,
        "decline_code": reason,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": method,
        "type": "card_error",
    }


def authentication_error(method: Json, of: str = "payment_intent") -> Json:
    """The error of a check by the card's bank that was not passed."""
    code = f"{of}_authentication_failure"
    return {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a "
        "new PaymentMethod to attempt to fulfill this PaymentIntent again.",
        "payment_method": method,
        "type": "invalid_request_error",
    }
