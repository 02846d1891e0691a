"""What HTML would cost a parser, told before one reads it: browsers' rules let few bytes become many elements.

An emphasis that is not closed is opened again in every paragraph that follows, with its attributes: a thousand times a
thousand elements in 9 kB. No regular expression finds out where a tag begins, since that depends on the tree. It does
find out where a tag that begins here would end. So every `<` is taken for a tag, and an emphasis for closed only where
all that stands between is plain and nested as it should be; where in doubt, it counts as open.
https://html.spec.whatwg.org/multipage/parsing.html#the-list-of-active-formatting-elements
"""

from __future__ import annotations

import re

MOST_TAGS = 2_000  # nested ones take a parser quadratic time: 25 ms for these, 5 s for 40,000
_MOST_OPEN = 24  # times MOST_TAGS is what they may become
_MOST_ATTRIBUTES = 50  # each is compared with all before it

_FORMATTING = {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
_INLINE = {
    "abbr", "bdi", "bdo", "br", "cite", "del", "dfn", "hr", "img", "ins", "kbd", "mark", "q", "samp", "span", "sub", "sup",
    "time", "var", "wbr",
}  # fmt: skip
_BLOCKS = {
    "article", "aside", "blockquote", "dd", "div", "dl", "dt", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "li", "main", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
    "ul",
}  # fmt: skip
_SPACE = r"\t\n\f\r "
_ATTRIBUTE = re.compile(
    rf"[{_SPACE}/]*+[^{_SPACE}/>][^{_SPACE}/>=]*+"
    rf"(?:[{_SPACE}]*+=[{_SPACE}]*+(?:\"[^\"]*+\"?|'[^']*+'?|[^{_SPACE}>\"'][^{_SPACE}>]*+)?)?"
)
_TAG = re.compile(rf"<(/?)([A-Za-z][^{_SPACE}/>]*)((?:{_ATTRIBUTE.pattern})*+)")
_NO_TEXT = re.compile("[!?/]")
_COMMENT = re.compile(r"<!(?:--(?!-?>)[^<>]*--|\[(?:if|endif)[^<>]*)>")  # the second is Word's


def too_tangled(html: str) -> bool:
    """Whether it has too many attributes in a tag, or too much emphasis at one time that may not be closed."""
    nesting, end, read = _Nesting(), 0, 0
    for opening in re.finditer("<", html):
        tag = _TAG.match(html, opening.start())
        if tag is None:
            if _NO_TEXT.match(html, opening.end()) and not _COMMENT.match(html, opening.start()):
                nesting.lose()
            continue
        if opening.start() < end:  # a tag inside of a tag, unless that one was none
            nesting.lose()
        end, read = tag.end(), read + len(tag[0])
        attributes = len(_ATTRIBUTE.findall(tag[3]))
        nesting.see(tag[2].lower() if tag[2].isascii() else "", closing=bool(tag[1]), weight=1 + attributes)
        if attributes > _MOST_ATTRIBUTES or nesting.open > _MOST_OPEN or read > 2 * len(html):
            return True
    return False


class _Nesting:
    """What is open, as far as that is sure."""

    def __init__(self) -> None:
        self.open = 0
        """Formatting elements that may be active, each with its attributes."""
        self._stack: list[tuple[str, int]] = []

    def see(self, name: str, *, closing: bool, weight: int) -> None:
        if name in _INLINE or ":" in name:  # as in Word's o:p
            return
        if name == "html":  # keeps the attributes of all its tags, and compares them with each
            self.open += weight
        if name not in _FORMATTING and name not in _BLOCKS:
            self.lose()
        elif not closing:
            self._stack.append((name, weight * (name in _FORMATTING)))
            self.open += self._stack[-1][1]
        else:
            self._close(name)

    def lose(self) -> None:
        """What is open stays so, whatever comes."""
        self._stack.clear()

    def _close(self, name: str) -> None:
        while self._stack:
            last, weight = self._stack.pop()
            if last == name:
                self.open -= weight
                return
            if last in _BLOCKS:
                self.lose()
