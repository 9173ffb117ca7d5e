"""Settings, read once from the environment. A wrong value is one clear line, not a traceback."""

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SHORTEST_SECRET_KEY = 32  # in production: hexadecimal digits of 128 bits; `openssl rand -hex 32` gives 64
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ConfigError(Exception):
    """A setting that cannot work, said in one line."""


class Settings(BaseSettings):
    """What an operator may set. Names are the environment's, in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = ""
    redis_url: str = ""
    secret_key: str = ""
    site_url: str = ""
    mail_url: str = ""
    stripe_secret_key: str = ""
    stripe_webhook_secrets: str = ""
    stripe_api_base: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    data_dir: Path = Path("instance")
    rejoinder_mode: Literal["", "demo", "production"] = ""
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    web_processes: int = Field(default=0, ge=0, le=64)
    web_threads: int = Field(default=8, ge=1, le=256)
    live_readers: int = Field(default=10_000, ge=0, le=1_000_000)
    live_readers_of_an_address: int = Field(default=200, ge=1, le=1_000_000)
    private_hosts: str = ""
    pictures_url: str = ""
    backup_dir: Path | None = None
    backup_keep: int = Field(default=14, ge=1, le=10_000)

    @property
    def private_host_names(self) -> frozenset[str]:
        """Hosts of the operator's own network that outside checks may call."""
        return frozenset(host.strip().casefold() for host in self.private_hosts.split(",") if host.strip())

    @field_validator("site_url")
    @classmethod
    def _site_url(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            raise ValueError("must look like https://comments.example.org")
        return value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        if value.startswith("postgres://"):
            value = "postgresql://" + value.removeprefix("postgres://")
        if value and not value.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
            raise ValueError("must begin with sqlite: or postgresql:")
        return value.replace("postgresql://", "postgresql+psycopg://", 1)

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"redis", "rediss", "redis+unix"}:
            raise ValueError("must look like redis://127.0.0.1:6379/0")
        return value

    @field_validator("mail_url")
    @classmethod
    def _mail_url(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"smtp", "smtps"}:
            raise ValueError("must look like smtp://user:password@mail.example.org:587")
        return value

    @field_validator("pictures_url")
    @classmethod
    def _pictures_url(cls, value: str) -> str:
        parts = urlsplit(value)
        named = parts.username and parts.password and parts.hostname and parts.path.strip("/")
        if value and (parts.scheme not in {"s3", "s3+http"} or not named or "/" in parts.path.strip("/")):
            raise ValueError("must look like s3://key:secret@host/bucket?region=eu-central-1")
        return value

    @field_validator("stripe_secret_key")
    @classmethod
    def _stripe_secret_key(cls, value: str) -> str:
        if value and not value.startswith(("sk_", "rk_")):
            raise ValueError("must be a Stripe secret key (sk_…) or restricted key (rk_…)")
        return value

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


def load_settings() -> Settings:
    """Read the environment; raise ConfigError naming the variable and what it should be."""
    try:
        settings = Settings(_env_file=None)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise ConfigError(f"{name} is wrong: {first['msg'].removeprefix('Value error, ')}.") from None
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
