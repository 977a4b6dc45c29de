"""Graph regression against plain layers, numpy, and graphs small enough to see through."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgmm.errors import DatasetError
from fgmm.joint import GraphRegression
from fgmm.joint.gcn_regression import ridge_classifiers

CHAIN = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]], dtype=torch.float64)
CHAIN = CHAIN / CHAIN.sum(1, keepdim=True)


@pytest.fixture
def task():
    """Nodes, features, labels, and the nodes of the three base classes."""
    random = torch.Generator().manual_seed(7)
    nodes = torch.randn(4, 3, generator=random)
    features = torch.randn(9, 5, generator=random, dtype=torch.float64)
    return nodes, features, torch.arange(9) % 3, torch.tensor([3, 0, 2])


def loss(fitted, features, labels, classes, penalty):
    target = ridge_classifiers(features, labels, len(classes), penalty).numpy()
    target /= np.linalg.norm(target, axis=1, keepdims=True)
    return ((fitted.weights[classes].numpy() - target) ** 2).sum() / (2 * len(classes))


def test_ridge_classifiers_against_scikit_learn(task):
    from sklearn.linear_model import Ridge

    _, features, labels, _ = task
    ridge = Ridge(alpha=0.3, fit_intercept=False).fit(features.numpy(), np.eye(3)[labels])
    np.testing.assert_allclose(ridge_classifiers(features, labels, 3, 0.3), ridge.coef_, rtol=1e-9)


def test_without_training_it_is_two_layers_in_numpy(task):
    nodes, features, labels, classes = task
    graph = GraphRegression(nodes, CHAIN, hidden=6, steps=0, seed=2)
    found = graph.fit(features, labels, classes).weights
    random = torch.Generator().manual_seed(2)
    first = (2 * torch.rand(3, 6, generator=random).numpy() - 1) * np.sqrt(6 / 9)
    second = (2 * torch.rand(6, 5, generator=random).numpy() - 1) * np.sqrt(6 / 11)
    inputs = nodes.numpy() / np.linalg.norm(nodes.numpy(), axis=1, keepdims=True)
    hidden = CHAIN.numpy() @ inputs @ first
    hidden = np.where(hidden > 0, hidden, 0.2 * hidden)
    expected = CHAIN.numpy() @ hidden @ second
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_against_modules_of_torch(task, dropout):
    nodes, features, labels, classes = task
    graph = GraphRegression(
        nodes, CHAIN, hidden=6, dropout=dropout, steps=7, learning_rate=0.01, weight_decay=0.1
    )
    found = graph.fit(features, labels, classes).weights
    random = torch.Generator().manual_seed(0)
    one, two = torch.nn.Linear(3, 6), torch.nn.Linear(6, 5)
    for layer in (one, two):
        wide, high = layer.weight.shape[::-1]
        drawn = (2 * torch.rand(wide, high, generator=random) - 1) * (6 / (wide + high)) ** 0.5
        layer.weight.data = drawn.T.contiguous()
        layer.bias.data.zero_()
    parameters = [*one.parameters(), *two.parameters()]
    solver = torch.optim.Adam(parameters, lr=0.01, weight_decay=0.1)
    target = ridge_classifiers(features, labels, 3, 1.0).float()
    target = target / target.norm(dim=1, keepdim=True)
    inputs = nodes / nodes.norm(dim=1, keepdim=True)

    def forward(share):
        x = inputs
        for i, layer in enumerate((one, two)):
            if share:
                x = x * (torch.rand(x.shape, generator=random) >= share) / (1 - share)
            x = CHAIN.float() @ (layer(x) - layer.bias) + layer.bias
            x = torch.nn.functional.leaky_relu(x, 0.2) if i == 0 else x
        return x / x.norm(dim=1, keepdim=True)

    for _ in range(7):
        solver.zero_grad()
        error = (forward(dropout)[classes] - target).square().sum() / 6
        error.backward()
        solver.step()
    torch.testing.assert_close(found, forward(0).detach(), rtol=1e-4, atol=1e-5)


def test_training_brings_base_classes_near_their_classifiers(task):
    nodes, features, labels, classes = task
    settings = {"hidden": 32, "dropout": 0.0, "learning_rate": 0.01, "weight_decay": 0.0}
    before, after = (
        loss(
            GraphRegression(nodes, torch.eye(4), steps=steps, **settings).fit(
                features, labels, classes
            ),
            features,
            labels,
            classes,
            1.0,
        )
        for steps in (0, 300)
    )
    assert before > 0.1
    assert after < 1e-3


def test_a_node_between_two_like_classes_gets_their_classifier():
    # nodes 0 and 1 are base classes on either side, 2 is joined to 0 and 3 to 1;
    # the unseen ones have nothing of their own to go by
    features = torch.eye(2).repeat(3, 1)
    adjacency = torch.eye(4)
    adjacency[2] = adjacency[0]
    adjacency[3] = adjacency[1]
    nodes = torch.cat([torch.eye(2), torch.zeros(2, 2)])
    graph = GraphRegression(nodes, adjacency, hidden=16, learning_rate=0.01)
    fitted = graph.fit(features, torch.arange(2).repeat(3), torch.arange(2))
    torch.testing.assert_close(fitted.weights[2:], fitted.weights[:2])
    assert fitted.scores(torch.eye(2), torch.tensor([2, 3])).argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize("layout", ["coo", "csr"])
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning")
def test_sparse_and_dense_graphs_agree(task, layout):
    nodes, *data = task
    sparse = CHAIN.to_sparse_coo() if layout == "coo" else CHAIN.to_sparse_csr()
    one, other = (
        GraphRegression(nodes, adjacency, hidden=6, steps=20).fit(*data).weights
        for adjacency in (CHAIN, sparse)
    )
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_numbering_of_nodes_and_classes_does_not_matter(task):
    nodes, features, labels, classes = task
    order = torch.tensor([2, 0, 3, 1])
    settings = {"hidden": 6, "dropout": 0.0, "steps": 20}
    one = GraphRegression(nodes, CHAIN, **settings).fit(features, labels, classes)
    graph = GraphRegression(nodes[order], CHAIN[order][:, order], **settings)
    place, turn = order.argsort(), torch.tensor([1, 2, 0])
    other = graph.fit(features, turn.argsort()[labels], place[classes[turn]])
    torch.testing.assert_close(one.weights[order], other.weights, rtol=1e-4, atol=1e-5)


def test_scores_are_inner_products_with_unit_vectors(task):
    nodes, features, labels, classes = task
    fitted = GraphRegression(nodes, CHAIN, hidden=6, steps=2).fit(features, labels, classes)
    torch.testing.assert_close(fitted.weights.norm(dim=1), torch.ones(4))
    scores = fitted.scores(features, torch.tensor([1, 3]))
    expected = (features[4].float() @ fitted.weights[3]).item()
    assert scores[4, 1].item() == pytest.approx(expected, rel=1e-5)
    assert scores.shape == (9, 2)


def test_a_seed_gives_the_same_weights_and_leaves_torchs_alone(task):
    nodes, *data = task
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, other, third = (
        GraphRegression(nodes, CHAIN, hidden=6, steps=3, seed=seed).fit(*data).weights
        for seed in (4, 4, 5)
    )
    assert torch.equal(one, other)
    assert not torch.equal(one, third)
    assert torch.equal(torch.get_rng_state(), state)


def test_graphs_that_do_not_fit_are_refused(task):
    nodes, *_ = task
    with pytest.raises(DatasetError, match=r"adjacency has shape \(3, 4\)"):
        GraphRegression(nodes, CHAIN[:3])
    with pytest.raises(DatasetError, match="floating-point numbers of shape"):
        GraphRegression(nodes, torch.ones(4, 4, dtype=torch.int64))
    hole = CHAIN.clone()
    hole[1, 1] = float("nan")
    for adjacency in (hole, hole.to_sparse_coo()):
        with pytest.raises(DatasetError, match="not finite: a node without neighbours"):
            GraphRegression(nodes, adjacency)
    with pytest.raises(DatasetError, match="nodes, row 0, column 0 is nan"):
        GraphRegression(nodes * float("nan"), CHAIN)


def test_data_that_do_not_fit_are_refused(task):
    nodes, features, labels, classes = task
    graph = GraphRegression(nodes, CHAIN, hidden=4, steps=1)
    with pytest.raises(DatasetError, match="class 4 is no node: the graph has 4, numbered 0 to 3"):
        graph.fit(features, labels, classes + 1)
    with pytest.raises(DatasetError, match="name a node twice"):
        graph.fit(features, labels, torch.tensor([3, 0, 3]))
    with pytest.raises(DatasetError, match="takes the int64 number of each class's node"):
        graph.fit(features, labels, nodes)
    with pytest.raises(DatasetError, match="label 2 is no class"):
        graph.fit(features, labels, classes[:2])
    with pytest.raises(DatasetError, match="class 1 has no picture"):
        graph.fit(features[labels != 1], labels[labels != 1], classes)
    with pytest.raises(DatasetError, match="features, row 0, column 0 is nan"):
        graph.fit(features * float("nan"), labels, classes)
    fitted = graph.fit(features, labels, classes)
    with pytest.raises(DatasetError, match="features have width 4"):
        fitted.scores(features[:, :4], classes)
    with pytest.raises(DatasetError, match="class -1 is no node"):
        fitted.scores(features, torch.tensor([-1]))


def test_parameters_out_of_range_are_refused(task):
    nodes, *_ = task
    for settings, message in (
        ({"hidden": 0}, "hidden is 0"),
        ({"dropout": 1.0}, "dropout is 1.0: give a share of 0 to below 1"),
        ({"steps": -1}, "steps is -1"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0: it must be finite and at least 0"),
        ({"penalty": 0.0}, "penalty is 0.0: it must be finite and above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            GraphRegression(nodes, CHAIN, **settings)
