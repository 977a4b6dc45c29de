"""From a collection of species to answers: what `fgmm.Recognizer` is made of.

`gathering.py` turns pictures into photos, `words.py` names into text vectors, `scorer.py` both into
scores; `moment.py` holds all of that for one collection, `answers.py` makes predictions of it, and
`receipt.py` says what a change did. Nothing here knows of files.
"""

from __future__ import annotations
