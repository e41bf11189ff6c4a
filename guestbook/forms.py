from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from guestbook.models import TEXT_MAX_LENGTH

# Browsers count a line break as one character and send it as two (CRLF). The last two are what
# word processors paste.
_LINE_BREAKS = re.compile("\r\n?|\u2028|\u2029")

# Unicode's letters, marks, numbers, punctuation, symbols. The rest are spaces and characters that
# nobody sees.
_VISIBLE = "LMNPS"

refuse_control_characters = RegexValidator(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f]",
    message=_("Please remove the control characters from the text."),
    code="control_characters",
    inverse_match=True,
)


class PlainTextField(forms.CharField):
    """Several lines of text: one kind of line break, and something in it that can be seen."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        text = _LINE_BREAKS.sub("\n", super().to_python(value) or "")
        seen = any(unicodedata.category(character)[0] in _VISIBLE for character in text)
        return text if seen else ""

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        # No `maxlength`: browsers would cut a long paste without a word, and what is cut is lost.
        return {}


class EntryForm(forms.Form):
    """What is written: a new entry, or another text for one."""

    text = PlainTextField(
        label=_("Your note"),
        max_length=TEXT_MAX_LENGTH,
        help_text=_("Up to 2,000 characters. Line breaks are kept and links become clickable."),
        validators=[refuse_control_characters],
        error_messages={
            "required": _("Please write something first."),
            "max_length": _(
                "Please shorten your note to %(limit_value)d characters; it has %(show_value)d now."
            ),
        },
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto", "placeholder": _("Read it? Leave a note.")}),
    )
