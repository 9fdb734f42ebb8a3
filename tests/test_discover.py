"""Which files are found in a folder, whatever else lies in it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.discover import discover, distinct, named, printable, relative_name
from schemas.errors import InputError, RecipeError
from schemas.recipe import DocumentsSection


def folder(root: Path, files: dict[str, str]) -> DocumentsSection:
    for name, content in files.items():
        path = root / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return DocumentsSection()


def names(section: DocumentsSection, root: Path, **settings_: Path) -> list[str]:
    return list(named(discover(section, root, **settings_), section, root))


def test_files_are_found_in_the_order_of_their_names_without_hidden_ones(tmp_path):
    section = folder(tmp_path, {"b.md": "b", "a/z.md": "z", ".git/c.md": "c", ".hidden": "h", "a/.x": "x", "B.md": "B"})

    assert names(section, tmp_path) == ["B.md", "a/z.md", "b.md"]


@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        (("*.md",), (), ["a/deep/x.md", "a/y.md", "top.md"]),
        (("a/*",), (), ["a/y.md", "a/z.txt"]),
        (("a/**",), (), ["a/deep/x.md", "a/y.md", "a/z.txt"]),
        (("**/[xt]*.md",), (), ["a/deep/x.md", "top.md"]),
        (("**/[!xt]*.md",), (), ["a/y.md"]),
        (("**/*",), ("a/deep/", "z.tx?"), ["a/y.md", "top.md"]),
        (("**/[[x&&~|]*.md",), (), ["a/deep/x.md"]),
    ],
)
def test_patterns_choose_the_files(tmp_path, include, exclude, found):
    folder(tmp_path, {"top.md": "t", "a/y.md": "y", "a/z.txt": "z", "a/deep/x.md": "x"})

    assert names(DocumentsSection(include=include, exclude=exclude), tmp_path) == found


@pytest.mark.parametrize("field", ["include", "exclude"])
def test_a_pattern_without_sense_is_named_with_its_field(tmp_path, field):
    section = folder(tmp_path, {"a.md": "a"}).model_copy(update={field: ("*.txt", "[z-a]*")})

    with pytest.raises(RecipeError, match=rf"documents\.{field}: \[z-a\]\*: not a pattern \(bad character range z-a\)"):
        discover(section, tmp_path)


def test_a_single_file_may_be_the_documents(tmp_path):
    folder(tmp_path, {"only.md": "words"})

    assert names(DocumentsSection(path=Path("documents/only.md")), tmp_path) == ["only.md"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        discover(DocumentsSection(path=Path("nowhere")), tmp_path)


def test_patterns_that_leave_nothing_are_an_error(tmp_path):
    section = folder(tmp_path, {"a.md": "a"}).model_copy(update={"include": ("*.pdf",)})

    with pytest.raises(InputError, match="none of its 1 files is included"):
        discover(section, tmp_path)


GIT_FILES = {
    ".gitignore": "*.log\n!keep.log\n/build/\nnotes\n[z-a]\n!\n",
    "a.log": "x", "keep.log": "x", "build/page.md": "x", "docs/build/page.md": "x", "docs/notes": "x",
    "docs/.gitignore": "!a.log\nsecret*\n", "docs/a.log": "x", "docs/b.log": "x", "docs/secret.md": "x", "docs/public.md": "x",
    "secret.md": "x", "build/.gitignore": "!page.md\n", "space name .md": "x",
}  # fmt: skip


def test_what_gitignore_files_name_is_left_out_with_negation_and_the_nested_ones_first(tmp_path):
    section = folder(tmp_path, GIT_FILES)

    found = names(section, tmp_path)

    assert found == ["docs/a.log", "docs/build/page.md", "docs/public.md", "keep.log", "secret.md", "space name .md"]
    assert "a.log" in names(section.model_copy(update={"respect_gitignore": False}), tmp_path)


def test_the_byte_order_mark_of_a_gitignore_is_no_part_of_its_first_pattern(tmp_path):
    section = folder(tmp_path, {"a.md": "a", "salaries.md": "s"})
    (tmp_path / "documents" / ".gitignore").write_bytes(b"\xef\xbb\xbfsalaries.md\r\n")

    assert names(section, tmp_path) == ["a.md"]


def test_a_gitignore_made_to_match_for_hours_does_not(tmp_path):
    section = folder(tmp_path, {".gitignore": "*a" * 12 + "*b\n" + "*a" * 3 + "*b\n", "a" * 250 + ".md": "x"})
    started = time.process_time()

    assert len(names(section, tmp_path)) == 1
    assert time.process_time() - started < 10


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git itself")
def test_git_itself_leaves_out_the_same(tmp_path):
    section = folder(tmp_path, GIT_FILES).model_copy(update={"exclude": ("**/.git/**",)})
    git = ["git", "-C", str(tmp_path / "documents"), "-c", "init.defaultBranch=main", "-c", "core.excludesFile="]

    subprocess.run([*git, "init"], check=True, capture_output=True)
    listed = subprocess.run([*git, "ls-files", "-z", "--others", "--exclude-standard"], check=True, capture_output=True).stdout

    assert names(section, tmp_path) == sorted(listed.decode().rstrip("\0").split("\0"))


def test_patterns_above_the_folder_do_not_count_for_documents_are_often_ignored_by_git(tmp_path):
    section = folder(tmp_path, {"a.md": "a"})
    (tmp_path / ".gitignore").write_text("documents\n*.md\n")

    assert names(section, tmp_path) == ["a.md"]


def test_links_pipes_and_broken_entries_are_listed_whatever_the_patterns_so_that_they_are_reported(tmp_path):
    section = folder(tmp_path, {"a.md": "a", "sub/b.txt": "b"}).model_copy(update={"include": ("*.md",)})
    inside = tmp_path / "documents"
    (inside / "loop").symlink_to("loop")
    (inside / "again").symlink_to(".")
    (inside / "gone").symlink_to("missing")
    (inside / "alias.md").symlink_to("a.md")
    os.mkfifo(inside / "pipe")

    assert names(section, tmp_path) == ["a.md", "again", "alias.md", "gone", "loop", "pipe"]
    assert names(section.model_copy(update={"exclude": ("again", "pipe")}), tmp_path) == ["a.md", "alias.md", "gone", "loop"]


def test_a_workspace_is_never_entered_be_it_this_runs_or_another_ones(tmp_path):
    section = folder(
        tmp_path, {"a.md": "a", "out/documents.md": "x", "older/.lock": "", "older/stages/read-1/x.md": "x", "stages/b.md": "b"}
    )

    assert names(section, tmp_path, leave_out=tmp_path / "documents" / "out") == ["a.md", "stages/b.md"]


def test_documents_inside_of_the_workspace_are_an_error(tmp_path):
    section = folder(tmp_path, {"a.md": "a"})

    with pytest.raises(InputError, match="lies in the workspace"):
        discover(section, tmp_path, leave_out=tmp_path)


def test_folders_deeper_than_any_recursion_are_walked(tmp_path):
    deep = [str(tmp_path / "documents") + "/d" * depth for depth in range(1010)]
    for path in deep:
        os.mkdir(path)  # noqa: PTH102 - pathlib is what takes long here
    Path(deep[-1], "x.md").write_text("x")

    found = names(DocumentsSection(), tmp_path)

    assert found == ["d/" * 1009 + "x.md"]
    Path(deep[-1], "x.md").unlink()
    for path in reversed(deep):  # what cleans up after the tests would recurse
        os.rmdir(path)  # noqa: PTH106


_WALK_AS_NOBODY = """
import os, sys
from pathlib import Path
os.setgid(65534), os.setuid(65534)
from builder.discover import discover
from schemas.recipe import DocumentsSection
print([path.name for path in discover(DocumentsSection(), Path(sys.argv[1]))])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read")
def test_a_folder_that_cannot_be_opened_is_listed():
    with tempfile.TemporaryDirectory() as root:
        folder(Path(root), {"a.md": "a", "closed/b.md": "b"})
        Path(root).chmod(0o755)
        (Path(root) / "documents" / "closed").chmod(0o700)
        before = f"import sys; sys.path[:] = {sys.path!r}\nimport builder.discover, schemas.recipe\n"

        done = subprocess.run([sys.executable, "-c", before + _WALK_AS_NOBODY, root], capture_output=True, text=True, check=True)

    assert done.stdout == "['a.md', 'closed']\n"


def test_a_name_is_composed_and_safe_to_print(tmp_path):
    section = folder(tmp_path, {"a.md": "a"})
    strange = Path(os.fsdecode(os.fsencode(tmp_path / "documents") + b"/caf\xe9 e\xcc\x81\n\x1b[2J.md"))

    assert relative_name(strange, section, tmp_path) == "caf\\xe9 é\\n\\x1b[2J.md"


def test_a_name_that_ten_thousand_files_have_is_numbered_on_in_a_few_looks():
    class Names(set[str]):
        looks = 0

        def __contains__(self, name: object) -> bool:
            self.looks += 1
            return super().__contains__(name)

    taken = Names(["a.md", *(f"a~{number}.md" for number in range(2, 10_001))])

    assert distinct("a.md", taken) == "a~10001.md"
    assert taken.looks < 40


def test_names_that_look_alike_stay_apart(tmp_path):
    section = folder(tmp_path, {"é.md": "composed", "e\u0301.md": "decomposed", "b\\xff.md": "backslash"})
    Path(os.fsdecode(os.fsencode(tmp_path / "documents") + b"/b\xff.md")).write_text("a byte")

    found = named(discover(section, tmp_path), section, tmp_path)

    assert list(found) == ["b\\xff.md", "b\\xff~2.md", "é.md", "é~2.md"]
    assert len({path.read_text() for path in found.values()}) == 4


@given(st.lists(st.text(max_size=3), max_size=20))
def test_distinct_names_are_distinct(wanted):
    taken: list[str] = []
    for name in wanted:
        taken.append(distinct(name, taken))

    assert len(set(taken)) == len(wanted)


@given(st.binary(max_size=30).filter(lambda raw: b"\0" not in raw))
@settings(max_examples=200)
def test_any_name_becomes_printable_unicode(raw):
    name = printable(os.fsdecode(raw))

    assert name.isprintable()
    assert printable(name) == name
    assert name.encode("utf-8").decode() == name
