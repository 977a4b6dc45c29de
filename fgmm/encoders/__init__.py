"""Encoders: CLIP-style models behind one seam, by name.

======================  ====================================================
name                    what
======================  ====================================================
``tiny``                the embedded encoder; works with no network
``fake``                deterministic and meaningful, for examples and tests
``openclip:...``        open_clip: a tag, a hub name, or a local folder
``hf:...``              transformers: CLIP, SigLIP, SigLIP 2, DINOv2
``timm:...``            timm: image-only
``onnx:/path``          what `fgmm.export_encoder` wrote, by onnxruntime
entry points            other packages' encoders (group ``fgmm.encoders``)
======================  ====================================================
"""
