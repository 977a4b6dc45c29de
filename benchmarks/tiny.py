"""How well an encoder names and tells apart pictures it was never trained on.

    python benchmarks/tiny.py                    # the embedded encoder
    python benchmarks/tiny.py --encoder hf:/path # any other, same protocol

Words only: grocery test photos (other shops than training) over the 60 base classes,
flowers' test photos over the base classes, field-guide birds in new poses among 20
candidates; each beside a linear probe on the same features. Novel classes (grocery
``id % 4 == 0``, flowers with an Oxford id divisible by 3) 20-way by name and by
description, beside two controls: texts swapped between classes, letters scrambled.

Photos only ("base-trained"): 5-way episodes on novel classes, cosine to the class mean
after taking away the mean of base photos, half grocery and half flowers. Grocery: support from train and val, queries from test.

Intervals are 95 %: over episodes where there are any, and a bootstrap over classes,
which is the honest one: there are only 21 and 28 novel classes.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import fgmm
from fgmm.fieldguide import FieldGuide
from fgmm.prompts import class_matrix

DATA = Path(os.environ.get("FGMM_DATA", Path(__file__).parents[2] / "shared" / "data"))
HERE = Path(__file__).parent
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


@dataclass
class Pool:
    """Unit vectors in both layers and their class keys."""

    joint: fgmm.Embeddings
    features: fgmm.Embeddings
    keys: np.ndarray

    def keep(self, rows: np.ndarray) -> Pool:
        """Some of the pictures."""
        joint, features = (
            fgmm.Embeddings(e.vectors[rows], e.space) for e in (self.joint, self.features)
        )
        return Pool(joint, features, self.keys[rows])


def embed(encoder, pictures: list, keys: list[str]) -> Pool:
    layers = [
        fgmm.embed_images(pictures, encoder=encoder, layer=x, batch_size=64)
        for x in ("joint", "features")
    ]
    if layers[0].failures:
        raise SystemExit(f"unreadable pictures: {layers[0].failures[:3]}")
    return Pool(*layers, np.array(keys))


def class_bootstrap(per_class: np.ndarray, n: int = 10_000) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    means = per_class[rng.integers(len(per_class), size=(n, len(per_class)))].mean(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def told(accuracy: float, interval: tuple[float, float]) -> str:
    return f"{100 * accuracy:5.1f}  [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


# ---------------------------------------------------------------- data


def grocery_name(entry: dict) -> str:
    name, coarse = entry["name"].replace("-", " "), entry["coarse"].replace("-", " ")
    return name if coarse.split()[-1].lower() in name.lower() else f"{name} {coarse.lower()}"


def grocery(splits: tuple[str, ...], *, novel: bool) -> tuple[list[Path], list[str]]:
    names = [
        c["name"]
        for c in json.loads((DATA / "grocery/classes.json").read_text())
        if (c["id"] % 4 == 0) == novel
    ]
    files = [
        p for s in splits for n in names for p in sorted((DATA / "grocery" / s / n).glob("*.jpg"))
    ]
    return files, [p.parent.name for p in files]


def flowers(*, novel: bool, test: bool | None = None) -> tuple[list[Path], list[str]]:
    files = [
        p
        for p in sorted((DATA / "flowers/images").glob("*/*.jpg"))
        if (int(p.parent.name) % 3 == 0) == novel
        and (test is None or (int(p.stem.split("_")[-1]) % 5 == 0) == test)
    ]
    return files, [p.parent.name for p in files]


def grocery_words() -> tuple[dict[str, str], dict[str, str]]:
    entries = json.loads((DATA / "grocery/classes.json").read_text())
    first_two = {
        c["name"]: " ".join(re.split(r"(?<=[.!])\s+", c["description"])[:2]) for c in entries
    }
    return {c["name"]: grocery_name(c) for c in entries}, first_two


def flower_words() -> tuple[dict[str, str], dict[str, str]]:
    names = {
        f"{int(k):03d}": v
        for k, v in json.loads((DATA / "flowers/cat_to_name.json").read_text()).items()
    }
    lines = (
        (HERE.parent / "scripts/tiny_training/flowers.tsv").read_text(encoding="utf-8").splitlines()
    )
    looks = {}
    for line in lines:
        if not line.startswith("#"):
            oxford, colours, form, marks, _ = line.split("\t")
            looks[f"{int(oxford):03d}"] = f"a {colours} flower, {form}, {marks}"
    return names, looks


# ---------------------------------------------------------------- words only


def by_words(
    encoder, pool: Pool, words: dict[str, str], concept: str | None = None
) -> tuple[float, tuple[float, float]]:
    classes = sorted(set(pool.keys))
    matrix = class_matrix(encoder, {c: words[c] for c in classes}, concept=concept).matrix
    guess = pool.joint.cosine(matrix).argmax(1).numpy()
    right = np.array(classes)[guess] == pool.keys
    return float(right.mean()), class_bootstrap(
        np.array([right[pool.keys == c].mean() for c in classes])
    )


def linear_probe(train: Pool, val: Pool, test: Pool) -> tuple[float, float]:
    """Logistic regression on features; its strength is chosen on val, then refitted on both.

    Val pictures are those the encoder was not trained on: on others any strength looks right.
    """
    from sklearn.linear_model import LogisticRegression

    def rows(*pools: Pool) -> tuple[np.ndarray, np.ndarray]:
        x = np.concatenate([p.features.vectors.numpy() for p in pools])
        return (x - centre) * len(centre) ** 0.5, np.concatenate([p.keys for p in pools])

    centre = train.features.vectors.mean(0).numpy()
    tried = {
        c: LogisticRegression(C=c, max_iter=500).fit(*rows(train)).score(*rows(val))
        for c in STRENGTHS
    }
    best = max(tried, key=lambda c: tried[c])
    fitted = LogisticRegression(C=best, max_iter=1000).fit(*rows(train, val))
    return float(fitted.score(*rows(test))), best


def scramble(text: str, rng: random.Random) -> str:
    return " ".join("".join(rng.sample(w, len(w))) for w in text.split())


def novel_by_words(
    encoder, pool: Pool, words: dict[str, str], n_way: int = 20, draws: int = 300
) -> tuple[float, tuple[float, float]]:
    """Mean over random 20-way tasks; the bootstrap resamples classes."""
    classes = sorted(set(pool.keys))
    matrix = class_matrix(encoder, {c: words[c] for c in classes}).matrix
    scores = pool.joint.cosine(matrix).numpy()
    truth = np.array([classes.index(k) for k in pool.keys])
    rng = np.random.default_rng(1)
    right, tried = np.zeros(len(classes)), np.zeros(len(classes))
    for _ in range(draws):
        chosen = np.sort(rng.choice(len(classes), n_way, replace=False))
        rows = np.isin(truth, chosen)
        hit = chosen[scores[rows][:, chosen].argmax(1)] == truth[rows]
        for c in chosen:
            right[c] += hit[truth[rows] == c].mean()
            tried[c] += 1
    per_class = right / tried
    return float(per_class.mean()), class_bootstrap(per_class)


def controls(
    encoder, pool: Pool, words: dict[str, str]
) -> dict[str, tuple[float, tuple[float, float]]]:
    classes = sorted(set(pool.keys))
    rng = random.Random(2)
    found = {"true": novel_by_words(encoder, pool, words)}
    swapped, scrambled = [], []
    for _ in range(10):
        turned = rng.sample(classes, len(classes))
        shift = {c: words[turned[(turned.index(c) + 1) % len(turned)]] for c in classes}
        swapped.append(novel_by_words(encoder, pool, shift, draws=60))
        scrambled.append(
            novel_by_words(encoder, pool, {c: scramble(words[c], rng) for c in classes}, draws=60)
        )
    for name, runs in (("swapped", swapped), ("scrambled", scrambled)):
        found[name] = (
            float(np.mean([r[0] for r in runs])),
            (float(np.mean([r[1][0] for r in runs])), float(np.mean([r[1][1] for r in runs]))),
        )
    return found


def birds_among_20(
    encoder, guide: FieldGuide, per_species: int = 10
) -> tuple[float, tuple[float, float]]:
    rng = np.random.default_rng(3)
    names = [s.name for s in guide.base]
    plates = [guide.draw(n, seed=2 * i + 1).image for n in names for i in range(per_species)]
    vectors = fgmm.embed_images(plates, encoder=encoder, batch_size=64)
    scores = vectors.cosine(class_matrix(encoder, names).matrix).numpy()
    truth = np.repeat(np.arange(len(names)), per_species)
    right = np.zeros(len(truth))
    for i, t in enumerate(truth):
        others = rng.choice(np.delete(np.arange(len(names)), t), 19, replace=False)
        right[i] = scores[i, t] > scores[i, others].max()
    return float(right.mean()), class_bootstrap(right.reshape(len(names), -1).mean(1))


# ---------------------------------------------------------------- photos only


def episodes(
    support: Pool,
    query: Pool,
    centre: torch.Tensor,
    shots: int,
    n: int = 2000,
    ways: int = 5,
    queries: int = 15,
) -> tuple[float, float, tuple[float, float]]:
    """Centred-cosine prototypes; mean, half interval over episodes, class bootstrap."""
    rng = np.random.default_rng([4, shots])
    classes = sorted(set(support.keys))
    same = support is query
    fold = {c: np.flatnonzero(support.keys == c) for c in classes}
    asked = {c: np.flatnonzero(query.keys == c) for c in classes}

    def units(pool: Pool) -> torch.Tensor:
        return torch.nn.functional.normalize(pool.features.vectors - centre, dim=1)

    x, q = units(support), units(query)
    accuracies, right, tried = [], np.zeros(len(classes)), np.zeros(len(classes))
    for _ in range(n):
        chosen = rng.choice(len(classes), ways, replace=False)
        s_rows, q_rows = [], []
        for c in chosen:
            mixed = rng.permutation(fold[classes[c]])
            s_rows.append(mixed[:shots])
            pool = mixed[shots:] if same else asked[classes[c]]
            q_rows.append(rng.choice(pool, queries, replace=len(pool) < queries))
        prototypes = torch.nn.functional.normalize(x[np.stack(s_rows)].mean(1), dim=1)
        guess = (q[np.stack(q_rows)] @ prototypes.T).argmax(-1).numpy()
        hit = (guess == np.arange(ways)[:, None]).mean(1)
        accuracies.append(hit.mean())
        np.add.at(right, chosen, hit)
        np.add.at(tried, chosen, 1)
    half = 1.96 * np.std(accuracies, ddof=1) / len(accuracies) ** 0.5
    return float(np.mean(accuracies)), float(half), class_bootstrap(right / tried)


# ---------------------------------------------------------------- report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    args = parser.parse_args()
    # scrambled letters make more tokens than an encoder may read; true texts are far shorter
    encoder = fgmm.load_encoder(args.encoder, on_long="truncate")
    figures: dict[str, object] = {
        "encoder": args.encoder,
        "space": encoder.space,
        "date": datetime.date.today().isoformat(),
    }

    def say(row: str, text: str, value: object) -> None:
        print(f"{row:62s} {text}", flush=True)
        figures[row] = value

    g_train, g_val = (embed(encoder, *grocery((s,), novel=False)) for s in ("train", "val"))
    g_test = embed(encoder, *grocery(("test",), novel=False))
    f_files, f_keys = flowers(novel=False, test=False)
    f_all = embed(encoder, f_files, f_keys)
    f_test = embed(encoder, *flowers(novel=False, test=True))
    centre = torch.cat(
        [
            g_train.features.vectors.mean(0, keepdim=True),
            f_all.features.vectors.mean(0, keepdim=True),
        ]
    ).mean(0)

    names, looks = grocery_words()
    f_names, f_looks = flower_words()
    steer = np.array([int(p.stem.split("_")[-1]) % 20 == 1 for p in f_files])
    f_fit, f_val = f_all.keep(~steer), f_all.keep(steer)
    for what, pools, words in (
        ("grocery", (g_train, g_val, g_test), names),
        ("flowers", (f_fit, f_val, f_test), f_names),
    ):
        named, interval = by_words(encoder, pools[2], words)
        probe, strength = linear_probe(*pools)
        say(
            f"{what} base test by name, {len(set(pools[2].keys))} classes",
            told(named, interval),
            [named, interval],
        )
        say(
            f"{what} base test, linear probe on all base training photos",
            f"{100 * probe:5.1f}  ratio {named / probe:.3f}  (C = {strength})",
            [probe, named / probe],
        )
    birds = birds_among_20(encoder, FieldGuide())
    say("field guide, base species in new poses, 20 candidates", told(*birds), birds)

    novel_grocery_test = embed(encoder, *grocery(("test",), novel=True))
    novel_grocery_fit = embed(encoder, *grocery(("train", "val"), novel=True))
    novel_flowers = embed(encoder, *flowers(novel=True))
    for what, pool, texts in (
        ("grocery novel 20-way by name", novel_grocery_test, names),
        ("grocery novel 20-way by description", novel_grocery_test, looks),
        ("flowers novel 20-way by name", novel_flowers, f_names),
        ("flowers novel 20-way by description", novel_flowers, f_looks),
    ):
        for control, (accuracy, interval) in controls(encoder, pool, texts).items():
            say(f"{what}, {control}", told(accuracy, interval), [accuracy, interval])
    for what, support, query in (
        ("grocery", novel_grocery_fit, novel_grocery_test),
        ("flowers", novel_flowers, novel_flowers),
    ):
        for shots in (1, 5):
            mean, half, interval = episodes(support, query, centre, shots)
            say(
                f"{what} novel 5-way {shots}-shot prototypes, 2,000 episodes",
                f"{100 * mean:5.1f} ± {100 * half:.1f}  classes [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]",
                [mean, half, interval],
            )
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
