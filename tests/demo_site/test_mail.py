"""The demo sends mail as its ``EMAIL_URL`` says, on each Django."""

import environ
import pytest

from demo_site.mail import mail_settings

SMTP = "smtp+tls://ada:secret@mail.example.com:587"


def read(url):
    return environ.Env.email_url_config(url)


def test_an_older_django_gets_a_setting_each():
    settings = mail_settings(read(SMTP), (5, 2, 9, "final", 0))

    assert settings["EMAIL_HOST"] == "mail.example.com"
    assert settings["EMAIL_HOST_PASSWORD"] == "secret"
    assert settings["EMAIL_TIMEOUT"] == 5
    assert "MAILERS" not in settings


@pytest.mark.parametrize(
    ("url", "backend", "options"),
    [
        (
            SMTP,
            "smtp",
            {
                "host": "mail.example.com",
                "port": 587,
                "username": "ada",
                "password": "secret",
                "use_tls": True,
                "timeout": 5,
            },
        ),
        ("filemail:///var/mail", "filebased", {"file_path": "var/mail"}),
        ("consolemail://", "console", {}),
    ],
)
def test_a_newer_one_gets_a_mailer_and_nothing_of_what_was_before(url, backend, options):
    settings = mail_settings(read(url), (6, 1, 3, "final", 0))

    backend = f"django.core.mail.backends.{backend}.EmailBackend"
    assert settings == {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
