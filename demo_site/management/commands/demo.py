"""``manage.py demo``: the whole site on the loopback, ready to be tried, until Ctrl-C."""

import secrets
import signal
import socket
from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.servers.basehttp import get_internal_wsgi_application, run
from django.urls import reverse

from oauth_login import conf
from oauth_login.branding import label

HOST = "127.0.0.1"
OWNER = "owner"

WELCOME = """
  The guestbook    {site}
  The owner's side {admin}
                   name {owner}, password {password} (new at every start)
  Signing in       {signing_in}

  Ctrl-C stops the site.
"""
SANDBOX = "the sandbox answers instead of {labels}: nothing to register, nothing leaves this machine"
REAL = "{label} itself; the callback URL to register there is {callback}"
INDENT = "\n                   "


class Command(BaseCommand):
    help = "Run the whole site on this machine with an owner for the admin, for trying things out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=port_number, default=8000, help="port to listen on (8000)")

    def handle(self, *, port: int, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo prints a password and serves with Django's development server: "
                "it is for trying things out, and runs with DEBUG=1 only."
            )
        check_free(port)
        call_command("migrate", verbosity=0, interactive=False)
        password = owner_with_new_password()

        # A shell that starts this in the background has told it to ignore Ctrl-C.
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, signal.default_int_handler)
        try:
            run(
                HOST,
                port,
                get_internal_wsgi_application(),
                threading=True,
                on_bind=lambda _: self.welcome(port, password),
            )
        except KeyboardInterrupt:
            self.stdout.write("\n  Stopped.")

    def welcome(self, port: int, password: str) -> None:
        site = f"http://{HOST}:{port}"
        self.stdout.write(
            WELCOME.format(
                site=site + reverse("guestbook:index"),
                admin=site + reverse("admin:index"),
                owner=OWNER,
                password=password,
                signing_in=INDENT.join(ways_to_sign_in(site)),
            )
        )
        self.stdout.flush()  # whoever reads this through a pipe is waiting for it


def ways_to_sign_in(site: str) -> Iterator[str]:
    """Yield a line on the providers that the sandbox answers for, and one on each real one."""
    imitated = [alias for alias in conf.aliases() if conf.sandboxed(alias)]
    if imitated:
        yield SANDBOX.format(labels=", ".join(map(label, imitated)))
    for alias in conf.aliases():
        if alias not in imitated:
            callback = site + reverse("oauth_login:callback", kwargs={"alias": alias})
            yield REAL.format(label=label(alias), callback=callback)


def port_number(text: str) -> int:
    """Return the port that *text* names."""
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise ArgumentTypeError(f"{text!r} is no port: a number from 1 to 65535 is.")
    return int(text)


def check_free(port: int) -> None:
    """Refuse, before anything is written, a port that cannot be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on port {port}: {error.strerror}. Name another one: make demo PORT=8001"
            ) from error


def owner_with_new_password() -> str:
    """Make sure that the owner exists, and return the password of this run."""
    users = get_user_model().objects
    password = secrets.token_urlsafe(9)
    owner = users.filter(username=OWNER).first() or users.create_superuser(OWNER)
    if not owner.is_superuser:
        # Somebody signed in under that name before the first demo: a visitor must not become the owner.
        raise CommandError(f"{OWNER!r} is a visitor in this database. Delete the database, or rename them.")
    owner.set_password(password)
    owner.save(update_fields=["password"])
    return password
