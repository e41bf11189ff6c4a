"""A directory per user model: its own settings, and tests that only hold for it.

A run has one user model. ``test_custom_users.py`` starts one for each of these; the ordinary run has Django's
own, and leaves the directories out.
"""

from django.conf import settings


def pytest_ignore_collect(collection_path):
    """Leave out the directories of the user models that this run does not have."""
    if not (collection_path / "settings.py").exists():
        return None
    return collection_path.name != settings.AUTH_USER_MODEL.partition(".")[0]
