"""How files of well-known kinds begin, and what is inside of packages; also of kinds that are not read, so that people hear which."""

import re

BEGINNINGS: tuple[tuple[int, bytes, str, str], ...] = (  # where, what, the usual ending, the kind in words
    (0, b"{\\rtf", ".rtf", "a rich text (RTF) file"),
    (0, b"\x89PNG\r\n", ".png", "an image (PNG)"),
    (0, b"\xff\xd8\xff", ".jpg", "an image (JPEG)"),
    (0, b"GIF87a", ".gif", "an image (GIF)"),
    (0, b"GIF89a", ".gif", "an image (GIF)"),
    (0, b"II*\0", ".tiff", "an image (TIFF)"),
    (0, b"MM\0*", ".tiff", "an image (TIFF)"),
    (8, b"WEBPVP8", ".webp", "an image (WebP)"),
    (4, b"ftypheic", ".heic", "an image (HEIC)"),
    (4, b"ftypavif", ".avif", "an image (AVIF)"),
    (0, b"8BPS\0", ".psd", "an image (Photoshop)"),
    (8, b"WAVEfmt", ".wav", "a sound recording (WAV)"),
    (0, b"ID3\3", ".mp3", "a sound recording (MP3)"),
    (0, b"ID3\4", ".mp3", "a sound recording (MP3)"),
    (0, b"OggS\0", ".ogg", "a sound recording (Ogg)"),
    (0, b"fLaC\0", ".flac", "a sound recording (FLAC)"),
    (4, b"ftypM4A", ".m4a", "a sound recording (M4A)"),
    (4, b"ftyp", ".mp4", "a video (MP4)"),
    (0, b"\x1aE\xdf\xa3", ".mkv", "a video (Matroska)"),
    (8, b"AVI LIST", ".avi", "a video (AVI)"),
    (0, b"\x1f\x8b\x08", ".gz", "a gzip archive"),
    (0, b"BZh91AY", ".bz2", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", ".xz", "an xz archive"),
    (0, b"7z\xbc\xaf\x27\x1c", ".7z", "a 7z archive"),
    (0, b"Rar!\x1a\x07", ".rar", "a RAR archive"),
    (0, b"\x28\xb5\x2f\xfd", ".zst", "a Zstandard archive"),
    (257, b"ustar", ".tar", "a tar archive"),
    (0, b"SQLite format 3\0", ".sqlite", "a database (SQLite)"),
    (0, b"\x7fELF", ".so", "a program"),
    (0, b"PAR1", ".parquet", "a table (Parquet)"),
    (0, b"!BDN", ".pst", "a mailbox (Outlook)"),
)
OLE, ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", (b"PK\x03\x04", b"PK\x05\x06")
STREAMS: tuple[tuple[str, str, str], ...] = (  # of an old Office file: the name of a stream, the usual ending, the kind in words
    ("WordDocument", ".doc", "an old Word file"),
    ("Workbook", ".xls", "an old Excel file"),
    ("Book", ".xls", "an old Excel file"),
    ("PowerPoint Document", ".ppt", "an old PowerPoint file"),
    ("__substg1.0_", ".msg", "an Outlook message"),
)
KNOWN_ENDINGS = {ending for _, _, ending, _ in BEGINNINGS} | {ending for _, ending, _ in STREAMS}
PARTS = {
    "wordprocessingml": "docx", "ms-word": "docx", "presentationml": "pptx", "ms-powerpoint": "pptx",
    "spreadsheetml": "xlsx", "ms-excel": "xlsx",
}  # fmt: skip
MAIN_PART = re.compile(rf"({'|'.join(PARTS)})\.[\w.]{{0,80}}main\b")
FOLDERS = {"word/": "docx", "ppt/": "pptx", "xl/": "xlsx", "META-INF/container.xml": "epub"}
OTHER_PACKAGES = {
    "META-INF/MANIFEST.MF": "a Java archive", "AndroidManifest.xml": "an Android app", "Index/Document.iwa": "an Apple iWork file",
}  # fmt: skip
