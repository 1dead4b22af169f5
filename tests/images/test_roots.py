"""What may be read and written, and what an outsider learns: nothing."""

import os
from pathlib import Path

import pytest

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import Roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with hero.png and a folder in it; secret.png lies beside it."""
    root = (tmp_path / "root").resolve()
    (root / "folder").mkdir(parents=True)
    (root / "hero.png").write_bytes(b"hero")
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    return root


@pytest.fixture
def outside(root: Path) -> Path:
    return root.parent / "outside"


def link(at: Path, to: Path) -> None:
    try:
        at.symlink_to(to, target_is_directory=to.is_dir())
    except (OSError, NotImplementedError) as error:
        pytest.skip(f"symlinks cannot be made here: {error}")


def refusal(ask, text: str) -> str:
    with pytest.raises(InputError) as caught:
        ask(text)
    return str(caught.value)


def test_a_file_inside_is_found_by_its_absolute_path(root):
    assert Roots((root,)).existing(str(root / "hero.png")) == root / "hero.png"


@pytest.mark.parametrize("text", ["hero.png", "./hero.png", "folder/../hero.png"])
def test_a_relative_path_is_taken_from_the_root(root, text):
    assert Roots((root,)).existing(text) == root / "hero.png"


def test_a_relative_path_is_looked_for_in_every_root(root):
    other = root.parent / "other"
    other.mkdir()
    (other / "villain.png").write_bytes(b"")
    roots = Roots((root, other))
    assert roots.existing("hero.png") == root / "hero.png"
    assert roots.existing("villain.png") == other / "villain.png"


def test_a_relative_path_in_two_roots_is_the_first_roots(root):
    other = root.parent / "other"
    other.mkdir()
    (other / "hero.png").write_bytes(b"")
    assert Roots((other, root)).existing("hero.png") == other / "hero.png"


def test_a_path_may_lead_from_one_root_to_another(root, outside):
    assert Roots((root, outside)).existing("../outside/secret.png") == outside / "secret.png"


def test_the_home_folder_may_be_written_as_a_tilde(root, monkeypatch):
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("USERPROFILE", str(root))
    assert Roots((root,)).existing("~/hero.png") == root / "hero.png"


@pytest.mark.parametrize(
    "text", ["../outside/secret.png", "folder/../../outside/secret.png", "../root-2/x.png", ".."]
)
def test_dots_do_not_lead_out(root, text):
    assert "outside the allowed folders" in refusal(Roots((root,)).existing, text)
    assert "outside the allowed folders" in refusal(Roots((root,)).new, text)


def test_a_folder_whose_name_only_begins_like_the_root_is_outside(root):
    near = root.parent / "root-2"
    near.mkdir()
    (near / "x.png").write_bytes(b"")
    assert "outside" in refusal(Roots((root,)).existing, str(near / "x.png"))


@pytest.mark.parametrize("ask", ["existing", "new"])
def test_a_missing_file_outside_is_not_told_apart_from_a_present_one(root, outside, ask):
    ask = getattr(Roots((root,)), ask)
    present, missing = outside / "secret.png", outside / "nothing.png"
    told = [refusal(ask, str(path)).replace(str(path), "") for path in (present, missing)]
    assert told[0] == told[1]


def test_a_missing_folder_outside_is_not_told_apart_from_a_present_one(root, outside):
    ask = Roots((root,)).new
    present, missing = outside / "x.png", root.parent / "nowhere" / "x.png"
    told = [refusal(ask, str(path)).replace(str(path), "") for path in (present, missing)]
    assert told[0] == told[1]


def test_a_symlink_out_of_the_root_is_refused(root, outside):
    link(root / "link.png", outside / "secret.png")
    link(root / "way", outside)
    roots = Roots((root,))
    for text in ("link.png", "way/secret.png", str(root / "link.png")):
        assert "outside the allowed folders" in refusal(roots.existing, text)
    assert "outside the allowed folders" in refusal(roots.new, "way/new.png")
    assert "outside the allowed folders" in refusal(roots.new, "link.png")


def test_a_symlink_into_the_root_is_followed(root, outside):
    link(outside / "link.png", root / "hero.png")
    link(root / "inner.png", root / "hero.png")
    roots = Roots((root,))
    assert roots.existing(str(outside / "link.png")) == root / "hero.png"
    assert roots.existing("inner.png") == root / "hero.png"


def test_a_symlink_loop_is_no_file(root):
    link(root / "loop", root / "loop")
    assert refusal(Roots((root,)).existing, "loop")
    assert refusal(Roots((root,)).existing, "loop/hero.png")


def test_a_symlink_loop_does_not_hide_a_way_out(root, outside):
    """After a loop the rest of a path is left unresolved by Python's realpath."""
    link(root / "loop", root / "loop")
    link(root / "way", outside)
    roots = Roots((root,))
    assert refusal(roots.existing, "loop/../way/secret.png")
    assert refusal(roots.new, "loop/../way/new.png")


def test_a_missing_file_inside_is_said_to_be_missing(root):
    assert "There is no file" in refusal(Roots((root,)).existing, "villain.png")


def test_a_path_below_a_file_is_said_to_be_missing(root):
    assert "There is no file" in refusal(Roots((root,)).existing, "hero.png/x.png")


def test_a_folder_is_no_picture(root):
    assert "is not a file" in refusal(Roots((root,)).existing, "folder")


@pytest.mark.parametrize("text", ["", "  ", "\n", "hero.png\0", "\0", "a\0/../hero.png"])
@pytest.mark.parametrize("ask", ["existing", "new"])
def test_what_is_no_path_is_refused(root, text, ask):
    assert "not a path" in refusal(getattr(Roots((root,)), ask), text)


@pytest.mark.parametrize("length", [300, 5_000, 1_000_000])
@pytest.mark.parametrize("ask", ["existing", "new"])
def test_a_picture_pasted_in_place_of_a_path_is_refused_in_few_words(root, length, ask):
    message = refusal(getattr(Roots((root,)), ask), "iVBORw0KGgo/" + "A" * length)
    assert len(message) < 5_000


@pytest.mark.parametrize(
    "text",
    [
        "/mnt/user-data/uploads/hero.png",
        "/mnt/data/hero.png",
        "/home/claude/hero.png",
        "sandbox:/mnt/data/hero.png",
        "file-8Jx2pQ",
        "file_00000000abcd",
        "attachment:hero.png",
    ],
)
def test_a_path_of_the_chats_sandbox_is_explained(root, text):
    message = refusal(Roots((root,)).existing, text)
    assert "sandbox" in message
    assert str(root) in message


@pytest.mark.parametrize("name", ["file_01.png", "file-1.png"])
def test_a_file_that_is_there_is_opened_though_it_is_named_like_an_upload(root, name):
    (root / name).write_bytes(b"")
    assert Roots((root,)).existing(name) == root / name


@pytest.mark.skipif(os.name == "nt", reason="a POSIX path")
def test_a_root_may_lie_where_chats_have_their_sandbox():
    roots = Roots((Path("/mnt/data/comics"),))
    assert "There is no file" in refusal(roots.existing, "/mnt/data/comics/hero.png")
    assert "sandbox" in refusal(roots.existing, "/mnt/data/hero.png")


def test_a_new_file_may_be_made_where_its_folder_is(root):
    roots = Roots((root,))
    assert roots.new("folder/new.png") == root / "folder" / "new.png"
    assert roots.new(str(root / "hero.png")) == root / "hero.png"


def test_a_new_file_in_a_missing_folder_is_refused(root):
    assert "does not exist" in refusal(Roots((root,)).new, "nowhere/new.png")


def test_a_new_file_in_place_of_a_folder_is_refused(root):
    assert "is a folder" in refusal(Roots((root,)).new, "folder")


@pytest.mark.parametrize("ask", ["existing", "new"])
def test_a_name_that_no_file_can_have_is_refused(root, ask):
    assert refusal(getattr(Roots((root,)), ask), "half a \ud83d surrogate/x.png")


def test_without_roots_everything_is_outside(root):
    assert "outside" in refusal(Roots(()).existing, str(root / "hero.png"))
    assert "outside" in refusal(Roots(()).existing, "hero.png")
