"""``fgmm evaluate``: what it computes, prints, writes and refuses."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import fewshot
import fgmm
from fgmm.command.application import app
from fgmm.command.evaluation_setup import find_background, warn_of_same_words
from fgmm.command.head_texts import load_heads, read_head
from fgmm.command.shots_plot import draw_plot, places, shifts
from fgmm.datasets import LabelledImages, class_words, read_folder

FAKE = ["--encoder", "fake", "--episodes", "20", "--queries", "2", "--ways", "3"]
COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 210)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Three classes of six noisy pictures each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("FGMM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FGMM_DATA", raising=False)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (tmp_path / "pics" / name).mkdir(parents=True)
        for at in range(6):
            noise = rng.normal(0, 60, (20, 20, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pics" / name / f"{at}.png")
    return tmp_path / "pics"


def run(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])


def rows(result):
    """Cells of the table's rows; the first two are head and shots, the star is none."""
    found, shots = [], ""
    for cells in (line.replace(" * ", " ").split() for line in result.stdout.splitlines()):
        if cells[1:] in (["shot"], ["shots"]):
            shots = cells[0]
        elif len(cells) > 3 and cells[2] == "%":
            found.append([cells[0], shots, *cells[1:]])
    return found


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


def test_words_are_used_where_they_are_known_and_zero_shots_where_heads_read_them(folder):
    result = run("pics", *FAKE, "-s", 0, "-s", 1, "--out", "r.json")
    assert result.exit_code == 0, result.output
    found = fgmm.load_evaluations("r.json")
    assert {"zero-shot", "fused"} <= set(found[0])
    assert torch.equal(found[0]["zero-shot"].accuracies, found[0]["fused"].accuracies)
    assert "prototype" not in found[0]
    assert {"prototype", "zero-shot"} <= set(found[1])
    assert json.loads(Path("r.json").read_text())["words"] == "name"
    assert found[0]["zero-shot"].mean > 0.9  # it knows the names of colours
    assert "words: name" in " ".join(result.stdout.split())


def test_classes_of_the_same_words_are_named(folder):
    for twin in ("001.red", "002.red", "07-blue"):
        (folder / twin).mkdir()
        for at in range(6):
            shutil.copy(folder / "red" / f"{at}.png", folder / twin)
    result = run("pics", *FAKE, "-s", 1, "--head", "zero-shot")
    assert result.exit_code == 0, result.output
    told = " ".join(result.stderr.split())
    assert (
        "warning: 5 classes have the words of another, which heads of words alone cannot tell "
        "apart: '001.red', '002.red', 'red' ('red'); '07-blue', 'blue' ('blue')" in told
    )
    assert "warning" not in run("pics", *FAKE, "-s", 1, "--no-words").stderr


@pytest.fixture
def numbered(folder):
    """The same pictures in folders 001, 002, 003."""
    for at, name in enumerate(COLOURS):
        (folder / name).rename(folder / f"{at + 1:03}")
    return folder


def test_numbers_are_not_taken_for_words(numbered):
    result = run("pics", *FAKE, "-s", 1)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(
        "note: class names such as '001' have no letters: they are not used as words (give --names"
    )
    assert "no words" in " ".join(result.stdout.split())
    assert "zero-shot" not in result.stdout
    assert "note" not in run("pics", *FAKE, "-s", 1, "--no-words").stderr
    result = run("pics", *FAKE, "-s", 1, "--words")
    assert result.exit_code == 2
    assert "have no letters" in " ".join(result.stderr.split())


@pytest.mark.parametrize("form", ["lines", "json"])
def test_a_file_says_what_the_classes_are_called(form, numbered):
    names = {f"{at + 1:03}": name for at, name in enumerate(COLOURS)} | {"999": "not here"}
    told = json.dumps(names) if form == "json" else "".join(f"{k}\t{v}\n" for k, v in names.items())
    Path("names").write_text(told)
    options = ["-s", 0, "--head", "zero-shot", "--words-kind", "name", "--out", "r.json"]
    result = run("pics", *FAKE, "--names", "names", *options)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found = fgmm.load_evaluations("r.json")[0]["zero-shot"]
    assert found.classes == ("001", "002", "003")
    assert found.mean > 0.9  # it knows the names of colours


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("001\tred\n002\tgreen\n", "names has no name for class '003'"),
        ("001\ta\n001\tb\n002\tc\n003\td\n", "names has 2 names for class '001'"),
        ("red\ngreen\nblue\n", "names lists names and not whose they are"),
    ],
)
def test_names_that_do_not_fit_are_refused(content, words, numbered):
    Path("names").write_text(content)
    result = run("pics", *FAKE, "-s", 1, "--names", "names")
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


def test_pictures_without_a_folder_are_told(folder):
    Image.new("RGB", (9, 9)).save(folder / "x.png")
    told = run("pics", *FAKE, "-s", 1).stderr
    assert told.startswith("warning: left out: 1 picture beside the folders in pics")


def test_many_classes_of_the_same_words_are_counted(capsys):
    labels = tuple(f"{kind}{at}" for kind in "abcd" for at in range(3))
    texts = {"name": {x: x for x in labels}, "coarse": {x: x[0] for x in labels}}
    data = LabelledImages("letters", labels, labels, texts=texts)
    warn_of_same_words(data, "name")
    assert capsys.readouterr().err == ""
    warn_of_same_words(data, "coarse")
    told = capsys.readouterr().err
    assert "12 classes have the words of another" in told
    assert told.endswith("'c0', 'c1', 'c2' ('c'); and 1 more\n")


def test_without_words_the_layer_is_features():
    result = run("pics", *FAKE, "-s", 1, "--no-words", "--out", "r.json")
    assert result.exit_code == 0, result.output
    assert "layer features, no words" in " ".join(result.stdout.split())
    assert "zero-shot" not in fgmm.load_evaluations("r.json")[1]


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


@given(
    st.integers(1, 23),
    st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True).map(sorted),
)
def test_heads_stand_beside_each_other_and_never_meet_the_next_shots(n_heads, shots):
    at = list(places(shots).values())
    assert at == sorted(set(at))
    own = shifts(n_heads, at)
    assert len(set(own)) == n_heads
    assert sum(own) == pytest.approx(0, abs=1e-9)
    standing = [place + shift for place in at for shift in own]
    assert standing == sorted(standing)


def test_bars_are_whole_and_no_tick_is_above_100(monkeypatch, tmp_path):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: (drawn.append(self), path.touch()))
    x = torch.eye(4).repeat_interleave(10, 0) + 0.35 * torch.randn(
        40, 4, generator=torch.Generator().manual_seed(0)
    )
    heads = {f"head {at}": fewshot.PrototypeHead() for at in range(9)}
    setting = {"n_way": 3, "n_query": 5, "n_episodes": 30}
    found = {
        n: fewshot.evaluate(heads, x, [i // 10 for i in range(40)], n_shot=n, **setting)
        for n in (1, 2)
    }
    draw_plot(found, tmp_path / "p.svg", "t", "s")
    (axes,) = drawn[0].axes
    looks = {(line.get_color(), line.get_marker()) for line in axes.lines if len(line.get_xdata())}
    lines = {tuple(box.lines[0].get_xdata()) for box in axes.containers}
    assert len(lines) == 9  # as many places as heads
    assert len({look for look in looks if look[1] not in "_|"}) == 9
    low, high = axes.get_ylim()
    for n, place in places([1, 2]).items():
        ends = [
            tuple(segment[:, 1])
            for box in axes.containers
            for segment in box.lines[2][0].get_segments()
            if abs(segment[0, 0] - place) < 0.5
        ]
        one = found[n]["head 0"]
        assert ends == [pytest.approx([100 * x for x in one.ci95])] * 9
        assert all(low < end < high for pair in ends for end in pair)
    assert max(axes.get_yticks()) <= 100


def test_an_interval_that_ends_at_100_is_inside_the_plot(monkeypatch, tmp_path):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: (drawn.append(self), path.touch()))
    x = torch.eye(4).repeat_interleave(10, 0)
    labels = [i // 10 for i in range(40)]
    found = {
        1: fewshot.evaluate(
            {"a": fewshot.PrototypeHead()}, x, labels, n_way=3, n_shot=1, n_query=5, n_episodes=9
        )
    }
    assert found[1]["a"].ci95 == (1.0, 1.0)
    draw_plot(found, tmp_path / "p.svg", "t", "s")
    (axes,) = drawn[0].axes
    low, high = axes.get_ylim()
    assert low < 100 < high
    assert max(axes.get_yticks()) <= 100


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_plot_is_a_picture(ending):
    result = run("pics", *FAKE, "-s", 0, "-s", 1, "-s", 2, "--plot", f"p.{ending}")
    assert result.exit_code == 0, result.output
    content = Path(f"p.{ending}").read_bytes()
    assert content[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
    assert not list(Path().glob(".p*"))
    if ending == "png":
        image = Image.open("p.png").convert("RGB")
        assert image.width > 800
        assert len(set(image.resize((200, 120)).get_flattened_data())) > 20


def test_pictures_that_cannot_be_read_are_left_out_and_told(folder):
    (folder / "red" / "bad.png").write_text("no picture")
    result = run("pics", *FAKE, "-s", 1, "--out", "r.json")
    assert result.exit_code == 1
    assert "bad.png" in result.stderr
    assert json.loads(Path("r.json").read_text())["pictures"] == 18


@pytest.mark.parametrize("broken", [1, 6])
def test_a_class_too_small_for_what_cannot_be_read_is_left_out_where_that_is_asked(broken, folder):
    (folder / "grey").mkdir()
    for at in range(6):
        shutil.copy(folder / "red" / f"{at}.png", folder / "grey")
    for at in range(broken):
        (folder / "grey" / f"{at}.png").write_text("no picture")
    result = run("pics", *FAKE, "-s", 4, "--skip-small", "--out", "r.json")
    assert result.exit_code == 1, result.output
    assert "0.png" in result.stderr
    assert "1 of 4 classes left out: too small" in result.stderr
    found = fgmm.load_evaluations("r.json")[4]
    assert {one.classes for one in found.values()} == {("blue", "green", "red")}
    assert "zero-shot" in found  # words are of the classes that are left
    assert json.loads(Path("r.json").read_text())["pictures"] == 18
    result = run("pics", *FAKE, "-s", 4)
    assert result.exit_code == 2
    assert "0.png" in result.stderr
    assert f"class 'grey' has {6 - broken} picture" in result.stderr
    assert "--skip-small" in result.stderr


def test_queries_that_are_in_the_support_are_left_out_and_told(folder, monkeypatch):
    paths = {name: sorted((folder / name).glob("*.png")) for name in COLOURS}
    shown = [path for own in paths.values() for path in own[:3]]
    # red has a query that it shows, too
    asked = [path for own in paths.values() for path in own[3:]] + [paths["red"][0]]
    dataset = LabelledImages(
        "two pools",
        shown,
        tuple(path.parent.name for path in shown),
        asked,
        tuple(path.parent.name for path in asked),
    )
    monkeypatch.setattr("fgmm.datasets.open_dataset", lambda *_, **__: dataset)
    result = run("pics", *FAKE, "-s", 1, "--out", "r.json")
    assert result.exit_code == 0, result.output
    assert result.stderr == "warning: left out: 1 query that is a picture of the support too\n"
    assert json.loads(Path("r.json").read_text())["pictures"] == 18
    assert run("pics", *FAKE, "-s", 1, "--queries", 4).exit_code == 2  # red has but 3


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


@pytest.fixture
def runs(tmp_path):
    """Two runs of three characters; in the second one test picture shows the wrong one."""
    from io import BytesIO

    def picture(row: int) -> bytes:
        pixels = np.full((12, 12), 255, np.uint8)
        pixels[4 * row : 4 * row + 3] = 0
        file = BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    (tmp_path / "omniglot").mkdir()
    with zipfile.ZipFile(tmp_path / "omniglot" / "all_runs.zip", "w") as zipped:
        for run, shows in (("run01", [1, 2, 0]), ("run02", [0, 0, 2])):
            told = ""
            for at, answer in enumerate([1, 2, 0] if run == "run01" else [0, 1, 2]):
                zipped.writestr(f"{run}/training/class{at}.png", picture(at))
                zipped.writestr(f"{run}/test/item{at}.png", picture(shows[at]))
                told += f"{run}/test/item{at}.png {run}/training/class{answer}.png\n"
            zipped.writestr(f"{run}/class_labels.txt", told)
    return tmp_path


@pytest.mark.parametrize("encoder", ["pixels", "pixels-28", "fake"])
def test_omniglots_runs_count_errors_run_by_run(runs, encoder):
    result = run("omniglot-runs", "--data", runs, "--encoder", encoder, "--out", "o.json")
    assert result.exit_code == 0, result.output
    told = json.loads(Path("o.json").read_text())
    if encoder != "fake":  # which sees colours, and may see no rows
        assert told["heads"]["prototype"]["errors"] == pytest.approx([0, 1 / 3])
        assert told["heads"]["prototype"]["error"] == pytest.approx(1 / 6)
        assert "16.7 %" in result.stdout
    assert told["runs"] == ["run01", "run02"]
    for published in ("38.8 %", "4.5 %"):
        assert published in result.stdout


def test_omniglots_runs_take_any_head(runs):
    heads = ["--head", "prototype", "--head", "simple-shot"]
    result = run("omniglot-runs", "--data", runs, "--encoder", "pixels", *heads)
    assert result.exit_code == 0, result.output
    assert "simple-shot" in result.stdout


@pytest.mark.data
def test_the_published_runs_with_pixels(data_folder):
    """The error by loops over pixels, run by run."""
    os.environ["FGMM_DATA"] = str(data_folder)
    try:
        result = run("omniglot-runs", "--encoder", "pixels", "--out", "o.json")
    finally:
        del os.environ["FGMM_DATA"]
    assert result.exit_code == 0, result.output
    from io import BytesIO

    def pixels(content: bytes) -> np.ndarray:
        return np.asarray(Image.open(BytesIO(content))).astype(int)

    with zipfile.ZipFile(data_folder / "omniglot" / "all_runs.zip") as archive:
        errors = json.loads(Path("o.json").read_text())["heads"]["prototype"]["errors"]
        for at, error in enumerate(errors[:3], 1):
            lines = archive.read(f"run{at:02d}/class_labels.txt").decode().split("\n")
            pairs = [line.split() for line in lines if line]
            shown = {right: pixels(archive.read(right)) for _, right in pairs}
            wrong = 0
            for asked, right in pairs:
                x = pixels(archive.read(asked))
                distance = {name: int(((x - y) ** 2).sum()) for name, y in shown.items()}
                wrong += distance[right] > min(distance.values())
            assert error == pytest.approx(wrong / 20)
