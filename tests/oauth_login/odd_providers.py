"""Providers that differ from GitHub in one thing each; ``registered`` lets the settings name them."""

from dataclasses import replace

from oauth_login import providers
from oauth_login.models import Token
from oauth_login.providers.base import Provider
from oauth_login.providers.github import GitHub


def registered(monkeypatch, settings, kind):
    """Let the alias ``github`` mean *kind* for this test."""
    monkeypatch.setitem(providers.KINDS, kind.__name__, f"{kind.__module__}.{kind.__name__}")
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"PRESET": kind.__name__}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": options}}


class HasNoName(GitHub):
    """No issuer is known of it, as of many OAuth 2.0 providers."""

    @classmethod
    def from_options(cls, alias, options, transport):
        plain = super().from_options(alias, options, transport)
        return replace(plain, server=replace(plain.server, issuer=""))

    def fetch_profile(self, token, *, nonce="", started_at=0):
        return replace(super().fetch_profile(token), issuer="https://has-no-name.example")


class TakesNoWishes(GitHub):
    """It says nothing of its own about what a visitor may ask of its page."""

    hints = Provider.hints


class SaysNothingOfIds(GitHub):
    """It does not say of what type its ids are."""

    subject_type = Provider.subject_type


class RenewsNothing(GitHub):
    """Its tokens last until they do not."""

    can_refresh = False


class ReadsTheDatabase(GitHub):
    """It looks something up there, in whatever thread it is asked."""

    def refresh(self, refresh_token, **more):
        Token.objects.count()
        return super().refresh(refresh_token, **more)


class ForgetsWithABug(GitHub):
    """Somebody's own provider class, with a mistake in what is done with the first token it ever gave."""

    def refresh(self, refresh_token, **more):
        if refresh_token in {"ghr_refresh000001", "ghr_1"}:
            raise RuntimeError("a mistake")
        return super().refresh(refresh_token, **more)

    def revoke(self, *, access_token, refresh_token):
        raise RuntimeError("a mistake")


class Exits(GitHub):
    """Somebody's own provider class, which ends what it should not."""

    def refresh(self, refresh_token, **more):
        raise SystemExit(3)


class SaysTooMuch(GitHub):
    """Its people have longer names than any column, and it does not mind."""

    def fetch_profile(self, token, *, nonce="", started_at=0):
        return replace(super().fetch_profile(token), subject="x" * 256)


class HasABug(GitHub):
    """Somebody's own provider class, with a mistake in it."""

    def fetch_profile(self, token, *, nonce="", started_at=0):
        raise RuntimeError("a mistake")
