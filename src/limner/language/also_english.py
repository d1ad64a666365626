"""English words and forms that are read and never written.

They are not always true of what is drawn, or not everybody's.
"""

from __future__ import annotations

from limner.language.english import phrases
from limner.language.scene import Relation, Size

TONES = ("light", "dark", "bright", "pale", "deep", "pastel", "vivid", "soft")
ALSO_COLOURS: dict[str, tuple[str, ...]] = {  # read and never written
    "red": ("maroon", "ruby red", "blood red", "cherry red"),
    "yellow": ("gold", "gold colored"),
    "green": ("turquoise green", "lime green", "forest green", "olive green", "mint green"),
    "blue": (
        "navy",
        "navy blue",
        "sky blue",
        "baby blue",
        "royal blue",
        "cyan",
        "turquoise",
        "teal",
    ),
    "purple": ("lavender", "lilac", "magenta"),
    "pink": ("hot pink", "rose pink"),
    "brown": ("beige", "tan", "chestnut brown"),
    "black": ("jet black", "pitch black"),
    "white": ("snow white", "snowy white", "off-white"),
    "grey": ("silver", "silvery"),
}
ALSO_PLAIN_GROUNDS = ("{} background", "on an {} background", "with an {} background")
ALSO_RELATIONS: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT: phrases("at the left of|on the left side of|to the left side of"),
    Relation.RIGHT: phrases("at the right of|on the right side of|to the right side of"),
    Relation.ABOVE: phrases("high above"),
    Relation.BELOW: phrases("down below"),
    Relation.ON: phrases("onto|atop|riding|rides|on the top of"),
    Relation.IN_FRONT: phrases("before"),
    Relation.BEHIND: phrases("at the back of"),
    Relation.IN: phrases("within|into"),
    Relation.WITH: phrases(
        "wearing|holding|carrying|having|breathing|eating|has|wears|wear|holds|carries|eats|drinks"
        "|drinking|full of|filled with"
    ),
    Relation.AND: phrases(
        """
        close to|by|alongside|together with|along with|plus|beside of|adjacent to|around|vs|versus
        as well as|n|+|but|followed by
        """
    ),
}
ALSO_SIZES: dict[Size, tuple[str, ...]] = {
    Size.SMALL: phrases("mini|miniature|wee|very small|very little|small-sized"),
    Size.BIG: phrases("giant|gigantic|enormous|massive|great big|very big|very large"),
}
YOUNG = ("baby",)  # before the name of a thing: a small one
DOINGS = phrases("bowling|camping|cooking|painting|flies|watches|waves|kisses|hugs")  # after it
POSSESSIVES = ("its", "his", "her", "their")
SHAPED = phrases("shaped|colored|coloured|themed|flavored|flavoured|patterned|printed|scented")
ALSO_GROUNDS = {
    "sky": phrases(
        "in the blue sky|in a clear sky|in the air|in the clouds|in a cloudy sky|across the sky"
    ),
    "sea": phrases(
        """
        in sea|over the sea|by the sea|above the sea|under the sea|underwater|under water
        over the ocean|by the ocean|on a lake|on the lake|in a lake|in the lake|on the ocean
        on a river|in the river|in a pond|on water|in water|on the waves
        """
    ),
    "beach": phrases("on the sand|in the sand|by the beach|on beach"),
    "grass": phrases(
        """
        in a meadow|in the meadow|on grass|in grass|on a field|in the field|in the park|in a park
        on the meadow|in a garden|in the garden|on a lawn
        """
    ),
    "snow": phrases("in snow|in the ice|on the ice|in winter|in a snowy landscape"),
    "desert": phrases("in desert|on the desert|across the desert"),
    "night": phrases("in the night|at midnight|under a starry sky|by night|in outer space"),
    "forest": phrases("in forest|in the wood|in a wood|in the jungle|in a jungle"),
    "street": phrases("in a street|in the road|on a road|on street"),
    "room": phrases("in a bedroom|in the bedroom|in the kitchen|in a kitchen|in the living room"),
}
ALSO_NUMBERS = {
    2: ("both", "pair of", "couple of", "twin"),
    6: ("half a dozen", "half dozen"),
    11: ("eleven",),
    12: ("dozen", "one dozen", "a dozen of"),
    13: ("thirteen",),
    14: ("fourteen",),
    15: ("fifteen",),
    16: ("sixteen",),
    17: ("seventeen",),
    18: ("eighteen",),
    19: ("nineteen",),
    20: ("twenty",),
    24: ("two dozen",),
    30: ("thirty",),
    40: ("forty",),
    50: ("fifty",),
    100: ("hundred", "a hundred", "one hundred"),
}
ALSO_SEVERAL = phrases(
    """
    a group of|a herd of|a flock of|a pile of|lots of|numerous|few|multiple|bunch of|a set of
    a swarm of|a pack of|a row of|a line of|a field of|a school of|a heap of|a crowd of|a bundle of
    a collection of|a handful of|a variety of|an assortment of|plenty of|dozens of|hundreds of
    a family of|a pride of|a colony of|a litter of|thousands of|tons of|loads of|various|countless
    assorted|a stack of|rows of|groups of|herds of
    """
)
BETWEEN = ("between", "in between")
PRONOUNS = ("it", "them", "him")
POINTING = ("her", "that", "this", "these", "those")
OTHERS = ("one", "ones", "another", "another one")
DEFINITE = ("the", "this", "that")
POSTURES = phrases(  # before a place
    """
    sitting|sits|sat|seated|standing|stands|lying|lies|laying|resting|rests|perched|flying|flies
    hovering|hovers|floating|floats|hiding|hides|jumping|jumps|placed|located|positioned|parked
    right|directly|just|up|down|standing up|sitting down|lying down
    """
)
MEASURES = phrases(  # after a number that counts no things
    """
    year old|years old|year|years|yo|y/o|month old|months old|week old|day old|days old|foot tall
    feet tall|foot|feet|ft|inch|inches|meter tall|meters tall|metre tall|metres tall|meter|meters
    metre|metres|m|cm|km|miles|mile|kg|pounds|star|story|storey|stories|headed|legged|eyed|winged
    armed|tailed|horned|wheeled|masted|leaf|leaved|dollar|euro|cent|pound|o'clock|am|pm|minute
    minutes|hour|hours|percent|%|degrees|degree|sided|pointed|player|way|dimensional|mm|mp|fps
    """
)
LIKENESSES = phrases(
    """
    made of|made out of|made from|made entirely of|built of|built from|shaped like|in the shape of
    in the form of|dressed as|dressed like|dressed up as|disguised as|that looks like|looks like
    looking like|which looks like|like a|like an|as a|as an|resembling|similar to|inspired by
    instead of|rather than
    """
)


def _of_the_picture(table: str) -> tuple[str, ...]:
    """The phrases as they are, and said of the whole: "on the left of the picture"."""
    wholes = ("picture", "image", "photo", "frame", "scene")
    return tuple(
        f"{phrase}{of}"
        for phrase in phrases(table)
        for of in ("", *(f" of the {whole}" for whole in wholes))
    )


SIDES: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT: _of_the_picture("on the left|on the left side|at the left|to the left"),
    Relation.RIGHT: _of_the_picture("on the right|on the right side|at the right|to the right"),
    Relation.ABOVE: _of_the_picture("on top|at the top"),
    Relation.BELOW: _of_the_picture("at the bottom|on the bottom"),
}
NEGATIONS = phrases(
    """
    without|no|not|but no|but not|except|isn't|aren't|never|and no|don't|do not|don't draw
    do not draw|don't include|do not include|don't paint|no more|neither|nor|avoid|anything but
    everything but|excluding|free of|except for|minus|lacking
    """
)
WRITINGS = phrases(
    """
    that says|which says|saying|says|that reads|with the text|with the word|with the words
    with text|with the letters|labeled|labelled|written
    """
)

SHOWING = phrases("of|showing|with|that shows|which shows|about|where|in which|depicting|featuring")
HOLDING = phrases(  # what is in it is painted
    """
    cup of|cups of|mug of|glass of|glasses of|bottle of|bottles of|bowl of|bowls of|pot of|can of
    jar of|bouquet of
    """
)
ALSO_PICTURES = phrases(  # pictures of something, and things by themselves
    """
    painting|paintings|poster|close-up|close up|closeup|view|shot|scene|print
    wallpaper|render|rendering|side view|front view|top view|full body shot
    """
)

ALSO_FILLERS = phrases(
    """
    draw a picture of|can you|could you|would you|give me|create|design|render|i would like
    i'd like|i need|make me|generate an image of|let me see|want|please|thanks|thank you
    pretty|gorgeous|sweet|lovely|awesome|amazing|cool|great|good|best|fine|perfect|super|ultra
    quality|detailed|details|detail|intricate|sharp|sharp focus|crisp|clear|clean|hd|uhd|8k|hdr
    full hd|ultra hd|trending on artstation|artstation|award winning|award-winning|stunning
    no background|without background|without a background|on a transparent background
    with a transparent background|with no background|isolated|centered|centred|close-up|close up
    plain|simple background|minimal|minimalist|high resolution|high-resolution|hires|resolution
    professional|elegant|fancy|typical|ordinary|normal|regular|common|classic|real|single|lone
    alone|only|just|other|another|another one|colored|coloured|kind of|sort of
    type of|piece of|pair|set of
    the|of|to|is|are|was|that|which|who|it's|its|there|there is|there are|his|her
    their|my|your|our
    this|these|those|such|very|really|so|also|be|being|been|do|does|for|from|at|as
    i|me|you|we|he|she|they|us|can|could|would|like|while|where|when|then|than|too
    some kind of|somewhere|quite|rather|much|more|most|all|each|every|any|hello|hi|hey|ok
    should|shall|must|may|might|will|what|why|how|whose|whom|or|if|because|have|had|get|gets|got|am
    were|did|in this picture|in the picture|in this image|in the image|on his head|on its head
    on her head|on top of its head|on top of his head|on top of her head|on the head
    thing|things|style|styled|looking|look|looks|different
    """
)
