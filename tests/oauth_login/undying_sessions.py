"""A session engine whose store is down when something is to be deleted."""

from django.contrib.sessions.backends.cache import SessionStore as CacheStore


class SessionStore(CacheStore):
    """Loads and saves, and deletes nothing."""

    def delete(self, session_key=None):
        session_key = session_key or self.session_key  # as every store does, and error reports show variables
        raise ConnectionRefusedError(len(session_key))
