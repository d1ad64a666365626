"""The small words of Italian."""

from __future__ import annotations

from limner.language.english import phrases
from limner.language.grammar import Grammar
from limner.language.scene import Relation, Size

ITALIAN = Grammar(
    name="Italian",
    articles=phrases("un|uno|una|il|lo|la|un'"),
    numbers={
        1: ("1",),
        2: ("2", "due", "un paio di"),
        3: ("3", "tre"),
        4: ("4", "quattro"),
        5: ("5", "cinque"),
        6: ("6", "sei"),
        7: ("7", "sette"),
        8: ("8", "otto"),
        9: ("9", "nove"),
        10: ("10", "dieci"),
        12: ("12", "dodici", "una dozzina di"),
    },
    several=phrases("alcuni|alcune|dei|delle|degli|molti|molte|parecchi|parecchie"),
    colours={
        "red": phrases("rosso|rossa|rossi|rosse"),
        "orange": phrases("arancione|arancioni"),
        "yellow": phrases("giallo|gialla|gialli|gialle|dorato|dorata"),
        "green": phrases("verde|verdi"),
        "blue": phrases("blu|azzurro|azzurra|azzurri|azzurre"),
        "purple": phrases("viola|porpora"),
        "pink": phrases("rosa"),
        "brown": phrases("marrone|marroni"),
        "black": phrases("nero|nera|neri|nere"),
        "white": phrases("bianco|bianca|bianchi|bianche"),
        "grey": phrases("grigio|grigia|grigi|grigie"),
    },
    sizes={
        Size.SMALL: phrases("piccolo|piccola|piccoli|piccole|minuscolo|minuscola"),
        Size.BIG: phrases("grande|grandi|grosso|grossa|grossi|grosse|enorme|enormi|gigante"),
    },
    relations={
        Relation.LEFT: phrases("a sinistra di|a sinistra del|a sinistra della|a sinistra dell'"),
        Relation.RIGHT: phrases("a destra di|a destra del|a destra della|a destra dell'"),
        Relation.ABOVE: phrases("sopra|al di sopra di|sopra di"),
        Relation.BELOW: phrases("al di sotto di|sotto di"),
        Relation.ON: phrases("su|sul|sulla|sullo|sull'|sui|sulle|in cima a"),
        Relation.UNDER: phrases("sotto"),
        Relation.IN_FRONT: phrases("davanti a|davanti al|davanti alla|di fronte a"),
        Relation.BEHIND: phrases("dietro|dietro a|dietro al"),
        Relation.IN: phrases("in|nel|nella|nello|nell'|dentro"),
        Relation.WITH: phrases("con|indossando"),
        Relation.AND: phrases("e|ed|accanto a|accanto al|accanto alla|vicino a|vicino al"),
    },
    between=phrases("tra|fra"),
    sides={
        Relation.LEFT: phrases("a sinistra|sulla sinistra"),
        Relation.RIGHT: phrases("a destra|sulla destra"),
    },
    grounds={
        "sky": phrases("nel cielo|in cielo|in aria|tra le nuvole"),
        "sea": phrases(
            """
            nel mare|in mare|nell'acqua|sull'acqua|nell'oceano|sul mare|su un lago|sul lago|nel lago
            nel fiume|nello stagno
            """
        ),
        "beach": phrases(
            """
            sulla spiaggia|in spiaggia|su una spiaggia|al mare|in riva al mare|vicino al mare
            sulla costa|sulla sabbia
            """
        ),
        "grass": phrases(
            """
            sull'erba|nell'erba|sul prato|in un prato|in un campo|nel campo|nel parco|in un parco
            nella fattoria|all'aperto|nella natura
            """
        ),
        "snow": phrases("nella neve|sulla neve|sul ghiaccio|in inverno|d'inverno"),
        "desert": phrases("nel deserto|in un deserto"),
        "night": phrases("di notte|nella notte"),
        "forest": phrases("nella foresta|nel bosco|in un bosco|nella giungla"),
        "street": phrases(
            """
            per strada|nella strada|sulla strada|in strada|in una strada|nel villaggio
            """
        ),
        "room": phrases(
            """
            in una stanza|nella stanza|in cucina|nella cucina|nel salotto|in casa|sul pavimento
            in camera
            """
        ),
        "sunset": phrases("al tramonto|all'alba|di sera|al crepuscolo"),
        "space": phrases("nello spazio"),
        "underwater": phrases("sott'acqua|sotto il mare|in fondo al mare|in un acquario"),
        "garden": phrases(
            """
            in giardino|nel giardino|in un giardino|in un campo di fiori|in primavera
            """
        ),
        "mountains": phrases("in montagna|tra le montagne|sulle alpi|nelle alpi"),
        "moon": phrases("sulla luna"),
        "city": phrases("in città|nella città|in una città|sopra la città"),
        "table": phrases("sul tavolo|su un tavolo|sulla scrivania|su un tavolo di legno"),
        "rain": phrases("sotto la pioggia|nella pioggia|nella tempesta"),
        "fog": phrases("nella nebbia"),
        "autumn": phrases("in autunno|d'autunno"),
    },
    plain_grounds=("su sfondo {}", "su uno sfondo {}", "con sfondo {}"),
    style_forms=("{}", "stile {}", "in stile {}", "nello stile {}", "in {}"),
    openings=phrases("immagine di|disegno di|foto di|icona di"),
    fillers=phrases(
        """
        i|gli|le|immagine|disegno|disegna|disegnami|puoi|potresti|disegnare|disegnarmi|dipingi
        fammi|crea|vorrei|mi
        mostrami|carino|carina|carini|carine|bello|bella|belli|belle|bel|bei
        molto|di|del|della|dello|dei|che|è|c'è|ci sono|per favore|voglio|buffo|buffa|suo|sua
        """
    ),
    unpainted=phrases(
        """
        mano nella mano|per mano|che si tengono per mano|al cioccolato|alla vaniglia|alla fragola
        al limone|alla crema
        """
    ),
    negations=phrases("senza|non|nessun|nessuno|nessuna"),
    endings=(("i", "o"), ("i", "e"), ("e", "a"), ("hi", "o"), ("he", "a"), ("a", "o")),
    elided=r"(?:[dlcs]|un|dell|all|sull|nell|dall)'",
)
