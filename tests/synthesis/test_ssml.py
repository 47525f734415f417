"""SSML: what each element does, where the parts stand, and that hostile input ends in a clear error."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kalakan.errors import KalakanError, MarkupError, MarkupWarning, TextError
from kalakan.synthesis.markup import is_ssml, read_ssml
from kalakan.synthesis.markup.prosody import EMPHASES, PITCHES, RANGES, RATES, VOLUMES
from kalakan.synthesis.markup.xml import MAX_CHARACTERS, MAX_DEPTH
from kalakan.synthesis.options import CONTROLS
from kalakan.synthesis.script import Part, Pause, Prosody, Text, Units
from kalakan.text.phonemes import IPA, SYMBOLS, format_units

NAMESPACE = 'xmlns="http://www.w3.org/2001/10/synthesis"'


def read(inside: str) -> list[Part]:
    return read_ssml(f"<speak>{inside}</speak>")


def said(inside: str) -> str:
    return "".join(part.text for part in read(inside) if isinstance(part, Text))


def only(inside: str) -> Text:
    (part,) = read(inside)
    assert isinstance(part, Text)
    return part


def prosody(inside: str) -> Prosody:
    return only(inside).prosody


def units(inside: str) -> str:
    (part,) = read(inside)
    assert isinstance(part, Units)
    return format_units(part.ids)


def problem(text: str) -> str:
    with pytest.raises(MarkupError) as caught:
        read_ssml(text, strict=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Text and places


@pytest.mark.parametrize(
    "root",
    [
        "<speak>",
        f'<speak version="1.1" {NAMESPACE} xml:lang="ak-GH">',
        f'<?xml version="1.0" encoding="UTF-16"?>\n<speak version="1.0" {NAMESPACE}>',
        '<!-- note -->\n<speak xml:base="x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="1">',
        "\ufeff<speak><metadata><x:y xmlns:x='urn:x'>gone</x:y></metadata><?hint gone?><!-- gone -->",
    ],
)
def test_roots(root: str) -> None:
    (part,) = read_ssml(root + "Ɛyɛ</speak>")
    assert part == Text("Ɛyɛ", range(len(root), len(root) + 3), len(root) + 3)


def test_places_count_code_points_of_the_raw_text() -> None:
    raw = "<speak>Ɛ&amp;<![CDATA[&ɔ]]>&#x186;\r\nb</speak>"
    (part,) = read_ssml(raw)
    assert isinstance(part, Text)
    assert part.text == "Ɛ&&ɔƆ b"
    assert [raw[place] for place in part.places] == ["Ɛ", "&", "&", "ɔ", "&", "\r", "b"]
    assert part.end == raw.index("</speak>")


def test_neighbors_with_the_same_settings_are_one_stretch() -> None:
    assert [part.text for part in read("a<!-- x -->b <lang xml:lang='en'>c</lang>")] == ["ab ", "c"]  # type: ignore[union-attr]


def test_sentences_end_with_a_line() -> None:
    assert said("a<s>b</s><s>c.</s> <p><s>d</s></p>e") == "a\nb\nc.\n \nd\n\ne"
    assert said("<p> </p><p>a</p>") == " a\n\n"


def test_a_break_ends_a_sentence() -> None:
    assert said("<s>a<break/></s>b") == "ab"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_escaped_plain_text_is_read_as_it_is(text: str) -> None:
    assert said(escape(text)) == text


def test_line_ends_are_layout() -> None:
    assert said("a\nb\r\nc\td&#10;e") == "a b c\td e"


# Elements


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ("", 0.4),
        ('time="500ms"', 0.5),
        ('time="1.5s"', 1.5),
        ('time=".25s" strength="weak"', 0.25),
        ('time="10s"', 10.0),
        ('strength="x-weak"', 0.1),
        ('strength="x-strong"', 1.0),
    ],
)
def test_breaks(attributes: str, seconds: float) -> None:
    tag = f"<break {attributes}/>"
    assert read(tag) == [Pause(seconds, 7, 7 + len(tag))]


def test_a_break_of_nothing_is_nothing() -> None:
    assert said('a<break strength="none"/>b<break time="0s"/>c') == "abc"
    assert len(read('a<break strength="none"/>b')) == 1


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('rate="slow"', Prosody(speed=0.8)),
        ('rate="150%"', Prosody(speed=1.5)),
        ('rate="+20%"', Prosody(speed=1.2)),
        ('rate="-20%"', Prosody(speed=0.8)),
        ('rate=" 0.75 "', Prosody(speed=0.75)),
        ('pitch="high"', Prosody(pitch=3.0)),
        ('pitch="-2.5st"', Prosody(pitch=-2.5)),
        ('pitch="+100%"', Prosody(pitch=12.0)),
        ('volume="loud"', Prosody(volume=3.5)),
        ('volume="-6dB"', Prosody(volume=-6.0)),
        ('range="x-low"', Prosody(pitch_range=0.4)),
        ('range="150%"', Prosody(pitch_range=1.5)),
        ('range="+20%"', Prosody(pitch_range=1.2)),
        ('range="0"', Prosody(pitch_range=0.0)),
        ('rate="2" pitch="+1st" volume="soft"', Prosody(2.0, 1.0, -4.5)),
    ],
)
def test_prosody(attributes: str, expected: Prosody) -> None:
    assert prosody(f"<prosody {attributes}>a</prosody>") == expected


def test_numbers_change_what_stands_around_and_labels_set_it() -> None:
    around = '<prosody rate="80%" pitch="+2st" volume="+6dB" range="80%">{}</prosody>'
    inside = '<prosody rate="150%" pitch="-3st" volume="-6dB" range="150%">a</prosody>'
    assert prosody(around.format(inside)) == Prosody(1.2, -1.0, 0.0, pitch_range=1.2)
    assert prosody(
        around.format('<prosody rate="default" pitch="low" volume="loud" range="medium">a</prosody>')
    ) == Prosody(1.0, -3.0, 3.5)


def test_labels_rise_and_lie_within_the_limits() -> None:
    controls = {"speed": RATES, "pitch": PITCHES, "pitch_range": RANGES, "volume": VOLUMES}
    for control, labels in controls.items():
        low, high = CONTROLS[control].low, CONTROLS[control].high
        values = [value for label, value in labels.items() if label != "silent"]
        assert values == sorted(values)
        assert all(low <= value <= high for value in values)


@pytest.mark.parametrize("level", EMPHASES)
def test_emphasis(level: str) -> None:
    volume, pitch = EMPHASES[level]
    assert prosody(f'<emphasis level="{level}">a</emphasis>') == Prosody(volume=volume, pitch=pitch)
    assert prosody("<emphasis>a</emphasis>") == Prosody(volume=1.5, pitch=1.0)


def test_sub_reads_its_alias_at_the_place_of_its_content() -> None:
    raw = '<speak><sub alias="a &amp; b"> GBC </sub></speak>'
    start = raw.index("GBC")
    assert read_ssml(raw) == [Text("a & b", (start,) * 5, start + 3)]


def test_voices_and_languages() -> None:
    parts = read('<voice name="kwame">a<lang xml:lang="en-GB">b<s xml:lang="tw">c</s></lang></voice>')
    kwame = Prosody(speaker="kwame")
    found = [(part.text, part.prosody, part.language) for part in parts if isinstance(part, Text)]
    assert found == [("a", kwame, None), ("b\n", kwame, "en"), ("c\n", kwame, "tw")]


def test_the_language_of_a_twi_document_is_left_to_the_front_end() -> None:
    assert [read_ssml(f'<speak xml:lang="{tag}">a</speak>')[0].language for tag in ("tw", "en")] == [
        None,
        "en",
    ]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('alphabet="x-kalakan" ph="a ˥ k w a b a _ m e"', "a ˥ k w a b a _ m e"),
        ('ph="tɕɥa˥kʰakʷa"', "tɕɥ a ˥ k a kʷ a"),
        ('ph="àbã́"', "a ˩ b ã ˥"),
        ('ph="gáːn"', "ɡ a ˥ a ˥ n"),
        ('ph="n̩.pa ma"', "n̩ p a _ m a"),
        ('ph="t͡ɕe"', "tɕ e"),
    ],
)
def test_phonemes(attributes: str, expected: str) -> None:
    assert units(f"<phoneme {attributes}>x</phoneme>") == expected


def test_every_sound_has_an_ipa_that_is_read_as_it() -> None:
    for symbol, ipa in zip(SYMBOLS, IPA, strict=True):
        if symbol and ipa and symbol not in "˥˩ꜜ˧":
            assert units(f'<phoneme ph="{ipa}">x</phoneme>') == symbol
            assert units(f'<phoneme ph="{symbol}">x</phoneme>') == symbol


def test_units_stand_where_their_content_stands() -> None:
    raw = '<speak><prosody rate="2"><phoneme ph="a"> ɛb </phoneme></prosody></speak>'
    (part,) = read_ssml(raw)
    assert isinstance(part, Units)
    assert (raw[part.start : part.end], part.prosody) == ("ɛb", Prosody(speed=2.0))


# What is refused


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<b>x</b>", "<b>: it is not read; these are: speak, p, s"),
        ("<audio src='a.wav'/>", "<audio>: it is not read; join the audio after synthesis"),
        ("<mark name='a'/>", "<mark>: it is not read; take times from the timing"),
        ("<x:s xmlns:x='urn:x'>a</x:s>", "<urn:x s>: it is not read"),
        ("<speak/>", "<speak>: it is the root and stands once"),
        ("<sub alias='a'><s/></sub>", "<s>: it stands in <sub>, which holds no elements"),
        ("<break>a</break>", "<break>: it holds nothing"),
        ("<s foo='1'>a</s>", "<s>: it has no attribute 'foo' here; it takes xml:lang, kalakan:tones"),
        ("<sub>a</sub>", "<sub>: it needs the attribute 'alias'"),
        ("<voice name=' '>a</voice>", "<voice>: it needs the attribute 'name'"),
        ("<lang xml:lang='fr'>a</lang>", "<lang>: xml:lang is 'fr'; this voice reads tw (or ak) and en"),
        ("<break time='11s'/>", "<break>: time is '11s'; a break lasts at most 10 s: write several"),
        ("<break time='5'/>", "<break>: time is '5'; give seconds or milliseconds"),
        ("<break strength='huge'/>", "<break>: strength is 'huge'; use none, x-weak"),
        ("<prosody>a</prosody>", "<prosody>: it has no attribute; give rate, pitch, range or volume"),
        ("<prosody contour='(0%,+20Hz)'>a</prosody>", "it takes rate, pitch, range, volume"),
        ("<prosody range='+10Hz'>a</prosody>", "range is '+10Hz'; use x-low, low"),
        ("<prosody range='201%'>a</prosody>", "gives pitch_range 2.01; it must lie between 0 and 2"),
        (
            "<s xmlns:k='urn:kalakan' k:tones='sung'>a</s>",
            "<s>: kalakan:tones is 'sung'; use predicted or written",
        ),
        ("<s xmlns:k='urn:kalakan' k:tone='written'>a</s>", "it has no attribute 'kalakan:tone' here"),
        ("<s tones='written'>a</s>", "it has no attribute 'tones' here; it takes xml:lang, kalakan:tones"),
        ("<prosody rate='300%'>a</prosody>", 'rate="300%" gives speed 3; it must lie between 0.5 and 2'),
        ("<prosody pitch='+13st'>a</prosody>", "gives pitch 13; it must lie between -12 and 12"),
        ("<prosody pitch='-100%'>a</prosody>", "gives pitch -inf; it must lie between -12 and 12"),
        ("<prosody pitch='120Hz'>a</prosody>", "pitch is '120Hz'; use x-low, low"),
        ("<prosody volume='silent'>a</prosody>", "must lie between -20 and 12; for silence write <break/>"),
        ("<prosody volume='+99999dB'>a</prosody>", "it must lie between -20 and 12"),
        ("<prosody rate='fast'><prosody rate='2'>a</prosody></prosody>", "gives speed 2.5"),
        ("<emphasis level='wild'>a</emphasis>", "level is 'wild'; use strong, moderate, none, reduced"),
        ("<phoneme ph='xa'>a</phoneme>", "<phoneme>: ph: 'x' (U+0078) is not a sound of Twi in IPA"),
        ("<phoneme alphabet='x-kalakan' ph='q'>a</phoneme>", '<phoneme>: ph: "q" in "q" is not a symbol'),
        (
            "<phoneme alphabet='x-kalakan' ph='a &lt;eos&gt;'>a</phoneme>",
            "'<eos>' is a special mark and no sound",
        ),
        ("<phoneme alphabet='x-kalakan' ph='b ˥'>a</phoneme>", "the tone '˥' must follow a vowel"),
        ("<phoneme alphabet='x-kalakan' ph='_'>a</phoneme>", "it holds no sound"),
        ("<phoneme alphabet='x-sampa' ph='a'>a</phoneme>", "alphabet is 'x-sampa'; use ipa or x-kalakan"),
    ],
)
def test_errors_name_line_column_element_and_way_out(inside: str, expected: str) -> None:
    found = problem(f"<speak>\n ɛ {inside}</speak>")
    assert re.match(r"line 2, column \d+: <", found)
    assert expected in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            "line 1, column 1: the SSML is not well-formed: no element found; close every element that is open",
        ),
        ("me", "line 1, column 1: the SSML is not well-formed: syntax error; begin with <speak>"),
        ("<speak>ɛ\nɛ & b</speak>", "line 2, column 4: the SSML is not well-formed"),
        ("<speak>ɛ<s></p></speak>", "line 1, column 14: the SSML is not well-formed: mismatched tag"),
        ("<speak>&nbsp;</speak>", "undefined entity; write the character itself, or one of &lt;"),
        ("<speak>a\x00</speak>", "not well-formed"),
        ("<speak>\ud800</speak>", "not well-formed"),
        ("<html/>", "line 1, column 1: <html>: the root of SSML is <speak>"),
        ('<speak version="2.0"/>', "<speak>: version is '2.0'; SSML 1.0 and 1.1 are read"),
        ("<speak>a</speak><speak/>", "junk after document element"),
    ],
)
def test_damaged_documents(text: str, expected: str) -> None:
    assert expected in problem(text)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TextError, match="the SSML is a bytes"):
        read_ssml(b"<speak/>")  # type: ignore[arg-type]


def test_ten_thousand_levels_are_refused() -> None:
    inside = "<p>" * 10_000 + "a" + "</p>" * 10_000
    assert f"more than {MAX_DEPTH} elements are open" in problem(f"<speak>{inside}</speak>")
    skipped = "<metadata>" + "<x>" * 10_000
    assert f"more than {MAX_DEPTH} elements are open" in problem(f"<speak>{skipped}")
    assert said("<p>" * (MAX_DEPTH - 1) + "a" + "</p>" * (MAX_DEPTH - 1)) == "a\n\n"


def test_fifty_megabytes_are_refused() -> None:
    text = "<speak>" + "a" * 50_000_000
    assert problem(text) == (
        f"the SSML has 50000007 characters; at most {MAX_CHARACTERS} are read at once: send it in parts"
    )


LAUGHS = "".join(f'<!ENTITY l{k + 1} "{f"&l{k};" * 10}">' for k in range(12))


@pytest.mark.parametrize(
    "declared",
    [
        f'<!DOCTYPE speak [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE speak [<!ENTITY l12 SYSTEM "file://{}">]>',
        '<!DOCTYPE speak SYSTEM "file://{}">',
        '<!DOCTYPE speak [<!ENTITY % p SYSTEM "file://{}"> %p;]>',
    ],
)
def test_document_types_and_their_entities_are_refused(declared: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kokoam", encoding="utf-8")
    found = problem(declared.replace("{}", str(secret)) + "<speak>&l12;</speak>")
    assert "a document type (<!DOCTYPE …>) is not read" in found
    assert "kokoam" not in found


def test_reading_plain_text_loads_no_parser() -> None:
    code = (
        "import sys, kalakan.synthesis.markup as m\n"
        "m.read_markup('a [en]b[/en]')\n"
        "assert 'pyexpat' not in sys.modules and 'xml' not in sys.modules\n"
        "m.read_ssml('<speak/>')\n"
        "assert 'pyexpat' in sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<speak>", True),
        (" \n<speak version='1.1'", True),
        ("<?xml version='1.0'?>", True),
        ("<s:speak/>", True),
        ("<speaker>", False),
        ("speak", False),
        ("a <speak>", False),
        ("", False),
    ],
)
def test_ssml_is_known_by_its_beginning(text: str, expected: bool) -> None:
    assert is_ssml(text) is expected


# Laws

WORDS = st.text("aɛɔ 1.&<>\"'\n\r]", max_size=8)
LEAVES = st.one_of(
    WORDS.map(escape),
    WORDS.filter(lambda text: "]]>" not in text).map("<![CDATA[{}]]>".format),
    st.sampled_from(
        [
            "<break/>",
            "<break time='0.5s'/>",
            "<!-- ɛ -->",
            "<sub alias='ɛ b'>ɔ</sub>",
            "<sub alias='b'/>",
            "<phoneme ph='ba'>ɛ</phoneme>",
            "<phoneme ph='a'/>",
            "<say-as interpret-as='characters'>aB 4</say-as>",
            "<say-as interpret-as='cardinal'>25</say-as>",
            "&#x254;",
            "<metadata>ɛ<x/></metadata>",
        ]
    ),
)
TAGS = st.sampled_from(
    [
        "p",
        "s",
        "emphasis",
        "prosody rate='90%'",
        "prosody pitch='+1st'",
        "lang xml:lang='en'",
        "voice name='k'",
    ]
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inside: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag.split()[0]}>", TAGS, st.lists(inside, max_size=4)
    ),
    max_leaves=12,
).map("<speak>{}</speak>".format)


LENIENT = pytest.mark.filterwarnings("ignore::kalakan.errors.MarkupWarning")


@LENIENT
@given(DOCUMENTS)
@settings(deadline=None)
def test_places_never_fall(document: str) -> None:
    parts = read_ssml(document)
    at = 0
    for part in parts:
        spans = part.places if isinstance(part, Text) else [part.start]
        for place in spans:
            assert at <= place <= len(document)
            at = place
        assert at <= part.end <= len(document)
        assert not isinstance(part, Text) or part.text


@LENIENT
@given(DOCUMENTS, st.data())
@settings(deadline=None)
def test_damage_is_a_clear_error_or_none(document: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(document)))
    end = data.draw(st.integers(at, len(document)))
    damaged = document[:at] + data.draw(st.text(max_size=4)) + document[end:]
    try:
        read_ssml(damaged)
    except KalakanError as error:
        assert str(error)


@LENIENT
@given(st.one_of(st.text(), st.text("<>/&;speak \"'=![]-?x")))
@example("\x00\xa00")  # expat complains in the middle of a character
@settings(deadline=None)
def test_any_string_is_read_or_a_clear_error(text: str) -> None:
    for candidate in (text, f"<speak>{text}</speak>"):
        try:
            read_ssml(candidate)
        except KalakanError as error:
            assert str(error)


# Rendered all the same


@pytest.mark.parametrize(
    "inside",
    [
        "<x:effect name='whispered'>Bra</x:effect> fie",
        "<x:effect><x:more>Bra</x:more> <emphasis>fie</emphasis></x:effect>",
        "Bra <x:viseme/>fie",
        "<x:speak>Bra</x:speak> fie",
    ],
)
def test_of_elements_of_another_namespace_the_content_is_read(inside: str) -> None:
    document = f"<speak xmlns:x='urn:other'>{inside}</speak>"
    with pytest.warns(MarkupWarning, match="it is of another namespace: only its content is read"):
        script = read_ssml(document)
    read = "".join(part.text for part in script if isinstance(part, Text))
    assert read.split() == ["Bra", "fie"]
    with pytest.raises(MarkupError, match="it is not read"):
        read_ssml(document, strict=True)


def test_an_unknown_element_names_those_that_are_read() -> None:
    with pytest.raises(MarkupError, match=r"<foo>: it is not read; these are: (?=.*mark)(?=.*audio).*speak"):
        read_ssml("<speak>Tie <foo>yie</foo></speak>")
    with pytest.raises(MarkupError, match=r"these are: speak, p, s(?!.*mark)"):
        read_ssml("<speak>Tie <foo>yie</foo></speak>", strict=True)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('Me <mark name="ha"/>kɔ fie', "Me kɔ fie"),
        ('<w role="x">Bra</w> <token>fie</token>', "Bra fie"),
        ('Bra <audio src="x.wav"><desc>dwom</desc>Kofi</audio>', "Bra Kofi"),
        ('<lexicon uri="x" xml:id="y"/><lookup ref="y">Bra</lookup>', "Bra"),
        ('<voice name="a" onvoicefailure="ignorevoice">Bra</voice>', "Bra"),
        ('<prosody contour="(0%,+20Hz)" range="+10%" duration="2s">Bra</prosody>', "Bra"),
    ],
)
def test_what_has_no_effect_is_passed_over(inside: str, expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert said(inside) == expected


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('<say-as interpret-as="vxml:proper">Kofi</say-as>', "Kofi"),
        ('<say-as interpret-as="date" format="xyz">5/6/2020</say-as>', "5/6/2020"),
        ('<say-as interpret-as="cardinal">baako</say-as>', "baako"),
        ('<say-as format="dmy">5</say-as>', "5"),
        ('<say-as interpret-as="digits"></say-as>Bra', "Bra"),
        ('<lang xml:lang="fr">merci</lang>', "merci"),
        ('<prosody rate="quick">Bra</prosody>', "Bra"),
        ('<phoneme ph="ħ">Bra</phoneme>', "Bra"),
    ],
)
def test_what_cannot_be_followed_is_read_as_it_is(inside: str, expected: str) -> None:
    with pytest.warns(MarkupWarning, match=r"line 1, column \d+: <"):
        assert said(inside) == expected
    with pytest.raises(MarkupError):
        read_ssml(f"<speak>{inside}</speak>", strict=True)


def test_values_out_of_range_are_brought_within_it() -> None:
    with pytest.warns(MarkupWarning, match="must lie between"):
        assert prosody('<prosody rate="1000%" pitch="+1st">a</prosody>') == Prosody(
            speed=CONTROLS["speed"].high or 0.0, pitch=1.0
        )
    with pytest.warns(MarkupWarning):
        assert prosody('<prosody volume="silent">a</prosody>').volume == CONTROLS["volume"].low
    with pytest.warns(MarkupWarning):
        (pause,) = read('<break time="60s"/>')
    assert isinstance(pause, Pause)
    assert pause.seconds == 10.0
    deep = prosody("<emphasis>" * 40 + "a" + "</emphasis>" * 40)
    assert (deep.volume, deep.pitch) == (CONTROLS["volume"].high, CONTROLS["pitch"].high)
