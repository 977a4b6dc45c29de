"""Recognisers that share a file: each speaks of what the file holds, whoever wrote it."""

from __future__ import annotations

import threading

import pytest

from fgmm import Recognizer
from fgmm.errors import LibraryError
from fgmm.library import reading
from fgmm.recognition.receipt import Share


@pytest.fixture
def both(tmp_path, shades):
    """One file opened twice: the first added ruby, the second sky."""
    path = tmp_path / "colours.fgmm"
    one, other = Recognizer.open(path, "fake"), Recognizer.open(path, "fake")
    one.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    other.add_species("sky", shades("sky", 0, 1, 2, 3))
    return one, other


def test_a_receipt_counts_what_another_wrote(both, colours, shades):
    """As in one recogniser that knew all of it."""
    expected = colours.add_species("moss", shades("moss", 0, 1, 2))
    assert both[0].add_species("moss", shades("moss", 0, 1, 2)) == expected
    assert expected.others_before == Share(8, 8)
    more = both[1].add_photos("ruby", shades("ruby", 5))
    assert more == colours.add_photos("ruby", shades("ruby", 5))


def written_meanwhile(monkeypatch, one, write) -> None:
    """Let ``write`` happen after ``one`` has made sure of its change, and before it is made."""
    make, left = one.library.apply, [write]

    def apply(*args, **options):
        if left:
            left.pop()()
        return make(*args, **options)

    monkeypatch.setattr(one.library, "apply", apply)


def test_a_receipt_counts_what_another_wrote_while_photos_were_encoded(
    both, colours, shades, monkeypatch
):
    one, other = both
    violet = shades("sky", 20, 21), shades("ruby", 20, 21)
    write = lambda: other.add_species("violet", violet[0] + violet[1])  # noqa: E731
    written_meanwhile(monkeypatch, one, write)
    colours.add_species("violet", violet[0] + violet[1])
    told = one.add_species("moss", shades("moss", 0, 1, 2))
    assert told == colours.add_species("moss", shades("moss", 0, 1, 2))
    assert told.others_before.of == 12


def test_many_receipts_count_what_another_wrote_meanwhile(both, colours, shades, monkeypatch):
    one, other = both
    written_meanwhile(monkeypatch, one, lambda: other.add_photos("sky", shades("sky", 5, 6)))
    colours.add_photos("sky", shades("sky", 5, 6))
    told = one.add_all({"moss": shades("moss", 0, 1, 2)})
    assert list(told) == list(colours.add_all({"moss": shades("moss", 0, 1, 2)}))
    assert told[0].others_before.of == 10


def test_answers_are_never_of_what_was(both, shades):
    one, other = both
    asked = shades("moss", 9)[0]
    assert one.classify(asked).label != "moss"
    other.add_species("moss", shades("moss", 0, 1, 2))
    assert one.classify(asked).label == "moss"
    assert len(one) == 3
    assert "moss" in one
    assert [each.name for each in one.species()] == ["ruby", "sky", "moss"]
    other.undo()
    assert one.classify(asked).label != "moss"
    assert "moss" not in one
    other.rename("ruby", "garnet")
    assert one.classify(shades("ruby", 9)[0]).label == "garnet"
    one.rename("garnet", "ruby")
    with pytest.raises(LibraryError, match="'sky' is taken"):
        one.rename("ruby", "sky")


def test_nothing_is_read_or_made_again_where_nobody_wrote(both, shades, monkeypatch):
    one, other = both
    asked = shades("ruby", 9)[0]
    one.classify(asked)
    read, made = [], []
    really_read, really_make = reading.read_state, one._make
    monkeypatch.setattr(reading, "read_state", lambda *a: read.append(1) or really_read(*a))
    monkeypatch.setattr(one, "_make", lambda c: made.append(1) or really_make(c))
    for _ in range(3):
        one.classify(asked)
        assert len(one.species()) == len(one) == 2
    assert (read, made) == ([], [])
    other.add_names("ruby", ["garnet"])
    read.clear()  # of the other's own
    one.classify(asked)
    one.classify(asked)
    assert (read, made) == ([1], [1])


def test_what_was_loaded_stays_as_it_was_read(both, shades):
    one, other = both
    copy = Recognizer.load(one.library.path)
    other.add_species("moss", shades("moss", 0, 1, 2))
    assert len(copy) == 2
    assert copy.classify(shades("moss", 9)[0]).label != "moss"


def test_threads_ask_while_another_recogniser_writes(both, shades):
    one, other = both
    asked, seen, failed = shades("ruby", 9)[0], [], []
    done = threading.Event()

    def ask():
        try:
            while not done.is_set():
                found = one.classify(asked)
                seen.append((found.label, len(found.labels)))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(5):
        other.add_species(f"moss {number}", shades("moss", number))
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {label for label, _ in seen} == {"ruby"}
    assert {n for _, n in seen} <= set(range(2, 8))
    assert len(one.classify(asked).labels) == 7


def test_a_recogniser_is_closed_at_the_end_of_a_block(tmp_path, shades):
    path = tmp_path / "colours.fgmm"
    with Recognizer.open(path, "fake") as made:
        made.add_species("ruby", shades("ruby", 0, 1))
    for use in (
        lambda: made.classify(shades("ruby", 9)[0]),
        lambda: made.add_species("sky"),
        lambda: len(made),
    ):
        with pytest.raises(LibraryError, match="was closed: open it again"):
            use()
    assert "1 species, 2 photos" in repr(made)
    with Recognizer.open(path) as again:
        assert len(again) == 1


def test_closing_a_library_in_memory_does_nothing(colours, shades):
    colours.close()
    assert colours.classify(shades("ruby", 9)[0]).label == "ruby"
