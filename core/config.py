"""Settings, read once from the environment. A wrong value is one clear line, not a traceback."""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

SHORTEST_SECRET_KEY = 32  # in production: hexadecimal digits of 128 bits; `openssl rand -hex 32` gives 64
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ConfigError(Exception):
    """A setting that cannot work, said in one line."""


def _whole(default: int, least: int, most: int) -> int:
    """A setting that is a whole number from `least` to `most`."""
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(frozen=True, kw_only=True, repr=False)  # without a text of its own: there are secrets in it
class Settings:
    """What an operator may set. Names are the environment's, in lower case."""

    database_url: str = ""
    redis_url: str = ""
    secret_key: str = ""
    site_url: str = ""
    mail_url: str = ""
    stripe_secret_key: str = ""
    stripe_webhook_secrets: str = ""
    stripe_api_base: str = ""
    host: str = "127.0.0.1"
    port: int = _whole(8000, 1, 65535)
    data_dir: Path = Path("instance")
    rejoinder_mode: str = ""
    trusted_proxies: int = _whole(0, 0, 5)
    web_processes: int = _whole(0, 0, 64)
    web_threads: int = _whole(8, 1, 256)
    live_readers: int = _whole(10_000, 0, 1_000_000)
    live_readers_of_an_address: int = _whole(200, 1, 1_000_000)
    private_hosts: str = ""
    pictures_url: str = ""
    backup_dir: Path | None = None
    backup_keep: int = _whole(14, 1, 10_000)

    @property
    def private_host_names(self) -> frozenset[str]:
        """Hosts of the operator's own network that outside checks may call."""
        return frozenset(host.strip().casefold() for host in self.private_hosts.split(",") if host.strip())

    def __post_init__(self) -> None:
        """Bring the values into their form. Raises ConfigError for one that cannot work, without repeating it."""
        for setting in fields(self):
            given = getattr(self, setting.name)
            try:
                formed = _formed(setting, given)
            except ValueError as error:
                raise ConfigError(f"{setting.name.upper()} is wrong: {error}.") from None
            object.__setattr__(self, setting.name, formed)

    @cached_property
    def base_url(self) -> str:
        """The address that readers see, without a slash at the end."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host
        return self.site_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @cached_property
    def production(self) -> bool:
        """Production is said outright, or follows from an address that is not this machine's own."""
        if self.rejoinder_mode:
            return self.rejoinder_mode == "production"
        return (urlsplit(self.base_url).hostname or "") not in LOOPBACK

    @cached_property
    def sandbox(self) -> bool:
        """Without Stripe keys the application runs on its own sandbox."""
        return not self.stripe_secret_key

    @cached_property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The endpoint's signing secrets, several while one is being rotated."""
        return tuple(part.strip() for part in self.stripe_webhook_secrets.split(",") if part.strip())

    @cached_property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'rejoinder.sqlite3'}"

    def check(self) -> None:
        """Raise ConfigError for settings that are well-formed but must not be served."""
        if self.production and not self.secret_key:
            raise ConfigError("SECRET_KEY is not set: production needs one, for example from `openssl rand -hex 32`.")
        shortest = SHORTEST_SECRET_KEY if self.production else SHORTEST_SECRET_KEY // 2
        if self.secret_key and len(self.secret_key) < shortest:
            raise ConfigError(f"SECRET_KEY is too short: use at least {shortest} characters.")
        if self.production and self.sandbox:
            raise ConfigError("STRIPE_SECRET_KEY is not set: production does not run on the Stripe sandbox.")
        if not self.production and self.stripe_secret_key.startswith(("sk_live_", "rk_live_")):
            raise ConfigError(
                "STRIPE_SECRET_KEY is a live key, and the demo's people sign in without a password: "
                "set SITE_URL to the public address, or REJOINDER_MODE=production."
            )
        if self.stripe_secret_key and not self.webhook_secrets:
            raise ConfigError("STRIPE_WEBHOOK_SECRETS is not set: without it no payment would ever be noticed.")
        if self.production and not self.mail_url:
            raise ConfigError("MAIL_URL is not set: without it nobody could confirm an address.")


def _site_url(value: str) -> str:
    value = value.rstrip("/")
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValueError("must look like https://comments.example.org")
    return value


def _database_url(value: str) -> str:
    if value.startswith("postgres://"):
        value = "postgresql://" + value.removeprefix("postgres://")
    if value and not value.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
        raise ValueError("must begin with sqlite: or postgresql:")
    return value.replace("postgresql://", "postgresql+psycopg://", 1)


def _redis_url(value: str) -> str:
    parts = urlsplit(value)
    try:
        there = parts.scheme == "redis+unix" or (parts.port != 0 and (parts.path.strip("/") or "0").isdecimal())
    except ValueError:  # no port has this number
        there = False
    if value and not (there and parts.scheme in {"redis", "rediss", "redis+unix"}):
        raise ValueError("must look like redis://127.0.0.1:6379/0")
    return value


def _mail_url(value: str) -> str:
    if value and urlsplit(value).scheme not in {"smtp", "smtps", "smtp+plain"}:
        raise ValueError("must look like smtp://user:password@mail.example.org:587")
    return value


def _pictures_url(value: str) -> str:
    parts = urlsplit(value)
    named = parts.username and parts.password and parts.hostname and parts.path.strip("/")
    if value and (parts.scheme not in {"s3", "s3+http"} or not named or "/" in parts.path.strip("/")):
        raise ValueError("must look like s3://key:secret@host/bucket?region=eu-central-1")
    return value


def _stripe_secret_key(value: str) -> str:
    if value and not value.startswith(("sk_", "rk_")):
        raise ValueError("must be a Stripe secret key (sk_…) or restricted key (rk_…)")
    return value


def _rejoinder_mode(value: str) -> str:
    if value not in {"", "demo", "production"}:
        raise ValueError("must be demo or production")
    return value


_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "site_url": _site_url, "database_url": _database_url, "redis_url": _redis_url, "mail_url": _mail_url,
    "pictures_url": _pictures_url, "stripe_secret_key": _stripe_secret_key, "rejoinder_mode": _rejoinder_mode,
    "data_dir": Path, "backup_dir": lambda value: Path(value) if value else None,
}  # fmt: skip


def _formed(setting: Field[Any], value: Any) -> Any:
    """The value in its form. Raises ValueError with what it must be."""
    if not setting.metadata:
        return _FORMS.get(setting.name, str)(value)
    least, most = cast(int, setting.metadata["least"]), cast(int, setting.metadata["most"])
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")
    return number


def load_settings() -> Settings:
    """Read the environment, where an empty value is none; raise ConfigError naming the variable and what it must be."""
    given: dict[str, Any] = {setting.name: os.environ.get(setting.name.upper(), "") for setting in fields(Settings)}
    settings = Settings(**{name: value for name, value in given.items() if value})
    settings.check()
    return settings


def prepare_data_dir(settings: Settings) -> None:
    """Make DATA_DIR and see that it can be written, or raise ConfigError."""
    try:
        (settings.data_dir / "pictures").mkdir(parents=True, exist_ok=True)
        probe = settings.data_dir / f".write-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        place = settings.data_dir.resolve()
        raise ConfigError(f"DATA_DIR cannot be written: {place} ({error.strerror}).") from None


def secret_key(settings: Settings) -> str:
    """SECRET_KEY, or in the demo one that is made once and kept under DATA_DIR."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    return path.read_text()
