"""A small writer of PDF files for tests: lines of text at places, links, tags, pictures, page labels and RC4 passwords.

Helvetica is one of the fonts that every reader of PDFs brings along, so the files hold no font.
"""

import hashlib
import textwrap
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_IDENTITY = b"kilopair-testing"
_NO_PERMISSION = -64
WIDTH, HEIGHT = 595, 842


@dataclass(frozen=True)
class Line:
    """One line of text; `y` counts from the top of the page, `tag` is its element in the structure tree."""

    text: str
    x: int = 60
    y: int = 60
    size: int = 11
    font: str = "Regular"
    tag: str = ""
    link: str = ""
    field: str = ""  # the name of a form field that holds the text instead of the page


@dataclass(frozen=True)
class Passwords:
    """Without a `user` password the file opens for everybody, with the rights that its owner left."""

    owner: str
    user: str = ""


Page = Sequence[Line]


def set_lines(texts: Iterable[str], *, x: int = 60, y: int = 60, size: int = 11, pitch: int = 14) -> list[Line]:
    """Set one line below the other."""
    return [Line(text, x, y + pitch * number, size) for number, text in enumerate(texts)]


def paragraph(text: str, *, x: int = 60, y: int = 60, width: int = 80) -> list[Line]:
    """Break a paragraph into lines of `width` characters."""
    return set_lines(textwrap.wrap(text, width), x=x, y=y)


def make_pdf(
    pages: Sequence[Page], *, labels: str = "", passwords: Passwords | None = None, picture: str = "", ligature: str = "", form: str = ""
) -> bytes:
    """Write a file.

    Args:
        pages: the lines of each page.
        labels: a number tree for /PageLabels.
        passwords: encrypts the file.
        picture: on every page, "grey", or "itself" for one that draws itself.
        form: content that every page draws before its own, as a form that is twice as large and drawn at half its size.
        ligature: the letters that the character 1 stands for, which is wider than all others.
    """
    key = _key(passwords) if passwords else b""
    bodies = [
        *_document(pages, labels),
        *_fonts(_last_object(pages) + 1 if ligature else 0),
        *_pages(pages, picture, form),
        *_elements(pages),
        *_fields(pages),
    ]
    bodies += [_letters(ligature)] if ligature else []
    written = bytearray(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, (dictionary, stream) in enumerate(bodies, 1):
        places.append(len(written))
        content = stream if stream is None or not key else _rc4(_object_key(key, number), stream)
        text = dictionary if content is None else dictionary[:-2] + f"/Length {len(content)}>>"
        written += f"{number} 0 obj\n{text}\n".encode("cp1252")
        written += b"" if content is None else b"stream\n" + content + b"\nendstream\n"
        written += b"endobj\n"
    return bytes(written) + _trailer(places, len(written), passwords)


def _document(pages: Sequence[Page], labels: str) -> Iterator[tuple[str, None]]:
    """Objects 1 to 3: the catalog, the page tree, the structure tree."""
    kids = " ".join(f"{_page_object(number)} 0 R" for number in range(len(pages)))
    places = _element_objects(pages)
    extra = "/StructTreeRoot 3 0 R/MarkInfo<</Marked true>>" if places else ""
    extra += f"/AcroForm<</Fields[{' '.join(f'{place} 0 R' for place in _field_objects(pages).values())}]>>"
    extra += f"/PageLabels<</Nums[{labels}]>>" if labels else ""
    yield f"<</Type/Catalog/Pages 2 0 R{extra}>>", None
    yield f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>", None
    refs = {key: f"{place} 0 R" for key, place in places.items()}
    parents = " ".join(
        f"{number} [{' '.join(refs.get((number, place), 'null') for place in range(len(page)))}]" for number, page in enumerate(pages)
    )
    yield f"<</Type/StructTreeRoot/K[{' '.join(refs.values())}]/ParentTree<</Nums[{parents}]>>>>", None


def _fonts(table: int) -> Iterator[tuple[str, None]]:
    kind = (
        f"TrueType/FirstChar 1/LastChar 255/Widths[1000{' 500' * 63}{' 800' * 26}{' 500' * 165}]/ToUnicode {table} 0 R"
        if table
        else "Type1"
    )
    for name in ("Helvetica", "Helvetica-Bold"):
        yield f"<</Type/Font/Subtype/{kind}/BaseFont/{name}/Encoding/WinAnsiEncoding>>", None


def _letters(ligature: str) -> tuple[str, bytes]:
    """The table of what a font's characters stand for."""
    pairs = [("01", ligature), *((f"{code:02x}", chr(code)) for code in range(32, 127))]
    lines = "\n".join(f"<{code}> <{letters.encode('utf-16-be').hex()}>" for code, letters in pairs)
    table = (
        f"/CIDInit /ProcSet findresource begin\nbegincmap\n1 begincodespacerange\n<00> <ff>\nendcodespacerange\n{len(pairs)} beginbfchar\n"
    )
    return "<</Filter/FlateDecode>>", zlib.compress(f"{table}{lines}\nendbfchar\nendcmap\nend".encode())


def _page_object(number: int) -> int:
    return 6 + 3 * number


def _element_objects(pages: Sequence[Page]) -> dict[tuple[int, int], int]:
    """The numbers of the structure elements' objects by page and place on it; they follow the pages."""
    tagged = [(number, place) for number, page in enumerate(pages) for place, line in enumerate(page) if line.tag]
    return {key: _page_object(len(pages)) + count for count, key in enumerate(tagged)}


def _elements(pages: Sequence[Page]) -> Iterator[tuple[str, None]]:
    for number, place in _element_objects(pages):
        tag = pages[number][place].tag
        yield f"<</Type/StructElem/S/{tag}/P 3 0 R/Pg {_page_object(number)} 0 R/K {place}>>", None


def _field_objects(pages: Sequence[Page]) -> dict[tuple[int, int], int]:
    """The numbers of the form fields' objects by page and place on it; they follow the elements."""
    first = _page_object(len(pages)) + len(_element_objects(pages))
    named = [(number, place) for number, page in enumerate(pages) for place, line in enumerate(page) if line.field]
    return {key: first + count for count, key in enumerate(named)}


def _last_object(pages: Sequence[Page]) -> int:
    return _page_object(len(pages)) - 1 + len(_element_objects(pages)) + len(_field_objects(pages))


def _fields(pages: Sequence[Page]) -> Iterator[tuple[str, None]]:
    for number, place in _field_objects(pages):
        line = pages[number][place]
        box = f"/Rect[{line.x} {HEIGHT - line.y - 3} {line.x + 200} {HEIGHT - line.y + 12}]/P {_page_object(number)} 0 R"
        yield f"<</Type/Annot/Subtype/Widget/FT/Tx/T({line.field})/V({line.text}){box}>>", None


def _pages(pages: Sequence[Page], picture: str, form: str) -> Iterator[tuple[str, bytes | None]]:
    """Three objects for each page: the page, its content, and its picture or form."""
    for number, page in enumerate(pages):
        own = _page_object(number)
        links = "".join(_link(line) for line in page if line.link)
        links += "".join(f" {place} 0 R" for (holder, _), place in _field_objects(pages).items() if holder == number)
        images = f"/XObject<</Picture {own + 2} 0 R>>" if picture or form else ""
        resources = f"/Resources<</Font<</Regular 4 0 R/Bold 5 0 R>>{images}>>"
        box = f"/MediaBox[0 0 {WIDTH} {HEIGHT}]"
        yield f"<</Type/Page/Parent 2 0 R{box}{resources}/Contents {own + 1} 0 R/StructParents {number}/Annots[{links}]>>", None
        drawn = f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /Picture Do Q\n" if picture else "q .5 0 0 .5 0 0 cm /Picture Do Q\n" if form else ""
        yield "<<>>", (drawn + "\n".join(_draw(place, line) for place, line in enumerate(page) if not line.field)).encode("cp1252")
        if form:
            yield f"<</Type/XObject/Subtype/Form/BBox[0 0 {2 * WIDTH} {2 * HEIGHT}]/Matrix[2 0 0 2 0 0]{resources}>>", form.encode("cp1252")
        elif picture == "itself":
            yield f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]{resources}>>", b"/Picture Do /Picture Do"
        else:
            yield "<</Type/XObject/Subtype/Image/Width 2/Height 2/ColorSpace/DeviceGray/BitsPerComponent 8>>", b"\x80\x90\x80\x90"


def _draw(place: int, line: Line) -> str:
    escaped = line.text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    drawn = f"BT /{line.font} {line.size} Tf {line.x} {HEIGHT - line.y} Td ({escaped}) Tj ET"
    return f"/{line.tag} <</MCID {place}>> BDC {drawn} EMC" if line.tag else drawn


def _link(line: Line) -> str:
    bottom = HEIGHT - line.y - 3
    right = line.x + line.size * len(line.text) // 2
    return f"<</Type/Annot/Subtype/Link/Rect[{line.x} {bottom} {right} {bottom + line.size + 3}]/A<</S/URI/URI({line.link})>>>>"


def _trailer(places: Sequence[int], start: int, passwords: Passwords | None) -> bytes:
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    identity = f"<{_IDENTITY.hex()}>"
    encrypt = f"/Encrypt {_encrypt(passwords)}/ID[{identity}{identity}]" if passwords else ""
    size = len(places) + 1
    text = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R{encrypt}>>\nstartxref\n{start}\n%%EOF\n"
    return text.encode("ascii")


def _encrypt(passwords: Passwords) -> str:
    user = _rc4(_key(passwords), _PADDING)
    return f"<</Filter/Standard/V 1/R 2/O<{_owner(passwords).hex()}>/U<{user.hex()}>/P {_NO_PERMISSION}>>"


def _owner(passwords: Passwords) -> bytes:
    return _rc4(_digest(_padded(passwords.owner)), _padded(passwords.user))


def _key(passwords: Passwords) -> bytes:
    permission = _NO_PERMISSION.to_bytes(4, "little", signed=True)
    return _digest(_padded(passwords.user) + _owner(passwords) + permission + _IDENTITY)


def _object_key(key: bytes, number: int) -> bytes:
    return hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0", usedforsecurity=False).digest()[:10]


def _digest(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()[:5]


def _padded(password: str) -> bytes:
    return (password.encode("ascii") + _PADDING)[:32]


def _rc4(key: bytes, content: bytes) -> bytes:
    state = list(range(256))
    other = 0
    for place in range(256):
        other = (other + state[place] + key[place % len(key)]) % 256
        state[place], state[other] = state[other], state[place]
    out = bytearray()
    first = second = 0
    for byte in content:
        first = (first + 1) % 256
        second = (second + state[first]) % 256
        state[first], state[second] = state[second], state[first]
        out.append(byte ^ state[(state[first] + state[second]) % 256])
    return bytes(out)
