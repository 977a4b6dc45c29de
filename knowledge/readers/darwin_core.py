"""Darwin Core archives: a zip file, or a folder, with meta.xml and the tables it names.

The core must be of taxa. Names in other languages and descriptions come from the extensions
VernacularName and Description; other extensions are passed over. Nothing is unpacked but files
right in the archive, and none if a name in it leads out of it.

References
----------
Darwin Core text guide: https://dwc.tdwg.org/text/
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from knowledge.errors import FormatError
from knowledge.readers import contents
from knowledge.readers.checklist import add_taxa
from knowledge.readers.draft import Draft
from knowledge.readers.xml_elements import Element, elements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from knowledge.concept import Text
    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["MAX_MEMBERS", "matches", "read"]

MAX_MEMBERS = 1000
_ENGLISH = ("", "en", "eng")


def matches(sample: Sample) -> bool:
    """Whether it is a zip file, or a folder with meta.xml."""
    return sample.head.startswith(b"PK\x03\x04") or (sample.path / "meta.xml").is_file()


def read(path: Path) -> KnowledgeGraph:
    """Read an archive; see the module."""
    if path.is_dir():
        return _read_folder(path, path)
    with tempfile.TemporaryDirectory() as folder:
        _unpack(path, Path(folder))
        try:
            return _read_folder(Path(folder), path)
        except FormatError as error:
            raise FormatError(str(error).replace(folder, str(path))) from None


def _unpack(path: Path, folder: Path) -> None:
    """Unpack the files right in a zip file, all of which together must not be too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            for member in members:
                if "/" not in member.filename:
                    with archive.open(member) as source, (folder / member.filename).open("wb") as f:
                        shutil.copyfileobj(source, f)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise FormatError(
            f"{path}:1: no zip file that can be read: {error}: get it again"
        ) from None


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise FormatError(f"{path}:1: more than {MAX_MEMBERS} files: pack the tables only")
    size = sum(member.file_size for member in members)
    if size > contents.MAX_BYTES:
        raise FormatError(
            f"{path}:1: unpacks to {size} bytes, more than {contents.MAX_BYTES}: unpack it "
            f"yourself if you trust it, and give the folder"
        )
    seen = set()
    for member in members:
        name = member.filename
        if ".." in PurePosixPath(name).parts or name.startswith("/") or {*"\\:\0"} & {*name}:
            raise FormatError(
                f"{path}:1: holds {name!r}, a path that leads out of the archive: do not trust it, "
                f"or pack it again"
            )
        if member.flag_bits & 1:
            raise FormatError(f"{path}:1: {name!r} is encrypted: pack it without a password")
        if name.casefold() in seen:
            raise FormatError(f"{path}:1: holds {name!r} twice: pack it again")
        seen.add(name.casefold())


def _read_folder(folder: Path, shown: Path) -> KnowledgeGraph:
    meta = folder / "meta.xml"
    if not meta.is_file():
        raise FormatError(f"{meta}:1: no such file: a Darwin Core archive has one at its top")
    tables = elements(contents.whole_bytes(meta), str(meta))
    cores = [e for e in tables if e.name == "core"]
    if len(cores) != 1 or _last(cores[0].attributes.get("rowType", "")) != "taxon":
        line = cores[-1].line if cores else 1
        raise FormatError(
            f"{meta}:{line}: the archive must have one core, with the rowType Taxon: export taxa"
        )
    draft = Draft(shown / _location(meta, tables, cores[0]), source=shown.name)
    common: dict[str, list[str]] = {}
    texts: dict[str, dict[str, list[Text]]] = {}
    for table in tables:
        kind = _last(table.attributes.get("rowType", ""))
        if table.name != "extension" or kind not in ("vernacularname", "description"):
            continue
        place = Draft(shown / _location(meta, tables, table), source=shown.name)
        for line, row in _rows(meta, tables, table):
            name = row.get("vernacularname" if kind == "vernacularname" else "description", "")
            language = row.get("language", "")
            if name and kind == "vernacularname" and language.casefold() in _ENGLISH:
                common.setdefault(row["id"], []).append(name)
            elif name:
                text = place.text(
                    line, name, language=language or "en", source=row.get("source", "")
                )
                field = "other_names" if kind == "vernacularname" else "descriptions"
                texts.setdefault(row["id"], {}).setdefault(field, []).append(text)
    rows = ((line, {**row, "taxonid": row["id"]}) for line, row in _rows(meta, tables, cores[0]))
    add_taxa(draft, rows, common, texts)
    for id in (*common, *texts):
        if id not in draft.graph:
            raise FormatError(
                f"{draft.path}:1: an extension speaks of the taxon {id!r}, which is no accepted "
                f"row of the core: add it, or take the extension's row out"
            )
    return draft.graph


def _location(meta: Path, tables: list[Element], table: Element) -> str:
    """Name of a table's file, which must lie right beside meta.xml."""
    names = [e for e in tables if e.name == "location" and e.parents[-2:] == [table.number, e.up]]
    name = names[0].text.strip() if len(names) == 1 else ""
    if not name or name != PurePosixPath(name).name or {*"\\:"} & {*name} or name == "..":
        raise FormatError(
            f"{meta}:{table.line}: the location is {name!r}; it must be the name of one file "
            f"beside meta.xml: correct it"
        )
    file = meta.parent / name
    if file.is_symlink() or not file.is_file():
        raise FormatError(f"{meta}:{names[0].line}: there is no file {name!r}: add it")
    return name


def _rows(
    meta: Path, tables: list[Element], table: Element
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a table: the id under "id", and each term, in lower case, with its value."""
    given = table.attributes
    escapes = {"\\t": "\t", "": ","}
    delimiter = given.get("fieldsTerminatedBy", ",")
    delimiter = escapes.get(delimiter, delimiter)
    quote = given.get("fieldsEnclosedBy", '"') or None
    encoding = given.get("encoding", "UTF-8").casefold()
    skipped = given.get("ignoreHeaderLines", "0")
    if len(delimiter) != 1 or len(quote or "'") != 1 or not skipped.isdigit():
        raise FormatError(
            f"{meta}:{table.line}: fields must end and be enclosed by one sign, and "
            f"ignoreHeaderLines be a number: correct it"
        )
    if encoding not in ("utf-8", "utf8", "ascii", "us-ascii"):
        raise FormatError(
            f"{meta}:{table.line}: the encoding is {encoding}: save the table as UTF-8 and say so"
        )
    columns: dict[str, int] = {}
    fixed: dict[str, str] = {}
    for part in (e for e in tables if e.up == table.number):
        if part.name not in ("id", "coreid", "field"):
            continue
        term = "id" if part.name != "field" else _last(part.attributes.get("term", ""))
        index = part.attributes.get("index")
        if index is None and "default" in part.attributes:
            fixed[term] = part.attributes["default"]
        elif index is None or not (index.isascii() and index.isdigit()) or not term:
            raise FormatError(f"{meta}:{part.line}: needs an index and a term: correct it")
        else:
            columns[term] = int(index)
    if "id" not in columns:
        raise FormatError(f"{meta}:{table.line}: no column is named as the id: add one")
    file = meta.parent / _location(meta, tables, table)
    rows = contents.numbered_rows(file, delimiter, quote=quote)
    for n, (line, row) in enumerate(rows):
        if n < int(skipped):
            continue
        if max(columns.values()) >= len(row):
            raise FormatError(
                f"{file}:{line}: {len(row)} columns; meta.xml speaks of number "
                f"{max(columns.values()) + 1}: correct one of them"
            )
        yield line, {**fixed, **{term: row[index] for term, index in columns.items()}}


def _last(term: str) -> str:
    """Name at the end of a term's address, in lower case."""
    return term.rsplit("/", 1)[-1].rsplit("#", 1)[-1].casefold()
