"""Classifier weights of all classes of a graph, regressed on by a graph convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import leaky_relu, normalize

from fewshot.descent import check_training
from fgmm.errors import DatasetError
from fgmm.joint.regression_inputs import check_labelled, check_number, check_rows, sum_by_class

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FittedGraphRegression", "GraphRegression", "ridge_classifiers"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FittedGraphRegression:
    """What `GraphRegression.fit` gives.

    Parameters
    ----------
    weights : Tensor of shape (nodes, d), float32
        A classifier for every node of the graph, of unit length.
    """

    weights: Tensor

    def scores(self, features: Tensor, classes: Tensor) -> Tensor:
        """Score pictures by their inner products with the classes' predicted classifiers.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures.
        classes : Tensor of shape (k2,), int64
            Nodes of the classes in the graph.

        Returns
        -------
        Tensor of shape (q, k2)
            Inner products with unit vectors: cosines, if the features are unit rows.

        Raises
        ------
        DatasetError
            If the width is not that of the fit, a number is not finite, or a node is not there.
        """
        check_rows(features, "features", self.weights.shape[1])
        _check_nodes(classes, len(self.weights))
        kind = torch.promote_types(features.dtype, self.weights.dtype)
        return features.to(kind) @ self.weights[classes].to(kind).T


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GraphRegression:
    """Two layers of graph convolution from what is known of nodes to classifiers of classes.

    With A the normalised adjacency and V the inputs of the nodes::

        H = leaky_relu(A dropout(V) T_1 + b_1)
        W = A dropout(H) T_2 + b_2,      rows divided by their length

    trained so that the rows of the base classes come near classifiers fitted to their pictures.

    It keeps to the protocol of `ClassRegression` with one deviation: all nodes of the graph are
    needed at once, those of unseen classes and those that are no class too. So the graph is
    given at the start, and ``classes`` are numbers of its nodes, in place of vectors. With that,
    `choose` works as for the others.

    Parameters
    ----------
    nodes : Tensor of shape (nodes, m)
        What is known of each node, such as the embedding of its name; rows are divided by their
        length, as DGP's authors do.
    adjacency : Tensor of shape (nodes, nodes)
        Normalised, each node joined to itself; dense or sparse. Such as `knowledge.Adjacency`'s
        ``normalised("row", self_loops=True)``, which is DGP's.
    hidden : int, default=512
        Width of H. The authors of DGP have 2048, for 21,000 classes.
    dropout : float, default=0.5
        Share of the inputs of a layer that is dropped in training, as in DGP; 0 to below 1.
    steps : int, default=300
        Of Adam, the whole graph in each. DGP's authors take 3,000.
    learning_rate : float, default=0.001
        Of Adam, as in both papers.
    weight_decay : float, default=0.0005
        Of Adam, as in both papers.
    penalty : float, default=1.0
        Of the ridge regression that gives the base classes' classifiers; positive.
    seed : int, default=0
        Of the layers at first, and of the dropout.

    Raises
    ------
    DatasetError
        If the graph and its inputs do not fit together.
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Deviations. (1) Two layers as in DGP; GCNZ has six. DGP's links to distant nodes and its
    weights by distance are a matter of the adjacency, so of the caller. (2) The classifiers to
    come near are ridge regressions on the features given, where the papers take a trained
    network's last layer.

    References
    ----------
    Wang, Ye, Gupta: Zero-shot recognition via semantic embeddings and knowledge graphs. CVPR
    2018 (GCNZ).

    Kampffmeyer et al.: Rethinking knowledge graph propagation for zero-shot learning. CVPR 2019
    (DGP); values are of the authors' code.

    Examples
    --------
    >>> graph = GraphRegression(torch.eye(3), torch.eye(3), dropout=0, learning_rate=0.05)
    >>> fitted = graph.fit(torch.eye(2), torch.tensor([0, 1]), torch.tensor([2, 0]))
    >>> fitted.scores(torch.tensor([[1.0, 0.0]]), torch.tensor([0, 2])).argmax(-1)
    tensor([1])
    """

    nodes: Tensor
    adjacency: Tensor
    hidden: int = 512
    dropout: float = 0.5
    steps: int = 300
    learning_rate: float = 0.001
    weight_decay: float = 0.0005
    penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_rows(self.nodes, "nodes")
        n = len(self.nodes)
        if self.adjacency.shape != (n, n) or not self.adjacency.is_floating_point():
            raise DatasetError(
                f"adjacency has shape {tuple(self.adjacency.shape)} and type "
                f"{self.adjacency.dtype}: there are {n} nodes, so give floating-point numbers of "
                f"shape ({n}, {n})"
            )
        entries = _coordinates(self.adjacency)
        if entries.is_sparse:
            entries = entries.values()
        if not entries.isfinite().all():
            raise DatasetError(
                "adjacency has a number that is not finite: a node without neighbours was perhaps "
                "divided by its degree; join each node to itself"
            )
        if self.hidden < 1 or self.hidden != int(self.hidden):
            raise ValueError(f"hidden is {self.hidden}: give a whole number of at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give a share of 0 to below 1")
        check_training(self.steps, self.learning_rate)
        check_number("weight_decay", self.weight_decay, above=False)
        check_number("penalty", self.penalty)

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedGraphRegression:
        """Train the convolutions on base classes, and predict every node's classifier.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Of pictures of base classes.
        labels : Tensor of shape (n,), int64
            Places in ``classes``.
        classes : Tensor of shape (k,), int64
            Nodes of the base classes in the graph, each once.

        Returns
        -------
        FittedGraphRegression

        Raises
        ------
        DatasetError
            If the three do not fit together, or not with the graph.
        """
        _check_nodes(classes, len(self.nodes))
        if torch.bincount(classes).max() > 1:
            raise DatasetError("classes name a node twice: give every base class a node of its own")
        check_labelled(features, labels, len(classes))
        target = normalize(ridge_classifiers(features, labels, len(classes), self.penalty))
        target, nodes = target.float(), normalize(self.nodes.float())
        adjacency = _coordinates(self.adjacency).float()
        random = torch.Generator().manual_seed(self.seed)
        layers = [
            part
            for start, end in ((nodes.shape[1], self.hidden), (self.hidden, target.shape[1]))
            for part in _layer(start, end, random, nodes)
        ]
        solver = torch.optim.Adam(layers, lr=self.learning_rate, weight_decay=self.weight_decay)
        for _ in range(self.steps):
            with torch.enable_grad():
                found = _convolve(adjacency, nodes, layers, self.dropout, random)
                loss = (found[classes] - target).square().sum(-1).mean() / 2
            for part, gradient in zip(layers, torch.autograd.grad(loss, layers), strict=True):
                part.grad = gradient
            solver.step()
        return FittedGraphRegression(_convolve(adjacency, nodes, layers, 0, random).detach())


def ridge_classifiers(features: Tensor, labels: Tensor, k: int, penalty: float) -> Tensor:
    """Classifiers by ridge regression from features to one-hot classes, without intercepts.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        Of pictures.
    labels : Tensor of shape (n,), int64
        In [0, k).
    k : int
        How many classes there are.
    penalty : float
        On the squared length of a classifier; positive.

    Returns
    -------
    Tensor of shape (k, d), float64

    Examples
    --------
    >>> ridge_classifiers(torch.eye(2), torch.tensor([1, 0]), 2, 1.0)
    tensor([[0.0000, 0.5000],
            [0.5000, 0.0000]], dtype=torch.float64)
    """
    x = features.double()
    gram = x.T @ x + penalty * torch.eye(x.shape[1]).to(x)
    weights: Tensor = torch.linalg.solve(gram, sum_by_class(x, labels, k).T)
    return weights.T


def _check_nodes(classes: Tensor, n: int) -> None:
    if classes.ndim != 1 or classes.dtype != torch.int64 or not len(classes):
        raise DatasetError(
            f"classes have shape {tuple(classes.shape)} and type {classes.dtype}: a graph "
            "regression takes the int64 number of each class's node"
        )
    strange = classes[(classes < 0) | (classes >= n)]
    if len(strange):
        raise DatasetError(
            f"class {strange[0].item()} is no node: the graph has {n}, numbered 0 to {n - 1}"
        )


def _coordinates(adjacency: Tensor) -> Tensor:
    """A sparse matrix as coordinates and values; a dense one as it is."""
    if adjacency.layout == torch.strided:
        return adjacency
    sparse: Tensor = adjacency.to_sparse_coo()  # type: ignore[no-untyped-call]
    return sparse.coalesce()


def _layer(start: int, end: int, random: torch.Generator, like: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (Glorot's uniform) and intercepts."""
    bound = (6 / (start + end)) ** 0.5
    weights = (2 * torch.rand(start, end, generator=random) - 1) * bound
    return weights.to(like).requires_grad_(), like.new_zeros(end).requires_grad_()


def _convolve(
    adjacency: Tensor,
    nodes: Tensor,
    layers: list[Tensor],
    dropout: float,
    random: torch.Generator,
) -> Tensor:
    first, shift, second, last_shift = layers
    hidden = adjacency @ (_drop(nodes, dropout, random) @ first) + shift
    hidden = leaky_relu(hidden, 0.2)
    weights = adjacency @ (_drop(hidden, dropout, random) @ second) + last_shift
    return normalize(weights)


def _drop(values: Tensor, share: float, random: torch.Generator) -> Tensor:
    if not share:
        return values
    kept = torch.rand(values.shape, generator=random) >= share
    return values * kept.to(values) / (1 - share)
