"""Vectors written into a file: taken up after a break, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fgmm import embed_images
from fgmm.embedding import load_embeddings
from fgmm.errors import StoreError
from tests.fgmm.embedding.conftest import GOOD, Eye, assert_right, picture

ROOT = Path(__file__).parents[3]


def test_many_rows(tmp_path):
    """More than a block of the table, with failures among them."""
    sources = [np.full((2, 2), n % 251, dtype=np.uint8) if n % 1000 else b"" for n in range(9001)]
    got = embed_images(sources, encoder=Eye(), batch_size=500)
    assert len(got) == 9001 - 10
    for row in (0, 4094, 4095, 4096, 4097, 8990):
        (alone,) = (
            Eye()
            .encode_images([Image.fromarray(sources[got.positions[row]]).convert("RGB")])
            .vectors
        )
        assert torch.allclose(got.vectors[row], alone, atol=1e-6)


def test_into_a_file_and_back(folder, tmp_path):
    path = tmp_path / "birds.safetensors"
    got = embed_images(folder, encoder=Eye(), into=path)
    assert_right(got)
    back = load_embeddings(path)
    assert_right(back)
    assert torch.equal(back.vectors, got.vectors)
    assert (back.names, back.space) == (got.names, got.space)
    assert [(f.position, f.name, str(f.error)) for f in back.failures] == [
        (f.position, f.name, str(f.error)) for f in got.failures
    ]
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["birds.safetensors"]


def test_into_a_file_with_odd_names_and_without_rows(tmp_path):
    names = ["ü 鳥 🐦.png", 'quote".png'] + ([os.fsdecode(b"\xff.png")] if os.name != "nt" else [])
    for name in names:
        picture(1).save(tmp_path / "plain.png")
        (tmp_path / "plain.png").rename(tmp_path / name)
    got = embed_images(tmp_path, encoder=Eye(), into=tmp_path / "e.safetensors")
    assert load_embeddings(tmp_path / "e.safetensors").names == got.names
    assert len(got) == len(names)
    embed_images([b""], encoder=Eye(), into=tmp_path / "none.safetensors")
    none = load_embeddings(tmp_path / "none.safetensors")
    assert (none.vectors.shape, len(none.failures)) == ((0, 49), 1)


class Fragile(Eye):
    """Breaks after some batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def encode_images(self, images, *, layer="joint"):
        if not self.left:
            raise RuntimeError("the power went off")
        self.left -= 1
        return super().encode_images(images, layer=layer)


def test_a_broken_run_is_taken_up_where_it_was(folder, tmp_path):
    path = tmp_path / "birds.safetensors"
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the power went off"):
            embed_images(folder, encoder=Fragile(2), into=path, batch_size=3)
    assert not path.exists()
    assert (tmp_path / "birds.safetensors.partial").exists()
    last = Eye()
    assert_right(embed_images(folder, encoder=last, into=path, batch_size=3))
    assert sum(last.batches) == len(GOOD) - 2 * 2 * 3
    assert not (tmp_path / "birds.safetensors.partial").exists()


def test_a_finished_run_is_not_done_again_and_new_pictures_are_added(folder, tmp_path):
    path = tmp_path / "birds.safetensors"
    embed_images(folder, encoder=Eye(), into=path)
    again = Eye()
    assert_right(embed_images(folder, encoder=again, into=path))
    assert again.batches == []
    picture(99).save(folder / "b" / "099.png")
    (folder / "a" / "000.png").unlink()
    more = embed_images(folder, encoder=again, into=path)
    assert again.batches == [1]
    assert torch.equal(load_embeddings(path).vectors, more.vectors)
    assert torch.allclose(more.vectors[-1:], Eye().encode_images([picture(99)]).vectors)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no sudden death here")
def test_kill_9(folder, tmp_path):
    path = tmp_path / "birds.safetensors"
    script = f"""
        import sys, time
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT)!r}]
        from conftest import Eye
        from fgmm import embed_images
        class Slow(Eye):
            def encode_images(self, images, *, layer="joint"):
                if sum(self.batches) >= 12:
                    print("twelve done", flush=True)
                    time.sleep(60)
                return super().encode_images(images, layer=layer)
        embed_images({str(folder)!r}, encoder=Slow(), into={str(path)!r}, batch_size=2)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"twelve done\n"
        process.kill()
    assert not path.exists()
    last = Eye()
    assert_right(embed_images(folder, encoder=last, into=path))
    assert sum(last.batches) == len(GOOD) - 12
    assert_right(load_embeddings(path))


def test_a_file_of_another_space_is_left_alone(folder, tmp_path):
    path = tmp_path / "birds.safetensors"
    embed_images(folder, encoder=Eye("one"), into=path)
    before = path.read_bytes()
    for encoder, layer in ((Eye("two"), "joint"), (Eye("one"), "features")):
        with pytest.raises(StoreError, match=r"holds vectors of 'one', and these are of"):
            embed_images(folder, encoder=encoder, layer=layer, into=path)
        assert encoder.batches == []
    assert path.read_bytes() == before


@pytest.mark.parametrize(("first", "second"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_a_file_of_another_precision_is_left_alone(folder, tmp_path, encoder_name, first, second):
    from fgmm import load_encoder

    path = tmp_path / "birds.safetensors"
    name = encoder_name("timm")
    kept = embed_images(folder, encoder=load_encoder(name, dtype=first), into=path)
    before = path.read_bytes()
    other = load_encoder(name, dtype=second)
    assert other.space == kept.space  # they can be compared; they are not the same numbers
    with pytest.raises(StoreError, match=r"holds vectors of '.*', and these are of '.*': remove"):
        embed_images(folder, encoder=other, into=path)
    assert path.read_bytes() == before
    assert load_embeddings(path).space == kept.space
    again = embed_images(folder, encoder=load_encoder(name, dtype=first), into=path)
    assert torch.equal(again.vectors, kept.vectors)


def test_what_is_no_such_file_is_refused_before_the_work(folder, tmp_path):
    other, words = tmp_path / "weights.safetensors", tmp_path / "notes.txt"
    save_file({"weight": torch.zeros(3)}, other)
    words.write_text("precious")
    old = tmp_path / "old.safetensors"
    save_file({"vectors": torch.eye(3)}, old, {"format": "fgmm.image-embeddings", "version": "0"})
    torn = tmp_path / "torn.safetensors"
    embed_images(folder, encoder=Eye(), into=torn)
    torn.write_bytes(torn.read_bytes()[:-9])
    bent = tmp_path / "bent.safetensors"
    about = {"format": "fgmm.image-embeddings", "version": "2", "space": "eye", "shelf": "eye"}
    inputs = json.dumps({"names": ["a"], "positions": [0, 1], "failures": []}).encode()
    keys, text = (
        torch.zeros(1, 16, dtype=torch.uint8),
        torch.tensor(list(inputs), dtype=torch.uint8),
    )
    save_file({"vectors": torch.eye(1, 49), "keys": keys, "inputs": text}, bent, about)
    for path, why in (
        (other, "not of fgmm's embeddings"),
        (words, "damaged or something else"),
        (old, "of version 0, this fgmm reads version 2"),
        (torn, "damaged or something else"),
        (bent, "1 rows, 1 names and 2 positions"),
    ):
        before, encoder = path.read_bytes(), Eye()
        with pytest.raises(StoreError, match=f"{path.name}.*{why}"):
            embed_images(folder, encoder=encoder, into=path)
        with pytest.raises(StoreError, match=why):
            load_embeddings(path)
        assert encoder.batches == []
        assert path.read_bytes() == before
    with pytest.raises(StoreError, match="there is no such file"):
        load_embeddings(tmp_path / "absent.safetensors")
    with pytest.raises(StoreError, match="there is no folder"):
        embed_images(folder, encoder=Eye(), into=tmp_path / "absent" / "e.safetensors")
    (tmp_path / "taken.safetensors.partial").write_bytes(b"precious")
    with pytest.raises(StoreError, match="no cache of embeddings"):
        embed_images(folder, encoder=Eye(), into=tmp_path / "taken.safetensors")


def test_a_file_appears_whole_or_not_at_all(folder, tmp_path, monkeypatch):
    path = tmp_path / "birds.safetensors"
    embed_images(folder, encoder=Eye(), into=path)
    before = path.read_bytes()

    def fail(tensors, draft, about):
        Path(draft).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fgmm.embedding.files.save_file", fail)
    picture(99).save(folder / "b" / "099.png")
    with pytest.raises(StoreError, match=r"No space left.*what is done is kept"):
        embed_images(folder, encoder=Eye(), into=path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [
        "birds.safetensors",
        "birds.safetensors.partial",
    ]
    monkeypatch.undo()
    encoder = Eye()
    embed_images(folder, encoder=encoder, into=path)
    assert encoder.batches == []
