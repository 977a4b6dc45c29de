"""The commands about files: what `embed` writes, and what `encoders` and `doctor` find."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fgmm.command.application import app

FAKE = ["--encoder", "fake"]


@pytest.fixture(autouse=True)
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub" / "hub"))
    folder = tmp_path / "pics"
    folder.mkdir()
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (24, 24), colour).save(folder / f"{colour}.png")
    return folder


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_embed_writes_the_same_vectors_in_three_formats(tmp_path):
    from fgmm.embedding import embed_images, load_embeddings

    expected = embed_images("pics", encoder="fake", layer="features")
    for ending in ("safetensors", "npz", "csv"):
        result = run("embed", "pics", "--out", f"v.{ending}", "--layer", "features", *FAKE)
        assert result.exit_code == 0, result.output
        assert result.stdout == f"3 vectors of 49 numbers in v.{ending}\n"
    here = load_embeddings("v.safetensors")
    assert here.names == expected.names
    np.testing.assert_array_equal(here.vectors, expected.vectors)
    with np.load("v.npz", allow_pickle=False) as file:
        assert file["names"].tolist() == list(expected.names)
        assert file["positions"].tolist() == [0, 1, 2]
        assert file["space"] == expected.space
        np.testing.assert_array_equal(file["vectors"], expected.vectors)
    header, *rows = csv.reader(Path("v.csv").read_text(encoding="utf-8").splitlines())
    assert header[:2] == ["name", "v0"]
    assert [row[0] for row in rows] == list(expected.names)
    numbers = np.array([row[1:] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(numbers, expected.vectors)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "hub") == [
        "pics", "v.csv", "v.npz", "v.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_embed_goes_on_where_it_stopped(ending, monkeypatch):
    from fgmm.encoders.fake import FakeEncoder

    encoded, original = [], FakeEncoder.encode_images

    def encode(self, images, *, layer="joint"):
        if len(encoded) == 2:
            raise KeyboardInterrupt
        encoded.extend(images)
        return original(self, images, layer=layer)

    monkeypatch.setattr(FakeEncoder, "encode_images", encode)
    command = ["embed", "pics", "--out", f"v.{ending}", *FAKE, "--batch-size", "1"]
    stopped = run(*command)
    assert stopped.exit_code == 130
    assert not Path(f"v.{ending}").exists()
    into = "v.safetensors" if ending == "safetensors" else ".v.npz.safetensors"
    told = stopped.stderr.splitlines()[-1]
    assert told == (
        f"interrupted: 2 of 3 pictures are done, and kept in {into}.partial; "
        "the same command continues from there"
    )
    assert Path(f"{into}.partial").is_file()
    encoded.append("a third, so that nothing stops it")
    assert run(*command).exit_code == 0
    assert len(encoded) == 4, "what was done was done again"
    assert not Path(f"{into}.partial").exists()


@pytest.mark.parametrize("ending", ["safetensors", "csv"])
def test_an_interrupt_before_anything_is_done_leaves_nothing(ending, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fgmm.encoders.fake.FakeEncoder.encode_images", stop)
    before = sorted(tmp_path.iterdir())
    result = run("embed", "pics", "--out", f"v.{ending}", *FAKE)
    assert result.exit_code == 130
    assert result.stderr.endswith("interrupted: stopped before a picture was done\n")
    assert sorted(path for path in tmp_path.iterdir() if path.name != "hub") == before


def test_what_an_earlier_run_left_is_not_told_as_done(monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    Path(".v.npz.safetensors").write_bytes(b"")  # of a run long ago, perhaps
    monkeypatch.setattr("fgmm.encoders.fake.FakeEncoder.encode_images", stop)
    result = run("embed", "pics", "--out", "v.npz", *FAKE)
    assert result.exit_code != 0
    assert "all pictures are done" not in result.stderr
    again = run("embed", "pics", "--out", "w.npz", *FAKE)
    assert again.stderr.endswith("interrupted: stopped before a picture was done\n")


def test_vectors_of_another_encoder_are_not_counted_as_pictures(monkeypatch):
    from fgmm.encoders.fake import FakeEncoder

    original = FakeEncoder.encode_images
    seen = []

    def encode(self, images, *, layer="joint"):
        if seen:
            raise KeyboardInterrupt
        seen.append(layer)
        return original(self, images, layer=layer)

    monkeypatch.setattr(FakeEncoder, "encode_images", encode)
    command = ["embed", "pics", "--out", "v.npz", *FAKE, "--batch-size", "1"]
    assert "1 of 3 pictures are done" in run(*command).stderr
    told = run(*command, "--layer", "features").stderr.splitlines()[-1]
    assert "1 vectors, of this run and earlier ones" in told


def test_an_interrupt_while_the_file_is_written_keeps_the_vectors(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fgmm.command.embed_command._write_csv", stop)
        result = run("embed", "pics", "--out", "v.csv", *FAKE)
    assert result.exit_code == 130
    assert "all pictures are done, and kept in .v.csv.safetensors" in result.stderr
    monkeypatch.setattr("fgmm.embedding.encoding.Target.encode", stop)  # not needed any more
    assert run("embed", "pics", "--out", "v.csv", *FAKE).exit_code == 0
    assert Path("v.csv").is_file()
    assert not Path(".v.csv.safetensors").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("ending", ["safetensors", "npz", "csv"])
def test_files_can_be_read_by_whom_the_umask_allows(ending):
    before = os.umask(0o027)
    try:
        assert run("embed", "pics", "--out", f"v.{ending}", *FAKE).exit_code == 0
    finally:
        os.umask(before)
    assert Path(f"v.{ending}").stat().st_mode & 0o777 == 0o640


def test_encoders_lists_what_is_here_without_torch(tmp_path):
    snapshot = tmp_path / "hub" / "hub" / "models--someone--bird-clip" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "open_clip_config.json").write_text("{}")
    (snapshot / "config.json").write_text('{"model_type": "clip"}')
    (snapshot / "model.safetensors").write_bytes(b"x")
    result = run("encoders")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()[1:] if line.strip()}
    assert {"fake", "hf", "openclip", "timm", "tiny"} <= set(lines)
    assert "hf-hub:someone/bird-clip" in lines["openclip"]
    assert "someone/bird-clip" in lines["hf"]
    assert "no model yet" in lines["timm"]


def test_doctor_says_what_is_here():
    result = run("doctor")
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    for word in ("fgmm 0.", "Python 3", "torch ", "processor: ", "embeddings.sqlite", "tiny"):
        assert word in told


def test_doctor_shows_the_notice_of_the_weights(tmp_path, monkeypatch):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"x" * 2_000)
    (folder / "LICENSE-WEIGHTS").write_text("A title\n\nNot for sale,\nfor trials.\n\nMore.\n")
    monkeypatch.setattr("fgmm.command.local_weights.tiny_folder", lambda: folder)
    told = " ".join(run("doctor").stdout.split())
    assert "tiny, 2.0 kB in" in told
    assert "Not for sale, for trials." in told
    assert "More." not in told


def test_doctor_says_what_would_be_fetched_and_fetches_nothing():
    before = os.environ.get("HF_HUB_OFFLINE")
    told = " ".join(run("doctor", "openclip:ViT-B-32/openai").stdout.split())
    assert "would be fetched at the first use" in told
    assert "timm/vit_base_patch32_clip_224.openai" in told
    assert "HF_HUB_OFFLINE" not in told
    assert os.environ.get("HF_HUB_OFFLINE") == before
    told = " ".join(run("doctor", "openclip:/no/such/folder").stdout.split())
    assert "there is no folder" in told
    assert "fetched" not in told.split("openclip:/no")[1]
    told = " ".join(run("doctor", "fake").stdout.split())
    assert "fake is on this machine, and it loads" in told
    assert "48 numbers" in told
    assert "space fake/1" in told
