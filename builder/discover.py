"""Which files there are: the folder is walked without following a link, and what nobody wants read is left out.

Left out without a word are only: what the patterns leave out, what a `.gitignore` inside the folder names, and the
workspaces of kilopair itself. Whatever else lies there is listed, also what cannot be read (a pipe, a link that leads
nowhere, a folder that cannot be opened), so that reading reports it.
"""

import codecs
import os
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from schemas.errors import InputError, RecipeError
from schemas.recipe import DocumentsSection

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)
_GLOBS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_IGNORE_FILE, _LARGEST_IGNORE_FILE = ".gitignore", 100_000
_STARS, _MOST_STARS = re.compile(r"\*+"), 4  # more of them in one pattern could match for hours


@dataclass(frozen=True)
class _Entry:
    path: Path
    name: str
    is_plain_file: bool


@dataclass(frozen=True)
class _Ignored:
    """The patterns of one `.gitignore`; `prefix` is the name of its folder with a slash, or empty."""

    prefix: str
    patterns: "GitIgnoreSpec"


def discover(section: DocumentsSection, root: Path, *, leave_out: Path | None = None) -> list[Path]:
    """Return the files to read in the order of their names.

    A pattern without a slash fits a name in any folder. Links to folders are not entered but listed. `leave_out` is a
    folder that is never entered: the workspace.

    Raises:
        InputError: there is no such folder, or no file in it that the patterns include.
        RecipeError: a pattern makes no sense.
    """
    folder = root / section.path
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; set documents.path to the folder with your documents")
    if leave_out is not None and folder.resolve().is_relative_to(leave_out.resolve()):
        raise InputError(f"{folder}: lies in the workspace {leave_out}; keep the documents outside of it")
    _open(folder)
    includes, excludes = _patterns("include", section.include), _patterns("exclude", section.exclude)
    walked = list(_walk(folder, leave_out, respect_gitignore=section.respect_gitignore))
    wanted = [entry for entry in walked if not excludes.fullmatch(entry.name) and not excludes.fullmatch(entry.name + "/")]
    found = [entry for entry in wanted if not entry.is_plain_file or includes.fullmatch(entry.name)]
    if not found:
        raise InputError(f"{folder}: none of its {len(walked)} files is included; see documents.include and documents.exclude")
    return [entry.path for entry in sorted(found, key=lambda entry: (entry.name, os.fsencode(entry.path)))]


def relative_name(path: Path, section: DocumentsSection, root: Path) -> str:
    """Return the name of a document: its path below the folder, composed, with what cannot be shown escaped."""
    folder = root / section.path
    return printable(path.relative_to(folder.parent if path == folder else folder).as_posix())


def named(paths: Iterable[Path], section: DocumentsSection, root: Path) -> dict[str, Path]:
    """Return the paths by their names; of names that look alike, the later ones get a number."""
    names: dict[str, Path] = {}
    for path in paths:
        names[distinct(relative_name(path, section, root), names)] = path
    return names


def distinct(name: str, taken: Container[str]) -> str:
    """Return `name`, with a number before its ending if it is taken; found in a few looks, though an archive has it ten thousand times."""
    if name not in taken:
        return name
    ending = PurePosixPath(name).suffix

    def numbered(number: int) -> str:
        return f"{name.removesuffix(ending)}~{number}{ending}"

    used, free = 1, 2
    while numbered(free) in taken:
        used, free = free, 2 * free
    while free - used > 1:
        middle = (used + free) // 2
        used, free = (middle, free) if numbered(middle) in taken else (used, middle)
    return numbered(free)


def printable(name: str) -> str:
    """Return a name that is the same on every system and safe on one line of a terminal."""
    name = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "backslashreplace"))
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in name)


def _open(folder: Path) -> None:
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise InputError(f"{folder}: cannot be opened ({(error.strerror or '').lower()}); give yourself the right to read it") from None


def _walk(folder: Path, leave_out: Path | None, *, respect_gitignore: bool) -> Iterator[_Entry]:
    own = _prefix(folder.resolve(), leave_out.resolve()) if leave_out is not None else None
    waiting: list[tuple[Path, str, tuple[_Ignored, ...]]] = [(folder, "", ())]
    while waiting:
        parent, prefix, ignored = waiting.pop()
        try:
            entries = list(os.scandir(parent))
        except OSError:
            yield _Entry(parent, printable(prefix.removesuffix("/")), is_plain_file=False)
            continue
        if _is_workspace({entry.name for entry in entries}) or prefix == own:
            continue
        ignored = (*ignored, *_ignore_file(entries, prefix)) if respect_gitignore else ignored
        for entry in entries:
            name, is_folder = prefix + entry.name, entry.is_dir(follow_symlinks=False)
            if _is_ignored(name + "/" * is_folder, ignored):
                continue
            if is_folder:
                waiting.append((Path(entry.path), name + "/", ignored))
            else:
                yield _Entry(Path(entry.path), printable(name), is_plain_file=_is_plain(entry))


def _prefix(folder: Path, inside: Path) -> str | None:
    return inside.relative_to(folder).as_posix() + "/" if inside.is_relative_to(folder) else None


def _is_workspace(names: set[str]) -> bool:
    """Whether the folder is one that kilopair writes its results to."""
    return {".lock", "stages"} <= names


def _is_plain(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _ignore_file(entries: Iterable["os.DirEntry[str]"], prefix: str) -> Iterator[_Ignored]:
    """The patterns of the folder's own `.gitignore`; as in git, it may be no link, and a line without sense says nothing."""
    for entry in entries:
        if entry.name == _IGNORE_FILE and entry.is_file(follow_symlinks=False):
            try:
                with open(entry.path, "rb") as file:  # noqa: PTH123 - a DirEntry has no path object
                    lines = os.fsdecode(file.read(_LARGEST_IGNORE_FILE).removeprefix(codecs.BOM_UTF8)).splitlines()
            except OSError:
                return
            yield _Ignored(prefix, _spec(lines))


def _spec(lines: Iterable[str]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    patterns = []
    for line in lines:
        if len(_STARS.findall(line)) > _MOST_STARS:
            continue
        try:
            patterns += GitIgnoreSpec.from_lines([line]).patterns
        except (ValueError, re.error):
            continue
    return GitIgnoreSpec(patterns)


def _is_ignored(name: str, ignored: tuple[_Ignored, ...]) -> bool:
    """Whether the deepest `.gitignore` with a word about `name` leaves it out."""
    for file in reversed(ignored):
        verdict = file.patterns.check_file(name.removeprefix(file.prefix)).include
        if verdict is not None:
            return verdict
    return False


def _patterns(field: str, patterns: Iterable[str]) -> re.Pattern[str]:
    whole = {pattern: _pattern(unicodedata.normalize("NFC", pattern)) for pattern in patterns}
    for pattern, expression in whole.items():
        try:
            re.compile(expression)
        except re.error as error:
            raise RecipeError(f"documents.{field}: {pattern}: not a pattern ({error.msg}); correct its square brackets") from None
    return re.compile("|".join(f"(?:{expression})" for expression in whole.values()) or r"(?!)", re.DOTALL)


def _pattern(pattern: str) -> str:
    pattern = pattern.removeprefix("./")
    whole = pattern if "/" in pattern else f"**/{pattern}"
    whole = whole + "**" if whole.endswith("/") else whole
    return "".join(_GLOBS.get(part) or _literal(part) for part in _GLOB.findall(whole))


def _literal(part: str) -> str:
    if len(part) > 1 and part.startswith("["):
        return "[" + re.sub(r"[\\\[&~|]", r"\\\g<0>", part[1:]).replace("!", "^", part.startswith("[!"))
    return re.escape(part)
