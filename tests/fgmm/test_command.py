"""The command line: what it prints, where it prints it, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from fgmm import classify
from fgmm.command.application import app
from fgmm.command.report_files import Wanted, safe_cell, write_json_lines
from fgmm.command.terminal import announced
from fgmm.errors import CandidateError

FAKE = ["--encoder", "fake"]
COLOURS = ["--labels", "red,green,blue"]
LOADING = "note: loading the encoder fake ...\n"  # on a slow machine


@pytest.fixture(autouse=True)
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub" / "hub"))
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)  # the first test loads torch
    folder = tmp_path / "pics"
    folder.mkdir()
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (24, 24), colour).save(folder / f"{colour}.png")
    return folder


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def spawn(*arguments: str, **more):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-m", "fgmm", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment | more,
    )


def test_one_picture_is_a_table_of_its_candidates():
    result = run("classify", "pics/red.png", *COLOURS, *FAKE, "--top", 2)
    assert result.exit_code == 0, result.output
    lines = result.stdout.split("\n")
    assert lines[1].strip() == "pics/red.png"
    assert lines[2].split()[0] == "red"
    assert "and 1 more" in lines[4]
    assert lines[5].strip() == (
        "how likely among the 3 names given (encoder fake); says nothing of other things"
    )
    assert result.stderr == ""


def test_a_single_candidate_is_shown_with_what_it_was_weighed_against():
    result = run("classify", "pics/red.png", "--labels", "blue", *FAKE)
    row, against = (line.split() for line in result.stdout.split("\n")[2:4])
    assert row[0] == "blue"
    assert against[:3] == ["against", "'a", "photo.'"]
    assert float(row[1]) + float(against[3]) == pytest.approx(1, abs=0.001)
    assert float(row[1]) < 0.5


def test_a_table_never_cuts_a_files_name(pictures, monkeypatch):
    deep = pictures / "a" / "rather" / "deep" / "folder" / "of" / "pictures"
    deep.mkdir(parents=True)
    files = ["x.png", "robin_on_a_branch.png", f"{'observation-' * 5}1.png", f"{'鳥' * 20}2.png"]
    for file in files:
        (deep / file).write_bytes((pictures / "red.png").read_bytes())
    for columns in ("60", "80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        out = run("classify", "pics", *COLOURS, *FAKE).stdout
        assert max(map(len, out.split("\n"))) <= int(columns)
        column = out.split("\n")[2].index("name")
        cells = [line[: min(column, len(line))] for line in out.split("\n")[4:]]
        first = "".join("".join(cell.split("red")[0].split()) for cell in cells)
        for file in files:
            assert file in first
    for form in ("jsonl", "csv"):
        out = run("classify", "pics", *COLOURS, *FAKE, "--format", form).stdout
        for file in files:
            assert str(Path("pics", *deep.parts[-6:], file)) in out
    out = run("classify", deep / files[2], *COLOURS, *FAKE).stdout
    assert out.split("\n")[1] == f" {deep / files[2]}"


def test_many_pictures_are_a_row_each_in_order():
    result = run("classify", "pics", "pics/red.png", *COLOURS, *FAKE)
    assert result.exit_code == 0
    rows = [line.split()[:2] for line in result.stdout.split("\n") if ".png" in line]
    names = ["blue", "green", "red", "red"]
    assert rows == [[f"{name}.png", name] for name in names]


def test_json_lines_have_an_object_a_picture(pictures):
    (pictures / "bad.png").write_text("no picture")
    result = run("classify", "pics", "none.png", *COLOURS, *FAKE, "--format", "jsonl", "--top", 2)
    assert result.exit_code == 1
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row.get("label") for row in rows] == ["blue", "green", "red", None, None]
    assert rows[2]["name"] == str(Path("pics/red.png"))
    assert rows[2]["scoring"] == "softmax"
    assert rows[2]["provenance"]["encoder_space"] == "fake/1"
    assert rows[2]["provenance"]["encoder_name"] == "fake"
    assert [len(row["top"]) for row in rows[:3]] == [2, 2, 2]
    assert rows[2]["top"][0]["label"] == "red"
    assert "bad.png" in rows[3]["error"]
    assert rows[4] == {"name": "none.png", "error": rows[4]["error"]}
    assert result.stderr.count("failed: ") == 2
    assert "none.png" in result.stderr


def test_csv_is_quoted_and_safe_in_spreadsheets(pictures):
    (pictures / "a, b.png").write_bytes((pictures / "red.png").read_bytes())
    (pictures / "=1+1.png").write_bytes((pictures / "red.png").read_bytes())
    os.chdir(pictures)
    labels = '"red, ""bright""",=cmd()|x,blue'
    result = run(
        "classify", "a, b.png", "=1+1.png", "no.png", "--labels", labels, *FAKE, "-f", "csv"
    )
    assert result.exit_code == 1
    header, *rows = csv.reader(io.StringIO(result.stdout))
    assert header[:5] == ["name", "label", "probability", "label_2", "probability_2"]
    assert header[-3:] == ["scoring", "encoder", "error"]
    assert all(len(row) == len(header) for row in rows)
    assert rows[0][:2] == ["a, b.png", 'red, "bright"']
    assert rows[1][0] == "'=1+1.png"
    assert "'=cmd()|x" in rows[0]
    assert rows[0][-2] == "fake"
    assert sum(float(cell) for cell in rows[0][2:7:2]) == pytest.approx(1, abs=1e-5)
    assert rows[2][0] == "no.png"
    assert "no such file" in rows[2][-1]


STONES = """\
concept,rank,parent,red,green,blue
stone,,,,,
corundum,family,stone,,,
beryl,family,stone,,,
ruby,species,corundum,1,,
sapphire,species,corundum,0,,1
emerald,species,beryl,,1,
"""


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "stones.csv").write_text(STONES)
    return ["--labels", "ruby,sapphire,emerald", "--knowledge", "stones.csv", *FAKE]


def test_a_graph_names_the_picture_and_says_why(graph):
    result = run("classify", "pics/red.png", *graph)
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.split("\n")]
    assert lines[2].startswith("ruby ")
    assert any(re.fullmatch(r"for ruby: red \+\d+\.\d nats", line) for line in lines)
    assert any(re.fullmatch(r"told from \w+ by: red \+\d+\.\d nats", line) for line in lines)
    assert not any(line.startswith("at least") for line in lines)


def test_a_graph_without_reasons_says_so(tmp_path):
    (tmp_path / "tree.csv").write_text("child,parent\nruby,corundum\nemerald,beryl\n")
    result = run(
        "classify", "pics/red.png", "--labels", "ruby,emerald", "--knowledge", "tree.csv", *FAKE
    )
    assert result.exit_code == 0, result.output
    (line,) = [line.strip() for line in result.stdout.split("\n") if "reasons" in line]
    assert line.startswith("no reasons: the graph does not say what any of these names looks like")
    assert result.stderr.startswith("warning: the graph says nothing of what these candidates")


def test_labels_the_graph_lacks_are_told_once(graph):
    labels = ["--labels", "ruby,emerald,unicorn", *graph[2:]]
    result = run("classify", "pics/red.png", *labels)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("does not know 1 of 3 candidates") == 1


def test_levels_take_the_place_of_labels_in_a_table(graph):
    result = run("classify", "pics/red.png", *graph, "--level", "family", "--floor", 0.9)
    lines = [line.split() for line in result.stdout.split("\n")]
    assert [line[0] for line in lines[2:4]] == ["corundum", "beryl"]
    assert "how likely each family is, if one of the 3 names given is right" in result.stdout
    assert "at least 0.9: ruby (species), 1.000" in result.stdout
    many = run("classify", "pics", *graph, "--level", "family", "--floor", 0.9).stdout
    rows = {line.split()[0]: line for line in many.split("\n") if ".png" in line}
    assert rows["red.png"].split()[1] == rows["blue.png"].split()[1] == "corundum"
    assert "emerald (species)" in rows["green.png"]
    assert "at least 0.9" in many


def test_what_no_label_reaches_the_family_may(graph, pictures):
    Image.new("RGB", (24, 24), "#800080").save(pictures / "purple.png")  # red and blue
    for row in map(
        json.loads,
        run(
            "classify", "pics", *graph, "--floor", 1, "--level", "family", "-f", "jsonl"
        ).stdout.splitlines(),
    ):
        told = {one["label"]: one["probability"] for one in row["level"]["top"]}
        own = {one["label"]: one["probability"] for one in row["top"]}
        assert row["level"]["rank"] == "family"
        assert told["corundum"] == pytest.approx(own["ruby"] + own["sapphire"], abs=1e-5)
        assert row["answer"]["floor"] == 1
        assert row["answer"]["probability"] >= 1 - 1e-5
        assert all(reason["nats"] > 0 for reason in row["reasons"])
        if row["name"].endswith("purple.png"):
            assert max(own.values()) < 0.999
            assert row["answer"]["label"] not in own


def test_csv_has_columns_for_what_the_graph_says(graph):
    result = run(
        "classify", "pics", "no.png", *graph, "--floor", 0.9, "--level", "family", "-f", "csv"
    )
    assert result.exit_code == 1
    header, *rows = csv.reader(io.StringIO(result.stdout))
    assert all(len(row) == len(header) for row in rows)
    red = dict(zip(header, rows[2], strict=True))
    assert (red["label"], red["level"], red["answer"]) == ("ruby", "corundum", "ruby")
    assert red["reasons"].startswith("red +")
    assert float(red["probability_answer"]) >= 0.9
    plain = next(
        csv.reader(io.StringIO(run("classify", "pics", *COLOURS, *FAKE, "-f", "csv").stdout))
    )
    assert not {"level", "answer", "reasons"} & set(plain)


def test_what_was_learned_comes_from_a_folder(graph, pictures, tmp_path):
    from fgmm import load_encoder
    from fgmm.joint import ContrastiveEmbedding, JointEmbedding
    from fgmm.joint.class_inputs import ClassInputs
    from knowledge import read_graph

    stones = read_graph(tmp_path / "stones.csv")
    names = ["ruby", "sapphire", "emerald"]
    files = [pictures / f"{colour}.png" for colour in ("red", "blue", "green")]
    seen = load_encoder("fake").encode_images(
        [Image.open(file).convert("RGB") for file in files], layer="features"
    )
    inputs = ClassInputs.of(stones, names)
    method = ContrastiveEmbedding(0.1, widths=inputs.widths, weights=(1.0, 0.5))
    fitted = method.fit(seen.vectors, torch.arange(3), inputs.rows(stones, names))
    made = JointEmbedding(inputs, fitted, 10.0, seen.space, {})
    made.save(tmp_path / "learned")
    rows = [
        json.loads(line)
        for line in run(
            "classify", *files, *graph, "--joint", "learned", "-f", "jsonl"
        ).stdout.splitlines()
    ]
    assert [row["label"] for row in rows] == names
    expected = classify(files, names, encoder="fake", knowledge=stones, joint=made)
    for row, prediction in zip(rows, expected, strict=True):
        own = row["top"][0]["evidence"]["knowledge"]
        assert own == pytest.approx(float(prediction.evidence["knowledge"].max()), abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--level", "family"], "needs a graph: name one by --knowledge"),
        (["--floor", "0.9"], "--floor"),
        (["--joint", "pics"], "--joint"),
        (["--knowledge", "stones.csv", "--level", "famly"], "did you mean family"),
        (["--knowledge", "stones.csv", "--joint", "nowhere"], "there is no folder nowhere"),
        (["--knowledge", "flwers"], "did you mean flowers"),
        (["--knowledge", "flowers"], "the graph knows none of the 3"),
        (
            ["--knowledge", "stones.csv", "--level", "genus"],
            "nothing above these labels has the rank genus; there are family, species",
        ),
        (["--knowledge", "stones.csv", "--joint", "pics"], "pics holds no joint embedding"),
    ],
)
def test_a_graph_that_cannot_be_used_is_a_line_before_the_encoder_loads(
    arguments, words, tmp_path, monkeypatch
):
    def load(*_, **__):
        raise AssertionError("loaded")

    monkeypatch.setattr("fgmm.encoders.registry.load_encoder", load)
    (tmp_path / "stones.csv").write_text(f"{STONES}quartz,genus,,,,\n")
    result = run("classify", "pics", "--labels", "ruby,sapphire,emerald", *FAKE, *arguments)
    assert result.exit_code == 2
    assert words in " ".join(re.sub("[│╭╮╰╯─]", " ", result.stderr).split())
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formulas_get_an_apostrophe(cell):
    assert safe_cell(cell) == "'" + cell
    assert safe_cell(f"a{cell}") == f"a{cell}"


def test_output_goes_to_a_file_whose_name_says_the_format(tmp_path):
    for ending, begins in ((".csv", "name,label"), (".jsonl", '{"name"'), (".txt", "\n pics")):
        out = tmp_path / f"out{ending}"
        result = run("classify", "pics/red.png", *COLOURS, *FAKE, "--output", out)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"1 picture written to {out}\n"
        assert out.read_text(encoding="utf-8").startswith(begins)
    assert sorted(path.name for path in tmp_path.glob("*out*")) == [
        "out.csv",
        "out.jsonl",
        "out.txt",
    ]


def test_what_could_not_be_read_is_counted_when_a_file_was_written(pictures):
    (pictures / "bad.png").write_text("no picture")
    result = run("classify", "pics", "no.png", *COLOURS, *FAKE, "--output", "out.csv")
    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert told[-1] == "3 pictures written to out.csv; 2 could not be read"
    assert [line.split(":")[0] for line in told[:-1]] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["classify", "pics", "--labels", "red,Red"], "error: 'red' is given 2 times"),
        (["classify", "pics", "--labels", ","], "error: there are no candidates"),
        (["classify", "no.png", "nor.png", *COLOURS], "failed: cannot read 'no.png'"),
        (["embed", "no.png", "--out", "v.csv"], "failed: cannot read 'no.png'"),
    ],
)
def test_what_can_be_checked_is_checked_before_the_encoder_loads(arguments, words, monkeypatch):
    def load(*_, **__):
        raise AssertionError("loaded")

    monkeypatch.setattr("fgmm.encoders.registry.load_encoder", load)
    result = run(*arguments, *FAKE)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(words)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_second_name_and_its_probability_stay_whole(columns, monkeypatch):
    names = ["common tarbit of the far north", "lesser rufdow", "great crested fenlin"]
    monkeypatch.setenv("COLUMNS", str(columns))
    command = ["classify", "pics", "--labels", ",".join(names), *FAKE]
    expected = [
        {entry["label"]: entry["probability"] for entry in json.loads(line)["top"]}
        for line in run(*command, "--format", "jsonl").stdout.splitlines()
    ]
    head, _, *lines = run(*command).stdout.split("\n")[2:]
    assert max(map(len, lines)) <= columns
    at = head.index("next")
    assert "…" not in "".join(lines)
    said = " ".join(line[at:].strip() for line in lines if not line.startswith(" how")).split()
    for row in expected:
        _, (second, probability), *_ = sorted(row.items(), key=lambda entry: -entry[1])
        number = f"{probability:.3f}" if probability >= 0.0005 else "<0.001"
        assert f"{second} {number}" in " ".join(said)


def test_an_answer_that_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    out.write_text("old")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fgmm.command.report_files.write_csv", fail)
    result = run("classify", "pics/red.png", *COLOURS, *FAKE, "--output", out)
    assert (result.exit_code, out.read_text()) == (2, "old")
    assert result.stderr == "error: No space left on device\n"
    assert not list(tmp_path.glob(".out*"))


def test_template_and_concept_reach_the_texts(monkeypatch):
    seen = {}

    def classify(images, candidates, **options):
        seen.update(options, candidates=candidates, images=images)
        raise CandidateError("enough")

    monkeypatch.setattr("fgmm.classification.classify", classify)
    options = ["-t", "a {}", "-t", "{}!", "-c", "bird", "--batch-size", "7"]
    result = run("classify", "pics/red.png", "pics/*e*.png", *COLOURS, *FAKE, *options)
    assert (result.exit_code, result.stderr) == (2, "error: enough\n")
    assert seen["templates"] == ["a {}", "{}!"]
    assert (seen["concept"], seen["batch_size"]) == ("bird", 7)
    assert seen["candidates"] == ["red", "green", "blue"]
    names = ["red", "blue", "green", "red"]
    assert [path.name for path in seen["images"]] == [f"{name}.png" for name in names]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["classify", "pics/red.png", "--labels", "red,Red", *FAKE], "error: 'red' is given 2"),
        (["classify", "pics/red.png", "--labels", " , ", *FAKE], "error: there are no candidates"),
        (["classify", "pics/red.png", *COLOURS, "-e", "fkae"], "Did you mean 'fake'"),
        (["classify", "pics/red.png", *COLOURS, *FAKE, "-t", "photo"], "error: template 'photo'"),
        (["classify", "pics/red.png", *FAKE], "neither --labels nor --labels-file"),
        (["classify", "pics/red.png", *COLOURS, "-L", "x"], "both --labels and --labels-file"),
        (
            ["classify", "pics/red.png", "-L", "x", *FAKE],
            "error: there is no such file or folder: x",
        ),
        (["classify", "none.png", *COLOURS, *FAKE], "failed: cannot read 'none.png'"),
        (["classify", "none*.png", *COLOURS, *FAKE], "error: cannot find pictures in 'none*.png'"),
        (["classify", "pcis/", *COLOURS, *FAKE], "file or folder; did you mean 'pics'?"),
        (["classify", "pcis", *COLOURS, *FAKE], "file or folder; did you mean 'pics'?"),
        (["classify", "pics/rde.png", *COLOURS, *FAKE], f"mean {str(Path('pics/red.png'))!r}?"),
        (["classify", "pics/red.png", "-L", "pisc", *FAKE], "folder: pisc; did you mean 'pics'?"),
        (["classify", "pics/red.png", *COLOURS, *FAKE, "-o", "no/x.csv"], "there is no folder no"),
        (["classify", "pics/red.png", *COLOURS, *FAKE, "--top", "0"], "Invalid value for '--top'"),
        (["classify", "pics/red.png", *COLOURS, *FAKE, "-f", "xml"], "'xml' is not one of"),
        (["embed", "pics", "--out", "v.txt", *FAKE], "ends in none of .safetensors"),
        (["embed", "pics", "--out", "no/v.csv", *FAKE], "there is no folder no"),
        (["embed", "no.png", "--out", "v.csv", *FAKE], "failed: cannot read 'no.png'"),
        (["doctor", "fkae"], "Did you mean 'fake'"),
        (["clasify"], "No such command"),
    ],
)
def test_human_errors_are_a_line_on_stderr_and_exit_code_2(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    told = " ".join(result.stderr.replace("│", " ").split())
    assert words in told
    assert "Traceback" not in result.output
    assert result.stdout == "" or "0 vectors" in result.stdout


def test_a_fault_of_ours_is_no_traceback_either(monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("fgmm.classification.classify", fail)
    result = run("classify", "pics/red.png", *COLOURS, *FAKE)
    assert result.exit_code == 70
    assert result.stderr.startswith("error: ZeroDivisionError: oh\n")
    assert "fault in fgmm" in result.stderr
    monkeypatch.setenv("FGMM_TRACEBACK", "1")
    assert isinstance(run("classify", "pics/red.png", *COLOURS, *FAKE).exception, ZeroDivisionError)


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_what_takes_a_while_is_said_on_stderr(seconds, monkeypatch, capsys):
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 0.1 if seconds else 600)
    with announced("loading ..."):
        time.sleep(seconds)
        said = capsys.readouterr().err
    assert said == ("note: loading ...\n" if seconds else "")
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with announced("loading ..."):
        told = capsys.readouterr()
    assert (told.out, re.sub(r"\x1b\[\d*m", "", told.err)) == ("", "note: loading ...\n")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("command", [["classify", *COLOURS], ["embed", "--out", "v.csv"]])
def test_commands_say_that_they_load_their_encoder(command, monkeypatch):
    def load(name, **_):
        time.sleep(0.5)
        raise CandidateError("enough")

    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 0.05)
    monkeypatch.setattr("fgmm.encoders.registry.load_encoder", load)
    result = run(*command, "pics", *FAKE)
    assert result.stderr == f"{LOADING}error: enough\n"
    assert result.stdout == ""


def test_warnings_are_lines_without_source_code(monkeypatch):
    import logging
    import warnings

    def warn(*_, **__):
        warnings.simplefilter("always")
        warnings.warn("cut short", stacklevel=1)
        logging.getLogger("fgmm.x").warning("passed over %r", "y")
        raise CandidateError("enough")

    monkeypatch.setattr("fgmm.classification.classify", warn)
    result = run("classify", "pics/red.png", *COLOURS, *FAKE)
    told = result.stderr.splitlines()
    assert told == ["warning: cut short", "warning: passed over 'y'", "error: enough"]
    assert logging.getLogger("fgmm").handlers == []


def test_interrupted_is_130(monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fgmm.classification.classify", stop)
    result = run("classify", "pics/red.png", *COLOURS, *FAKE)
    assert (result.exit_code, result.stderr) == (130, "interrupted: stopped before the end\n")


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a child")
def test_a_real_interrupt_is_quiet(tmp_path):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("Ctrl-C is ignored here, as in jobs that a shell runs in the background")
    labels = tmp_path / "labels"
    os.mkfifo(labels)
    process = spawn("classify", "pics/red.png", "--labels-file", str(labels), *FAKE)
    with labels.open("w"):  # opens once the command has begun to read
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "arguments", [["encoders"], ["classify", "pics/red.png", *COLOURS, *FAKE, "-f", "jsonl"]]
)
def test_a_reader_who_has_enough_is_no_error(arguments):
    process = spawn(*arguments)
    process.stdout.close()
    assert process.stderr.read() in ("", LOADING)
    assert process.wait(60) == 141


def test_a_terminal_without_unicode_still_gets_an_answer():
    labels = ["--labels", "rot,grün,鳥"]
    process = spawn("classify", "pics", *labels, *FAKE, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    out, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told in ("", LOADING)
    assert "gr\\xfcn" in out


def test_json_lines_are_exact_whatever_the_encoding():
    predictions = classify([Image.new("RGB", (9, 9), "red")], ["rot", "grün", "鳥"], encoder="fake")
    for encoding in ("ascii", "utf-8"):
        written = io.BytesIO()
        with io.TextIOWrapper(written, encoding=encoding, write_through=True) as to:
            write_json_lines(predictions, to, Wanted(3, "fake"))
            row = json.loads(written.getvalue().decode(encoding))
        assert {entry["label"] for entry in row["top"]} == {"rot", "grün", "鳥"}


def test_help_and_the_list_of_encoders_need_no_torch():
    code = (
        "import sys\nfrom fgmm.command.application import app\n"
        "heavy = {'torch', 'numpy', 'PIL', 'open_clip', 'transformers', 'timm'}\n"
        "for command in (['classify', '--help'], ['encoders']):\n"
        "    try: app(command, prog_name='fgmm')\n"
        "    except SystemExit as end: assert not end.code, end.code\n"
        "    assert not heavy & set(sys.modules), (command, heavy & set(sys.modules))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "PICTURES" in done.stdout


@pytest.mark.parametrize("command", ["classify", "embed", "encoders", "doctor"])
def test_every_help_has_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"fgmm {command}" in result.stdout.split("Example")[1]
    for mark in ("**", "[bold]", "``"):
        assert mark not in result.stdout


def test_version_and_no_arguments():
    from fgmm import __version__

    assert run("--version").stdout == f"fgmm {__version__}\n"
    assert "classify" in run().output
