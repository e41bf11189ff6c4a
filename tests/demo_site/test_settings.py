"""The settings of the demo site: what the environment says becomes what Django is told."""

import re
import runpy
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "a-key-of-more-than-fifty-characters-that-only-production-knows"


def settings(env_file="", **environment):
    """Return the settings that this environment, and nothing else, leads to."""
    with tempfile.NamedTemporaryFile("w", suffix=".env", encoding="utf-8") as file:
        file.write(env_file)
        file.flush()
        with mock.patch.dict("os.environ", {"ENV_FILE": file.name, **environment}, clear=True):
            return runpy.run_path(str(ROOT / "demo_site" / "settings.py"))


def test_an_empty_environment_does_not_start():
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        settings()


def test_debug_is_off_unless_asked_for_and_allows_no_host_by_itself():
    found = settings(SECRET_KEY=KEY)

    assert found["DEBUG"] is False
    assert found["ALLOWED_HOSTS"] == []


def test_without_debug_everything_insists_on_https():
    found = settings(SECRET_KEY=KEY)

    assert found["SECURE_SSL_REDIRECT"]
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert found["SESSION_COOKIE_SECURE"]
    assert found["CSRF_COOKIE_SECURE"]
    assert found["LANGUAGE_COOKIE_SECURE"]


def test_debug_needs_nothing_else_and_stays_on_the_loopback():
    found = settings(DEBUG="1")

    assert found["SECRET_KEY"].startswith("django-insecure-")
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert not found["SECURE_SSL_REDIRECT"]
    assert found["SECURE_HSTS_SECONDS"] == 0


def test_the_key_of_the_environment_is_used_with_debug_too():
    assert settings(DEBUG="1", SECRET_KEY=KEY)["SECRET_KEY"] == KEY


def test_former_keys_are_kept_for_what_they_have_signed():
    found = settings(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS="former,before-that")

    assert found["SECRET_KEY_FALLBACKS"] == ["former", "before-that"]


def test_the_env_file_is_read():
    found = settings(env_file=f"SECRET_KEY={KEY}\nALLOWED_HOSTS=www.example.com,example.com\n")

    assert found["SECRET_KEY"] == KEY
    assert found["ALLOWED_HOSTS"] == ["www.example.com", "example.com"]


def test_the_environment_wins_over_the_env_file():
    assert settings(env_file="DEBUG=0\n", DEBUG="1")["DEBUG"] is True


def test_forwarded_headers_are_believed_behind_a_proxy_only():
    plain = settings(SECRET_KEY=KEY)
    assert plain["SECURE_PROXY_SSL_HEADER"] is None
    assert plain["OAUTH_LOGIN"]["TRUSTED_PROXIES"] == 0
    assert settings(SECRET_KEY=KEY, BEHIND_PROXY="1")["SECURE_PROXY_SSL_HEADER"] == (
        "HTTP_X_FORWARDED_PROTO",
        "https",
    )


def test_the_database_is_a_file_where_writers_wait_for_each_other():
    database = settings(DEBUG="1")["DATABASES"]["default"]

    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == str(ROOT / "demo.sqlite3")
    assert database["OPTIONS"] == {"timeout": 20, "transaction_mode": "IMMEDIATE"}


def test_another_database_and_another_cache_are_one_variable_each():
    found = settings(
        DEBUG="1",
        DATABASE_URL="postgres://guest:secret@127.0.0.1:5432/guestbook",
        CACHE_URL="rediscache://127.0.0.1:6379/1",
    )

    assert found["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert "OPTIONS" not in found["DATABASES"]["default"]
    assert "redis" in found["CACHES"]["default"]["BACKEND"].lower()


def test_static_files_are_fingerprinted_in_production_only():
    backend = {
        "debug": settings(DEBUG="1")["STORAGES"]["staticfiles"]["BACKEND"],
        "production": settings(SECRET_KEY=KEY)["STORAGES"]["staticfiles"]["BACKEND"],
    }

    assert backend == {
        "debug": "django.contrib.staticfiles.storage.StaticFilesStorage",
        "production": "whitenoise.storage.CompressedManifestStaticFilesStorage",
    }


def test_the_sandbox_answers_with_debug_only():
    trying_out = settings(DEBUG="1")["OAUTH_LOGIN"]

    assert trying_out["SANDBOX"] is True
    assert trying_out["PROVIDERS"] == {"github": {}}
    assert settings(SECRET_KEY=KEY)["OAUTH_LOGIN"]["SANDBOX"] is False


def test_whatever_is_listed_can_be_tried_out_next_to_what_is_configured():
    found = settings(
        DEBUG="1",
        OAUTH_SANDBOX_PROVIDERS="google,weibo",
        OAUTH_GITHUB_CLIENT_ID="an-id",
        OAUTH_WEIBO_CLIENT_ID="another-id",
    )

    assert found["OAUTH_LOGIN"]["PROVIDERS"] == {
        "google": {},
        "weibo": {"CLIENT_ID": "another-id"},
        "github": {"CLIENT_ID": "an-id"},
    }


def test_in_production_nothing_is_there_to_be_tried_out():
    found = settings(SECRET_KEY=KEY, OAUTH_SANDBOX_PROVIDERS="google,weibo")

    assert found["OAUTH_LOGIN"]["PROVIDERS"] == {"github": {}}


@pytest.mark.parametrize(
    ("listed", "hint"), [("github,gogle", "Did you mean 'google'?"), ("login", "a page")]
)
def test_a_provider_to_try_out_that_is_not_known_is_said_at_once(listed, hint):
    with pytest.raises(ImproperlyConfigured) as error:
        settings(DEBUG="1", OAUTH_SANDBOX_PROVIDERS=listed)

    assert hint in str(error.value)


def test_github_is_real_as_soon_as_its_credentials_are_set():
    found = settings(DEBUG="1", OAUTH_GITHUB_CLIENT_ID="an-id", OAUTH_GITHUB_CLIENT_SECRET="a-secret")

    assert found["OAUTH_LOGIN"]["PROVIDERS"] == {
        "github": {"CLIENT_ID": "an-id", "CLIENT_SECRET": "a-secret"},
    }


def test_the_site_has_one_origin_when_it_is_told_so():
    found = settings(SECRET_KEY=KEY, ORIGIN="https://www.example.com")

    assert found["OAUTH_LOGIN"]["ORIGIN"] == "https://www.example.com"
    assert found["FORM_ACTION_ORIGINS"] == ["https://github.com", "https://www.example.com"]


def test_every_variable_is_explained_in_the_example_and_the_example_explains_no_other():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "demo_site" / "settings.py").read_text()))
    explained = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert set(explained) - {"OAUTH_GITHUB_CLIENT_ID", "OAUTH_GITHUB_CLIENT_SECRET"} == read - {"ENV_FILE"}
    assert "ENV_FILE=" in (ROOT / ".env.example").read_text()


def test_the_example_as_it_stands_sets_nothing():
    found = settings(env_file=(ROOT / ".env.example").read_text(), DEBUG="1")

    plain = settings(DEBUG="1")
    assert {name: found[name] for name in found if name.isupper() and name != "DATABASES"} == {
        name: plain[name] for name in plain if name.isupper() and name != "DATABASES"
    }
