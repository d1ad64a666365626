"""What is known of the emoji beside their names: their colours, other ways of drawing."""

from __future__ import annotations

import re
from itertools import chain
from string import ascii_lowercase

from limner.language.english import COLOURS, phrases

# Colours in which things are painted anyhow, looked at in 3d: they are not turned to them.
_COLOURS = {
    "red": "automobile|rose|balloon|red apple|strawberry|cherries|tomato|red heart|lipstick"
    "|fire engine|stop sign|lobster|crab|santa claus|maple leaf|postbox|mushroom|sparkling heart"
    "|drum|tokyo tower",
    "orange": "fox|tiger|carrot|tangerine|jack-o-lantern|fire|cat|leopard",
    "yellow": "star|glowing star|sun|banana|lemon|crown|bell|baby chick|full moon face"
    "|cheese wedge|sunflower|trophy|key|taxi|trumpet|light bulb|honeybee|lion|giraffe|school bus"
    "|sports medal",
    "green": "frog|deciduous tree|evergreen tree|cactus|turtle|snake|crocodile|dragon|lizard"
    "|herb|seedling|green apple|cucumber|melon|tractor|green salad|kiwi fruit|green book"
    "|leafy green",
    "blue": "fish|whale|dolphin|jeans|droplet|blue heart|sweat droplets",
    "purple": "grapes|eggplant|smiling face with horns|purple heart|umbrella",
    "pink": "pig|brain|cherry blossom|flamingo|bikini|growing heart",
    "brown": "bear|horse|monkey|owl|ox|beaver|boar|otter|violin|chocolate bar|moose|croissant"
    "|bread|squirrel|chipmunk|eagle|briefcase|door|teddy bear|hot beverage",
    "black": "black cat|spider|penguin|gorilla",
    "white": "ghost|snowman|cloud|rabbit|baby bottle|toilet|bathtub|sheep|skull|polar bear"
    "|unicorn|rooster|ram|envelope|baseball|volleyball",
    "grey": "elephant|mouse|rat|koala|wolf|rhinoceros|hippopotamus|shark|wrench|gear|moai|statue"
    "|paperclip|chains|robot|seal",
}
OWN_COLOURS = {
    (concept, colour) for colour, several in _COLOURS.items() for concept in several.split("|")
}

OTHER_STYLES = phrases(
    """
    watercolor|watercolour|watercolor painting|watercolour painting|oil painting|oil paint|oil
    acrylic|acrylic painting|pastel drawing|pencil drawing|pencil sketch|sketch|line art|lineart
    line drawing|pixel art|pixel|pixelated|8-bit|8 bit|anime|manga|cartoon|comic|comic book|disney
    pixar|photorealistic|photo-realistic|realistic|realism|hyperrealistic|impressionist
    impressionism|cubist|cubism|surreal|surrealist|pop art|vector art|vector|low poly|low-poly
    isometric|origami|paper cut|papercut|clay|claymation|plasticine|felt|knitted|crochet|mosaic
    stained glass|ukiyo-e|woodcut|engraving|charcoal|ink drawing|ink|graffiti|cyberpunk|steampunk
    vaporwave|retro|vintage|neon|minimalistic|abstract art|digital art|digital painting|concept art
    fantasy art|in black and white|black-and-white|black and white photo|black and white picture
    black and white photograph|black and white drawing|black and white image|monochrome|sepia
    children's book illustration|childrens book illustration|children's book|storybook
    children's book style|storybook illustration|book illustration|children's illustration
    studio ghibli|ghibli|van gogh|picasso|monet
    """
)

_PARTS = (
    *(" hair", " haired", "-haired", " skinned", " eyed", "-eyed", " nosed", "-nosed", " headed"),
    *(" bellied", " winged", " faced", " furred"),
)
_LOOKS = (
    *chain.from_iterable(COLOURS.values()),
    "dark",
    "light",
    "long",
    "short",
    "curly",
    "blond",
)
# What says when or where in words that name things elsewhere, and letters: told as a whole.
UNPAINTED = (
    *phrases(
        """
        in the morning|at noon|at christmas|on christmas|in summer|in love|in the background
        in front|in the back|at the back|toward|towards|against|through|across|along|among|up|down
        natural light|natural lighting|soft light|soft lighting|dramatic light|dramatic lighting
        cinematic light|cinematic lighting|volumetric light|volumetric lighting|studio light
        studio lighting|warm light|golden light|in golden light|golden hour|ambient light|rim light
        light rays|god rays|neon light|neon lights|candle light|baseball bat|cricket bat
        bowling pin|bowling pins|poker chip|poker chips|deck of cards|fire hydrant|fish tank
        sea lion|sea lions|at sign|plus sign|minus sign|equal sign|equals sign|percent sign
        hashtag sign|plate of|plates of|mothers day|mother's day|fathers day|father's day
        valentines day|valentine's day|blonde hair|blonde haired|blonde-haired|long blonde hair
        long blond hair|on fire|ice skating|figure skating|roller skating|water skiing|jet skiing
        horse riding|horseback riding|mountain climbing|rock climbing|ice fishing|sky diving
        on one leg|on one foot|on two legs|on two feet|on its hind legs|on hind legs|on tiptoe
        on her hind legs|on all fours|on tiptoes|on one knee|on its back|on his back
        on her back|on its side|brushing teeth|brushing its teeth|brushing his teeth
        brushing her teeth|brushes its teeth|brushes his teeth|brushes her teeth
        street lights|city lights|northern lights|christmas lights|statue of|sculpture of
        """
    ),
    *(f"letter {letter}" for letter in ascii_lowercase),
    *(f"{look}{part}" for look in _LOOKS for part in _PARTS),
)
PARTS = frozenset(
    phrases(
        "eyes|eye|ear|mouth|nose|leg|foot|tongue|tooth|wing|raised hand|wheel|horn|horns"
        "|paw|paws|arm|arms|claws|fins"
    )
)
# In which nobody is, but on it: "sur le vélo", and "en bicicleta", as "in" is said there too.
SEATS = frozenset(
    phrases(
        """
        couch and lamp|chair|bicycle|horse|motorcycle|motor scooter|kick scooter|skateboard|sled
        camel|elephant|table
        """
    )
)
# What is two where no number is said: shoes.
PAIRS = frozenset(
    phrases(
        """
        running shoe|man's shoe|flat shoe|hiking boot|woman's boot|woman's sandal|high-heeled shoe
        thong sandal|ballet shoes|boxing glove|ice skate|roller skate
        """
    )
)
# People are painted as they are: what is said of them so is no colour to turn them to.
PEOPLE = re.compile(
    r"baby( angel)?|.*\b(m[ae]n|wom[ae]n|person|people|boy|girl|child|family|couple|claus|prince"
    r"|princess|merperson|ninja|superhero|supervillain|mage|fairy|elf|genie)\b(?!').*"
)
SKIN_COLOURS = ("black", "white", "brown", "yellow", "red")
FACES = ("smiling face", "grinning face", "slightly smiling face")
HAVING = {  # what is in a picture anyway, where it is said that something has it
    "person with crown": ("crown",),
    "prince": ("crown",),
    "princess": ("crown",),
    "ringed planet": ("ring",),
    "crying face": ("droplet",),
    "loudly crying face": ("droplet",),
    "snowman": ("carrot", *FACES),
    "jack-o-lantern": FACES,
    "ghost": FACES,
    "sun with face": FACES,
    "santa claus": ("top hat",),
}
# Which no dictionary has: they are no misspelt words, nor words of other languages.
NAMED = frozenset(
    phrases(
        """
        lego|hoodie|godzilla|horus|kong|mickey|minnie|chibi|mario|luigi|yoshi|pokemon|pikachu
        minecraft|barbie|batman|superman|naruto|elsa|shrek|yoda|zelda|simpson|simpsons|bart|sonic
        snoopy|garfield|nintendo|halloween|lol|omg|usb|kraken|iphone|android|ipad
        instagram|facebook|youtube|tiktok|twitter|whatsapp|netflix|disney|marvel|avengers|spiderman
        hulk|thor|ironman|joker|gandalf|frodo|hogwarts|voldemort|hermione|dumbledore|anime|manga
        emoji|selfie|meme|app|svg|png|jpg|html|website|online|wifi|bluetooth|tesla|ferrari
        lamborghini|porsche|bmw|toyota|honda|google|amazon|microsoft
        """
    )
)
