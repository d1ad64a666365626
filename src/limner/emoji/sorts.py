"""Words for a sort of things, which stand for some of them: "animals", "three pets", "food"."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import cycle, islice

from limner.language import Relation, Scene, Thing
from limner.language.english import phrases

# What is counted: "two animals" are the first two.
_COUNTED = {
    "animal": "dog|cat|rabbit",
    "pet": "dog|cat|hamster",
    "farm animal": "cow|pig|rooster",
    "wild animal": "lion|elephant|giraffe",
    "zoo animal": "lion|elephant|giraffe",
    "safari animal": "lion|elephant|giraffe",
    "forest animal": "fox|owl|hedgehog",
    "woodland animal": "fox|owl|hedgehog",
    "sea animal": "octopus|tropical fish|crab",
    "sea creature": "octopus|tropical fish|crab",
    "marine animal": "octopus|tropical fish|crab",
    "vegetable": "carrot|tomato|broccoli",
    "veggie": "carrot|tomato|broccoli",
    "dessert": "birthday cake|doughnut|ice cream",
    "beverage": "beer mug|tropical drink",
    "vehicle": "automobile|bus|bicycle",
    "weapon": "dagger|bow and arrow",
    "musical instrument": "guitar|violin|drum",
}
# What is not: it is all of them.
_WHOLE = {
    "food": "hamburger|pizza",
    "fast food": "hamburger|french fries|hot dog",
    "junk food": "hamburger|french fries|hot dog",
    "clothes": "t-shirt|jeans",
    "clothing": "t-shirt|jeans",
    "furniture": "chair|bed",
    "jewelry": "ring|gem stone",
    "jewellery": "ring|gem stone",
    "school supplies": "pencil|books",
    "sea life": "octopus|tropical fish|crab",
}
SORTS = {name: phrases(some) for name, some in (_COUNTED | _WHOLE).items()}


def sorts(known: Collection[str], names: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str]]:
    """The sorts whose things are known, each by its word, but those that are names of a thing."""
    taken = {name for several in names.values() for name in several}
    return {
        name: (name,) for name, some in SORTS.items() if name not in taken and {*known} >= {*some}
    }


def without_sorts(scene: Scene) -> Scene:
    """The scene with things of each sort that is named in it."""
    things, joins = list[Thing](), list[Relation]()
    for index, thing in enumerate(scene.things):
        some = [*_some(thing)] if thing.concept in SORTS else [thing]
        joins += [*scene.joins[index - 1 : index], *[Relation.AND] * (len(some) - 1)]
        things += some
    return replace(scene, things=tuple(things), joins=tuple(joins))


def _some(thing: Thing) -> Iterator[Thing]:
    """So many of the sort as were counted, in turn; all of what is not."""
    names = SORTS[thing.concept]
    several = thing.count is None or thing.concept in _WHOLE
    counted = [*islice(cycle(names), len(names) if several else thing.count)]
    for name in dict.fromkeys(counted):
        yield replace(thing, concept=name, count=counted.count(name))
