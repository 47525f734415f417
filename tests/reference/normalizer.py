"""The slow twin of the Rust normalizer: regular expressions instead of a scanner, strings instead of indices.

It covers what generated Twi text holds (words, numbers, money, dates, times, units, mojibake, look-alikes,
chat letters). Addresses, hashtags, chains of digits and markup are left to the golden tables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from reference import english

UNITS = {
    "asante": ["hwee", "baako", "mmienu", "mmiɛnsa", "nan", "num", "nsia", "nson", "nwɔtwe", "nkron"],
    "akuapem": ["hwee", "biako", "abien", "abiɛsa", "anan", "anum", "asia", "asɔn", "awɔtwe", "akron"],
}
TEENS = {
    "asante": [
        "du",
        "dubaako",
        "dummienu",
        "dummiɛnsa",
        "dunan",
        "dunum",
        "dunsia",
        "dunson",
        "dunwɔtwe",
        "dunkron",
    ],
    "akuapem": [
        "du",
        "dubiako",
        "dumien",
        "dumiɛnsa",
        "dunan",
        "dunum",
        "dunsia",
        "dunson",
        "dunwɔtwe",
        "dunkron",
    ],
}
TENS = ["aduonu", "aduasa", "aduanan", "aduonum", "aduosia", "aduɔson", "aduɔwɔtwe", "aduɔkron"]
HUNDREDS = ["ɔha", "ahanu", "ahasa", "ahanan", "ahanum", "ahansia", "ahanson", "ahanwɔtwe", "ahankron"]
PEOPLE = ["baanu", "baasa", "baanan", "baanum", "baasia", "baason", "baawɔtwe", "baakron"]
PEOPLE_NOUNS = [
    "nnipa",
    "mmaa",
    "mmarima",
    "mmɔfra",
    "mmofra",
    "anuanom",
    "nuanom",
    "asuafo",
    "nananom",
    "nkurɔfo",
]
CITATION = {"nan": "ɛnan", "num": "enum", "du": "edu"}
MONTHS = [
    "ɔpɛpɔn",
    "ɔgyefoɔ",
    "ɔbɛnem",
    "oforisuo",
    "kɔtɔnimaa",
    "ayɛwohomumɔ",
    "kitawonsa",
    "ɔsanaa",
    "ɛbɔ",
    "ahinime",
    "obubuo",
    "ɔpɛnimaa",
]
ENGLISH_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
SHORT_MONTHS = {month[:3]: month for month in ENGLISH_MONTHS if month != "may"} | {"sept": "september"}
DAYS = ["dwoada", "benada", "wukuada", "yawoada", "fiada", "memeneda", "kwasiada"]
ENGLISH_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SHORT_DAYS = {day[:3]: day for day in ENGLISH_DAYS}
SHORT_DAYS |= {"tues": "tuesday", "weds": "wednesday", "thur": "thursday", "thurs": "thursday"}
DAY_NAMES = {*DAYS, *ENGLISH_DAYS, *SHORT_DAYS} - {"weds"}
SPELLINGS = {
    *("ɔpɛpon", "opɛpɔn", "ɔgyefo", "ɔgyefuo", "ɔgyefuɔ", "obɛnem", "kɔtɔnimma"),
    *("kɔtɔnima", "kotonimaa", "kotonimma", "kotonima", "ayɛwohomumu", "ayɛwohummɔ", "ayɛwohomummɔ"),
    *("ayɛwohommɔ", "ayɛwohumumɔ", "ayɛwohummo", "kutawonsa", "ɔsannaa", "ɔsandaa", "ɛbɔbira"),
    *("ebɔbira", "ɔbubuo", "ɔpɛnimma", "opɛnimma"),
}
WHOLE_MONTHS = {*MONTHS, *ENGLISH_MONTHS, *SPELLINGS}
MONTH_NAMES = WHOLE_MONTHS | {*SHORT_MONTHS}
CURRENCY = {
    "GH₵": "sidi",
    "GHS": "sidi",
    "₵": "sidi",
    "¢": "sidi",
    "$": "dɔla",
    "£": "pɔn",
    "€": "yuro",
    "₦": "naira",
}
HUNDREDTH = {"sidi": "pɛsewa", "dɔla": "sɛnt", "pɔn": "pɛns", "yuro": "sɛnt", "naira": "kobo"}
MAGNITUDE = {"million": "ɔpepem", "m": "ɔpepem", "bn": "ɔpepepem"}
UNIT = {
    "km/h": "kilomita",
    "km²": "kilomita ahinanan",
    "km": "kilomita",
    "cm": "sɛntimita",
    "mm": "milimita",
    "kg": "kilogram",
    "mg": "miligram",
    "ml": "mililita",
    "m": "mita",
    "g": "gram",
    "µg": "mikrogram",
    "kHz": "kilohɛts",
    "kcal": "kilokalori",
    "psi": "pii ɛs ai",
    "l": "lita",
    "°C": "digrii sɛlsiɔs",
    "°F": "digrii farɛnhait",
    "%": "ɔha mu nkyekyɛmu",
}
SIGN = "|".join(map(re.escape, sorted(CURRENCY, key=len, reverse=True)))
UNIT_SIGN = "|".join(map(re.escape, UNIT))
FRACTION_SIGNS = {"½": "1/2", "⅓": "1/3", "¼": "1/4", "¾": "3/4"}
TITLES = {
    "dr": "dɔkta",
    "mr": "owura",
    "mrs": "awuraa",
    "ms": "awuraa",
    "prof": "ɔbenfoɔ",
    "rev": "ɔsɔfo",
}
LETTERS = [
    "ee",
    "bii",
    "sii",
    "dii",
    "ii",
    "ɛf",
    "gyii",
    "ɛɛkye",
    "ai",
    "gyee",
    "kee",
    "ɛl",
    "ɛm",
    "ɛn",
    "oo",
    "pii",
    "kuu",
    "aa",
    "ɛs",
    "tii",
    "yuu",
    "vii",
    "dabuliu",
    "ɛks",
    "wai",
    "zɛd",
]
ROMAN = {"II": 2, "III": 3, "IV": 4, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "XI": 11, "XX": 20}
BOOKS = {"yohane", "mateo", "luka", "marko", "romafoɔ"}
THINGS = {
    "chapter",
    "class",
    "form",
    "grade",
    "halt",
    "kuo",
    "kuw",
    "level",
    "ofa",
    "operation",
    "part",
    "phase",
}
THINGS |= {"project", "section", "stage", "ti", "unit", "volume", "ɔfa"}
STRENGTH = ",:;.…!?"
CAPITALS = "A-ZƐƆ"
LETTER = r"[^\W\d_²³]"
COUNTED = [
    *("cedi", "cedis", "sidi", "pesewas", "pɛsewa", "dollars", "dɔla", "euros", "pounds"),
    *("percent", "nnipa", "mfeɛ", "mfe", "afe", "nna", "nnafua", "dɔnhwere", "simma"),
    *("kilomita", "kilo", "mita", "kg", "km", "cm", "mm", "mg", "ml"),
    *("m", "g", "l", "ghs", "am", "pm", "rd", "th", "hrs"),
    *("min", "days", "weeks", "months", "years"),
]
"""What a figure behind "<" counts; "<3" alone is a heart."""
HELP = "112|191|192|193|911|999|117|311"
SMALL = "a-zà-ÿɛɔ\u0101\u0113\u012b\u014d\u016b\u0300-\u0304"

LOOK_ALIKES = str.maketrans("εΕєЄԑԐɜͻϽↄↃᴐכοΟ", "ɛƐɛƐɛƐɛɔƆɔƆɔɔoO")
QUOTES = str.maketrans(dict.fromkeys("’‘´`ʼ′ꞌ", "'") | dict.fromkeys("“”„«»", '"'))
JOINED_MARKS = str.maketrans({"‼": "!", "⁇": "?", "⁈": "?", "⁉": "?", "‽": "?"})
MOJIBAKE = {
    "É›": "ɛ",
    "É”": "ɔ",
    "Æ†": "Ɔ",
    "Æ\x90": "Ɛ",
    "Ã©": "é",
    "Ã¡": "á",
    "Ã£": "ã",
    "â€™": "'",
    "â€“": "-",
    "â€¦": "…",
    "â‚µ": "₵",
    "Â£": "£",
    "Â½": "½",
}

NUMBER = r"(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?: \d{3})* 000(?!\d)|[1-9]\d{0,2}(?:\.\d{3}){2,}|\d+)"
FRACTION = f"(?:{'|'.join(f'{a}/{b}' for b in range(10, 1, -1) for a in range(b - 1, 0, -1))})(?![\\w/])"
DECIMAL = rf"(?:{NUMBER}(?:\.\d+|,\d{{1,2}}(?!\d))?)"


def cardinal(n: int, variety: str = "asante") -> str:
    """Returns the words of n < 10^15, by groups of three digits of its decimal string."""
    if n == 0:
        return "hwee"
    text = f"{n:015d}"
    groups = [int(text[k : k + 3]) for k in range(0, 15, 3)]
    names = ["ɔpepepepem", "ɔpepepem", "ɔpepem", "mpem"]
    words: list[str] = []
    for name, group in zip(names, groups, strict=False):
        if group == 1:
            words.append({"mpem": "apem"}.get(name, name))
        elif group:
            words.append(f"{name} {below_thousand(group, variety)}")
    if groups[4]:
        link = "ne " if words and groups[4] < 100 else ""
        words.append(link + below_thousand(groups[4], variety))
    return " ".join(words)


def below_thousand(n: int, variety: str) -> str:
    parts = []
    if n >= 100:
        hundreds = HUNDREDS[n // 100 - 1]
        parts.append("ahaasa" if variety == "akuapem" and hundreds == "ahasa" else hundreds)
    rest = n % 100
    if rest >= 20:
        unit = f" {UNITS[variety][rest % 10]}" if rest % 10 else ""
        parts.append(TENS[rest // 10 - 2] + unit)
    elif rest >= 10:
        parts.append(TEENS[variety][rest - 10])
    elif rest:
        parts.append(UNITS[variety][rest])
    return " ne ".join(parts)


def repair(text: str) -> str:
    """Returns `text` with broken sequences, look-alikes and chat letters repaired, in NFC."""
    for broken, whole in MOJIBAKE.items():
        text = text.replace(broken, whole)
    text = text.replace("\u200b", "").replace("\ufeff", "").replace("\u00ad", "").replace("\u00a0", " ")
    text = text.translate(LOOK_ALIKES).translate(QUOTES).translate(JOINED_MARKS).replace("−", "-")
    text = unicodedata.normalize("NFC", text)
    text = text.replace("μ", "µ")
    text = re.sub(r"(?<!\d)(\d{1,3})(⁻?[⁰¹²³⁴-⁹]+)", power, text)
    text = re.sub(rf"<3(?![\w.,%‰°/=]|(?i: *(?:{'|'.join(COUNTED)})(?!{LETTER})))", " ", text)
    text = re.sub(rf"([SY])3(?= +({LETTER}+))", opening, text)
    text = re.sub(rf"(?<=[{SMALL}])!(?=[A-ZƐƆ])", "! ", text.replace("ꜜ", "\0"))
    text = re.sub(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u0304]|['!\0](?=[^\W\d_]))*", downstep, text)
    text = text.replace("\0", "")
    text = re.sub(r"(?i)(([^\W\d_][\u0300-\u0304]*)\2{19})\2+", r"\1", text)
    for sign, slash in FRACTION_SIGNS.items():
        text = re.sub(rf"(?<=\d){sign}", f" {slash}", text).replace(sign, slash)
    text = re.sub(
        r"\b(?!\d*\d(?:kg|km²?|cm|mm|mg|ml|µg|m²|[b-df-hj-np-tv-z]|kHz|kcal|psi|am|pm|rd|th)(?![^\W_]))(?=[^\W_]*[^\W\d_²³])(?:[^\W\d_²³]|3)+(?![^\W_²³])",
        chat,
        text,
    )
    paired = re.sub(r"\([^()]*\)", lambda pair: f"\1{pair[0][1:-1]}\2", text)
    spelled = re.sub(r"(?<=[^\W\d_])\)|(?<!\w)\)(?=[^\W\d_])", "ɔ", paired)
    return spelled.replace("\1", "(").replace("\2", ")")


def downstep(match: re.Match[str]) -> str:
    """Returns a word with its downsteps as ꜜ if it has a tone mark, and without them if not."""
    token = match[0]
    toned = re.search("[\u0300\u0301\u0304]", unicodedata.normalize("NFD", token))
    return re.sub("[!\0]", "ꜜ", token) if toned else token.replace("\0", "")


def power(match: re.Match[str]) -> str:
    """Returns a figure with the figures raised behind it; one square or cube keeps its sign."""
    base, raised = match.groups()
    plain = raised.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return match[0] if raised in {"²", "³"} else f"{base}^{plain}"


def opening(match: re.Match[str]) -> str:
    """S3 and Y3 are words where a sentence of Twi starts with them."""
    before = match.string[max(0, match.start() - 6) : match.start()].rstrip(" \"'")
    opens = before[-1] in ".!?…\n:" if before else match.start() < 6
    after = match[2]
    twi = (english.is_twi(after) or not after.isascii()) and after not in english.COMMON
    return f"{match[1]}ɛ" if opens and after[0].islower() and twi else match[0]


def chat(match: re.Match[str]) -> str:
    token = match[0]
    return (
        token if re.fullmatch(r"[A-Z]3|mp3|GHS3+|3FA|3[B-DF-HJ-NP-TV-Z]+", token) else token.replace("3", "ɛ")
    )


@dataclass
class Reading:
    """Words and marks read so far; "|" is a pause that needs a word after it."""

    variety: str
    human: bool
    clock_to_hour: bool
    parts: list[str] = field(default_factory=list)
    names: int = 0
    thing: bool = False
    """Whether a thing that is counted is among the names."""
    closes: set[int] = field(default_factory=set)
    """Where brackets around words close."""
    unit: list[str] = field(default_factory=list)
    number_end: int = -9
    """Where the last number ended, with its unit."""
    verses: int = -1
    """Where the last verse ended, -1 without one."""

    def follows_number(self, at: int, spaced: bool | None = None) -> bool:
        """Whether a number ends at `at`, or one space before it if `spaced`; None means either."""
        return self.number_end in ([at, at - 1] if spaced is None else [at - 1 if spaced else at])

    def say(self, *words: str) -> None:
        for word in words:
            self.parts.extend(word.split())

    def noun(self) -> str:
        last = self.parts[-1] if self.parts else "."
        return "" if last in STRENGTH or last == "|" else last

    def count(self, digits: str, form: str = "") -> str:
        digits = re.sub(r"\D", "", digits)
        if (len(digits) > 1 and digits[0] == "0") or len(digits) > 15:
            return " ".join(self.citation(UNITS[self.variety][int(d)]) for d in digits)
        n = int(digits)
        if form == "alone":
            return self.citation(cardinal(n, self.variety))
        if form == "people" and 2 <= n <= 9:
            return PEOPLE[n - 2]
        return cardinal(n, self.variety)

    def citation(self, word: str) -> str:
        return CITATION.get(word, word) if self.variety == "asante" else word

    def form(self) -> str:
        noun = self.noun()
        if not noun:
            return "alone"
        person = noun in PEOPLE_NOUNS or (noun.endswith("foɔ") and len(noun) > 4)
        return "people" if self.human and person else "after"

    def figure(self, text: str, form: str) -> str:
        """Returns the words of a grouped, decimal or fractional number."""
        if fraction := re.fullmatch(r"(?:(\d+) ?)?(\d+)/(\d+)", text):
            whole, a, b = fraction.groups()
            part = "fa" if (a, b) == ("1", "2") else f"nkyɛmu {self.count(b)} mu {self.count(a)}"
            return f"{self.count(whole, 'after' if form == 'people' else form)} ne {part}" if whole else part
        if (decimal := re.fullmatch(rf"({NUMBER})[.,](\d+)", text)) and not re.fullmatch(NUMBER, text):
            whole, tail = decimal.groups()
            by_digit = len(tail) > 2 or tail[0] == "0"
            words = [self.count(d) for d in tail] if by_digit else [self.count(tail)]
            whole_words = self.count(whole, "after" if form == "people" else form)
            return f"{whole_words} akyiri pɔ {' '.join(words)}"
        return self.count(text, form)


Rule = Callable[[Reading, re.Match[str]], bool | None]
"""Reads a match, or returns False and leaves it to the rules after it."""
RULES: list[tuple[re.Pattern[str], Rule]] = []


def rule(pattern: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        RULES.append((re.compile(pattern), function))
        return function

    return register


@rule(
    r"(?!0(?: \d){9}(?! ?\d))\d(?: \d){3,}(?=\n|$|[.,;:!?…)\]\"'](?!\d)"
    rf"| (?! |{SIGN}|(?:{UNIT_SIGN}|cedis)(?![\w'/²])|\d))"
)
def one_by_one(reading: Reading, match: re.Match[str]) -> None:
    """Single figures in a row; ten that begin with 0 are a telephone number."""
    reading.say(*(reading.count(digit, "alone") for digit in re.findall(r"\d", match[0])))


@rule(r"(?P<plus>\+233)(?P<rest>(?:[ -]?\d+)+)\b|0\d{9}\b|0\d{2}([ -])\d{3}\2\d{4}\b")
def phone(reading: Reading, match: re.Match[str]) -> None:
    if match[0][0] == "+":
        reading.say("plɔs")
    for k, group in enumerate(re.findall(r"\d+", match[0])):
        if k:
            reading.say("|")
        reading.say(*(reading.count(d, "alone") for d in group))


@rule(r"(?P<h>\d{1,4}) ?h(?: (?P<m>\d{1,4}) ?m(?:in)?)?\b|(?P<min>\d{1,4}) ?min (?P<s>\d{1,4}) ?s\b")
def duration(reading: Reading, match: re.Match[str]) -> None:
    nouns = {"h": "dɔnhwere", "m": "simma", "min": "simma", "s": "sɛkɛnd"}
    for key, noun in nouns.items():
        if match[key]:
            reading.say(noun, reading.count(match[key]))


@rule(r"([A-Z])([A-Z]) (\d{1,4})-(\d\d)\b(?!-)")
def plate(reading: Reading, match: re.Match[str]) -> None:
    reading.say(*(LETTERS[ord(match[k]) - ord("A")] for k in (1, 2)))
    reading.say(*(reading.count(digit, "alone") for digit in match[3]), "|")
    reading.say(*(reading.count(digit, "alone") for digit in match[4]))


@rule(r"[*#]+\d[\d*#]*#(?!\w)")
def short_code(reading: Reading, match: re.Match[str]) -> None:
    signs = {"*": "star", "#": "hash"}
    reading.say(*(signs.get(c) or reading.count(c, "alone") for c in match[0]))


NUMERALS = {word: k for row in UNITS.values() for k, word in enumerate(row)}
NUMERALS |= {word: 10 + k for row in TEENS.values() for k, word in enumerate(row)}
NUMERALS |= {word: 2 + k for k, word in enumerate(PEOPLE)} | {"ɛnan": 4, "enum": 5, "edu": 10}
NUMERALS |= {"koro": 1, "mienu": 2, "miɛnsa": 3, "ason": 7, "asuon": 7, "dumienu": 12, "dummiɛnsa": 13}
NUMERALS |= {word: 20 + 10 * k for k, word in enumerate(TENS)} | {
    "aduoson": 70,
    "aduowɔtwe": 80,
    "aduokron": 90,
}
NUMERALS |= {word: 100 + 100 * k for k, word in enumerate(HUNDREDS)} | {"ahannu": 200, "ahaasa": 300}
NUMERALS |= {word: -1 - k for k, word in enumerate(["akyiri", "pɔ", "apem", "mpem", "ɔpepem", "ɔpepepem"])}
"""Words of numbers, each with a figure that its other forms share."""


@rule(rf"\( *(?:(?:{SIGN}) *)?(?P<n>{FRACTION}|{DECIMAL}) *(?P<unit>(?i:{UNIT_SIGN}))? *\)")
def said_twice(reading: Reading, match: re.Match[str]) -> bool | None:
    """A figure in brackets is silent after the same number in words, and after its unit."""
    if not reading.noun():
        return False
    said = list(reading.parts)
    unit = {sign.lower(): noun.split() for sign, noun in UNIT.items()}.get((match["unit"] or "").lower(), [])
    if unit and said[-len(unit) :] == unit:
        said = said[: -len(unit)]
    wanted = reading.figure(match["n"], "after").split()
    if wanted[-1] in {"apem", "ɔpepem", "ɔpepepem"} and len(wanted) == 1 and said[-1:] == ["baako"]:
        said.pop()
    values = [NUMERALS.get(word) for word in said if word != "ne"]
    for number in reversed([NUMERALS.get(word) for word in wanted if word != "ne"]):
        last = values.pop() if values else None
        if number is None or last is None:
            return False
        if 10 < number < 20 and last == number - 10 and values[-1:] == [10]:
            values.pop()  # "du baako" for "dubaako"
        elif last != number:
            return False
    # Ones before it are another number: "baako ne mmienu (2)".
    before = values.pop() if values else None
    return None if before is None or (0 < before < 20 and before != 10) else False


@rule(r"(?P<y>(?:19|20)(?P<short>\d\d))-(?P<m>0[1-9]|1[0-2])\b(?![-/])")
def year_month(reading: Reading, match: re.Match[str]) -> None:
    if match["short"] < match["m"]:
        number(reading, re.match(r"(?P<minus>-)?(?P<n>\d+)-(?P<to>\d+)(?P<cedis> cedis)?", match[0]))
    else:
        reading.say(MONTHS[int(match["m"]) - 1], "|", "afe", reading.count(match["y"]))


@rule(r"No\. ?(?=\d)")
def house_number(reading: Reading, match: re.Match[str]) -> None:
    reading.say("nɔma")


SIGNS = {"≠": "nyɛ", "≤": "nnuru anaa ɛyɛ", "≥": "boro anaa ɛyɛ", "≈": "bɛyɛ", "÷": "kyɛ mu", "×": "mpɛn"}
BETWEEN = {"=": "yɛ", "<": "nnuru", ">": "boro", "+": "plɔs", "^": "tumi"}
AMOUNT = rf"(?:\.?\d|(?:{SIGN}))"


@rule(
    rf"<=(?= ?\(?[-√]?(?:{AMOUNT}|{LETTER}(?!\w)))|>=(?= ?\(?[-√]?(?:{AMOUNT}|{LETTER}(?!\w)))|[{''.join(SIGNS)}]"
)
def comparison(reading: Reading, match: re.Match[str]) -> None:
    reading.say(SIGNS[{"<=": "≤", ">=": "≥"}.get(match[0], match[0])])


@rule(
    rf"(?P<before> *)[-–—](?![-–—])(?P<after> *)"
    rf"(?=(?P<amount>{AMOUNT})|\d*{LETTER}(?!\w) ?=)(?=(?P<sum>\d*{LETTER}? *=)?)"
)
def range_or_minus(reading: Reading, match: re.Match[str]) -> bool | None:
    """The dash between two amounts is a range, and the minus of a sum where an equals sign follows."""
    number, before = reading.number_end == match.start(), match.string[: match.start()]
    operand = number or re.search(rf"(?:(?<!\w)|(?<=\d)){LETTER}\Z", before)
    if match["sum"] and operand and match["before"] == match["after"] == " ":
        reading.say("maenɔs")
    elif number and match["amount"] and match["before"] == match["after"]:
        reading.say("kɔsi")
    else:
        return False
    return None


@rule(rf"(?:(?P<to>to|→)|[xX*])(?= ?{AMOUNT})")
def between_numbers(reading: Reading, match: re.Match[str]) -> bool | None:
    """Reads "10 to 15" and "20m x 30m"."""
    spaced = match.string[match.start() - 1 : match.start()] == " "
    if not reading.follows_number(match.start(), spaced):
        return False
    reading.say("kɔsi" if match["to"] else "mpɛn")
    return None


@rule(r"[=<>+^]")
def operator(reading: Reading, match: re.Match[str]) -> bool | None:
    """A sign between two operands; < and > at a limit: "<5"; between two words that stand apart from it."""
    sign, before, after = match[0], match.string[: match.start()], match.string[match.end() :]
    operand = reading.follows_number(match.start()) or re.search(
        rf"(?:[)\]²³%]|\d!|\d|(?:(?<!\w)|(?<=\d)){LETTER}) ?\Z", before
    )
    between = operand and re.match(rf" ?\(?[-√]?(?:{AMOUNT}|{LETTER}(?!\w))", after)
    if sign in "<>":
        quotes = before[-1:] == "\n" or (not before and sign == ">")
        limit = re.search(r"(?:\A|[\s(])\Z", before) and re.match(
            r"\d+(?![<>\d])" if quotes else r" ?\d+(?![<>\d])", after
        )
        between = between or limit
    if sign in "<>=":
        apart = re.search(r"[^\W_] \Z|\) \Z", before) and re.match(r" (?:[^\W_]|[()])", after)
        between = between or apart
    if not between and not (sign == "+" and (after[:1].isdecimal() or before[-1:].isalnum())):
        return False
    reading.say(BETWEEN[sign])
    return None


@rule(
    rf"(?:{HELP})"
    rf"(?P<called>(?=(?: +{LETTER}{{1,16}}){{0,3}} +{LETTER}{{0,13}}frɛ(?:ɛ|eɛ)?(?!{LETTER})))?(?!\w|[.,:/-]\d)"
)
def help_number(reading: Reading, match: re.Match[str]) -> bool | None:
    """Numbers of emergency are read figure by figure where words near them call: "911 na wɔfrɛ", "Frɛ 112"."""
    caller = r"(?i:(?<!\w)(?:call|dial|number|nɔma|\w*frɛɛ?))(?:[ :,]{1,3}\w{1,16}){0,4}[ :,]{1,3}\Z"
    if match["called"] is None and not re.search(caller, match.string[: match.start()]):
        return False
    reading.say(*(reading.count(digit, "alone") for digit in match[0]))
    return None


@rule(
    r"(?:(?P<a>\d{1,2})(?P<s>[/.-])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|(?<=/)\d\d)"
    r"|(?P<y2>\d{4})(?P<s2>[/.-])(?P<b2>\d{1,2})(?P=s2)(?P<a2>\d{1,2}))(?![^\W_])(?!(?(s)(?P=s)|(?P=s2))\d)"
)
def numeric_date(reading: Reading, match: re.Match[str]) -> bool | None:
    day, month, year = (match[key] or match[f"{key}2"] for key in "aby")
    if int(month) > 12 >= int(day):
        day, month = month, day
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return False
    say_date(reading, MONTHS[int(month) - 1], int(day), year)
    return None


YEAR = r"(?:[,-] *| +)(?:[Aa]fe +)?(?P<y>[1-9]\d{3})(?!\w)(?![.,:/]\d)"
STOP = rf"""(?:[ "'()\[\]]*(?:\Z|\n)|[ "'()\[\]]+[{CAPITALS}])"""
"""What follows the mark at the end of a sentence."""
HALF = rf" *(?P<half>[aApP])(?:[mM]|\.[mM](?:\.(?!{STOP}))?)(?![\w'])"


@rule(
    rf"(?:(?P<from>\d+)(?:st|nd|rd|th)?[-–](?=\d))?(?P<d>\d{{1,2}})(?P<rank>st|nd|rd|th)?(?:-| +)(?:of +)?"
    rf"(?P<m>(?i:{'|'.join(SHORT_MONTHS)})\.(?=(?P<dated>{YEAR})?)(?(dated)|(?!{STOP}))|{LETTER}{{3,14}}(?!{LETTER}))"
    rf"(?P<year>{YEAR.replace('?P<y>', '?P<y2>')})?"
)
def day_first(reading: Reading, match: re.Match[str]) -> bool | None:
    """Reads "6 March 1957", "6th of March", "25 Dec.", "5-8 March"."""
    name = match["m"].lower().rstrip(".")
    month = SHORT_MONTHS.get(name, name)
    ranked = match["rank"] and name not in {"ɛbɔ", "may"} and name not in SHORT_MONTHS
    if name not in MONTH_NAMES or not 1 <= int(match["d"]) <= 31:
        return False
    if not (ranked or match["m"][0].isupper() or match["year"]):
        return False
    if match["from"] and not 0 < int(match["from"]) < int(match["d"]):
        return False
    say_date(reading, month, int(match["d"]), match["y2"], match["from"])
    return None


@rule(
    rf"(?P<m>{LETTER}{{3,14}})(?P<dot>\.)? +(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\w|[%/:–°-])"
    rf"(?:(?P<year>{YEAR})|(?![^ ]\d))"
)
def month_first(reading: Reading, match: re.Match[str]) -> bool | None:
    """Reads "March 6, 1957" and "Oct. 6"."""
    name, capital = match["m"].lower(), match["m"][0].isupper()
    short = name in SHORT_MONTHS and capital
    known = short or (name in WHOLE_MONTHS and not match["dot"])
    doubtful = name == "ɛbɔ" and not reading.noun()
    if not known or not 1 <= int(match["d"]) <= 31 or not (match["year"] or (capital and not doubtful)):
        return False
    say_date(reading, SHORT_MONTHS.get(name, name), int(match["d"]), match["y"])
    return None


@rule(rf"(?P<m>[{CAPITALS}]{LETTER}{{2,3}})\.?(?= )(?={YEAR})")
def short_month(reading: Reading, match: re.Match[str]) -> bool | None:
    name = match["m"].lower()
    if name not in SHORT_MONTHS:
        return False
    reading.say(SHORT_MONTHS[name])
    reading.names = match.end() + 1
    return None


@rule(
    rf"(?P<name>[{CAPITALS}]{LETTER}{{2,4}})(?!{LETTER}|'{LETTER})(?P<dot>\.(?!{STOP}))?"
    rf"(?=(?P<stop>\.)?(?P<dated>,? \d)?(?: *(?P<sign>[-–—/&,]) *| +(?P<link>to|kɔsi|ne|anaa) +)?"
    rf"(?P<next>[{CAPITALS}]{LETTER}{{2,13}}(?!{LETTER}))?)"
)
def short_name(reading: Reading, match: re.Match[str]) -> bool | None:
    """Short names of days and months, where a link to another one, a figure or a dot shows them to be no words."""
    name = match["name"].lower()
    day = name in SHORT_DAYS
    if not day and name not in SHORT_MONTHS:
        return False
    alike = DAY_NAMES if day else MONTH_NAMES
    signs, links = ("-–—/&,", {"to", "kɔsi", "ne", "anaa"}) if day else ("-–—/", {"to", "kɔsi"})

    before = match.string[max(0, match.start() - 4) : match.start()].rstrip(" ")
    linked = before[-1:] in tuple(signs) or reading.noun() in ({"kɔsi", "ne"} if day else {"kɔsi"})
    said = reading.parts[-2:]
    if said and said[-1] not in {"kɔsi", "ne", "anaa"}:
        said = ["", *(part for part in said if part not in {"|", ","})][-1:]
    after = match["next"] and ((match["sign"] or "!") in signs or match["link"] in links)
    if not (
        (linked and said and said[0] in alike)
        or (after and match["next"].lower() in alike)
        or (day and (match["dot"] or match["dated"]))
        or (day and match["stop"] and name not in {"sun", "sat"})
    ):
        return False
    reading.say((SHORT_DAYS if day else SHORT_MONTHS)[name])
    reading.names = match.end() + 1
    return None


@rule(
    rf"(?: ?(?P<dash>[-–—](?![-–—]))| ?(?P<slash>/)|(?P<to>to)(?= )) *(?=(?P<next>{LETTER}{{3,14}})(?!{LETTER}))"
)
def between_names(reading: Reading, match: re.Match[str]) -> bool | None:
    """What stands between two names of days or of months."""
    pair = {reading.noun(), match["next"].lower()}
    both = pair <= DAY_NAMES or pair <= MONTH_NAMES
    if not both or not (match["dash"] or match["next"][0].isupper()):
        return False
    reading.say("|" if match["slash"] else "kɔsi")
    return None


@rule(r"(?<![/-])(?P<m>0?[1-9]|1[0-2])/(?P<y>(?:19|20)\d\d)(?![\w/%-])(?![.,]\d)")
def month_year(reading: Reading, match: re.Match[str]) -> None:
    reading.say(MONTHS[int(match["m"]) - 1], "|", "afe", reading.count(match["y"]))


def say_date(reading: Reading, month: str, day: int, year: str | None, first: str | None = None) -> None:
    days = (
        f"{reading.count(first.lstrip('0'))} kɔsi {reading.count(str(day))}"
        if first
        else reading.count(str(day))
    )
    rank = "a ɛdi kan" if day == 1 else f"a ɛtɔ so {days}"
    reading.say(month, "da", rank)
    if year:
        reading.say("|", "afe", reading.count(year))


@rule(rf"(\d+):(\d+)(?:-(\d+)(?!\d|:\d))?(?!\d)(?:{HALF})?")
def colon(reading: Reading, match: re.Match[str]) -> None:
    first, second, third, half = *match.groups()[:3], match["half"]
    more = reading.verses >= 0 and match.string[reading.verses : match.start()].rstrip() == ";"
    verse = all(re.fullmatch(r"[1-9]\d{0,2}", figure) for figure in (first, second)) and not half
    if verse and (reading.noun() in BOOKS or more):
        reading.say("ti", reading.count(first), "nkyekyɛmu", reading.count(second))
        if third:
            reading.say("kɔsi", reading.count(third))
        reading.verses = match.end()
    elif int(first) <= 24 and len(second) == 2 and int(second) < 60:
        say_time(reading, int(first), int(second), half)
    else:
        reading.say(reading.count(first, reading.form()), "|", reading.count(second, "alone"))


@rule(rf"(\d{{1,2}}){HALF}")
def bare_hour(reading: Reading, match: re.Match[str]) -> bool | None:
    if not 0 < int(match[1]) <= 24:
        return False
    say_time(reading, int(match[1]), 0, match["half"])
    return None


def say_time(reading: Reading, hour: int, minute: int, half: str | None) -> None:
    known = half is not None or hour > 12 or hour == 0
    if half and hour <= 12:
        hour = hour % 12 + (12 if half in "pP" else 0)
    ahead = reading.clock_to_hour and minute > 30
    if ahead:
        reading.say("aka simma", reading.count(str(60 - minute)), "na abɔ")
        hour += 1
    periods = ["anadwo"] * 4 + ["anɔpa"] * 8 + ["awia"] * 4 + ["anwummerɛ"] * 3 + ["anadwo"] * 5
    if known and reading.noun() != periods[hour % 24]:
        reading.say(periods[hour % 24])
    twelve = hour % 12 or 12
    reading.say("dɔnko" if twelve == 1 else f"nnɔn {reading.count(str(twelve))}")
    if minute and not ahead:
        reading.say("ne fa" if minute == 30 else f"apa ho simma {reading.count(str(minute))}")


@rule(rf"(?P<sign>{SIGN}) ?(?P<n>{DECIMAL})(?: ?(?P<size>million|bn|m)\b)?")
def money(reading: Reading, match: re.Match[str]) -> None:
    noun, number, size = CURRENCY[match["sign"]], match["n"], match["size"]
    if size:
        reading.say(noun, MAGNITUDE[size])
        if number != "1":
            reading.say(reading.figure(number, "after"))
        return
    whole, dot, tail = number.partition(".") if re.search(r"\.\d+$", number) else (number, "", "")
    if dot and not tail.strip("0"):
        reading.say(noun, reading.count(whole))
    elif len(tail) == 2:
        if whole != "0":
            reading.say(noun, reading.count(whole), "ne")
        reading.say(HUNDREDTH[noun], cardinal(int(tail), reading.variety))
    else:
        reading.say(noun, reading.figure(number, "after"))


@rule(
    rf"(?P<minus>-?)(?P<n>(?:\d+ )?{FRACTION}|{DECIMAL})(?:[-–](?P<to>{DECIMAL}))? ?(?P<unit>{UNIT_SIGN})(?![\w'/²])"
)
def unit(reading: Reading, match: re.Match[str]) -> None:
    noun = UNIT[match["unit"]].split()
    repeated = reading.noun() == "kɔsi" and reading.unit == noun
    if not repeated and reading.parts[-len(noun) :] != noun:
        reading.say(*noun)
    reading.unit = noun
    if match["minus"]:
        reading.say("maenɔs")
    reading.say(reading.figure(match["n"], "after"))
    if match["to"]:
        reading.say("kɔsi", reading.figure(match["to"], "after"))
    if match["unit"] == "km/h":
        reading.say("dɔnhwere biara")


@rule(r"(\d+)p\b")
def pesewas(reading: Reading, match: re.Match[str]) -> None:
    reading.say("pɛsewa", reading.count(match[1]))


@rule(r"(\d+)(?:st|nd|rd|th)\b")
def ordinal(reading: Reading, match: re.Match[str]) -> None:
    reading.say("a ɛdi kan" if match[1] == "1" else f"a ɛtɔ so {reading.count(match[1])}")


@rule(
    r"(?P<minus>(?<![\w-])-)?(?P<n>(?:\d+ )?"
    + FRACTION
    + "|"
    + DECIMAL
    + r")(?:[-–](?P<to>\d+))?(?P<cedis> cedis\b)?"
)
def number(reading: Reading, match: re.Match[str]) -> None:
    form, to = reading.form(), match["to"]
    if match["minus"]:
        reading.say("maenɔs")
    reading.say(reading.figure(match["n"], form))
    years = bool(to) and len(match["n"]) == 4 and len(to) == 2 and match["n"][2:] < to
    if to and (years or float(match["n"]) < float(to)):
        reading.say("kɔsi", reading.count(to, "people" if form == "people" else "after"))
    elif to:
        reading.say("|", reading.count(to, "alone"))
    if match["cedis"]:
        reading.say("sidi")


@rule(rf"({'|'.join(TITLES)})\.(?=\s+\w)".replace("(", "((?i:", 1).replace(")", "))", 1))
def title(reading: Reading, match: re.Match[str]) -> None:
    reading.say(TITLES[match[1].lower()])


@rule(r"etc\.")
def etcetera(reading: Reading, match: re.Match[str]) -> None:
    reading.say("ne nea ɛkeka ho")
    if re.match(r"\s*$|\s+[A-ZƐƆ]", match.string[match.end() :]):
        reading.say(".")


def is_stressed(word: str) -> bool:
    """Whether small letters of a word in capitals are no initials: a known word, or letters that fit one."""
    if len(word) < 3 or not re.search("[aeiou]", word):
        return False
    if english.is_twi(word) or word in english.COMMON:
        return True
    opens = re.match("[^aeiouy][rlhw]|s|[mn]|.?[aeiouy]", word)
    joined = re.sub(r"(.)\1|[lmnrs][^aeiouy]|[^aeiouy][lrhw]|[cpfx]t|ck", "aa", word.removesuffix("s"))
    crowded = re.search("[^aeiouy]{3}", word) or re.search("[^aeiouy]{2}", joined)
    return len(word) > 3 and (not english.is_foreign(word) or bool(opens and not crowded))


@rule(rf"{LETTER}(?:{LETTER}|[\u0300-\u0304]|'(?={LETTER}))*")
def word(reading: Reading, match: re.Match[str]) -> None:
    token = match[0]
    beside = match.string[max(0, match.start() - 1) : match.end() + 1]
    named = reading.names == match.start() and reading.names > 0
    if named and token in ROMAN:
        reading.say(f"a {'ɛ' if reading.thing else 'ɔ'}tɔ so {reading.count(str(ROMAN[token]))}")
    elif re.fullmatch("[A-Za-z]", token) and re.search(r"\d", beside):
        reading.say(LETTERS[ord(token.upper()) - ord("A")])
    elif re.fullmatch(r"[A-Z]{2,6}", token) and not is_stressed(token.lower()):
        reading.say(*(LETTERS[ord(c) - ord("A")] for c in token))
    else:
        reading.say(token.lower().replace("ꜜ", "!"))
    if token[0].isupper():
        reading.thing = token.lower() in THINGS or (named and reading.thing)
        reading.names = match.end() + 1


@rule(r"[.,?!;:…]+")
def mark(reading: Reading, match: re.Match[str]) -> None:
    run = match[0]
    best = "?" if "?" in run else max(run, key=STRENGTH.index)
    if re.fullmatch(r"\.[,;:]", run):
        best = run[1]  # "Inc.,": the dot belongs to the word
    reading.say("…" if best == "." and ".." in run else best)


@rule(r" - | ?[–—] ?")
def dash(reading: Reading, match: re.Match[str]) -> None:
    reading.say("|")


BULLETS = "|│┃║¦‖•‣◦▪▫■□●○◆◇❖➢➤"


@rule(rf"[{BULLETS}]|(?<!\S)\*(?!\S)|(?<=[^\n])\t|(?<=\s)·")
def cell(reading: Reading, match: re.Match[str]) -> None:
    reading.say("|")


@rule(r"[(\[](?=([^()\[\]\n]*)[)\]](?![^\W_]))(?<![^\W_].)")
def aside(reading: Reading, match: re.Match[str]) -> None:
    """Words in brackets have a pause before and after them."""
    words = re.findall(r"[^\W\d_]{2,}", match[1])
    if any(
        word != word.upper() and re.search("[aeɛioɔu]", unicodedata.normalize("NFD", word.lower()))
        for word in words
    ):
        reading.say("|")
        reading.closes.add(match.end(1))


@rule(r"[)\]]")
def aside_end(reading: Reading, match: re.Match[str]) -> None:
    if match.start() in reading.closes:
        reading.say("|")


@rule(rf"/(?= *(?P<after>{AMOUNT})?)")
def slash(reading: Reading, match: re.Match[str]) -> None:
    """Divides figures that stand apart from it or make a sum, and separates other amounts."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    spaced = before.endswith(" ") and after.startswith(" ")
    figure = re.match(r" ?\d" if spaced else r"\d", after)
    number = figure and reading.follows_number(match.start(), spaced)
    apart = spaced and not re.search(r"[mM.] \Z", before)
    power = figure and re.search(r"[²³] ?\Z" if spaced else r"[²³]\Z", before)
    amount = match["after"] and reading.follows_number(match.start(), before.endswith(" "))
    if power or (number and (apart or re.match(r" ?\d+ *=", after))):
        reading.say("kyɛ mu")
    elif amount or (re.search(r"\d\Z", before) and after[:1].isdecimal()):
        reading.say("|")


@rule(r"[²³]")
def raised(reading: Reading, match: re.Match[str]) -> None:
    of_figure = match.string[match.start() - 1 : match.start()].isdecimal()
    reading.say(*(["tumi"] if of_figure else []), {"²": "mmienu", "³": "mmiɛnsa"}[match[0]])


@rule(r"&")
def ampersand(reading: Reading, match: re.Match[str]) -> None:
    reading.say("ne")


NUMBER_RULES = {
    one_by_one,
    phone,
    duration,
    year_month,
    numeric_date,
    day_first,
    month_year,
    help_number,
    colon,
}
NUMBER_RULES |= {bare_hour, money, unit, pesewas, ordinal, number}


def normalize(text: str, *, variety: str = "asante", human: bool = True, clock_to_hour: bool = False) -> str:
    """Returns `text` as the Rust normalizer must write it."""
    text = repair(text)
    reading = Reading(variety, human, clock_to_hour)
    at = 0
    while at < len(text):
        for pattern, read in RULES:
            if (match := pattern.match(text, at)) and read(reading, match) is not False:
                at = match.end()
                if read in NUMBER_RULES:
                    reading.number_end = match.start("cedis") if match.groupdict().get("cedis") else at
                break
        else:
            at += 1
    return join(reading.parts)


def join(parts: list[str]) -> str:
    out: list[str] = []
    for part, after in zip(parts, [*parts[1:], "."], strict=True):
        if part == "|":
            part = "" if after in STRENGTH or after == "|" or not out or out[-1] in STRENGTH else ","
        if part and part in STRENGTH and out and out[-1] in STRENGTH:
            out[-1] = max(out[-1], part, key=STRENGTH.index)
        elif part and not (part in ",;:" and not out):
            out.append(part)
    return re.sub(r" ([.,?!;:…])", r"\1", " ".join(out))
