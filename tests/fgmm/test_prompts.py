"""Names, templates, articles, and the cache of text embeddings."""

from __future__ import annotations

import threading
import time
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgmm.articles import choose_article
from fgmm.candidates import candidates_key, read_candidates
from fgmm.embeddings import Embeddings, unit_rows
from fgmm.encoders.fake import FakeEncoder
from fgmm.errors import CandidateError, TextTooLong
from fgmm.prompts import class_matrix, forget_texts
from fgmm.templates import fill_templates
from fgmm.text_cache import Recent, TextCache


class CountingEncoder:
    """Random but fixed vectors a text; remembers what it was asked."""

    dim = 8
    logit_scale = 10.0
    logit_bias = 0.0
    scoring = "softmax"
    context_length = 99

    def __init__(self, space: str = "counting", pause: float = 0.0) -> None:
        self.space = space
        self.pause = pause
        self.calls: list[list[str]] = []

    def encode_texts(self, texts):
        time.sleep(self.pause)
        self.calls.append(list(texts))
        rows = [torch.tensor([float(1 + ord(c) % 7) for c in f"{t:<8}"[:8]]) for t in texts]
        return Embeddings(unit_rows(torch.stack(rows)), self.space)

    def encode_images(self, images, *, layer="joint"):
        raise NotImplementedError


class FixedEncoder(CountingEncoder):
    """Gives the vectors it was told."""

    dim = 2

    def __init__(self, vectors: dict[str, tuple[float, float]]) -> None:
        super().__init__(f"fixed {sorted(vectors.items())}")
        self.vectors = vectors

    def encode_texts(self, texts):
        self.calls.append(list(texts))
        return Embeddings(torch.tensor([self.vectors[text] for text in texts]), self.space)


@pytest.fixture(autouse=True)
def _nothing_remembered():
    forget_texts()
    yield
    forget_texts()


@pytest.mark.parametrize(
    ("name", "article"),
    [
        ("tit", "a"), ("apple", "an"), ("owl", "an"), ("hour", "an"), ("heirloom tomato", "an"),
        ("house", "a"), ("houri", "a"), ("honey guide", "a"), ("honest man", "an"),
        ("unicorn", "a"), ("uniform", "a"), ("unidentified bird", "an"), ("uninvited guest", "an"),
        ("umbrella", "an"), ("European robin", "a"), ("eucalyptus", "a"), ("ewe", "a"),
        ("eel", "an"), ("one-eyed cat", "a"), ("onion", "an"), ("utensil", "a"),
        ("utter mess", "an"), ("ukulele", "a"), ("urn", "an"), ("urubu", "a"), ("US flag", "a"),
        ("UFO", "a"), ("U-boat", "a"), ("X-ray", "an"), ("F-16", "an"), ("A320", "an"),
        ("MD-80", "an"), ("DC-3", "a"), ("BMW", "a"), ("Saab", "a"),
        ("8 ball", "an"), ("18-wheeler", "an"), ("11", "an"), ("1 penny", "a"), ("110", "a"),
        ("1800s coat", "an"), ("Münster cow", "a"), ("état", "an"), ("Fokker 100", "a"),
        ('"orange" tip', "an"), ("", "a"), ("鳥", "a"),
    ],
)  # fmt: skip
def test_the_article_follows_the_sound(name, article):
    assert choose_article(name) == article


@pytest.mark.parametrize(
    ("name", "template", "concept", "text"),
    [
        ("tit", "a photo of a {}.", "bird", "a photo of a tit, a bird."),
        ("apple", "a photo of a {}.", None, "a photo of an apple."),
        ("apple", "An {} here", None, "An apple here"),
        ("tit", "An {} here", None, "A tit here"),
        ("apple", "the photo of the {}.", "animal", "the photo of the apple, an animal."),
        ("the moon", "a photo of a {}.", None, "a photo of the moon."),
        ("a red apple", "a photo of a {}.", None, "a photo of a red apple."),
        ("owl", "banana {}", None, "banana owl"),
        ("Larus sp.", "a photo of a {}.", None, "a photo of a Larus sp."),
        ("bird", "a {}", "Bird", "a bird"),
        ("tit", "{}", "a small bird", "tit, a small bird"),
        ("x {0} {} %s", "{x}: {}", None, "{x}: x {0} {} %s"),
        ("egg", "a {}, not a {}", None, "an egg, not an egg"),
        ("tit", lambda name: f"<{name}>", "bird", "<tit, a bird>"),
    ],
)
def test_a_name_in_a_template(name, template, concept, text):
    assert fill_templates(name, template, concept) == (text,)


def test_by_default_the_name_alone_and_a_photo_of_it():
    assert fill_templates("tit") == ("tit", "a photo of a tit.")


@pytest.mark.parametrize(
    ("templates", "words"),
    [
        ("a photo.", r"'a photo\.' has no \{\}"),
        (["{}", "nothing"], "'nothing' has no"),
        ([], "no templates"),
        ([3], "template 3 is neither"),
        (5, "templates are 5"),
        (lambda name: "", "gave '' for 'tit'"),
        (lambda name: 7, "gave 7 for 'tit'"),
    ],
)
def test_bad_templates_are_refused(templates, words):
    with pytest.raises(CandidateError, match=words):
        fill_templates("tit", templates)


@pytest.mark.parametrize("concept", ["", "  ", 3, ["bird"]])
def test_bad_concepts_are_refused(concept):
    with pytest.raises(CandidateError, match="concept is"):
        class_matrix(CountingEncoder(), ["tit"], concept=concept)


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ("tit", "one text, 'tit': its letters"),
        (b"tit", "one text, b'tit'"),
        ([], "no candidates"),
        ({}, "no candidates"),
        (3, "candidates are 3, not a list"),
        (["tit", ""], "candidate 1 is '', an empty text"),
        (["tit", " \t"], "candidate 1 is ' .t', an empty text"),
        (["tit", 3], "candidate 1 is 3, a int"),
        (["tit", None], "candidate 1 is None"),
        (["tit", ["owl"]], r"candidate 1 is \['owl'\], a list"),
        (["tit", "TIT "], "1 candidate is given twice: 'tit' and 'TIT '"),
        (["blue  tit", "owl", "blue tit", "OWL"], "2 candidates are given twice"),
        (["straße", "STRASSE"], "given twice"),
        (["é", "e\u0301"], "given twice"),
        ({"tit": []}, "candidate 'tit' has no texts"),
        ({"tit": ["x", " "]}, "of candidate 'tit', text 1 is ' ', an empty"),
        ({"tit": 3}, "of candidate 'tit', text 0 is 3"),
        ({3: "tit"}, "candidate 0 is 3"),
        ({"tit": [["x"]]}, r"text 0 is \['x'\]"),
    ],
)
def test_candidates_that_cannot_be_used_are_named(candidates, words):
    with pytest.raises(CandidateError, match=words):
        class_matrix(CountingEncoder(), candidates)


def test_a_list_of_many_doubles_stays_short():
    labels = [f"label {i}" for i in range(500)]
    with pytest.raises(CandidateError, match="and 497 more") as caught:
        class_matrix(CountingEncoder(), labels + labels)
    assert len(str(caught.value)) < 400


def test_labels_stay_as_given_and_texts_are_tidied():
    classes = class_matrix(CountingEncoder(), {" Blue\tTit ": ["blue \n tit", "Blaumeise"]}, "{}")
    assert classes.labels == (" Blue\tTit ",)
    assert classes.texts(0) == ("blue tit", "Blaumeise")


def test_unit_vectors_are_averaged_and_scaled_to_length_one_again():
    # (1, 0), (0, 1), (3/5, 4/5) add up to (8/5, 9/5), whose length is sqrt(145)/5.
    encoder = FixedEncoder({"a": (1.0, 0.0), "b": (0.0, 1.0), "c": (0.6, 0.8)})
    classes = class_matrix(encoder, {"x": ["a", "b", "c"], "y": "c"}, templates="{}")
    root = 145**0.5
    expected = torch.tensor([[8 / root, 9 / root], [0.6, 0.8]])
    torch.testing.assert_close(classes.matrix.vectors, expected)


def test_names_and_templates_multiply():
    encoder = CountingEncoder()
    classes = class_matrix(encoder, {"x": ["owl", "Ente"]}, ["{}", "a {}"], "bird")
    assert classes.texts(0) == ("owl, a bird", "an owl, a bird", "Ente, a bird", "an Ente, a bird")


def test_texts_that_cancel_out_are_refused():
    encoder = FixedEncoder({"a": (1.0, 0.0), "b": (-1.0, 0.0)})
    with pytest.raises(CandidateError, match="'x' cancel out"):
        class_matrix(encoder, {"y": "a", "x": ["a", "b"]}, templates="{}")


def test_two_labels_with_one_text_are_equal():
    classes = class_matrix(FakeEncoder(), {"x": "red", "y": "blue", "z": "red"})
    assert torch.equal(classes.matrix.vectors[0], classes.matrix.vectors[2])
    assert not torch.equal(classes.matrix.vectors[0], classes.matrix.vectors[1])


def test_the_same_labels_again_call_no_encoder():
    encoder = CountingEncoder()
    first = class_matrix(encoder, ["owl", "tit"])
    again = [class_matrix(encoder, labels) for labels in (["owl", "tit"], ("owl", "tit"))]
    other_order = class_matrix(encoder, iter(["tit", "owl"]))
    assert len(encoder.calls) == 1
    assert all(torch.equal(first.matrix.vectors, c.matrix.vectors) for c in again)
    assert torch.equal(first.matrix.vectors.flip(0), other_order.matrix.vectors)


def test_only_missing_texts_are_encoded_all_in_one_call():
    encoder = CountingEncoder()
    class_matrix(encoder, ["owl", "tit"], "{}")
    class_matrix(encoder, ["jay", "tit", "owl", "emu"], "{}")
    assert encoder.calls == [["owl", "tit"], ["jay", "emu"]]


def test_another_encoder_has_its_own_texts():
    one, two = CountingEncoder("one"), CountingEncoder("two")
    class_matrix(one, ["owl", "tit"])
    assert class_matrix(two, ["owl", "tit"]).matrix.space == "two"
    assert len(two.calls) == 1


def test_another_template_or_concept_is_another_text():
    encoder = FakeEncoder()
    plain, red = (class_matrix(encoder, ["box"], "{}", c).matrix.vectors for c in (None, "red"))
    assert not torch.allclose(plain, red)
    assert not torch.allclose(plain, class_matrix(encoder, ["box"], "{} blue").matrix.vectors)


def test_a_callable_that_changes_its_mind_is_asked_again():
    words = ["red"]
    first = class_matrix(FakeEncoder(), ["x", "y"], lambda name: f"{words[0]} {name}")
    words[0] = "blue"
    again = class_matrix(FakeEncoder(), ["x", "y"], lambda name: f"{words[0]} {name}")
    assert first.texts(0) == again.texts(0) == ("blue x",)
    assert not torch.allclose(first.matrix.vectors, again.matrix.vectors)


def test_a_text_cut_by_one_encoder_is_still_too_long_for_another():
    long = " ".join(["red"] * 40)
    with pytest.warns(UserWarning, match="cut"):
        class_matrix(FakeEncoder(on_long="truncate"), [long, "blue"])
    with pytest.raises(TextTooLong, match="longer"):
        class_matrix(FakeEncoder(), [long, "blue"])


def test_threads_that_miss_the_same_texts_share_one_call():
    encoder = CountingEncoder(pause=0.1)
    threads = [threading.Thread(target=class_matrix, args=(encoder, ["a", "b"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(encoder.calls) == 1


def test_the_cache_is_bounded_in_bytes():
    encoder, cache = CountingEncoder(), TextCache(max_bytes=5_000)
    for start in range(0, 200, 10):
        cache.encode(encoder, [f"{i}" for i in range(start, start + 10)])
        assert cache.size <= 5_000
    assert 5 < len(cache) < 20
    cache.encode(encoder, ["199"])
    assert len(encoder.calls) == 20, "the newest text was forgotten"
    cache.encode(encoder, ["0"])
    assert encoder.calls[-1] == ["0"], "the oldest text was kept"


def test_one_call_may_be_larger_than_the_cache():
    texts = [f"text {i}" for i in range(100)]
    encoder = CountingEncoder()
    vectors = TextCache(max_bytes=1_000).encode(encoder, texts)
    assert torch.equal(vectors, encoder.encode_texts(texts).vectors)


def test_what_was_used_last_stays():
    recent = Recent(3)
    for key in "abc":
        recent.put(key, key, size=1)
    recent.get("a")
    recent.put("d", "d", size=1)
    assert [recent.get(key) for key in "abcd"] == ["a", None, "c", "d"]
    recent.put("a", "again", size=2)
    assert (recent.get("a"), recent.size, len(recent)) == ("again", 3, 2)


def test_many_classes_are_kept_in_half_precision_and_encoded_in_parts():
    encoder = CountingEncoder()
    labels = [f"{i:08d}" for i in range(20_000)]
    classes = class_matrix(encoder, labels, "{}")
    assert classes.matrix.vectors.dtype == torch.float16
    assert classes.wordings is None
    assert max(map(len, encoder.calls)) <= 8_192 + 1
    assert sum(map(len, encoder.calls)) == 20_000
    expected = encoder.encode_texts(labels[15_000:15_003]).vectors
    torch.testing.assert_close(
        classes.matrix.vectors[15_000:15_003].float(), expected, atol=1e-3, rtol=0
    )


def test_the_fingerprint_knows_labels_and_texts_but_no_order():
    def mark(candidates, **more):
        return class_matrix(FakeEncoder(), candidates, **more).fingerprint

    first = mark({"x": ["red", "scarlet"], "y": "blue"})
    assert first == mark({"y": ["blue"], "x": ["scarlet", "red"]})
    others = [
        mark({"x": ["red"], "y": "blue"}),
        mark({"x": "blue", "y": ["red", "scarlet"]}),
        mark({"x": ["red", "scarlet"], "z": "blue"}),
        mark({"x": ["red", "scarlet"], "y": "blue"}, concept="thing"),
        mark({"x": ["red", "scarlet"], "y": "blue"}, templates="{}"),
    ]
    assert len({first, *others}) == 6


@given(st.lists(st.text("aAéE\u0301ß s\t鳥{}.", max_size=4), max_size=5))
def test_labels_are_refused_exactly_when_empty_or_double(labels):
    folded = [" ".join(unicodedata.normalize("NFC", x).casefold().split()) for x in labels]
    usable = bool(labels) and all(folded) and len(set(folded)) == len(folded)
    try:
        checked = read_candidates(candidates_key(labels))
    except CandidateError:
        assert not usable
        return
    assert usable
    assert checked.labels == tuple(labels)


@given(st.text(min_size=1).filter(str.strip))
def test_every_name_is_in_its_texts(name):
    tidy = " ".join(name.split())
    for text in fill_templates(tidy, ["{}", "a photo of a {}", lambda n: f"A {n}"]):
        assert tidy in text
