"""The elements of a Compel prompt: words, brackets and quotes with what is written behind them.

Read by descent. What an element begins with is remembered by its place, failures too, so that
nothing is read twice; and brackets are not nested without end, so that the descent is not either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from limner.errors import PromptError
from limner.text.dialects.common import DEEPEST, number, too_deep
from limner.text.nodes import Lora, Node, Nodes, Swap, SwapLimits, Text, Weight, joined

PLUS, MINUS = 1.1, 0.9
SPACE = re.compile(r"[ \t\r\n]*")
WORD_LETTER = r'[^ \t\r\n(),."=+\-\\]'
MOST_SIGNS = 1000  # 1.1^1000 is 10^41: more would not be a number
ESCAPE = {False: r'\\[()"+\-\\]', True: r'\\[()"]'}  # by whether it is read as the original does
WORD = {
    lenient: re.compile(rf"(?:{WORD_LETTER}|{escape}|\\(?![+-])|[+-](?=[^ \t\r\n(),.\"=+\-]))+")
    for lenient, escape in ESCAPE.items()
}
ESCAPED = {False: re.compile(r'\\([()"+\-\\])'), True: re.compile(r'\\([()"])')}
RUN = re.compile(r"(?:\\[^ \t\r\n,]|[^ \t\r\n,])+,?|,")  # letters up to a space or a comma
SIGNS = re.compile(r"\++|-+")
FACTOR = re.compile(r"\++|-+|\d+\.?\d*|\.\d+")
ATTEND = re.compile(r"[ \t\r\n]*\.attend\([ \t\r\n]*(\++|-+|[+-]?(?:\d+\.?\d*|\.\d+))[ \t\r\n]*\)")
SWAP = re.compile(r"[ \t\r\n]*\.swap\(")
OPTION = re.compile(r"[ \t\r\n]*,[ \t\r\n]*(\w+)[ \t\r\n]*(?:=[ \t\r\n]*([+-]?[.\d]+)[ \t\r\n]*)?")
LORA = re.compile(
    r"(?:with|use)Lora[ \t\r\n]*\([ \t\r\n]*([^ \t\r\n(),]+)[ \t\r\n]*(?:,[ \t\r\n]*([^(),]*))?\)"
)
LIMITS = {"s_start", "s_end", "t_start", "t_end"}


@dataclass(frozen=True)
class Found:
    """An element and where it ends. bare: a word with nothing behind it."""

    nodes: tuple[Node, ...]
    stop: int
    bare: bool = False


@dataclass
class Reader:
    """Reads the text of a prompt up to `stop`. lenient: with the original's escapes only."""

    text: str
    stop: int
    lenient: bool
    depth: int = 0
    known: dict[tuple[int, bool], Found | None] = field(default_factory=dict)

    def prompt(self, start: int) -> Nodes:
        """A whole prompt: elements, and text where there is none."""
        nodes: list[Node] = []
        position = self._skip(start)
        while position < self.stop:
            found = self._top(position)
            nodes += found.nodes
            position = self._skip(found.stop)
        return joined(nodes, " ")

    def loras(self, start: int) -> tuple[Nodes, int]:
        """The LoRAs that stand one behind the other, and where what is behind them begins."""
        nodes: list[Node] = []
        position = self._skip(start)
        while (lora := LORA.match(self.text, position, self.stop)) is not None:
            nodes += self._lora(lora).nodes
            position = self._skip(lora.end())
        return tuple(nodes), position

    def plain(self) -> Nodes:
        """The whole as text."""
        found = (self._words(*match.span()) for match in RUN.finditer(self.text))
        return joined([node for words in found for node in words.nodes], " ")

    def member(self, start: int) -> Nodes:
        """A quoted member of several: what a quote holds, else a whole prompt."""
        found = self._items(start, "", quoted=True)
        return self.prompt(start) if found is None else joined(found.nodes, " ")

    def _top(self, start: int) -> Found:
        """An element that stands by itself, else a comma, else the letters up to a space."""
        found = self._element(start, quoted=False)
        if found is not None and not found.bare:
            return found
        if found is not None and self._at(found.stop, " \t\r\n"):
            return found
        match = RUN.match(self.text, start, self.stop)
        return self._words(start, match.end() if match else start + 1)

    def _element(self, start: int, quoted: bool) -> Found | None:
        """A bracket, a quote, a LoRA or a word, with what is written behind it."""
        letter = self.text[start]
        if letter in '("':
            return None if quoted and letter == '"' else self._bracket(start, quoted)
        lora = LORA.match(self.text, start, self.stop)
        if lora is not None:
            return self._lora(lora)
        word = WORD[self.lenient].match(self.text, start, self.stop)
        if word is None:
            return None
        found = self._words(start, word.end())
        return self._behind(start, found, SIGNS) or replace(found, bare=True)

    def _bracket(self, start: int, quoted: bool) -> Found | None:
        """A bracket or quote; None where what is in it does not parse or it is not closed."""
        key = start, quoted
        if key not in self.known:
            closer = ")" if self.text[start] == "(" else '"'
            inner = self._items(start + 1, closer, quoted or closer == '"')
            if inner is not None:
                inner = replace(inner, stop=inner.stop + 1)
                inner = self._behind(start, inner, FACTOR) or inner
            self.known[key] = inner
        return self.known[key]

    def _items(self, start: int, closers: str, quoted: bool) -> Found | None:
        """What is in a bracket, up to a closer, or to the end where there is none.

        Stops and commas are words of their own.
        """
        if self.depth == DEEPEST:
            raise too_deep(self.text, (start - 1, start))
        self.depth += 1
        nodes: list[Node] = []
        position = self._skip(start)
        while not self._at(position, closers):
            mark = self._at(position, ",.")
            found = self._words(position, position + 1) if mark else self._element(position, quoted)
            if found is None:
                break
            nodes += found.nodes
            position = self._skip(found.stop)
        self.depth -= 1
        closed = self._at(position, closers) and (position < self.stop or not closers)
        return Found(joined(nodes, " "), position) if closed else None

    def _behind(self, start: int, found: Found, signs: re.Pattern[str]) -> Found | None:
        """An element with the operator behind it; None if there is none."""
        swap = SWAP.match(self.text, found.stop, self.stop)
        if swap is not None:
            return self._swap(start, found, swap.end())
        attend = ATTEND.match(self.text, found.stop, self.stop)
        operator = attend or signs.match(self.text, found.stop, self.stop)
        if operator is None:
            return None
        written = attend[1] if attend else operator[0]
        factor = self._factor(written, operator.span())
        if factor == 1 or not found.nodes:
            return Found(found.nodes, operator.end())
        place = (start, operator.end())
        return Found((Weight(factor, found.nodes, place=place),), operator.end())

    def _factor(self, written: str, place: tuple[int, int]) -> float:
        if SIGNS.fullmatch(written):
            return (PLUS if written[0] == "+" else MINUS) ** min(len(written), MOST_SIGNS)
        return number(written, self.text, place)

    def _swap(self, start: int, found: Found, opened: int) -> Found | None:
        """What stands in `.swap(...)`: the new words, then options."""
        edited = self._items(opened, ",)", quoted=False)
        if edited is None:
            return None
        position, options = edited.stop, dict[str, float]()
        while (option := OPTION.match(self.text, position, self.stop)) is not None:
            if option[2] or not self.lenient:  # the original heeds no option without a value
                options[option[1]] = self._option(option)
            position = option.end()
        if not self._at(position, ")") or position >= self.stop:
            return None
        place = (start, position + 1)
        return Found((Swap(found.nodes, edited.nodes, _limits(options), place),), position + 1)

    def _option(self, option: re.Match[str]) -> float:
        name, place = option[1], option.span(1)
        if name not in LIMITS | {"shape_freedom"} or not option[2]:
            known = ", ".join([*sorted(LIMITS), "shape_freedom"])
            raise PromptError(
                f"an option of .swap() must be one of {known}, with =number behind it; "
                'a "new text" that holds a comma stands in quotes',
                self.text,
                place,
            )
        value = number(option[2], self.text, option.span(2), f"{name} of a .swap()")
        if not 0 <= value <= 1:
            summary = f"{name} of a .swap() must be from 0 to 1, not {option[2]}"
            raise PromptError(summary, self.text, option.span(2))
        return value

    def _lora(self, match: re.Match[str]) -> Found:
        written = (match[2] or "").strip()
        place = match.span(2) if match[2] else match.span()
        weight = number(written, self.text, place, "the weight of a LoRA") if match[2] else 1.0
        return Found((Lora(match[1], weight, weight, place=match.span()),), match.end())

    def _words(self, start: int, stop: int) -> Found:
        text = ESCAPED[self.lenient].sub(r"\1", self.text[start:stop])
        return Found((Text(text, (start, stop)),), stop)

    def _skip(self, start: int) -> int:
        match = SPACE.match(self.text, start, self.stop)
        return match.end() if match else start

    def _at(self, position: int, letters: str) -> bool:
        """Whether one of the letters stands there, or the text ends."""
        return position >= self.stop or self.text[position] in letters


def _limits(options: dict[str, float]) -> SwapLimits:
    """shape_freedom f stands for s_end = 1 - f^(1/3)."""
    limits = {name: value for name, value in options.items() if name in LIMITS}
    if "shape_freedom" in options:
        limits["s_end"] = 1 - options["shape_freedom"] ** (1 / 3)
    return SwapLimits(**limits)
