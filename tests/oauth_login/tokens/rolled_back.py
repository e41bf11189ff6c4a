"""A script of a site that needs a token, fails in its own transaction, and ends: in one of its ``WAYS``.

``python -m tests.oauth_login.tokens.rolled_back ACCOUNT WAY`` with the site's database in ``DATABASE_URL``
and its providers in ``PROVIDERS``.
"""

import json
import os
import sys
import threading

import django
from django.conf import settings
from django.db import connections, transaction


def use(account):
    """Print a token, and end all that is going on."""
    with transaction.atomic():
        print(account.access_token())  # noqa: T201
        sys.exit(3)


def use_in_a_thread(account):
    """Do the same in a thread, which ends first."""

    def use_and_close():
        try:
            use(account)
        finally:
            connections.close_all()

    thread = threading.Thread(target=use_and_close)
    thread.start()
    thread.join()
    sys.exit(3)


def use_without_autocommit(account):
    """Do the same in a transaction that is ended by hand, or not at all."""
    transaction.set_autocommit(False)
    print(account.access_token())  # noqa: T201
    sys.exit(3)


WAYS = {"script": use, "thread": use_in_a_thread, "no autocommit": use_without_autocommit}


def main(account_pk, way):
    """Find the account, and use its token in that way."""
    django.setup()
    settings.OAUTH_LOGIN = {"PROVIDERS": json.loads(os.environ["PROVIDERS"])}
    from oauth_login.models import LinkedAccount

    WAYS[way](LinkedAccount.objects.get(pk=account_pk))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
