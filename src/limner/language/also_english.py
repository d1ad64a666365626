"""English words and forms that are read and never written.

They are not always true of what is drawn, or not everybody's.
"""

from __future__ import annotations

from itertools import product

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
    Size.SMALL: phrases(
        "smaller|smallest|tiniest|mini|miniature|wee|very small|very little|small-sized"
    ),
    Size.BIG: phrases(
        """
        bigger|biggest|larger|largest|giant|gigantic|enormous|massive|great big|very big|very large
        """
    ),
}
YOUNG = ("baby",)  # before the name of a thing: a small one
DOINGS = phrases("bowling|camping|cooking|painting|flies|watches|waves|kisses|hugs")  # after it
POSSESSIVES = ("its", "his", "her", "their")
SHAPED = phrases("shaped|colored|coloured|themed|flavored|flavoured|patterned|printed|scented")


def _places(before: str, nouns: str, others: str = "") -> tuple[str, ...]:
    """ "in a forest", "in the forest": each of the nouns after each word; and other phrases."""
    named = product(phrases(before), ("a", "an", "the"), phrases(nouns))
    return (*map(" ".join, named), *phrases(others))


WEATHER = {  # before a thing, which is there
    "snow": phrases("snowy|snow-covered|snow covered|wintry"),
    "rain": phrases("rainy|stormy"),
    "fog": phrases("misty|foggy|hazy"),
    "autumn": phrases("autumnal"),
    "night": phrases("nighttime|moonlit"),
    "garden": phrases("flowery"),
}
ALSO_GROUNDS = {
    "sky": _places(
        "in|up in|across|through|against",
        "sky|blue sky|clear sky|cloudy sky|open sky",
        "in the air|in the clouds|above the clouds|among the clouds|through the air",
    ),
    "sea": _places(
        "in|on|over|above|across|into|out of|in the middle of",
        """
        sea|ocean|water|lake|river|pond|open sea|open ocean|harbor|harbour|bay|pool|swimming pool
        stream|lagoon|canal
        """,
        """
        in sea|on water|in water|on the waves|in the waves|over the waves|on the high seas|at sea
        over sea
        """,
    ),
    "beach": _places(
        "on|at|by|near|along|in|over|above",
        "beach|sandy beach|tropical beach|sunny beach|seashore|seaside|coast|shore|sand",
        """
        on beach|by the sea|at the sea|near the sea|next to the sea|beside the sea|by the ocean
        at the ocean|near the ocean|next to the ocean|beside the ocean
        """,
    ),
    "grass": _places(
        "in|on|at|through|across|over|above|in the middle of",
        """
        grass|meadow|field|lawn|park|pasture|prairie|farm|hill|hillside|grassland|green field|yard
        grassy field|green meadow|grassy hill|countryside|savanna|savannah|hilltop|backyard
        playground|tall grass|green grass|wheat field|green hill
        """,
        """
        by a lake|by the lake|near a lake|near the lake|next to a lake|next to the lake|at the lake
        by a river|by the river|near a river|near the river|next to a river|next to the river
        by a pond|by the pond|near a pond|near the pond|next to a pond|by the water|near the water
        next to the water|by the pool|at the pool|by a stream|by the stream|on a sunny day
        on a summer day|on a summer morning|on a sunny morning|under the sky|under a sky
        under a blue sky|under a cloudy sky|under the blue sky|under a clear sky|in the sun
        in the sunshine|in summer|in the summer|in fields|in meadows|on hills|on the hills|on grass
        in grass|outside|outdoors|in nature|in the wild|on green grass|on the plains|on the ground
        """,
    ),
    "snow": _places(
        "in|on|through|across|at",
        """
        snow|ice|snowy landscape|snowstorm|blizzard|arctic|antarctic|north pole|south pole
        snowy field|winter landscape|winter wonderland|snowy forest|snowy mountain landscape
        """,
        """
        in snow|in winter|it is snowing|it's snowing|snowing|in antarctica|on a snowy day
        in the winter|on a winter day|on a winter morning|on a snowy night|on a winter night
        on a snowy morning|on a winter evening
        """,
    ),
    "desert": _places(
        "in|on|through|across", "desert|sahara|dunes|sand dunes|hot desert", "in desert"
    ),
    "night": _places(
        "in|under|against|through|across",
        "night|starry sky|night sky|starry night|starry night sky|moonlight|dark sky|dark night",
        "at midnight|by night|by moonlight|in the dark|in darkness|under stars|during the night",
    ),
    "forest": _places(
        "in|through|into|inside|across|deep in|over|above|in the middle of",
        """
        forest|wood|woods|jungle|rainforest|rain forest|bamboo forest|pine forest|deep forest
        tropical forest|woodland|green forest
        """,
        "in forest|in forests|in woods",
    ),
    "street": _places(
        "in|on|along|down|across|crossing|by|in the middle of",
        "street|road|highway|city street|motorway|sidewalk|pavement|alley|busy street|village|town",
        "on street|on streets|on roads",
    ),
    "room": _places(
        "in|inside|into|in the middle of|in the corner of|on the floor of",
        """
        room|bedroom|living room|kitchen|bathroom|classroom|office|library|cafe|restaurant|bar
        hallway|studio|gym|apartment|dining room|attic|basement|cabin|cozy room|waiting room
        """,
        "at home|on the floor|on the carpet|on a carpet|on a rug|on the rug|inside a room",
    ),
    "sunset": _places(
        "at|in|during|under|against|before|in front of",
        "sunset|sunrise|dawn|dusk|twilight|sunset sky|golden hour|setting sun|rising sun",
        """
        at sunrise|at twilight|in the evening|at golden hour|at sundown|at daybreak|during sunset
        on a summer evening|on a warm evening
        """,
    ),
    "space": _places(
        "in|through|into|across",
        "galaxy|universe|cosmos|outer space|deep space|milky way|void",
        """
        through space|into space|in deep space|among the stars|among stars|in orbit
        through outer space
        """,
    ),
    "underwater": _places(
        "in",
        "deep sea|deep ocean|aquarium|fish tank|coral reef",
        """
        under water|under the water|under the ocean|under the waves|beneath the sea
        beneath the waves
        at the bottom of the sea|at the bottom of the ocean|on the seabed|on the sea floor
        on the ocean floor|below the surface|beneath the water|deep under the sea
        """,
    ),
    "garden": _places(
        "in|at|through|in the middle of",
        """
        field of lavender|lavender field|poppy field|tulip field|field of poppies|sunflower field
        flower garden|flower field|field of flowers|meadow of flowers|flower meadow
        field full of flowers|meadow full of flowers|garden full of flowers|rose garden
        spring meadow|flowery meadow|meadow with flowers|garden with flowers|field of wildflowers
        """,
        """
        through the garden|in spring|in springtime|in gardens|among flowers|among the flowers
        in the spring
        """,
    ),
    "mountains": _places(
        "in|near|through|over|above|before|in front of",
        """
        alps|himalayas|rocky mountains|valley|canyon|mountain landscape|mountain valley
        mountain range
        """,
        """
        through the mountains|over the mountains|above the mountains|near the mountains
        in front of mountains|in front of the mountains|over mountains|in the hills|in mountains
        """,
    ),
    "moon": _places("on", "lunar surface|surface of the moon", "on moon|walking on the moon"),
    "city": _places(
        "in|over|above|through|across|near|in the middle of|high above",
        "city|big city|metropolis|large city|modern city|futuristic city|busy city|downtown",
        "in town|downtown|in new york|in london|in paris|in tokyo|in berlin|in rome",
    ),
    "table": _places(
        "on|upon|on top of",
        """
        table|wooden table|kitchen table|dining table|desk|wooden desk|tabletop|counter
        kitchen counter|countertop|picnic table|coffee table|wood table
        """,
        "on table",
    ),
    "rain": _places(
        "in|under|during|through",
        "rain|storm|thunderstorm|heavy rain|pouring rain|rainstorm|downpour|drizzle|hurricane",
        """
        in rain|in heavy rain|it is raining|it's raining|raining|in rainy weather|in bad weather
        on a stormy day|in pouring rain
        """,
    ),
    "fog": _places(
        "in|through",
        "fog|mist|haze|misty forest|foggy forest|morning mist",
        "in mist|on a misty morning|on a misty day|in thick fog|in fog|on a foggy morning",
    ),
    "autumn": _places(
        "in|during|on",
        """
        autumn morning|autumn evening|autumn|autumn forest|autumn park|autumn landscape|autumn day
        autumn leaves|fall leaves
        """,
        "in fall|in october|in november|in autumn leaves",
    ),
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
HEAPS = phrases("a stack of|a pile of|a heap of|a bundle of|bunch of")  # one where pictures show so
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
VARIED = phrases(
    """
    in different colors|in different colours|of different colors|of different colours
    in many colors|in many colours|in various colors|in various colours|in all colors|multicolored
    in all colours|in all the colors of the rainbow|in rainbow colors|in rainbow colours|colorful
    colourful|multicoloured|multi-colored|multi-coloured|differently colored|differently coloured
    different colored|different coloured|with different colors|with different colours
    """
)
LIKENESSES = phrases(
    """
    made of|made out of|made from|made entirely of|built of|built from|shaped like|in the shape of
    in the form of|dressed as|dressed like|dressed up as|disguised as|that looks like|looks like
    looking like|which looks like|like a|like an|as a|as an|resembling|similar to|inspired by
    instead of|rather than|for|for my|for the|for a|for an|for our|for your|for his|for her
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
CONTAINERS = phrases(  # what is in them is painted, and they are not
    """
    glass of|glasses of|bottle of|bottles of|bowl of|bowls of|pot of|can of|cans of|jar of|jars of
    """
)
HOLDING = (*phrases("cup of|cups of|mug of|mugs of|bouquet of"), *CONTAINERS)
ALSO_PICTURES = phrases(  # pictures of something, and things by themselves
    """
    painting|paintings|poster|close-up|close up|closeup|view|shot|scene|print
    wallpaper|render|rendering|side view|front view|top view|full body shot
    """
)

ALSO_FILLERS = phrases(
    """
    draw a picture of|can you|could you|would you|give me|create|design|render|i would like
    i'd like|i need|make me|generate an image of|let me see|want|please|thanks|thank you|pretty
    gorgeous|sweet|lovely|awesome|amazing|cool|great|good|best|fine|perfect|super|ultra|quality
    detailed|details|detail|intricate|sharp|sharp focus|crisp|clear|clean|hd|uhd|8k|hdr|full hd
    ultra hd|trending on artstation|artstation|award winning|award-winning|stunning|no background
    without background|without a background|on a transparent background
    with a transparent background|with no background|isolated|centered|centred|close-up|close up
    plain|simple background|minimal|minimalist|high resolution|high-resolution|hires|resolution
    professional|elegant|fancy|typical|ordinary|normal|regular|common|classic|real|single|lone
    alone|only|just|other|another|another one|colored|coloured|kind of|sort of|type of|piece of
    pair|set of|the|of|to|is|are|was|that|which|who|it's|its|there|there is|there are|his|her|their
    my|your|our|this|these|those|such|very|really|so|also|be|being|been|do|does|for|from|at|as|i|me
    you|we|he|she|they|us|can|could|would|like|while|where|when|then|than|too|some kind of
    somewhere|quite|rather|much|more|most|all|each|every|any|hello|hi|hey|ok|should|shall|must|may
    might|will|what|why|how|whose|whom|or|if|because|have|had|get|gets|got|am|were|did
    in the world|in the whole world|of all time|of the world
    in this picture|in the picture|in this image|in the image|on his head|on its head|on her head
    on top of its head|on top of his head|on top of her head|on the head|thing|things|plz|pls|gimme
    wanna|u|in a row|possible|put|for me|for us|for you|style|styled|looking|look|looks|different
    """
)
