"""A small paper with something of everything, for those who rattle at its doors."""

from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select, update

from core import clock
from core.db import db, transaction
from models.article import Article
from models.membership import Plan
from models.moderation import Sanction
from models.thread import Comment
from models.user import User
from tests.browser import Browser
from tests.factories import make_article, make_plan, make_rule, make_section, make_site, make_user
from tests.publisher.rows import make_failed_event, make_failed_job


@dataclass
class Paper:
    """Who is there; the rows they made are those with the smallest ids."""

    app: Flask
    plan: Plan
    article: Article
    secret: Article
    member: User
    staff: dict[str, User]

    def browser(self, role: str) -> Browser:
        browser = Browser(self.app)
        if role == "guest":
            return browser
        return browser.sign_in(self.member if role == "member" else self.staff[role])


def make_paper(app: Flask) -> Paper:
    """Published, held, reported, rejected and deleted comments, an objection, a sanction, an unpublished story."""
    make_site(read_audience="everyone", comment_audience="members", respect_audience="registered")
    make_rule()
    plan, section = make_plan(), make_section("Economy", slug="economy")
    staff = {role: make_user(roles=(role,)) for role in ("author", "moderator", "editor", "publisher")}
    member = make_user(plan=plan)
    article = make_article("The bridge", slug="the-bridge", section=section, author_id=staff["author"].id)
    secret = make_article("The merger nobody knows of", slug="the-merger", section=section, state="draft",
                          published_at=None)  # fmt: skip
    paper = Paper(app, plan, article, secret, member, staff)
    reader = paper.browser("member")
    for words in ("Shown to all.", "To be rejected.", "To be deleted.", "Reported by somebody."):
        answer = reader.post(f"/articles/{article.slug}/comments", {"body": words})
        assert answer.status_code == 303, answer.get_data(as_text=True)
    shown, rejected, deleted, reported = db.session().scalars(select(Comment.id).order_by(Comment.id)).all()
    moderator = paper.browser("moderator")
    seen = {"revision": 1, "status": "published", "last_action_id": 0}
    moderator.post(f"/moderation/comments/{rejected}/reject", {**seen, "rule_id": 1, "note": "The note."})
    reader.post(f"/comments/{deleted}/delete")
    for comment in (reported, shown):
        Browser(app).post(f"/comments/{comment}/report", {"reason": "spam", "note": "A report's note."})
    reader.post(f"/comments/{rejected}/appeal", {"body": "The objection."})
    moderator.post(f"/moderation/people/{member.id}/sanctions", {"kind": "warning", "days": 3, "rule_id": 0,
                                                                 "reason": "The warning."})  # fmt: skip
    with transaction() as session:  # and it was read, so that it keeps nobody from taking part
        session.execute(update(Sanction).values(acknowledged_at=clock.now()))
    make_failed_job()
    make_failed_event()
    return paper
