"""Languages of which few small words are known: colours, numbers, sizes, and what joins things."""

from __future__ import annotations

from collections.abc import Mapping

from limner.language.english import COLOURS, phrases
from limner.language.foreign import grounds
from limner.language.grammar import Grammar
from limner.language.scene import Relation, Size

HAN = "一二三四五六七八九十"
CHINESE_ONES = "只隻个個條条辆輛张張朵棵本头頭匹把座位颗顆"
# "And" is written together with what comes after it; words that begin with its letter are whole.
ARABIC_AND = (
    r"و(?!ا[جرفقهوت]|الد|ان\b|تر|ج[بعه]|ح[دشي]|ر[دقش]|زن|سا|سط|سيل|شاح|صل|صول|ضع|ظي|عا|عر\b|ق[تو]|كز"
    r"|ل[اد]|م[ضي]|ند|ي[بكس])(?=\w{2})"
)
FINE_RUSSIAN = (
    "красивый|красивая|красивое|красивые|милый|милая|милое|милые|забавный|забавная|забавное"
    "|смешной|смешная|смешное|прекрасный|прекрасная"
)
JAPANESE_ONES = "匹つ羽人個本頭台枚冊"


def _few(
    name: str,
    joining: str,
    fillers: str = "",
    negations: str = "",
    *,
    colours: str = "",
    numbers: str = "",
    sizes: str = "",
    endings: tuple[tuple[str, str], ...] = (),
    cases: tuple[tuple[str, str], ...] = (),
    prefixes: tuple[str, ...] = (),
    elided: str = "",
    relations: Mapping[Relation, str] | None = None,
    behind: Mapping[Relation, str] | None = None,
    unpainted: str = "",
    places: grounds.Grounds | None = None,
) -> Grammar:
    """colours: the words of each, in the order of English. numbers: of two and on. sizes: small,
    big. behind: relations that stand behind a thing. Words of one are parted by bars, the colours,
    numbers and sizes by lines or semicolons."""
    return Grammar(
        name=name,
        relations={Relation.AND: phrases(joining)}
        | {relation: phrases(words) for relation, words in (relations or {}).items()},
        postpositions={relation: phrases(words) for relation, words in (behind or {}).items()},
        clauses_first=bool(behind),
        unpainted=phrases(unpainted),
        fillers=phrases(fillers),
        negations=phrases(negations),
        colours=dict(zip(COLOURS, _each(colours), strict=bool(colours))),
        numbers=dict(enumerate(_each(numbers), start=2)),
        sizes=dict(zip((Size.SMALL, Size.BIG), _each(sizes), strict=bool(sizes))),
        endings=endings,
        cases=cases,
        prefixes=prefixes,
        elided=elided,
        grounds=places or {},
    )


def _each(table: str) -> list[tuple[str, ...]]:
    return [phrases(words) for words in table.replace("\n", ";").split(";") if words.strip()]


def _counted(table: str, ones: str, after: str = "") -> str:
    """Numbers with the words that are put between them and things: 三匹の."""
    numbers = []
    for digit, others in zip(HAN[1:], table.split(";"), strict=True):
        heads = (digit, *filter(None, others.split("|")))
        forms = (
            f"{head}{one}{end}" for head in heads for one in ("", *ones) for end in ("", after)
        )
        numbers.append("|".join(dict.fromkeys(forms)))
    return ";".join(numbers)


def _in_japanese(places: str) -> str:
    """Words for a place with each of the particles that come after them: の上に."""
    return "|".join(f"{place}{end}" for place in places.split("|") for end in ("", *"にでの"))


def _inflected(stems: str, endings: str) -> str:
    """Each of a line's stems with each of the endings."""
    lines = (line.split("|") for line in stems.split(";"))
    return ";".join("|".join(f"{s}{e}" for s in line for e in endings.split("|")) for line in lines)


def _with(before: str, table: str) -> str:
    """The words of a table, each also after another one: màu đỏ."""
    lines = (line.split("|") for line in table.split(";"))
    return ";".join("|".join((*line, *(f"{before}{word}" for word in line))) for line in lines)


OTHERS: dict[str, Grammar] = {
    "zh": _few(
        "Chinese",
        "和|与|跟|及|、",
        "一只|一个|一条|一辆|一隻|一個|一輛|一|只|隻|个|個|的|条|辆|张|图片|画|可爱的|可爱|在|着|正在|是|有"
        "|请|给我|画一|请画|帮我画|停|停在|坐在|站在|躺在|趴在",
        colours=(
            "红色的|红色|红的|红|紅色的|紅色|紅的|紅;橙色的|橙色|橘色的|橘色;黄色的|黄色|黄的|黄|黃色的|黃色|黃的|黃;绿色的|绿色|绿的|绿|綠色的|綠色|綠的|綠;蓝色的|蓝色|蓝的|蓝|藍色的|藍色|藍的|藍"
            ";紫色的|紫色|紫的|紫;粉色的|粉色|粉红色的|粉红色|粉红|粉紅色的|粉紅色|粉紅;棕色的|棕色|褐色的|褐色"
            ";黑色的|黑色|黑的|黑;白色的|白色|白的|白;灰色的|灰色|灰的|灰"
        ),
        numbers=_counted("两|兩|2;3;4;5;6;7;8;9;10", CHINESE_ONES),
        sizes="小|小的;大|大的|巨大的",
        relations={
            Relation.WITH: "戴着|戴|穿着|穿|拿着|拿|抱着|抱|打着|撑着|带着|吃着|吃|喝着|喝",
            Relation.ON: "骑着|骑",
        },
        behind={
            Relation.ON: "上|上面|上边",
            Relation.UNDER: "下|下面|底下|下边",
            Relation.IN: "里|里面|裡|裡面|中",
            Relation.IN_FRONT: "前|前面|前边|前方",
            Relation.BEHIND: "后|后面|後面|后边|後",
            Relation.LEFT: "左边|左側|左侧|左邊",
            Relation.RIGHT: "右边|右側|右侧|右邊",
            Relation.AND: "旁边|旁|旁邊",
        },
        places=grounds.CHINESE,
    ),
    "ja": _few(
        "Japanese",
        "と|や|、",
        "の|が|を|に|は|絵|いる|ある|います|あります|かわいい|可愛い|一匹|一つ",
        colours=(
            "赤い|赤色の|赤色|赤の|赤;オレンジ色の|オレンジ色|橙色の|橙色;黄色い|黄色の|黄色;緑色の|緑色|緑の|緑"
            ";青い|青色の|青色|青の|青;紫色の|紫色|紫の|紫;ピンク色の|ピンク色|ピンクの|ピンク|桃色の|桃色"
            ";茶色い|茶色の|茶色;黒い|黒色の|黒色|黒の|黒;白い|白色の|白色|白の|白;灰色の|灰色|グレーの|グレー"
        ),
        numbers=_counted("2;3;4;5;6;7;8;9;10", JAPANESE_ONES, "の"),
        sizes="小さい|小さな;大きい|大きな|巨大な",
        behind={
            Relation.ON: _in_japanese("の上")
            + "|に乗った|に乗っている|に乗る|に座る|に座っている|に座った",
            Relation.UNDER: _in_japanese("の下"),
            Relation.IN: _in_japanese("の中"),
            Relation.IN_FRONT: _in_japanese("の前"),
            Relation.BEHIND: _in_japanese("の後ろ|のうしろ"),
            Relation.LEFT: _in_japanese("の左|の左側"),
            Relation.RIGHT: _in_japanese("の右|の右側"),
            Relation.AND: _in_japanese("の隣|のとなり|の横|のそば"),
            Relation.WITH: (
                "をかぶった|をかぶっている|を被った|を着た|を着ている|を持った|を持っている|をした|をしている"
                "|を食べる|を食べている|を飲む|を飲んでいる"
            ),
        },
        places=grounds.JAPANESE,
    ),
    "hi": _few(
        "Hindi",
        "और",
        "एक|का|की|के|है|हुए|हुआ|हुई|रहा|रही|रहे|बैठा|बैठी",
        colours=(
            "लाल;नारंगी;पीला|पीली|पीले;हरा|हरी|हरे;नीला|नीली|नीले;बैंगनी;गुलाबी;भूरा|भूरी|भूरे"
            ";काला|काली|काले;सफेद|सफ़ेद;स्लेटी|धूसर"
        ),
        numbers="दो;तीन;चार;पाँच|पांच;छह;सात;आठ;नौ;दस",
        sizes="छोटा|छोटी|छोटे;बड़ा|बड़ी|बड़े",
        behind={
            Relation.ON: "पर|के ऊपर",
            Relation.UNDER: "के नीचे",
            Relation.IN: "में|के अंदर",
            Relation.IN_FRONT: "के सामने|के आगे",
            Relation.BEHIND: "के पीछे",
            Relation.AND: "के पास|के बगल में",
            Relation.WITH: "के साथ|पकड़े|पहने",
        },
        places=grounds.HINDI,
    ),
    "mr": _few(
        "Marathi",
        "आणि",
        "एक",
        colours=(
            "लाल;नारिंगी;पिवळा|पिवळी|पिवळे;हिरवा|हिरवी|हिरवे;निळा|निळी|निळे;जांभळा|जांभळी|जांभळे;गुलाबी"
            ";तपकिरी;काळा|काळी|काळे;पांढरा|पांढरी|पांढरे;राखाडी"
        ),
        numbers="दोन;तीन;चार;पाच;सहा;सात;आठ;नऊ;दहा",
        sizes="लहान|छोटा|छोटी|छोटे;मोठा|मोठी|मोठे",
    ),
    "bn": _few(
        "Bengali",
        "এবং|ও|আর",
        "একটি|একটা",
        colours="লাল;কমলা;হলুদ;সবুজ;নীল;বেগুনি;গোলাপি;বাদামি;কালো;সাদা;ধূসর",
        numbers="দুই|দুটি|দুটো;তিন|তিনটি|তিনটে;চার|চারটি;পাঁচ|পাঁচটি;ছয়|ছয়টি;সাত|সাতটি;আট|আটটি;নয়|নয়টি;দশ|দশটি",
        sizes="ছোট;বড়",
    ),
    "te": _few(
        "Telugu",
        "మరియు",
        "ఒక",
        colours=(
            "ఎరుపు|ఎర్ర|ఎర్రని;నారింజ;పసుపు;ఆకుపచ్చ|పచ్చ;నీలం|నీలి;ఊదా;గులాబీ;గోధుమ;నలుపు|నల్ల|నల్లని"
            ";తెలుపు|తెల్ల|తెల్లని;బూడిద"
        ),
        numbers="రెండు;మూడు;నాలుగు;ఐదు",
        sizes="చిన్న;పెద్ద",
    ),
    "pa": _few(
        "Punjabi",
        "ਅਤੇ",
        "ਇੱਕ",
        colours="ਲਾਲ;ਸੰਤਰੀ;ਪੀਲਾ|ਪੀਲੀ;ਹਰਾ|ਹਰੀ;ਨੀਲਾ|ਨੀਲੀ;ਜਾਮਨੀ;ਗੁਲਾਬੀ;ਭੂਰਾ|ਭੂਰੀ;ਕਾਲਾ|ਕਾਲੀ;ਚਿੱਟਾ|ਚਿੱਟੀ;ਸਲੇਟੀ",
        numbers="ਦੋ;ਤਿੰਨ;ਚਾਰ;ਪੰਜ",
        sizes="ਛੋਟਾ|ਛੋਟੀ;ਵੱਡਾ|ਵੱਡੀ",
    ),
    "ar": _few(
        "Arabic",
        "و",
        "صورة|ارسم|ارسم لي",
        "بدون|بلا",
        colours=_with(
            "ال",
            "أحمر|حمراء;برتقالي|برتقالية;أصفر|صفراء;أخضر|خضراء;أزرق|زرقاء;بنفسجي|بنفسجية;وردي|وردية"
            ";بني|بنية;أسود|سوداء;أبيض|بيضاء;رمادي|رمادية",
        ),
        numbers="اثنان|اثنين;ثلاثة|ثلاث;أربعة|أربع;خمسة|خمس",
        sizes=_with("ال", "صغير|صغيرة;كبير|كبيرة"),
        relations={
            Relation.ON: "على",
            Relation.ABOVE: "فوق",
            Relation.UNDER: "تحت",
            Relation.IN: "في|داخل",
            Relation.IN_FRONT: "أمام",
            Relation.BEHIND: "خلف|وراء",
            Relation.LEFT: "على يسار|يسار",
            Relation.RIGHT: "على يمين|يمين",
            Relation.WITH: "مع|يرتدي|ترتدي|يحمل|تحمل|يأكل|تأكل",
            Relation.AND: "و|بجانب|قرب|بالقرب من",
        },
        unpainted="يلعب|تلعب|يلعبون|يركض|تركض|ينام|تنام|يجلس|تجلس|يقرأ|تقرأ|يطير|تطير",
        prefixes=("ال",),
        elided=ARABIC_AND,
        places=grounds.ARABIC,
    ),
    "ur": _few(
        "Urdu",
        "اور",
        "ایک",
        colours=(
            "لال|سرخ;نارنجی;پیلا|پیلی;سبز|ہرا|ہری;نیلا|نیلی;جامنی;گلابی;بھورا|بھوری;کالا|کالی;سفید;سرمئی|خاکستری"
        ),
        numbers="دو;تین;چار;پانچ",
        sizes="چھوٹا|چھوٹی;بڑا|بڑی",
    ),
    "ru": _few(
        "Russian",
        "и|рядом с|возле|около",
        "один|одна|одно|рисунок|картинка|нарисуй|" + FINE_RUSSIAN,
        "без|не",
        colours=_inflected(
            "красн;оранжев;жёлт|желт;зелён|зелен;голуб|син;фиолетов;розов;коричнев;чёрн|черн;бел;сер",
            "ый|ая|ое|ые|ого|ой|ую|ых|ий|яя|ее|ие|его|ей|юю|их",
        ),
        numbers="два|две;три;четыре;пять;шесть;семь;восемь;девять;десять",
        sizes=_inflected("маленьк|крошечн;больш|огромн", "ий|ая|ое|ие|ый|ые|ой|ую|ого|их"),
        endings=(("и", "а"), ("и", "ь"), ("и", ""), ("ы", "а"), ("ы", ""), ("ов", ""), ("", "а")),
        cases=(
            *(("у", "а"), ("ой", "а"), ("ом", ""), ("ом", "о"), ("е", "а"), ("е", ""), ("а", "")),
            *(("ах", "и"), ("ах", "ы"), ("ах", "а"), ("ами", "и"), ("ами", "а"), ("ях", "и")),
            *(("а", "о"), ("я", "ь"), ("ем", "ь"), ("ей", "я"), ("ю", "я"), ("у", "")),
        ),
        relations={
            Relation.IN: "в|во",
            Relation.ON: "на",
            Relation.UNDER: "под",
            Relation.ABOVE: "над",
            Relation.IN_FRONT: "перед",
            Relation.BEHIND: "за|позади",
            Relation.WITH: "с|со",
            Relation.LEFT: "слева от",
            Relation.RIGHT: "справа от",
        },
        places=grounds.RUSSIAN,
    ),
    "id": _few(
        "Indonesian",
        "dan",
        "seekor|sebuah|gambar|yang|lucu|ekor|buah",
        "tanpa|tidak",
        colours=(
            "merah;oranye|jingga;kuning;hijau;biru;ungu;merah muda|pink;cokelat|coklat;hitam;putih"
            ";abu-abu"
        ),
        numbers="dua;tiga;empat;lima;enam;tujuh;delapan;sembilan;sepuluh",
        sizes="kecil;besar",
        places=grounds.INDONESIAN,
    ),
    "vi": _few(
        "Vietnamese",
        "và",
        "con|cái|một|chiếc|quả|bức|tranh",
        colours=_with(
            "màu ",
            "đỏ;cam;vàng;xanh lá cây|xanh lá|xanh lục;xanh dương|xanh lam|xanh nước biển;tím;hồng"
            ";nâu;đen;trắng;xám",
        ),
        numbers="hai;ba;bốn;năm;sáu;bảy;tám;chín;mười",
        sizes="nhỏ;lớn|to",
        places=grounds.VIETNAMESE,
    ),
    "tr": _few(
        "Turkish",
        "ve",
        "bir|resmi",
        colours="kırmızı;turuncu;sarı;yeşil;mavi;mor;pembe;kahverengi;siyah;beyaz;gri",
        numbers="iki;üç;dört;beş;altı;yedi;sekiz;dokuz;on",
        sizes="küçük;büyük",
        places=grounds.TURKISH,
    ),
    "sw": _few("Swahili", "na", "picha ya"),
    "ha": _few("Hausa", "da", "wani|wata"),
    "pcm": _few("Nigerian Pidgin", "and|wit", "di|one|a"),
}
