"""Random sequences of all changes, against a model made of lists and dicts.

10,000 steps in ten sequences. Each is done to the model, to a library in memory and to one in a
file; after each the three hold the same, in the same order, and the two have the same history.
Names and photos come from small pools, so that they meet often and many changes are refused: then
all three must refuse, and stay as they were.
"""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest

from fgmm.errors import FgmmError
from fgmm.library import (
    Collection,
    LibraryFile,
    MemoryLibrary,
    Photos,
    add_photos,
    add_species,
    export_folder,
    import_folder,
    merge,
    remove,
    rename,
    verify,
)

SEQUENCES, STEPS = 10, 1_000
DIM = 3
NAMES = ["wren", "great tit", "blue tit", "dodo", "emu", "rhea", "kea", "kiwi", "moa", "rook"]
WHEN = "2026-05-01T06:00:00Z"
VECTORS = np.random.default_rng(3).standard_normal((50, DIM)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


class Refused(Exception):
    """The model does not take the change."""


def same(one: str, other: str) -> bool:
    return one.lower().split() == other.lower().split()


class Model:
    """Species are dicts in a list; photos are numbers."""

    def __init__(self) -> None:
        self.species: list[dict] = []
        self.log: list[dict] = []
        self.ids = 0

    def find(self, name: str) -> dict:
        for one in self.species:
            if any(same(name, n) for n in [one["name"], *one["names"]]):
                return one
        raise Refused

    def check(self) -> None:
        """No name and no photo twice over all species."""
        names = [
            " ".join(n.lower().split()) for s in self.species for n in [s["name"], *s["names"]]
        ]
        numbers = [n for s in self.species for n in s["photos"]]
        if len(set(names)) < len(names) or len(set(numbers)) < len(numbers):
            raise Refused

    def tidy(self, one: dict) -> None:
        """Other names: without the name itself, each once, the last way of writing it."""
        kept: list[str] = []
        for name in [" ".join(n.split()) for n in one["names"]]:
            if same(name, one["name"]):
                continue
            at = [i for i, known in enumerate(kept) if same(known, name)]
            if at:
                kept[at[0]] = name
            else:
                kept.append(name)
        one["name"] = " ".join(one["name"].split())
        one["names"] = kept

    def add_species(self, name, numbers, names, words):
        self.ids += 1
        one = {"id": f"id{self.ids}", "name": name, "names": list(names), "photos": []}
        one |= words
        for number in numbers:
            if number not in one["photos"]:
                one["photos"].append(number)
        self.tidy(one)
        self.species.append(one)

    def add_photos(self, name, numbers):
        one = self.find(name)
        for number in numbers:
            if number not in one["photos"]:
                one["photos"].append(number)

    def remove(self, name, numbers):
        one = self.find(name)
        if numbers is None:
            self.species.remove(one)
            return
        if not numbers or not set(numbers) <= set(one["photos"]):
            raise Refused
        one["photos"] = [n for n in one["photos"] if n not in numbers]

    def rename(self, name, new):
        one = self.find(name)
        one["name"] = new
        self.tidy(one)

    def merge(self, into, other):
        kept, gone = self.find(into), self.find(other)
        if kept is gone:
            raise Refused
        kept["names"] += [gone["name"], *gone["names"]]
        kept["photos"] += gone["photos"]
        kept["description"] = kept["description"] or gone["description"]
        kept["parent"] = kept["parent"] or gone["parent"]
        kept["attributes"] = gone["attributes"] | kept["attributes"]
        self.species.remove(gone)
        self.tidy(kept)

    def do(self, what: str, *arguments: object) -> None:
        before, ids = copy.deepcopy(self.species), self.ids
        try:
            getattr(self, what)(*arguments)
            self.check()
        except Refused:
            self.species, self.ids = before, ids
            raise
        if self.species != before:
            self.log.append({"what": what, "before": before, "undone": False, "forgotten": False})

    def undo(self) -> None:
        for entry in reversed(self.log):
            if entry["before"] is not None and not entry["undone"]:
                self.species = copy.deepcopy(entry["before"])
                entry["undone"] = True
                self.log.append(
                    {"what": "undo", "before": None, "undone": False, "forgotten": False}
                )
                return
        raise Refused

    def forget(self) -> None:
        for entry in self.log:
            entry["before"], entry["forgotten"] = None, True
        self.log.append({"what": "forget", "before": None, "undone": False, "forgotten": False})


def digest(number: int) -> str:
    return f"{number:032x}"


def photos(numbers: list[int]) -> Photos:
    return Photos(
        VECTORS[numbers],
        [digest(n) for n in numbers],
        [f"{n}.jpg" for n in numbers],
        [WHEN] * len(numbers),
    )


def told(collection: Collection) -> list[dict]:
    """A collection in the model's terms; its vectors are looked at too."""
    species = []
    for one in collection:
        numbers = [int(d, 16) for d in one.photos.digests]
        assert one.photos == photos(numbers)
        assert all(collection.holder(d) is one for d in one.photos.digests)
        assert all(collection.find(name) is one for name in one.all_names)
        species.append(
            {
                "id": one.id,
                "name": one.name,
                "names": list(one.names),
                "photos": numbers,
                "description": one.description,
                "attributes": dict(one.attributes),
                "parent": one.parent,
            }
        )
    return species


class Driver:
    """The model and the two libraries, side by side."""

    def __init__(self, seed: int, folder) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.model = Model()
        self.memory = MemoryLibrary(Collection("fake/1", DIM, "fake"))
        self.path = folder / "birds.fgmm"
        self.file = LibraryFile.create(self.path, "fake/1", DIM, "fake")
        self.other = LibraryFile.open(self.path)  # a second writer of the same file
        self.copies = 0
        self.done: dict[str, int] = {}
        self.refused = 0

    def name(self) -> str:
        name = self.random.choice(NAMES)
        return self.random.choice([name, name, name.upper(), f" {name.replace(' ', '  ')} "])

    def known(self) -> str:
        """Mostly the name of a species that is there."""
        if self.model.species and self.random.random() < 0.9:
            one = self.random.choice(self.model.species)
            return self.random.choice([one["name"], *one["names"]])
        return self.name()

    def numbers(self, most: int) -> list[int]:
        """Mostly photos that nobody has, sometimes any."""
        taken = {n for one in self.model.species for n in one["photos"]}
        pool = [n for n in range(len(VECTORS)) if n not in taken]
        if not pool or self.random.random() < 0.2:
            pool = list(range(len(VECTORS)))
        return self.random.choices(pool, k=self.random.randint(0, most))

    def step(self) -> None:
        kind = self.random.choices(
            ["add_species", "add_photos", "remove", "rename", "merge", "undo", "keep", "forget"],
            [22, 24, 12, 10, 8, 16, 7, 1],
        )[0]
        self.done[kind] = self.done.get(kind, 0) + 1
        getattr(self, f"step_{kind}")()
        assert told(self.memory.collection) == self.model.species
        assert self.file.collection == self.memory.collection

    def change(self, what: str, call, *arguments: object) -> None:
        """Do it to all three; either all take it or none."""
        memory, file = self.memory.collection, self.file.collection
        try:
            self.model.do(what, *arguments)
        except Refused:
            self.refused += 1
            for library in (self.memory, self.file):
                with pytest.raises(FgmmError):
                    library.apply(call, what, {})
            assert (self.memory.collection, self.file.collection) == (memory, file)
            return
        self.memory.apply(call, what, {"step": what})
        if self.random.random() < 0.1:  # another does it, and we read it
            self.other.apply(call, what, {"step": what})
            self.file.reload()
        else:
            self.file.apply(call, what, {"step": what})

    def step_add_species(self) -> None:
        name, numbers = self.name(), self.numbers(5)
        names = [self.name() for _ in range(self.random.choice([0, 0, 1, 2]))]
        words = {
            "description": self.random.choice([None, "small", "large"]),
            "attributes": self.random.choice([{}, {"red": 1.0}, {"red": 0.5, "blue": 0.25}]),
            "parent": self.random.choice([None, "bird"]),
        }
        id = f"id{self.model.ids + 1}"
        self.change(
            "add_species",
            lambda c: add_species(c, name, photos(numbers), names=names, id=id, **words),
            name,
            numbers,
            names,
            words,
        )

    def step_add_photos(self) -> None:
        name, numbers = self.known(), self.numbers(6)
        self.change("add_photos", lambda c: add_photos(c, name, photos(numbers)), name, numbers)

    def step_remove(self) -> None:
        name, numbers = self.known(), None
        if self.random.random() < 0.7:
            try:
                numbers = self.random.sample(self.model.find(name)["photos"], k=1)
            except (Refused, ValueError):
                numbers = self.numbers(1)
        digests = None if numbers is None else [digest(n) for n in numbers]
        self.change("remove", lambda c: remove(c, name, digests), name, numbers)

    def step_rename(self) -> None:
        name, new = self.known(), self.name()
        self.change("rename", lambda c: rename(c, name, new), name, new)

    def step_merge(self) -> None:
        into, other = self.known(), self.known()
        self.change("merge", lambda c: merge(c, into, other), into, other)

    def step_undo(self) -> None:
        try:
            self.model.undo()
        except Refused:
            for library in (self.memory, self.file):
                with pytest.raises(FgmmError):
                    library.undo()
            return
        self.memory.undo()
        self.file.undo()

    def step_forget(self) -> None:
        self.model.forget()
        self.memory.forget()
        self.file.forget()

    def step_keep(self) -> None:
        """Open again; or save and load elsewhere, with or without a folder in between."""
        collection = self.file.collection
        kind = self.random.choice(["open", "open", "save", "export"])
        self.copies += 1
        if kind == "open":
            self.file.close()
            self.file = LibraryFile.open(self.path)
            return
        if kind == "export":
            export_folder(collection, self.folder / f"folder {self.copies}")
            collection = import_folder(self.folder / f"folder {self.copies}")
        path = self.folder / f"copy {self.copies}.fgmm"
        with LibraryFile.create(path, "fake/1", DIM, "fake") as copied:
            copied.apply(lambda _: collection, "save", {})
        with LibraryFile.open(path) as copied:
            assert copied.collection == self.memory.collection
        path.unlink()

    def compare_histories(self) -> None:
        log = [(e["what"], e["undone"], e["forgotten"]) for e in self.model.log]
        for library in (self.memory, self.file):
            history = library.history()
            assert [(e.what, e.undone, e.forgotten) for e in history] == log
            assert [e.number for e in history] == list(range(1, len(log) + 1))
        assert [e.detail for e in self.memory.history()] == [e.detail for e in self.file.history()]


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_random_changes_give_what_lists_and_dicts_give(seed, tmp_path, monkeypatch):
    # Nobody pulls the plug here, and a slow disk would make this minutes.
    monkeypatch.setattr("fgmm.library.connection._SYNCHRONOUS", "OFF")
    driver = Driver(seed, tmp_path)
    for number in range(STEPS):
        driver.step()
        if number % 100 == 99:
            driver.compare_histories()
            assert verify(driver.path) == []
    assert min(driver.done.values()) > 0
    assert len(driver.done) == 8
    assert 50 < driver.refused < STEPS / 2  # the sequence was neither all errors nor without any
