"""Embedding many: the same rows whatever the way, bounded memory, resumable, failures listed."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fgmm import EmbeddingCache, Embeddings, embed_images, embed_texts
from fgmm.embedding import Failure, ImageEmbeddings, load_embeddings
from fgmm.embedding.decoding import Room
from fgmm.embedding.keys import file_key, picture_key, text_key
from fgmm.embeddings import unit_rows
from fgmm.errors import EncoderBroken, ImageError, StoreError, TextTooLong
from fgmm.progress import ProgressBar

ROOT = Path(__file__).parents[2]
N = 23


class Eye:
    """Encodes a picture as its 4 x 4 thumbnail, and notes what it was asked."""

    dim = 49
    logit_scale, logit_bias, scoring, context_length = 10.0, 0.0, "softmax", 8

    def __init__(self, space: str = "eye") -> None:
        self.space = space
        self.batches: list[int] = []
        self.texts: list[str] = []

    def encode_images(self, images, *, layer="joint"):
        if len(images):
            self.batches.append(len(images))
        rows = torch.empty(len(images), 49)
        for row, image in zip(rows, images, strict=True):
            assert image.mode == "RGB"
            assert image.info == {}
            values = np.asarray(image.resize((4, 4), Image.Resampling.BOX), dtype=np.float32)
            row[:48], row[48] = torch.from_numpy(values.ravel() / 255), 1.0
        if layer == "features":
            return Embeddings(unit_rows(rows[:, 8:]), f"{self.space}+features")
        return Embeddings(unit_rows(rows), self.space)

    def encode_texts(self, texts):
        self.texts += texts
        for text in texts:
            if len(text.split()) > self.context_length:
                raise TextTooLong(f"{text!r} is too long")
        rows = torch.tensor([[1.0 + len(text), float(sum(map(ord, text)) % 99), *[1.0] * 47]
                             for text in texts]).reshape(len(texts), 49)  # fmt: skip
        return Embeddings(unit_rows(rows), self.space)


class PreparingEye(Eye):
    """The same, in two steps: workers do the first."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def prepare(self, image):
        self.threads.add(threading.current_thread().name)
        return {"picture": Eye.encode_images(Eye(), [image]).vectors[0]}

    def encode_prepared(self, prepared, *, layer="joint"):
        self.batches.append(len(prepared))
        return Embeddings(torch.stack([each["picture"] for each in prepared]), self.space)


class ComputingEye(PreparingEye):
    """The same, on the processor: batches may be computed at once, so it looks who does."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.cores: set[int] = set()
        self.encoders: set[str] = set()

    def prepare(self, image):
        self.cores.add(torch.get_num_threads())
        return super().prepare(image)

    def encode_prepared(self, prepared, *, layer="joint"):
        self.encoders.add(threading.current_thread().name)
        self.cores.add(torch.get_num_threads())
        time.sleep(0.01)
        return super().encode_prepared(prepared, layer=layer)


def picture(number: int, side: int = 12) -> Image.Image:
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 256, (side, side + 3, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    """N pictures that sort as they are numbered, three of them broken: 4, 5 and 17."""
    place = tmp_path / "pictures"
    for number in range(N):
        path = place / ("a" if number < 9 else "b") / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    (place / "a" / "004.png").write_bytes(b"no picture")
    (place / "a" / "005.png").write_bytes(b"")
    data = (place / "b" / "017.png").read_bytes()
    (place / "b" / "017.png").write_bytes(data[:-100])
    return place


BROKEN = (4, 5, 17)
GOOD = tuple(n for n in range(N) if n not in BROKEN)


def expected() -> torch.Tensor:
    return torch.cat([Eye().encode_images([picture(n)]).vectors for n in GOOD])


def assert_right(got: ImageEmbeddings) -> None:
    assert got.positions == GOOD
    assert [Path(name).stem for name in got.names] == [f"{n:03}" for n in GOOD]
    assert torch.allclose(got.vectors, expected(), atol=1e-6)
    assert got.vectors.dtype == torch.float32
    assert [failure.position for failure in got.failures] == list(BROKEN)
    for failure in got.failures:
        assert isinstance(failure.error, ImageError)
        assert repr(failure.name) in str(failure.error)


@pytest.mark.parametrize("make", [Eye, PreparingEye, ComputingEye])
@pytest.mark.parametrize("workers", [0, 1, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("cached", [False, True])
def test_the_same_rows_whatever_the_way(folder, tmp_path, make, workers, batch_size, cached):
    encoder = make()
    cache = EmbeddingCache(tmp_path / "cache.sqlite") if cached else None
    options = {"encoder": encoder, "workers": workers, "batch_size": batch_size, "cache": cache}
    first = embed_images(folder, **options)
    assert_right(first)
    assert sum(encoder.batches) == len(GOOD)
    assert max(encoder.batches) <= min(batch_size, len(GOOD))
    if make is not ComputingEye:  # which evens its batches out among threads
        assert max(encoder.batches) == min(batch_size, len(GOOD))
    second = embed_images(folder, **options)
    assert_right(second)
    assert torch.equal(first.vectors, second.vectors)
    assert sum(encoder.batches) == (1 if cached else 2) * len(GOOD)
    if cache:
        cache.close()


def test_workers_prepare(folder):
    encoder = PreparingEye()
    embed_images(folder, encoder=encoder, workers=3)
    assert encoder.threads
    assert all(name.startswith("fgmm-read") for name in encoder.threads)
    encoder.threads.clear()
    embed_images(folder, encoder=encoder, workers=0)
    assert encoder.threads == {threading.current_thread().name}


@pytest.fixture
def two_cores():
    """Let torch use two cores, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def get_cores_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_batches_are_computed_side_by_side_and_torch_is_left_as_it_was(two_cores):
    encoder = ComputingEye()
    sources = [picture(n) for n in range(40)]
    got = embed_images(sources, encoder=encoder, batch_size=8, workers=3)
    alone = torch.cat([Eye().encode_images([source]).vectors for source in sources])
    assert torch.allclose(got.vectors, alone, atol=1e-6)
    assert len(encoder.encoders) == 2
    assert all(name.startswith("fgmm-encode") for name in encoder.encoders)
    assert sorted(encoder.batches) == [5, 7, 7, 7, 7, 7]  # three for each thread, not five in all
    if "OpenMP" in torch.__config__.parallel_info():
        assert encoder.cores == {1}
    assert torch.get_num_threads() == 2
    assert get_cores_of_a_new_thread() == 2


def test_no_threads_of_computing_where_there_is_no_use(two_cores):
    here = threading.current_thread().name
    for workers, sources in ((0, [picture(n) for n in range(9)]), (3, [picture(1)])):
        encoder = ComputingEye()
        embed_images(sources, encoder=encoder, workers=workers)
        assert encoder.encoders == {here}
    torch.set_num_threads(1)  # the caller wants one core
    encoder = ComputingEye()
    embed_images([picture(n) for n in range(9)], encoder=encoder, workers=3)
    assert encoder.encoders == {here}


def test_half_of_the_two_steps_is_no_promise_that_threads_may_share(two_cores):
    class Half(ComputingEye):
        prepare = None

        def encode_images(self, images, *, layer="joint"):
            self.encoders.add(threading.current_thread().name)
            return super().encode_images(images, layer=layer)

    encoder = Half()
    embed_images([picture(n) for n in range(9)], encoder=encoder, batch_size=3, workers=3)
    assert encoder.encoders == {threading.current_thread().name}


def test_a_fault_in_a_thread_of_computing_comes_out(two_cores):
    class Faulty(ComputingEye):
        def encode_prepared(self, prepared, *, layer="joint"):
            raise RuntimeError("out of memory")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="out of memory"):
        embed_images((picture(n) for n in range(300)), encoder=Faulty(), batch_size=2, workers=3)
    assert threading.active_count() == before


def test_forms_of_input(folder, tmp_path):
    paths = sorted(folder.rglob("*.png"))
    for images in (
        folder,
        str(folder),
        f"{folder}/**/*.png",
        paths,
        map(str, paths),
        iter(paths),
    ):
        assert_right(embed_images(images, encoder=Eye()))
    one = embed_images(paths[0], encoder=Eye())
    assert (len(one), one.names) == (1, (str(paths[0]),))
    assert len(embed_images(paths[0].read_bytes(), encoder=Eye())) == 1
    assert len(embed_images(picture(1), encoder=Eye())) == 1
    batch = np.zeros((3, 9, 9, 3), dtype=np.uint8)
    assert len(embed_images(batch, encoder=Eye())) == 3
    for unclear in (batch[0], torch.zeros(3, 9, 9)):
        with pytest.raises(ImageError, match=r"may be one picture or several: pass \[array\]"):
            embed_images(unclear, encoder=Eye())
    with pytest.raises(ImageError, match="7 is no picture, and no list"):
        embed_images(7, encoder=Eye())
    with pytest.raises(ImageError, match="no such file or folder"):
        embed_images(tmp_path / "absent", encoder=Eye())


def test_what_is_no_path_is_named_by_its_position(folder):
    good, broken = folder / "a" / "000.png", folder / "a" / "004.png"
    mixed = [good, good.read_bytes(), picture(0), np.asarray(picture(0)), broken.read_bytes(), 7]
    mixed += [io.BytesIO(good.read_bytes()), torch.from_numpy(np.array(picture(0)))]
    got = embed_images(mixed, encoder=Eye(), batch_size=3)
    assert got.names == (str(good), "#1", "#2", "#3", "#6", "#7")
    assert got.positions == (0, 1, 2, 3, 6, 7)
    assert torch.equal(got.vectors, got.vectors[:1].expand(6, -1))
    assert [(f.position, f.name) for f in got.failures] == [(4, "#4"), (5, "#5")]
    assert "'<bytes> #4'" in str(got.failures[0].error)
    assert "int is no picture" in str(got.failures[1].error)


def test_nothing_and_nothing_good():
    empty = embed_images([], encoder=Eye())
    assert (empty.vectors.shape, empty.space) == ((0, 49), "eye")
    bad = embed_images([b"x", b"y"], encoder=Eye(), layer="features")
    assert (bad.vectors.shape, bad.space) == ((0, 41), "eye+features")
    assert len(bad.failures) == 2


def test_the_first_failure_in_order_is_raised(folder):
    with pytest.raises(ImageError, match=r"004\.png"):
        embed_images(folder, encoder=Eye(), on_error="raise", workers=4)


def test_layers_are_apart_in_a_cache(folder, tmp_path):
    with EmbeddingCache(tmp_path / "cache.sqlite") as cache:
        joint = embed_images(folder, encoder=Eye(), cache=cache)
        features = embed_images(folder, encoder=Eye(), cache=cache, layer="features")
        again = embed_images(folder, encoder=Eye(), cache=cache, layer="features")
    assert joint.space != features.space
    assert features.vectors.shape == (len(GOOD), 41)
    assert torch.equal(features.vectors, again.vectors)


def test_encoders_of_two_spaces_share_a_cache_and_nothing_else(folder, tmp_path):
    path = tmp_path / "cache.sqlite"
    embed_images(folder, encoder=Eye("one"), cache=path)
    other = Eye("two")
    assert embed_images(folder, encoder=other, cache=str(path)).space == "two"
    assert sum(other.batches) == len(GOOD)


def test_a_picture_in_the_cache_is_not_decoded(folder, tmp_path, monkeypatch):
    path = tmp_path / "cache.sqlite"
    embed_images(folder, encoder=Eye(), cache=path)
    monkeypatch.setattr(
        "fgmm.embedding.decoding.decode_image", lambda *a, **k: pytest.fail("it was decoded")
    )
    good = [folder / ("a" if n < 9 else "b") / f"{n:03}.png" for n in GOOD]
    got = embed_images(good, encoder=Eye(), cache=path, workers=0)
    assert torch.equal(got.vectors, expected())


def test_a_file_is_read_once_and_hashed_once(folder, tmp_path, monkeypatch):
    from fgmm.embedding import decoding

    reads, hashes = [], []
    fetch, hash_it = decoding.fetch_bytes, decoding.file_key
    monkeypatch.setattr(decoding, "fetch_bytes", lambda *a: reads.append(a) or fetch(*a))
    monkeypatch.setattr(decoding, "file_key", lambda d: hashes.append(d) or hash_it(d))
    embed_images(
        folder, encoder=Eye(), cache=tmp_path / "c.sqlite", into=tmp_path / "e.safetensors"
    )
    assert (len(reads), len(hashes)) == (N, N)
    embed_images(folder, encoder=Eye())
    assert (len(reads), len(hashes)) == (2 * N, N)  # without a cache nothing is hashed


def test_keys_are_of_content_alone():
    image = picture(0)
    assert picture_key(image) == picture_key(image.copy())
    assert picture_key(image) != picture_key(picture(1))
    flat = Image.new("RGB", (4, 6), "red")
    assert picture_key(flat) != picture_key(Image.new("RGB", (6, 4), "red"))
    assert len({file_key(b"a"), text_key("a"), file_key(b""), text_key("")}) == 4
    assert text_key("\udcff") != text_key("\udcfe")


def test_the_users_own_cache_is_used_only_if_asked(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("fgmm.cache.vectors.default_cache_path", lambda: tmp_path / "own.sqlite")
    for choice in (None, False):
        embed_images(folder, encoder=Eye(), cache=choice)
        assert not (tmp_path / "own.sqlite").exists()
    embed_images(folder, encoder=Eye(), cache=True)
    assert (tmp_path / "own.sqlite").exists()


# memory


@pytest.mark.timeout(60)
@pytest.mark.parametrize("workers", [0, 2, 8])
def test_an_iterator_without_end_is_read_only_a_little_ahead(workers):
    drawn = encoded = furthest = 0

    class Slow(Eye):
        def encode_images(self, images, *, layer="joint"):
            nonlocal encoded, furthest
            time.sleep(0.01)
            furthest = max(furthest, drawn - encoded)
            encoded += len(images)
            if encoded >= 400:
                raise KeyboardInterrupt
            return super().encode_images(images, layer=layer)

    def endless():
        nonlocal drawn
        for number in itertools.count():
            drawn += 1
            yield np.full((5, 5), number % 250, dtype=np.uint8)

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        embed_images(endless(), encoder=Slow(), batch_size=10, workers=workers)
    assert furthest <= 10 + 2 * 10 + workers
    assert threading.active_count() == before


@pytest.mark.timeout(60)
def test_decoded_pictures_have_only_so_much_room(monkeypatch):
    room = 40_000
    monkeypatch.setattr("fgmm.embedding.pictures._ROOM", room)
    held = most = 0
    lock = threading.Lock()
    enter, leave = Room.enter, Room.leave

    def watch(self, position, pixels):
        nonlocal held, most
        enter(self, position, pixels)
        with lock:
            held += pixels
            most = max(most, held)

    def unwatch(self, pixels):
        nonlocal held
        leave(self, pixels)
        with lock:
            held -= pixels

    monkeypatch.setattr(Room, "enter", watch)
    monkeypatch.setattr(Room, "leave", unwatch)
    files = []
    for number in range(60):  # 10,000 pixels each, one of 90,000, and every seventh broken
        buffer = io.BytesIO()
        picture(number, 300 if number == 30 else 100).save(buffer, "PNG")
        files.append(buffer.getvalue()[: -500 if number % 7 == 3 else None])
    got = embed_images(files, encoder=Eye(), batch_size=32, workers=6)
    assert got.positions == tuple(n for n in range(60) if n % 7 != 3)
    assert held == 0
    assert 20_000 <= most <= room + 92_000
    alone = torch.cat([Eye().encode_images([picture(n, 300 if n == 30 else 100)]).vectors
                       for n in got.positions])  # fmt: skip
    assert torch.allclose(got.vectors, alone, atol=1e-6)


def test_a_prepared_picture_needs_no_room(monkeypatch):
    monkeypatch.setattr("fgmm.embedding.pictures._ROOM", 400)
    encoder = PreparingEye()
    got = embed_images([picture(n) for n in range(40)], encoder=encoder, batch_size=8, workers=3)
    assert len(got) == 40
    assert encoder.batches == [8] * 5  # while undecoded ones would have been a batch each


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


# resuming


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
        from test_embedding import Eye, embed_images
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


# protocol


def test_encoders_that_break_the_protocol(tmp_path):
    class Short(Eye):
        def encode_images(self, images, *, layer="joint"):
            return super().encode_images(images[:-1], layer=layer)

    class Elsewhere(Eye):
        def encode_images(self, images, *, layer="joint"):
            return Embeddings(super().encode_images(images).vectors, "elsewhere")

    for broken in (Short(), Elsewhere()):
        with pytest.raises(EncoderBroken, match=r"for 3 pictures; its space is 'eye', of 49"):
            embed_images([picture(n) for n in range(3)], encoder=broken)
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        cache.put_many("eye", [picture_key(picture(0))], np.ones((1, 7)))
        with pytest.raises(EncoderBroken, match="two encoders call different spaces by one name"):
            embed_images([picture(0)], encoder=Eye(), cache=cache)


def test_a_bug_in_an_encoder_is_not_taken_for_a_broken_picture():
    class Bug(PreparingEye):
        def prepare(self, image):
            raise ZeroDivisionError("bug")

    with pytest.raises(ZeroDivisionError, match="bug"):
        embed_images([picture(0)], encoder=Bug())


def test_wrong_arguments():
    with pytest.raises(ValueError, match="on_error is 'list' or 'raise', not 'skip'"):
        embed_images([], encoder=Eye(), on_error="skip")
    with pytest.raises(ValueError, match="batch_size is at least 1, not 0"):
        embed_images([], encoder=Eye(), batch_size=0)
    with pytest.raises(ValueError, match="workers is 0 or more, not -1"):
        embed_images([], encoder=Eye(), workers=-1)
    small = embed_images([picture(0)], encoder=Eye(), max_pixels=100)
    assert "180 pixels, more than the 100" in str(small.failures[0].error)


def test_image_embeddings_need_a_name_for_each_row():
    with pytest.raises(ValueError, match="2 rows, 1 names and 2 positions"):
        ImageEmbeddings(torch.eye(2), "here", ("a",), (0, 1), ())
    with pytest.raises(ValueError, match="not of length one"):
        ImageEmbeddings(torch.ones(1, 2), "here", ("a",), (0,), ())
    fine = ImageEmbeddings(
        torch.eye(2), "here", ("a", "b"), (0, 2), (Failure(1, "x", ImageError()),)
    )
    assert fine.cosine(Embeddings(torch.eye(2), "here")).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("model", ["fake", "timm"])
def test_real_encoders(folder, tmp_path, encoder_name, model):
    from fgmm import load_encoder

    name = encoder_name(model)
    encoder = load_encoder(name)
    alone = torch.cat([encoder.encode_images([picture(n)]).vectors for n in GOOD])
    for options in ({"workers": 0}, {"batch_size": 5}, {"into": tmp_path / "e.safetensors"}):
        got = embed_images(folder, encoder=name, **options)
        assert got.space == encoder.space
        assert torch.allclose(got.vectors, alone, atol=1e-6)
    features = embed_images(folder, encoder=name, layer="features")
    assert torch.allclose(
        features.vectors[2:3],
        encoder.encode_images([picture(GOOD[2])], layer="features").vectors,
        atol=1e-6,
    )


# progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_after_two_seconds_on_a_terminal_only(monkeypatch):
    clock = itertools.count(step=1.0)  # each look at it is a second later
    monkeypatch.setattr("fgmm.progress.time.monotonic", lambda: next(clock))
    for stream, show, seen in (
        (Terminal(), None, True),
        (Terminal(), True, True),
        (Terminal(), False, False),
        (io.StringIO(), None, False),
        (io.StringIO(), True, False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        with ProgressBar("Embedding", total=5, show=show) as bar:
            bar.advance()
            assert stream.getvalue() == ""
            for _ in range(4):
                bar.advance(", 1 failed")
        assert ("Embedding, 1 failed" in stream.getvalue()) == seen
        assert bar.count == 5


def test_quick_work_shows_nothing(folder, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert_right(embed_images(folder, encoder=Eye()))
    assert stream.getvalue() == ""


# texts


def test_texts_in_order_and_each_once(tmp_path):
    texts = ["a tit", "a finch", "a tit", "", "ü 鳥", "a finch"]
    alone = torch.cat([Eye().encode_texts([text]).vectors for text in texts])
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        for store, asked in ((None, 4), (cache, 4), (cache, 0), (cache.path, 0)):
            for batch_size in (1, 3, 100):
                encoder = Eye()
                got = embed_texts(iter(texts), encoder=encoder, batch_size=batch_size, cache=store)
                assert torch.allclose(got.vectors, alone, atol=1e-6)
                assert got.space == "eye"
                assert len(encoder.texts) == (asked if batch_size == 1 or store is None else 0)


def test_texts_and_pictures_do_not_meet_in_a_cache(tmp_path):
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        embed_texts(["x"], encoder=Eye(), cache=cache)
        assert embed_images([b"x"], encoder=Eye(), cache=cache).failures


def test_wrong_texts(tmp_path):
    with pytest.raises(TypeError, match=r"not one text: pass \['a tit'\]"):
        embed_texts("a tit", encoder=Eye())
    with pytest.raises(TypeError, match="text 1 is 7, of type int"):
        embed_texts(["a", 7], encoder=Eye())
    with pytest.raises(ValueError, match="batch_size is at least 1, not 0"):
        embed_texts(["a"], encoder=Eye(), batch_size=0)
    with pytest.raises(TextTooLong, match="too long"):
        embed_texts(["a", "b " * 20], encoder=Eye())
    assert embed_texts([], encoder=Eye()).vectors.shape == (0, 49)

    class Blind:
        space, dim = "blind", 3

        def encode_images(self, images, *, layer="joint"): ...

    with pytest.raises(EncoderBroken, match="reads pictures only"):
        embed_texts(["a"], encoder=Blind())


def test_a_text_cut_by_one_encoder_is_never_given_to_one_that_does_not_cut(tmp_path):
    from fgmm.encoders.fake import FakeEncoder

    long = "red " * 40
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        with pytest.warns(UserWarning, match="cut"):
            embed_texts([long], encoder=FakeEncoder(on_long="truncate"), cache=cache)
        with pytest.raises(TextTooLong, match="40"):
            embed_texts([long], encoder=FakeEncoder(), cache=cache)
