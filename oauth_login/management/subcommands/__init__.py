"""What ``manage.py oauth_login`` can do: each subcommand is a short module here, and a line below.

A subcommand is a Django command as one writes it anywhere: ``help``, ``add_arguments()``, ``handle()``. It is
not in ``commands/`` because every module there is a name of its own among those of all apps.
"""

from collections.abc import Mapping
from typing import Final

from django.core.management.base import BaseCommand

from oauth_login.management.subcommands.import_accounts import Import
from oauth_login.management.subcommands.purge import Purge
from oauth_login.management.subcommands.refresh import Refresh
from oauth_login.management.subcommands.revoke import Revoke
from oauth_login.management.subcommands.rotate_keys import RotateKeys
from oauth_login.management.subcommands.settle import Settle

SUBCOMMANDS: Final[Mapping[str, type[BaseCommand]]] = {
    "import": Import,
    "purge": Purge,
    "refresh": Refresh,
    "revoke": Revoke,
    "rotate-keys": RotateKeys,
    "settle": Settle,
}
