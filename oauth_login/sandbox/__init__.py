"""A provider that answers locally, so that a site runs before anything is registered anywhere.

Behind the sandbox page are the real views, real PKCE and a real code exchange; only the provider's
servers are replaced. The back channel is an adapter of the transport's own session and runs in process,
so that a single worker cannot wait for itself. It exists in DEBUG only, and only for providers without
credentials (``conf.sandboxed``). Its hosts end in ``.invalid``, which RFC 2606 reserves, so its issuer can
never be a real one and nobody who ever signed in here can sign in as anybody there.

A *flavour* (``flavours.py`` knows them all) is a provider's quirks over the strict ``server.py``;
``back_channel.py`` and ``views.py`` are its two doors, for the site and for the browser. ``standalone.py``
is both for any other client, over HTTP.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.templatetags.static import static
from django.urls import reverse

from oauth_login import providers
from oauth_login.providers.base import Provider
from oauth_login.sandbox.back_channel import InProcessAdapter
from oauth_login.sandbox.flavours import flavour_for
from oauth_login.sandbox.personas import PERSONAS
from oauth_login.transport import Transport


def provider(alias: str, written: Mapping[str, Any]) -> Provider:
    """Return the provider *alias* with the sandbox in the place of its servers."""
    flavour, preset = flavour_for(alias, written), providers.kind(alias, written)
    options = {
        **flavour.kept(),
        **flavour.settings(),
        # A page of this very site, wherever it is mounted and whatever host it is seen under.
        "AUTHORIZATION_ENDPOINT": reverse("oauth_login:sandbox", kwargs={"alias": alias}),
    }
    # Whatever the settings say, nothing leaves the process.
    adapter = InProcessAdapter(flavour)
    transport = Transport(mounts={"https://": adapter, "http://": adapter})
    sandboxed: type[Provider] = type(preset.__name__, (_LocalPictures, preset), {"__slots__": ()})
    # A host that cannot exist has neither pages nor pictures.
    grant_url = reverse("oauth_login:sandbox_grants", kwargs={"alias": alias})
    return replace(sandboxed.from_options(alias, options, transport), grant_url=grant_url, picture_hosts=())


class _LocalPictures:
    """Shows pictures of this site's own, as nobody serves those of a host that cannot exist."""

    __slots__ = ()

    def picture(self, url: object) -> str:
        named = (part for part in re.split(r"\W", str(url)) if part in PERSONAS)
        key = next(named, "")
        return static(f"oauth_login/sandbox/{key}.svg") if key else ""
