"""The small words of German, French, Spanish, Portuguese and Italian."""

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
    grounds={
        "sky": phrases("am himmel|im himmel"),
        "sea": phrases("im meer|auf dem meer|im wasser|auf dem wasser|im ozean"),
        "beach": phrases("am strand|auf dem strand"),
        "grass": phrases("auf der wiese|im gras|auf einer wiese|auf dem rasen"),
        "snow": phrases("im schnee|auf schnee|auf dem eis|auf eis"),
        "desert": phrases("in der wüste|in einer wüste"),
        "night": phrases("bei nacht|in der nacht|nachts|im weltall|im all"),
        "forest": phrases("im wald|in einem wald"),
        "street": phrases("auf der straße|auf der strasse|auf einer straße"),
        "room": phrases("im zimmer|in einem zimmer"),
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
        ein bild|bild|zeichne|zeichnung|male|mal|zeig mir|bitte
        süß|süße|süßer|süßes|süßen|schön|schöne|schöner|schönes|schönen|niedlich|niedliche
        niedlicher|niedliches|niedlichen|nett|hübsch|hübsche|lustig|lustige|lustiger|lustiges|von
        die|den|und auch|sehr|ist|sind|hat|ich|will|möchte|foto|zu|zum|zur|vom|sein|seine|seinem
        """
    ),
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

FRENCH = Grammar(
    name="French",
    articles=phrases("un|une|le|la|du|de la|au"),
    numbers={
        1: ("1",),
        2: ("2", "deux"),
        3: ("3", "trois"),
        4: ("4", "quatre"),
        5: ("5", "cinq"),
        6: ("6", "six"),
        7: ("7", "sept"),
        8: ("8", "huit"),
    },
    several=phrases("quelques|plusieurs|beaucoup de|des"),
    colours={
        "red": phrases("rouge|rouges"),
        "orange": phrases("orange|oranges"),
        "yellow": phrases("jaune|jaunes|doré|dorée|dorés|dorées"),
        "green": phrases("vert|verte|verts|vertes"),
        "blue": phrases("bleu|bleue|bleus|bleues"),
        "purple": phrases("violet|violette|violets|violettes|pourpre"),
        "pink": phrases("rose|roses"),
        "brown": phrases("brun|brune|bruns|brunes|marron|marrons"),
        "black": phrases("noir|noire|noirs|noires"),
        "white": phrases("blanc|blanche|blancs|blanches"),
        "grey": phrases("gris|grise|grises"),
    },
    sizes={
        Size.SMALL: phrases("petit|petite|petits|petites|minuscule|minuscules"),
        Size.BIG: phrases("grand|grande|grands|grandes|gros|grosse|grosses|énorme|énormes"),
    },
    relations={
        Relation.LEFT: phrases("à gauche de|à gauche du|à gauche d'|à gauche des"),
        Relation.RIGHT: phrases("à droite de|à droite du|à droite d'|à droite des"),
        Relation.ABOVE: phrases("au-dessus de|au-dessus d'|au dessus de|au-dessus du"),
        Relation.BELOW: phrases("au-dessous de|au-dessous d'|en dessous de|en dessous d'"),
        Relation.ON: phrases("sur"),
        Relation.UNDER: phrases("sous"),
        Relation.IN_FRONT: phrases("devant"),
        Relation.BEHIND: phrases("derrière"),
        Relation.IN: phrases("dans|en"),
        Relation.WITH: phrases("avec|portant|à"),
        Relation.AND: phrases("et|à côté de|à côté d'|à côté du|près de|près d'"),
    },
    grounds={
        "sky": phrases("dans le ciel"),
        "sea": phrases("dans la mer|sur la mer|dans l'eau|sur l'eau|en mer|dans l'océan"),
        "beach": phrases("sur la plage|à la plage|sur une plage"),
        "grass": phrases("dans l'herbe|sur l'herbe|dans un pré|sur la pelouse"),
        "snow": phrases("dans la neige|sur la neige|sur la glace"),
        "desert": phrases("dans le désert|dans un désert"),
        "night": phrases("la nuit|de nuit|dans la nuit|dans l'espace"),
        "forest": phrases("dans la forêt|dans une forêt"),
        "street": phrases("dans la rue|sur la route|dans une rue"),
        "room": phrases("dans une chambre|dans la chambre|dans une pièce"),
    },
    plain_grounds=("sur fond {}", "sur un fond {}"),
    style_forms=("{}", "style {}", "en style {}", "dans le style {}", "en {}"),
    openings=phrases("image de|image d'|dessin de|dessin d'|photo de|photo d'|icône de"),
    fillers=phrases(
        """
        les|aux|image|dessin
        dessine|dessine-moi|montre-moi|mignon|mignonne|mignons|mignonnes
        beau|belle|beaux|belles|bel|joli|jolie|jolis|jolies|très|de|d'|du|l'|qui|est|il y a|s'il
        te plaît|s'il vous plaît|je veux|drôle|adorable|son|sa|ses
        """
    ),
    negations=phrases("sans|pas de|pas d'|pas|aucun|aucune"),
    endings=(("s", ""), ("x", ""), ("aux", "al"), ("ne", ""), ("te", "t"), ("e", "")),
    elided=r"(?:[dlcjmnst]|qu)'",
)

SPANISH = Grammar(
    name="Spanish",
    articles=phrases("un|una|el|la|lo|al|del"),
    numbers={
        1: ("1", "uno"),
        2: ("2", "dos", "un par de"),
        3: ("3", "tres"),
        4: ("4", "cuatro"),
        5: ("5", "cinco"),
        6: ("6", "seis"),
        7: ("7", "siete"),
        8: ("8", "ocho"),
    },
    several=phrases("unos|unas|algunos|algunas|varios|varias|muchos|muchas"),
    colours={
        "red": phrases("rojo|roja|rojos|rojas"),
        "orange": phrases("naranja|naranjas|anaranjado|anaranjada"),
        "yellow": phrases("amarillo|amarilla|amarillos|amarillas|dorado|dorada"),
        "green": phrases("verde|verdes"),
        "blue": phrases("azul|azules"),
        "purple": phrases("morado|morada|morados|moradas|púrpura|violeta"),
        "pink": phrases("rosa|rosas|rosado|rosada|rosados|rosadas"),
        "brown": phrases("marrón|marrones|café|castaño|castaña"),
        "black": phrases("negro|negra|negros|negras"),
        "white": phrases("blanco|blanca|blancos|blancas"),
        "grey": phrases("gris|grises"),
    },
    sizes={
        Size.SMALL: phrases("pequeño|pequeña|pequeños|pequeñas|chico|chica|diminuto|diminuta"),
        Size.BIG: phrases("grande|grandes|gran|enorme|enormes|gigante|gigantes"),
    },
    relations={
        Relation.LEFT: phrases("a la izquierda de|a la izquierda del|a izquierda de"),
        Relation.RIGHT: phrases("a la derecha de|a la derecha del|a derecha de"),
        Relation.ABOVE: phrases("encima de|encima del|por encima de|arriba de|sobre"),
        Relation.BELOW: phrases("por debajo de|abajo de"),
        Relation.ON: phrases("en lo alto de|encima"),
        Relation.UNDER: phrases("debajo de|debajo del|bajo"),
        Relation.IN_FRONT: phrases("delante de|delante del|frente a|enfrente de"),
        Relation.BEHIND: phrases("detrás de|detrás del"),
        Relation.IN: phrases("en|dentro de|dentro del"),
        Relation.WITH: phrases("con|llevando"),
        Relation.AND: phrases("y|e|junto a|al lado de|al lado del|cerca de"),
    },
    grounds={
        "sky": phrases("en el cielo"),
        "sea": phrases("en el mar|en el agua|sobre el agua|en el océano"),
        "beach": phrases("en la playa|en una playa"),
        "grass": phrases("en la hierba|en el césped|en el prado|en un prado"),
        "snow": phrases("en la nieve|sobre la nieve|en el hielo|sobre hielo"),
        "desert": phrases("en el desierto|en un desierto"),
        "night": phrases("de noche|por la noche|en la noche|en el espacio"),
        "forest": phrases("en el bosque|en un bosque"),
        "street": phrases("en la calle|en la carretera|en una calle"),
        "room": phrases("en una habitación|en la habitación"),
    },
    plain_grounds=("sobre fondo {}", "sobre un fondo {}", "con fondo {}"),
    style_forms=("{}", "estilo {}", "en estilo {}", "al estilo {}", "en {}"),
    openings=phrases("imagen de|dibujo de|foto de|icono de"),
    fillers=phrases(
        """
        los|las|imagen|dibujo|dibuja|dibújame|muéstrame
        lindo|linda|lindos|lindas|bonito|bonita|bonitos|bonitas|hermoso
        hermosa|bello|bella|muy|de|que|es|hay|por favor|quiero|gracioso|graciosa|su|sus
        """
    ),
    negations=phrases("sin|no|ningún|ninguna"),
    endings=(("s", ""), ("es", ""), ("ces", "z"), ("a", "o"), ("as", "o")),
)

PORTUGUESE = Grammar(
    name="Portuguese",
    articles=phrases("um|uma|o|a"),
    numbers={
        1: ("1",),
        2: ("2", "dois", "duas", "um par de"),
        3: ("3", "três"),
        4: ("4", "quatro"),
        5: ("5", "cinco"),
        6: ("6", "seis"),
        7: ("7", "sete"),
        8: ("8", "oito"),
    },
    several=phrases("uns|umas|alguns|algumas|vários|várias|muitos|muitas"),
    colours={
        "red": phrases("vermelho|vermelha|vermelhos|vermelhas"),
        "orange": phrases("laranja|alaranjado|alaranjada"),
        "yellow": phrases("amarelo|amarela|amarelos|amarelas|dourado|dourada"),
        "green": phrases("verde|verdes"),
        "blue": phrases("azul|azuis"),
        "purple": phrases("roxo|roxa|roxos|roxas|violeta|púrpura"),
        "pink": phrases("rosa|cor-de-rosa|cor de rosa"),
        "brown": phrases("marrom|marrons|castanho|castanha"),
        "black": phrases("preto|preta|pretos|pretas|negro|negra"),
        "white": phrases("branco|branca|brancos|brancas"),
        "grey": phrases("cinza|cinzas|cinzento|cinzenta"),
    },
    sizes={
        Size.SMALL: phrases("pequeno|pequena|pequenos|pequenas|minúsculo|minúscula"),
        Size.BIG: phrases("grande|grandes|enorme|enormes|gigante|gigantes"),
    },
    relations={
        Relation.LEFT: phrases("à esquerda de|à esquerda da|à esquerda do"),
        Relation.RIGHT: phrases("à direita de|à direita da|à direita do"),
        Relation.ABOVE: phrases("acima de|acima da|acima do|por cima de|sobre"),
        Relation.BELOW: phrases("abaixo de|abaixo da|abaixo do"),
        Relation.ON: phrases("em cima de|em cima da|em cima do"),
        Relation.UNDER: phrases("debaixo de|debaixo da|debaixo do|embaixo de|sob"),
        Relation.IN_FRONT: phrases("em frente de|na frente de|na frente da|à frente de|diante de"),
        Relation.BEHIND: phrases("atrás de|atrás da|atrás do"),
        Relation.IN: phrases("em|no|na|num|numa|dentro de|nos|nas"),
        Relation.WITH: phrases("com|usando|vestindo"),
        Relation.AND: phrases("e|ao lado de|ao lado da|ao lado do|perto de|junto a"),
    },
    grounds={
        "sky": phrases("no céu"),
        "sea": phrases("no mar|na água|no oceano|sobre a água"),
        "beach": phrases("na praia|numa praia|em uma praia"),
        "grass": phrases("na grama|na relva|no gramado|no prado"),
        "snow": phrases("na neve|no gelo|sobre o gelo"),
        "desert": phrases("no deserto|num deserto"),
        "night": phrases("à noite|de noite|no espaço"),
        "forest": phrases("na floresta|numa floresta|no bosque"),
        "street": phrases("na rua|na estrada|numa rua"),
        "room": phrases("num quarto|no quarto|em um quarto"),
    },
    plain_grounds=("em fundo {}", "com fundo {}", "sobre fundo {}"),
    style_forms=("{}", "estilo {}", "em estilo {}", "no estilo {}", "em {}"),
    openings=phrases("imagem de|desenho de|foto de|ícone de"),
    fillers=phrases(
        """
        os|as|imagem|desenho|desenhe|mostre-me
        fofo|fofa|fofos|fofas|bonito|bonita|bonitos|bonitas|lindo|linda|lindos|lindas
        belo|bela|muito|de|da|do|das|dos|que|é|há|por favor|quero|engraçado|engraçada|seu|sua
        """
    ),
    negations=phrases("sem|não|nenhum|nenhuma"),
    endings=(("s", ""), ("es", ""), ("ões", "ão"), ("ães", "ão"), ("is", "l"), ("a", "o")),
)

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
    grounds={
        "sky": phrases("nel cielo|in cielo"),
        "sea": phrases("nel mare|in mare|nell'acqua|sull'acqua|nell'oceano|sul mare"),
        "beach": phrases("sulla spiaggia|in spiaggia|su una spiaggia"),
        "grass": phrases("sull'erba|nell'erba|sul prato|in un prato"),
        "snow": phrases("nella neve|sulla neve|sul ghiaccio"),
        "desert": phrases("nel deserto|in un deserto"),
        "night": phrases("di notte|nella notte|nello spazio"),
        "forest": phrases("nella foresta|nel bosco|in un bosco"),
        "street": phrases("per strada|nella strada|sulla strada|in strada"),
        "room": phrases("in una stanza|nella stanza"),
    },
    plain_grounds=("su sfondo {}", "su uno sfondo {}", "con sfondo {}"),
    style_forms=("{}", "stile {}", "in stile {}", "nello stile {}", "in {}"),
    openings=phrases("immagine di|disegno di|foto di|icona di"),
    fillers=phrases(
        """
        i|gli|le|immagine|disegno|disegna|disegnami
        mostrami|carino|carina|carini|carine|bello|bella|belli|belle|bel|bei
        molto|di|del|della|dello|dei|che|è|c'è|ci sono|per favore|voglio|buffo|buffa|suo|sua
        """
    ),
    negations=phrases("senza|non|nessun|nessuno|nessuna"),
    endings=(("i", "o"), ("i", "e"), ("e", "a"), ("hi", "o"), ("he", "a"), ("a", "o")),
    elided=r"(?:[dlcs]|un|dell|all|sull|nell|dall)'",
)


def _few(name: str, joining: str, fillers: str = "", negations: str = "") -> Grammar:
    """A language of which few words are known: those that join things, and those to pass over."""
    return Grammar(
        name=name,
        relations={Relation.AND: phrases(joining)},
        fillers=phrases(fillers),
        negations=phrases(negations),
    )


FOREIGN: dict[str, Grammar] = {
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
    "pt": PORTUGUESE,
    "it": ITALIAN,
    "zh": _few(
        "Chinese", "和|与|跟|及|、", "一只|一个|一条|一辆|一|只|个|的|条|辆|张|图片|画|可爱的|可爱"
    ),
    "ja": _few("Japanese", "と|や|、", "の|が|を|に|は|絵|かわいい|可愛い|一匹|一つ"),
    "hi": _few("Hindi", "और", "एक|का|की|के"),
    "mr": _few("Marathi", "आणि", "एक"),
    "bn": _few("Bengali", "এবং|ও|আর", "একটি|একটা"),
    "te": _few("Telugu", "మరియు", "ఒక"),
    "pa": _few("Punjabi", "ਅਤੇ", "ਇੱਕ"),
    "ar": _few("Arabic", "و", "صورة"),
    "ur": _few("Urdu", "اور", "ایک"),
    "ru": _few(
        "Russian",
        "и|рядом с|с",  # noqa: RUF001
        "один|одна|одно|рисунок|картинка",
        "без|не",
    ),
    "id": _few("Indonesian", "dan", "seekor|sebuah|gambar|yang|lucu", "tanpa|tidak"),
    "vi": _few("Vietnamese", "và", "con|cái|một|chiếc|quả|bức|tranh"),
    "tr": _few("Turkish", "ve", "bir|resmi"),
    "sw": _few("Swahili", "na", "picha ya"),
    "ha": _few("Hausa", "da", "wani|wata"),
    "pcm": _few("Nigerian Pidgin", "and|wit", "di|one|a"),
}
