"""EPUB, Word and PDF as corpora."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from kalakan.errors import DataError, MissingDependencyError
from kalakan.jobs import documents
from kalakan.jobs.corpus import read_corpus
from kalakan.jobs.documents import read_docx, read_epub, read_pdf
from kalakan.jobs.row import Defaults
from kalakan.synthesis.options import SpeakOptions

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
FIRST = """<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>
<title>Not read</title><style>p { color: red }</style></head><body><h1>Ti a ɛ&#x254;di
kan</h1><p>Me din de <b>Kofi</b>.<br/>Wo ho te s&#603;n?</p><div>Ade pa&nbsp;ara
<p>Yoo &amp; yoo</p> na ɛyɛ.</div><script>x = "<p>no</p>"</script><ul><li>Baako</li>
<li>Mmienu</li></ul></body></html>"""
SECOND = "<html><body><h2>Ti 2</h2><p>Da yie.</p><h3>Ketewa</h3><p>Ama.</p></body></html>"


def epub(path: Path, files: dict[str, str | bytes], spine: str | None = None) -> Path:
    items = "".join(
        f'<item id="i{n}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(files)
        if name.endswith("html")
    )
    order = spine or "".join(
        f'<itemref idref="i{n}"/>' for n, name in enumerate(files) if name.endswith("html")
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
        f'<item id="toc" href="toc.html" properties="nav" media-type="application/xhtml+xml"/>{items}</manifest>'
        f'<spine><itemref idref="toc"/>{order}</spine></package>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/book.opf", package)
        archive.writestr("OEBPS/toc.html", "<nav><p>contents</p></nav>")
        for name, content in files.items():
            archive.writestr(name if name.startswith("META-INF") else f"OEBPS/{name}", content)
    return path


def test_an_epub_is_its_paragraphs(tmp_path: Path) -> None:
    path = epub(tmp_path / "a.epub", {"text/a b.xhtml": FIRST, "c.html": SECOND})
    first, second = "Ti a ɛɔdi kan", "Ti 2"
    assert list(read_epub(path)) == [
        (first, first),
        (first, "Me din de Kofi. Wo ho te sɛn?"),
        (first, "Ade pa ara"),
        (first, "Yoo & yoo"),
        (first, "na ɛyɛ."),
        (first, "Baako"),
        (first, "Mmienu"),
        (second, second),
        (second, "Da yie."),
        (second, "Ketewa"),
        (second, "Ama."),
    ]
    rows = read_corpus(path, Defaults(SpeakOptions(), None, "wav"))
    assert [(row.number, row.name, row.chapter) for row in rows[7:9]] == [
        (8, "000008", "Ti 2"),
        (9, "000009", "Ti 2"),
    ]


def test_the_spine_says_what_is_read(tmp_path: Path) -> None:
    spine = '<itemref idref="i1"/><itemref idref="i0" linear="no"/><itemref idref="missing"/>'
    path = epub(tmp_path / "a.epub", {"a.html": FIRST, "b.html": SECOND}, spine)
    assert next(iter(read_epub(path))) == ("Ti 2", "Ti 2")
    assert len(list(read_epub(path))) == 4


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_encodings_of_pages(tmp_path: Path, encoding: str) -> None:
    declared = '<?xml version="1.0" encoding="iso-8859-1"?>' if encoding == "latin-1" else ""
    page = f"{declared}<html><body><p>Caf\u00e9 yi</p></body></html>".encode(encoding)
    assert list(read_epub(epub(tmp_path / "a.epub", {"a.html": page}))) == [("", "Caf\u00e9 yi")]


def test_an_epub_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_zip = tmp_path / "a.epub"
    no_zip.write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"a\.epub: cannot be read as an EPUB"):
        list(read_epub(no_zip))
    with zipfile.ZipFile(tmp_path / "b.epub", "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
    with pytest.raises(DataError, match=r"cannot be read as an EPUB .*container"):
        list(read_epub(tmp_path / "b.epub"))
    locked = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData '
        'xmlns="http://www.w3.org/2001/04/xmlenc#"><CipherData><CipherReference URI="OEBPS/a.html"/></CipherData>'
        "</EncryptedData></encryption>"
    )
    path = epub(tmp_path / "c.epub", {"a.html": FIRST, "META-INF/encryption.xml": locked})
    with pytest.raises(DataError, match="is encrypted"):
        list(read_epub(path))
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    bomb = epub(tmp_path / "d.epub", {"a.html": "<p>" + "a" * 5000})
    with pytest.raises(DataError, match=r"OEBPS/a\.html is over"):
        list(read_epub(bomb))


def test_a_word_document_is_its_paragraphs(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx", reason="python-docx is not installed")
    document = docx.Document()
    document.add_paragraph("Nnianim asɛm")
    document.add_heading("Ti 1", level=1)
    document.add_paragraph("Me din de Kofi.\nYoo.")
    document.add_heading("Ketewa", level=3)
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("a1", "b1", "a2", "b2"), strict=True):
        cell.text = text
    table.cell(0, 0).merge(table.cell(0, 1))
    document.add_paragraph("")
    document.add_heading("Ti 2", level=2)
    document.add_paragraph("Da yie.")
    document.save(str(tmp_path / "a.docx"))
    assert list(read_docx(tmp_path / "a.docx")) == [
        ("", "Nnianim asɛm"),
        ("Ti 1", "Ti 1"),
        ("Ti 1", "Me din de Kofi. Yoo."),
        ("Ti 1", "Ketewa"),
        ("Ti 1", "a1"),
        ("Ti 1", "b1"),
        ("Ti 1", "a2"),
        ("Ti 1", "b2"),
        ("Ti 2", "Ti 2"),
        ("Ti 2", "Da yie."),
    ]
    (tmp_path / "b.docx").write_bytes(b"no document")
    with pytest.raises(DataError, match=r"b\.docx: cannot be read as a Word document"):
        list(read_docx(tmp_path / "b.docx"))


def pdf(
    path: Path, pages: list[list[str]], bookmarks: dict[int, str] | None = None, password: str = ""
) -> Path:
    """A PDF of lines, in a font of every reader."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for lines in pages:
        page = writer.add_blank_page(300, 400)
        stream = DecodedStreamObject()
        shown = " T* ".join(f"({line}) Tj" for line in lines)
        stream.set_data(f"BT /F1 12 Tf 14 TL 20 380 Td {shown} ET".encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    for number, title in (bookmarks or {}).items():
        writer.add_outline_item(title=title, page_number=number)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(str(path))
    return path


def test_a_pdf_is_its_paragraphs(tmp_path: Path) -> None:
    pages = [
        ["Title"],
        ["Me din de Kofi, na me-", "firi Kumasi. Mete", "Nkran nn", ""],
        ["anyi.", "", "Da yie."],
        ["Yoo."],
    ]
    path = pdf(tmp_path / "a.pdf", pages, {1: "Ti  1", 3: "Ti 2"})
    found = list(read_pdf(path))
    assert found[0] == ("", "Title")
    assert found[1][0] == "Ti 1"
    assert found[1][1].startswith("Me din de Kofi, na mefiri Kumasi. Mete Nkran nn anyi.")
    assert found[-1] == ("Ti 2", "Yoo.")


def test_a_pdf_that_cannot_be_read(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="pypdf is not installed")
    with pytest.raises(DataError, match="holds no text; a scanned book"):
        list(read_pdf(pdf(tmp_path / "a.pdf", [[""]])))
    with pytest.raises(DataError, match="is encrypted"):
        list(read_pdf(pdf(tmp_path / "b.pdf", [["Yoo"]], password="secret")))
    (tmp_path / "c.pdf").write_bytes(b"no document")
    with pytest.raises(DataError, match=r"c\.pdf: cannot be read as a PDF"):
        list(read_pdf(tmp_path / "c.pdf"))


@pytest.mark.parametrize(("package", "read"), [("docx", read_docx), ("pypdf", read_pdf)])
def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, read: object
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=r"a\.file: reading it needs .*'\.\[documents\]'"):
        list(read(tmp_path / "a.file"))  # type: ignore[operator]
