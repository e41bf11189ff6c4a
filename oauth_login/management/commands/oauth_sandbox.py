"""``manage.py oauth_sandbox``: the sandbox as a server of its own, for trying out any client."""

import pprint
import signal
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.servers.basehttp import WSGIServer, run

from oauth_login import conf, providers
from oauth_login.oauth2 import Client
from oauth_login.sandbox.flavours import flavour_for
from oauth_login.sandbox.server import CLIENT_ID, CLIENT_SECRET
from oauth_login.sandbox.standalone import Application, Imitation
from oauth_login.transport import LOOPBACK, NOT_IN_URL

DEMO: Final = "http://127.0.0.1:8000/oauth2/{alias}/callback/"


class _Server(WSGIServer):
    """Django's, which leaves its socket to the garbage collector when it is stopped."""

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        with self:
            super().serve_forever(poll_interval)


class Command(BaseCommand):
    help = (
        "Run the sandbox as a server of its own: providers that let anybody be anybody, for trying out a "
        "client. In DEBUG only, and on this machine only unless --host says otherwise."
    )
    requires_system_checks = []  # what is wrong with the site's own providers has nothing to do with these

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=9000, help="port to listen on (9000)")
        parser.add_argument("--url", help="what clients call it, if not http://HOST:PORT")
        parser.add_argument(
            "--providers",
            default="github,google,weibo,qq",
            help="presets to answer for, comma-separated (github,google,weibo,qq)",
        )
        parser.add_argument("--client-id", default=CLIENT_ID, help=f"of the one client ({CLIENT_ID})")
        parser.add_argument("--client-secret", default=CLIENT_SECRET, help=f"its secret ({CLIENT_SECRET})")
        parser.add_argument(
            "--redirect-uri",
            default=DEMO,
            help="its callback URL, in which {alias} stands for the provider's (the demo's)",
        )

    def handle(self, *, host: str, port: int, url: str | None, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The sandbox lets anybody be anybody: it runs with DEBUG on only.")
        listening = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        place = base(url, "--url") if url else base(listening, "--host and --port")
        imitations = imitated(place, options)
        if host not in LOOPBACK:
            self.stderr.write(
                f"Whoever reaches {host}:{port} can be anybody to every client that believes this server."
            )
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, signal.default_int_handler)
        try:
            run(
                host,
                port,
                StaticFilesHandler(Application(imitations)),  # type: ignore[arg-type]  # WSGI is enough
                ipv6=":" in host,
                threading=True,
                server_cls=_Server,
                on_bind=lambda _: self.welcome(place, imitations),
            )
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        except (OSError, OverflowError) as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error}") from error

    def welcome(self, place: str, imitations: Mapping[str, Imitation]) -> None:
        written = {alias: imitation.flavour.settings() for alias, imitation in imitations.items()}
        self.stdout.write(f"The sandbox answers at {place}. A client of it needs:\n\n")
        self.stdout.write(f"OAUTH_LOGIN = {pprint.pformat({'PROVIDERS': written}, width=100)}\n\n")
        for alias, imitation in imitations.items():
            self.stdout.write(f"{alias} sends the browser back to {imitation.redirect_uri}")
        self.stdout.write("\nCtrl-C stops it.")
        self.stdout.flush()  # whoever reads this through a pipe is waiting for it


def imitated(place: str, options: Mapping[str, Any]) -> dict[str, Imitation]:
    """Return what to answer for, by alias, at *place*.

    :raises CommandError: no provider is named, or one that is not known or cannot be answered for; or the
        URI is none.
    """
    aliases = [name.strip() for name in options["providers"].split(",") if name.strip()]
    if not aliases:
        raise CommandError("--providers names none: there would be nobody to answer for.")
    try:
        conf.without_credentials(aliases)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None
    if not (options["client_id"] and options["client_secret"]):
        raise CommandError("--client-id and --client-secret cannot be empty.")
    client = Client(options["client_id"], options["client_secret"])
    found = {}
    for alias in aliases:
        row = providers.row(alias)
        if row.get("SIGNS_SECRET"):
            raise CommandError(
                f"{alias}: its client signs its own secret, which has a meaning there only. "
                "Try it in the sandbox within the site."
            )
        flavour = flavour_for(alias, {}, base_url=f"{place}/{alias}", client=client)
        label = flavour.kept().get("LABEL", alias)
        found[alias] = Imitation(flavour, label, callback(options["redirect_uri"], alias))
    return found


def base(url: str, said_by: str) -> str:
    """Return what the addresses of all providers begin with.

    :param said_by: the options that it comes from.
    :raises CommandError: clients could find nothing below *url*.
    """
    if not _is_web_address(url) or "?" in url:
        raise CommandError(f"{said_by}: {url!r} is no http or https URL without a query and a fragment.")
    return url.rstrip("/")


def callback(template: str, alias: str) -> str:
    """Return the callback URL of a provider.

    :raises CommandError: it is no URL of http or https, without a fragment.
    """
    uri = template.replace("{alias}", alias)
    if not _is_web_address(uri):
        raise CommandError(f"--redirect-uri: {uri!r} is no http or https URL without a fragment.")
    return uri


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets that hold no address, or a port that is none
        return False
    if port == 0 or parts.username is not None or NOT_IN_URL.search(url):
        return False
    return parts.scheme in {"http", "https"} and bool(host) and "#" not in url
