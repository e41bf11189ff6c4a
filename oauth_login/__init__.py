"""Sign in with the account you already have: OAuth 2.0 for Django, small and strict.

To understand all of it, read five short files from top to bottom::

    views.py → flow.py → oauth2.py → providers/github.py → backends.py

``flow`` and what is below it know nothing of users; ``backends`` knows nothing of OAuth. They meet in the
callback view, through one frozen value: :class:`oauth_login.providers.base.Profile`.
"""
