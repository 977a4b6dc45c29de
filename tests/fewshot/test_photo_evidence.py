"""Photo evidence: against general Gaussian formulas with full matrices, by hand, in limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from fewshot import Background
from fewshot.left_out import leave_one_out
from fewshot.photo_evidence import PhotoModel, evidence

D = 4


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=draw(seed), dtype=torch.float64)


def some_background(seed: int, d: int = D) -> Background:
    """Covariances with every direction correlated, a mean away from the origin."""
    within, between = normal(seed, d, 2 * d), normal(seed + 1, d, 2 * d)
    within = within @ within.mT / (2 * d)
    total = within + between @ between.mT / d
    return Background(normal(seed + 2, d), within, total, 1000, "here", "made up")


def photos(seed: int, counts=(3, 1, 2, 0), d: int = D) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.tensor([c for c, n in enumerate(counts) for _ in range(n)]).long()
    order = torch.randperm(len(labels), generator=draw(seed))
    centres = normal(seed, len(counts), d)
    return (centres[labels] + 0.7 * normal(seed + 1, len(labels), d) + 1)[order], labels[order]


def member(labels: torch.Tensor, k: int) -> torch.Tensor:
    return (labels.unsqueeze(-1) == torch.arange(k)).double()


def found(model: PhotoModel, x, labels, queries, k: int = 4) -> torch.Tensor:
    one_hot = member(labels, k).to(x)
    points = model.coordinates(x)
    sums = one_hot.mT @ points
    return evidence(model, model.coordinates(queries), sums, one_hot.sum(-2))


def towards_sphere(covariance, share):
    return (1 - share) * covariance + share * np.mean(np.diag(covariance)) * np.eye(len(covariance))


def shrunk(background: Background):
    """m_0, W and B: within shrunk by 90 %, between by 60 %, negative variances cut first."""
    within, total = background.within.numpy(), background.total.numpy()
    sizes, axes = np.linalg.eigh(total - within)
    between = sum(
        max(size, 0) * np.outer(axis, axis) for size, axis in zip(sizes, axes.T, strict=True)
    )
    return background.mean.numpy(), towards_sphere(within, 0.9), towards_sphere(between, 0.6)


def by_posterior(m_0, within, between, own, query) -> float:
    """Evidence of one class: the Gaussian posterior of its mean, and what it predicts."""
    if not len(own):
        return 0.0
    n = len(own)
    precision = np.linalg.inv(between) + n * np.linalg.inv(within)
    covariance = np.linalg.inv(precision)
    told = np.linalg.inv(between) @ m_0 + n * np.linalg.inv(within) @ np.mean(own, axis=0)
    predicted = multivariate_normal(covariance @ told, within + covariance)
    return predicted.logpdf(query) - multivariate_normal(m_0, between + within).logpdf(query)


def by_joint_density(m_0, within, between, own, query) -> float:
    """The same as a ratio of joint densities: one class made them all, or two did."""
    n = len(own)
    if not n:
        return 0.0

    def log_joint(rows):
        k = len(rows)
        covariance = np.kron(np.ones((k, k)), between) + np.kron(np.eye(k), within)
        return multivariate_normal(np.tile(m_0, k), covariance).logpdf(np.concatenate(rows))

    return log_joint([*own, query]) - log_joint(list(own)) - log_joint([query])


def slowly(how, parameters, x, labels, queries, k: int = 4) -> torch.Tensor:
    x, labels = x.numpy(), labels.tolist()
    own = [[row for row, label in zip(x, labels, strict=True) if label == c] for c in range(k)]
    answer = [[how(*parameters, own[c], query) for c in range(k)] for query in queries.numpy()]
    return torch.tensor(np.array(answer))


@pytest.mark.parametrize("how", [by_posterior, by_joint_density])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_it_is_the_likelihood_ratio_of_general_gaussians(how, d):
    background = some_background(0, d)
    (x, labels), queries = photos(3, d=d), normal(7, 6, d)
    model = PhotoModel.of_background(background, x)
    expected = slowly(how, shrunk(background), x, labels, queries)
    torch.testing.assert_close(found(model, x, labels, queries), expected, rtol=1e-8, atol=1e-8)
    assert model.source == "made up"


def test_a_case_by_hand():
    # m_0 = 0, W = 1, total 4, so B = 3; in one dimension shrinking does nothing.
    # Class 0, one photo at 2: posterior variance 1 / (1/3 + 1) = 3/4, mean 3/4 * 2 = 3/2,
    # predicted N(3/2, 7/4). At x = 1: -(1/4)/(7/4)/2 - log(7/4)/2 = -0.071429 - 0.279808.
    # Class 1, photos at 2 and 4: precision 1/3 + 2 = 7/3, mean 3/7 * 6 = 18/7, predicted
    # N(18/7, 10/7). At x = 1: -(11/7)^2 / (10/7) / 2 - log(10/7)/2 = -0.864286 - 0.178337.
    # Background N(0, 4): -1/8 - log(4)/2 = -0.125 - 0.693147, to be subtracted.
    one = torch.ones(1, 1, dtype=torch.float64)
    background = Background(torch.zeros(1), one, 4 * one, 9, "here", "made up")
    x, labels = torch.tensor([[2.0], [2.0], [4.0]]).double(), torch.tensor([0, 1, 1])
    model = PhotoModel.of_background(background, x)
    ours = found(model, x, labels, one, 3)
    expected = torch.tensor([[0.466911, -0.224476, 0.0]]).double()
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)
    # One photo's claim: log(4)/2 - log(7/4)/2 = log(16/7)/2.
    torch.testing.assert_close(model.claim(1), torch.tensor(0.413339).double(), rtol=0, atol=1e-6)


def test_with_countless_photos_it_is_a_gaussian_classifier():
    background = some_background(1)
    m_0, within, between = shrunk(background)
    means, queries = normal(2, 3, D), normal(3, 5, D)
    model = PhotoModel.of_background(background, means)
    counts = torch.full((3,), 1e9).double()
    sums = counts.unsqueeze(-1) * model.coordinates(means)
    ours = evidence(model, model.coordinates(queries), sums, counts)
    rest = multivariate_normal(m_0, between + within).logpdf(queries.numpy())
    for c in range(3):
        expected = multivariate_normal(means[c].numpy(), within).logpdf(queries.numpy()) - rest
        np.testing.assert_allclose(ours[:, c].numpy(), expected, atol=1e-6)


def test_with_classes_anywhere_it_is_the_plain_mean():
    # Nothing is known of class means: between two classes with n photos each, the score is
    # that of N(plain mean, (1 + 1/n) W).
    model = PhotoModel.of_background(some_background(4), torch.zeros(1, dtype=torch.float64))
    model = replace(model, between=torch.full((D,), 1e10).double())
    (x, labels), queries = photos(5, (3, 3)), normal(6, 5, D)
    ours = found(model, x, labels, queries, 2)
    _, within, _ = shrunk(some_background(4))
    scores = [
        multivariate_normal(x[labels == c].mean(0).numpy(), 4 / 3 * within).logpdf(queries.numpy())
        for c in range(2)
    ]
    np.testing.assert_allclose((ours[:, 0] - ours[:, 1]).numpy(), scores[0] - scores[1], atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_leave_one_out_is_evidence_refitted_without_the_photo(seed):
    (x, labels), k = photos(seed, (3, 1, 2, 0)), 4
    background = some_background(seed)

    def of_background(x, labels):
        return PhotoModel.of_background(background, x).centred(x, member(labels, k))

    def of_support(x, labels):
        return PhotoModel.of_support(x, labels, member(labels, k))

    for fit in (of_background, of_support):
        model, one_hot = fit(x, labels), member(labels, k)
        points = model.coordinates(x)
        sums, counts = one_hot.mT @ points, one_hot.sum(0)
        ours = leave_one_out(model, points, labels, sums, counts)
        for i in range(len(x)):
            if labels[i] == 1:  # its only photo
                assert (ours[i] == 0).all()
                continue
            kept = torch.arange(len(x)) != i
            refitted = fit(x[kept], labels[kept])
            expected = found(refitted, x[kept], labels[kept], x[i : i + 1])
            torch.testing.assert_close(ours[i : i + 1], expected)
        padded = torch.cat([points, 1e3 * torch.ones(2, D).double()])
        marked = torch.cat([labels, torch.tensor([-1, -1])])
        again = leave_one_out(model, padded, marked, sums, counts)
        torch.testing.assert_close(again[: len(x)], ours)
        both = leave_one_out(
            model, *(t.expand(2, *t.shape) for t in (points, labels, sums, counts))
        )
        torch.testing.assert_close(both, ours.expand(2, *ours.shape))


def test_photos_of_nothing_in_particular_are_told_by_chance_when_left_out():
    # a photo that stayed in any mean would be drawn to its own class
    x = normal(3, 400, 10, 64)
    labels = torch.arange(5).repeat(2).expand(400, 10)
    one_hot = member(labels, 5)
    flat = torch.eye(64, dtype=torch.float64)
    known = Background(torch.zeros(64).double(), flat, 1.5 * flat, 1000, "here", "made up")
    for model in (
        PhotoModel.of_support(x, labels, one_hot),
        PhotoModel.of_background(known, x).centred(x, one_hot),
    ):
        points = model.coordinates(x)
        told = leave_one_out(model, points, labels, one_hot.mT @ points, one_hot.sum(-2))
        assert (told.argmax(-1) == labels).double().mean() < 0.23


def test_of_support_is_the_same_spread_in_every_direction():
    x, labels = photos(8)
    rows, n = x.numpy(), len(x)
    m_0 = sum(rows) / n
    spread = sum((v - m_0) @ (v - m_0) for v in rows) / (n * D)
    scatter = 0.0
    for c in range(3):
        own = rows[labels.numpy() == c]
        scatter += sum((v - own.mean(0)) @ (v - own.mean(0)) for v in own) / D
    within = (2 * 0.7 * spread + scatter) / (2 + n - 3)  # two imagined photos; 3 classes seen
    between = max(spread / within - 1, 0.05) * within
    eye, queries = np.eye(D), normal(9, 5, D)
    model = PhotoModel.of_support(x, labels, member(labels, 4))
    expected = slowly(by_posterior, (m_0, within * eye, between * eye), x, labels, queries)
    torch.testing.assert_close(found(model, x, labels, queries), expected)
    assert "guessed" in model.source


@pytest.mark.parametrize(
    ("rows", "classes"),
    [
        ([[1.0, 0.0]], [1]),  # one photo
        ([[1.0, 0.0], [0.999, 0.001], [1.0, 0.01]], [1, 1, 1]),  # of one class, nearly alike
        ([[0.6, 0.8]] * 3, [0, 1, 1]),  # the same photo for two classes
        ([], []),
    ],
)
def test_where_a_support_tells_nothing_of_pictures_in_general_its_photos_say_nothing(rows, classes):
    for dtype in (torch.float32, torch.float64):
        x, labels = torch.tensor(rows, dtype=dtype).view(-1, 2), torch.tensor(classes).long()
        queries = normal(10, 5, 2).to(dtype)
        model = PhotoModel.of_support(x, labels, member(labels, 3).to(dtype))
        ours = found(model, x, labels, queries, 3)
        torch.testing.assert_close(ours, torch.zeros_like(ours), rtol=0, atol=1e-5)


@pytest.mark.parametrize("own_model", [False, True])
def test_refined_is_an_explicit_covariance(own_model):
    (x, labels), queries, k = photos(11, (5, 1, 3, 0)), normal(12, 6, D), 4
    one_hot = member(labels, k)
    if own_model:
        model = PhotoModel.of_support(x, labels, one_hot)
        change = np.eye(D) / np.sqrt(model.within.item())
        m_0, b = model.mean.numpy()[0], np.full(D, model.between.item())
    else:
        model = PhotoModel.of_background(some_background(11), x)
        change, m_0, b = model.basis.numpy(), model.mean.numpy(), model.between.numpy()
    rows = (x.numpy() - m_0) @ change
    scatter = np.zeros((D, D))
    for c in (0, 2):
        own = rows[labels.numpy() == c]
        for row in own:
            scatter += np.outer(row - own.mean(0), row - own.mean(0))
    covariance = (D * np.eye(D) + scatter) / (D + 4 + 2)  # 5 + 1 + 3 photos, 3 classes
    lens = np.linalg.inv(np.linalg.cholesky(covariance))
    whole = lens @ change.T
    diagonal = np.diag(np.diag(lens @ np.diag(b) @ lens.T))
    back = np.linalg.inv(whole)
    raw = (m_0, back @ back.T, back @ diagonal @ back.T)  # W and B of the photos themselves
    finer = model.refined(model.coordinates(x), one_hot)
    expected = slowly(by_posterior, raw, x, labels, queries)
    torch.testing.assert_close(found(finer, x, labels, queries), expected)
    np.testing.assert_allclose(raw[1], np.linalg.inv(change.T) @ covariance @ np.linalg.inv(change))


def test_photos_of_one_a_class_refine_nothing():
    x, labels = photos(13, (1, 1, 1))
    model = PhotoModel.of_background(some_background(13), x)
    assert model.refined(model.coordinates(x), member(labels, 3)) is model


def test_many_photos_overrule_a_wrong_background():
    mixing = normal(14, D, D)
    truth = mixing @ mixing.mT
    labels = torch.arange(3).repeat_interleave(20_000)
    x = normal(15, 3, D)[labels] + normal(16, len(labels), D) @ mixing.mT
    model = PhotoModel.of_background(some_background(17), x)
    finer = model.refined(model.coordinates(x), member(labels, 3))
    back = torch.linalg.inv(finer.lens @ finer.basis.mT)
    torch.testing.assert_close(back @ back.mT, truth, rtol=0.05, atol=0.05)


def test_claim_is_what_one_photo_tells_on_average():
    model = PhotoModel.of_background(some_background(18), torch.zeros(1, dtype=torch.float64))
    isotropic = replace(model, between=torch.tensor([[0.6]]).double(), basis=None)
    for m in (model, isotropic):
        b = m.between.expand(1, D)
        n = 40_000
        centres = b.sqrt() * normal(19, n, D)
        photo, other = centres + normal(20, n, D), centres + normal(21, n, D)
        told = evidence(
            m,
            other.unsqueeze(-2),
            photo.unsqueeze(-2),
            torch.ones(n, 1, dtype=torch.float64),
        ).flatten()
        error = told.std() / n**0.5
        assert error < 0.02
        assert (told.mean() - m.claim(D)).abs() < 4 * error


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 20))
def test_its_mean_under_the_background_is_minus_a_divergence(seed, n):
    # E log N(x; a, P) - log N(x; 0, T) for x from N(0, T) is -KL(N(0, T) || N(a, P)) <= 0.
    model = PhotoModel.of_background(some_background(seed), torch.zeros(1, dtype=torch.float64))
    b = model.between
    xs = (1 + b).sqrt() * normal(seed + 3, 20_000, D)
    sums = 3 * normal(seed + 4, 1, D) * n
    ours = evidence(model, xs, sums, torch.tensor([float(n)]).double()).flatten()
    mean, variance = sums[0] / (n + 1 / b), 1 + 1 / (n + 1 / b)
    ratio = (1 + b) / variance
    divergence = 0.5 * (ratio - 1 - ratio.log() + mean.square() / variance).sum()
    error = ours.std() / len(xs) ** 0.5
    assert (ours.mean() + divergence).abs() < 6 * error + 1e-9
    assert ours.mean() <= 6 * error


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 5, 50]))
def test_classes_do_not_gain_on_pictures_in_general_by_having_photos(seed, n):
    # Pictures of other classes, as the background really spreads (nothing shrunk).
    background = some_background(seed, 6)
    within = torch.linalg.cholesky(background.within)
    between = torch.linalg.cholesky(background.total - background.within)

    def pictures(start, classes, each):
        centres = normal(start, classes, 1, 6) @ between.mT
        return background.mean + centres + normal(start + 1, classes, each, 6) @ within.mT

    model = PhotoModel.of_background(background, torch.zeros(1, dtype=torch.float64))
    sums = model.coordinates(pictures(seed + 5, 100, n).flatten(0, 1)).view(100, n, 6).sum(1)
    strangers = model.coordinates(pictures(seed + 7, 2000, 1).flatten(0, 1))
    ours = evidence(model, strangers, sums, torch.full((100,), float(n)).double())
    assert ours.mean() < 0


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.floats(-20, 20))
def test_a_common_shift_changes_nothing(seed, shift):
    background = some_background(seed)
    (x, labels), queries = photos(seed + 3), normal(seed + 5, 5, D)
    moved = replace(background, mean=background.mean + shift)
    close = {"rtol": 1e-7, "atol": 1e-7}
    for one, other in (
        (PhotoModel.of_background(background, x), PhotoModel.of_background(moved, x)),
        (
            PhotoModel.of_support(x, labels, member(labels, 4)),
            PhotoModel.of_support(x + shift, labels, member(labels, 4)),
        ),
    ):
        told = found(other, x + shift, labels, queries + shift)
        torch.testing.assert_close(told, found(one, x, labels, queries), **close)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_photos_in_any_order_and_in_several_calls(seed):
    (x, labels), queries = photos(seed, (5, 2, 3)), normal(seed + 1, 4, D)
    model = PhotoModel.of_background(some_background(seed), x)
    whole = found(model, x, labels, queries, 3)
    order = torch.randperm(10, generator=draw(seed))
    torch.testing.assert_close(found(model, x[order], labels[order], queries, 3), whole)
    points, one_hot = model.coordinates(x), member(labels, 3)
    sums = sum(one_hot[i : i + 1].mT @ points[i : i + 1] for i in range(10))
    again = evidence(model, model.coordinates(queries), sums, one_hot.sum(0))
    torch.testing.assert_close(again, whole, rtol=1e-6, atol=1e-9)


def test_a_batch_is_a_loop_and_padding_counts_for_nothing():
    background, queries = some_background(22), normal(23, 2, 5, D)
    episodes = [photos(24, (3, 1, 2, 0)), photos(25, (2, 2, 0, 1))]
    x = torch.stack([torch.cat([x, normal(26, 6 - len(x), D)]) for x, _ in episodes])
    labels = torch.stack([torch.cat([y, torch.full((6 - len(y),), -1)]) for _, y in episodes])
    for batch, single in (
        (
            PhotoModel.of_background(background, x),
            [PhotoModel.of_background(background, x)] * 2,
        ),
        (
            PhotoModel.of_support(x, labels, member(labels, 4)),
            [PhotoModel.of_support(x, y, member(y, 4)) for x, y in episodes],
        ),
    ):
        expected = [
            found(m.refined(m.coordinates(x), member(y, 4)), x, y, q)
            for m, (x, y), q in zip(single, episodes, queries, strict=True)
        ]
        finer = batch.refined(batch.coordinates(x), member(labels, 4))
        torch.testing.assert_close(found(finer, x, labels, queries), torch.stack(expected))


def test_a_background_without_differences_between_classes_says_nearly_nothing():
    within = some_background(27).within
    background = Background(torch.zeros(D), within, within, 9, "here", "made up")
    (x, labels), queries = photos(28), normal(29, 5, D)
    ours = found(PhotoModel.of_background(background, x), x, labels, queries)
    assert ours.abs().max() < 0.1


def test_single_precision_is_near_double():
    background = some_background(30)
    (x, labels), queries = photos(31), normal(32, 5, D)
    exact = found(PhotoModel.of_background(background, x), x, labels, queries)
    x, queries = x.float(), queries.float()
    ours = found(PhotoModel.of_background(background, x), x, labels, queries)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours.double(), exact, rtol=1e-4, atol=1e-4)


def test_a_background_first_met_in_inference_mode_serves_gradients_later():
    background, (x, labels) = some_background(33), photos(34)
    with torch.inference_mode():
        PhotoModel.of_background(background, x)
    queries = normal(35, 3, D).requires_grad_()
    found(PhotoModel.of_background(background, x), x, labels, queries).sum().backward()
    assert queries.grad.isfinite().all()
