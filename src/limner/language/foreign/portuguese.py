"""The small words of Portuguese."""

from __future__ import annotations

from limner.language.english import phrases
from limner.language.grammar import Grammar
from limner.language.scene import Relation, Size

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
        9: ("9", "nove"),
        10: ("10", "dez"),
        12: ("12", "doze", "uma dúzia de"),
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
    between=phrases("entre"),
    sides={
        Relation.LEFT: phrases("à esquerda"),
        Relation.RIGHT: phrases("à direita"),
    },
    grounds={
        "sky": phrases("no céu|no ar|nas nuvens"),
        "sea": phrases(
            """
            no mar|na água|no oceano|sobre a água|num lago|em um lago|no lago|no rio|na lagoa
            """
        ),
        "beach": phrases(
            """
            na praia|numa praia|em uma praia|à beira-mar|à beira do mar|junto ao mar|perto do mar
            na costa|na areia
            """
        ),
        "grass": phrases(
            """
            na grama|na relva|no gramado|no prado|no campo|num campo|no parque|num parque|na fazenda
            ao ar livre|na natureza
            """
        ),
        "snow": phrases("na neve|no gelo|sobre o gelo|no inverno"),
        "desert": phrases("no deserto|num deserto"),
        "night": phrases("à noite|de noite"),
        "forest": phrases("na floresta|numa floresta|no bosque|na selva|em uma floresta"),
        "street": phrases("na rua|na estrada|numa rua|na aldeia"),
        "room": phrases("num quarto|no quarto|em um quarto|na cozinha|na sala|em casa|no chão"),
        "sunset": phrases("ao pôr do sol|no pôr do sol|ao amanhecer|ao anoitecer|ao entardecer"),
        "space": phrases("no espaço|no espaço sideral"),
        "underwater": phrases("debaixo d'água|embaixo d'água|no fundo do mar|num aquário"),
        "garden": phrases("no jardim|num jardim|em um jardim|num campo de flores|na primavera"),
        "mountains": phrases("nas montanhas|na montanha|nos alpes"),
        "moon": phrases("na lua"),
        "city": phrases("na cidade|numa cidade|em uma cidade|sobre a cidade"),
        "table": phrases("na mesa|sobre a mesa|em cima da mesa|numa mesa|em uma mesa"),
        "rain": phrases("na chuva|sob a chuva|na tempestade"),
        "fog": phrases("na neblina|no nevoeiro"),
        "autumn": phrases("no outono"),
    },
    plain_grounds=("em fundo {}", "com fundo {}", "sobre fundo {}"),
    style_forms=("{}", "estilo {}", "em estilo {}", "no estilo {}", "em {}"),
    openings=phrases("imagem de|desenho de|foto de|ícone de"),
    fillers=phrases(
        """
        os|as|imagem|desenho|desenhe|mostre-me|você|pode|podes|desenhar|desenha|desenha-me|pinte
        faça|faz|crie|cria|eu|queria|gostaria
        fofo|fofa|fofos|fofas|bonito|bonita|bonitos|bonitas|lindo|linda|lindos|lindas
        belo|bela|muito|de|da|do|das|dos|que|é|há|por favor|quero|engraçado|engraçada|seu|sua
        """
    ),
    unpainted=phrases("de mãos dadas|de chocolate|de baunilha|de morango"),
    negations=phrases("sem|não|nenhum|nenhuma"),
    endings=(("s", ""), ("es", ""), ("ões", "ão"), ("ães", "ão"), ("is", "l"), ("a", "o")),
)
