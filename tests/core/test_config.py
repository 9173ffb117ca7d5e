"""Settings: what may be set, and what a wrong value says."""

from pathlib import Path

import pytest

from core.config import ConfigError, Settings, load_settings, prepare_data_dir, secret_key

NAMES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SITE_URL", "MAIL_URL", "STRIPE_SECRET_KEY",
         "STRIPE_WEBHOOK_SECRETS", "STRIPE_API_BASE", "HOST", "PORT", "DATA_DIR", "REJOINDER_MODE")  # fmt: skip
PRODUCTION = {
    "SITE_URL": "https://news.example", "SECRET_KEY": "k" * 32, "STRIPE_SECRET_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRETS": "whsec_a, whsec_b", "MAIL_URL": "smtp://mail.example:587",
}  # fmt: skip


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_nothing_has_to_be_set_for_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert settings.base_url == "http://127.0.0.1:8000"
    assert not settings.production
    assert settings.sandbox
    assert settings.resolved_database_url.endswith("instance/rejoinder.sqlite3")


def test_an_address_beyond_this_machine_means_production(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **PRODUCTION)
    assert settings.production
    assert not settings.sandbox
    assert settings.webhook_secrets == ("whsec_a", "whsec_b")


@pytest.mark.parametrize("missing", ["SECRET_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS", "MAIL_URL"])
def test_production_names_what_it_lacks(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    values = {name: value for name, value in PRODUCTION.items() if name != missing}
    with pytest.raises(ConfigError, match=missing):
        load(monkeypatch, **values)


def test_production_takes_no_key_of_less_than_128_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="SECRET_KEY is too short: use at least 32"):
        load(monkeypatch, **PRODUCTION | {"SECRET_KEY": "5f" * 15})


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("PORT", "70000"), ("SITE_URL", "news.example"), ("DATABASE_URL", "mysql://x"),
     ("MAIL_URL", "mail.example"), ("STRIPE_SECRET_KEY", "pk_live_x"), ("SECRET_KEY", "tiny"), ("REJOINDER_MODE", "x")],
)  # fmt: skip
def test_a_wrong_value_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(monkeypatch, **{name: value})
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert name not in {"STRIPE_SECRET_KEY", "SECRET_KEY"} or value not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = load(monkeypatch, DATA_DIR=str(tmp_path / "file" / "data"))
    with pytest.raises(ConfigError, match="DATA_DIR"):
        prepare_data_dir(settings)


def test_the_demo_keeps_the_key_it_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(monkeypatch, DATA_DIR=str(tmp_path))
    first = secret_key(settings)
    assert len(first) == 64
    assert secret_key(settings) == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
