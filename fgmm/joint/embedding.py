"""Pictures and what a graph knows of classes in one space: `JointEmbedding`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fgmm.errors import DatasetError, SpaceMismatch, StoreError
from fgmm.joint.class_inputs import ClassInputs
from fgmm.joint.contrastive import FittedContrastiveEmbedding
from fgmm.joint.embedding_choice import choose_embedding
from knowledge import Trait

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from fgmm.embeddings import Embeddings
    from knowledge import Concept, KnowledgeGraph

__all__ = ["JointEmbedding"]

_FORMAT = "fgmm-joint-embedding-3"


@dataclass(frozen=True, slots=True, eq=False)
class JointEmbedding:
    """What pictures look like, learned in terms of a graph's attributes and taxonomy.

    It is trained on base classes, of which there are pictures, and scores any class of which
    the graph knows something. Make one with `train` or `load`.

    Parameters
    ----------
    inputs : ClassInputs
        Which attributes and ancestors describe a class.
    fitted : FittedContrastiveEmbedding
        The two maps.
    sharpness : float
        Nats a cosine of 1 is worth: the softmax temperature that made held-out base classes
        likeliest.
    space : str
        Fingerprint of the features it reads.
    about : dict
        Base classes, what was chosen, and accuracies of held-out base classes, in [0, 1].

    Examples
    --------
    >>> import torch
    >>> from fgmm.embeddings import Embeddings
    >>> from knowledge import load_pack
    >>> flowers = load_pack("flowers")
    >>> base = ["sunflower", "oxeye daisy", "tiger lily", "snapdragon"]
    >>> pictures = torch.nn.functional.normalize(torch.eye(4, 6).repeat(3, 1) + 0.1, dim=1)
    >>> seen = Embeddings(pictures, "made up")
    >>> joint = JointEmbedding.train(flowers, seen, base * 3, folds=2)
    >>> logits = joint.logits(flowers, seen, ["sunflower", "gazania"])
    >>> logits.shape
    torch.Size([12, 2])
    """

    inputs: ClassInputs
    fitted: FittedContrastiveEmbedding
    sharpness: float
    space: str
    about: dict[str, object]

    @classmethod
    def train(
        cls,
        graph: KnowledgeGraph,
        features: Embeddings,
        labels: Sequence[str],
        *,
        folds: int = 5,
        seed: int = 0,
        progress: bool | None = None,
    ) -> JointEmbedding:
        """Learn from pictures of base classes.

        The parameters of the two maps and the sharpness are chosen on held-out base classes
        (`choose`). Nothing is chosen on classes that are asked for later.

        Parameters
        ----------
        graph : KnowledgeGraph
            Has every label.
        features : Embeddings of n rows
            Of pictures. Vectors before the projection ("features") are often the better ones.
        labels : sequence of n str
            Concept of each picture: an id or a name.
        folds : int, default=5
            Into how many parts the base classes are split; at least twice as many are needed.
        seed : int, default=0
            Of the split and of the contrast.
        progress : bool, optional
            False: no bar. By default there is one after two seconds, on a terminal.

        Returns
        -------
        JointEmbedding

        Raises
        ------
        ConceptNotFound, AmbiguousName
            If the graph has no such concept, or several.
        DatasetError
            If the classes are too few, or the graph tells nothing that differs between them.
        """
        if len(labels) != len(features.vectors):
            raise DatasetError(
                f"{len(labels)} labels for {len(features.vectors)} pictures: give one each"
            )
        ids = {label: graph.find(label).id for label in dict.fromkeys(labels)}
        base = sorted(set(ids.values()))
        place = {one: row for row, one in enumerate(base)}
        y = torch.tensor([place[ids[label]] for label in labels], device=features.vectors.device)
        inputs = ClassInputs.of(graph, base)
        if not inputs.traits:
            raise DatasetError(
                f"no attribute differs between the {len(base)} base classes, such as {base[0]!r}: "
                "the graph must say what they look like; add has-attribute relations"
            )
        x, rows = features.vectors.float(), inputs.rows(graph, base).to(features.vectors.device)

        chosen = choose_embedding(
            x, y, rows, inputs.widths, folds=folds, seed=seed, progress=progress
        )
        method = chosen.method
        about = {
            "base": base,
            "penalty": method.penalty,
            "ancestors": method.weights[1],
            "steps": method.steps,
            "held-out accuracy": chosen.accuracy,
            "seed": seed,
        }
        fitted = method.fit(x, y, rows)
        return cls(inputs, fitted, chosen.sharpness, features.space, about)

    def logits(
        self, graph: KnowledgeGraph, features: Embeddings, concepts: Iterable[str | Concept]
    ) -> Tensor:
        """Say what the graph's knowledge of classes tells about pictures.

        Parameters
        ----------
        graph : KnowledgeGraph
            Where the classes are.
        features : Embeddings of q rows
            Of the space it was trained in.
        concepts : iterable of k str or Concept
            Any classes: base ones, new ones, or both.

        Returns
        -------
        Tensor of shape (q, k)
            Logits in nats: ``sharpness`` times a cosine; 0 for a class that has none of the
            attributes or ancestors that were learned.

        Raises
        ------
        SpaceMismatch
            If the features are another encoder's or layer's.
        ConceptNotFound, AmbiguousName
            As in `KnowledgeGraph.find`.
        """
        return self.picture_scores(features) @ self.class_weights(graph, concepts).mT

    def picture_scores(self, features: Embeddings) -> Tensor:
        """Say how far pictures go along each attribute and ancestor.

        A class's weight (`class_weights`) times this is what the column adds to its logit; the
        sum over the columns is `logits`.

        Parameters
        ----------
        features : Embeddings of q rows
            Of the space it was trained in.

        Returns
        -------
        Tensor of shape (q, columns)
            Nats that a weight of 1 is worth. Columns are ``inputs.traits``, then
            ``inputs.ancestors``.

        Raises
        ------
        SpaceMismatch
            If the features are another encoder's or layer's.
        """
        if features.space != self.space:
            raise SpaceMismatch(
                f"features are of space {features.space!r}, and this embedding was trained in "
                f"{self.space!r}: use the encoder and layer it was trained with"
            )
        return self.sharpness * self.fitted.picture_scores(features.vectors.float())

    def class_weights(self, graph: KnowledgeGraph, concepts: Iterable[str | Concept]) -> Tensor:
        """Give the weight each attribute and ancestor has for classes.

        Parameters
        ----------
        graph : KnowledgeGraph
            Where the classes are.
        concepts : iterable of k str or Concept
            Any classes.

        Returns
        -------
        Tensor of shape (k, columns)
            Of either sign, without a unit: above 0 where a class has more of the column than the
            mean base class, below 0 where less; 0 throughout for a class of which nothing is
            known. On the device the embedding is on. Columns as in `picture_scores`.

        Raises
        ------
        ConceptNotFound, AmbiguousName
            As in `KnowledgeGraph.find`.
        """
        rows = self.inputs.rows(graph, concepts)
        return self.fitted.class_weights(rows.to(self.fitted.centre.device))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``joint.safetensors`` and ``joint.json`` into a folder.

        Parameters
        ----------
        folder : str or path
            Made if it is not there.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        tensors = {
            name: getattr(self.fitted, name).contiguous().cpu()
            for name in ("mean", "image_map", "centre", "class_map")
        }
        save_file(tensors, path / "joint.safetensors")
        told = {
            "format": _FORMAT,
            "space": self.space,
            "sharpness": self.sharpness,
            "weights": self.fitted.weights,
            "inputs": asdict(self.inputs),
            "about": self.about,
        }
        (path / "joint.json").write_text(json.dumps(told, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> JointEmbedding:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : str or path
            That was given to `save`.

        Returns
        -------
        JointEmbedding

        Raises
        ------
        StoreError
            If the files are missing, or something else.
        """
        path = Path(folder)
        try:
            told = json.loads((path / "joint.json").read_text(encoding="utf-8"))
            if told["format"] != _FORMAT:
                raise StoreError(
                    f"{path / 'joint.json'} is of format {told['format']!r}, and this version "
                    f"reads {_FORMAT!r}: train it again, or use the fgmm that wrote it"
                )
            traits = tuple(Trait(*t) for t in told["inputs"]["traits"])
            inputs = ClassInputs(traits, tuple(told["inputs"]["ancestors"]))
            tensors = load_file(path / "joint.safetensors")
            fitted = FittedContrastiveEmbedding(
                **tensors, widths=inputs.widths, weights=tuple(told["weights"])
            )
            return cls(inputs, fitted, float(told["sharpness"]), told["space"], told["about"])
        except StoreError:
            raise
        except Exception as error:  # whatever a damaged file makes the readers say
            raise StoreError(
                f"{path} holds no joint embedding ({type(error).__name__}: {error}): give the "
                "folder that JointEmbedding.save wrote"
            ) from error
