"""Write docs/methods/<name>.md from the docstrings of every selection method, and the list of them.

python docs/write_method_pages.py
"""

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mig_dagster.selection import METHODS, options, reads
from mig_dagster.selection.base import Method
from mig_dagster.selection.reasons import EXPLAINERS, PLAIN, explain_mig, label_gains

FOLDER = Path(__file__).with_name("methods")


def pages() -> dict[str, str]:
    """Return the text of every file of the folder, by file name."""
    methods = dict(sorted(METHODS.items()))
    return {"README.md": _list(methods)} | {f"{name}.md": _page(name, methods[name]) for name in methods}


def _list(methods: Mapping[str, Method]) -> str:
    lines = [
        f"| [{name}]({name}.md) | {_cell(_first_line(method))} | {_names(method)} |" for name, method in methods.items()
    ]
    return "\n".join(
        [
            "# Selection methods",
            "",
            "Written from the docstrings by `docs/write_method_pages.py`. The README says when to use which.",
            "",
            "| method | what it does | reads |",
            "|---|---|---|",
            *lines,
            "",
        ]
    )


def _page(name: str, method: Method) -> str:
    summary, sections = _sections(inspect.getdoc(method) or "")
    documented = _arguments(sections.get("Args", ""))
    settings = options(method)
    inputs = [f"| `{each}` | {_cell(documented[each])} |" for each in reads(method)]
    knobs = [
        f"| `{each}` | `{_type(kind)}` | `{default!r}` | {_cell(documented[each])} |"
        for each, (kind, default) in settings.items()
    ]
    rest = [
        f"**{title}.** {_joined(sections[title])}\n" for title in ("Returns", "Raises", "Warns") if title in sections
    ]
    return "\n".join(
        [
            f"# {name}",
            "",
            summary,
            "",
            "```bash",
            f"mig-dagster select POOL --method {name} --budget 5% --output chosen",
            "```",
            "",
            "| input | |",
            "|---|---|",
            *inputs,
            "",
            *(["| option | type | default | |", "|---|---|---|---|", *knobs, ""] if knobs else []),
            *rest,
            *_reasons(name),
            "```text",
            inspect.getdoc(inspect.getmodule(method)) or "",
            "```",
            "",
        ]
    )


def _reasons(name: str) -> list[str]:
    """Return what is told of each chosen row when it is chosen, and of any row when somebody asks."""
    if name == "mig":
        stored, (asked, more) = _lower(inspect.getdoc(inspect.getmodule(label_gains)) or ""), _told(explain_mig)
    else:
        explainer = EXPLAINERS.get(name, PLAIN)
        # One function explains all rows where a method needs no two.
        one = inspect.getclosurevars(explainer.chosen).nonlocals.get("explain")
        stored, (asked, more) = _told(one or explainer.chosen)[0], _told(one or explainer.row)
    file, command = "`reasons.parquet` of the subset", "`mig-dagster explain ROW_ID --subset chosen`"
    same = f"{file} and {command} give {asked}"
    told = same if stored == asked else f"{file} gives {stored} {command} gives {asked}"
    return [f"**Reasons.** {told}", "", *([more, ""] if more else [])]


def _told(explain: Callable[..., Any]) -> tuple[str, str]:
    """Return what a function of reasons returns, and what more its docstring says before its sections."""
    text = re.split(r"^(?:Args|Returns|Raises):\n", inspect.getdoc(explain) or "", flags=re.M)[0]
    summary, _, rest = text.strip().partition("\n\n")
    return _joined(summary).removeprefix("Return "), rest.strip()


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _sections(text: str) -> tuple[str, dict[str, str]]:
    """Split a Google docstring into what comes before the first section, and the sections by title."""
    parts = re.split(r"^(Args|Returns|Raises|Warns):\n", text, flags=re.M)
    return parts[0].strip(), dict(zip(parts[1::2], parts[2::2], strict=True))


def _arguments(section: str) -> dict[str, str]:
    found = re.split(r"^    (\w+): ", section, flags=re.M)
    return {name: _joined(text) for name, text in zip(found[1::2], found[2::2], strict=True)}


def _joined(text: str) -> str:
    return " ".join(text.split())


def _first_line(method: Method) -> str:
    return (inspect.getdoc(inspect.getmodule(method)) or "").split("\n", 1)[0].partition(": ")[2]


def _names(method: Method) -> str:
    return ", ".join(f"`{name}`" for name in reads(method))


def _type(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the folder anew; pages of methods that are gone go."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
