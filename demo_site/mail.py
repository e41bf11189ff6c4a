"""How mail is sent, from one URL, in the settings of whichever Django this is."""

from collections.abc import Mapping
from typing import Any, Final

TIMEOUT: Final = 5  # seconds that a visitor waits for a mail server that does not answer
#: What ``MAILERS`` (Django 6.1) calls what older ones have a setting each for, by the backend's module.
OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "smtp": {
        "EMAIL_HOST": "host",
        "EMAIL_PORT": "port",
        "EMAIL_HOST_USER": "username",
        "EMAIL_HOST_PASSWORD": "password",
        "EMAIL_USE_TLS": "use_tls",
        "EMAIL_USE_SSL": "use_ssl",
        "EMAIL_TIMEOUT": "timeout",
    },
    "filebased": {"EMAIL_FILE_PATH": "file_path"},
}


def mail_settings(read: Mapping[str, Any], django: tuple[Any, ...]) -> dict[str, Any]:
    """Return the settings for what django-environ has *read* from ``EMAIL_URL``.

    :param django: Django's version. From 6.1 on it wants ``MAILERS``, and nothing of what was before.
    """
    written = {**read, "EMAIL_TIMEOUT": TIMEOUT}
    if django < (6, 1):
        return written
    backend = str(written["EMAIL_BACKEND"])
    names = OPTIONS.get(backend.split(".")[-2], {})
    options = {new: written[old] for old, new in names.items() if written.get(old)}
    return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
