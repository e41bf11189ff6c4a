"""The presets that are nothing but data, in the words of the settings. Each says where its facts are from.

Those with real quirks have a short file each.
"""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login.providers import (
    chinese,
    dingtalk,
    elsewhere,
    feishu,
    grants_table,
    qq,
    tiktok,
    weibo,
    weixin,
)

OF_THEIR_OWN: Final = (dingtalk, feishu, qq, tiktok, weibo, weixin)
ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    name: {**grants_table.ROWS.get(name, {}), **row}
    for table in (chinese, elsewhere, *OF_THEIR_OWN)
    for name, row in table.ROWS.items()
}
