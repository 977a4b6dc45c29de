"""The list of heads, and the help."""

from __future__ import annotations

import fewshot
from fgmm.command.head_texts import load_heads
from tests.fgmm.evaluate_command.conftest import run


def test_every_head_is_listed_with_its_parameters(monkeypatch):
    result = run("--heads")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    told = {line.split()[0]: line for line in lines[1:-1]}
    assert set(told) == set(fewshot.head_names())
    for name, line in told.items():
        head = fewshot.load_head(name)
        assert (" * " in line) is head.transductive
        assert line.replace("*", " ").split()[1] == (" and ".join(sorted(head.needs)) or "either")
    assert told["tip-adapter"].endswith("alpha=1, beta=5.5, values=mean")
    assert told["zero-shot"].endswith("words")
    assert "transductive" in lines[-1]
    # what is listed is what --head reads
    for name, line in told.items():
        told_parameters = line.replace("*", " ").split(maxsplit=2)[2:]
        head = f"{name}:{told_parameters[0].replace(' ', '')}" if told_parameters else name
        load_heads([head])


def test_a_head_that_does_not_load_is_listed_all_the_same(monkeypatch):
    def find(name):
        if name == "ridge":
            raise ImportError("no such thing")
        return fewshot.PrototypeHead

    monkeypatch.setattr("fewshot.registry.find_head", find)
    result = run("--heads")
    assert result.exit_code == 0, result.output
    assert "does not load: ImportError: no such thing" in result.stdout


def test_the_help_says_defaults_and_cuts_no_word():
    told = " ".join(run("--help").stdout.replace("│", " ").split())
    assert "[default: (prototype, simple-shot, fused; zero-shot where there are words)]" in told
    assert "[default: (1 and 5)]" in told
    assert "[default: (joint if heads are told the words, else features)]" in told
    assert "fgmm.load_evaluations(FILE)" in told
    assert "…" not in told
