"""The presets that are nothing but data, in the words of the settings. Each says where its facts are from."""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login.providers import chinese, elsewhere

ROWS: Final[Mapping[str, Mapping[str, Any]]] = {**chinese.ROWS, **elsewhere.ROWS}
