"""``fgmm ask``: answers through a pipe, and what is said of them."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import fgmm
import knowledge
from fgmm.command.application import app
from fgmm.command.ask_report import _times
from fgmm.joint import JointEmbedding
from knowledge.question_wording import ask_in_words

BIRDS = """\
concept,parent,orange breast,blue crown,long tail,white cheeks
bird,,,,,
robin,bird,1,0,0,0
blue tit,bird,0,1,0,1
great tit,bird,0,0,0,1
wagtail,bird,0,0,1,1
"""
KNOWN = ["--knowledge", "birds.csv", "--encoder", "fake"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    Path("birds.csv").write_text(BIRDS)
    Image.new("RGB", (24, 24), "grey").save("bird.png")
    return tmp_path


def ask(answers: str, *more: object, picture: str = "bird.png"):
    arguments = ["ask", picture, *KNOWN, *map(str, more)]
    return CliRunner().invoke(app, arguments, input=answers)


def flat(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def questions(result) -> list[str]:
    return re.findall(r"^ \d+\. (.*\?) \[y/n/\?/q\]", result.stdout, re.MULTILINE)


def start(labels, **how) -> knowledge.Inquiry:
    """The same in Python."""
    graph = knowledge.read_graph("birds.csv")
    found = fgmm.classify("bird.png", labels, encoder="fake")
    chances = found.logits.double().softmax(0).tolist()
    ids = [graph.find(label).id for label in found.labels]
    return knowledge.Inquiry.of(graph, dict(zip(ids, chances, strict=True)), **how)


EVERY = ["robin", "blue tit", "great tit", "wagtail"]


def test_it_asks_what_the_library_asks_and_ends_with_its_answer():
    """Someone sees a wagtail and answers truthfully."""
    graph = knowledge.read_graph("birds.csv")
    inquiry, asked, answers = start(EVERY), [], ""
    while question := inquiry.question():
        asked.append(ask_in_words(graph, question.trait))
        truth = graph.attributes("wagtail")[question.trait.attribute] == 1
        answers += "y\n" if truth else "n\n"
        inquiry = inquiry.answered(question.trait, "yes" if truth else "no")
    assert inquiry.top == "wagtail"
    result = ask(answers)
    assert result.exit_code == 0, result.output
    assert questions(result) == asked
    chance = f"{inquiry.probabilities.max():.2f}"
    said = flat(result.stdout)
    ending = f"{len(asked)} answer{'s' if len(asked) > 1 else ''}"
    assert f"Answer: wagtail, probability {chance}, after {ending}" in said
    assert "among the 4 names asked about" in said, "those with nothing below them: not the bird"
    for question, answer in zip(asked, answers.split(), strict=True):
        assert f"{question} [y/n/?/q] {answer}" in said, "a piped answer is shown"


def test_three_best_are_shown_after_each_answer():
    result = ask("?\n?\nq\n", "--labels", "robin, blue tit, great tit, wagtail")
    inquiry = start(EVERY)
    lines = [line.split("0.")[0].strip() for line in result.stdout.splitlines() if " 0." in line]
    best = [*inquiry.ranking[:3]]
    assert lines[:9] == best * 3, "a don't know changes nothing"


def test_reasons_are_those_of_the_inquiry():
    result = ask("n\ny\nq\n", "--floor", 1)
    inquiry = start(EVERY, sure=1)
    states = [inquiry]
    for answer in ("no", "yes"):
        inquiry = inquiry.answered(inquiry.question().trait, answer)
        states.append(inquiry)
    best, second = inquiry.ranking[:2]
    at = inquiry.concepts.index(best)
    table = result.stdout[result.stdout.index(" why ") :]
    assert f"or {second}?" in table
    for before, after, reason in zip(
        states, states[1:], inquiry.reasons(best, second), strict=False
    ):
        moved = f"{before.probabilities[at]:.2f} to {after.probabilities[at]:.2f}"
        row = next(line for line in table.splitlines() if moved in line)
        assert reason.answer in row
        assert _times(reason.nats) in row
    assert "You stopped." in result.stdout


def test_the_error_rate_is_that_of_the_answers():
    result = ask("y\nq\n", "--error-rate", 0.3)
    inquiry = start(EVERY, error_rate=0.3)
    inquiry = inquiry.answered(inquiry.question().trait, "yes")
    assert f"probability {inquiry.probabilities.max():.2f}, after 1 answer" in flat(result.stdout)


def test_it_is_one_of_them_even_where_each_label_is_judged_by_itself():
    """The softmax of the logits, by hand, of an encoder with a sigmoid."""
    arguments = ["ask", "bird.png", "--knowledge", "birds.csv", "--encoder", "fake:sigmoid"]
    result = CliRunner().invoke(app, arguments, input="q\n")
    assert result.exit_code == 0, result.output
    logits = fgmm.classify("bird.png", EVERY, encoder="fake:sigmoid").logits.tolist()
    weights = [math.exp(logit) for logit in logits]
    assert f"probability {max(weights) / sum(weights):.2f}, by the picture" in flat(result.stdout)


@pytest.mark.parametrize(
    ("nats", "told"),
    [
        (2.302585093, "10 x for"),
        (-0.693147181, "2.0 x against"),
        (0.01, "the same for both"),
        (40, "over 10,000 x for"),
    ],
)
def test_odds_in_words(nats, told):
    assert _times(nats) == told


@pytest.mark.parametrize("answers", ["", "q\n", "Q\n", "quit\n"])
def test_the_end_of_the_input_is_as_good_as_q(answers):
    result = ask(answers)
    assert result.exit_code == 0, result.output
    assert len(questions(result)) == 1
    assert "Most likely: " in result.stdout
    assert "by the picture alone. You stopped." in flat(result.stdout)
    assert " why " not in result.stdout


def test_what_is_no_answer_is_asked_again():
    result = ask("maybe\n\n Yes \nq\n")
    asked = questions(result)
    assert asked[0] == asked[1] == asked[2] != asked[3]
    assert result.stdout.count("y: yes, n: no, ?: don't know, q: enough") == 2
    assert "after 1 answer." in result.stdout


def test_it_stops_when_sure_or_told_to():
    sure = ask("y\n", "--floor", 0.1)
    assert questions(sure) == []
    assert "Answer: " in sure.stdout
    few = ask("?\n?\n?\n", "--questions", 2)
    assert len(questions(few)) == 2
    assert "No more than 2 questions were to be asked." in few.stdout


def test_nothing_left_to_ask_is_said():
    result = ask("?\n" * 9)
    assert len(questions(result)) == 4, "there are four attributes"
    assert "No question is left that tells anything." in result.stdout


TREE = "child,parent\nrobin,bird\nwren,bird\n"
TWINS = "concept,white\nrobin,1\nwren,1\n"


@pytest.mark.parametrize(
    ("picture", "graph", "more", "told"),
    [
        (".", BIRDS, [], "give one picture, not a folder"),
        ("brid.png", BIRDS, [], "cannot read 'brid.png'"),
        ("birds.csv", BIRDS, [], "cannot read 'birds.csv'"),
        ("bird.png", TREE, [], "does not say what any of these 2 names looks like"),
        ("bird.png", TREE, [], "give one with attributes"),
        ("bird.png", TWINS, [], "says the same of all these 2 names"),
        ("bird.png", BIRDS, ["-l", "wagtail, bird"], "'wagtail' is a kind of 'bird' in this graph"),
        ("bird.png", BIRDS, ["-l", "bird, wagtail"], "give names of one level"),
        ("bird.png", BIRDS, ["--joint", "nowhere"], "nowhere holds no joint embedding"),
    ],
)
def test_what_cannot_be_asked_is_told_before_the_encoder_loads(
    picture, graph, more, told, monkeypatch
):
    monkeypatch.setattr("fgmm.encoders.registry.load_encoder", None)
    Path("birds.csv").write_text(graph)
    result = ask("y\n", *more, picture=picture)
    assert result.exit_code == 2, result.output
    assert told in flat(result.stderr)
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_reading_thousands_of_names_is_announced(monkeypatch):
    rows = [f"thing {at},{at % 2}" for at in range(1000)]
    Path("birds.csv").write_text("\n".join(["concept,red", *rows]) + "\n")
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 0)
    result = ask("q\n")
    assert result.exit_code == 0, result.output
    assert "note: reading 1,000 names ..." in result.stderr
    assert "note: reading" not in ask("q\n", "--labels", "thing 1, thing 2").stderr


def test_what_nobody_spoke_of_is_no_or_anybodys_guess():
    """Of two, one is said to be red. Not red: the other, if silence is a no; P = 0.95 to 0.05."""
    Path("birds.csv").write_text("concept,red\nkiro,1\nmavu,\n")
    for unknown, chance in ((0, 0.95), (0.5, 0.5)):
        given = start_of(("kiro", "mavu"))
        # P(no | class): 0.05 of kiro; of mavu 0.95 if it has none of it, one half if who knows
        weights = [given[0] * 0.05, given[1] * chance]
        result = ask("n\nq\n", "--unknown", unknown, "--floor", 1)
        assert questions(result)[0] == "Is it red?"
        (told,) = re.findall(r"probability (\d\.\d\d)", result.stdout)
        assert float(told) == pytest.approx(max(weights) / sum(weights), abs=0.006)


def start_of(labels) -> list[float]:
    return fgmm.classify("bird.png", labels, encoder="fake").logits.double().softmax(0).tolist()


def test_the_picture_counts():
    """Of a thing and a blue thing, a blue picture makes the second likelier."""
    Path("things.csv").write_text("concept,round\nred thing,1\nblue thing,0\n")
    Image.new("RGB", (24, 24), "blue").save("blue.png")
    result = CliRunner().invoke(
        app, ["ask", "blue.png", "--knowledge", "things.csv", "--encoder", "fake"], input="q\n"
    )
    assert re.search(r"(Answer|Most likely): blue thing", result.stdout), result.output


def test_what_was_learned_has_a_say_at_the_beginning(tmp_path):
    """Of four birds of two colours each; learned from two, the names say nothing."""
    Path("things.csv").write_text(
        "concept,dark,bright\nkiro,1,0\nmavu,1,0.1\nteba,0,1\nsolu,0.1,1\nnew night,1,0\n"
        "new day,0,1\n"
    )
    graph, pictures, labels = knowledge.read_graph("things.csv"), [], []
    for at, (label, colour) in enumerate(
        [("kiro", 20), ("mavu", 40), ("teba", 230), ("solu", 210)] * 3
    ):
        pictures.append(Image.new("RGB", (24, 24), (colour + at,) * 3))
        labels.append(label)
    features = fgmm.embed_images(pictures, encoder="fake", layer="features")
    JointEmbedding.train(graph, features, labels, folds=2).save("learned")
    for colour, expected in ((25, "new night"), (225, "new day")):
        Image.new("RGB", (24, 24), (colour,) * 3).save("thing.png")
        names = ["new night", "new day"]
        direct = fgmm.classify("thing.png", names, encoder="fake", knowledge=graph, joint="learned")
        assert direct.label == expected
        arguments = ["ask", "thing.png", "--knowledge", "things.csv", "--encoder", "fake"]
        arguments += ["--joint", "learned", "--labels", ",".join(names)]
        result = CliRunner().invoke(app, arguments, input="q\n")
        assert result.exit_code == 0, result.output
        chance = f"{float(direct.probability):.2f}"
        assert f": {expected}, probability {chance}, by the picture alone" in flat(result.stdout)


def test_labels_may_come_from_a_file_with_names_of_their_own():
    Path("birds.txt").write_text("robin\tErithacus\nblue tit\n# a comment\n")
    result = ask("q\n", "--labels-file", "birds.txt")
    assert result.exit_code == 0, result.output
    assert "among the 2 names asked about" in result.stdout
    Path("birds.json").write_text('{"redbreast": ["robin"], "blue tit": ["blue tit"]}')
    result = ask("y\n" * 4, "--labels-file", "birds.json")
    assert result.exit_code == 0, result.output
    assert "redbreast" in result.stdout


def test_a_leaf_may_have_the_name_of_what_is_above_it():
    """A genus and its only species: what was learned looks the species up in the graph."""
    Path("owls.csv").write_text(
        "concept,common,parent,dark\ngenus,owl,,\nspecies,owl,genus,1\n"
        "kiro,,,1\nmavu,,,0.9\nteba,,,0\nsolu,,,0.1\n"
    )
    graph, labels = knowledge.read_graph("owls.csv"), ["kiro", "mavu", "teba", "solu"] * 2
    pictures = [
        Image.new("RGB", (24, 24), (c + i,) * 3) for i in (0, 5) for c in (20, 40, 230, 210)
    ]
    features = fgmm.embed_images(pictures, encoder="fake", layer="features")
    JointEmbedding.train(graph, features, labels, folds=2).save("learned")
    arguments = ["ask", "bird.png", "--knowledge", "owls.csv", "--encoder", "fake"]
    result = CliRunner().invoke(app, [*arguments, "--joint", "learned"], input="q\n")
    assert result.exit_code == 0, result.output
    assert "among the 5 names asked about" in result.stdout


def test_two_leaves_of_one_name_are_told_apart_by_their_ids():
    Path("twins.csv").write_text(
        "concept,common,stripes\nzebra-1,zebra,1\nzebra-2,zebra,0\nhorse,horse,0\n"
    )
    result = CliRunner().invoke(
        app, ["ask", "bird.png", "--knowledge", "twins.csv", "--encoder", "fake"], input="y\n"
    )
    assert result.exit_code == 0, result.output
    assert "zebra-1" in result.stdout
    assert "zebra-2" in result.stdout


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--labels", "robin, blue tti"], "'blue tit'"),
        (["--labels", "robin"], "only one name, 'robin'"),
        (["--labels", "robin, Robins"], "are one thing in this graph, 'robin'"),
        (["--labels", "robin, Robin"], "'robin' is given 2 times"),
        (["--labels", "robin, blue tit", "--labels-file", "x"], "both --labels and --labels-file"),
        (["--labels-file", "none.txt"], "no such file or folder: none.txt"),
        (["--error-rate", "0.5"], "--error-rate"),
        (["--floor", "1.5"], "--floor"),
        (["--joint", "nowhere"], "nowhere"),
        (["--knowledge", "brids.csv"], "there is no file or folder brids.csv"),
    ],
)
def test_human_errors_are_told_and_exit_with_2(more, told):
    result = ask("y\n", *more)
    assert result.exit_code == 2, result.output
    assert told in flat(result.stderr)
    assert result.stdout == ""


def test_a_picture_that_is_not_there_is_told():
    result = ask("", picture="brid.png")
    assert result.exit_code == 2
    assert "cannot read 'brid.png'" in result.stderr
