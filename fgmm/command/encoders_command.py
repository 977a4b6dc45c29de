"""``fgmm encoders``."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from fgmm.command.terminal import console

__all__ = ["list_encoders"]

_WHAT = {
    "fake": "sees colours and simple shapes; for trying things out and for tests",
    "hf": "transformers: CLIP, SigLIP, SigLIP 2; DINOv2 for pictures only",
    "onnx": "a folder that fgmm export wrote, for fast work without a graphics card",
    "openclip": "open_clip: a tag, a hub name, or a folder",
    "tiny": "the small encoder that comes with fgmm; works without a network",
    "timm": "timm: for pictures only, no words",
}


def list_encoders() -> None:
    """List the encoders, and which of their models are on this machine.

    **Example**

    fgmm encoders

    An encoder turns pictures and words into numbers that can be compared. Give its name with
    --encoder, such as **openclip:ViT-B-16/openai** or **hf:/path/to/folder**. A model
    that is not on this machine is fetched once, when it is first used.
    """
    from fgmm.command.local_weights import cached_models, tiny_bytes
    from fgmm.encoders.registry import encoder_names

    models = cached_models()
    table = Table(box=None, padding=(0, 2, 0, 1))
    for heading in ("encoder", "what it is", "on this machine"):
        table.add_column(heading, header_style="bold")
    for name in encoder_names():
        if name == "fake":
            here = Text("yes, it has no files", style="green")
        elif name == "tiny":
            size = tiny_bytes()
            here = Text(f"yes, {size}", style="green") if size else Text("no", style="yellow")
        elif name in models:
            here = Text("\n".join(models[name]), style="green")
        elif name in _WHAT:
            here = Text("no model yet", style="dim")
        else:
            here = Text("ask its package", style="dim")
        what = _WHAT.get(name, "from another package")
        table.add_row(Text(name, style="bold"), Text(what), here)
    console().print(table)
