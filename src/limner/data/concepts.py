"""Which concepts a small model learns: everyday things that are drawn in every style."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Collection, Sequence

from limner.data.records import Record
from limner.errors import UsageError

EVERYDAY_GROUPS = (
    "smileys-emotion",
    "animals-nature",
    "food-drink",
    "travel-places",
    "activities",
    "objects",
)
UNCLEAR = re.compile(
    # Clock faces, lettering and signs of no particular thing.
    r".*o'clock|.*-thirty|zzz|hundred points|anger symbol|dashing away|hole|kiss mark"
    r"|.*(speech|anger) (balloon|bubble)|thought balloon|.* suit|mahjong red dragon"
    r"|flower playing cards|e-mail|motorway|.*with meridians|construction|.* by side"
    # One thing drawn once more with a small difference.
    r"|(waxing|waning|first quarter|last quarter|new) .*moon.*|oncoming .*"
    r"|globe showing (americas|asia-australia)|speaker (low|medium) volume|.*lowered flag"
    r"|open mailbox.*|.*tilted right|hourglass not done|page with curl|umbrella on ground"
    r"|snowman without snow|grinning cat|sun behind (small|large) cloud|timer clock"
)

# What somebody is likely to ask for first; worth keeping in any choice.
FAMILIAR = (
    "smiling face with sunglasses",
    "ghost",
    "red heart",
    "dog",
    "fox",
    "cat",
    "lion",
    "horse",
    "pig",
    "mouse",
    "rabbit",
    "bear",
    "elephant",
    "bird",
    "owl",
    "fish",
    "butterfly",
    "rose",
    "sunflower",
    "evergreen tree",
    "mushroom",
    "banana",
    "red apple",
    "green apple",
    "strawberry",
    "bread",
    "pizza",
    "birthday cake",
    "house",
    "castle",
    "train",
    "automobile",
    "bicycle",
    "sailboat",
    "airplane",
    "rocket",
    "sun",
    "star",
    "cloud",
    "rainbow",
    "fire",
    "balloon",
    "soccer ball",
    "guitar",
    "camera",
    "open book",
    "key",
)


def everyday(records: Sequence[Record]) -> tuple[str, ...]:
    """The concepts for a small model, in the standard order of emoji.

    Those of nature, food, travel, activities, objects and smileys that exist in every style of the
    records; no people, symbols, clock faces or lettering, and no near repetitions.
    """
    styles = defaultdict(set)
    for record in records:
        styles[record.concept].add(record.style)
    every = {record.style for record in records}
    kept = dict.fromkeys(
        record.concept
        for record in records
        if record.group in EVERYDAY_GROUPS
        and styles[record.concept] == every
        and not UNCLEAR.fullmatch(record.concept)
    )
    return tuple(kept)


def choose_concepts(
    records: Sequence[Record], count: int, seed: int = 0, keep: Collection[str] = ()
) -> tuple[str, ...]:
    """`count` everyday concepts in their order: those to keep, the others spread evenly.

    The order is cut into stretches of equal length; from each the seed chooses among the concepts
    with the fewest words, so that "cat" goes before "cat face". UsageError if there are fewer than
    `count`, or if a concept to keep is not among them.
    """
    concepts = everyday(records)
    unknown = sorted(set(keep) - set(concepts))
    if unknown:
        raise UsageError(f"{unknown[0]!r} is to be kept but is not an everyday concept")
    others = [concept for concept in concepts if concept not in keep]
    wanted = count - len(set(keep))
    if count < 1 or not 0 <= wanted <= len(others):
        least = max(1, len(set(keep)))
        raise UsageError(f"{count} concepts were asked for; {least} to {len(concepts)} are right")
    chance = random.Random(seed)
    chosen = {*keep}
    for stretch in range(wanted):
        first, last = (index * len(others) // wanted for index in (stretch, stretch + 1))
        chosen.add(_plainest(others[first:last], chance))
    return tuple(concept for concept in concepts if concept in chosen)


def _plainest(concepts: Sequence[str], chance: random.Random) -> str:
    fewest = min(len(concept.split()) for concept in concepts)
    return chance.choice([concept for concept in concepts if len(concept.split()) == fewest])
