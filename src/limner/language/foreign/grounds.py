"""What lies behind things, in languages of which few small words are known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from limner.language.english import phrases

Grounds = dict[str, tuple[str, ...]]


def _grounds(table: str, before: Sequence[str] = ("",), after: Sequence[str] = ("",)) -> Grounds:
    """Each line's place, with what it says and what is put round it: 在 桌上 的."""
    lines = (line.strip().partition(": ") for line in table.strip().splitlines())
    return {
        place: tuple(map("".join, product(before, phrases(words), after)))
        for place, _, words in lines
    }


CHINESE = _grounds(
    """
    sky: 天空|天上|空中|云中|雲中|蓝天下
    sea: 海里|海中|海上|水里|水中|水上|湖上|湖里|河里|大海里|海裡|水裡
    beach: 海滩上|沙滩上|海边|海灘上|沙灘上|海邊
    grass: 草地上|草原上|公园里|田野里|田野上|農場裡|农场里|草丛里|公園裡
    snow: 雪地里|雪地上|雪中|雪地裡|冰上|冬天
    desert: 沙漠里|沙漠中|沙漠裡
    night: 夜晚|晚上|夜里|星空下|夜空下|夜空中|月光下
    forest: 森林里|森林中|树林里|丛林里|森林裡|樹林裡
    street: 街上|街道上|马路上|路上|馬路上
    room: 房间里|屋里|家里|厨房里|客厅里|教室里|房間裡|家裡|地板上
    sunset: 日落时|夕阳下|黄昏|日出时|傍晚|夕陽下|黃昏
    space: 太空中|太空里|宇宙中|宇宙里|太空裡
    underwater: 水下|海底
    garden: 花园里|花园中|花丛中|花海中|花園裡|春天
    mountains: 山里|山中|群山中
    moon: 月球上|月亮上
    city: 城市里|城市中|城里|都市里|城市裡
    table: 桌子上|桌上|书桌上|餐桌上|書桌上
    rain: 雨中|雨里|下雨天|暴风雨中
    fog: 雾中|雾里|霧中
    autumn: 秋天|秋天里
    """,
    before=("", "在"),
    after=("", "的"),
)
WITHIN = ("の中の", "の中で", "の中に", "の上の", "の上で", "の上に", "の下の", "の下で")
JAPANESE = _grounds(  # nouns of which no thing goes by the name
    """
    beach: ビーチ|砂浜|浜辺|海辺|海岸
    grass: 草原|公園|野原|芝生|畑|牧場|草むら
    desert: 砂漠
    night: 夜|星空|夜空|真夜中
    forest: 森|ジャングル|林
    street: 道|道路|通り|街角|路上
    room: 部屋|台所|キッチン|リビング|教室|室内
    sunset: 夕焼け|夕日|夕方|夕暮れ|朝焼け|日の出
    space: 宇宙
    underwater: 海底|水中|海の底
    garden: 庭|花畑|お花畑
    city: 街|都会|町|都市
    autumn: 秋
    """,
    after=(*WITHIN, "で", "に", "の", "にいる"),
) | _grounds(
    """
    sky: 空|青空|雲
    sea: 海|水|湖|川|池
    snow: 雪|氷
    mountains: 山
    moon: 月|月面
    table: 机|テーブル
    rain: 雨
    fog: 霧
    """,
    after=WITHIN,
)
RUSSIAN = _grounds(
    """
    sky: в небе|на небе|в облаках
    sea: в море|на море|в воде|на воде|в океане|на озере|в озере|в реке|у моря
    beach: на пляже|на берегу|на песке
    grass: на траве|в траве|в поле|на лугу|в парке|на поляне|на ферме|на природе
    snow: в снегу|на снегу|на льду|зимой
    desert: в пустыне
    night: ночью|под звёздами|под звездами|в ночном небе
    forest: в лесу|в джунглях
    street: на улице|на дороге|в деревне
    room: в комнате|дома|на кухне|на полу|в доме
    sunset: на закате|на рассвете|вечером
    space: в космосе
    underwater: под водой|на дне моря
    garden: в саду|весной|среди цветов
    mountains: в горах|на фоне гор
    moon: на луне
    city: в городе|над городом
    table: на столе
    rain: под дождём|под дождем|в дождь|в грозу
    fog: в тумане
    autumn: осенью|в осеннем лесу
    """
)
ARABIC = _grounds(
    """
    sky: في السماء|في الهواء
    sea: في البحر|في الماء|على البحر|في المحيط
    beach: على الشاطئ|على الرمال
    grass: على العشب|في الحقل|في المزرعة
    snow: في الثلج|على الثلج|في الشتاء
    desert: في الصحراء
    night: في الليل|تحت النجوم|ليلا|ليلاً
    forest: في الغابة
    street: في الشارع|على الطريق
    room: في الغرفة|في البيت|في المنزل|في المطبخ
    sunset: عند الغروب|عند غروب الشمس|عند الشروق
    space: في الفضاء
    underwater: تحت الماء|في قاع البحر
    garden: في الحديقة|في الربيع
    mountains: في الجبال
    moon: على القمر
    city: في المدينة
    table: على الطاولة|على المائدة|على المكتب
    rain: تحت المطر|في المطر
    fog: في الضباب
    autumn: في الخريف
    """
)
HINDI = _grounds(
    """
    sky: आसमान में|आकाश में
    sea: समुद्र में|पानी में|समुद्र पर|नदी में|झील में
    beach: समुद्र तट पर|रेत पर
    grass: घास पर|मैदान में|पार्क में|खेत में
    snow: बर्फ में|बर्फ पर|सर्दियों में
    desert: रेगिस्तान में
    night: रात में|रात को|तारों के नीचे
    forest: जंगल में
    street: सड़क पर|गली में
    room: कमरे में|घर में|रसोई में
    sunset: सूर्यास्त के समय|सूर्यास्त पर|शाम को
    space: अंतरिक्ष में
    underwater: पानी के नीचे|समुद्र के नीचे
    garden: बगीचे में|बाग में
    mountains: पहाड़ों में
    moon: चाँद पर|चांद पर
    city: शहर में
    table: मेज पर|मेज़ पर|टेबल पर
    rain: बारिश में
    fog: कोहरे में
    autumn: पतझड़ में
    """
)
TURKISH = _grounds(
    """
    sky: gökyüzünde|havada|bulutlarda
    sea: denizde|suda|okyanusta|gölde|nehirde
    beach: plajda|kumsalda|sahilde
    grass: çimende|çimlerde|parkta|tarlada|çayırda|çiftlikte
    snow: karda|kar üstünde|buzda|kışın
    desert: çölde
    night: gece|geceleyin|yıldızların altında
    forest: ormanda
    street: sokakta|yolda|caddede
    room: odada|evde|mutfakta|salonda
    sunset: gün batımında|gün doğumunda|akşam
    space: uzayda
    underwater: su altında|denizin altında
    garden: bahçede|ilkbaharda
    mountains: dağlarda
    moon: ayda
    city: şehirde
    table: masada|masanın üstünde|masanın üzerinde
    rain: yağmurda|yağmur altında|fırtınada
    fog: siste
    autumn: sonbaharda
    """
)
INDONESIAN = _grounds(
    """
    sky: di langit|di udara
    sea: di laut|di air|di atas air|di danau|di sungai
    beach: di pantai|di pasir
    grass: di rumput|di padang rumput|di taman|di sawah|di ladang
    snow: di salju|di atas salju|di es
    desert: di gurun|di padang pasir
    night: di malam hari|malam hari|di bawah bintang
    forest: di hutan|di rimba
    street: di jalan|di jalanan
    room: di kamar|di rumah|di dapur|di ruang tamu|di lantai
    sunset: saat matahari terbenam|saat senja|saat matahari terbit
    space: di luar angkasa|di angkasa
    underwater: di bawah air|di bawah laut|di dasar laut
    garden: di kebun|di kebun bunga
    mountains: di pegunungan|di gunung
    moon: di bulan
    city: di kota
    table: di meja|di atas meja
    rain: di tengah hujan|saat hujan|di bawah hujan
    fog: di kabut|dalam kabut
    autumn: di musim gugur
    """
)
VIETNAMESE = _grounds(
    """
    sky: trên trời|trên bầu trời
    sea: trên biển|dưới biển|trong nước|trên mặt nước|trên hồ
    beach: trên bãi biển|ở bãi biển|trên cát
    grass: trên cỏ|trên bãi cỏ|trong công viên|trên cánh đồng
    snow: trong tuyết|trên tuyết
    desert: trong sa mạc|trên sa mạc
    night: ban đêm|vào ban đêm|dưới bầu trời sao
    forest: trong rừng
    street: trên đường|trên phố
    room: trong phòng|trong nhà|trong bếp
    sunset: lúc hoàng hôn|lúc bình minh
    space: trong vũ trụ|ngoài vũ trụ|ngoài không gian
    underwater: dưới nước|dưới đáy biển
    garden: trong vườn
    mountains: trên núi
    moon: trên mặt trăng
    city: trong thành phố
    table: trên bàn
    rain: trong mưa|dưới mưa
    fog: trong sương mù
    autumn: vào mùa thu
    """
)
