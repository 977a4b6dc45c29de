"""Episodes, heads and their evaluation: tensors in, logits out.

Nothing lives here yet: the heads and the episodic evaluation come with their own
release. The package exists so that its place and its direction are fixed: it will know
torch and numpy, and never a picture or a text.
"""

__all__: list[str] = []
