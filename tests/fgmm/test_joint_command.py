"""``fgmm joint``: flags of two colours, learned from some pairs and judged on others."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

import fgmm
import knowledge
from fgmm.command.application import app
from fgmm.command.joint_pictures import keep_back
from fgmm.command.joint_setup import next_commands
from fgmm.command.picture_marks import mark_pictures
from fgmm.datasets import open_dataset
from fgmm.joint import JointEmbedding
from fgmm.joint.comparison import judge_embedding
from fgmm.joint.controls import exchanged, scrambled
from fgmm.joint.judging import beside_seen, by_class
from fgmm.progress import ProgressBar

COLOURS = {"red": (220, 20, 20), "green": (20, 160, 30), "blue": (20, 30, 220), "white": (240,) * 3}
NEW = [("red", "green"), ("green", "blue"), ("blue", "white"), ("white", "red")]
FAKE = ["--encoder", "fake", "--no-cache"]


def flag(pair: tuple[str, str]) -> str:
    """A name that tells nothing."""
    colours = list(COLOURS)
    return f"flag-{'abcd'[colours.index(pair[0])]}{'wxyz'[colours.index(pair[1])]}"


PAIRS = [(top, bottom) for top in COLOURS for bottom in COLOURS]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Sixteen classes, the pictures of twelve in ``base``, of four others in ``new``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FGMM_DATA", raising=False)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    rng = np.random.default_rng(0)
    for pair in PAIRS:
        place = tmp_path / ("new" if pair in NEW else "base") / flag(pair)
        place.mkdir(parents=True)
        for at in range(5):
            pixels = np.zeros((16, 16, 3)) + COLOURS[pair[1]]
            pixels[:8] = COLOURS[pair[0]]
            pixels = np.clip(pixels + rng.normal(0, 40, pixels.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{at}.png")
    rows = ["concept,attribute,strength,part"]
    for pair in PAIRS:
        rows += [f"{flag(pair)},{pair[0]},1,top", f"{flag(pair)},{pair[1]},1,bottom"]
    Path("flags.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(app, ["joint", *(str(argument) for argument in arguments)])


def train(*more: object):
    return run("train", "base", "--knowledge", "flags.csv", "--out", "out", *FAKE, *more)


def flat(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_it_saves_what_the_library_learns_and_says_so():
    result = train("--folds", 3, "--keep", 0, "--seed", 3)
    assert result.exit_code == 0, result.output
    data = open_dataset("base")
    features = fgmm.embed_images(data.images, encoder="fake", layer="features")
    graph = knowledge.read_graph("flags.csv")
    direct = JointEmbedding.train(graph, features, data.labels, folds=3, seed=3)
    learned = JointEmbedding.load("out")
    asked = [flag(pair) for pair in PAIRS]
    torch.testing.assert_close(
        learned.logits(graph, features, asked), direct.logits(graph, features, asked)
    )
    said = flat(result.stdout)
    assert "learned from 12 classes, 60 pictures" in said
    assert "kept back" not in said
    assert 'encoder fake, layer "features"' in said
    assert "8 attributes" in said, "four colours above and four below"
    assert f"{100 * direct.about['held-out accuracy']:.1f} % right on classes held out" in said
    assert "chance is 25.0 %" in said, "three parts of four classes"
    assert learned.about["encoder"] == "fake"
    assert learned.about["seed"] == 3


def next_lines(result) -> list[list[str]]:
    """The two commands that are proposed."""
    lines = [line.strip() for line in result.stdout.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("fgmm ")]


def test_what_is_proposed_next_can_be_done(folder):
    """Codes for folders, an option for the classes the graph lacks, and a space in a name."""
    codes = {flag(pair): f"{ord(flag(pair)[-2])}{ord(flag(pair)[-1])}" for pair in PAIRS}
    for place in [*(folder / "base").iterdir(), *(folder / "new").iterdir()]:
        place.rename(place.with_name(codes[place.name]))
    for where in ("base", "new"):
        (folder / where / "emu").mkdir()
        Image.new("RGB", (9, 9), "brown").save(folder / where / "emu" / "0.png")
    lines = [f"{code}\t{name}" for name, code in codes.items()]
    Path("the names.txt").write_text("\n".join([*lines, "emu\temu"]) + "\n")
    result = train("--folds", 3, "--names", "the names.txt", "--skip-unknown")
    assert result.exit_code == 0, result.output
    judge, ask = next_lines(result)
    assert judge[:5] == ["fgmm", "joint", "evaluate", "out", "NEW-PICTURES"]
    judge[judge.index("NEW-PICTURES")] = "new"
    told = CliRunner().invoke(app, [*judge[1:], "--no-cache"])
    assert told.exit_code == 0, told.output
    assert "4 new classes" in told.stdout
    ask[ask.index("PICTURE")] = next(map(str, (folder / "new").rglob("0.png")))
    told = CliRunner().invoke(app, ask[1:], input="q\n")
    assert told.exit_code == 0, told.output


def test_sets_with_new_classes_are_judged_by_their_own_name():
    how = {"encoder": "tiny", "data": Path("d"), "names": None}
    judge, ask = next_commands(Path("out"), "flowers", "flowers", **how)
    assert judge == "fgmm joint evaluate out flowers --knowledge flowers --data d"
    assert ask == "fgmm ask PICTURE --knowledge flowers --joint out"


def test_what_was_learned_before_is_not_written_over_without_a_word(monkeypatch):
    assert train("--folds", 3).exit_code == 0
    before = Path("out/joint.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("fgmm.encoders.registry.load_encoder", None)
        result = train("--folds", 3, "--seed", 5)
    assert result.exit_code == 2
    assert "out holds what was learned before" in flat(result.stderr)
    assert "--force" in result.stderr
    assert Path("out/joint.json").read_bytes() == before
    assert train("--folds", 3, "--seed", 5, "--force").exit_code == 0
    assert JointEmbedding.load("out").about["seed"] == 5


def test_a_bar_goes_over_pictures_and_fits(monkeypatch):
    bars = []

    class Watched(ProgressBar):
        def __init__(self, *given):
            super().__init__(*given)
            bars.append(self)

    for module in ("fgmm.command.picture_marks", "fgmm.joint.embedding_choice"):
        monkeypatch.setattr(f"{module}.ProgressBar", Watched)
    assert train("--folds", 3).exit_code == 0
    assert [(bar.what, bar.count) for bar in bars] == [
        ("Reading pictures", 48),  # of 12 classes the fifth picture is kept back
        ("Learning", 3 * (9 + 1 + 4)),  # penalties; there are no ancestors to weigh; steps
    ]
    assert all(bar.count == bar.total for bar in bars)


def test_what_nothing_can_be_learned_from_is_told_before_the_encoder_loads(monkeypatch):
    monkeypatch.setattr("fgmm.encoders.registry.load_encoder", None)
    rows = [f"{flag(pair)},flag" for pair in PAIRS]
    Path("tree.csv").write_text("\n".join(["child,parent", *rows]) + "\n")
    result = run("train", "base", "--knowledge", "tree.csv", "--out", "out", *FAKE)
    assert result.exit_code == 2
    assert "no attribute differs between the 12 classes" in flat(result.stderr)
    result = train("--folds", 7)
    assert result.exit_code == 2
    assert "12 classes in 7 folds" in flat(result.stderr)


@pytest.mark.parametrize("layer", ["features", "joint"])
def test_new_classes_are_judged_beside_the_controls(layer):
    assert train("--folds", 3, "--layer", layer).exit_code == 0
    result = run(
        "evaluate", "out", "new", "--knowledge", "flags.csv", "--out", "j.json", "--no-cache"
    )
    assert result.exit_code == 0, result.output
    told = json.loads(Path("j.json").read_text())
    assert told["new classes"] == sorted(flag(pair) for pair in NEW)
    assert told["pictures"] == {"new": 20, "base": 0}
    assert list(told["rows"]) == [
        "names + knowledge",
        "names",
        "knowledge",
        "swapped knowledge",
        "scrambled names",
    ]
    data = open_dataset("new")
    features = fgmm.embed_images(data.images, encoder="fake", layer=layer)
    graph, learned = knowledge.read_graph("flags.csv"), JointEmbedding.load("out")
    new = sorted(set(data.labels))
    truth = np.array([new.index(label) for label in data.labels])
    alone = by_class(learned.logits(graph, features, new), truth)
    assert told["rows"]["knowledge"]["alone"] == alone.tolist()
    assert "base classes have no pictures here" in flat(result.stdout)
    assert f"{100 * alone.mean():.1f} %" in result.stdout
    assert "chance 25.0 %" in flat(result.stdout)
    if layer == "features":  # it sees above and below; the joint layer only the middle
        assert alone.mean() == 1
        assert np.mean(told["rows"]["swapped knowledge"]["alone"]) < 0.3


def test_pictures_kept_back_are_those_the_base_classes_are_judged_by(folder):
    """Both in one folder: of the twelve classes the fifth picture was not trained on."""
    assert train("--folds", 3).exit_code == 0
    for place in (folder / "base").iterdir():
        place.rename(folder / "new" / place.name)
    result = run(
        "evaluate", "out", "new", "--knowledge", "flags.csv", "--out", "j.json", "--no-cache"
    )
    assert result.exit_code == 0, result.output
    assert "left out: 48 pictures that were trained on" in result.stderr
    told = json.loads(Path("j.json").read_text())
    assert told["pictures"] == {"new": 20, "base": 12}
    graph, learned = knowledge.read_graph("flags.csv"), JointEmbedding.load("out")
    every = [*told["base classes"], *told["new classes"]]
    data = open_dataset("new")
    kept = [
        at
        for at, (path, label) in enumerate(zip(data.images, data.labels, strict=True))
        if label in told["new classes"] or path.name == "4.png"
    ]
    features = fgmm.embed_images([data.images[at] for at in kept], encoder="fake", layer="features")
    truth = np.array([every.index(data.labels[at]) for at in kept])
    mixed = beside_seen(learned.logits(graph, features, every), truth, np.arange(16) < 12)
    row = told["rows"]["knowledge"]
    assert row["beside"]["unseen"] == mixed.unseen.tolist()
    assert row["beside"]["seen"] == mixed.seen.tolist()
    assert "with the 12 base classes to choose from, too (12 pictures of those)" in flat(
        result.stdout
    )


def test_an_encoder_without_words_has_rows_of_knowledge_only(encoder_name):
    timm = ["--encoder", encoder_name("timm"), "--no-cache"]
    arguments = ["base", "--knowledge", "flags.csv", "--out", "out", "--folds", 3, *timm]
    assert run("train", *arguments).exit_code == 0
    result = run("evaluate", "out", "new", "--knowledge", "flags.csv", "--out", "j.json")
    assert result.exit_code == 0, result.output
    assert list(json.loads(Path("j.json").read_text())["rows"]) == [
        "knowledge",
        "swapped knowledge",
    ]


def test_with_knowledge_that_tells_nothing_it_does_not_say_that_it_helps(folder):
    """Every new class has the same colours in the graph, whatever its pictures show."""
    assert train("--folds", 3).exit_code == 0
    rows = (folder / "flags.csv").read_text().splitlines()
    new = {flag(pair) for pair in NEW}
    kept = [row for row in rows if row.split(",")[0] not in new]
    same = [f"{name},{colour},1,{part}" for name in sorted(new) for colour, part in
            (("red", "top"), ("red", "bottom"))]  # fmt: skip
    (folder / "same.csv").write_text("\n".join([*kept, *same]) + "\n")
    result = run("evaluate", "out", "new", "--knowledge", "same.csv", "--no-cache")
    assert result.exit_code == 0, result.output
    assert "It is not sure that the knowledge helps" in flat(result.stdout)


def test_new_classes_of_which_nothing_was_learned_are_named(folder):
    assert train("--folds", 3).exit_code == 0
    with (folder / "flags.csv").open("a") as file:
        file.write("tartan,chequered,1,top\n")
    (folder / "new" / "tartan").mkdir()
    Image.new("RGB", (9, 9), "brown").save(folder / "new" / "tartan" / "0.png")
    result = run("evaluate", "out", "new", "--knowledge", "flags.csv", "--no-cache")
    assert result.exit_code == 0, result.output
    assert "of 1 new class the graph says nothing that was learned: tartan" in flat(result.stdout)


def test_names_may_stand_in_a_file(folder):
    for place in sorted((folder / "base").iterdir()):
        place.rename(place.with_name(f"{ord(place.name[-2])}{ord(place.name[-1])}"))
    codes = [f"{ord(name[-2])}{ord(name[-1])}\t{name}" for name in map(flag, PAIRS)]
    (folder / "names.txt").write_text("\n".join(codes) + "\n")
    result = train("--folds", 3, "--names", "names.txt")
    assert result.exit_code == 0, result.output
    assert set(JointEmbedding.load("out").about["base"]) == {
        flag(pair) for pair in PAIRS if pair not in NEW
    }


def test_classes_the_graph_lacks_may_be_left_out(folder):
    (folder / "base" / "emu").mkdir()
    Image.new("RGB", (9, 9), "brown").save(folder / "base" / "emu" / "0.png")
    result = train("--folds", 3)
    assert result.exit_code == 2
    assert "the graph does not know 1 of 13 classes" in flat(result.stderr)
    assert "--skip-unknown" in result.stderr
    result = train("--folds", 3, "--skip-unknown")
    assert result.exit_code == 0, result.output
    assert "the graph does not know 1 of 13 classes, which are left out" in flat(result.stderr)
    assert "emu" not in JointEmbedding.load("out").about["base"]


def test_a_picture_that_cannot_be_read_is_told(folder):
    (folder / "base" / flag(("red", "red")) / "9.png").write_text("no picture")
    result = train("--folds", 3)
    assert result.exit_code == 1
    assert "9.png" in result.stderr
    assert "learned from 12 classes" in flat(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "bse", "--knowledge", "flags.csv", "--out", "o"], "there is no folder bse"),
        (["train", "base", "--knowledge", "flowrs", "--out", "o"], "did you mean flowers?"),
        (["train", "base", "--knowledge", "flowers", "--out", "o"], "knows none of the 12 classes"),
        (["train", "base", "--knowledge", "flags.csv", "--out", "no/o"], "there is no folder no"),
        (["train", "base", "--knowledge", "flags.csv", "--out", "flags.csv"], "is a file"),
        (["train", "base", "--knowledge", "flags.csv", "--out", "o", "--folds", "7"], "fewer fold"),
        (["evaluate", "no", "new", "--knowledge", "flags.csv"], "holds no joint embedding"),
        (["evaluate", "out", "base", "--knowledge", "flags.csv"], "0 classes that were not train"),
        (["evaluate", "out", "new", "--knowledge", "grocery"], "the graph lacks 'flag-aw'"),
        (["evaluate", "out", "new", "--knowledge", "flags.csv", "--out", "no/j"], "no folder no"),
        (["evaluate", "out", "new", "--knowledge", "flags.csv", "-e", "tiny"], "trained in"),
    ],
)
def test_human_errors_are_told_and_exit_with_2(arguments, told):
    if arguments[0] == "evaluate":
        assert train("--folds", 3).exit_code == 0
        result = run(*arguments, "--no-cache")
    else:
        result = run(*arguments, *FAKE)
    assert result.exit_code == 2, result.output
    assert told in flat(result.stderr)
    assert result.stdout == ""


def test_every_fifth_of_a_class_is_kept_back():
    labels = ["a"] * 11 + ["b"] * 4
    assert [at for at, kept in enumerate(keep_back(labels, 5)) if kept] == [4, 9]
    assert not any(keep_back(labels, 0))


def test_marks_are_of_the_content_whatever_is_beside_it(folder):
    """A file has the mark of its bytes, whatever its name; a picture that of its pixels."""
    paths = sorted((folder / "base").rglob("*.png"))[:6]
    marks = mark_pictures(paths)
    assert len(set(marks)) == 6
    copy = paths[0].with_name("copy.png")
    copy.write_bytes(paths[0].read_bytes())
    assert mark_pictures([paths[3], copy]) == [marks[3], marks[0]]
    pixels = np.asarray(Image.open(paths[1]))
    changed = pixels ^ np.uint8(pixels.size == np.arange(1, pixels.size + 1)).reshape(pixels.shape)
    first, same, other = mark_pictures([*map(Image.fromarray, (pixels, pixels.copy(), changed))])
    assert first == same != other
    copy.unlink()
    assert mark_pictures([copy, paths[3]]) == ["", marks[3]]


def test_no_picture_of_the_training_is_judged_by_however_they_are_encoded(folder):
    """The last digits of a vector change with the pictures that are encoded at once."""
    tiny = ["--encoder", "tiny", "--no-cache", "--knowledge", "flags.csv"]
    told = run("train", "base", "--out", "out", "--folds", 3, *tiny)
    assert told.exit_code == 0, told.output
    for place in (folder / "base").iterdir():
        place.rename(folder / "new" / place.name)
    told = run("evaluate", "out", "new", *tiny, "--batch-size", 1, "--draws", 1)
    assert told.exit_code == 0, told.output
    assert "left out: 48 pictures that were trained on" in told.stderr


def test_controls_are_means_of_their_draws():
    """With two new classes there is one exchange: every draw is the same."""
    assert train("--folds", 3).exit_code == 0
    graph, learned = knowledge.read_graph("flags.csv"), JointEmbedding.load("out")
    data = open_dataset("new")
    two = [at for at, label in enumerate(data.labels) if label in map(flag, NEW[:2])]
    images = [data.images[at] for at in two]
    features = fgmm.embed_images(images, encoder="fake", layer="features")
    concepts = [data.labels[at] for at in two]
    judged = judge_embedding(learned, graph, features, concepts, base=learned.about["base"])
    assert judged.rows["swapped knowledge"].alone == pytest.approx(
        1 - judged.rows["knowledge"].alone
    )


def test_rows_are_sums_of_logits_and_controls_means_of_their_draws():
    """Words by way of `fgmm.classify`; pictures so noisy that every row is another one."""
    assert train("--folds", 3).exit_code == 0
    graph, learned = knowledge.read_graph("flags.csv"), JointEmbedding.load("out")
    learned = replace(learned, sharpness=0.4)  # as small as what names say
    data, encoder = open_dataset("new"), fgmm.load_encoder("fake")
    sharp = fgmm.embed_images(data.images, encoder=encoder, layer="features")
    noise = torch.randn(sharp.vectors.shape, generator=torch.Generator().manual_seed(0))
    noisy = torch.nn.functional.normalize(sharp.vectors + 2 * noise, dim=1)
    features = fgmm.Embeddings(noisy, sharp.space)
    new = sorted(set(data.labels))
    truth = np.array([new.index(label) for label in data.labels])
    names = [graph[one].name for one in new]

    def words(texts):
        return torch.stack([p.logits for p in fgmm.classify(data.images, texts, encoder=encoder)])

    def known(ids):
        return learned.logits(graph, features, ids)

    def right(draws):
        return np.mean([by_class(scores, truth) for scores in draws], axis=0)

    rings = [[exchanged(new, seed)[one] for one in new] for seed in range(3)]
    shuffled = [[scrambled(name, seed) for name in names] for seed in range(3)]
    expected = {
        "names + knowledge": right([words(names) + known(new)]),
        "names": right([words(names)]),
        "knowledge": right([known(new)]),
        "swapped knowledge": right([words(names) + known(ring) for ring in rings]),
        "scrambled names": right([words(some) + known(new) for some in shuffled]),
    }
    assert len({tuple(alone) for alone in expected.values()}) == 5
    judged = judge_embedding(
        learned,
        graph,
        features,
        data.labels,
        base=learned.about["base"],
        encoder=encoder,
        joint=fgmm.embed_images(data.images, encoder=encoder),
        draws=3,
    )
    assert {name: row.alone.tolist() for name, row in judged.rows.items()} == {
        name: pytest.approx(alone) for name, alone in expected.items()
    }


def test_the_commands_of_the_document_can_be_typed():
    """Every option is there, and nothing that must be given is left out."""
    document = Path(__file__).parents[2] / "docs" / "joint.md"
    blocks = re.findall(r"```bash\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    typed = [line.partition("| ")[2] or line for block in blocks for line in block.splitlines()]
    assert len(typed) > 4
    for line in typed:
        program, *arguments = shlex.split(line)
        assert program == "fgmm"
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command, arguments = command.commands[arguments[0]], arguments[1:]
        command.make_context(line, arguments)
