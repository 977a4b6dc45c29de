"""What the speed benchmarks share: turns, counted calls, a model on disk."""

from __future__ import annotations

import json
import statistics

import pytest
import torch

import fgmm


class Clock:
    """Stands still but for the work done."""

    now = 0.0

    def __call__(self):
        return self.now


def test_who_begins_alternates_and_each_side_keeps_its_own_time(benchmark_module):
    clock, order = Clock(), []

    def work(name, seconds):
        def run():
            order.append(name)
            clock.now += seconds

        return run

    turns = benchmark_module("taking_turns").take_turns(work("a", 3), work("b", 2), 4, clock)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert turns.ours == [3] * 4
    assert turns.theirs == [2] * 4
    assert turns.ratios == [1.5] * 4


def test_the_median_of_ratios_and_its_middle_half(benchmark_module):
    """Ratios 1, 2, 3, 4, 10: the median is 3, a quarter lies below 2 and above 4.

    The ratio of the medians would be 3 too, but with one slow pair of theirs it is not.
    """
    turns = benchmark_module("taking_turns").Turns([1, 2, 3, 4, 10], [1] * 5)
    assert str(turns) == "3.000, half of 5 pairs within [2.000, 4.000]"
    slow = benchmark_module("taking_turns").Turns([1, 200, 3], [1, 100, 1])
    assert statistics.median(slow.ratios) == 2


def test_calls_are_counted_and_the_encoder_is_as_it_was(benchmark_module):
    encoder = fgmm.load_encoder("fake")
    before = type(encoder).encode_texts
    with benchmark_module("text_calls").counted_texts(encoder) as calls:
        first = encoder.encode_texts(["red", "blue"])
        encoder.encode_texts(["green"])
    assert calls == [2, 1]
    assert type(encoder).encode_texts is before
    assert torch.equal(first.vectors, encoder.encode_texts(["red", "blue"]).vectors)
    with pytest.raises(ZeroDivisionError), benchmark_module("text_calls").counted_texts(encoder):
        1 / 0  # noqa: B018
    assert type(encoder).encode_texts is before


def test_a_random_model_is_read_back_as_an_encoder(benchmark_module, tmp_path, monkeypatch):
    module = benchmark_module("random_model")
    picture = {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
    config = {"embed_dim": 8, "vision_cfg": picture, "text_cfg": text}
    model = module.open_clip.CLIP(**config)
    monkeypatch.setattr(module.open_clip, "create_model", lambda *_, **__: model)
    monkeypatch.setattr(module.open_clip, "get_model_config", lambda _: config)
    module.write_random_model(tmp_path / "new", "small")
    monkeypatch.undo()
    described = json.loads((tmp_path / "new" / "open_clip_config.json").read_text())
    assert described["model_cfg"] == config
    encoder = fgmm.load_encoder(f"openclip:{tmp_path / 'new'}", device="cpu")
    assert encoder.dim == 8
    with torch.inference_mode():
        tokens = module.open_clip.get_tokenizer("ViT-B-32")(["a bird"])
        wanted = torch.nn.functional.normalize(model.eval().encode_text(tokens), dim=-1)
    assert torch.allclose(encoder.encode_texts(["a bird"]).vectors, wanted, atol=1e-5)
