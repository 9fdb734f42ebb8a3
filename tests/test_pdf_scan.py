"""What shows in the bytes of a PDF; how forms that draw themselves are found is tested with the pages."""

import zlib

import pytest

from builder.readers.pdf_scan import names


def packed(content: bytes) -> bytes:
    return b"1 0 obj <</Type/ObjStm>>stream\n" + zlib.compress(content) + b"\nendstream endobj\n"


def test_names_are_found_in_the_open_and_in_packed_objects():
    assert names(b"<</S/URI>>", b"/URI")
    assert names(packed(b"<</S/GoTo>>") + packed(b"<</S/URI>>"), b"/URI")
    assert not names(packed(b"<</S/GoTo>>"), b"/URI")


@pytest.mark.parametrize(("streams", "is_said_to_be_there"), [(2_000, False), (2_001, True)])
def test_of_very_many_packed_streams_only_some_are_looked_into(streams: int, is_said_to_be_there: bool):
    assert names(b"/ObjStm>>stream\n" * streams, b"/URI") is is_said_to_be_there


@pytest.mark.parametrize(("streams", "is_said_to_be_there"), [(40, False), (60, True)])
def test_of_very_much_that_is_packed_only_some_is_unpacked(streams: int, is_said_to_be_there: bool):
    assert names(packed(bytes(1_000_000)) * streams, b"/URI") is is_said_to_be_there
