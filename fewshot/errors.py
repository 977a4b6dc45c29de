"""The errors fewshot raises. Each is also the builtin one would expect.

::

    FewshotError
    ├── SupportError (ValueError)     labelled features that do not fit together
    ├── EpisodeError (ValueError)     episodes that cannot be drawn from the labels given
    ├── QueryError (ValueError)       queries a head cannot answer
    ├── HeadNotFound (LookupError)    no head of that name
    ├── HeadParameterError (TypeError)  a parameter that a head does not have
    ├── HeadBroken (ValueError)       a head that breaks its contract
    ├── EvaluationError (ValueError)  an evaluation, or its file, that is not what it should be
    ├── TrainingError (ValueError)    a training that cannot be done, or not be taken up again
    ├── TrainingDiverged (ArithmeticError)  a loss that is no number
    ├── SavedHeadError (ValueError)   a file that holds no head, or a head that no file can hold
    └── MissingExtra (ImportError)    something that an optional package would do

A message says what is wrong, with the value; then the rule; then the cure.
"""

from __future__ import annotations

__all__ = [
    "EpisodeError",
    "EvaluationError",
    "FewshotError",
    "HeadBroken",
    "HeadNotFound",
    "HeadParameterError",
    "MissingExtra",
    "QueryError",
    "SavedHeadError",
    "SupportError",
    "TrainingDiverged",
    "TrainingError",
]


class FewshotError(Exception):
    """Parent of every error fewshot raises on purpose."""


class SupportError(FewshotError, ValueError):
    """Labelled features, words or background that do not fit together."""


class EpisodeError(FewshotError, ValueError):
    """Episodes that cannot be drawn from the labels given."""


class QueryError(FewshotError, ValueError):
    """Queries a head cannot answer: empty, of another width, or too few."""


class HeadNotFound(FewshotError, LookupError):
    """No head has that name, or it cannot be loaded; the message gives the nearest, or why."""


class HeadParameterError(FewshotError, TypeError):
    """A head has no such parameter, or lacks one; the message lists those it has."""


class HeadBroken(FewshotError, ValueError):
    """A head does not do what every head promises."""


class EvaluationError(FewshotError, ValueError):
    """An evaluation that cannot be made, compared or read back."""


class TrainingError(FewshotError, ValueError):
    """A training that cannot be done, or whose checkpoint belongs to another."""


class TrainingDiverged(FewshotError, ArithmeticError):
    """The loss became NaN or infinite; the message names the episodes."""


class SavedHeadError(FewshotError, ValueError):
    """A file that holds no head, or a head that no file can hold."""


class MissingExtra(FewshotError, ImportError):
    """An optional package is not installed; the message says how to install it."""
