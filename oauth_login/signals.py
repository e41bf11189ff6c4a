"""What other code may listen to. Receivers that raise are logged and cannot break a sign-in.

``signed_in``: ``request, user, account, created``
``sign_in_failed``: ``request, provider`` (alias), ``code, stage, support_id`` (see ``errors``)
``account_linked``, ``account_unlinked``: ``user, account``; sent after the transaction's commit
``token_refreshed``: ``account``; after the new token was saved
``reauthorization_required``: ``account, reason`` (a code); once, when its token came to be of no use
"""

from django.dispatch import Signal

signed_in = Signal()
sign_in_failed = Signal()
account_linked = Signal()
account_unlinked = Signal()
token_refreshed = Signal()
reauthorization_required = Signal()
