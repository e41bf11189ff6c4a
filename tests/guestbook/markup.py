"""Read pages the way a browser does, as far as the tests look."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "hr", "img", "input", "link", "meta", "path", "source", "use", "wbr"}


@dataclass(eq=False)
class Element:
    tag: str
    attributes: dict[str, str]
    parents: tuple["Element", ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)
    inside: list["Element"] = field(default_factory=list, repr=False)

    def __getitem__(self, name):
        return self.attributes[name]

    def __contains__(self, name):
        return name in self.attributes

    def all(self, tag, **attributes):
        wanted = {name.strip("_"): value for name, value in attributes.items()}
        return [e for e in self.inside if e.tag == tag and wanted.items() <= e.attributes.items()]

    def one(self, tag, **attributes):
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of <{tag} {attributes}>"
        return found[0]


class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.page = Element("page", {})
        self.open = [self.page]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), parents=tuple(self.open))
        for parent in self.open:
            parent.inside.append(element)
            if tag == "br":
                parent.text += "\n"
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, text):
        for element in self.open:
            element.text += text


def read(response):
    reader = Reader()
    reader.feed(response.content.decode())
    assert reader.open == [reader.page], "every element is closed"
    return reader.page


def typed(textarea):
    """What a browser shows in a textarea: without the line break right after the tag."""
    return textarea.text.removeprefix("\n")
