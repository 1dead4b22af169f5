"""The outbox and the pairings as files: what outlasts a process, who may read it, what is cleaned up."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoshop_bridge import BridgeError, DocRef, Layer, Outbox
from photoshop_bridge.outbox import _printable
from photoshop_bridge.pairing import Nonces, Pairings, mac, pairing_key
from photoshop_bridge.values import Ack, Problem

REF = DocRef(session="s", doc=3, file="0" * 64, fingerprint="10x10|rgb|8|-", name="page.psd")
LAYER = Layer("img_1", "Expression: smile", (1, 2, 4, 4), bytes(24), bytes(6), REF)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


def test_a_result_outlasts_its_process(outbox: Outbox, tmp_path: Path) -> None:
    waiting = outbox.put(LAYER)
    again = Outbox(tmp_path / "outbox")
    assert again.pending() == [waiting]
    assert again.fetch(waiting.result, "i", force=False)[1:] == (bytes(24), bytes(6))


def test_results_come_in_the_order_they_were_put(outbox: Outbox) -> None:
    put = [outbox.put(replace(LAYER, image_id=f"img_{n}")) for n in (5, 3, 9)]
    assert [w.result for w in outbox.pending()] == [w.result for w in put]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (LAYER, True),
        (replace(LAYER, name="another name"), True),
        (replace(LAYER, document=REF.model_copy(update={"session": "t", "doc": 9})), True),
        (replace(LAYER, document=REF.model_copy(update={"file": "1" * 64})), False),
        (replace(LAYER, image_id="img_2"), False),
        (replace(LAYER, document=None), False),
    ],
)
def test_what_counts_as_the_same_result(outbox: Outbox, other: Layer, same: bool) -> None:
    assert (outbox.put(LAYER).result == outbox.put(other).result) == same


@pytest.mark.parametrize(
    ("status", "again", "fresh"),
    [
        ("placed", False, False),
        ("placed", True, True),
        ("discarded", False, True),
        ("failed", True, False),
    ],
)
def test_asking_again(outbox: Outbox, status: str, again: bool, fresh: bool) -> None:
    first = outbox.put(LAYER)
    assert outbox.acknowledge(Ack.model_validate({"result": first.result, "status": status}))
    assert (outbox.put(LAYER, again=again).result != first.result) == fresh


def test_a_failure_keeps_the_pixels_and_asks_for_a_click(outbox: Outbox) -> None:
    first = outbox.put(LAYER)
    problem = Problem(kind="mask_failed", message="It differs.")
    outbox.acknowledge(Ack(result=first.result, status="failed", error=problem))
    (waiting,) = outbox.pending()
    assert (waiting.auto, waiting.error) == (False, problem)
    assert outbox.fetch(first.result, "i", force=False)[1] == bytes(24)


def test_what_is_not_there_is_told(outbox: Outbox) -> None:
    assert not outbox.acknowledge(Ack(result="res_none", status="placed"))
    assert not outbox.discard("res_none")
    first = outbox.put(LAYER)
    assert outbox.discard(first.result)
    assert not outbox.discard(first.result)
    with pytest.raises(BridgeError, match="not waiting"):
        outbox.fetch(first.result, "i", force=False)


def test_damaged_files_do_no_harm(outbox: Outbox, tmp_path: Path) -> None:
    first = outbox.put(LAYER)
    folder = tmp_path / "outbox"
    (folder / "broken.json").write_text("{", "utf-8")
    (folder / f"{first.result}.rgba-mask").write_bytes(bytes(5))
    assert outbox.pending() == [first]
    with pytest.raises(BridgeError, match="damaged"):
        outbox.fetch(first.result, "i", force=False)


def test_old_records_are_forgotten_waiting_ones_never(outbox: Outbox, tmp_path: Path) -> None:
    kept = outbox.put(LAYER)
    for n in range(210):
        waiting = outbox.put(replace(LAYER, image_id=f"img_x{n}"))
        outbox.acknowledge(Ack(result=waiting.result, status="placed"))
    assert outbox.pending() == [kept]
    assert len(list((tmp_path / "outbox").glob("*.json"))) == 202


def test_pixels_that_do_not_fill_the_rect_are_a_fault_of_the_caller(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="fill"):
        outbox.put(replace(LAYER, mask=bytes(5)))


@given(st.text(max_size=300))
def test_layer_names_are_short_and_printable(name: str) -> None:
    printable = _printable(name)
    assert 1 <= len(printable) <= 80
    assert printable.isprintable()
    printable.encode("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no permission bits")
def test_secrets_and_pictures_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "bridge"
    pairings = Pairings(folder)
    nonces = Nonces("0" * 64, "1" * 64, "install")
    key = pairing_key(pairings.open_code().code, nonces)
    assert (folder / "code.json").stat().st_mode & 0o777 == 0o600
    pairings.pair(mac(key, "pair", nonces), nonces, "test")
    Outbox(folder / "outbox").put(LAYER)
    for path in (p for p in folder.rglob("*") if p.is_file()):
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_code_is_the_same_for_all_processes_until_it_expires(tmp_path: Path) -> None:
    code = Pairings(tmp_path).open_code()
    assert Pairings(tmp_path).open_code() == code
    file = tmp_path / "code.json"
    file.write_text(json.dumps({**code.model_dump(), "expires": 0}), "utf-8")
    assert Pairings(tmp_path).code() is None
    assert Pairings(tmp_path).open_code().code != code.code


def test_forgetting_unpairs_everybody(tmp_path: Path) -> None:
    pairings = Pairings(tmp_path)
    nonces = Nonces("0" * 64, "1" * 64, "install")
    key = pairing_key(pairings.open_code().code, nonces)
    token, _ = pairings.pair(mac(key, "pair", nonces), nonces, "test")
    assert Pairings(tmp_path).token("install") == token
    assert pairings.forget() == 1
    assert Pairings(tmp_path).token("install") is None
    assert not pairings.wanted
