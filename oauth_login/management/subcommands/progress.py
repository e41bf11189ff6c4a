"""How far a run that takes long has come."""

from datetime import timedelta
from typing import Final

from django.core.management.base import OutputWrapper
from django.utils import timezone

PATIENCE: Final = timedelta(seconds=2)  # that somebody at a terminal is left without a word


class Progress:
    """Tells somebody at a terminal how far a long run has come; a log or a mail needs the result only."""

    def __init__(self, stream: OutputWrapper, *, is_wanted: bool) -> None:
        self.stream = stream
        self.is_wanted = is_wanted and stream.isatty()
        self.told_at = timezone.now()

    def tell(self, text: str) -> None:
        """Write *text*, if nothing was written for a while."""
        now = timezone.now()
        if self.is_wanted and now - self.told_at >= PATIENCE:
            self.stream.write(text, style_func=str)
            self.told_at = now
