"""Commands of a site in processes of their own, and many accounts for them to look after."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.contrib.auth import get_user_model

from oauth_login.models import LinkedAccount, Token


def link_many(number, issuer, grant, *, alias="ghe", expires_in=60):
    """Link so many accounts to one user, each with the tokens that *grant* returns; 25 expire in a second."""
    user = get_user_model().objects.create_user(f"user of {number} at {alias}")
    accounts = LinkedAccount.objects.bulk_create(
        [LinkedAccount(user=user, provider=alias, issuer=issuer, subject=str(n)) for n in range(number)],
        batch_size=500,
    )
    soon = datetime.now(UTC) + timedelta(seconds=expires_in)
    tokens = []
    for at, account in enumerate(accounts):
        access, refresh = grant()
        expires_at = soon + timedelta(seconds=at // 25)
        tokens.append(
            Token(account=account, access_token=access, refresh_token=refresh, expires_at=expires_at)
        )
    Token.objects.bulk_create(tokens, batch_size=500)
    return accounts


@contextmanager
def started(environment, options, *arguments, number=1):
    """Start a command so many times at once, with the settings *options*; none is left at the end."""
    # A shell has Ctrl-C ignored by what runs in its background, as these tests may, and by what that starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "django", "oauth_login", *arguments],
            env={
                **environment,
                "DJANGO_SETTINGS_MODULE": "tests.floods.settings",
                "OAUTH_LOGIN": json.dumps(options),
            },
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(number)
    ]
    signal.signal(signal.SIGINT, before)
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(process):
    """Wait for a command; return its exit code and what it said."""
    said, complained = process.communicate(timeout=120)
    return process.returncode, said, complained
