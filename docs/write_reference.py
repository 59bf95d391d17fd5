"""Write docs/reference/ from the code: every command with its options, the options file, every asset with its checks.

python docs/write_reference.py
"""

import dataclasses
import inspect
import json
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg
import typer.main

from mig_dagster.cli import app
from mig_dagster.definitions import defs
from mig_dagster.stages import pool_options

FOLDER = Path(__file__).with_name("reference")
WRITTEN = "Written from the code by `docs/write_reference.py`."
VARIABLES = "[Environment variables](../../README.md#configuration)"


def pages() -> dict[str, str]:
    """Return the text of every file of the folder, by file name."""
    return {"commands.md": _commands(), "options_file.md": _options_file(), "assets.md": _assets()}


def _commands() -> str:
    root = typer.main.get_command(app)
    sections = [_command(path, command) for path, command in _leaves("mig-dagster", root)]
    exits = "Exit codes: 0, 1 (a check failed, or something asked for could not be made), 2 (usage, with what to do)."
    return "\n".join(["# Commands", "", f"{WRITTEN} {exits} {VARIABLES} are in the README.", "", *sections])


def _leaves(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with the words that start it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from _leaves(f"{path} {name}", below)


def _command(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    parameters = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in parameters if isinstance(each, click.Argument)]
    options = [each for each in parameters if isinstance(each, click.Option)]
    usage = " ".join(["[OPTIONS]", *(each.make_metavar(context) for each in arguments)])
    head = [f"## {path}", "", inspect.cleandoc(command.help or ""), "", "```text", f"{path} {usage}", "```", ""]
    rows = [(f"`{each.make_metavar(context)}`", "", getattr(each, "help", "") or "") for each in arguments]
    rows += [(_flags(each), _default(each), each.help or "") for each in options]
    return "\n".join([*head, *_table(("", "default", ""), rows), ""])


def _flags(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    variable = option.envvar
    return f"{names} (`{variable}`)" if isinstance(variable, str) else names


def _default(option: click.Option) -> str:
    if option.required:
        return "required"
    default = option.default
    empty = default is None or default is False or not isinstance(default, str | int | float | Path)
    return "" if empty else f"`{default}`"


def _options_file() -> str:
    listed = [pool_options.PoolOptions, *_sections(pool_options.PoolOptions)]
    about = inspect.getdoc(pool_options) or ""
    more = f"[Annotators](../annotators.md) explains what the models do. {VARIABLES} are in the README."
    return "\n".join(["# The options file", "", f"{WRITTEN} {about}", "", more, "", *map(_section, listed)])


def _sections(kind: type) -> list[type]:
    """Return the classes that fields of a class are made of, each once, in the order of their first use."""
    found: list[type] = []
    for hint in typing.get_type_hints(kind).values():
        for each in _classes(hint):
            found += [new for new in (each, *_sections(each)) if new not in found]
    return found


def _classes(hint: Any) -> list[type]:
    if dataclasses.is_dataclass(hint):
        return [typing.cast(type, hint)]
    return [found for argument in typing.get_args(hint) for found in _classes(argument)]


def _section(kind: type) -> str:
    hints = typing.get_type_hints(kind)
    words = _attributes(kind)
    rows = [
        (f"`{field.name}`", f"`{_type(hints[field.name])}`", _field_default(field), words.get(field.name, ""))
        for field in dataclasses.fields(kind)
    ]
    summary = (inspect.getdoc(kind) or "").partition("\nAttributes:")[0].strip()
    return "\n".join([f"## {kind.__name__}", "", summary, "", *_table(("name", "type", "default", ""), rows), ""])


def _attributes(kind: type) -> dict[str, str]:
    section = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")[2].partition("\n\n")[0]
    found = re.split(r"^    (\w+): ", section, flags=re.M)
    return {name: " ".join(text.split()) for name, text in zip(found[1::2], found[2::2], strict=True)}


def _type(hint: Any) -> str:
    if dataclasses.is_dataclass(hint) or hint in (str, int, float, bool):
        return str(getattr(hint, "__name__", hint))
    if hint is type(None):
        return "null"
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " or ".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_type, arguments))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    return _type(arguments[0]) if hasattr(hint, "__metadata__") else str(hint)


def _field_default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{json.dumps(field.default).strip(chr(34))}`"
    return "required" if field.default_factory is dataclasses.MISSING else "as below"


def _assets() -> str:
    graph = defs().resolve_asset_graph()
    sections = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: (graph.get(key).group_name, key.to_user_string())):
        node = graph.get(key)
        checks = [graph.get_check_spec(check) for check in sorted(node.check_keys)]
        sections.append(_asset(node, checks))
    return "\n".join(
        ["# Assets", "", f"{WRITTEN} What the options of each mean stands in the Launchpad.", "", *sections]
    )


def _asset(node: Any, checks: list[dg.AssetCheckSpec]) -> str:
    reads = ", ".join(f"`{parent.to_user_string()}`" for parent in sorted(node.parent_keys)) or "nothing"
    facts = f"Group `{node.group_name}`; reads {reads}{'; one partition a source' if node.is_partitioned else ''}."
    rows = [(f"`{c.name}`", "yes" if c.blocking else "", (c.description or "").replace("\n", " ")) for c in checks]
    table = [*_table(("check", "blocking", "what must hold"), rows), ""] if rows else []
    summary = (node.description or "").partition("\n")[0]
    return "\n".join([f"## {node.key.to_user_string()}", "", summary, "", facts, "", *table])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [f"| {' | '.join(cells)} |" for cells in [list(head), ["---"] * len(head), *lines]]


def main() -> None:
    """Write the folder anew."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
