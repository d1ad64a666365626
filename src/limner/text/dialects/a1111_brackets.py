"""The brackets of A1111: emphasis, schedules, alternation.

Round and square brackets are two stacks that may cross, as in `(a [b) c]`. A tree cannot: a
bracket that is crossed is closed where the other ends, and opened again behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from limner.errors import PromptError
from limner.text.dialects.a1111_source import Source
from limner.text.dialects.common import DEEPEST, number, too_deep
from limner.text.nodes import Alternate, Break, Node, Nodes, Schedule, Text, Weight, joined

UP = 1.1
DOWN = 1 / 1.1
TOKEN = re.compile(
    r"""
      (?P<escaped> \\. )
    | (?P<open>    [(\[] )
    | (?P<weight>  : \s* (?P<number> [+-]?[.\d]+ ) \s* \) )
    | (?P<close>   [)\]] )
    | (?P<between> [:|] )
    | (?P<break>   \bBREAK\b \s* )
    | (?P<text>    [^\\()\[\]:|B]+ | B | \\ )
    """,
    re.VERBOSE | re.DOTALL,
)
NUMBER = re.compile(r"\s*([+-]?[.\d]+)\s*")


@dataclass
class Frame:
    """An open bracket. fields: what stands before each `:` or `|`, which is kept behind it.

    crossed: the marks of a part of it that was closed already, where another bracket ended.
    """

    bracket: str
    factor: float
    start: int
    nodes: list[Node] = field(default_factory=list)
    fields: list[tuple[list[Node], str, int]] = field(default_factory=list)
    crossed: str | None = None

    @property
    def marks(self) -> str:
        return (self.crossed or "") + "".join(mark for _, mark, _ in self.fields)


@dataclass
class Pairs:
    """Which closing token ends which opening one, by their numbers, and the weights given there."""

    opened: dict[int, int] = field(default_factory=dict)
    factors: dict[int, float] = field(default_factory=dict)


@dataclass
class Brackets:
    """Reads the text of one member of a prompt.

    stop: where its text ends. end: how far tags belong to it.
    lenient: a number that is none is text. schedules: whether there are any.
    """

    source: Source
    start: int
    stop: int
    end: int
    lenient: bool = False
    schedules: bool = True
    frames: list[Frame] = field(default_factory=lambda: [Frame("", 1.0, 0)])

    def read(self) -> Nodes:
        self.tags = iter(tag for tag in self.source.tags if self.start <= tag[0] <= self.end)
        self.tag = next(self.tags, None)
        tokens = list(TOKEN.finditer(self.source.text, self.start, self.stop))
        pairs = self._pairs(tokens)
        if self.lenient and self.schedules:
            self._check_grammar(tokens, pairs)
        for index, token in enumerate(tokens):
            self._take(index, token, pairs)
        while len(self.frames) > 1:  # what nobody closed runs to the end
            self._close(self.stop)
        self._put_tags(self.end)
        return joined(self.frames[0].nodes)

    def _pairs(self, tokens: list[re.Match[str]]) -> Pairs:
        pairs, stacks = Pairs(), {"(": list[int](), "[": list[int]()}
        for index, token in enumerate(tokens):
            if token["open"]:
                stacks[token[0]].append(index)
                if sum(map(len, stacks.values())) > DEEPEST:
                    raise too_deep(self.source.prompt, self._place(*token.span()))
            elif token["close"] or token["weight"]:
                stack = stacks["[" if token[0] == "]" else "("]
                if stack:
                    opener = pairs.opened[index] = stack.pop()
                    pairs.factors[opener] = self._factor(token)
        return pairs

    def _check_grammar(self, tokens: list[re.Match[str]], pairs: Pairs) -> None:
        """PromptError where the original's grammar of schedules has no place for a letter.

        That is a bar right in no square bracket, and a backslash with nothing on its line behind
        it. Whoever asks for the original's reading takes it as it does: there are no schedules.
        """
        closed = set(pairs.opened.values())
        within = list[str]()
        for index, token in enumerate(tokens):
            if token["open"] and index in closed:
                within.append(token[0])
            elif index in pairs.opened:
                opener = "[" if token[0] == "]" else "("
                del within[len(within) - 1 - within[::-1].index(opener)]  # they may cross
            bar = token[0] == "|" and within[-1:] != ["["]
            if bar or token[0] in ("\\", "\\\n"):
                raise PromptError(
                    "the grammar of schedules has no such letter here",
                    self.source.prompt,
                    self._place(*token.span()),
                )

    def _factor(self, token: re.Match[str]) -> float:
        """What the bracket that a token closes multiplies by."""
        if not token["weight"]:
            return DOWN if token[0] == "]" else UP
        try:
            return number(token["number"], self.source.prompt, self._place(*token.span("number")))
        except PromptError:
            if not self.lenient:
                raise
            return UP

    def _take(self, index: int, token: re.Match[str], pairs: Pairs) -> None:
        start, stop = token.span()
        closes = index in pairs.opened
        if token["open"]:
            self._put_tags(start)
            default = UP if token[0] == "(" else DOWN
            self.frames.append(Frame(token[0], pairs.factors.get(index, default), start))
        elif closes:
            self._take_close(token)
        elif token["between"]:
            self._take_between(token[0], start)
        elif token["break"]:
            self._put_break(start, stop)
        elif token["escaped"]:
            self._put_text(token[0][1], start, stop)
        else:
            self._put_text(token[0], start, stop)

    def _take_close(self, token: re.Match[str]) -> None:
        if token["weight"] and self._malformed(token["number"]):
            self._put_text(token[0][:-1], token.start(), token.end() - 1)
        self._put_tags(token.start())
        self._end("[" if token[0] == "]" else "(", token.end())

    def _malformed(self, text: str) -> bool:
        try:
            number(text, self.source.prompt, (0, 0))
        except PromptError:
            return True
        return False

    def _take_between(self, mark: str, start: int) -> None:
        frame = self.frames[-1]
        if self.schedules and frame.bracket == "[":
            self._put_tags(start)
            frame.fields.append((frame.nodes, mark, start))
            frame.nodes = []
        else:
            self._put_text(mark, start, start + 1)

    def _put_break(self, start: int, stop: int) -> None:
        self._put_tags(start)
        nodes = self.frames[-1].nodes
        while nodes and isinstance(last := nodes[-1], Text) and last.text != last.text.rstrip():
            nodes[-1:] = _without_space_behind(last)
        nodes.append(Break(self._place(start, start + len("BREAK"))))
        self._put_tags(stop)

    def _put_text(self, text: str, start: int, stop: int) -> None:
        """Add text that stands from `start` to `stop`, with the tags that stood in it."""
        self._put_tags(start)
        while self.tag is not None and self.tag[0] < stop:
            position = self.tag[0]
            self._add_text(text[: position - start], start, position)
            text, start = text[position - start :], position
            self._put_tags(position)
        self._add_text(text, start, stop)

    def _add_text(self, text: str, start: int, stop: int) -> None:
        if text:
            self.frames[-1].nodes.append(Text(text, self._place(start, stop)))

    def _put_tags(self, position: int) -> None:
        """Add the tags that stood at a position of the text or before it."""
        while self.tag is not None and self.tag[0] <= position:
            self.frames[-1].nodes.append(self.tag[1])
            self.tag = next(self.tags, None)

    def _end(self, bracket: str, stop: int) -> None:
        """Close the innermost such bracket; those in it that are not closed yet go on behind it."""
        crossed: list[Frame] = []
        while self.frames[-1].bracket != bracket:
            frame = self.frames[-1]
            crossed.append(replace(frame, nodes=[], fields=[], crossed=frame.marks))
            self._close(stop)
        self._check_whole(self.frames[-1], stop, bool(crossed))
        self._close(stop, timed=not crossed)
        self.frames += reversed(crossed)

    def _check_whole(self, frame: Frame, stop: int, crossing: bool) -> None:
        """A schedule that holds only half of another bracket cannot be said, here or there."""
        if (crossing or frame.crossed is not None) and (
            "|" in frame.marks or frame.marks.count(":") > 1
        ):
            raise PromptError(
                "a schedule or alternation holds half of another bracket: "
                "close that within it, or write \\( or \\[ for a bracket as text",
                self.source.prompt,
                self._place(frame.start, stop),
            )

    def _close(self, stop: int, timed: bool = False) -> None:
        frame = self.frames.pop()
        below = self.frames[-1].nodes
        place = self._place(frame.start, stop)
        if timed and frame.fields and frame.crossed is None:
            node = self._timed(frame, stop)
            if node is not None:
                below.append(node)
                return
        nodes = list(self._as_text(frame))
        below.append(_weight(frame, nodes, place))

    def _as_text(self, frame: Frame) -> Iterator[Node]:
        """The content of a bracket that is no schedule: its marks are text."""
        for nodes, mark, start in frame.fields:
            yield from nodes
            yield Text(mark, self._place(start, start + 1))
        yield from frame.nodes

    def _timed(self, frame: Frame, stop: int) -> Node | None:
        """The schedule or alternation of a bracket; None where its colon is only text."""
        fields = [*(joined(nodes) for nodes, _, _ in frame.fields), joined(frame.nodes)]
        place = self._place(frame.start, stop)
        if set(frame.marks) == {"|"}:
            return Alternate(tuple(fields), place)
        if "|" in frame.marks or len(fields) > 3:
            raise PromptError(
                "a schedule is [before:after:step] and an alternation [one|other]: "
                "write \\: or \\| for what is text",
                self.source.prompt,
                place,
            )
        *texts, last = fields
        when = self._step(last, frame.fields[-1][2] + 1, stop - 1, required=len(texts) == 2)
        if when is None:
            return None
        until, fraction = when
        before = texts[0] if len(texts) == 2 else ()
        return Schedule(before, texts[-1], until, fraction, place)

    def _step(
        self, nodes: Nodes, start: int, stop: int, required: bool
    ) -> tuple[float, bool] | None:
        """The step of a schedule, and whether it is a fraction of the steps."""
        written = "".join(node.text for node in nodes if isinstance(node, Text))
        match = NUMBER.fullmatch(written)
        place = self._place(start, stop)
        if match is None and required:
            raise PromptError(
                "the step of a schedule [before:after:step] must be a number, "
                f"not {self.source.text[start:stop]!r}; write \\: for a colon as text",
                self.source.prompt,
                place,
            )
        if match is None:
            return None
        value = number(match[1], self.source.prompt, place, "the step of a schedule")
        return value, "." in match[1]

    def _place(self, start: int, stop: int) -> tuple[int, int]:
        return self.source.place(start, stop)


def _without_space_behind(node: Text) -> list[Node]:
    kept = node.text.rstrip()
    place = node.place and (node.place[0], node.place[1] - len(node.text) + len(kept))
    return [Text(kept, place)] if kept else []


def _weight(frame: Frame, nodes: list[Node], place: tuple[int, int]) -> Weight:
    """A round bracket may give its weight as a schedule of numbers: `(a:[1.2:1.5:5])`."""
    rest = list(nodes)
    while rest and isinstance(rest[-1], Text) and rest[-1].text.isspace():
        rest.pop()
    if frame.bracket == "(" and frame.factor == UP and rest and _is_number(rest[-1]):
        factor = rest.pop()
        while rest and isinstance(rest[-1], Text) and rest[-1].text.isspace():
            rest.pop()
        if rest and _is_colon(rest[-1]):
            assert isinstance(factor, Schedule | Alternate)
            return Weight(factor, joined(rest[:-1]), place=place)
    return Weight(frame.factor, joined(nodes), place=place)


def _is_colon(node: Node) -> bool:
    """A colon as it is written, not an escaped one."""
    return node == Text(":") and node.place is not None and node.place[1] - node.place[0] == 1


def _is_number(node: Node) -> bool:
    """Whether a node is a number at every step."""
    match node:
        case Schedule(before=before, after=after):
            return all(len(held) == 1 and _is_number_text(held[0]) for held in (before, after))
        case Alternate(options=options):
            return all(len(held) == 1 and _is_number_text(held[0]) for held in options)
    return False


def _is_number_text(node: Node) -> bool:
    if not isinstance(node, Text):
        return _is_number(node)
    try:
        number(node.text, "", (0, 0))
    except PromptError:
        return False
    return NUMBER.fullmatch(node.text) is not None
