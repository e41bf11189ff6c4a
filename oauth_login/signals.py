"""What other code may listen to. Receivers that raise are logged and cannot break a sign-in.

``signed_in``: ``request, user, account, created``
``sign_in_failed``: ``request, provider`` (alias), ``code, stage, support_id`` (see ``errors``)
``account_linked``, ``account_unlinked``: ``user, account``; sent after the transaction's commit
``reauthorization_required``: ``account, reason``; no token is left; sent after the commit
"""

from django.dispatch import Signal

signed_in = Signal()
sign_in_failed = Signal()
account_linked = Signal()
account_unlinked = Signal()
reauthorization_required = Signal()
