"""Darwin Core archives and checklists."""

from __future__ import annotations

import zipfile

import pytest

from knowledge import read_graph

CORE = [
    '<archive xmlns="http://rs.tdwg.org/dwc/text/">',
    ' <core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy=""',
    '  ignoreHeaderLines="1" rowType="http://rs.tdwg.org/dwc/terms/Taxon">',
    "  <files><location>taxa.txt</location></files>",
    '  <id index="0"/>',
    '  <field index="1" term="http://rs.tdwg.org/dwc/terms/parentNameUsageID"/>',
    '  <field index="2" term="http://rs.tdwg.org/dwc/terms/scientificName"/>',
    '  <field index="3" term="http://rs.tdwg.org/dwc/terms/taxonRank"/>',
    '  <field index="4" term="http://rs.tdwg.org/dwc/terms/acceptedNameUsageID"/>',
    '  <field term="http://rs.tdwg.org/dwc/terms/kingdom" default="Animalia"/>',
    " </core>",
]
NAMES = [
    ' <extension encoding="UTF-8" fieldsTerminatedBy="," fieldsEnclosedBy=\'"\'',
    '  ignoreHeaderLines="0" rowType="http://rs.gbif.org/terms/1.0/VernacularName">',
    "  <files><location>names.csv</location></files>",
    '  <coreid index="0"/>',
    '  <field index="1" term="http://rs.tdwg.org/dwc/terms/vernacularName"/>',
    '  <field index="2" term="http://purl.org/dc/terms/language"/>',
    " </extension>",
]
TAXA = [
    "id\tparent\tname\trank\taccepted",
    '1\t\tErithacus "sensu lato"\tGENUS\t',
    "2\t1\tErithacus rubecula\tspecies\t2",
    "3\t\tMotacilla rubecula\tspecies\t2",
]


@pytest.fixture
def archive(tmp_path, write):
    write("a/meta.xml", *CORE, *NAMES, "</archive>")
    write("a/taxa.txt", *TAXA)
    write("a/names.csv", "2,robin,en", '2,"Rotkehlchen, das",de')
    return tmp_path / "a"


def pack(folder, path, **more: str):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
        for name, text in more.items():
            archive.writestr(name, text)
    return path


def check(graph, place):
    assert len(graph) == 2
    robin = graph["2"]
    assert robin.scientific == ("Erithacus rubecula",)
    assert robin.synonyms == ("Motacilla rubecula",)
    assert robin.common == ("robin",)
    assert [(t.text, t.language) for t in robin.other_names] == [("Rotkehlchen, das", "de")]
    assert graph["1"].scientific == ('Erithacus "sensu lato"',)
    assert graph["1"].rank == "genus"
    assert [c.id for c in graph.lineage("2")] == ["2", "1"]
    assert robin.where == f"{place}:3"


def test_an_archive_in_a_folder(archive):
    check(read_graph(archive), archive / "taxa.txt")


def test_an_archive_in_a_zip_file(archive, tmp_path):
    path = pack(archive, tmp_path / "birds.zip")
    graph = read_graph(path)
    check(graph, path / "taxa.txt")
    assert graph["2"].source == "birds.zip"


def test_a_checklist_with_parents(read):
    graph = read(
        "list.tsv",
        "taxonID\tparentNameUsageID\tscientificName\tvernacularName\ttaxonRank",
        "7\t8\tErithacus rubecula\trobin\tspecies",
        "8\t\tErithacus\t\tgenus",
    )
    assert [c.id for c in graph.lineage("robin")] == ["7", "8"]
    assert graph["7"].common == ("robin",)


def test_a_checklist_with_columns_of_higher_taxa(read):
    graph = read(
        "list.csv",
        "scientificName,taxonRank,order,family,genus",
        "Rosa canina,species,Rosales,Rosaceae,Rosa",
        "Rosa,genus,Rosales,Rosaceae,Rosa",
        "Malus domestica,species,Rosales,Rosaceae,Malus",
    )
    assert [(c.name, c.rank) for c in graph.lineage("Rosa canina")] == [
        ("Rosa canina", "species"),
        ("Rosa", "genus"),
        ("Rosaceae", "family"),
        ("Rosales", "order"),
    ]
    assert len(graph) == 6
    assert len([*graph.relations()]) == 5


def refused(path, said):
    with pytest.raises(ValueError, match=said):
        read_graph(path)


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "a/../../evil", "C:\\evil"])
def test_a_path_that_leads_out_is_refused_and_nothing_is_written(archive, tmp_path, name):
    path = pack(archive, tmp_path / "evil.zip")
    with zipfile.ZipFile(path, "a") as evil:
        evil.writestr(name, "evil")
    before = sorted(tmp_path.rglob("*"))
    refused(path, r"evil\.zip:1: holds .* leads out of the archive: do not trust it")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_zip_bomb_is_refused_before_it_is_unpacked(archive, tmp_path, monkeypatch):
    monkeypatch.setattr("knowledge.readers.contents.MAX_BYTES", 1_000_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("meta.xml", "0" * 900_000)
        bomb.writestr("taxa.txt", "0" * 900_000)
    assert path.stat().st_size < 10_000
    refused(path, r"bomb\.zip:1: unpacks to 1800000 bytes, more than 1000000: ")


def test_too_many_members_and_members_twice(archive, tmp_path, monkeypatch):
    path = pack(archive, tmp_path / "many.zip", **{"TAXA.txt": "x"})
    refused(path, r"many\.zip:1: holds '\w+\.txt' twice: pack it again")
    monkeypatch.setattr("knowledge.readers.darwin_core.MAX_MEMBERS", 2)
    refused(path, r"many\.zip:1: more than 2 files: pack")


def test_what_is_no_zip_file(write):
    refused(write("x.zip", b"PK\x03\x04 and no more"), r"x\.zip:1: no zip file that can be read: ")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("taxa.txt", "../taxa.txt", r"meta\.xml:2: the location is '\.\./taxa.txt'"),
        ("taxa.txt", "other.txt", r"meta\.xml:4: there is no file 'other.txt': add it"),
        ("dwc/terms/Taxon", "dwc/terms/Occurrence", r"meta\.xml:2: .* rowType Taxon: export"),
        ('<id index="0"/>', "", r"meta\.xml:2: no column is named as the id: add one"),
        ('index="4"', 'index="9"', r"taxa\.txt:2: 5 columns; meta.xml speaks of number 10"),
        ('index="4"', 'index="x"', r"meta\.xml:9: needs an index and a term: correct"),
        ('encoding="UTF-8"', 'encoding="latin-1"', r"meta\.xml:2: the encoding is latin-1: save"),
        ("<archive", "<!DOCTYPE a [<!ENTITY b 'c'>]><archive", r"meta\.xml:1: has a document type"),
        ("</core>", "", r"meta\.xml:\d+: no XML: mismatched tag: correct it there"),
    ],
)
def test_a_bad_meta_file_is_refused(archive, old, new, said):
    meta = archive / "meta.xml"
    assert old in meta.read_text()
    meta.write_text(meta.read_text().replace(old, new, 1))
    refused(archive, said)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2\t\tx\t\t", r"taxa\.txt:5: the taxon '2' is there already, line 3: take one out"),
        ("4\t99\tx\t\t", r"taxa\.txt:5: the parent of '4' is '99', which is in no row: add it"),
        ("4\t\tx\t\t99", r"taxa\.txt:5: the accepted name of '4' is '99', which is in no row"),
        ("4\t\tx\t\t3", r"taxa\.txt:5: the accepted name of '4' is '3', which is itself a syn"),
        ("4\t1\tx", r"taxa\.txt:5: 3 columns where the first row has 5: correct"),
        ("\t1\t\t\t", r"taxa\.txt:5: neither taxonID nor scientificName: fill one in"),
        ("4\t4\tx\t\t", r"taxa\.txt:5: '4' is-a itself: take it out"),
    ],
)
def test_a_bad_row_is_refused(archive, write, tmp_path, row, said):
    write("a/taxa.txt", *TAXA, row)
    refused(archive, said)
    # From a zip file, the archive is named and not a place in a temporary folder.
    refused(pack(archive, tmp_path / "birds.zip"), r"^" + str(tmp_path / "birds.zip") + "/" + said)


def test_a_link_out_of_the_folder_is_not_followed(archive, tmp_path):
    (archive / "taxa.txt").rename(tmp_path / "secret.txt")
    (archive / "taxa.txt").symlink_to(tmp_path / "secret.txt")
    refused(archive, r"meta\.xml:4: there is no file 'taxa.txt'")


def test_higher_taxa_that_contradict_each_other(write):
    path = write(
        "list.csv", "scientificName,family,genus", "Rosa a,Rosaceae,Rosa", "Rosa b,Malvaceae,Rosa"
    )
    refused(path, r"list\.csv:3: 'genus Rosa' belongs to 'family Malvaceae' here and to 'family R")
