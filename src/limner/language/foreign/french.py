"""The small words of French."""

from __future__ import annotations

from limner.language.english import phrases
from limner.language.grammar import Grammar
from limner.language.scene import Relation, Size

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
        9: ("9", "neuf"),
        10: ("10", "dix"),
        12: ("12", "douze", "une douzaine de"),
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
    between=phrases("entre"),
    sides={
        Relation.LEFT: phrases("à gauche|sur la gauche"),
        Relation.RIGHT: phrases("à droite|sur la droite"),
    },
    grounds={
        "sky": phrases("dans le ciel|dans les airs|dans les nuages"),
        "sea": phrases(
            """
            dans la mer|sur la mer|dans l'eau|sur l'eau|en mer|dans l'océan
            sur un lac|sur le lac|dans un lac|dans la rivière|dans l'étang
            """
        ),
        "beach": phrases(
            """
            sur la plage|à la plage|sur une plage|au bord de la mer|près de la mer|face à la mer
            sur la côte|sur le sable|au bord de l'océan
            """
        ),
        "grass": phrases(
            """
            dans l'herbe|sur l'herbe|dans un pré|sur la pelouse|dans un champ|dans le champ
            dans le parc|dans un parc|à la ferme|dehors|dans la nature
            """
        ),
        "snow": phrases("dans la neige|sur la neige|sur la glace|en hiver|sur la banquise"),
        "desert": phrases("dans le désert|dans un désert"),
        "night": phrases("la nuit|de nuit|dans la nuit"),
        "forest": phrases("dans la forêt|dans une forêt|dans les bois|dans la jungle"),
        "street": phrases("dans la rue|sur la route|dans une rue|sur la rue|au village"),
        "room": phrases(
            """
            dans une chambre|dans la chambre|dans une pièce|dans la cuisine|dans le salon
            à la maison|par terre
            """
        ),
        "sunset": phrases(
            """
            au coucher du soleil|au coucher de soleil|au lever du soleil|à l'aube|au crépuscule
            le soir
            """
        ),
        "space": phrases("dans l'espace"),
        "underwater": phrases("sous l'eau|sous la mer|au fond de la mer|dans un aquarium"),
        "garden": phrases("dans le jardin|dans un jardin|dans un champ de fleurs|au printemps"),
        "mountains": phrases(
            """
            dans les montagnes|à la montagne|dans les alpes|devant les montagnes
            """
        ),
        "moon": phrases("sur la lune"),
        "city": phrases("dans la ville|dans une ville|en ville|au-dessus de la ville"),
        "table": phrases("sur la table|sur une table|sur le bureau|sur une table en bois"),
        "rain": phrases("sous la pluie|dans la tempête|sous l'orage"),
        "fog": phrases("dans le brouillard|dans la brume"),
        "autumn": phrases("en automne"),
    },
    plain_grounds=("sur fond {}", "sur un fond {}"),
    style_forms=("{}", "style {}", "en style {}", "dans le style {}", "en {}"),
    openings=phrases("image de|image d'|dessin de|dessin d'|photo de|photo d'|icône de"),
    fillers=phrases(
        """
        les|aux|image|dessin|peux-tu|tu peux|pourrais-tu|peux|tu|me|moi|dessiner|peins|fais
        fais-moi|crée|je voudrais|j'aimerais
        dessine|dessine-moi|montre-moi|mignon|mignonne|mignons|mignonnes
        beau|belle|beaux|belles|bel|joli|jolie|jolis|jolies|très|de|d'|du|l'|qui|est|il y a|s'il
        te plaît|s'il vous plaît|je veux|drôle|adorable|son|sa|ses
        """
    ),
    unpainted=phrases(
        """
        main dans la main|se tenant la main|se tenant par la main|qui se tiennent la main
        au chocolat|à la vanille|à la fraise|aux fraises|au citron|aux pommes
        """
    ),
    negations=phrases("sans|pas de|pas d'|pas|aucun|aucune"),
    endings=(("s", ""), ("x", ""), ("aux", "al"), ("ne", ""), ("te", "t"), ("e", "")),
    elided=r"(?:[dlcjmnst]|qu)'",
)
