"""One batch in chunks, and in two processes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fgmm.training import TuningPlan
from fgmm.training.gathering import gather_rows
from fgmm.training.losses import clip_loss

PLAN = TuningPlan(steps=12, batch=8, every=5, rate=5e-3, rank=2, ema=0.9, maximum_entropy=0.05)
ROOT = Path(__file__).resolve().parents[3]


class Both:
    """Two processes in one: what the other has is known."""

    size = 2

    def __init__(self, rank: int, other: torch.Tensor) -> None:
        self.rank, self.other = rank, other

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([rows, self.other] if self.rank == 0 else [self.other, rows])


def test_gradients_through_gathering_average_to_those_of_the_whole():
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 2, generator=draw).double().requires_grad_()
    x, y = (torch.randn(4, 3, generator=draw).double() for _ in range(2))
    whole = clip_loss(torch.cat([x, y]) @ weight @ (torch.cat([y, x]) @ weight).T)
    (expected,) = torch.autograd.grad(whole, weight)
    found = []
    for rank, (own, other) in enumerate([(x, y), (y, x)]):
        pictures = gather_rows(own @ weight, Both(rank, (other @ weight).detach()))
        texts = gather_rows(other @ weight, Both(rank, (own @ weight).detach()))
        loss = clip_loss(pictures @ texts.T)
        assert loss.item() == pytest.approx(whole.item())
        found.append(torch.autograd.grad(loss, weight)[0])
    torch.testing.assert_close(sum(found) / 2, expected)


@pytest.mark.parametrize("loss", ["clip", "siglip"])
def test_chunks_change_memory_and_not_the_result(loss, name, pairs, tmp_path, run):
    plan = replace(PLAN, loss=loss, steps=3, every=3, rate=1e-3)
    whole = run(name, pairs, tmp_path / "whole", plan)
    parts = run(name, pairs, tmp_path / "parts", replace(plan, chunk=3))
    assert whole.records[-1].loss == pytest.approx(parts.records[-1].loss, abs=1e-5)
    for one, other in zip(
        whole.trainee.trained().values(), parts.trainee.trained().values(), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_two_processes_do_what_one_does(name, pairs, birds, tmp_path, run):
    plans = {
        loss: replace(
            PLAN,
            loss=loss,
            centre=0.01,
            steps=3,
            every=2,
            rate=1e-3,
            chunk=2,
            validation=0.25,
            per_class=2 if loss == "prototypes" else 0,
        )
        for loss in ("clip", "siglip", "prototypes")
    }
    told = {loss: plan.as_dict() for loss, plan in plans.items()}
    script = f"""
        import torch
        torch.set_num_threads(1)
        from fgmm.training import TuningPlan, read_folder_pairs, tune_encoder
        if __name__ == "__main__":
            for loss, plan in {told!r}.items():
                folder = {str(tmp_path / "two")!r} + loss
                tune_encoder({name!r}, read_folder_pairs({str(birds)!r}), folder,
                             plan=TuningPlan(**plan), device="cpu")
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(script), encoding="utf-8")
    shared = {"PYTHONPATH": str(ROOT), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20_000 + os.getpid() % 20_000)}
    shared |= {"ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, str(tmp_path / "script.py")],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    alone = {loss: run(name, pairs, tmp_path / f"one{loss}", plan) for loss, plan in plans.items()}
    said = [process.communicate(timeout=300)[1].decode()[-2000:] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    for loss, found in alone.items():
        places = [tmp_path / f"{which}{loss}" for which in ("one", "two")]
        one, two = (load_file(place / "checkpoint.safetensors") for place in places)
        learned = [key for key in one if key.startswith(("learning/", "mean/", "centres/"))]
        assert len(learned) > 20
        for key in learned:
            torch.testing.assert_close(one[key], two[key], atol=1e-5, rtol=0, msg=key)
        with (places[1] / "log.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for record, row in zip(found.records[1:], rows[1:], strict=True):
            assert float(row["total"]) == pytest.approx(record.total, abs=1e-5)
            assert float(row["validation_loss"]) == pytest.approx(record.validation_loss, abs=1e-5)
