"""The small local vocabulary: some ten thousand of the teacher's word pieces.

The teacher's list runs from frequent to rare, so its first whole words are the common
ones. To them come every piece the class texts need, and single characters for the rest.
"""

from __future__ import annotations

from typing import Any

from tiny_training.phrases import ClassTexts
from tiny_training.teacher import teacher_folder

__all__ = ["CONTEXT", "build_tokenizer", "common_words"]

CONTEXT = 128
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WHOLE, PIECES = 7600, 1500


def teacher_pieces() -> list[str]:
    lines = (teacher_folder() / "vocab.txt").read_text(encoding="utf-8").splitlines()
    return [p for p in lines if not p.startswith("[")]


def common_words(n: int) -> list[str]:
    """The n most frequent whole English words the teacher knows."""
    words = [p for p in teacher_pieces() if p.isascii() and p.isalpha() and len(p) > 2]
    return words[:n]


def build_tokenizer(texts: dict[str, dict[str, ClassTexts]]) -> Any:
    """A word-piece tokenizer whose files open_clip and transformers read.

    Returns
    -------
    transformers.PreTrainedTokenizerFast
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    pieces = teacher_pieces()
    ascii_pieces = [p for p in pieces if p.removeprefix("##").isascii()]
    letters = [c for c in ascii_pieces if len(c.removeprefix("##")) == 1]
    whole = common_words(WHOLE)
    parts = [p for p in ascii_pieces if p.startswith("##") and len(p) > 3][:PIECES]
    teacher = AutoTokenizer.from_pretrained(teacher_folder())
    needed: dict[str, None] = {}
    for classes in texts.values():
        for found in classes.values():
            for text in (*found.names, *found.details):
                needed.update(dict.fromkeys(teacher.tokenize(text)))
    kept = dict.fromkeys(
        [*SPECIAL, *letters, *whole, *parts, *(p for p in needed if p not in SPECIAL)]
    )
    vocabulary = {piece: i for i, piece in enumerate(kept)}

    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=CONTEXT,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
