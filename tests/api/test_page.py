"""The web page in a real browser: types, listens, corrects a tone, reads documents, and can be used by everyone."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from browser import CHROMIUM, DRIVER, Browser, browser
from kalakan import Synthesizer
from kalakan.api.page_files import FOLDER, page_files
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.subtitles import format_subtitles
from kalakan.text.twi_g2p import TwiG2P

AXE = "axe_core_python"
"""The package that has axe-core's script; nothing else of it is used."""
TAB, ENTER, CONTROL = "\ue004", "\ue007", "\ue009"
"""Keys as the protocol names them (w3.org/TR/webdriver2, section 15.4.2)."""
TEXT = "Ɔbaa no resere. Me wɔ GHS 25."
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser puts what it downloads."""
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[Browser]:
    """A browser without a window."""
    if DRIVER is None or CHROMIUM is None:
        pytest.skip("chromium and chromedriver are not installed")
    with browser(folder) as opened:
        opened.resize(1100, 1400)
        yield opened


@pytest.fixture
def page(desk: Browser, address: str) -> Browser:
    """The page, freshly opened, with its settings there."""
    desk.open(address)
    until(lambda: desk.all("#settings select"))
    desk.log()
    return desk


def until(found: Callable[[], Any]) -> Any:
    """What `found` returns as soon as it is true."""
    end = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return value


def type_text(page: Browser, text: str) -> None:
    box = page.find("#text")
    box.clear()
    box.type(text)


def texts(page: Browser, selector: str) -> list[str]:
    return [element.text for element in page.all(selector)]


def complaints(page: Browser) -> list[str]:
    return [line["message"] for line in page.log() if line["level"] in ("WARNING", "SEVERE")]


def violations(page: Browser) -> list[Any]:
    """What axe-core finds fault with."""
    package = find_spec(AXE)
    if package is None or package.origin is None:
        pytest.skip("axe-core-python is not installed")
    script = Path(package.origin).parent / "axe.min.js"
    page.run(script.read_text(encoding="utf-8"))
    found = page.run_async("const done = arguments[0]; axe.run().then(done)")
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]]


def test_words_are_highlighted_while_audio_plays_and_can_be_saved(page: Browser) -> None:
    type_text(page, TEXT)
    page.find("#listen").click()
    until(lambda: texts(page, "#words .now"))
    until(lambda: page.find("#status").text.startswith("Done"))
    assert page.find("#words").text.split() == TEXT.split()
    assert all(page.find(f"#{name}").is_enabled for name in ("wav", "mp3", "srt"))
    painted = page.run(
        "const c = document.getElementById('picture'); return c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data.some((value) => value)"
    )
    assert painted
    assert complaints(page) == []


def set_to(page: Browser, name: str, value: object) -> None:
    page.run(
        "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('input'))",
        f"set-{name}",
        str(value),
    )


def saved(page: Browser, folder: Path, button: str, name: str) -> bytes:
    """What a button downloads."""
    path = folder / name
    path.unlink(missing_ok=True)
    page.find(button).click()
    until(path.is_file)
    return path.read_bytes()


def test_what_is_saved_is_what_was_heard(page: Browser, folder: Path, streaming_voice: Path) -> None:
    """With the chosen voice, tempo, pitch and pitch range."""
    for name, value in (("speaker", "kwame"), ("speed", 1.5), ("pitch", 3), ("pitch_range", 1.2)):
        set_to(page, name, value)
    type_text(page, TEXT)
    page.find("#listen").click()
    until(lambda: page.find("#status").text.startswith("Done"))
    synthesizer = Synthesizer(streaming_voice)
    options = SpeakOptions(speaker="kwame", speed=1.5, pitch=3, pitch_range=1.2)
    spoken = synthesizer.speak(TEXT, options)
    heard, rate = soundfile.read(io.BytesIO(saved(page, folder, "#wav", "kalakan.wav")))
    assert (rate, len(heard)) == (synthesizer.sample_rate, len(spoken.audio))
    assert np.abs(heard - np.asarray(spoken.audio)).max() < 2e-3
    music = soundfile.info(io.BytesIO(saved(page, folder, "#mp3", "kalakan.mp3")))
    assert music.format == "MP3"
    assert music.duration == pytest.approx(len(heard) / rate, abs=0.3)
    subtitles = saved(page, folder, "#srt", "kalakan.srt").decode()
    assert subtitles == format_subtitles(spoken.timing, TEXT, "srt")


def test_a_long_text_is_heard_while_it_is_made_and_its_progress_is_shown(page: Browser) -> None:
    page.run(
        "window.came = []; const Real = window.Real ?? WebSocket; window.Real = Real;"
        "window.WebSocket = class extends Real { constructor(...given) { super(...given);"
        "this.addEventListener('message', ({data}) => came.push("
        "typeof data === 'string' ? JSON.parse(data).type : 'audio')); } }"
    )
    page.run("document.getElementById('text').value = arguments[0]", TEXT * 40)
    page.find("#listen").click()
    until(lambda: page.run("return document.getElementById('progress').value") > 0)
    shown = until(lambda: page.find("#clock").text)
    assert re.fullmatch(r"\d+:\d\d / (≈ )?\d+:\d\d", shown)
    until(lambda: "done" in page.run("return came"))
    came = page.run("return came")
    assert came.index("audio") < len(came) - 1 - came[::-1].index("sentence")
    assert page.run("return document.getElementById('progress').value") < 1
    page.find("#stop").click()
    assert (page.find("#status").text, page.find("#clock").text) == ("Stopped.", "")


def test_the_keyboard_is_enough(page: Browser) -> None:
    page.run("document.activeElement.blur()")
    reached = []
    while "set-speaker" not in reached:
        page.press(TAB)
        reached.append(page.focused().attribute("id"))
        assert len(reached) < 30, reached
    assert reached.index("twi") < reached.index("text") < reached.index("file") < reached.index("set-speaker")
    page.find("#text").type(CONTROL + ENTER)
    until(lambda: page.find("#status").text.startswith("Done"))


def test_a_file_is_dropped_on_the_text(page: Browser) -> None:
    page.run(
        "const data = new DataTransfer(); data.items.add(new File(['Ɛte sɛn?'], 'b.txt'));"
        "const box = document.getElementById('text');"
        "for (const name of ['dragover', 'drop'])"
        " box.dispatchEvent(new DragEvent(name, {dataTransfer: data, bubbles: true, cancelable: true}))"
    )
    until(lambda: "b.txt" in page.find("#status").text)
    assert page.find("#text").value == "Ɛte sɛn?"


def test_a_tone_is_corrected_with_a_click_and_kept_for_the_whole_text(page: Browser, folder: Path) -> None:
    type_text(page, TEXT)
    page.find("#explain").click()
    until(lambda: texts(page, "#tones .word"))
    assert page.find("#normalized").text == "ɔbaa no resere. me wɔ sidi aduonu num."
    key = next(item for item in page.all("#tones button") if ", resere" in item.attribute("aria-label"))
    before = key.attribute("aria-label")
    key.click()
    until(lambda: texts(page, "#corrections li"))
    form = texts(page, "#corrections li")[0].split()[0]
    until(lambda: form in page.find("#words").text)
    after = until(lambda: page.focused().attribute("aria-label"))
    assert (before.split(":")[0], before) != (after.split(":")[0], after)
    page.find("#listen").click()
    until(lambda: "GHS" in page.find("#words").text)
    assert form in page.find("#words").text
    (folder / "of_page.tsv").write_bytes(saved(page, folder, "#lexicon", "lexicon.tsv"))
    corrected = TwiG2P(lexicon=folder / "of_page.tsv", tones="predicted")
    assert corrected.text_to_phonemes("resere") == TwiG2P(tones="written").text_to_phonemes(form)
    page.find("#corrections button").click()
    until(lambda: not page.find("#corrected").is_displayed)


def test_letters_and_tones_can_be_typed_without_their_keyboard(page: Browser) -> None:
    type_text(page, "S")
    for key in page.all("#keys button")[:1]:
        key.click()
    page.all("#keys button")[4].click()
    assert page.find("#text").value == "Sɛ\u0301"


def word_file() -> bytes:
    content = io.BytesIO()
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        paragraphs = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in ("Akwaaba.", "Ɛte sɛn?"))
        archive.writestr(
            "word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{paragraphs}</w:body></w:document>'
        )
    return content.getvalue()


def book() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "OEBPS/book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="b" href="b.xhtml"/>'
            '<item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
        )
        for name, text in (("a", "Akwaaba."), ("b", "Ɛte sɛn?")):
            page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{text}</p></body></html>'
            archive.writestr(f"OEBPS/{name}.xhtml", page)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", "Akwaaba.\n\nƐte sɛn?".encode()), ("a.docx", word_file()), ("a.epub", book())],
    ids=["txt", "docx", "epub"],
)
def test_documents_are_read_in_the_browser(page: Browser, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    page.find("#file").type(str(tmp_path / name))
    until(lambda: name in page.find("#status").text)
    assert page.find("#text").value == "Akwaaba.\n\nƐte sɛn?"


def test_a_file_that_is_none_of_them_is_named(page: Browser, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    page.find("#file").type(str(tmp_path / "a.txt"))
    assert "cannot be read" in until(lambda: page.find("#error").text)


def test_an_error_of_the_server_is_shown(page: Browser) -> None:
    type_text(page, "...")
    page.find("#listen").click()
    assert "pronounceable" in until(lambda: page.find("#error").text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 360])
def test_everyone_can_use_it_in_both_languages_on_any_screen(page: Browser, width: int, scheme: str) -> None:
    page.resize(width, 1400)
    page.prefer("prefers-color-scheme", scheme)
    type_text(page, TEXT)
    page.find("#explain").click()
    until(lambda: texts(page, "#tones .word"))
    page.find("summary").click()
    for language in ("twi", "english"):
        page.find(f"#{language}").click()
        assert violations(page) == []
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_both_languages_say_everything(page: Browser) -> None:
    missing = page.run_async(
        "const done = arguments[0]; import('/strings.js').then(({STRINGS: {en, tw}}) => done("
        "[...Object.keys(en).filter((name) => !(name in tw)), ...Object.keys(tw).filter((name) => !(name in en)),"
        "...[...document.querySelectorAll('[data-say]')].map((item) => item.dataset.say)"
        ".filter((name) => !(name in en))]))"
    )
    assert missing == []


def test_the_page_is_small_and_takes_nothing_from_elsewhere() -> None:
    files = page_files()
    assert "/" in files
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) <= 200_000
    for path in FOLDER.rglob("*.*"):
        found = re.findall(r"https?://[^\s\"'`]+", path.read_text(encoding="utf-8"))
        assert [link for link in found if not link.startswith(("http://www.w3.org/", "http://book/"))] == []
