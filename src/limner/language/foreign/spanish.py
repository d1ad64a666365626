"""The small words of Spanish."""

from __future__ import annotations

from limner.language.english import phrases
from limner.language.grammar import Grammar
from limner.language.scene import Relation, Size

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
        9: ("9", "nueve"),
        10: ("10", "diez"),
        12: ("12", "doce", "una docena de"),
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
    between=phrases("entre"),
    sides={
        Relation.LEFT: phrases("a la izquierda"),
        Relation.RIGHT: phrases("a la derecha"),
    },
    grounds={
        "sky": phrases("en el cielo|en el aire|en las nubes"),
        "sea": phrases(
            """
            en el mar|en el agua|sobre el agua|en el océano|en un lago|en el lago|en el río
            en el estanque
            """
        ),
        "beach": phrases(
            """
            en la playa|en una playa|junto al mar|a la orilla del mar|a orillas del mar
            frente al mar|cerca del mar|en la costa|en la arena
            """
        ),
        "grass": phrases(
            """
            en la hierba|en el césped|en el prado|en un prado|en el campo|en un campo|en el parque
            en un parque|en la granja|al aire libre|en la naturaleza
            """
        ),
        "snow": phrases("en la nieve|sobre la nieve|en el hielo|sobre hielo|en invierno"),
        "desert": phrases("en el desierto|en un desierto"),
        "night": phrases("de noche|por la noche|en la noche"),
        "forest": phrases("en el bosque|en un bosque|en la selva|en la jungla"),
        "street": phrases("en la calle|en la carretera|en una calle|en el pueblo"),
        "room": phrases(
            """
            en una habitación|en la habitación|en la cocina|en la sala|en casa|en el suelo
            en el dormitorio
            """
        ),
        "sunset": phrases("al atardecer|al amanecer|en el atardecer|al anochecer|por la tarde"),
        "space": phrases("en el espacio|en el espacio exterior"),
        "underwater": phrases("bajo el agua|bajo el mar|en el fondo del mar|en un acuario"),
        "garden": phrases("en el jardín|en un jardín|en un campo de flores|en primavera"),
        "mountains": phrases("en las montañas|en la montaña|en los alpes|en un valle"),
        "moon": phrases("en la luna"),
        "city": phrases("en la ciudad|en una ciudad|sobre la ciudad"),
        "table": phrases(
            """
            en la mesa|sobre la mesa|en una mesa|sobre una mesa|sobre una mesa de madera
            """
        ),
        "rain": phrases("bajo la lluvia|en la lluvia|en la tormenta|en una tormenta"),
        "fog": phrases("en la niebla|entre la niebla"),
        "autumn": phrases("en otoño"),
    },
    plain_grounds=("sobre fondo {}", "sobre un fondo {}", "con fondo {}"),
    style_forms=("{}", "estilo {}", "en estilo {}", "al estilo {}", "en {}"),
    openings=phrases("imagen de|dibujo de|foto de|icono de"),
    fillers=phrases(
        """
        los|las|imagen|dibujo|dibuja|dibújame|muéstrame|puedes|podrías|me|dibujar|dibujarme|pinta
        píntame|pintar|haz|hazme|crea|quisiera|gustaría
        lindo|linda|lindos|lindas|bonito|bonita|bonitos|bonitas|hermoso
        hermosa|bello|bella|muy|de|que|es|hay|por favor|quiero|gracioso|graciosa|su|sus
        """
    ),
    unpainted=phrases(
        """
        tomados de la mano|tomadas de la mano|cogidos de la mano|agarrados de la mano|de la mano
        de chocolate|de vainilla|de fresa|de limón
        """
    ),
    negations=phrases("sin|no|ningún|ninguna"),
    endings=(("s", ""), ("es", ""), ("ces", "z"), ("a", "o"), ("as", "o")),
)
