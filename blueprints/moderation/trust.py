"""Trust: earned by reading and by comments that stay, lost by rejections. What somebody pays plays no part. Pure.

It says to moderators whom they have before them. It opens nothing to readers and closes nothing.
"""

from datetime import datetime, timedelta

from core.records import dataclass

NEW, BASIC, KNOWN, TRUSTED, DOUBTED = "new", "basic", "known", "trusted", "doubted"
LABELS = {
    NEW: "New here", BASIC: "Getting known", KNOWN: "Known", TRUSTED: "Trusted", DOUBTED: "Much was rejected lately",
}  # fmt: skip
KNOWN_COMMENTS, KNOWN_READ = 10, 5
TRUSTED_COMMENTS, TRUSTED_READ, TRUSTED_AGE = 50, 20, timedelta(days=30)
BASIC_COMMENTS = 3
DOUBT_SHARE, DOUBT_SAMPLE = 0.3, 5  # a share says nothing of fewer comments
KNOWN_SHARE, TRUSTED_SHARE = 0.1, 0.03


@dataclass(frozen=True, slots=True)
class Earned:
    """What trust is made of: comments that stand, those rejected, discussions read, and since when they are here."""

    published: int
    rejected: int
    read: int
    joined_at: datetime

    @property
    def share(self) -> float:
        """Which part of what they said was rejected."""
        said = self.published + self.rejected
        return self.rejected / said if said else 0.0


def level(earned: Earned, now: datetime) -> str:
    """How far somebody can be trusted."""
    if earned.published + earned.rejected >= DOUBT_SAMPLE and earned.share >= DOUBT_SHARE:
        return DOUBTED
    if (
        earned.published >= TRUSTED_COMMENTS
        and earned.read >= TRUSTED_READ
        and earned.share < TRUSTED_SHARE
        and now - earned.joined_at >= TRUSTED_AGE
    ):
        return TRUSTED
    if earned.published >= KNOWN_COMMENTS and earned.read >= KNOWN_READ and earned.share < KNOWN_SHARE:
        return KNOWN
    return BASIC if earned.published >= BASIC_COMMENTS else NEW


def sentence(earned: Earned) -> str:
    """Why, in a few words."""
    share = f", {earned.share:.0%} rejected" if earned.rejected else ""
    return f"{earned.published} published{share}, {earned.read} discussion{'' if earned.read == 1 else 's'} read"
