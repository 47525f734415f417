"""Paragraphs of EPUB, Word and PDF documents, each with its chapter."""

from __future__ import annotations

import codecs
import posixpath
import re
import zipfile
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from kalakan.errors import DataError, MissingDependencyError, how_to_install

Paragraph = tuple[str, str]
"""Chapter, "" before the first heading, and text on one line."""
MOST_BYTES = 64 << 20
"""Largest part of an EPUB that is unpacked, because a small archive may contain endless zeros."""
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "div", "dl", "dt"}
    | {"figcaption", "figure", "footer", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table"}
    | {"tbody", "td", "tfoot", "th", "thead", "title", "tr", "ul"}
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CHAPTERS = frozenset({"h1", "h2"})
_SKIPPED = frozenset({"head", "nav", "rp", "rt", "script", "style", "svg", "template"})
_CONTAINER, _OPF = "{urn:oasis:names:tc:opendocument:xmlns:container}", "{http://www.idpf.org/2007/opf}"
_ENCRYPTED = "{http://www.w3.org/2001/04/xmlenc#}CipherReference"
_HTML = ("application/xhtml+xml", "text/html")
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding=["']([\w.-]+)["']""")


def read_epub(path: Path) -> Iterator[Paragraph]:
    """The paragraphs of an EPUB in the order of its spine; h1 and h2 start a chapter.

    Raises `DataError` for a file that is not an EPUB, and for an encrypted one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _chaptered(_epub_blocks(archive, path))
    except (zipfile.BadZipFile, KeyError, NotImplementedError, ElementTree.ParseError) as error:
        raise DataError(f"{path}: cannot be read as an EPUB ({error})") from error


def read_docx(path: Path) -> Iterator[Paragraph]:
    """The paragraphs of a Word document, with tables cell by cell; titles and headings 1 and 2 start a chapter.

    Raises `DataError` for a file that is not a Word document, and `MissingDependencyError` without python-docx.
    """
    try:
        import docx
    except ModuleNotFoundError as error:
        raise _missing("python-docx", path) from error
    try:
        document = docx.Document(str(path))
    except Exception as error:  # it has many exception types of its own
        raise DataError(f"{path}: cannot be read as a Word document ({error}); save it as .docx") from error
    yield from _chaptered(_docx_blocks(document))


def read_pdf(path: Path) -> Iterator[Paragraph]:
    """The paragraphs of a PDF, as far as the line layout shows them; bookmarks start a chapter with their page.

    Raises `DataError` for a file that is not a PDF, and for one that is encrypted or contains only images of text;
    `MissingDependencyError` without pypdf.
    """
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ModuleNotFoundError as error:
        raise _missing("pypdf", path) from error
    try:
        reader = pypdf.PdfReader(str(path))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError(f"{path}: is encrypted; save a copy without a password")
        titles = _bookmarks(reader, reader.outline)
        pages = [page.extract_text() for page in reader.pages]
    except (PyPdfError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read as a PDF ({error})") from error
    if pages and not any(page.strip() for page in pages):
        raise DataError(f"{path}: holds no text; a scanned book needs character recognition first")
    chapter = ""
    for number, text in _joined_pages(pages):
        chapter = next((titles[at] for at in range(number, -1, -1) if at in titles), chapter)
        yield chapter, text


def _missing(package: str, path: Path) -> MissingDependencyError:
    return MissingDependencyError(f"{path}: reading it needs {package}; {how_to_install('documents')}")


def _chaptered(blocks: Iterable[tuple[bool, str]]) -> Iterator[Paragraph]:
    """Blocks of text as paragraphs, with whether each starts a chapter."""
    chapter = ""
    for is_title, text in blocks:
        line = " ".join(text.split())
        if not line:
            continue
        if is_title:
            chapter = line
        yield chapter, line


def _epub_blocks(archive: zipfile.ZipFile, path: Path) -> Iterator[tuple[bool, str]]:
    container = ElementTree.fromstring(_unpacked(archive, "META-INF/container.xml"))
    root = container.find(f".//{_CONTAINER}rootfile")
    if root is None:
        raise DataError(f"{path}: cannot be read as an EPUB (its container names no package)")
    package_name = root.get("full-path", "")
    package = ElementTree.fromstring(_unpacked(archive, package_name))
    items = {item.get("id"): item for item in package.iter(f"{_OPF}item")}
    encrypted = _encrypted_names(archive)
    for reference in package.iter(f"{_OPF}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or reference.get("linear") == "no" or item.get("media-type") not in _HTML:
            continue
        if "nav" in item.get("properties", "").split():
            continue
        name = posixpath.normpath(
            posixpath.join(posixpath.dirname(package_name), unquote(item.get("href", "")))
        )
        if name in encrypted:
            raise DataError(f"{path}: is encrypted; give a copy without protection")
        page = _Page()
        page.feed(_decoded(_unpacked(archive, name)))
        page.close()
        yield from page.finished()


def _encrypted_names(archive: zipfile.ZipFile) -> set[str]:
    if "META-INF/encryption.xml" not in archive.namelist():
        return set()
    listed = ElementTree.fromstring(_unpacked(archive, "META-INF/encryption.xml"))
    return {unquote(item.get("URI", "")) for item in listed.iter(_ENCRYPTED)}


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataError(
            f"{archive.filename}: {name} is over {MOST_BYTES >> 20} MB; it is no chapter of a book"
        )
    return content


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    declared = _ENCODING.match(content[:200])
    try:
        return content.decode(declared[1].decode("ascii") if declared else "utf-8-sig", "replace")
    except LookupError:  # an unknown encoding
        return content.decode("utf-8-sig", "replace")


class _Page(HTMLParser):
    """Collects the blocks of text of an HTML page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[tuple[bool, str]] = []
        self._pieces: list[str] = []
        self._skipped: list[str] = []
        self._heading = ""

    def finished(self) -> list[tuple[bool, str]]:
        """The blocks, and whether each starts a chapter."""
        self._end_block()
        return self._blocks

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped or tag in _SKIPPED:
            self._skipped.append(tag)
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._end_block()
            self._heading = tag if tag in _HEADINGS else ""
        elif tag == "br":
            self._pieces.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._skipped and tag not in _SKIPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            while tag in self._skipped and self._skipped.pop() != tag:
                pass
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._pieces.append(data)

    def _end_block(self) -> None:
        if any(not piece.isspace() for piece in self._pieces):
            self._blocks.append((self._heading in _CHAPTERS, "".join(self._pieces)))
        self._pieces, self._heading = [], ""


def _docx_blocks(document: Any) -> Iterator[tuple[bool, str]]:
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            yield from ((False, text) for text in _cell_texts(block))
            continue
        style = block.style.name if block.style is not None else ""
        yield style in ("Title", "Heading 1", "Heading 2"), block.text


def _cell_texts(table: Any) -> Iterator[str]:
    seen = set()
    for row in table.rows:
        for cell in row.cells:
            if cell._tc not in seen:  # a merged cell is listed once for each cell that it covers
                seen.add(cell._tc)
                yield from (paragraph.text for paragraph in cell.paragraphs)
                for inner in cell.tables:
                    yield from _cell_texts(inner)


def _bookmarks(reader: Any, outline: Iterable[Any]) -> dict[int, str]:
    """Title of the outermost bookmarks by the number of their page, counted from 0."""
    titles: dict[int, str] = {}
    for entry in outline:
        if not isinstance(entry, list):
            page = reader.get_destination_page_number(entry)
            if page is not None and page >= 0 and entry.title:
                titles.setdefault(page, " ".join(str(entry.title).split()))
    return titles


def _joined_pages(pages: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Paragraphs, and the page on which each begins; a sentence that a page break interrupts continues."""
    waiting: tuple[int, str] | None = None
    for number, page in enumerate(pages):
        for index, block in enumerate(re.split(r"\n\s*\n", page)):
            text = _one_line(block)
            if not text:
                continue
            if waiting is not None:
                is_cut = index == 0 and waiting[0] != number and waiting[1][-1] not in '.!?:…"”’)'
                if is_cut and text[:1].islower():
                    waiting = (waiting[0], _one_line(f"{waiting[1]}\n{text}"))
                    continue
                yield waiting
            waiting = (number, text)
    if waiting is not None:
        yield waiting


def _one_line(block: str) -> str:
    """Joins the lines of a block; words hyphenated at line ends are joined again."""
    return " ".join(re.sub(r"(?<=\w)[-\u00ad\u2010]\s*\n\s*(?=[^\W\d_A-Z])", "", block).split())
