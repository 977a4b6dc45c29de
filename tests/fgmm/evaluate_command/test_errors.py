"""Mistakes are a line, and an exit code of 2."""

from __future__ import annotations

import pytest

import fewshot
from tests.fgmm.evaluate_command.conftest import FAKE, run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pics", "--head", "protoype", *FAKE], "Did you mean 'prototype'"),
        (["pics", "--head", "xyzzy", *FAKE], "fgmm evaluate --heads"),
        (["pics", "--head", "protoype:scale=1", *FAKE], "Did you mean 'prototype'"),
        (
            ["pics", "--head", "tip-adapter:alhpa=1", *FAKE],
            "tip-adapter has no parameter 'alhpa': it has alpha=1.0, beta=5.5, values='mean'. Did "
            "you mean 'alpha'?",
        ),
        (["pics", "--head", "zero-shot:scale=1", *FAKE], "no parameter 'scale': it has none"),
        (["pics", "--head", "fused:scale=1", *FAKE], "fused has no parameter 'scale'"),
        (["pics", "--head", "ridge:penalty=abc", *FAKE], "penalty is 'abc': give a number"),
        (["pics", "--head", "ridge:penalty=True", *FAKE], "penalty is True: give a number"),
        (["pics", "--head", "ridge:normalise=2", *FAKE], "normalise is 2: give true or false"),
        (["pics", "--head", "tim:rounds=2.5", *FAKE], "rounds is 2.5: give a whole number"),
        (["pics", "--head", "tip-adapter:values=3", *FAKE], "values is 3: give a text"),
        (["pics", "--head", "tip-adapter:values=maen", *FAKE], "values is 'maen': use 'mean'"),
        (["pics", "--head", "ridge:penalty=-1", *FAKE], "penalty is -1"),
        (["pics", "--head", "bd-cspn:class_prior=4", *FAKE], "class_prior"),
        (["pics", "--head", "ridge:penalty", *FAKE], "NAME:PARAMETER=VALUE"),
        (["pics", "--head", "ridge:penalty=", *FAKE], "NAME:PARAMETER=VALUE"),
        (["pics", "--head", "ridge:penalty=1,penalty=2", *FAKE], "NAME:PARAMETER=VALUE"),
        (["pics", "--head", "ridge:penalty=open('x')", *FAKE], "NAME:PARAMETER=VALUE"),
        (["pics", "--head", "ridge:**{}", *FAKE], "NAME:PARAMETER=VALUE"),
        (["pics", "--head", "ridge:penalty=1)(penalty=2", *FAKE], "NAME:PARAMETER=VALUE"),
        (["pics", "--head", "ridge:penalty=[1]", *FAKE], "NAME:PARAMETER=VALUE"),
        (["omniglot-runs", "--head", "ridge:x=1", *FAKE], "ridge has no parameter 'x'"),
        (["pisc", *FAKE], "there is no folder pisc, and no set of that name"),
        (["grocery", *FAKE], "FGMM_DATA"),
        (["pics", *FAKE, "--ways", "9", "-s", "1"], "3 classes with enough pictures, fewer"),
        (["pics", *FAKE, "-s", "0", "--head", "prototype"], "0 shots are for heads that read"),
        (["pics", *FAKE, "-s", "0", "--no-words"], "classes that have words"),
        (["pics", *FAKE, "--head", "zero-shot", "-s", "1", "--layer", "features"], "needs words"),
        (
            ["pics", *FAKE, "-s", "1", "--words", "--layer", "features"],
            "they live in --layer joint",
        ),
        (["pics", *FAKE, "-s", "1", "--words-kind", "coarse"], "no words of kind 'coarse'"),
        (["pics", *FAKE, "--plot", "x.jpg"], "ends in none of .png, .pdf, .svg"),
        (["pics", *FAKE, "--plot", "no/x.png"], "there is no folder no"),
        (["pics", *FAKE, "--out", "no/x.json"], "there is no folder no"),
        (["pics", "--encoder", "pixels"], "pixels are for omniglot-runs only"),
        (["pics", "--encoder", "fkae", "-s", "1", "--queries", "2", "--ways", "3"], "'fake'"),
        (["pics", *FAKE, "--classes", "base"], "has no base classes"),
        (["omniglot-runs", "--plot", "x.png"], "leave --plot, --shots, --words and"),
        (["omniglot-runs", "--data", "."], "there is no omniglot"),
        (["pics", *FAKE, "-s", "-1"], "Invalid value for '--shots'"),
    ],
)
def test_human_errors_are_a_line_and_exit_code_2(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    told = " ".join(result.stderr.replace("│", " ").split())
    assert words in told
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_head_that_refuses_is_no_fault_of_ours(monkeypatch):
    def refuse(*_, **__):
        raise fewshot.errors.EvaluationError("no, because")

    monkeypatch.setattr(fewshot, "evaluate", refuse, raising=False)
    result = run("pics", *FAKE, "-s", 1)
    assert (result.exit_code, result.stderr) == (2, "error: no, because\n")
