"""Export to ONNX: equal to what it was written from, and hostile folders refused."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fgmm import check_encoder, classify, export_encoder, load_encoder
from fgmm.encoders.base import Encoder
from fgmm.encoders.onnx_files import RECORD
from fgmm.encoders.registry import forget_encoders
from fgmm.errors import (
    DeviceError,
    EncoderBroken,
    EncoderNotFound,
    ExportError,
    FgmmError,
    MissingExtra,
    TextTooLong,
    WeightsNotFound,
)

onnx = pytest.importorskip("onnx", reason="pip install 'fgmm[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install 'fgmm[onnx]'")
pytest.importorskip("onnxscript", reason="pip install 'fgmm[onnx]'")

PICTURES = [
    Image.linear_gradient("L").convert("RGB").resize((70, 50)),
    Image.new("RGB", (33, 90), (200, 40, 10)),
    Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 30).convert("RGB"),
]
TEXTS = ["a photo of a red circle", "BLUE", "the bird with yellow wings"]
MODELS = ["openclip_clip", "openclip_resnet", "openclip_timm", "openclip_siglip"]
MODELS += ["hf_clip", "hf_siglip", "hf_dinov2", "timm"]


@pytest.fixture(scope="session")
def exported(encoder_name, tmp_path_factory):
    """The export of a small model, by the model's name; each is written once."""
    written = {}

    def find(model):
        if model not in written:
            encoder = load_encoder(encoder_name(model), device="cpu")
            written[model] = export_encoder(encoder, tmp_path_factory.mktemp(model) / "onnx")
        return written[model]

    return find


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of a small export that the test may damage: its folder."""
    import shutil

    def copy(model="openclip_timm"):
        forget_encoders()
        return shutil.copytree(exported(model).folder, tmp_path / model)

    return copy


def worst(ours, theirs):
    return float((ours.vectors - theirs.vectors).abs().max())


@pytest.mark.parametrize("model", MODELS)
def test_vectors_are_those_of_the_encoder_and_their_space_is_not(model, exported, encoder_name):
    encoder, ours = load_encoder(encoder_name(model)), load_encoder(exported(model).name)
    for layer in ("joint", "features"):
        theirs = encoder.encode_images(PICTURES, layer=layer)
        assert worst(ours.encode_images(PICTURES, layer=layer), theirs) < 1e-5
    assert ours.space != encoder.space
    assert ours.dim == encoder.dim
    assert isinstance(ours, Encoder) == isinstance(encoder, Encoder)
    if isinstance(encoder, Encoder):
        assert worst(ours.encode_texts(TEXTS), encoder.encode_texts(TEXTS)) < 1e-5
        for said in ("logit_scale", "logit_bias", "scoring", "context_length"):
            assert getattr(ours, said) == getattr(encoder, said)


@pytest.mark.parametrize("model", MODELS)
def test_it_keeps_the_protocol(model, exported):
    check_encoder(load_encoder(exported(model).name), tolerance=1e-4)


@pytest.mark.parametrize("n", [1, 2, 7, 65])
def test_the_size_of_the_batch_changes_nothing(n, exported, encoder_name):
    many = [Image.new("RGB", (8, 8), (3 * i, 255 - 3 * i, 40)) for i in range(n)]
    texts = [f"red {'bird ' * (i % 9)}" for i in range(n)]
    encoder = load_encoder(encoder_name("openclip_timm"))
    ours = load_encoder(exported("openclip_timm").name)
    assert worst(ours.encode_images(many), encoder.encode_images(many)) < 1e-5
    assert worst(ours.encode_texts(texts), encoder.encode_texts(texts)) < 1e-5


@settings(max_examples=25)
@given(
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    width=st.integers(1, 90),
    height=st.integers(1, 90),
)
def test_any_picture_gives_the_same_vector(colour, width, height, exported, encoder_name):
    picture = Image.new("RGB", (width, height), colour)
    encoder = load_encoder(encoder_name("openclip_clip"))
    ours = load_encoder(exported("openclip_clip").name)
    assert worst(ours.encode_images([picture]), encoder.encode_images([picture])) < 1e-5


def test_both_layers_in_one_pass_are_the_two_alone(exported):
    ours = load_encoder(exported("openclip_timm").name)
    prepared = [ours.prepare(picture) for picture in PICTURES]
    joint, features = ours.encode_both_prepared(prepared)
    assert torch.equal(joint.vectors, ours.encode_images(PICTURES).vectors)
    assert torch.equal(features.vectors, ours.encode_images(PICTURES, layer="features").vectors)


def test_it_says_how_far_it_is_and_writes_it_down(exported):
    export = exported("openclip_clip")
    assert set(export.agreement) == {"joint", "features", "texts"}
    assert all(0 <= one.difference <= 1e-4 for one in export.agreement.values())
    checked = json.loads((export.folder / RECORD).read_text())["checked"]
    assert checked["joint"]["cosine"] == export.agreement["joint"].cosine
    assert export.bytes["image.onnx"] == (export.folder / "image.onnx").stat().st_size


def test_other_weights_are_another_space_and_a_copy_is_the_same(exported, copied):
    first = load_encoder(exported("openclip_timm").name).space
    assert load_encoder(f"onnx:{copied()}").space == first
    assert load_encoder(exported("openclip_clip").name).space != first


def test_a_text_is_counted_before_it_is_cut(exported):
    name = exported("openclip_timm").name
    with pytest.raises(TextTooLong, match="17 tokens is longer than the 16"):
        load_encoder(name).encode_texts([" ".join(["bird"] * 15)])
    with pytest.warns(UserWarning, match="1 of 1 texts were cut"):
        load_encoder(name, on_long="truncate").encode_texts([" ".join(["bird"] * 15)])


def test_threads_follow_torchs(exported):
    ours = load_encoder(exported("timm").name)
    before = torch.get_num_threads()
    try:
        first = ours.encode_images(PICTURES)
        torch.set_num_threads(before + 1)
        assert worst(ours.encode_images(PICTURES), first) < 1e-5
    finally:
        torch.set_num_threads(before)
    counts = {n: one.get_session_options() for n, one in ours._image_graph._sessions.items()}
    assert {before, before + 1} <= set(counts)
    assert all(options.intra_op_num_threads == n for n, options in counts.items())


def test_tiny_exported_answers_as_tiny(tmp_path):
    export = export_encoder("tiny", tmp_path / "tiny")
    red, labels = Image.new("RGB", (64, 64), "red"), ["red", "a tulip", "milk"]
    ours, theirs = (classify(red, labels, encoder=one) for one in (export.name, "tiny"))
    assert ours.labels == theirs.labels
    assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-4)


# eight bits -----------------------------------------------------------------------------------


def test_int8_of_a_transformer_is_near_and_smaller(encoder_name, exported, tmp_path):
    export = export_encoder(encoder_name("hf_clip"), tmp_path / "a", int8=True)
    assert set(export.numbers.values()) == {"int8 by row"}
    assert all(one.cosine >= 0.95 for one in export.agreement.values())
    ours = load_encoder(export.name)
    check_encoder(ours, tolerance=1e-5)  # no row depends on the others
    assert export.bytes["image.onnx"] < exported("hf_clip").bytes["image.onnx"]
    assert ours.space != load_encoder(exported("hf_clip").name).space


def test_int8_of_a_convolutional_tower_is_fitted_to_pictures(encoder_name, tmp_path):
    name = encoder_name("openclip_timm")
    with pytest.raises(ExportError, match="needs pictures"):
        export_encoder(name, tmp_path / "a", int8=True)
    assert list(tmp_path.iterdir()) == []
    export = export_encoder(name, tmp_path / "a", int8=True, pictures=PICTURES, least_cosine=0.5)
    ours, theirs = load_encoder(export.name), load_encoder(name)
    cosines = (ours.encode_images(PICTURES).vectors * theirs.encode_images(PICTURES).vectors).sum(1)
    assert float(cosines.min()) == pytest.approx(export.agreement["joint"].cosine, abs=1e-4)
    graph = onnx.load(export.folder / "image.onnx").graph
    assert any(node.op_type == "QuantizeLinear" for node in graph.node)


def test_what_is_too_far_away_is_not_kept(encoder_name, tmp_path):
    with pytest.raises(ExportError, match=r"another encoder.* 1.5 is asked for"):
        export_encoder(encoder_name("timm"), tmp_path / "a", least_cosine=1.5)
    assert list(tmp_path.iterdir()) == []


# what is refused ------------------------------------------------------------------------------


def test_a_folder_with_something_in_it_is_left_alone(encoder_name, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="is there already"):
        export_encoder(encoder_name("timm"), tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_no_network_or_an_export_already_cannot_be_written(exported, tmp_path):
    with pytest.raises(ExportError, match="FakeEncoder"):
        export_encoder("fake", tmp_path / "a")
    with pytest.raises(ExportError, match="an export already"):
        export_encoder(exported("timm").name, tmp_path / "a")
    half = load_encoder("tiny", device="cpu", dtype="bfloat16")
    with pytest.raises(ExportError, match="without a dtype"):
        export_encoder(half, tmp_path / "a")


def test_without_the_packages_the_error_says_what_to_install(exported, monkeypatch, tmp_path):
    name = exported("timm").name
    forget_encoders()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"pip install 'fgmm\[onnx\]'"):
        load_encoder(name)
    with pytest.raises(MissingExtra, match="'onnxruntime'"):
        export_encoder("tiny", tmp_path / "a")


def test_the_processor_and_the_numbers_of_the_export_are_all_there_is(exported):
    name = exported("timm").name
    with pytest.raises(DeviceError, match="computes on the processor"):
        load_encoder(name, device="cuda")
    with pytest.raises(DeviceError, match="exported in"):
        load_encoder(name, dtype="bfloat16")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(EncoderNotFound, match="onnx:/path/to/folder"):
        load_encoder("onnx:")
    with pytest.raises(WeightsNotFound, match="nowhere"):
        load_encoder(f"onnx:{tmp_path / 'nowhere'}")
    with pytest.raises(EncoderBroken, match=r"has no fgmm_onnx\.json"):
        load_encoder(f"onnx:{tmp_path}")


@pytest.mark.parametrize("file", ["image.onnx", "text.onnx"])
def test_a_graph_that_is_missing_cut_or_changed_is_named(file, copied):
    folder = copied()
    path = folder / file
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        with pytest.raises(EncoderBroken, match=f"{file} is not the file that"):
            load_encoder(f"onnx:{folder}")
    path.unlink()
    with pytest.raises(WeightsNotFound, match=f"has no {file}"):
        load_encoder(f"onnx:{folder}")


def rewrite(folder, **changes):
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps(record | changes))


def rehash(folder, file):
    from fgmm.encoders.onnx_files import hash_file

    record = json.loads((folder / RECORD).read_text())
    rewrite(folder, files=record["files"] | {file: hash_file(folder / file)})


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"format": "other"},
        {"dim": -1},
        {"dim": True},
        {"features_dim": 10**9},
        {"logit_scale": "1"},
        {"logit_scale": float("nan")},
        {"scoring": "pickle"},
        {"context_length": None},
        {"image_inputs": {}},
        {"image_inputs": {"image": "3, 64, 64"}},
        {"image_inputs": {"image": [3, 32, 32]}},
        {"text_inputs": {"other": [16]}},
        {"numbers": {"image.onnx": "int4", "text.onnx": "int4"}},
        {"files": []},
        {"files": {}},
        {"preparing": None},
        {"preparing": {}},
        {"preparing": {"library": "os"}},
        {"preparing": {"library": ["openclip"]}},
        {"preparing": {"library": "openclip"}},
        {"preparing": {"library": "openclip", "preprocessing": {"size": 64}, "text": {}}},
    ],
    ids=str,
)
def test_a_record_that_says_something_else_is_refused(changes, copied):
    folder = copied()
    rewrite(folder, **changes)
    with pytest.raises(EncoderBroken, match="encoder 'onnx:"):
        load_encoder(f"onnx:{folder}")


def test_pictures_that_would_fill_the_memory_are_refused(copied):
    folder = copied()
    preparing = json.loads((folder / RECORD).read_text())["preparing"]
    preparing["preprocessing"]["size"] = [10**6, 10**6]
    rewrite(folder, preparing=preparing)
    with pytest.raises(EncoderBroken, match="from 1 to 4096"):
        load_encoder(f"onnx:{folder}")


def test_preprocessing_of_another_size_is_refused(copied):
    folder = copied()
    preparing = json.loads((folder / RECORD).read_text())["preparing"]
    preparing["preprocessing"]["size"] = [32, 32]
    rewrite(folder, preparing=preparing)
    with pytest.raises(EncoderBroken, match=r"makes .*32.* of a picture"):
        load_encoder(f"onnx:{folder}").encode_images(PICTURES)


def test_a_graph_that_reads_other_files_is_refused(copied, tmp_path):
    folder = copied()
    path = folder / "image.onnx"
    model = onnx.load(path)
    (tmp_path / "secret").write_bytes(b"\0" * 4096)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    path.write_bytes(model.SerializeToString())
    rehash(folder, "image.onnx")
    with pytest.raises(EncoderBroken, match=r"keeps the weights .* in another file"):
        load_encoder(f"onnx:{folder}")


def test_a_graph_with_operators_of_its_own_is_refused(copied):
    folder = copied()
    path = folder / "text.onnx"
    model = onnx.load(path)
    model.graph.node[0].domain = "evil.example"
    path.write_bytes(model.SerializeToString())
    rehash(folder, "text.onnx")
    with pytest.raises(EncoderBroken, match=r"evil\.example"):
        load_encoder(f"onnx:{folder}")


def test_the_graph_of_another_encoder_is_refused(copied):
    folder, other = copied(), copied("openclip_siglip")
    (folder / "image.onnx").write_bytes((other / "image.onnx").read_bytes())
    rehash(folder, "image.onnx")
    with pytest.raises(EncoderBroken, match="described are"):
        load_encoder(f"onnx:{folder}")


@settings(max_examples=30)
@given(noise=st.binary(min_size=1, max_size=300))
def test_bytes_that_are_no_graph_are_refused(noise, exported, tmp_path_factory):
    import shutil

    folder = tmp_path_factory.mktemp("noise") / "onnx"
    shutil.copytree(exported("timm").folder, folder)
    (folder / "image.onnx").write_bytes(noise)
    rehash(folder, "image.onnx")
    with pytest.raises(FgmmError, match="encoder 'onnx:"):
        load_encoder(f"onnx:{folder}")


def test_a_tokenizer_that_is_missing_is_named(copied):
    folder = copied()
    for file in folder.glob("*token*.json"):
        file.unlink()
    with pytest.raises(EncoderBroken, match="has no tokenizer"):
        load_encoder(f"onnx:{folder}")


def test_nothing_of_the_models_folder_but_the_tokenizer_is_copied(exported):
    names = {one.name for one in exported("openclip_timm").folder.iterdir()}
    assert {"image.onnx", "text.onnx", RECORD, "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".safetensors", ".bin", ".py"))]


# the command ----------------------------------------------------------------------------------


def run(*arguments):
    from typer.testing import CliRunner

    from fgmm.command.application import app

    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_writes_a_folder_that_classifies(encoder_name, tmp_path):
    done = run("export", encoder_name("openclip_timm"), tmp_path / "fast")
    assert done.exit_code == 0, done.output
    assert "pictures, features" in done.stdout
    assert f"--encoder onnx:{tmp_path / 'fast'}" in done.stdout
    Image.new("RGB", (9, 9), "red").save(tmp_path / "red.png")
    labels = ["--labels", "red, blue", "--encoder", f"onnx:{tmp_path / 'fast'}"]
    assert run("classify", tmp_path / "red.png", *labels).exit_code == 0
    again = run("export", "tiny", tmp_path / "fast")
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_the_command_fits_eight_bits_to_the_pictures_it_is_given(encoder_name, tmp_path):
    for number, picture in enumerate(PICTURES):
        picture.save(tmp_path / f"{number}.png")
    model = encoder_name("openclip_timm")
    without = run("export", model, tmp_path / "a", "--int8")
    assert without.exit_code == 2
    assert "--pictures" in without.stderr
    given = ("--pictures", tmp_path / "*.png", "--least-cosine", 0.5)
    done = run("export", model, tmp_path / "a", "--int8", *given)
    assert done.exit_code == 0, done.output
    assert "int8" in done.stdout
