"""Two processes on the same global batch do what one does."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fewshot import FEATHead, ProjectedHead, RidgeHead, meta_train
from fewshot.errors import MissingExtra, TrainingError
from fewshot.training.processes import Processes

pytest.importorskip("accelerate")

HEADS = {
    "numbers": RidgeHead(),
    "attention": FEATHead(hidden=4),
    "map": ProjectedHead(RidgeHead(0.5, 4.0)),
}


def work(rank: int, port: int, jobs: list, base: tuple, folder: str) -> None:
    """One of two processes, as ``accelerate launch`` would start it."""
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE="2",
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        ACCELERATE_USE_CPU="true",
    )
    for name, head, plan in jobs:
        try:
            found = meta_train(head, *base, plan=plan, validation=0.5, folder=f"{folder}/{name}")
        except (TrainingError, ArithmeticError) as error:
            Path(folder, f"{name}-{rank}.txt").write_text(f"{type(error).__name__}: {error}")
            continue
        found.save(f"{folder}/{name}-{rank}.safetensors")
    torch.distributed.destroy_process_group()


class Breaking(RidgeHead):
    """NaN for the second episode that the second process sees, number 3 of 4."""

    def fit(self, support):
        broken = self.training and os.environ.get("RANK") == "1"
        return _Broken(super().fit(support), broken)


class _Broken:
    def __init__(self, fitted, broken):
        self.fitted, self.broken = fitted, broken

    def logits(self, queries, *, query_mask=None):
        logits = self.fitted.logits(queries, query_mask=query_mask)
        if self.broken:
            logits[1] = logits[1] * float("nan")
        return logits


@pytest.fixture(scope="module")
def together(base, short, tmp_path_factory):
    """All jobs in one pair of processes: starting them is what takes time."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    jobs = [(name, head, short) for name, head in HEADS.items()]
    jobs += jobs[:1]  # once more: both find that it is over
    jobs += [("nan", Breaking(), short), ("odd", RidgeHead(), replace(short, batch=5))]
    torch.multiprocessing.spawn(work, (port, jobs, base, str(folder)), nprocs=2)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="gloo between spawned processes")
@pytest.mark.parametrize("name", HEADS)
def test_two_processes_equal_one_within_1e5(together, base, short, name):
    from fewshot import load_head

    alone = meta_train(HEADS[name], *base, plan=short, validation=0.5).head
    first, second = (load_head(together / f"{name}-{rank}.safetensors") for rank in (0, 1))
    for head in (first, second):
        for key, value in alone.state_dict().items():
            torch.testing.assert_close(head.state_dict()[key], value, rtol=1e-5, atol=1e-5)
    parts = [p for p in alone.modules() if getattr(p, "learnable", None)]
    twins = [p for p in first.modules() if getattr(p, "learnable", None)]
    for part, twin in zip(parts, twins, strict=True):
        for number in part.learnable:
            assert getattr(twin, number) == pytest.approx(getattr(part, number), abs=1e-5)
    assert repr(first) == repr(second)  # both hold the very same numbers
    for key, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[key], value)


@pytest.mark.skipif(sys.platform == "win32", reason="gloo between spawned processes")
def test_a_nan_in_one_process_stops_both_and_is_named(together):
    for rank in (0, 1):
        said = (together / f"nan-{rank}.txt").read_text()
        assert said.startswith("TrainingDiverged: the loss is nan at step 0, in episodes 3 (")


@pytest.mark.skipif(sys.platform == "win32", reason="gloo between spawned processes")
def test_a_batch_that_cannot_be_shared_is_refused(together):
    said = (together / "odd-0.txt").read_text()
    assert said == "TrainingError: batch is 5 for 2 processes: give a multiple of 2"


def test_several_processes_without_accelerate_are_told_what_to_install(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtra, match=r"pip install 'fgmm\[training\]'"):
        Processes(torch.device("cpu"))


def test_alone_nothing_is_exchanged():
    alone = Processes(torch.device("cpu"))
    assert (alone.rank, alone.size, alone.first) == (0, 1, True)
    values = torch.arange(3.0)
    assert alone.gather(values) is values
    assert alone.agree([1.5, 2.0]) == [1.5, 2.0]
