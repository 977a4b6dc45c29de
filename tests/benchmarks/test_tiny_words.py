"""Words only: the tasks, the controls, and what they say about an encoder that can see."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fgmm
from fgmm.fieldguide import FieldGuide

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "pink", "brown")


@pytest.fixture
def words(benchmark_module):
    return benchmark_module("tiny_words")


@pytest.fixture(scope="module")
def encoder():
    return fgmm.load_encoder("fake")


@pytest.fixture
def coloured(encoder, pool):
    """One picture of each colour but two of red, under keys that are no colours."""
    shown = [*COLOURS, "red"]
    pictures = [Image.new("RGB", (32, 32), colour) for colour in shown]
    found = encoder.encode_images(pictures)
    return pool(found.vectors, [f"class {COLOURS.index(c)}" for c in shown], found.space)


TRUE = {f"class {i}": colour for i, colour in enumerate(COLOURS)}


def test_true_words_name_every_colour(words, encoder, coloured):
    found = words.by_words(encoder, coloured, TRUE)
    assert (found.macro, found.micro) == (1.0, 1.0)


def test_swapped_words_name_none(words, encoder, coloured):
    found = words.by_words(encoder, coloured, words.swap(TRUE, random.Random(0)))
    assert (found.macro, found.micro) == (0.0, 0.0)


def test_one_wrong_class_costs_its_pictures(words, encoder, coloured):
    """Red, two of nine pictures, is called "yellow" and yellow "red": 6 of 8, and 6 of 9."""
    told = {**TRUE, "class 0": "yellow", "class 3": "red"}
    found = words.by_words(encoder, coloured, told)
    assert found.macro == pytest.approx(6 / 8)
    assert found.micro == pytest.approx(6 / 9)


def test_only_words_of_the_pools_own_classes_compete(words, encoder, coloured):
    assert words.by_words(encoder, coloured, {**TRUE, "absent": "red"}).micro == 1.0


# ---------------------------------------------------------------- tasks


def test_tasks_are_the_same_each_time_and_repeat_no_class(words):
    tasks = words.draw_tasks(28)
    assert tasks.shape == (300, 20)
    assert (tasks == words.draw_tasks(28)).all()
    assert all(len(set(task)) == 20 for task in tasks)
    assert set(tasks.ravel()) == set(range(28))


def test_task_accuracy_against_slow_loops(words):
    @given(st.integers(0, 2**16), st.integers(2, 5), st.integers(1, 6))
    def check(seed, n_way, draws):
        rng = np.random.default_rng(seed)
        scores, truth = rng.normal(size=(20, 6)), rng.integers(6, size=20)
        tasks = np.stack([rng.choice(6, n_way, replace=False) for _ in range(draws)])
        found = words.task_accuracy(scores, truth, tasks)
        for c in range(6):
            hits = [
                max(task, key=lambda other, i=i: scores[i, other]) == c
                for task in tasks.tolist()
                for i in range(20)
                if truth[i] == c and c in task
            ]
            assert found[c] == pytest.approx(np.mean(hits) if hits else np.nan, nan_ok=True)

    check()


# ---------------------------------------------------------------- controls


def test_swapping_gives_everybody_somebody_elses(words):
    for seed in range(50):
        told = words.swap(TRUE, random.Random(seed))
        assert set(told) == set(TRUE)
        assert Counter(told.values()) == Counter(TRUE.values())
        assert all(told[c] != TRUE[c] for c in TRUE)


def test_scrambling_keeps_letters_and_lengths_of_words(words):
    @given(st.text(st.characters(codec="ascii", categories=["L", "Zs"]), max_size=40))
    def check(text):
        found = words.scramble(text, random.Random(0))
        assert [sorted(w) for w in found.split()] == [sorted(w) for w in text.split()]

    check()


def test_scrambling_changes_words(words):
    assert words.scramble("photograph of a sunflower", random.Random(1)) != (
        "photograph of a sunflower"
    )


class Telling:
    """An encoder whose text "k" is axis k, k < 24, and any other text the last axis."""

    space, dim, scoring, name = "telling/1", 25, "softmax", "telling"
    logit_scale, logit_bias, context_length = 10.0, 0.0, 99

    def encode_texts(self, texts):
        rows = torch.zeros(len(texts), self.dim)
        for row, text in zip(rows, texts, strict=True):
            said = [int(w) for w in text.rstrip(".").split() if w.isdigit()]
            row[min([*said, 24])] = 1
        return fgmm.Embeddings(rows, self.space)


NUMBERED = {f"{i:02d}": str(i) for i in range(24)}


def test_the_lead_over_a_control_is_paired_by_class(words, pool):
    """A class on its own axis is right by its own text, always.

    Swapped, the class that has its text is a candidate in 19 of 23 tasks and takes its
    pictures; in the other 4 all 20 tie, and the first of them is right one time in 20.
    Scrambled, "0" to "9" and "11" and "22" stay as they are: 12 of 24 classes are still
    right in every draw, and the interval of what is lost runs over classes.
    """
    found = words.control(Telling(), pool(np.eye(25)[:24], list(NUMBERED), "telling/1"), NUMBERED)
    assert (found.true, found.true_interval) == (1, (1, 1))
    assert found.control["swapped"] == pytest.approx(4 / 23 / 20, abs=0.004)
    assert found.ahead["swapped"] == pytest.approx(1 - found.control["swapped"])
    assert 0.5 <= found.control["scrambled"] < 0.9
    assert found.ahead["scrambled"] == pytest.approx(1 - found.control["scrambled"])
    low, high = found.ahead_interval["scrambled"]
    assert 0 < low < found.ahead["scrambled"] < high < 0.5


def test_a_control_that_changes_nothing_is_behind_by_nothing(words, pool, monkeypatch):
    """Paired on the same tasks: the difference and its interval are exactly zero."""
    rng = np.random.default_rng(0)
    made = pool(rng.normal(size=(60, 25)), [f"{i % 24:02d}" for i in range(60)], "telling/1")
    monkeypatch.setattr(words, "swap", lambda told, rng: told)
    monkeypatch.setattr(words, "scramble", lambda text, rng: text)
    found = words.control(Telling(), made, NUMBERED, draws=2)
    assert 0 < found.true < 0.5
    for name in ("swapped", "scrambled"):
        assert found.ahead[name] == 0
        assert found.ahead_interval[name] == (0, 0)


def test_birds_are_asked_about_in_odd_seeds(words, encoder, monkeypatch):
    seeds = []
    draw = FieldGuide.draw

    def seen(self, species, seed):
        seeds.append(seed)
        return draw(self, species, seed, 32)

    monkeypatch.setattr(FieldGuide, "draw", seen)
    found = words.birds_among_20(encoder, FieldGuide(), per_species=1)
    assert len(seeds) == len(FieldGuide().base)
    assert all(seed % 2 == 1 for seed in seeds)
    assert found.macro == pytest.approx(found.micro)
    assert 0 <= found.micro <= 1
