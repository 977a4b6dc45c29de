"""Knowledge written by this project: see `knowledge.packs.tables` for how it is kept."""

from knowledge.packs.tables import load_pack, pack_names

__all__ = ["load_pack", "pack_names"]
