"""A few questions about an article, answered once before a first comment there.

Which answer is right never leaves the server: a wrong one is told with where the article says it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from core.errors import DomainError
from core.records import dataclass
from models.conversation import QuizPass, QuizQuestion

MOST_QUESTIONS = 3
MOST_CHOICES = 4


class QuizFirst(DomainError):
    """A first comment under an article whose quiz this reader has not answered yet."""

    def __init__(self) -> None:
        super().__init__("A short quiz about the story comes first. Your words are kept.", 422, "quiz")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its choices in the order in which they are always shown; `right` counts from 1."""

    text: str
    choices: tuple[str, ...]
    right: int
    where_said: str = ""


def questions_of(session: Session, thread_id: int) -> tuple[Question, ...]:
    """The quiz of a thread, in its order."""
    rows = session.scalars(
        select(QuizQuestion).where(QuizQuestion.thread_id == thread_id).order_by(QuizQuestion.position)
    )
    return tuple(
        Question(
            row.text, tuple(filter(None, (row.choice_1, row.choice_2, row.choice_3, row.choice_4))), row.right_choice,
            row.where_said,
        )
        for row in rows
    )  # fmt: skip


def set_questions(session: Session, thread_id: int, questions: Sequence[Question]) -> None:
    """Put this quiz in the place of the one there was. Who has passed that one has passed."""
    gone = delete(QuizQuestion).where(QuizQuestion.thread_id == thread_id)
    session.execute(gone.execution_options(synchronize_session=False))
    for position, question in enumerate(questions):
        choices = {f"choice_{number}": choice for number, choice in enumerate(question.choices, 1)}
        session.add(
            QuizQuestion(
                thread_id=thread_id, position=position, text=question.text, right_choice=question.right,
                where_said=question.where_said, **choices,
            )
        )  # fmt: skip
    session.flush()


def wrong_answers(questions: Sequence[Question], answers: Mapping[int, int | None]) -> set[int]:
    """The numbers, from 0, of the questions that were answered wrongly or not at all."""
    return {number for number, question in enumerate(questions) if answers.get(number) != question.right}


def forget_passes(session: Session, user_id: int) -> None:
    """Remove what a reader who leaves has passed."""
    gone = delete(QuizPass).where(QuizPass.user_id == user_id)
    session.execute(gone.execution_options(synchronize_session=False))


def note_pass(session: Session, thread_id: int, user_id: int, now: datetime) -> None:
    """Store that this reader has answered the quiz; a second time changes nothing."""
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(
        insert(QuizPass).values(thread_id=thread_id, user_id=user_id, passed_at=now).on_conflict_do_nothing()
    )
