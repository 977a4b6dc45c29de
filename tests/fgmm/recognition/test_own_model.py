"""Models of every kind are read as what they say, and refused where they say nonsense."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fgmm.errors import ModelError
from fgmm.recognition.contest import odds
from fgmm.recognition.own_model import read_model

COLOURS = ["#e01020", "#20c040", "#2040e0", "#808080", "#f0f010"]
PICTURES = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]
LABELS = ("red", "green", "blue")


def mean_colour(picture):
    return np.asarray(picture, dtype=np.float64).mean((0, 1)) / 255


def as_tensor(picture):
    return torch.from_numpy(np.asarray(picture, dtype=np.float32)).permute(2, 0, 1) / 255


def softmax(rows):
    table = np.exp(np.asarray(rows, dtype=np.float64))
    return table / table.sum(1, keepdims=True)


def test_a_function_gives_logits_of_pictures():
    model = read_model(lambda ps: [3 * mean_colour(p) for p in ps], LABELS, batch_size=2)
    found = model.log_probabilities(PICTURES)
    assert (model.kind, found.dtype) == ("callable", torch.float64)
    expected = softmax([3 * mean_colour(p) for p in PICTURES])
    assert found.exp().numpy() == pytest.approx(expected)
    assert model.log_probabilities([]).shape == (0, 3)


def test_a_function_may_have_its_own_preprocessing():
    def given(rows):
        assert all(isinstance(row, np.ndarray) for row in rows)
        return torch.tensor(np.stack(rows))

    found = read_model(given, LABELS, preprocess=mean_colour).log_probabilities(PICTURES)
    assert found.exp().numpy() == pytest.approx(softmax([mean_colour(p) for p in PICTURES]))


def test_probabilities_are_taken_as_they_are_once_it_is_said():
    def likely(ps):
        return softmax([9 * mean_colour(p) for p in ps])

    found = read_model(likely, LABELS, outputs="probabilities").log_probabilities(PICTURES)
    assert found.exp().numpy() == pytest.approx(likely(PICTURES))
    with pytest.raises(ModelError, match="say which they are, outputs='probabilities'"):
        read_model(likely, LABELS).log_probabilities(PICTURES)
    told = read_model(likely, LABELS, outputs="logits").log_probabilities(PICTURES)
    assert told.exp().numpy() == pytest.approx(softmax(likely(PICTURES)))
    with pytest.raises(ModelError, match="they are 0 or more and add up to 1"):
        read_model(lambda ps: [[3, -1, 0]] * len(ps), LABELS, outputs="probabilities") \
            .log_probabilities(PICTURES)  # fmt: skip


def test_probabilities_of_0_stay_last_and_finite():
    model = read_model(lambda ps: [[1.0, 0.0, 0.0]], LABELS, outputs="probabilities")
    found = model.log_probabilities(PICTURES[:1])
    assert bool(found.isfinite().all())
    assert int(found.argmax()) == 0


def test_probabilities_a_digit_off_are_brought_to_a_sum_of_1():
    told = torch.tensor([[1.0000001, 0.0], [0.5004, 0.5]])
    model = read_model(lambda ps: told, ["a", "b"], outputs="probabilities")
    found = model.log_probabilities(PICTURES[:2])
    assert bool((found <= 0).all())
    assert bool(odds(found.amax(1)).isfinite().all())
    assert found.exp().sum(1).tolist() == pytest.approx([1, 1], abs=1e-12)
    assert found[1].exp().tolist() == pytest.approx([0.5004 / 1.0004, 0.5 / 1.0004])


def test_each_row_of_probabilities_adds_up_to_1_and_not_all_of_them_on_average():
    told = [[0.5, 0.5], [0.5, 0.3], [0.6, 0.6]]
    model = read_model(lambda ps: told, ["a", "b"], outputs="probabilities")
    with pytest.raises(ModelError, match=r"a row adds up to (0\.8|1\.2)"):
        model.log_probabilities(PICTURES[:3])
    as_logits = read_model(lambda ps: told, ["a", "b"]).log_probabilities(PICTURES[:3])
    assert as_logits.exp().numpy() == pytest.approx(softmax(told))


def test_one_class_alone_is_certain_whatever_its_output():
    found = read_model(lambda ps: [[1.0]] * len(ps), ["a"]).log_probabilities(PICTURES)
    assert found.tolist() == [[0.0]] * 5


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)
        self.head = torch.nn.Linear(3, 3)
        self.drop = torch.nn.Dropout(0.5)
        self.batches = []

    def forward(self, x):
        assert not torch.is_grad_enabled()
        self.batches.append(len(x))
        return self.head(self.drop(self.norm(x).mean((2, 3))))


def test_a_module_is_asked_in_eval_mode_in_batches_and_left_as_it_was():
    torch.manual_seed(0)
    net = Net()
    net.norm.eval()  # somebody froze a part
    modes, weights = [m.training for m in net.modules()], net.norm.running_mean.clone()
    model = read_model(net, LABELS, preprocess=as_tensor, batch_size=2)
    found = model.log_probabilities(PICTURES)
    assert net.batches == [2, 2, 1]
    assert [m.training for m in net.modules()] == modes
    assert torch.equal(net.norm.running_mean, weights)
    net.eval()
    with torch.no_grad():
        expected = net(torch.stack([as_tensor(p) for p in PICTURES])).softmax(1)
    assert found.exp().float().numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_a_module_that_gives_an_object_with_logits():
    class Told(torch.nn.Module):
        def forward(self, x):
            return type("Output", (), {"logits": x.mean((2, 3))})()

    found = read_model(Told(), LABELS, preprocess=as_tensor).log_probabilities(PICTURES)
    expected = softmax([mean_colour(p) for p in PICTURES])
    assert found.exp().numpy() == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    y = np.repeat(["b", "a", "c"], 20)
    return rng.normal(size=(60, 4)) + 2 * np.eye(3, 4)[np.repeat([0, 1, 2], 20)], y


def test_scikit_learn_by_probabilities_in_the_order_of_its_classes(vectors):
    from sklearn.linear_model import LogisticRegression

    x, y = vectors
    fitted = LogisticRegression().fit(x, y)
    model = read_model(fitted)
    assert (model.labels, model.kind, model.reads_vectors) == (("a", "b", "c"), "sklearn", True)
    found = model.log_probabilities(torch.from_numpy(x))
    assert found.exp().numpy() == pytest.approx(fitted.predict_proba(x))


@pytest.mark.parametrize("classes", [2, 3])
def test_scikit_learn_by_decisions(vectors, classes):
    from sklearn.svm import LinearSVC

    x, y = vectors[0][: 20 * classes], vectors[1][: 20 * classes]
    fitted = LinearSVC().fit(x, y)
    model = read_model(fitted, ["one", "two", "three"][:classes])
    found = model.log_probabilities(torch.from_numpy(x))
    assert np.array_equal(fitted.classes_[found.argmax(1).numpy()], fitted.predict(x))
    told = fitted.decision_function(x)
    if classes == 2:
        assert (found[:, 1] - found[:, 0]).numpy() == pytest.approx(told)
    else:
        assert found.exp().numpy() == pytest.approx(softmax(told))


def pairs(x, y, **more):
    from sklearn.svm import SVC

    return SVC(decision_function_shape="ovo", **more).fit(x, y)


def pairs_in_a_pipeline(x, y):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo")).fit(x, y)


def pairs_in_a_search(x, y):
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    return GridSearchCV(SVC(decision_function_shape="ovo"), {"C": [1.0]}, cv=2).fit(x, y)


@pytest.mark.parametrize("make", [pairs, pairs_in_a_pipeline, pairs_in_a_search])
def test_numbers_of_pairs_of_classes_are_refused(vectors, make):
    """Of three classes there are three pairs: their number would tell nothing."""
    fitted = make(*vectors)
    assert fitted.decision_function(vectors[0]).shape == (60, 3)
    with pytest.raises(ModelError, match="decision_function_shape='ovr', or with probability=True"):
        read_model(fitted)


def test_pairs_of_two_classes_and_single_classes_are_read(vectors):
    from sklearn.svm import SVC

    x, y = vectors[0][:40], vectors[1][:40]
    for fitted in (pairs(x, y), SVC(decision_function_shape="ovr").fit(*vectors)):
        found = read_model(fitted).log_probabilities(torch.from_numpy(x))
        told = fitted.decision_function(x)
        rows = np.stack([0 * told, told], 1) if told.ndim == 1 else told
        assert found.exp().numpy() == pytest.approx(softmax(rows))


def test_scikit_learn_on_ones_own_features():
    from sklearn.linear_model import LogisticRegression

    x = np.stack([mean_colour(p) for p in PICTURES])
    fitted = LogisticRegression().fit(x, [7, 3, 3, 7, 5])
    model = read_model(fitted, preprocess=mean_colour)
    assert (model.labels, model.reads_vectors) == (("3", "5", "7"), False)
    assert model.log_probabilities(PICTURES).exp().numpy() == pytest.approx(fitted.predict_proba(x))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A tiny vision transformer with random weights, written to disk and read as a pipeline."""
    import transformers

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
        id2label={0: "wren", 1: "gull", 2: "tern", 3: "crow", 4: "owl", 5: "tit"},
        initializer_range=0.5,
    )
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return transformers.pipeline("image-classification", model=str(folder))


def test_a_pipeline_says_all_its_labels(pipeline):
    model = read_model(pipeline, batch_size=2)
    assert model.labels == ("wren", "gull", "tern", "crow", "owl", "tit")
    assert model.kind == "pipeline"
    found = model.log_probabilities(PICTURES).exp()
    for row, told in zip(
        found, pipeline(PICTURES, top_k=6, function_to_apply="softmax"), strict=True
    ):
        expected = {one["label"]: one["score"] for one in told}
        assert dict(zip(model.labels, row.tolist(), strict=True)) == pytest.approx(
            expected, abs=1e-5
        )


def test_a_pipeline_under_other_names_keeps_its_order(pipeline):
    found = read_model(pipeline, list("abcdef")).log_probabilities(PICTURES)
    assert torch.equal(found, read_model(pipeline).log_probabilities(PICTURES))


def test_a_pipelines_labels_come_in_the_order_of_its_outputs_however_they_are_listed(pipeline):
    names = ["wren", "gull", "tern", "crow", "owl", "tit"]
    usual = read_model(pipeline).log_probabilities(PICTURES)
    told = pipeline.model.config.id2label
    pipeline.model.config.id2label = {at: told[at] for at in (3, 0, 5, 1, 4, 2)}
    try:
        for labels in (None, names):
            model = read_model(pipeline, labels)
            assert list(model.labels) == names
            assert torch.equal(model.log_probabilities(PICTURES), usual)
    finally:
        pipeline.model.config.id2label = told


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: (3, ["a"], {}), "a int: pass a function of pictures"),
        (lambda p: (len, None, {}), "does not say what its classes are called"),
        (lambda p: (len, "ab", {}), "labels are 'ab'"),
        (lambda p: (len, [], {}), "there are no labels"),
        (lambda p: (len, ["a", 3], {}), "label 1 is 3"),
        (lambda p: (len, ["a", " "], {}), "label 1 is ' '"),
        (lambda p: (len, ["Wren", "gull", "wren "], {}), "labels 0 and 2 are 'Wren' and 'wren '"),
        (lambda p: (len, ["a"], {"kind": "keras"}), "kind is 'keras'"),
        (lambda p: (len, ["a"], {"outputs": "scores"}), "outputs is 'scores'"),
        (lambda p: (len, ["a"], {"batch_size": 0}), "batch_size is 0"),
        (lambda p: (Net(), ["a"], {}), "nothing says how pictures become such"),
        (lambda p: (p, None, {"preprocess": len}), "a pipeline prepares pictures itself"),
        (lambda p: (p, None, {"outputs": "logits"}), "leave it out"),
    ],
)
def test_what_cannot_be_asked_is_told_at_once(make, message, pipeline):
    model, labels, options = make(pipeline)
    with pytest.raises(ModelError, match=message):
        read_model(model, labels, **options)


def test_an_unfitted_classifier_and_twins_in_a_pipeline_are_told(pipeline):
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(ModelError, match="fit it before"):
        read_model(LogisticRegression())
    told = dict(pipeline.model.config.id2label)
    pipeline.model.config.id2label = told | {1: "wren"}
    try:
        with pytest.raises(ModelError, match="calls two classes 'wren'"):
            read_model(pipeline, list("abcdef"))
    finally:
        pipeline.model.config.id2label = told


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n: [[1.0, 2.0]] * n, r"shape \(5, 2\) for 5 pictures and 3 labels"),
        (lambda n: [[1.0, 2.0, 3.0]] * (n - 1), r"shape \(4, 3\) for 5 pictures"),
        (lambda n: [[1.0, float("nan"), 3.0]] * n, r"gave nan for 'green' \(picture 0"),
        (lambda n: [[1.0, 2.0, float("-inf")]] * n, "gave -inf for 'blue'"),
        (lambda n: ["red"] * n, "which is no table of numbers"),
        (lambda n: None, "gave a NoneType"),
    ],
)
def test_an_answer_that_is_none_is_told(answer, message):
    with pytest.raises(ModelError, match=message):
        read_model(lambda ps: answer(len(ps)), LABELS).log_probabilities(PICTURES)


def test_pictures_of_two_sizes_do_not_go_into_one_batch():
    model = read_model(Net(), LABELS, preprocess=as_tensor)
    with pytest.raises(ModelError, match="different shapes"):
        model.log_probabilities([PICTURES[0], Image.new("RGB", (9, 8))])
