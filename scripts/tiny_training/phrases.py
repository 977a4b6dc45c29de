"""What each class is called and how it looks: the texts `tiny` is taught from.

A class has names (common, scientific, with its coarse class) and details (descriptions,
attributes). Names of novel classes are general language and may be taught too, without a
picture; the machine-written descriptor files are never read.
"""

from __future__ import annotations

import csv
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

from fgmm.fieldguide import FieldGuide, Species
from fgmm.fieldguide.species import describe

__all__ = ["ClassTexts", "class_texts", "dress", "typed_names"]

HERE = Path(__file__).parent
TEMPLATES = (
    "{}",
    "{}",
    "a photo of a {}.",
    "a picture of a {}",
    "a close-up photo of a {}",
    "a small photo of the {}",
)


@dataclass(frozen=True)
class ClassTexts:
    """Names and details of one class; ``concept`` is what kind of thing it is."""

    names: tuple[str, ...]
    details: tuple[str, ...]
    concept: str

    def sample(self, rng: random.Random, share_of_names: float = 0.6) -> str:
        """One phrasing: a name in a template, or a detail, or both."""
        name = rng.choice(self.names)
        if not self.details or rng.random() < share_of_names:
            return dress(name, self.concept, rng)
        detail = rng.choice(self.details)
        return rng.choice((detail, detail, f"{name}, {detail}", f"a photo of {detail}"))


def dress(name: str, concept: str, rng: random.Random) -> str:
    """Put a name into a sentence, sometimes with its concept word."""
    if concept and rng.random() < 0.3:
        name = f"{name}, a {concept}"
    return rng.choice(TEMPLATES).format(name)


def rows(path: Path) -> list[list[str]]:
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    return list(csv.reader(lines, delimiter="\t"))


def grocery_texts(data: Path) -> dict[str, ClassTexts]:
    written = {int(r[0]): r[1:] for r in rows(HERE / "grocery.tsv")}
    texts = {}
    for entry in json.loads((data / "grocery" / "classes.json").read_text()):
        plain, coarse = entry["name"].replace("-", " "), entry["coarse"].replace("-", " ").lower()
        names, looks = written[entry["id"]]
        every = [plain, plain.lower(), *names.split(", ")]
        if coarse.split()[0] not in plain.lower():
            every.append(f"{plain} {coarse}")
        sentences = [
            s.strip() for s in re.split(r"(?<=[.!])\s+", entry["description"]) if len(s) > 15
        ]
        details = [entry["description"], *sentences[:3], looks, looks, f"{looks}, {coarse}"]
        texts[entry["name"]] = ClassTexts(tuple(dict.fromkeys(every)), tuple(details), coarse)
    return texts


def flower_texts(data: Path) -> dict[str, ClassTexts]:
    names = json.loads((data / "flowers" / "cat_to_name.json").read_text())
    texts = {}
    for oxford, colours, form, marks, kin in rows(HERE / "flowers.tsv"):
        name = names[oxford]
        details = [
            f"a {colours} flower, {form}, {marks}",
            f"{colours} flower with {marks}",
            f"a {colours} flower",
            f"{form}, {colours}",
            f"a flower: {form}",
            f"a flower with {marks}",
            f"a flower of the {kin} kind, {colours}",
        ]
        every = [name, name.title(), f"{name} flower", f"{name}, a {kin}"]
        texts[f"{int(oxford):03d}"] = ClassTexts(tuple(every), tuple(details), "flower")
    return texts


def general_texts(data: Path) -> dict[str, ClassTexts]:
    words = json.loads((data / "tiny_imagenet_32" / "words.json").read_text())
    return {
        wnid: ClassTexts(tuple(n.strip() for n in w.split(",")), (), "")
        for wnid, w in words.items()
    }


def bird_texts(n_details: int = 40) -> dict[str, ClassTexts]:
    rng = random.Random(0)
    return {
        s.name: ClassTexts(
            (s.name, s.name, s.name.capitalize(), s.scientific_name),
            (s.sentence, s.sentence, *(some_marks(s, rng) for _ in range(n_details))),
            "bird",
        )
        for s in FieldGuide().species
    }


def some_marks(species: Species, rng: random.Random) -> str:
    """A few of a bird's marks, in any order."""
    head, _, tail = describe(species.attributes).partition(" with ")
    marks = re.split(r", | and ", tail)
    kept = rng.sample(marks, rng.randint(1, min(5, len(marks))))
    start = head if rng.random() < 0.6 else "a bird"
    return f"{start} with {' and '.join(kept) if len(kept) < 3 else ', '.join(kept)}"


def class_texts(data: Path) -> dict[str, dict[str, ClassTexts]]:
    """Texts of every class, novel ones too: set -> class key -> texts."""
    return {
        "general": general_texts(data),
        "grocery": grocery_texts(data),
        "flowers": flower_texts(data),
        "birds": bird_texts(),
    }


def typed_names(data: Path) -> dict[str, dict[str, str]]:
    """What a user would type for each class, novel ones too: set -> class key -> one name.

    Groceries are called by name, with the kind of thing where the name does not say it
    ("Golden Delicious apple").
    """
    entries = json.loads((data / "grocery" / "classes.json").read_text())
    flowers = json.loads((data / "flowers" / "cat_to_name.json").read_text())
    return {
        "general": {wnid: found.names[0] for wnid, found in general_texts(data).items()},
        "grocery": {e["name"]: _grocery_name(e["name"], e["coarse"]) for e in entries},
        "flowers": {f"{int(oxford):03d}": name for oxford, name in flowers.items()},
        "birds": {s.name: s.name for s in FieldGuide().species},
    }


def _grocery_name(name: str, coarse: str) -> str:
    name, kind = name.replace("-", " "), coarse.replace("-", " ").lower()
    return name if kind.split()[-1] in name.lower() else f"{name} {kind}"
