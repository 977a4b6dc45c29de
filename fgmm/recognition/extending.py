"""The part of a recogniser that puts new species beside a model somebody already has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.registry import DEFAULT_ENCODER
from fgmm.recognition.extension import ExtendedClassifier
from fgmm.recognition.own_model import read_model

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from PIL.Image import Image

    from fgmm.encoders.base import ImageEncoder
    from fgmm.recognition.model_answers import Outputs
    from fgmm.recognition.own_model import ModelKind

__all__ = ["Extending"]


class Extending:
    """Extends: what a `fgmm.Recognizer` does for classifiers people already have."""

    @classmethod
    def extend(
        cls,
        model: Any,
        labels: Iterable[str] | None = None,
        *,
        kind: ModelKind = "auto",
        preprocess: Callable[[Image], Any] | None = None,
        outputs: Outputs | None = None,
        examples: Any = None,
        lose: float = 0.01,
        encoder: str | ImageEncoder | None = None,
        library: str | os.PathLike[str] | None = None,
        batch_size: int = 32,
        progress: bool | None = None,
        **more: Any,
    ) -> ExtendedClassifier:
        """Let a model of one's own go on answering, and learn new species beside its classes.

        Parameters
        ----------
        model : callable, torch.nn.Module, scikit-learn classifier or transformers pipeline
            It is asked, never changed.
        labels : iterable of str, optional
            Names of its classes, in the order of its outputs. A scikit-learn classifier and a
            pipeline have their own.
        kind : {"auto", "callable", "torch", "sklearn", "pipeline"}, default="auto"
            What it is.
        preprocess : callable, optional
            Takes one picture (PIL, upright RGB) and gives what the model is given of it: a tensor
            for a torch module (needed), a row of numbers for scikit-learn (by default the
            encoder's vector, layer "features"), anything for a function (by default the picture).
        outputs : {"logits", "probabilities"}, optional
            What a function or module gives; logits if not said, see
            `fgmm.recognition.own_model.read_model`.
        examples : pictures, or mapping of str to pictures, optional
            Pictures of the model's classes, by label if that is known. They set the level: at
            most ``lose`` of them, each judged as if it had not been given, lose their right
            answer to new species (without labels: go there); of more than 50 million divided by
            the number of classes, as many, evenly spread. They also show what the old
            classes look like; two of a class at least do. They are not kept in the library.
            Without any, the labels' words and the encoder's background stand in, and nothing is
            promised; an encoder without a background (all but ``tiny``) needs them. One that is
            given as a photo of a new species too counts as that.
        lose : float, default=0.01
            Above, in [0, 1).
        encoder : str or encoder, optional
            What compares photos; ``tiny``, or that of the library.
        library : path, optional
            A file for the new species, made if it is not there, as `open` does.
        batch_size : int, default=32
            Pictures the model is given at a time.
        progress : bool, optional
            False: no bar while examples are looked at.
        **more
            ``background``, ``templates``, ``concept``: as of the class.

        Returns
        -------
        ExtendedClassifier
            With ``add_species``, ``classify``, ``tradeoff`` and more.

        Raises
        ------
        ModelError
            If the model cannot be read, or does not answer as its labels want it.
        LibraryError
            If a species of the library is called as one of the labels.
        SpaceMismatch, StoreError
            As of `open`.
        ImageError
            If there are examples and none can be read.

        Examples
        --------
        >>> from PIL import Image
        >>> from fgmm import Recognizer
        >>> def brightness(pictures):  # a model of one's own: logits of two classes
        ...     grey = [one.convert("L").resize((1, 1)).getpixel((0, 0)) for one in pictures]
        ...     return [[3 - value / 40, value / 40 - 3] for value in grey]
        >>> blues = [Image.new("RGB", (32, 32), blue) for blue in ("#2020d0", "#1030e0")]
        >>> whites = [Image.new("RGB", (32, 32), white) for white in ("#ffffff", "#f0f0ff")]
        >>> old = {"dark": blues, "light": whites}
        >>> mine = Recognizer.extend(brightness, ["dark", "light"], examples=old, encoder="fake")
        >>> reds = [Image.new("RGB", (32, 32), red) for red in ("#e01020", "#d02030")]
        >>> added = mine.add_species("ruby", reds)
        >>> mine.classify(Image.new("RGB", (32, 32), "#d81828")).label
        'ruby'
        """
        own = read_model(
            model,
            labels,
            kind=kind,
            preprocess=preprocess,
            outputs=outputs,
            batch_size=batch_size,
        )
        maker: Any = cls
        there = library is not None and Path(library).exists()
        if there:
            made = maker.open(library, encoder, **more)
        else:
            made = maker(DEFAULT_ENCODER if encoder is None else encoder, **more)
        try:
            extended = ExtendedClassifier(
                own,
                made,
                made._layers,
                made._make,
                examples=examples,
                lose=lose,
                brings_background=made._background is not None,
                progress=progress,
            )
            if library is not None and not there:  # last: what is refused leaves no file behind
                texts = made.library.texts.get()
                made.library = maker.open(library, encoder, **more).library
                made.library.texts.put(texts)
        except BaseException:
            made.close()
            raise
        return extended
