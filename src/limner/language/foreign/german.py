"""The small words of German."""

from __future__ import annotations

from limner.language.english import phrases
from limner.language.grammar import Grammar
from limner.language.scene import Relation, Size


def _german(stem: str, *others: str) -> tuple[str, ...]:
    """An adjective in all of its endings."""
    stems = (stem, *others)
    return tuple(f"{each}{end}" for each in stems for end in ("", "e", "er", "es", "en", "em"))


GERMAN = Grammar(
    name="German",
    articles=phrases("ein|eine|einen|einem|einer|eines|der|das|dem|des"),
    numbers={
        1: ("1", "eins"),
        2: ("2", "zwei", "ein paar"),
        3: ("3", "drei"),
        4: ("4", "vier"),
        5: ("5", "fünf"),
        6: ("6", "sechs"),
        7: ("7", "sieben"),
        8: ("8", "acht"),
        9: ("9", "neun"),
        10: ("10", "zehn"),
        12: ("12", "zwölf", "ein dutzend"),
    },
    several=phrases("einige|mehrere|viele|ein paar|eine menge"),
    colours={
        "red": _german("rot"),
        "orange": _german("orange", "orangefarben"),
        "yellow": _german("gelb", "golden"),
        "green": _german("grün"),
        "blue": _german("blau"),
        "purple": _german("lila", "violett"),
        "pink": _german("rosa", "pink"),
        "brown": _german("braun"),
        "black": _german("schwarz"),
        "white": _german("weiß", "weiss"),
        "grey": _german("grau"),
    },
    sizes={
        Size.SMALL: _german("klein", "winzig"),
        Size.BIG: _german("groß", "gross", "riesig", "riesengroß"),
    },
    relations={
        Relation.LEFT: phrases("links von|links neben|links vom"),
        Relation.RIGHT: phrases("rechts von|rechts neben|rechts vom"),
        Relation.ABOVE: phrases("über|oberhalb|oberhalb von|überm"),
        Relation.BELOW: phrases("unterhalb|unterhalb von"),
        Relation.ON: phrases("auf|oben auf|aufm"),
        Relation.UNDER: phrases("unter|unterm"),
        Relation.IN_FRONT: phrases("vor|vorm"),
        Relation.BEHIND: phrases("hinter|hinterm"),
        Relation.IN: phrases("in|im|ins"),
        Relation.WITH: phrases("mit"),
        Relation.AND: phrases("und|neben|sowie|bei|beim|an|am"),
    },
    between=phrases("zwischen"),
    sides={
        Relation.LEFT: phrases("links|auf der linken seite|ganz links"),
        Relation.RIGHT: phrases("rechts|auf der rechten seite|ganz rechts"),
    },
    grounds={
        "sky": phrases("am himmel|im himmel|in der luft|in den wolken"),
        "sea": phrases(
            """
            im meer|auf dem meer|im wasser|auf dem wasser|im ozean|am see|auf dem see|auf einem see
           |im fluss|im teich
            """
        ),
        "beach": phrases(
            "am strand|auf dem strand|an einem strand|am meer|an der küste|am meeresufer|im sand"
        ),
        "grass": phrases(
            """
            auf der wiese|im gras|auf einer wiese|auf dem rasen|auf dem feld|auf einem feld|im park
            auf dem bauernhof|draußen|auf der weide
            """
        ),
        "snow": phrases("im schnee|auf schnee|auf dem eis|auf eis|im winter"),
        "desert": phrases("in der wüste|in einer wüste"),
        "night": phrases("bei nacht|in der nacht|nachts"),
        "forest": phrases("im wald|in einem wald|im dschungel|im urwald"),
        "street": phrases("auf der straße|auf der strasse|auf einer straße|in der straße|im dorf"),
        "room": phrases(
            """
            im zimmer|in einem zimmer|in der küche|im wohnzimmer|im schlafzimmer|zu hause
            auf dem boden
            """
        ),
        "sunset": phrases(
            """
            bei sonnenuntergang|im sonnenuntergang|bei sonnenaufgang|am abend|im abendrot
            in der dämmerung
            """
        ),
        "space": phrases("im weltraum|im weltall|im all"),
        "underwater": phrases("unter wasser|unter dem meer|auf dem meeresgrund|im aquarium"),
        "garden": phrases(
            """
            im garten|in einem garten|auf einer blumenwiese|auf der blumenwiese|im frühling
            """
        ),
        "mountains": phrases("in den bergen|im gebirge|in den alpen|vor den bergen|im tal"),
        "moon": phrases("auf dem mond"),
        "city": phrases("in der stadt|in einer stadt|über der stadt|in der großstadt"),
        "table": phrases(
            """
            auf dem tisch|auf einem tisch|am tisch|auf dem schreibtisch|auf einem holztisch
            """
        ),
        "rain": phrases("im regen|bei regen|im sturm|im gewitter"),
        "fog": phrases("im nebel|bei nebel"),
        "autumn": phrases("im herbst|im herbstwald"),
    },
    plain_grounds=(
        "auf {} hintergrund",
        "vor {} hintergrund",
        "auf einem {} hintergrund",
        "mit {} hintergrund",
    ),
    style_forms=("{}", "im stil {}", "im {} stil", "{}-stil", "{} stil", "in {}"),
    openings=phrases("ein bild von|bild von|zeichnung von|foto von|bild mit|zeichnung mit"),
    fillers=phrases(
        """
        ein bild|bild|zeichne|zeichnung|male|mal|zeig mir|bitte|kannst|könntest|du|mir|malen
        zeichnen|mach|mache|erstelle|erzeuge|generiere|hätte|gern|gerne
        süß|süße|süßer|süßes|süßen|schön|schöne|schöner|schönes|schönen|niedlich|niedliche
        niedlicher|niedliches|niedlichen|nett|hübsch|hübsche|lustig|lustige|lustiger|lustiges|von
        die|den|und auch|sehr|ist|sind|hat|ich|will|möchte|foto|zu|zum|zur|vom|sein|seine|seinem
        """
    ),
    unpainted=phrases("hand in hand|händchen haltend|die händchen halten|im kreis"),
    negations=phrases("ohne|kein|keine|keinen|keiner|nicht"),
    endings=(
        ("en", ""),
        ("n", ""),
        ("e", ""),
        ("er", ""),
        ("s", ""),
        ("es", ""),
        ("nen", ""),
        ("äpfel", "apfel"),
        ("bäume", "baum"),
        ("häuser", "haus"),
        ("hüte", "hut"),
        ("vögel", "vogel"),
        ("mäuse", "maus"),
        ("bücher", "buch"),
        ("bälle", "ball"),
        ("kühe", "kuh"),
        ("füchse", "fuchs"),
        ("wölfe", "wolf"),
        ("züge", "zug"),
    ),
)
