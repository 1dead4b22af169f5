"""The bytes behind a path or a data: URI."""

import base64
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import Roots, encode_png, read_source
from expressedit_mcp.imaging import Picture

PNG = encode_png(Picture(np.zeros((2, 3, 3), np.uint8)))
CODE = base64.b64encode(PNG).decode()
NOWHERE = Roots(())


def read(source: str, roots: Roots = NOWHERE, *, file_mb: int = 1, uri_mb: int = 1):
    return read_source(source, roots, max_file_mb=file_mb, max_data_uri_mb=uri_mb)


def refusal(source: str, roots: Roots = NOWHERE) -> str:
    with pytest.raises(InputError) as caught:
        read(source, roots)
    return str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        f"data:image/png;base64,{CODE}",
        f"DATA:image/png;BASE64,{CODE}",
        f"data:;base64,{CODE}",
        f"data:image/png;charset=utf-8;base64,{CODE}",
        "data:image/png;base64,\n  " + "\n".join(CODE[i : i + 20] for i in range(0, len(CODE), 20)),
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG),
    ],
    ids=["plain", "upper case", "no type", "parameter", "broken into lines", "percent-encoded"],
)
def test_a_data_uri_gives_its_bytes(uri):
    assert read(uri) == (PNG, "the data: URI")


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_come_back_from_base64(data):
    assert read("data:image/png;base64," + base64.b64encode(data).decode())[0] == data


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("data:image/png;base64", "no comma"),
        ("data:", "no comma"),
        ("data:image/png;base64,", "0 bytes"),
        ("data:,", "0 bytes"),
        (f"data:image/png;base64,{CODE[:-5]}", "not valid base64"),
        (f"data:image/png;base64,{CODE[:20]}…{CODE[20:]}", "not valid base64"),
        (f"data:image/png;base64,{CODE[:20]}%{CODE[20:]}", "not valid base64"),
        ("data:image/png;base64,[image omitted]", "not valid base64"),
    ],
)
def test_a_broken_data_uri_is_refused_and_its_fault_named(uri, words):
    assert words in refusal(uri)


def test_a_data_uri_of_the_largest_size_is_read_and_a_larger_one_refused():
    most = base64.b64encode(bytes(1 << 20)).decode()
    more = base64.b64encode(bytes((1 << 20) + 10)).decode()
    assert len(read(f"data:;base64,{most}")[0]) == 1 << 20
    assert "larger than 1 MB" in refusal(f"data:;base64,{more}")


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "file"])
def test_addresses_are_not_opened(scheme):
    message = refusal(f"{scheme}://example.com/hero.png")
    assert f"{scheme}:// addresses are not opened" in message


def test_a_file_gives_its_bytes_and_its_name(tmp_path: Path):
    (tmp_path / "hero.png").write_bytes(PNG)
    assert read("hero.png", Roots((tmp_path.resolve(),))) == (PNG, "hero.png")


def test_a_file_of_the_largest_size_is_read_and_a_larger_one_refused(tmp_path: Path):
    roots = Roots((tmp_path.resolve(),))
    (tmp_path / "most.png").write_bytes(bytes(1 << 20))
    (tmp_path / "more.png").write_bytes(bytes((1 << 20) + 1))
    assert len(read("most.png", roots)[0]) == 1 << 20
    assert "the limit is 1 (EXPRESSEDIT_MAX_FILE_MB)" in refusal("more.png", roots)


def test_a_path_outside_is_refused(tmp_path: Path):
    (tmp_path / "hero.png").write_bytes(PNG)
    assert "outside the allowed folders" in refusal(str(tmp_path / "hero.png"))
