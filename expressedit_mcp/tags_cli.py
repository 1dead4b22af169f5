"""`expressedit-mcp tags`: the user's own expression tags, names and texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from expressedit_mcp.settings import Settings
    from tagdb import UserTags

_LANGUAGE = re.compile(r"^([a-z]{2}):(?=.)")


class _Group(click.Group):
    """Shows the tag store's errors as one message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        from tagdb import TagdbError

        try:
            return super().invoke(ctx)
        except TagdbError as error:
            raise click.ClickException(str(error)) from error


def tags_group(settings: Callable[[], Settings]) -> click.Group:
    """The command group; `settings` is called when a command runs."""

    @click.group(cls=_Group)
    def tags() -> None:
        """Your own tags, and names and texts you add to shipped ones. Search finds them at once."""

    @tags.command()
    @click.argument("name")
    @click.option("--definition", help="What the face does; makes NAME a tag of your own.")
    @click.option("--category", help="Category of your own tag; without it, own.")
    @click.option("--part", "parts", multiple=True, help="Part of the face; may be repeated.")
    @click.option("--name", "names", multiple=True, metavar="LANG:NAME", help="May be repeated.")
    @click.option(
        "--text",
        "texts",
        multiple=True,
        metavar="LANG:TEXT",
        help="A short situation that calls for the tag, five or more serve well; may be repeated.",
    )
    def add(
        name: str,
        definition: str | None,
        category: str | None,
        parts: tuple[str, ...],
        names: tuple[str, ...],
        texts: tuple[str, ...],
    ) -> None:
        """Add a tag NAME, or names and texts to the shipped tag NAME.

        LANG is en, ja, zh or ko; without it, it is seen from the script.
        """
        from tagdb.user_tags import Row

        said = [
            *([("definition", definition)] if definition is not None else []),
            *([("category", category)] if category is not None else []),
            *(("part", part) for part in parts),
            *(("name", text) for text in names),
            *(("cue", text) for text in texts),
        ]
        if not said:
            raise click.UsageError("Give a --definition, a --name or a --text.")
        option = {"cue": "--text"}
        rows = []
        for kind, text in said:
            language, words = ("", text) if kind in ("category", "part") else _split(text)
            rows.append(Row(option.get(kind, f"--{kind}"), name, kind, language, words))
        count = _own(settings()).add(rows)
        click.echo(f"Added {count} of {len(rows)}; those already there were left as they are.")

    @tags.command("import")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def import_(file: Path) -> None:
        """Add what a .csv or .jsonl FILE says.

        Its columns are tag, kind, lang and text. A kind is definition, category, part, name, cue or story. All
        rows are added, or none.
        """
        from tagdb.user_files import read_rows

        rows = read_rows(file)
        count = _own(settings()).add(rows)
        click.echo(f"Added {count} of {len(rows)} rows; the others were there already.")

    @tags.command()
    @click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
    def export(file: Path) -> None:
        """Write all your additions into a .csv or .jsonl FILE.

        `import` reads it back.
        """
        from tagdb.user_files import write_rows

        rows = _own(settings()).rows()
        write_rows(file, rows)
        click.echo(f"Wrote {len(rows)} rows to {file}.")

    @tags.command("list")
    @click.argument("tag", required=False)
    def list_(tag: str | None) -> None:
        """Show your additions, or those to TAG."""
        for row in _own(settings()).rows():
            if tag in (None, row.tag):
                language = f" {row.lang}" if row.lang else ""
                click.echo(f"{row.tag}  {row.kind}{language}  {row.text}")

    @tags.command()
    @click.argument("tag")
    @click.option("--text", help="Remove only the addition with this text.")
    def remove(tag: str, text: str | None) -> None:
        """Remove your additions to TAG; shipped data stays as it is."""
        click.echo(f"Removed {_own(settings()).remove(tag, text)} rows.")

    @tags.command()
    def build() -> None:
        """Build the search tables before they are needed.

        They hold the vectors of EXPRESSEDIT_ENCODER.
        """
        from expressedit_mcp.studio.tag_store import open_tag_store

        with open_tag_store(settings()) as store:
            store.search("She smiled, then looked away.")
        click.echo(f"The tables in {settings().tag_cache_dir} are ready.")

    return tags


def _own(settings: Settings) -> UserTags:
    from tagdb import UserTags, load_tags

    return UserTags(settings.own_tags_dir, load_tags())


def _split(text: str) -> tuple[str, str]:
    """Language ("" where none is given) and text of LANG:TEXT."""
    found = _LANGUAGE.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)
