"""Concepts, attributes, parts and taxonomies as one graph.

Nothing lives here yet: the graph, its readers and its mathematics come with their own
release. The package exists so that its place and its direction are fixed: it will know
networkx, numpy and scipy, and never torch or a picture.
"""

__all__: list[str] = []

__distribution__ = "fgmm"  # fgmm reads this line to tell its own package from a namesake
