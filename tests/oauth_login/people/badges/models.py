"""Linked accounts by a site's own name for them."""

from oauth_login.models import LinkedAccount


class Badge(LinkedAccount):
    """A proxy: the rows are the same, and the class is another."""

    class Meta:
        proxy = True
