"""Readers, a module a format. Each has ``matches(sample)`` and ``read(path)``.

`FORMATS` is the table of them; `knowledge.read_graph` goes by it.
"""

from __future__ import annotations

__all__ = ["FORMATS"]

FORMATS = {
    "jsonl": "knowledge.readers.json_lines",
    "table": "knowledge.readers.tables",
    "cub": "knowledge.readers.cub",
    "awa": "knowledge.readers.awa",
    "parent-child": "knowledge.readers.parent_child",
    "newick": "knowledge.readers.newick",
    "descriptors": "knowledge.readers.descriptors",
    "darwin-core": "knowledge.readers.darwin_core",
    "checklist": "knowledge.readers.checklist",
    "graphml": "knowledge.readers.graphml",
    "node-link": "knowledge.readers.node_link",
    "obo": "knowledge.readers.obo",
    "rdf": "knowledge.readers.rdf",
}
