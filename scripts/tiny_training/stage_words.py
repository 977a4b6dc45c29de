"""Third stage: the text tower learns to reach the places that pictures moved to.

Pictures are encoded once, in several views, and stay fixed: a step costs only texts.
Two lessons at once: the text of a class must be the nearest to its pictures among the
texts of many classes, and every text must lie where the map from the sentence teacher
puts it, class or not, so that words never shown beside a picture keep their meaning.
"""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from open_clip.transformer import TextTransformer
from torch import Tensor, nn

from tiny_training.augment import centre_views, random_views
from tiny_training.data import PictureSet
from tiny_training.phrases import ClassTexts, dress
from tiny_training.stage_classes import Average, normalise
from tiny_training.stage_joint import DIM, Joint
from tiny_training.teacher import Teacher
from tiny_training.vocabulary import CONTEXT, common_words

__all__ = ["TEXT", "encode_tokens", "picture_bank", "text_tower", "train_words"]

TEXT = {"width": 256, "heads": 4, "layers": 3}
CLASSES = {"general": 48, "grocery": 40, "flowers": 44, "birds": 48}
PICTURES = 192
DOUBLE = {
    "banana",
    "pomegranate",
    "mushroom",
    "mashed potato",
}  # general classes that grocery has too


def text_tower(vocabulary: int) -> TextTransformer:
    """The tower as open_clip builds it from the shipped configuration."""
    return TextTransformer(
        context_length=CONTEXT,
        vocab_size=vocabulary,
        output_dim=DIM,
        pool_type="eos",
        eos_id=3,
        pad_id=0,
        **TEXT,
    )


def encode_tokens(tower: TextTransformer, tokenizer: Any, texts: list[str]) -> Tensor:
    """Unit vectors of texts; padded to the longest only, which a causal tower cannot see."""
    tokens = tokenizer(
        texts, padding=True, truncation=True, max_length=CONTEXT, return_tensors="pt"
    ).input_ids
    whole = tower.attn_mask
    tower.attn_mask = whole[: tokens.shape[1], : tokens.shape[1]]
    try:
        with torch.autocast("cpu", torch.bfloat16):
            vectors = tower(tokens)
    finally:
        tower.attn_mask = whole
    return functional.normalize(vectors.float(), dim=-1)


@torch.inference_mode()
def picture_bank(
    model: Joint, sets: list[PictureSet], px: int, views: dict[str, int]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Joint vectors of training pictures, whole and in random views: set -> (n, 256), labels."""
    generator = torch.Generator().manual_seed(2)
    model.eval()
    bank = {}
    for found in sets:
        vectors, labels = [], []
        for view in range(views[found.name]):
            pick = torch.arange(len(found))
            if len(found) > 10_000:
                pick = torch.randperm(len(found), generator=generator)[:10_000]
            for rows in pick.split(256):
                pixels = found.pictures[rows]
                seen = (
                    centre_views(pixels, px)
                    if view == 0
                    else random_views(pixels, px, generator, smallest=0.5, erase=0)
                )
                with torch.autocast("cpu", torch.bfloat16):
                    features = model.trunk(normalise(seen))
                vectors.append(functional.normalize(model.proj(features.float()), dim=-1))
            labels.append(found.labels[pick])
        bank[found.name] = torch.cat(vectors).clone(), torch.cat(labels)
    return bank


class Phrasebook:
    """Texts for one step, and where the teacher puts each."""

    def __init__(
        self, sets: list[PictureSet], texts: dict[str, dict[str, ClassTexts]], seed: int
    ) -> None:
        self.rng = random.Random(seed)
        self.sets, self.texts = sets, texts
        taught = {s.name: set(s.classes) for s in sets}
        self.unseen = [
            t for n, classes in texts.items() for c, t in classes.items() if c not in taught[n]
        ]
        self.words = common_words(6000)

    def classes(self, found: PictureSet) -> list[int]:
        allowed = range(len(found.classes))
        if found.name == "general":
            allowed = [
                i for i in allowed if self.texts["general"][found.classes[i]].names[0] not in DOUBLE
            ]
        return self.rng.sample(list(allowed), min(CLASSES[found.name], len(allowed)))

    def told(self, n: int) -> tuple[list[str], list[list[str]]]:
        """Names of classes never seen in a picture, and three descriptions of each."""
        chosen = self.rng.sample([t for t in self.unseen if t.details], n)
        names = [dress(self.rng.choice(t.names), t.concept, self.rng) for t in chosen]
        return names, [self.rng.choices(t.details, k=3) for t in chosen]

    def plain(self, n: int) -> list[str]:
        """Texts without a picture: novel classes and general words."""
        out = []
        for _ in range(n):
            if self.rng.random() < 0.45:
                out.append(self.rng.choice(self.unseen).sample(self.rng))
            else:
                words = " ".join(self.rng.sample(self.words, self.rng.choice((1, 1, 2, 2, 3))))
                out.append(dress(words, "", self.rng))
        return out


class TeacherMemory:
    """Teacher vectors, looked up in a bank drawn beforehand: the teacher is slow."""

    def __init__(self, teacher: Teacher, texts: list[str]) -> None:
        self.texts = texts
        self.vectors = teacher(texts)


def train_words(
    model: Joint,
    tower: TextTransformer,
    tokenizer: Any,
    sets: list[PictureSet],
    texts: dict[str, dict[str, ClassTexts]],
    pictures: dict[str, tuple[Tensor, Tensor]],
    steer: dict[str, tuple[Tensor, Tensor]],
    teacher: Teacher,
    out: Path,
    *,
    minutes: float,
    rate: float = 1e-3,
    phrasings: int = 60,
) -> None:
    """Train the text tower, report on the steering pictures by name, write ``out``."""
    torch.manual_seed(3)
    book = Phrasebook(sets, texts, seed=3)
    bank: dict[str, TeacherMemory] = {}
    for found in sets:
        drawn = [
            [texts[found.name][c].sample(book.rng, 0.6) for _ in range(phrasings)]
            for c in found.classes
        ]
        memory = TeacherMemory(teacher, [t for ts in drawn for t in ts])
        bank[found.name] = memory
    plain = TeacherMemory(teacher, book.plain(16_000))
    by_label = {
        n: [(labels == c).nonzero().squeeze(1) for c in range(int(labels.max()) + 1)]
        for n, (_, labels) in pictures.items()
    }
    log_scale = nn.Parameter(model.log_scale.detach().clone())
    optimiser = torch.optim.AdamW(
        [*tower.parameters(), log_scale], lr=rate, weight_decay=0.05, betas=(0.9, 0.98)
    )
    average = Average(tower, 0.998)
    generator = torch.Generator().manual_seed(4)
    begun, said, step = time.time(), time.time(), 0
    while (gone := (time.time() - begun) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = (
                rate * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * gone)) + 1e-6
            )
        phrases, targets, seen, answers = [], [], [], []
        for found in sets:
            chosen = book.classes(found)
            rows = torch.tensor([c * phrasings + book.rng.randrange(phrasings) for c in chosen])
            memory = bank[found.name]
            words = [memory.texts[int(r)] for r in rows]
            named = torch.tensor(
                [
                    any(n.lower() in w.lower() for n in texts[found.name][found.classes[c]].names)
                    for c, w in zip(chosen, words, strict=True)
                ]
            )
            with torch.no_grad():
                own = model.own[found.name][chosen] * named.float().unsqueeze(1)
                targets.append(
                    functional.normalize(model.meaning(memory.vectors[rows]) + own, dim=-1)
                )
            share = PICTURES * len(chosen) // sum(CLASSES.values())
            for position in torch.randint(len(chosen), (share,), generator=generator).tolist():
                pool = by_label[found.name][chosen[position]]
                seen.append(
                    pictures[found.name][0][
                        pool[int(torch.randint(len(pool), (1,), generator=generator))]
                    ]
                )
                answers.append(len(phrases) + position)
            phrases += words
        extra = torch.randint(len(plain.texts), (64,), generator=generator)
        with torch.no_grad():
            targets.append(functional.normalize(model.meaning(plain.vectors[extra]), dim=-1))
        vectors = encode_sorted(tower, tokenizer, [*phrases, *(plain.texts[int(i)] for i in extra)])
        logits = log_scale.exp() * torch.stack(seen) @ vectors[: len(phrases)].T
        contrast = functional.cross_entropy(logits, torch.tensor(answers))
        lesson = (1 - (vectors * torch.cat(targets)).sum(1)).mean()
        loss = contrast + 4 * lesson + named_like_described(tower, tokenizer, book)
        loss.backward()
        nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        average.update(tower, step)
        step += 1
        if time.time() - said > 120:
            said = time.time()
            torch.save({"text": average.state, "log_scale": log_scale.detach()}, out)
            told = judge(tower, average, tokenizer, sets, texts, steer)
            print(
                f"{said - begun:5.0f}s step {step} contrast {contrast.item():.3f} lesson {lesson.item():.3f} scale {log_scale.exp().item():.1f} {told}",
                flush=True,
            )
    torch.save({"text": average.state, "log_scale": log_scale.detach()}, out)
    print(f"done: {step} steps {judge(tower, average, tokenizer, sets, texts, steer)}", flush=True)


def named_like_described(
    tower: TextTransformer, tokenizer: Any, book: Phrasebook, n: int = 20
) -> Tensor:
    """A name never shown beside a picture should lie where its descriptions lie.

    Descriptions are made of words that pictures have taught ("yellow petals"), a rare name
    is not: the tower learns from itself what the name stands for.
    """
    names, details = book.told(n)
    with torch.no_grad():
        described = encode_sorted(tower, tokenizer, [d for ds in details for d in ds])
        described = functional.normalize(described.view(n, 3, -1).mean(1), dim=-1)
    return (1 - (encode_tokens(tower, tokenizer, names) * described).sum(1)).mean()


def encode_sorted(tower: TextTransformer, tokenizer: Any, texts: list[str]) -> Tensor:
    """Encode in two groups by length, so that one long description does not pad them all."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    cut = len(order) * 4 // 5
    parts = [
        encode_tokens(tower, tokenizer, [texts[i] for i in rows])
        for rows in (order[:cut], order[cut:])
    ]
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(parts)[back]


@torch.inference_mode()
def judge(
    tower: TextTransformer,
    average: Average,
    tokenizer: Any,
    sets: list[PictureSet],
    texts: dict[str, dict[str, ClassTexts]],
    steer: dict[str, tuple[Tensor, Tensor]],
) -> str:
    """Accuracy by plain name on the steering pictures."""
    kept = {k: v.clone() for k, v in tower.state_dict().items()}
    tower.load_state_dict(average.state)
    tower.eval()
    told = []
    for found in sets:
        if found.name in steer:
            names = [texts[found.name][c].names[0] for c in found.classes]
            vectors = encode_tokens(tower, tokenizer, names)
            z, truth = steer[found.name]
            told.append(f"{found.name} {((z @ vectors.T).argmax(1) == truth).float().mean():.3f}")
    tower.load_state_dict(kept)
    tower.train()
    return " ".join(told)
