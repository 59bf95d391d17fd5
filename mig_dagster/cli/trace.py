"""`mig-dagster trace ROW_ID`: a row's whole story."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.tree import Tree

from mig_dagster.cli.console import DEFAULT_HOME, AsJson, Home, explain_errors, out, print_json
from mig_dagster.lineage import trace_home


@explain_errors
def trace(
    row_id: Annotated[str, typer.Argument(help="A row id, or enough of its first digits to be unique.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Print where a row came from, what was said of it, what it duplicates, and whether it was chosen."""
    story = trace_home(home, row_id)
    if as_json:
        print_json(story)
    else:
        rest = {key: value for key, value in story.items() if key != "row_id"}
        out.print(_tree(Tree(f"[bold]{story['row_id']}[/]"), rest), soft_wrap=False)


def _tree(tree: Tree, value: Any) -> Tree:
    """Hang a nested JSON value below a tree, one leaf a line."""
    items = value.items() if isinstance(value, dict) else enumerate(value, start=1)
    for key, item in items:
        if isinstance(item, dict | list) and item:
            _tree(tree.add(f"[cyan]{escape(str(key))}[/]"), item)
        elif item not in (None, [], {}):
            tree.add(f"[cyan]{escape(str(key))}[/] {escape(str(item))}")
    return tree
