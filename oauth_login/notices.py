"""What providers tell the site of their own accord: a grant was withdrawn, a session is over.

No visitor is here, so no session is read and no cookie set; a signature says who speaks. The answers are for
machines: ``{"error": code}`` or ``{"result": …}``, and a 5xx only where sending it again may help.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Final
from urllib.parse import parse_qs

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from oauth_login import aliases, conf, session_index, signals
from oauth_login.errors import ProviderError, ProviderMisconfigured, ProviderResponseError, printable
from oauth_login.guard import outside_transactions
from oauth_login.logout import TellsLogouts
from oauth_login.models import LinkedAccount, Notice, Token
from oauth_login.problems import ALIAS_LENGTH
from oauth_login.providers import github_webhook
from oauth_login.providers.base import Provider
from oauth_login.transport import one_deadline

LIMIT: Final = 128 * 1024  # bytes of a body; what is said here takes a twentieth
RETRY_AFTER: Final = 60  # seconds; longer than a server that failed is left alone (documents.py)
#: What is wrong with a logout token itself; anything else is about keys that cannot be had just now.
WRONG_TOKEN: Final = {"id_token_invalid", "id_token_key_unknown"}

logger = logging.getLogger("oauth_login")


class Refused(Exception):
    """The notice changes nothing. ``code`` and ``status`` are for the provider, ``detail`` for the log.

    What an error of this package says is fit to be logged as it is.
    """

    def __init__(self, code: str, status: int, detail: object = "") -> None:
        super().__init__(code)
        self.code, self.status, self.detail = code, status, detail


def _for_machines(view: Callable[[HttpRequest, str], HttpResponse]) -> Callable[..., HttpResponse]:
    @login_not_required
    @never_cache
    @csrf_exempt
    @outside_transactions  # it may wait for a provider, and brackets what it writes by itself
    @sensitive_variables()
    @wraps(view)
    def answered(request: HttpRequest, alias: str) -> HttpResponse:
        try:
            return view(request, alias)
        except Refused as error:
            refused = error
        except UnreadablePostError:
            refused = Refused("body_unreadable", 400)
        except DatabaseError as error:
            refused = Refused("site_unavailable", 503, type(error).__name__)
        shown = printable(alias, ALIAS_LENGTH)
        logger.warning("notice refused: code=%s provider=%s detail=%s", refused.code, shown, refused.detail)
        response = JsonResponse({"error": refused.code}, status=refused.status)
        if refused.status == 405:
            response["Allow"] = "POST"
        if refused.status == 503:
            response["Retry-After"] = str(RETRY_AFTER)
        return response

    return answered


@_for_machines
def webhook(request: HttpRequest, alias: str) -> HttpResponse:
    """Hear from GitHub that somebody has withdrawn the grant; nothing is asked of anybody (K11)."""
    provider = _provider(alias)
    if not provider.webhook_secrets:
        raise Refused("not_found", 404)
    body = _body(request, "application/json", otherwise=415)
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not github_webhook.is_signed(body, signature, provider.webhook_secrets):
        raise Refused("signature_invalid", 403)
    event = request.headers.get("X-GitHub-Event", "")
    if event == "ping":
        return _result("pong")
    target = request.headers.get("X-GitHub-Hook-Installation-Target-ID")
    is_ours = not provider.webhook_target_id or target == provider.webhook_target_id
    subject = _who_revoked(body) if is_ours and event == github_webhook.EVENT else ""
    if not subject:
        return _result("ignored", 202)
    delivery = request.headers.get("X-GitHub-Delivery", "")
    if not github_webhook.DELIVERY.fullmatch(delivery):
        raise Refused("delivery_invalid", 400)
    with transaction.atomic(using=router.db_for_write(Notice)):
        if not Notice.objects.is_new(provider=_first_name(provider), id=delivery):
            return _result("seen_before")
        account = LinkedAccount.objects.identified(provider.server.issuer, subject)
        if account is None or not _revoke(account, provider):
            return _result("ignored", 202)
    return _result("revoked")


@_for_machines
def backchannel_logout(request: HttpRequest, alias: str) -> HttpResponse:
    """Hear from an OpenID Provider whose sessions are over (Back-Channel Logout 1.0 §2.5 – 2.8)."""
    provider = _provider(alias)
    is_asked = provider.backchannel_logout and session_index.can_end()
    if not is_asked or not isinstance(provider, TellsLogouts):
        raise Refused("not_found", 404)
    body = _body(request, "application/x-www-form-urlencoded", otherwise=400)
    try:
        with one_deadline():
            logout = provider.logged_out(_logout_token(body))
    except ProviderError as error:
        if error.code in WRONG_TOKEN:
            raise Refused("logout_token_invalid", 400, error) from None
        raise Refused("keys_unavailable", 503, error) from None
    with transaction.atomic(using=router.db_for_write(Notice)):
        if not Notice.objects.is_new(provider=alias, id=logout.id):
            raise Refused("logout_token_replayed", 400)
        ended = session_index.end(session_index.meant(alias, logout))
    logger.info("signed out by the provider: provider=%s sessions=%d", alias, ended)
    return HttpResponse(status=200)


def _provider(alias: str) -> Provider:
    """Return the provider; one whose settings are wrong, secrets among them, is not here (K04)."""
    if alias not in conf.aliases():
        raise Refused("not_found", 404)
    try:
        return conf.provider(alias)
    except ProviderMisconfigured as error:
        raise Refused("not_found", 404, error) from None


def _body(request: HttpRequest, content_type: str, *, otherwise: int) -> bytes:
    """Return the body as it came, of a POST of that type; one that is too large is not read to its end."""
    if request.method != "POST":
        raise Refused("method_not_allowed", 405)
    if request.content_type != content_type:
        raise Refused("content_type_invalid", otherwise)
    told = request.headers.get("Content-Length", "")
    if told.isdecimal() and (len(told) > 9 or int(told) > LIMIT):
        raise Refused("body_too_large", 413)
    body = request.read(LIMIT + 1)
    if len(body) > LIMIT:
        raise Refused("body_too_large", 413)
    return body


def _who_revoked(body: bytes) -> str:
    try:
        return github_webhook.who_revoked(body)
    except ProviderResponseError as error:
        raise Refused("payload_invalid", 400, error) from None


def _logout_token(body: bytes) -> str:
    """Return the one token of a form; what else is in it means nothing (§2.5)."""
    try:
        given = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10).get("logout_token", [])
    except ValueError:
        raise Refused("form_invalid", 400) from None
    if len(given) != 1:
        raise Refused("form_invalid", 400, f"{len(given)} tokens")
    return given[0]


def _revoke(account: LinkedAccount, provider: Provider) -> bool:
    """Forget what the account granted; the user stays, and stays signed in unless the site says otherwise.

    Tell whether it was granted to that *provider*, and not to another client of the same server (K06).
    """
    token = Token.objects.using(router.db_for_write(Token)).locked(account.pk)
    client = account.client_of(token) if token else account.provider
    if not aliases.is_one_client(client, provider.alias, account.issuer):
        return False
    is_news = token is not None and token.revoke("revoked_there")
    if conf.setting("SESSIONS_END_ON_REVOCATION"):
        session_index.end(session_index.of_account(account))
    if is_news:
        account.refresh_from_db(fields=["token"])  # for the receivers of the signal
        transaction.on_commit(
            lambda: signals.reauthorization_required.send_robust(
                LinkedAccount, account=account, reason="revoked_there"
            ),
            using=router.db_for_write(Notice),
        )
    logger.info("revoked at the provider: provider=%s account=%s", provider.alias, account.pk)
    return True


def _first_name(provider: Provider) -> str:
    """Return the first alias of that client: what was delivered to one of them is told to each (K05)."""
    issuer = provider.server.issuer
    same = (one for one in conf.aliases() if aliases.is_one_client(one, provider.alias, issuer))
    return next(same, provider.alias)


def _result(word: str, status: int = 200) -> HttpResponse:
    return JsonResponse({"result": word}, status=status)
