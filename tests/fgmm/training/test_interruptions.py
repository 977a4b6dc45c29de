"""A training that was stopped goes on to the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fgmm.errors import TrainingError
from fgmm.training import (
    TuningPlan,
)
from fgmm.training.stepping import Stepper

PLAN = TuningPlan(steps=12, batch=8, every=5, rate=5e-3, rank=2, ema=0.9, maximum_entropy=0.05)
MORE = replace(PLAN, centre=0.01)
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("stop", [0, 3, 5, 11])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    stop, name, pairs, tmp_path, monkeypatch, run, same
):
    whole = run(name, pairs, tmp_path / "whole", MORE)
    step = Stepper.step

    def interrupted(self, number, *rest):
        if number == stop:
            raise KeyboardInterrupt
        return step(self, number, *rest)

    monkeypatch.setattr(Stepper, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(name, pairs, tmp_path / "part", MORE)
    monkeypatch.setattr(Stepper, "step", step)
    with pytest.raises(TrainingError, match="holds a training already: resume it"):
        run(name, pairs, tmp_path / "part", MORE)
    after = run(name, pairs, tmp_path / "part", MORE, resume=True)
    assert same(tmp_path / "whole", tmp_path / "part")
    for one, other in zip(whole.records, after.records, strict=True):
        assert replace(one, seconds=0, total=0, loss=0) == pytest.approx(
            replace(other, seconds=0, total=0, loss=0)
        ) or str(replace(one, seconds=0)) == str(replace(other, seconds=0))
    checkpoints = [load_file(tmp_path / f / "checkpoint.safetensors") for f in ("whole", "part")]
    assert set(checkpoints[0]) == set(checkpoints[1])
    assert all(torch.equal(value, checkpoints[1][key]) for key, value in checkpoints[0].items())
    assert any(key.startswith("centres/") for key in checkpoints[0])
    means = [key for key in checkpoints[0] if key.startswith("mean/") and "lora_B" in key]
    for key in means:  # what is kept is the running mean, not the last step's weights
        last, kept = (checkpoints[0][key.replace("mean/", part)] for part in ("learning/", "best/"))
        assert torch.equal(checkpoints[0][key], kept)
        assert not torch.equal(last, kept)
    assert means


def test_what_is_drawn_within_the_network_is_drawn_again(
    encoder_name, pairs, tmp_path, run, same, monkeypatch
):
    model = encoder_name("openclip_timm")  # drops half of what its image tower gives
    plan = replace(PLAN, tower="image", lora_dropout=0.3, chunk=3)
    run(model, pairs, tmp_path / "whole", plan)
    step = Stepper.step

    def interrupted(self, number, *rest):
        if number == 8:
            raise KeyboardInterrupt
        return step(self, number, *rest)

    monkeypatch.setattr(Stepper, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(model, pairs, tmp_path / "part", plan)
    monkeypatch.setattr(Stepper, "step", step)
    run(model, pairs, tmp_path / "part", plan, resume=True)
    assert same(tmp_path / "whole", tmp_path / "part")
    run(model, pairs, tmp_path / "other", replace(plan, seed=1))
    assert not same(tmp_path / "whole", tmp_path / "other")


def test_a_killed_training_goes_on_to_the_same_weights(name, pairs, birds, tmp_path, run, same):
    script = f"""
        import os, signal, torch
        torch.set_num_threads(1)
        from fgmm.training import TuningPlan, read_folder_pairs, tune_encoder
        from fgmm.training.stepping import Stepper
        step = Stepper.step
        def killed(self, number, *rest):
            if number == 7:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(self, number, *rest)
        Stepper.step = killed
        plan = TuningPlan(**{PLAN.as_dict()!r})
        tune_encoder({name!r}, read_folder_pairs({str(birds)!r}), {str(tmp_path / "part")!r},
                     plan=plan, device="cpu")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    run(name, pairs, tmp_path / "whole", PLAN)
    run(name, pairs, tmp_path / "part", PLAN, resume=True)
    assert same(tmp_path / "whole", tmp_path / "part")


def test_another_training_is_not_taken_up(name, pairs, tmp_path, run):
    with pytest.raises(TrainingError, match="there is nothing to resume"):
        run(name, pairs, tmp_path / "run", PLAN, resume=True)
    run(name, pairs, tmp_path / "run", PLAN)
    with pytest.raises(TrainingError, match=r"another training \(steps was 12, is 20\)"):
        run(name, pairs, tmp_path / "run", replace(PLAN, steps=20), resume=True)
    fewer = pairs.without({0})
    with pytest.raises(TrainingError, match="encoder, pictures, texts or teacher are others"):
        run(name, fewer, tmp_path / "run", PLAN, resume=True)
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"nonsense")
    with pytest.raises(TrainingError, match=r"checkpoint.safetensors cannot be read"):
        run(name, pairs, tmp_path / "run", PLAN, resume=True)
