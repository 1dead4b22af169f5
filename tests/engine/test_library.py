"""Added models: the library's verbs and `expressedit-mcp models` as a user calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import single_files
from click.testing import CliRunner, Result

from expressedit_mcp.cli import main
from expressedit_mcp.engine import ModelLibrary, find_source
from expressedit_mcp.engine.card import Card, Files, LoraFile
from expressedit_mcp.engine.catalogue import NAMED_SETS
from expressedit_mcp.errors import ModelError
from expressedit_mcp.settings import SHIPPED_MODEL, Settings

SHIPPED = Path("shipped")


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    return ModelLibrary(tmp_path / "models", SHIPPED)


def card(name: str = "mine", base: str = "../files/a.safetensors") -> Card:
    return Card(name=name, files=Files(base=base))


def test_the_shipped_model_is_used_until_another_is_chosen(library: ModelLibrary) -> None:
    assert library.resolve(None) == SHIPPED
    folder = library.add(card())
    assert library.resolve(None) == SHIPPED
    library.use("mine")
    assert library.resolve(None) == folder
    library.use(None)
    assert library.resolve(None) == SHIPPED


def test_a_setting_is_a_name_or_a_path(library: ModelLibrary) -> None:
    folder = library.add(card())
    assert library.resolve(Path("mine")) == folder
    assert library.resolve(Path("elsewhere/mine")) == Path("elsewhere/mine")


def test_the_card_comes_back_as_it_was(library: ModelLibrary) -> None:
    made = card().model_copy(update={"strength": 0.5})
    assert find_source(library.add(made)).card == made


@pytest.mark.parametrize("name", ["", "../up", "a b", "current", "files", ".hidden", "x" * 65])
def test_names_that_cannot_be_folders_are_refused(library: ModelLibrary, name: str) -> None:
    with pytest.raises(ModelError, match="cannot be a model's name"):
        library.add(card(name))


def test_a_taken_name_is_refused(library: ModelLibrary) -> None:
    library.add(card())
    with pytest.raises(ModelError, match="already"):
        library.add(card())


def test_an_unknown_name_lists_the_known(library: ModelLibrary) -> None:
    library.add(card())
    for verb in (library.path, library.use, library.remove):
        with pytest.raises(ModelError, match="mine"):
            verb("other")


def test_removing_the_model_in_use_goes_back_to_the_shipped(library: ModelLibrary) -> None:
    library.add(card())
    library.use("mine")
    library.remove("mine")
    assert library.names() == ()
    assert library.resolve(None) == SHIPPED


def test_weights_that_another_model_names_are_in_use(library: ModelLibrary) -> None:
    library.files.mkdir(parents=True)
    for name in ("a.safetensors", "b.safetensors"):
        (library.files / name).write_bytes(b"")
    library.add(card("one"))
    library.add(card("two"))
    assert [p.name for p in library.unused_files()] == ["b.safetensors"]
    library.remove("one")
    assert [p.name for p in library.unused_files()] == ["b.safetensors"]
    library.remove("two")
    assert [p.name for p in library.unused_files()] == ["a.safetensors", "b.safetensors"]


def test_named_sets_name_the_files_they_fetch() -> None:
    for name, found in NAMED_SETS.items():
        files = found.card.files
        assert files is not None and name == found.card.name
        named = {files.base, files.controlnet, *(lora.path for lora in files.loras)}
        assert named == {f"../files/{file.name}" for file in found.files}
        assert all(file.url.startswith("https://") and file.page for file in found.files)


def run(home: Path, *arguments: str, **environment: str) -> Result:
    environment = {"EXPRESSEDIT_HOME": str(home), **environment}
    return CliRunner().invoke(main, ["models", *arguments], env=environment)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A toy checkpoint and ControlNet in the real layouts."""
    folder = tmp_path_factory.mktemp("files")
    parts: dict[str, Any] = single_files.modules(single_files.save_configs(folder / "configs"))
    return {
        "base": single_files.save(folder / "base.safetensors", single_files.checkpoint(parts)),
        "controlnet": single_files.save(
            folder / "control.safetensors", parts["controlnet"].state_dict()
        ),
    }


def test_list_shows_the_shipped_model_in_use_and_what_can_be_pulled(tmp_path: Path) -> None:
    shown = run(tmp_path, "list").output
    assert shown.startswith("* (shipped)")
    assert "wai-illustrious" in shown


def test_a_model_of_the_environment_is_the_one_in_use(tmp_path: Path) -> None:
    run(tmp_path, "add", "mine", "--base", str(SHIPPED_MODEL))
    by_name, by_path = {"EXPRESSEDIT_MODEL": "mine"}, {"EXPRESSEDIT_MODEL": "elsewhere/model"}
    assert "* mine" in run(tmp_path, "list", **by_name).output
    shown = run(tmp_path, "list", **by_path).output
    assert "EXPRESSEDIT_MODEL is set to elsewhere/model" in shown and "* " not in shown
    used = run(tmp_path, "use", "mine", **by_path)
    assert used.exit_code == 0 and "elsewhere/model, which comes first" in used.output


def test_add_refuses_and_forgets_a_file_in_the_wrong_place(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    result = run(tmp_path, "add", "mine", "--base", str(files["controlnet"]))
    assert result.exit_code == 1
    assert "seems to be: SDXL ControlNet" in result.output
    assert "mine" not in run(tmp_path, "list").output


def test_add_use_check_remove(tmp_path: Path, files: dict[str, Path]) -> None:
    arguments = ["--base", str(SHIPPED_MODEL), "--controlnet", str(files["controlnet"])]
    added = run(tmp_path, "add", "mine", *arguments)
    assert added.exit_code == 0, added.output
    assert "controlnet" in added.output
    assert run(tmp_path, "use", "mine").exit_code == 0
    assert "* mine" in run(tmp_path, "list").output
    settings = Settings(home=tmp_path)
    library = ModelLibrary(settings.models_dir, SHIPPED_MODEL)
    assert find_source(library.resolve(settings.model)).controlnet == files["controlnet"]
    checked = run(tmp_path, "check").output
    assert str(SHIPPED_MODEL) in checked and "can be used" in checked
    assert run(tmp_path, "remove", "mine").exit_code == 0
    assert run(tmp_path, "list").output.startswith("* (shipped)")


def test_a_directory_is_added_with_its_own_card_and_parts(tmp_path: Path) -> None:
    added = run(tmp_path, "add", "mine", "--base", str(SHIPPED_MODEL))
    assert added.exit_code == 0, added.output
    assert f"controlnet: {SHIPPED_MODEL / 'controlnet'}" in added.output
    shipped, found = find_source(SHIPPED_MODEL), find_source(tmp_path / "models" / "mine")
    assert found.card == shipped.card.model_copy(update={"name": "mine", "files": found.card.files})
    # so its edits are the same, and their ids
    assert found.fingerprint == shipped.fingerprint


def test_options_take_the_place_of_what_a_directory_brings(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    import torch

    low = {"lora_unet_x_attn2_to_k.lora_down.weight": torch.zeros(4, 2048)}
    for name in ("own", "given"):
        single_files.save(tmp_path / f"{name}.safetensors", low)
    brought = Card(
        name="set",
        strength=0.6,
        prediction="epsilon",
        files=Files(
            base=str(files["base"]),
            controlnet="own-control.safetensors",
            loras=(LoraFile(path="own.safetensors", weight=0.5),),
            configs=str(files["base"].parent / "configs"),
        ),
    )
    (tmp_path / "own-control.safetensors").write_bytes(files["controlnet"].read_bytes())
    (tmp_path / "card.json").write_text(brought.model_dump_json(exclude_unset=True), "utf-8")
    options = {
        "plain": [],
        "changed": ["--controlnet", str(files["controlnet"]), "--prediction", "v_prediction"],
        "lora": ["--lora", str(tmp_path / "given.safetensors"), "--lightning"],
    }
    found = {}
    for name, chosen in options.items():
        added = run(tmp_path, "add", name, "--base", str(tmp_path), *chosen)
        assert added.exit_code == 0, added.output
        found[name] = find_source(tmp_path / "models" / name)
    own, other = tmp_path / "own-control.safetensors", files["controlnet"]
    assert [s.controlnet for s in found.values()] == [own, other, own]
    assert [s.card.prediction for s in found.values()] == ["epsilon", "v_prediction", "epsilon"]
    assert [s.card.strength for s in found.values()] == [0.6, 0.6, 0.75]
    assert [[(path.stem, w) for path, w in s.loras] for s in found.values()] == [
        [("own", 0.5)],
        [("own", 0.5)],
        [("given", 1.0)],
    ]


def test_lightning_sets_its_grid_and_a_lora_its_weight(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    import torch

    low = {"lora_unet_x_attn2_to_k.lora_down.weight": torch.zeros(4, 2048)}
    lora = single_files.save(tmp_path / "l.safetensors", low)
    result = run(
        tmp_path,
        "add",
        "fast",
        "--base",
        str(SHIPPED_MODEL),
        "--lora",
        f"{lora}=0.8",
        "--lightning",
    )
    assert result.exit_code == 0, result.output
    source = find_source(tmp_path / "models" / "fast")
    assert source.loras == ((lora, 0.8),)
    assert (source.card.sampler, source.card.spacing, source.card.guidance_scale) == (
        "euler",
        "trailing",
        1.0,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pull", "nothing"], "wai-illustrious"),
        (["use", "nothing"], "models add"),
        (["use"], "--shipped"),
        (["check", "nowhere"], "not a model"),
        (["add", "x", "--base", "nowhere.safetensors"], "nowhere.safetensors"),
        (["add", "x", "--base", "."], "no model_index.json"),
        (["add", "x", "--base", "y", "--lora", "z=w"], "no weight"),
    ],
)
def test_mistakes_say_what_to_do(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code != 0
    assert says in result.output
