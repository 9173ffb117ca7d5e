"""Every noun, so that the metadata is whole wherever a model is imported."""

from models.api_key import ApiKey
from models.article import Article, ArticleQuote, Picture, Section
from models.billing_health import BillingDrift, BillingRun, CardBurst
from models.browser_session import BrowserSession
from models.conduct import LadderStep, Likeness, PersonNote, ProtectedAuthor, TrustedFlagger
from models.consent import Consent, Withdrawal
from models.conversation import QuizPass, QuizQuestion, ThreadGuest
from models.desk import (
    ActCount,
    BulkItem,
    BulkRun,
    Claim,
    CommentLanguage,
    DeskCap,
    DeskPreference,
    HandoverNote,
    Pass,
    SavedView,
    ThreadBacklog,
    Tip,
)
from models.fairness import FairProcess, IllegalNotice, LegalHold, PurgeRequest, RetentionRun, Reversal
from models.gift import Gift
from models.insight import GateCount, Insight
from models.job import Heartbeat, Job, Schedule
from models.leaving import BillingEnd
from models.limit import RateCount
from models.live import LiveEvent, ReadingNow
from models.membership import (
    BillingCustomer,
    CheckoutAttempt,
    Entitlement,
    Membership,
    Payment,
    Plan,
    Price,
    PromoCode,
    StripeEvent,
    StripeObject,
    Subscription,
)
from models.moderation import Appeal, LedgerHead, LedgerSeal, ModerationAction, Sanction, StatementOfReasons
from models.movement import BilledInvoice, Movement
from models.notice import Follow, Mute, Notice, NoticeCause, NoticePreference, NoticeSetting
from models.notification import Mail
from models.personal import DataCopy, Erasure
from models.pricing import BillingNotice, PriceMove, PriceRise
from models.reading import ThreadVisit
from models.screening import (
    CommentShape,
    Nudge,
    ScreeningList,
    ScreeningListVersion,
    ScreeningModel,
    ScreeningService,
    ScreeningSetup,
    ScreeningState,
    SpamLink,
)
from models.seat import Seat
from models.second_factor import AuthenticatorApp, Passkey, RecoveryCode, SpentToken
from models.share import ShareLink
from models.site import Rule, Site
from models.site_export import SiteExport
from models.stress import Alarm, Surge
from models.thread import (
    Comment,
    CommentWords,
    Draft,
    Finding,
    Mention,
    Pick,
    Report,
    Respect,
    Revision,
    Thread,
    WaitingTime,
)
from models.user import ModeratedSection, RoleGrant, User

__all__ = [
    "ActCount",
    "Alarm",
    "ApiKey",
    "Appeal",
    "Article",
    "ArticleQuote",
    "AuthenticatorApp",
    "BilledInvoice",
    "BillingCustomer",
    "BillingDrift",
    "BillingEnd",
    "BillingNotice",
    "BillingRun",
    "BrowserSession",
    "BulkItem",
    "BulkRun",
    "CardBurst",
    "CheckoutAttempt",
    "Claim",
    "Comment",
    "CommentLanguage",
    "CommentShape",
    "CommentWords",
    "Consent",
    "DataCopy",
    "DeskCap",
    "DeskPreference",
    "Draft",
    "Entitlement",
    "Erasure",
    "FairProcess",
    "Finding",
    "Follow",
    "GateCount",
    "Gift",
    "HandoverNote",
    "Heartbeat",
    "IllegalNotice",
    "Insight",
    "Job",
    "LadderStep",
    "LedgerHead",
    "LedgerSeal",
    "LegalHold",
    "Likeness",
    "LiveEvent",
    "Mail",
    "Membership",
    "Mention",
    "ModeratedSection",
    "ModerationAction",
    "Movement",
    "Mute",
    "Notice",
    "NoticeCause",
    "NoticePreference",
    "NoticeSetting",
    "Nudge",
    "Pass",
    "Passkey",
    "Payment",
    "PersonNote",
    "Pick",
    "Picture",
    "Plan",
    "Price",
    "PriceMove",
    "PriceRise",
    "PromoCode",
    "ProtectedAuthor",
    "PurgeRequest",
    "QuizPass",
    "QuizQuestion",
    "RateCount",
    "ReadingNow",
    "RecoveryCode",
    "Report",
    "Respect",
    "RetentionRun",
    "Reversal",
    "Revision",
    "RoleGrant",
    "Rule",
    "Sanction",
    "SavedView",
    "Schedule",
    "ScreeningList",
    "ScreeningListVersion",
    "ScreeningModel",
    "ScreeningService",
    "ScreeningSetup",
    "ScreeningState",
    "Seat",
    "Section",
    "ShareLink",
    "Site",
    "SiteExport",
    "SpamLink",
    "SpentToken",
    "StatementOfReasons",
    "StripeEvent",
    "StripeObject",
    "Subscription",
    "Surge",
    "Thread",
    "ThreadBacklog",
    "ThreadGuest",
    "ThreadVisit",
    "Tip",
    "TrustedFlagger",
    "User",
    "WaitingTime",
    "Withdrawal",
]
