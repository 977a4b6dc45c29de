"""`fgmm evaluate`: its table and its file say what `fewshot.evaluate` says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import fewshot
import fgmm
from fgmm.command.evaluation_setup import find_background
from fgmm.command.head_texts import read_head
from fgmm.datasets import class_words, read_folder
from tests.fgmm.evaluate_command.conftest import FAKE, rows, run


def test_the_table_and_the_file_say_what_evaluate_says(folder):
    heads = ["--head", "prototype", "--head", "simple-shot"]
    result = run(
        "pics", *heads, *FAKE, "-s", 3, "-s", 1, "--layer", "joint", "--no-words", "--out", "r.json"
    )
    assert result.exit_code == 0, result.output
    data = read_folder(folder)
    features = fgmm.embed_images(data.images, encoder="fake").vectors
    found = fgmm.load_evaluations("r.json")
    assert list(found) == [1, 3]
    for shots, comparison in found.items():
        assert list(comparison) == ["prototype", "simple-shot"]
        for name, one in comparison.items():
            direct = fewshot.evaluate(
                fewshot.load_head(name),
                features,
                data.labels,
                n_way=3,
                n_shot=shots,
                n_query=2,
                n_episodes=20,
            )
            assert torch.equal(one.accuracies, direct.accuracies)
            assert one.setting["split_id"] == direct.setting["split_id"]
            cells = [c for c in rows(result) if c[:2] == [name, str(shots)]]
            low, high = (100 * x for x in direct.ci95)
            assert cells[0][2] == f"{100 * direct.mean:.1f}"
            assert cells[0][4:7] == [f"{low:.1f}", "to", f"{high:.1f}"]
    told = json.loads(Path("r.json").read_text())
    assert (told["encoder"], told["layer"], told["words"]) == ("fake", "joint", None)
    assert told["pictures"] == 18
    assert found[1]["prototype"].setting["space"] == fgmm.load_encoder("fake").space


def test_a_head_takes_parameters_and_may_come_twice(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    heads = ["tip-adapter:alpha=3,beta=1,values=sum", "tip-adapter:alpha=0", "zero-shot"]
    given = [part for head in heads for part in ("--head", head)]
    result = run("pics", *given, *FAKE, "-s", 2, "--out", "r.json", "--plot", "p.svg")
    assert result.exit_code == 0, result.output
    found = fgmm.load_evaluations("r.json")[2]
    assert list(found) == heads
    data, encoder = read_folder(folder), fgmm.load_encoder("fake")
    told = {
        "features": fgmm.embed_images(data.images, encoder=encoder).vectors,
        "labels": data.labels,
        "words": class_words(data, encoder=encoder),
        "background": None,
    } | {"n_way": 3, "n_shot": 2, "n_query": 2, "n_episodes": 20}
    direct = fewshot.evaluate(fewshot.TipAdapterHead(alpha=3, beta=1, values="sum"), **told)
    assert torch.equal(found[heads[0]].bins, direct.bins)
    # without photos' share in it the head is words alone
    assert torch.equal(found[heads[1]].bins, found["zero-shot"].bins)
    assert not torch.equal(found[heads[0]].bins, found["zero-shot"].bins)
    assert {cells[0] for cells in rows(result)} == set(heads)


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("ridge", "ridge", {}),
        ("lp++:steps=5", "lp++", {"steps": 5}),
        (
            "ridge: penalty = -1e-3, normalise=False",
            "ridge",
            {"penalty": -1e-3, "normalise": False},
        ),
        ("ridge:normalise=false", "ridge", {"normalise": False}),
        (
            "prototype:distance=cosine,scale=none",
            "prototype",
            {"distance": "cosine", "scale": None},
        ),
        ("prototype:distance='cosine'", "prototype", {"distance": "cosine"}),
        ("a:b=0.3,c='x, y=1:2'", "a", {"b": 0.3, "c": "x, y=1:2"}),
    ],
)
def test_the_text_of_a_head_is_read(text, name, parameters):
    found = read_head(text)
    assert found == (name, parameters)
    assert [type(v) for v in found[1].values()] == [type(v) for v in parameters.values()]


def test_pictures_are_encoded_once_and_kept(folder, monkeypatch):
    from fgmm.encoders.fake import FakeEncoder

    encoded, original = [], FakeEncoder.encode_images

    def encode(self, images, *, layer="joint"):
        encoded.extend(images)
        return original(self, images, layer=layer)

    monkeypatch.setattr(FakeEncoder, "encode_images", encode)
    for cache, expected in (
        ("--no-cache", 18),
        ("--cache", 36),
        ("--cache", 36),
        ("--no-cache", 54),
    ):
        monkeypatch.setattr("fgmm.cache.vectors.default_cache_path", lambda: folder.parent / "c.db")
        assert run("pics", *FAKE, "-s", 1, "-s", 2, cache).exit_code == 0
        assert len(encoded) == expected


def test_heads_that_see_all_queries_are_marked_everywhere(folder):
    heads = [part for name in ("prototype", "pt-map", "tim:rounds=5") for part in ("-H", name)]
    result = run("pics", *heads, *FAKE, "-s", 1, "--out", "r.json", "--plot", "p.svg")
    assert result.exit_code == 0, result.output
    starred = {line.split()[0] for line in result.stdout.splitlines() if " * " in line}
    assert starred == {"pt-map", "tim:rounds=5", "*"}
    assert "* sees all queries at once, equally many of each class" in result.stdout
    assert json.loads(Path("r.json").read_text())["transductive"] == ["pt-map", "tim:rounds=5"]
    drawn = Path("p.svg").read_text()
    for text in ("pt-map *", "tim:rounds=5 *", "* sees all queries at once"):
        assert f"<!-- {text}" in drawn
    assert "<!-- prototype -->" in drawn


def test_without_such_heads_there_is_no_footnote(folder):
    result = run("pics", *FAKE, "-H", "prototype", "-s", 1, "--out", "r.json")
    assert "*" not in result.stdout
    assert "against the first" not in result.stdout  # nor a difference, with one head
    assert json.loads(Path("r.json").read_text())["transductive"] == []


def test_the_difference_to_the_first_row_is_paired(folder):
    options = ["-H", "prototype", "-H", "nearest-neighbour", "-H", "ridge", "-s", 1, "-s", 2]
    result = run("pics", *FAKE, *options, "--out", "r.json")
    assert result.exit_code == 0, result.output
    found, seen = fgmm.load_evaluations("r.json"), 0
    for shots, comparison in found.items():
        own = [cells for cells in rows(result) if cells[1] == str(shots)]
        first = comparison[own[0][0]].accuracies
        assert own[0][-1] == own[0][9]  # the best has no difference
        for cells in own[1:]:
            gap = 100 * (comparison[cells[0]].accuracies - first).numpy()
            half = 1.96 * gap.std(ddof=1) / len(gap) ** 0.5
            told = [float(part.strip("(,)")) for part in cells[-3:]]
            assert told == pytest.approx(
                [gap.mean(), gap.mean() - half, gap.mean() + half], abs=0.051
            )
            seen += 1
    assert seen == 4


def test_one_of_each_is_said_in_the_singular(folder):
    result = run("pics", *FAKE, "--episodes", 1, "-s", 1)
    told = " ".join(result.stdout.split())
    assert "1 episode," in told
    assert "1 shot " in told
    assert "no validation set" in told
    assert "no-val" not in told


def test_the_seed_reaches_the_episodes():
    seeds = []
    for seed in (0, 5):
        result = run("pics", *FAKE, "-H", "prototype", "-s", 1, "--seed", seed, "--out", "r.json")
        assert result.exit_code == 0, result.output
        seeds.append(fgmm.load_evaluations("r.json")[1]["prototype"].setting)
    assert [one["seed"] for one in seeds] == [0, 5]
    assert seeds[0]["split_id"] != seeds[1]["split_id"]


def test_small_classes_are_an_error_or_left_out_for_all_shots(folder):
    (folder / "few").mkdir()
    for at in range(4):
        Image.new("RGB", (9, 9), "yellow").save(folder / "few" / f"{at}.png")
    result = run("pics", *FAKE, "-s", 1, "-s", 3)
    assert result.exit_code == 2
    told = "class 'few' has 4 pictures, and 3 + 2 are needed"
    assert told in result.stderr
    assert "--skip-small" in result.stderr
    result = run("pics", *FAKE, "-s", 1, "-s", 3, "--skip-small", "--out", "r.json")
    assert result.exit_code == 0
    assert "1 of 4 classes left out: too small" in result.stderr
    for comparison in fgmm.load_evaluations("r.json").values():
        assert comparison["prototype"].classes == ("blue", "green", "red")


def test_the_encoders_background_reaches_the_heads_where_the_layer_fits(monkeypatch):
    from fgmm.encoders.fake import FakeEncoder

    asked, seen = [], []

    def background(self, layer):
        asked.append(layer)
        d = 48
        return fewshot.Background(
            torch.zeros(d), torch.eye(d), torch.eye(d), 9, self.space, "made up"
        )

    monkeypatch.setattr(FakeEncoder, "background", background, raising=False)
    original = fewshot.evaluate
    monkeypatch.setattr(
        fewshot,
        "evaluate",
        lambda *a, **k: seen.append(k["background"]) or original(*a, **k),
        raising=False,
    )
    assert run("pics", *FAKE, "-s", 1, "--layer", "joint").exit_code == 0
    assert run("pics", *FAKE, "-s", 1, "--layer", "joint", "--no-background").exit_code == 0
    assert asked == ["joint"]
    assert [one is not None for one in seen] == [True, False]
    encoder = fgmm.load_encoder("fake")
    assert find_background(encoder, "joint", "another space") is None
    assert find_background(object(), "joint", encoder.space) is None


@pytest.mark.parametrize(
    ("device", "moves"), [("cuda:0", True), ("cpu", False), ("mps", False), (None, False)]
)
def test_heads_run_on_the_card_where_the_encoder_does(device, moves, monkeypatch):
    """Nothing moves in truth: what would go to a card is written down and stays."""
    from fgmm.encoders.fake import FakeEncoder

    moved, original, evaluate = [], torch.Tensor.to, fewshot.evaluate

    def to(self, *args, **options):
        if args and str(args[0]).startswith(("cuda", "mps")):
            moved.append((str(args[0]), self.data_ptr()))
            return self
        return original(self, *args, **options)

    def seen(head, features, *args, **options):
        asked.append(features.data_ptr())
        return evaluate(head, features, *args, **options)

    if device is not None:
        monkeypatch.setattr(FakeEncoder, "device", torch.device(device), raising=False)
    asked = []
    monkeypatch.setattr(fewshot, "evaluate", seen, raising=False)
    monkeypatch.setattr(torch.Tensor, "to", to)
    result = run("pics", *FAKE, "-s", 1, "-s", 2, "-s", 3)
    assert result.exit_code == 0, result.output
    # once for all numbers of shots
    assert moved == [(device, asked[0])] * moves
    assert asked == [asked[0]] * 3
