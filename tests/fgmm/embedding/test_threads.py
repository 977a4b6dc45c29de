"""Workers that prepare and threads that compute: how far ahead, and in how much room."""

from __future__ import annotations

import io
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from fgmm import embed_images
from fgmm.embedding.decoding import Room
from tests.fgmm.embedding.conftest import ComputingEye, Eye, PreparingEye, picture


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
