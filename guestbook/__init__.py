"""The demo's front page: visitors read notes, signed-in visitors leave their own.

It uses only the public face of ``oauth_login``: URL names, template tags, ``user.linked_accounts``.
"""
