"""Heads that learn over many episodes: `fewshot.meta_train`."""
