"""A worker of the site in a process of its own: asks for a token in many threads at once, prints what it got.

``python -m tests.oauth_login.tokens.worker ACCOUNT THREADS`` with the site's database in ``DATABASE_URL`` and
its providers in ``PROVIDERS``. It begins when a line arrives, so that several begin together.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import django
from django.conf import settings


def main(account_pk, threads):
    """Print, as JSON, the token that each thread was given."""
    django.setup()
    settings.OAUTH_LOGIN = {"PROVIDERS": json.loads(os.environ["PROVIDERS"])}
    from django.db import connections

    from oauth_login.models import LinkedAccount

    account = LinkedAccount.objects.get(pk=account_pk)

    def ask(_):
        try:
            return account.access_token()
        finally:
            connections.close_all()

    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(list(pool.map(ask, range(threads)))), flush=True)  # noqa: T201


main(int(sys.argv[1]), int(sys.argv[2]))
