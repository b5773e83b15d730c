"""The kept table of units: symbols, prefixes and words in several languages with their sizes.

Sizes are the exact ones of the SI brochure and of NIST Handbook 44, rounded where those are no short fractions
(psi, BTU, hp); a year is 365 days and a month a twelfth of it. A word may name several units ("pound": a mass
and a currency).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

Dimension = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure."""

    size: Fraction
    """How many base units it is."""
    dimension: Dimension
    """Base quantities with their exponents, in alphabetical order."""
    offset: Fraction = Fraction(0)
    """What is added to a value before the size: 273.15 for degrees Celsius."""
    pi: int = 0
    """The size also holds pi to this power: a radian is 180 / pi degrees."""


_BASES = {
    "length": "m 1 | in 127/5000 | ft 381/1250 | yd 1143/1250 | mi 201168/125 | nmi 1852"
    " | ly 9460730472580800 | Å 1/10000000000",
    "mass": "g 1/1000 | t 1000 | lb 45359237/100000000 | lbs 45359237/100000000 | oz 45359237/1600000000 | jin 1/2",
    "time": "s 1 | sec 1 | min 60 | h 3600 | hr 3600 | d 86400 | wk 604800 | yr 31536000 | mo 2628000"
    " | decade 315360000 | century 3153600000 | fortnight 1209600",
    "angle": "deg 1 | arcmin 1/60 | arcsec 1/3600 | rev 360",
    "current": "A 1", "amount": "mol 1", "light": "cd 1", "data": "b 1 | B 8",
    "dollar": "USD 1 | ¢ 1/100", "euro": "EUR 1 | eurocent 1/100", "pound": "GBP 1 | penny 1/100", "yen": "JPY 1",
    "yuan": "CNY 1 | RMB 1 | jiao 1/10 | fen 1/100", "ruble": "RUB 1 | kopeck 1/100", "rupee": "INR 1 | Rs 1",
    "won": "KRW 1", "franc": "CHF 1", "peso": "MXN 1", "canadian": "CAD 1", "australian": "AUD 1",
    "area": "acre 316160658/78125 | ha 10000 | mu 2000/3",
    "volume": "L 1/1000 | l 1/1000 | gal 473176473/125000000000 | qt 473176473/500000000000"
    " | pt 473176473/1000000000000 | cup 473176473/2000000000000"
    " | tbsp 473176473/32000000000000 | tsp 473176473/96000000000000"
    " | floz 473176473/16000000000000 | cc 1/1000000 | barrel 9936705933/62500000000",
    "speed": "mph 1397/3125 | kph 5/18 | kmh 5/18 | kmph 5/18 | knot 463/900 | kn 463/900 | mps 1 | fps 381/1250",
    "force": "N 1 | lbf 8896443230521/2000000000000", "pressure": "Pa 1 | bar 100000 | atm 101325 | psi 6895"
    " | mmHg 133322387415/1000000000",
    "energy": "J 1 | Wh 3600 | cal 523/125 | eV 801088317/5000000000000000000000000000 | BTU 1055",
    "power": "W 1 | hp 746", "voltage": "V 1", "charge": "C 1", "resistance": "Ω 1 | ohm 1", "capacity": "F 1",
    "flux": "Wb 1", "field": "T 1", "inductance": "H 1", "frequency": "Hz 1 | rpm 1/60",
    "concentration": "M 1000", "loudness": "dB 1",
}  # fmt: skip
"""Symbols with their sizes, by quantity."""
_DERIVED = {
    "area": "length 2", "volume": "length 3", "speed": "length 1 time -1", "force": "mass 1 length 1 time -2",
    "pressure": "mass 1 length -1 time -2", "energy": "mass 1 length 2 time -2", "power": "mass 1 length 2 time -3",
    "voltage": "mass 1 length 2 time -3 current -1", "charge": "current 1 time 1",
    "resistance": "mass 1 length 2 time -3 current -2", "capacity": "mass -1 length -2 time 4 current 2",
    "flux": "mass 1 length 2 time -2 current -1", "field": "mass 1 time -2 current -1",
    "inductance": "mass 1 length 2 time -2 current -2", "frequency": "time -1", "concentration": "amount 1 length -3",
}  # fmt: skip
_PREFIXES = {
    "n": ("nano", -9), "µ": ("micro", -6), "u": ("micro", -6), "m": ("milli", -3), "c": ("centi", -2),
    "d": ("deci", -1), "h": ("hecto", 2), "k": ("kilo", 3), "K": ("kilo", 3), "M": ("mega", 6), "G": ("giga", 9),
    "T": ("tera", 12),
}  # fmt: skip
_PREFIXED = {
    "m": "nµumcdk", "g": "nµumk", "s": "nµum", "L": "µumcdhk", "l": "µumcdhk", "N": "mkM", "Pa": "hkMG", "J": "mkMG",
    "W": "mkMGT", "V": "µumkM", "A": "nµumk", "Hz": "kMGT", "b": "kMG", "B": "kKMGT", "Wh": "kMGT", "eV": "kMGT",
    "cal": "k", "mol": "mk", "F": "nµum", "Ω": "mkM", "C": "nµum", "T": "m",
}  # fmt: skip
_WORDS = {
    "m": "meter metre метр метра метров м 米 metro mètre", "g": "gram gramme грамм грамма граммов г 克 gramo gramm",
    "s": "second sec секунда секунды секунд сек с 秒 segundo seconde sekunde sekunden",
    "min": "minute mins минута минуты минут мин 分钟 分 minuto minuten", "fen": "分",
    "h": "hour hr час часа часов ч 小时 时 钟头 hora heure stunde stunden",
    "d": "day день дня дней 天 日 día dia jour tag tage",
    "wk": "week неделя недели недель 周 星期 semana semaine woche",
    "yr": "year год года лет 年 año ans année jahr jahre", "mo": "month месяц месяца месяцев 个月 月 mes mois monat",
    "L": "liter litre литр литра литров л 升 litro", "t": "ton tonne тонна тонны тонн т 吨 tonelada",
    "lb": "pound", "GBP": "pound sterling", "in": "inch inches inche 英寸 pulgada pouce zoll",
    "ft": "foot feet 英尺 pie pied", "yd": "yard",
    "mi": "mile 英里", "oz": "ounce", "floz": "ounce", "jin": "斤", "mu": "亩", "ha": "hectare га 公顷",
    "gal": "gallon", "qt": "quart", "pt": "pint", "tbsp": "tablespoon", "tsp": "teaspoon", "knot": "kt",
    "century": "centuries siglo 世纪", "Pa": "pascal паскаль", "J": "joule джоуль дж 焦耳", "N": "newton ньютон н 牛",
    "W": "watt ватт вт 瓦", "V": "volt вольт 伏", "A": "amp ampere ампер 安", "Hz": "hertz герц гц 赫兹",
    "C": "coulomb", "F": "farad", "Ω": "ohm ом 欧", "cal": "calorie", "b": "bit", "B": "byte байт 字节", "mol": "mole",
    "T": "tesla", "deg": "degree градус градуса градусов 度 grado grad", "arcmin": "minute", "arcsec": "second",
    "rev": "revolution", "USD": "dollar доллар доллара долларов 美元 dólar", "¢": "cent центов", "eurocent": "cent",
    "EUR": "euro евро 欧元", "JPY": "yen иена 円 日元", "CNY": "yuan renminbi юань юаней 元 块 人民币 圆",
    "jiao": "角 毛",
    "RUB": "ruble rouble рубль рубля рублей руб р", "kopeck": "копейка копейки копеек коп", "INR": "rupee",
    "KRW": "원", "penny": "pence pennies", "CHF": "franc", "MXN": "peso", "ohm": "ohms", "acre": "акр 英亩",
    "hp": "horsepower",
}  # fmt: skip
PHRASES = {
    r"nautical miles?": "nmi", r"light[- ]years?": "ly", r"mm\s*Hg": "mmHg", r"fl(?:uid|\.)? ?(?:ounces?|oz)": "floz",
    r"(?:metric|long) tonn?e?s?": "t", r"US dollars?": "USD", r"Canadian dollars?": "CAD",
    r"Australian dollars?": "AUD",
    r"pounds? sterling": "GBP", r"degrees? Celsius": "℃", r"degrees? Fahrenheit": "℉", r"degrees? C(?![a-z])": "℃",
    r"degrees? F(?![a-z])": "℉",
}  # fmt: skip
"""Units of two words, as patterns, with their symbols."""
_PREFIX_WORDS = {
    "k": "千", "c": "厘", "m": "毫", "d": "分"
}  # fmt: skip
_ALSO = {
    "公里": "km", "公斤": "kg", "км": "km", "см": "cm", "мм": "mm", "дм": "dm", "кг": "kg", "мг": "mg", "мл": "mL",
    "километр": "km", "километра": "km", "километров": "km", "сантиметр": "cm", "сантиметра": "cm",
    "сантиметров": "cm", "миллиметр": "mm", "миллиметров": "mm", "килограмм": "kg", "килограмма": "kg",
    "килограммов": "kg", "миллилитров": "mL", "квт": "kW", "кпа": "kPa", "кн": "kN", "micron": "µm", "kilo": "kg",
    "mcg": "µg", "weber": "Wb", "henry": "H", "candela": "cd",
}  # fmt: skip


def _symbols() -> dict[str, tuple[Unit, ...]]:
    table: dict[str, tuple[Unit, ...]] = {}
    for quantity, line in _BASES.items():
        parts = _DERIVED.get(quantity, f"{quantity} 1").split()
        dimension = tuple(sorted((name, int(power)) for name, power in zip(parts[::2], parts[1::2], strict=True)))
        for entry in line.split(" | "):
            symbol, _, size = entry.rpartition(" ")
            table[symbol] = (Unit(Fraction(size), dimension),)
    for symbol, prefixes in _PREFIXED.items():
        for prefix in prefixes:
            (unit,) = table[symbol]
            power = _PREFIXES[prefix][1]
            table[prefix + symbol] = (Unit(unit.size * Fraction(10) ** power, unit.dimension),)
    temperature: Dimension = (("temperature", 1),)
    kelvin = Unit(Fraction(1), temperature)
    celsius = Unit(Fraction(1), temperature, Fraction(27315, 100))
    fahrenheit = Unit(Fraction(5, 9), temperature, Fraction(45967, 100))
    table |= {"K": (kelvin,), "℃": (celsius,), "℉": (fahrenheit,)}
    table |= {"C": (*table["C"], celsius), "F": (*table["F"], fahrenheit)}
    table["rad"] = (Unit(Fraction(180), (("angle", 1),), pi=-1),)
    return table


def _words() -> dict[str, tuple[Unit, ...]]:
    table: dict[str, tuple[Unit, ...]] = {}
    for symbol, line in _WORDS.items():
        for word in line.split():
            table[word] = (*table.get(word, ()), *SYMBOLS[symbol])
        if symbol in _PREFIXED:
            for prefix in _PREFIXED[symbol]:
                for word in line.split():
                    table[_PREFIXES[prefix][0] + word] = SYMBOLS[prefix + symbol]
                if prefix in _PREFIX_WORDS:
                    for word in line.split():
                        if "\u4e00" <= word <= "\u9fff":
                            table[_PREFIX_WORDS[prefix] + word] = SYMBOLS[prefix + symbol]
    table |= {word: SYMBOLS[symbol] for word, symbol in _ALSO.items()}
    table |= {"celsius": SYMBOLS["℃"], "centigrade": SYMBOLS["℃"], "fahrenheit": SYMBOLS["℉"], "kelvin": SYMBOLS["K"]}
    table |= {
        "radian": SYMBOLS["rad"],
        "радиан": SYMBOLS["rad"],
        "ton": (*table["ton"], Unit(_SHORT_TON, (("mass", 1),))),
    }
    return table | {"¥": (*SYMBOLS["CNY"], *SYMBOLS["JPY"])}


_SHORT_TON = Fraction(45359237, 50000)
SYMBOLS = _symbols()
WORDS = _words()
