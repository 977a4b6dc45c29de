"""The application: its commands, and the one place where errors become words."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from fgmm.command.ask_command import ask_about_picture
from fgmm.command.classify_command import classify_pictures
from fgmm.command.doctor_command import examine
from fgmm.command.embed_command import embed_pictures
from fgmm.command.encoders_command import list_encoders
from fgmm.command.evaluate_command import evaluate_heads
from fgmm.command.export_command import export_as_onnx
from fgmm.command.joint_command import evaluate_joint, train_joint
from fgmm.command.library_argument import LibraryCommand
from fgmm.command.species_add_command import add_to_library
from fgmm.command.species_change_command import (
    add_other_names,
    forget_removed,
    merge_species,
    remove_species,
    rename_species,
    set_words,
    undo_change,
)
from fgmm.command.species_command import list_species, show_history, show_species
from fgmm.command.species_copy_command import export_library, import_library
from fgmm.command.terminal import errors_in_words
from fgmm.command.train_command import train_encoder
from fgmm.command.verify_command import verify_library

__all__ = ["app"]


class _PlainHelp:
    """Says nothing of a type beside ``--help``, which takes no value."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.metavar = ""
        return option


class _Command(_PlainHelp, TyperCommand):
    pass


class _OfLibrary(_PlainHelp, LibraryCommand):
    pass


class _SpeakingGroup(_PlainHelp, TyperGroup):
    """Runs every command inside `errors_in_words`."""

    def invoke(self, ctx: Any) -> Any:
        if ctx.parent is not None:  # a group within another: all is told there
            return super().invoke(ctx)
        with errors_in_words():
            return super().invoke(ctx)


_NAME, _KEEP = "Name pictures", "Keep species"
_MEASURE, _HERE = "Learn and measure", "This installation"
_SPECIES = """Teach a library species, from names and a few photos.

A library is one file. It knows each species by its names, its photos or both, and whatever you
do to it can be taken back.

fgmm species add "great tit" tits/*.jpg --library birds.fgmm

fgmm classify bird.jpg --library birds.fgmm

fgmm species undo --library birds.fgmm

Exit code 0: all went well. 2: nothing was changed. Only **add** has others.
"""

app = typer.Typer(
    name="fgmm",
    cls=_SpeakingGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from fgmm._version import __version__

        typer.echo(f"fgmm {__version__}")
        raise typer.Exit


@app.callback()
def fgmm(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Name fine-grained things in pictures: birds, flowers, groceries, whatever you can describe.

    Say what a picture may show, in words, and fgmm tells which of them it is.
    It works without a network, with a small encoder that comes with it.

    **Try**:  fgmm classify bird.jpg --labels "great tit, blue tit, coal tit"

    **Or** teach it your own, from a few photos:  fgmm species --help
    """


app.command("classify", cls=_Command, rich_help_panel=_NAME)(classify_pictures)
app.command("ask", cls=_Command, rich_help_panel=_NAME)(ask_about_picture)
app.command("train", cls=_Command)(train_encoder)
app.command("verify", cls=_Command, rich_help_panel=_KEEP)(verify_library)
app.command("embed", cls=_Command, rich_help_panel=_MEASURE)(embed_pictures)
app.command("evaluate", cls=_Command, rich_help_panel=_MEASURE)(evaluate_heads)
joint = typer.Typer(cls=_SpeakingGroup, no_args_is_help=True, rich_markup_mode="markdown")
joint.command("train", cls=_Command)(train_joint)
joint.command("evaluate", cls=_Command)(evaluate_joint)
app.add_typer(
    joint,
    name="joint",
    help="Learn what a graph's attributes look like, to name new classes.",
    rich_help_panel=_MEASURE,
)
species = typer.Typer(cls=_SpeakingGroup, no_args_is_help=True, rich_markup_mode="markdown")
species.command("add", cls=_OfLibrary)(add_to_library)
species.command("list", cls=_OfLibrary)(list_species)
species.command("show", cls=_OfLibrary)(show_species)
species.command("also", cls=_OfLibrary)(add_other_names)
species.command("rename", cls=_OfLibrary)(rename_species)
species.command("remove", cls=_OfLibrary)(remove_species)
species.command("merge", cls=_OfLibrary)(merge_species)
species.command("undo", cls=_OfLibrary)(undo_change)
species.command("history", cls=_OfLibrary)(show_history)
species.command("words", cls=_OfLibrary)(set_words)
species.command("export", cls=_OfLibrary)(export_library)
species.command("import", cls=_OfLibrary)(import_library)
species.command("forget", cls=_OfLibrary)(forget_removed)
app.add_typer(
    species,
    name="species",
    help=_SPECIES,
    short_help="Teach a library species, from names and a few photos.",
    rich_help_panel=_KEEP,
)
app.command("export", cls=_Command, rich_help_panel=_HERE)(export_as_onnx)
app.command("encoders", cls=_Command, rich_help_panel=_HERE)(list_encoders)
app.command("doctor", cls=_Command, rich_help_panel=_HERE)(examine)
