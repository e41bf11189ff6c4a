"""What is behind each code, for the owner of a site: the cause, and the cure.

Shown on the page of a refusal in DEBUG, listed by the ``codes`` page, and written into ``docs/refusals.md``.
Visitors are told something else (``explanations.py``): calmer, translated, and nothing about how the site
is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a code is given, with which HTTP status, and what the owner can do."""

    status: int
    cause: str
    cure: str


NOTHING: Final = "Nothing to do: the visitor presses the button again."
VISITOR: Final = "Nothing to do here: the visitor can settle it, and the page says how."
ATTACK: Final = "If it keeps coming from the same addresses, somebody is trying something; it does not work."
PROVIDER_BROKEN: Final = "Look at the provider's status page; compare its answer with its documentation."
REGISTRATION: Final = (
    "Compare client id, secret and callback URL with the registration at the provider. "
    "manage.py check prints the callback URL."
)
SETTINGS: Final = "Run manage.py check: it says which setting is wrong, and what to write."

CAUSES: Final[Mapping[str, Cause]] = {
    # --- the request itself
    "not_found": Cause(404, "There is no such page.", "The list of codes exists in DEBUG only."),
    "provider_unknown": Cause(
        404,
        "OAUTH_LOGIN['PROVIDERS'] has no such alias.",
        "Aliases are lower case. Correct the link, or add the provider.",
    ),
    "form_stale": Cause(
        403,
        "The start was posted without a valid CSRF token: a page from before a sign-in in another tab, "
        "a page out of a cache, or another site.",
        "If it happens to everybody: do not cache pages with a sign-in button for all visitors, and behind a "
        "proxy that ends TLS set SECURE_PROXY_SSL_HEADER or CSRF_TRUSTED_ORIGINS.",
    ),
    "form_without_cookies": Cause(
        403,
        "The start was posted, and the browser sent no cookie at all: it blocks them, or another site "
        "posted the form.",
        "If it happens to everybody: over plain http browsers keep no cookie that is Secure; look at "
        "CSRF_COOKIE_SECURE and CSRF_COOKIE_DOMAIN.",
    ),
    "sign_out_stale": Cause(
        403, "The form for signing out came without a valid CSRF token, as from an old tab.", NOTHING
    ),
    "unlink_stale": Cause(
        403, "The form for unlinking an account came without a valid CSRF token, as from an old tab.", NOTHING
    ),
    "account_unknown": Cause(
        404,
        "There is no such linked account, or it is somebody else's.",
        "Nothing to do: that is on purpose.",
    ),
    "last_way_in": Cause(
        409,
        "The account is the only way in: its user has no other account of a server that is in the settings, "
        "and no usable password, or no page to type it.",
        "If passwords are typed on a page that LOGIN_URL does not name, set PASSWORD_LOGIN_URL. Otherwise "
        "nothing to do here; the admin can unlink it all the same.",
    ),
    "method_not_allowed": Cause(405, "The page takes no requests of that method.", ATTACK),
    "intent_unknown": Cause(400, "The start was posted for a purpose that there is none of.", ATTACK),
    "ask_invalid": Cause(
        400,
        "The scope that is asked for was not written by this site for this provider, or under a key that it "
        "does not know any more.",
        "Links to the page come from scope_required and ScopeRequired; none is made by hand.",
    ),
    "form_unreadable": Cause(
        400, "The form is neither urlencoded as UTF-8 nor multipart with a boundary.", ATTACK
    ),
    "host_not_named": Cause(
        400,
        "ORIGIN is not set, and only a wildcard in ALLOWED_HOSTS accepts the host: the callback URL would be "
        "anybody's.",
        "List the site's hosts in ALLOWED_HOSTS, or set OAUTH_LOGIN['ORIGIN'].",
    ),
    "body_too_large": Cause(
        413,
        "The form is larger than DATA_UPLOAD_MAX_MEMORY_SIZE or has more fields than "
        "DATA_UPLOAD_MAX_NUMBER_FIELDS.",
        ATTACK,
    ),
    "too_many_requests": Cause(
        429,
        "One client address sent more starts or callbacks in a minute than STARTS_PER_MINUTE or "
        "CALLBACKS_PER_MINUTE allow.",
        "If it happens to everybody, all visitors seem to have one address: behind proxies set "
        "TRUSTED_PROXIES to their number. For a large office behind one address, raise the limits.",
    ),
    # --- which attempt
    "state_missing": Cause(400, "The callback was called without a state.", ATTACK),
    "state_invalid": Cause(
        400,
        "The state was not sealed by this site, was changed, or comes from the future.",
        "If it happens to everybody: all workers must share SECRET_KEY, and after it is rotated the old one "
        "belongs into SECRET_KEY_FALLBACKS. Clocks may differ by a minute, not more.",
    ),
    "cookie_missing": Cause(
        400,
        "The state is genuine, but this browser has no cookie for it, although it has others: the sign-in "
        "was started in another browser, is over, gave way to five newer ones, or somebody was sent a "
        "foreign callback.",
        "If it happens to everybody: let nothing between browser and site strip cookies, and see that both "
        "ways lead over the same scheme.",
    ),
    "cookies_blocked": Cause(
        400,
        "The state is genuine, but the browser sent no cookie at all, not even when the page asked again "
        "from this site.",
        "The visitor has to allow cookies. If it happens to everybody: over plain http browsers keep no "
        "Secure cookie; behind a proxy that ends TLS set ORIGIN to the https address.",
    ),
    "origin_not_allowed": Cause(
        400,
        "The sign-in was started at another address of this site than the callback's, and the cookie is "
        "there; the address is not among RELAY_ORIGINS.",
        "Add the address to OAUTH_LOGIN['RELAY_ORIGINS'], or redirect it to ORIGIN before anybody signs in.",
    ),
    "cookie_invalid": Cause(
        400,
        "The attempt's cookie was changed, or sealed under a key that is gone.",
        "All workers must share SECRET_KEY; after rotating it keep the old one in SECRET_KEY_FALLBACKS.",
    ),
    "cookie_repeated": Cause(
        400,
        "Two cookies of the attempt's name arrived: a subdomain planted one.",
        "Serve the site over https, where the cookie's __Host- prefix makes it impossible.",
    ),
    "attempt_expired": Cause(
        400,
        "The visitor came back later than ATTEMPT_MAX_AGE allows.",
        "Nothing to do: one click starts again, and next is kept.",
    ),
    "attempt_replayed": Cause(
        400,
        "It was finished before: the same callback came again in another session, or the visitor stepped "
        "back to the provider and said yes once more.",
        NOTHING,
    ),
    "provider_mismatch": Cause(400, "It was started with another provider than the callback's.", ATTACK),
    "provider_changed": Cause(
        400, "CLIENT_ID or ISSUER in the settings changed since the start, as during a deployment.", NOTHING
    ),
    "user_changed": Cause(400, "Somebody else signed in, or out, since the start.", NOTHING),
    # --- what the browser brought back
    "response_invalid": Cause(400, "The authorization response breaks RFC 6749 §4.1.2.", PROVIDER_BROKEN),
    "parameter_repeated": Cause(400, "A parameter came twice (RFC 6749 §3.1).", ATTACK),
    "parameter_malformed": Cause(
        400, "A parameter is too long, or has characters outside of RFC 6749 appendix A.", ATTACK
    ),
    "code_and_error": Cause(400, "The response has both a code and an error.", PROVIDER_BROKEN),
    "code_missing": Cause(400, "The response has neither a code nor an error.", PROVIDER_BROKEN),
    "issuer_mismatch": Cause(
        400,
        "iss names another server than the provider's ISSUER (RFC 9207).",
        "If it happens to everybody, compare ISSUER with the value in the log, to the letter; otherwise it "
        "is a mix-up attack.",
    ),
    "issuer_missing": Cause(400, "The provider promises iss, and it is not there (RFC 9207).", ATTACK),
    "prefetch_refused": Cause(
        400, "The browser only fetched the page ahead. Nothing was used up.", "Nothing to do."
    ),
    "access_denied": Cause(302, "The visitor, or their administrator, said no.", "Nothing to do."),
    # --- what the provider answered
    "code_rejected": Cause(
        400,
        "The token endpoint refuses the code: it was used, is too old, or was issued to somebody else.",
        "If it happens to everybody: the callback URL must be the registered one, to the letter.",
    ),
    "refresh_rejected": Cause(
        400,
        "The provider refuses the refresh token: it was withdrawn, is too old, or was used elsewhere.",
        "Nothing to do: the visitor signs in again. If it happens to everybody, compare client id and secret "
        "with the registration: another application's tokens are refused so, too.",
    ),
    "refresh_identity_changed": Cause(
        502,
        "The ID Token of a renewed grant is about somebody or something else than the first one was "
        "(OpenID Connect Core §12.2). The new tokens were thrown away.",
        PROVIDER_BROKEN,
    ),
    "revocation_refused": Cause(
        502, "The provider does not take back a token, and gives no reason.", PROVIDER_BROKEN
    ),
    "email_unverified_at_provider": Cause(400, "GitHub wants the visitor to verify their address.", VISITOR),
    "provider_answer_invalid": Cause(502, "The provider's answer is unusable.", PROVIDER_BROKEN),
    "http_invalid": Cause(
        502,
        "What answers is no HTTP, or HTTP that can be read in more than one way.",
        "Does the address in the settings lead to the provider? Look at what stands in front of it.",
    ),
    "json_invalid": Cause(502, "The provider's answer is no strict JSON (RFC 8259).", PROVIDER_BROKEN),
    "json_type_wrong": Cause(502, "The answer is JSON of another type than documented.", PROVIDER_BROKEN),
    "encoding_unasked": Cause(502, "The answer is compressed, though none was asked for.", PROVIDER_BROKEN),
    "answer_too_large": Cause(
        502, "The answer is larger than 128 KiB, or its head than 64.", PROVIDER_BROKEN
    ),
    "redirect_refused": Cause(
        502,
        "The provider redirects; following would carry secrets elsewhere.",
        "Write the address it redirects to into the settings, if it is the provider's.",
    ),
    "tls_failed": Cause(
        502,
        "The provider's certificate is not vouched for, or no secure connection could be agreed on.",
        "For a private authority set CA_BUNDLE or SSL_CERT_FILE. Verification cannot be switched off.",
    ),
    "token_answer_invalid": Cause(502, "The token answer breaks RFC 6749 §5.1.", PROVIDER_BROKEN),
    "token_type_unsupported": Cause(502, "The token is no bearer token.", PROVIDER_BROKEN),
    "token_invalid": Cause(502, "A token is missing, too long, or unfit for a header.", PROVIDER_BROKEN),
    "profile_refused": Cause(502, "The provider does not say who the token belongs to.", PROVIDER_BROKEN),
    "token_audience_wrong": Cause(
        502, "The token was issued to another client than this site.", "If it keeps coming, it is an attack."
    ),
    "subject_invalid": Cause(502, "The provider's id of the visitor is missing or no id.", PROVIDER_BROKEN),
    "userinfo_signed": Cause(
        502,
        "UserInfo answers with a signed token.",
        "Register the client for plain JSON: without userinfo_signed_response_alg.",
    ),
    "userinfo_of_another": Cause(
        502,
        "The profile is of somebody else than the ID Token (OpenID Connect Core §5.3.2) or the token answer "
        "(`USERINFO_MATCHES`).",
        ATTACK,
    ),
    "id_token_missing": Cause(
        502, "The token answer has no ID Token.", "SCOPE needs openid; the provider must be OpenID Connect."
    ),
    "id_token_invalid": Cause(
        502,
        "The ID Token fails a check (OpenID Connect Core §3.1.3.7); the detail says which.",
        "alg: compare ID_TOKEN_SIGNED_RESPONSE_ALG with the registration. aud: list what else you trust in "
        "AUDIENCES. tid: list the tenant in TENANTS. iat, exp: compare the clocks. Else it is an attack.",
    ),
    "id_token_key_unknown": Cause(
        502,
        "The ID Token is signed with a key that the provider does not publish.",
        "Just after it changed its keys this may happen for five minutes; otherwise it is an attack.",
    ),
    "keys_invalid": Cause(502, "The provider's keys are no JWK Set of up to 50 (RFC 7517).", PROVIDER_BROKEN),
    "document_refused": Cause(502, "The provider's keys are not where it says.", PROVIDER_BROKEN),
    "address_refused": Cause(
        502,
        "The provider's configuration leads to an address that is not public.",
        "If that is right, as with a company's own server, write the endpoint into the settings.",
    ),
    "discovery_invalid": Cause(
        503,
        "What is at ISSUER/.well-known/openid-configuration is no configuration of exactly that issuer.",
        "Compare ISSUER with the issuer in that document, to the letter; a slash at the end counts.",
    ),
    "memberships_refused": Cause(
        502,
        "GitHub does not say which organisations or teams the visitor is in.",
        "SCOPE needs read:org; a GitHub App needs the permission to read members.",
    ),
    "claims_too_large": Cause(
        502,
        "The claims that KEEP_CLAIMS names are larger than 16 KiB together.",
        "Have the provider put fewer groups into them, or keep fewer claims.",
    ),
    "emails_invalid": Cause(502, "The list of addresses has another form.", PROVIDER_BROKEN),
    "provider_misconfigured": Cause(
        503, "The provider refuses this site: its credentials, callback URL or rights.", REGISTRATION
    ),
    "settings_invalid": Cause(503, "The settings are wrong, so nobody is sent anywhere.", SETTINGS),
    "token_unreadable": Cause(
        503,
        "A grant is to be withdrawn, and no key opens the token to do it with.",
        "Put the key back into ENCRYPTION_KEYS, or the old SECRET_KEY into SECRET_KEY_FALLBACKS.",
    ),
    "endpoint_insecure": Cause(503, "An endpoint is not https.", SETTINGS),
    "provider_unavailable": Cause(503, "The provider says that it is down.", PROVIDER_BROKEN),
    "connection_failed": Cause(
        503,
        "No connection to the provider, or it broke.",
        "Can this machine reach the provider's host? The environment's proxies are ignored: set PROXIES.",
    ),
    "connection_timeout": Cause(
        503,
        "No connection to the provider within three seconds.",
        "Can this machine reach the provider's host? The environment's proxies are ignored: set PROXIES.",
    ),
    "provider_busy": Cause(
        503,
        "Ten requests to this host of the provider's were under way in this worker already, and none of them "
        "came to an end within a second.",
        "Look at the provider's status page. If it is well, there are more sign-ins at once than one worker "
        "can do: start more workers.",
    ),
    "provider_rate_limited": Cause(
        503, "The provider wants fewer requests.", "Wait; see the provider's limits for the client id."
    ),
    "provider_timeout": Cause(504, "No complete answer within ten seconds.", PROVIDER_BROKEN),
    # --- tokens over time: raised by account.access_token() and account.session()
    "token_renewed": Cause(
        503,
        "The API did not take the token any more, which has been renewed; but the body of the request was a "
        "stream that cannot be wound back, so that it was not sent again.",
        "Send the request once more, with a new stream.",
    ),
    "reauthorization_required": Cause(
        403,
        "No token of the account is good any more: it expired and cannot be renewed, the provider or the "
        "visitor withdrew it, or no key opens it. The log says which.",
        "Offer the visitor to sign in again. If no key opens it: ENCRYPTION_KEYS, or SECRET_KEY, was changed "
        "and the old one not kept.",
    ),
    "scope_required": Cause(
        403, "The visitor has not granted a scope that is needed.", "Ask for it; the error says which."
    ),
    "refresh_pending": Cause(
        503,
        "Another worker is renewing the token, and has not succeeded within twelve seconds.",
        PROVIDER_BROKEN,
    ),
    "endpoint_foreign": Cause(
        503,
        "account.session() was given a URL of another host than the API's: the token is not sent there.",
        "Write a path, set API_URL, or use a session of your own.",
    ),
    # --- who it is
    "sign_in_refused": Cause(403, "The site's own code refuses this visitor.", "See that code."),
    "policy_refused": Cause(
        403,
        "The rule in SIGN_IN_POLICY does not admit this visitor; the detail says which part of it.",
        "Nothing to do, if that is meant. docs/policy.md has the parts, and what each asks for.",
    ),
    "user_inactive": Cause(
        403, "The user is not active.", "Set is_active in the admin, if that was a mistake."
    ),
    "not_a_person": Cause(403, "It is an organisation's or a bot's account, or suspended.", VISITOR),
    "email_required": Cause(
        403,
        "The user model needs an address, and the provider gives no verified one.",
        "Ask for the scope that shows it, or make the column nullable.",
    ),
    "sign_up_not_here": Cause(
        403,
        "Somebody unknown came from the admin's login page, or with another page of the admin for next. "
        "There nobody is signed up.",
        "If they are to be staff: have them sign in on the site itself once, then set is_staff.",
    ),
    "sign_in_conflict": Cause(
        409, "The address belongs to a user here, and ON_EMAIL_COLLISION is 'deny'.", VISITOR
    ),
    "email_taken": Cause(409, "The address belongs to a user here.", VISITOR),
    "held_expired": Cause(
        400,
        "An identity was held for the user who has the address, and they signed in after that half hour.",
        "Nothing to do: the user can link it on the page of linked accounts.",
    ),
    "held_cut": Cause(
        400,
        "What KEEP_CLAIMS keeps of an identity did not fit into a session in a cookie, and SIGN_IN_POLICY is "
        "not asked about half of what the provider has said.",
        "Keep sessions in the database, a cache or files, or fewer claims. The user can link it on the page "
        "of linked accounts.",
    ),
    "held_elsewhere": Cause(
        400,
        "The session holds an identity that another browser brought, or on another host of the site: its "
        "cookie was deleted, or somebody has planted their session (then the user's address is proven at a "
        "provider by somebody else).",
        "If it happens to everybody: have people sign in on the one host that ORIGIN names.",
    ),
    "linked_elsewhere": Cause(
        409,
        "The identity is linked to another user here. Nothing moves it: its owner, or the admin, unlinks it.",
        VISITOR,
    ),
    "somebody_else": Cause(
        409, "A confirmation, or more scope, was given by an identity that is not the user's.", VISITOR
    ),
    "already_signed_in": Cause(409, "The browser is signed in as somebody else.", VISITOR),
    "account_conflict": Cause(
        409,
        "No free username, or a constraint of the site's own user model is in the way.",
        "The log says which. Give the column a default, or override create_user().",
    ),
    "backend_refused": Cause(
        409,
        "No authentication backend took the profile.",
        "Is OAuthBackend, or your subclass, in AUTHENTICATION_BACKENDS? Does another one veto?",
    ),
    "site_unavailable": Cause(
        503,
        "This site's database, or a receiver or class of its own, failed.",
        "The log has the traceback, with the same support id.",
    ),
}


def cause_of(code: str, status: int) -> Cause:
    """Return what is behind *code*; of a code that is a site's own, that it is."""
    return CAUSES.get(code) or Cause(status, "The site's own code gives this code.", "See that code.")
