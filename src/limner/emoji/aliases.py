"""What people call faces, people and what they do, by rules: "sad emoji", "female doctor"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

WHO = {  # before what somebody does or is
    "woman": ("woman", "girl", "lady", "female"),
    "man": ("man", "boy", "guy", "male"),
    "person": ("person", "kid", "child", "someone", "somebody"),
}
PEOPLE = re.compile(r"(woman|man|person) (.+)")
SEVERAL_PEOPLE = re.compile(r"(people|men|women) (?!with)")
DOING = re.compile(r"\w+ing")


def with_aliases(names: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The names of each concept, with those that follow from them and that none has already."""
    taken = {name for several in names.values() for name in several}
    found = dict[str, tuple[str, ...]]()
    for concept, several in names.items():
        new = [alias for alias in _aliases(concept, names, taken) if alias not in taken]
        found[concept] = (*several, *dict.fromkeys(new))
        taken.update(new)
    return found


def doings(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What by itself says that somebody does it: "running"."""
    people = (PEOPLE.fullmatch(concept) for concept in names)
    return {m[2]: m[0] for m in people if m and m[1] == "person" and DOING.fullmatch(m[2])}


def _aliases(concept: str, names: Mapping[str, tuple[str, ...]], taken: set[str]) -> Iterator[str]:
    for name in names[concept]:
        what, _, face = name.rpartition(" ")
        if what and face == "face" and what not in taken:
            yield f"{what} emoji"  # nothing else is a "thinking"
    if not concept.endswith("face"):
        yield f"{concept} face"  # a lion's is the lion
    if SEVERAL_PEOPLE.match(concept):
        yield f"two {concept}"
    if found := PEOPLE.fullmatch(concept):
        who, what = found.groups()
        alike = (what, *(f"{one} {what}" for one in WHO if one != who))
        jobs = (job for other in alike for job in names.get(other, ()))
        for each in (what, *(job for job in jobs if not PEOPLE.fullmatch(job))):
            yield from (f"{one} {each}" for one in WHO[who])
        if DOING.fullmatch(what):
            yield from (f"{what} {one}" for one in WHO[who])
