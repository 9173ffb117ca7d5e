"""Finding links that members give away."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update

from core.db import db
from core.records import dataclass
from models.article import Article
from models.membership import Entitlement, Plan
from models.share import ShareLink
from models.user import User

LINKS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class SharedWith:
    """A link as the page it opens sees it."""

    id: int
    article_id: int
    user_id: int
    giver: str
    expires_at: datetime
    revoked_at: datetime | None

    def opens(self, article_id: int, at: datetime) -> bool:
        """Whether it opens this article at that moment."""
        return self.article_id == article_id and self.revoked_at is None and at < self.expires_at


@dataclass(frozen=True, slots=True)
class OwnLink:
    """A link as who gave it sees it."""

    id: int
    slug: str
    headline: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    reads: int
    sign_ups: int


def shared_with(link_id: int) -> SharedWith | None:
    """The link of this id, while who gave it has an account."""
    row = db.session().execute(
        select(ShareLink.id, ShareLink.article_id, ShareLink.user_id, User.display_name, ShareLink.expires_at,
               ShareLink.revoked_at)
        .join(User, User.id == ShareLink.user_id).where(ShareLink.id == link_id, User.deleted_at.is_(None))
    ).first()  # fmt: skip
    return SharedWith(*row) if row else None


def links_a_month(user_id: int, at: datetime) -> int:
    """How many links this person's best plan lets them give in a month."""
    return db.session().scalar(
        select(func.max(Plan.share_links)).join(Entitlement, Entitlement.plan_id == Plan.id).where(
            Entitlement.user_id == user_id, Entitlement.starts_at <= at,
            or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > at),
        )
    ) or 0  # fmt: skip


def links_since(user_id: int, since: datetime) -> int:
    """How many links this person gave since a moment, revoked ones too."""
    return db.session().scalar(
        select(func.count()).where(ShareLink.user_id == user_id, ShareLink.created_at >= since)
    ) or 0  # fmt: skip


def live_link(user_id: int, article_id: int, at: datetime) -> ShareLink | None:
    """The link of this person to this article that works now."""
    return db.session().scalar(
        select(ShareLink).where(
            ShareLink.user_id == user_id, ShareLink.article_id == article_id, ShareLink.revoked_at.is_(None),
            ShareLink.expires_at > at,
        ).order_by(ShareLink.id.desc()).limit(1)
    )  # fmt: skip


def own_links(user_id: int) -> Sequence[OwnLink]:
    """What this person gave away, the newest first: one query."""
    rows = db.session().execute(
        select(ShareLink.id, Article.slug, Article.headline, ShareLink.created_at, ShareLink.expires_at,
               ShareLink.revoked_at, ShareLink.reads, ShareLink.sign_ups)
        .join(Article, Article.id == ShareLink.article_id).where(ShareLink.user_id == user_id)
        .order_by(ShareLink.id.desc()).limit(LINKS_SHOWN)
    )  # fmt: skip
    return [OwnLink(*row) for row in rows]


def revoke(user_id: int, link_id: int, at: datetime) -> bool:
    """End one's own link; whether there was one that worked."""
    done = db.session().execute(
        update(ShareLink).where(ShareLink.id == link_id, ShareLink.user_id == user_id, ShareLink.revoked_at.is_(None))
        .values(revoked_at=at)
    )  # fmt: skip
    return bool(done.rowcount)  # type: ignore[attr-defined]


def revoke_all(user_id: int, at: datetime) -> None:
    """End every link of somebody who leaves."""
    db.session().execute(
        update(ShareLink).where(ShareLink.user_id == user_id, ShareLink.revoked_at.is_(None)).values(revoked_at=at)
    )


def count(link_id: int, *, reads: int = 0, sign_ups: int = 0) -> None:
    """Add to what a link brought."""
    db.session().execute(
        update(ShareLink).where(ShareLink.id == link_id)
        .values(reads=ShareLink.reads + reads, sign_ups=ShareLink.sign_ups + sign_ups)
    )  # fmt: skip
