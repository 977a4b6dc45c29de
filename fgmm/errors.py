"""The errors fgmm raises. Each is also the builtin one would expect.

::

    FgmmError
    ├── ImageError (ValueError)              a picture that cannot be read
    ├── DeviceError (ValueError)             a device or kind of number that is not to be had here
    ├── EncoderNotFound (LookupError)        no encoder of that name
    ├── WeightsNotFound (FileNotFoundError)  an encoder whose files are not on this machine
    ├── EncoderBroken (ValueError)           weights without preprocessing, wrong or unsafe files
    ├── SpaceMismatch (ValueError)           vectors of two encoders compared
    ├── TextTooLong (ValueError)             a text longer than the encoder reads
    ├── CandidateError (ValueError)          candidate texts that cannot be told apart or are empty
    ├── DatasetError (ValueError)            labelled pictures that are not there, or do not fit
    ├── LibraryError (ValueError)            a change that a library of species cannot take
    ├── SpeciesNotFound (LookupError)        no species of that name in the library
    ├── ModelError (ValueError)              a model to be extended that cannot be asked
    ├── TrainingError (ValueError)           a training that cannot be done or taken up
    ├── TrainingDiverged (ArithmeticError)   a loss that is no number
    ├── ExportError (ValueError)             an encoder that cannot be written in another format
    ├── MissingExtra (ImportError)           something that an optional package would do
    └── StoreError (OSError)                 a cache, library or embedding file that is not what it
                                             should be, or cannot be read or written

A message says what is wrong, with the value; then the rule; then the cure.
"""

from __future__ import annotations

__all__ = [
    "CandidateError",
    "DatasetError",
    "DeviceError",
    "EncoderBroken",
    "EncoderNotFound",
    "ExportError",
    "FgmmError",
    "ImageError",
    "LibraryError",
    "MissingExtra",
    "ModelError",
    "SpaceMismatch",
    "SpeciesNotFound",
    "StoreError",
    "TextTooLong",
    "TrainingDiverged",
    "TrainingError",
    "WeightsNotFound",
]


class FgmmError(Exception):
    """Parent of every error fgmm raises on purpose."""


class ImageError(FgmmError, ValueError):
    """A picture cannot be read; the message names it."""


class DeviceError(FgmmError, ValueError):
    """A device this machine does not have, or a kind of number encoders do not compute in."""


class EncoderNotFound(FgmmError, LookupError):
    """No encoder has that name; the message gives the nearest."""


class WeightsNotFound(FgmmError, FileNotFoundError):
    """An encoder's files are not on this machine; the message says where they were looked for."""


class EncoderBroken(FgmmError, ValueError):
    """An encoder's files do not make a whole encoder, or it breaks its protocol."""


class SpaceMismatch(FgmmError, ValueError):
    """Vectors from two different encoders were compared."""


class TextTooLong(FgmmError, ValueError):
    """A text is longer than the encoder can read; the message gives both lengths."""


class CandidateError(FgmmError, ValueError):
    """Candidate texts that are empty, or that cannot be told apart."""


class DatasetError(FgmmError, ValueError):
    """Labelled pictures that are not where they should be, or do not fit what is asked of them."""


class LibraryError(FgmmError, ValueError):
    """A change that a library of species cannot take; the library is as it was."""


class SpeciesNotFound(FgmmError, LookupError):
    """No species of a library has that name; the message gives the nearest."""


class ModelError(FgmmError, ValueError):
    """A model that is to be extended cannot be asked, or its answer is none."""


class TrainingError(FgmmError, ValueError):
    """A training that cannot be done, or whose folder holds another."""


class TrainingDiverged(FgmmError, ArithmeticError):
    """The loss became NaN or infinite; the message names the pictures."""


class ExportError(FgmmError, ValueError):
    """An encoder that cannot be written in another format, or comes out as another encoder."""


class MissingExtra(FgmmError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class StoreError(FgmmError, OSError):
    """A cache, a library or a file of embeddings that is not what it should be, or cannot be used.

    What it cannot read it leaves as it is.
    """
