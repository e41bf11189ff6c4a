"""The presets that are nothing but data, in the words of the settings. Each says where its facts are from."""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login.providers import chinese, elsewhere, grants_table

ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    name: {**grants_table.ROWS.get(name, {}), **row}
    for name, row in {**chinese.ROWS, **elsewhere.ROWS}.items()
}
