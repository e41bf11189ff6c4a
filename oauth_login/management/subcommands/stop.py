"""A run that is told to stop, and ends what it has begun first."""

import signal
import threading
from types import FrameType
from typing import Any, Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Notes that Ctrl-C was pressed or the process told to end, within a ``with`` block.

    :ivar returncode: what a shell expects of whoever was stopped; 0 as long as nobody has asked for it.
    """

    def __init__(self) -> None:
        self.returncode = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python tells no other
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.returncode = 128 + number
