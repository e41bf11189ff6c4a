"""What a user is told by mail: that a way in was added or taken away, so that nobody else does it unnoticed.

The letters are templates of the site's to override: ``oauth_login/mail/<occasion>_subject.txt`` and
``oauth_login/mail/<occasion>.txt``. No token and no secret is in them (threat G11), and ours do not say what
the account is called: whoever links one chooses that, and would have the site mail it to somebody else.
"""

import logging
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string

from oauth_login import addresses, branding, conf
from oauth_login.models import LinkedAccount

logger = logging.getLogger("oauth_login")


def send(occasion: str, user: Any, account: LinkedAccount) -> None:
    """Write to *user*, if the site wants that and knows an address. A mail server that fails fails nothing.

    :param occasion: ``linked`` or ``unlinked``.
    """
    address = addresses.of(user)
    if not address or not conf.setting("MAIL_ON_CHANGE"):
        return
    context = {"user": user, "account": account, "label": branding.label_of(account)}
    try:
        subject = " ".join(render_to_string(f"oauth_login/mail/{occasion}_subject.txt", context).split())
        send_mail(subject, render_to_string(f"oauth_login/mail/{occasion}.txt", context), None, [address])
    except Exception:  # whatever the mail server, the library or a template of the site's raises
        logger.exception("no mail about the account %s that was %s", account.pk, occasion)
