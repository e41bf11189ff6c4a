"""A session engine whose store is down when something is to be saved."""

from django.contrib.sessions.backends.cache import SessionStore as CacheStore


class SessionStore(CacheStore):
    """Loads, and does not save."""

    def save(self, *_args, **_kwargs):
        raise ConnectionRefusedError
