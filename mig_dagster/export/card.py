"""The dataset card of a subset, with the front matter that dataset hubs read."""

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import polars as pl
import yaml

from mig_dagster.export.citations import bibliography
from mig_dagster.export.markdown import inert

CARD = """\
---
{{ front_matter -}}
---
# {{ lock.name | inert }}

{{ "{:,}".format(rows) }} rows chosen by `{{ lock.method }}` from a pool of {{ "{:,}".format(lock.pool_rows) }},
in the order in which they were chosen{% if lock.nested %}: the first k rows are the subset for budget k.
{%- else %}. The first k rows are not the subset for budget k: what is chosen depends on the
budget, so choose again for a smaller one.
{%- endif %}

| source | licence | rows |
|---|---|---:|
{% for source, count in mix -%}
| {{ source | inert }} | {{ (lock.licences.get(source) or "not stated") | inert }} | {{ "{:,}".format(count) }} |
{% endfor %}
{% if budget -%}
Budget: {{ budget | inert }}
{%- if first %}, of which these are the first {{ "{:,}".format(first) }} rows{% endif %}. {% endif -%}
{% if lock.get("tokens") and not first -%}
Tokens: {{ "{:,}".format(lock.tokens.used.tokens) }}, of which \
{{ "{:,}".format(lock.tokens.used.trained_tokens) }} are trained on; {{ "{:,}".format(lock.tokens.asked) }} \
were asked for
{%- if lock.tokens.counted == "trained_tokens" %} to train on{% endif %}. {% endif -%}
Options: `{{ lock.options | tojson }}`. Scores by `{{ lock.scorer }}`. `selection.lock.json` pins every input.
{% if lock.shortfall %}
{{ lock.shortfall }}
{% endif %}
{%- if columns %}
| column | what it holds |
|---|---|
{% for name, text in columns.items() -%}
| `{{ name }}` | {{ text }} |
{% endfor %}
{%- endif %}
{%- if citations %}
## Citation

```bibtex
{{ citations }}
```
{% endif -%}
"""
LICENCES = (
    "apache-2.0",
    "mit",
    "cc-by-4.0",
    "cc-by-3.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "cc0-1.0",
    "odc-by",
    "gpl-3.0",
    "bsd-3-clause",
)
"""Licences that a dataset hub knows by these names."""
_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}


def dataset_card(
    rows: pl.DataFrame,
    lock: Mapping[str, Any],
    *,
    data_files: str = "train.jsonl",
    info: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
) -> str:
    """Return Markdown: where the rows come from, under which licences, how they were chosen, and whom to cite.

    Args:
        rows: the subset, with a `source` column.
        lock: `name`, `method`, `pool_rows`, `options`, `scorer`, `licences` (source to licence or None), `shortfall`,
            `nested`; `budget`, `first_rows` and `published_at` where there are such.
        data_files: the files of the training split, in the card's folder.
        info: `dataset_info` of the front matter: features, splits and their sizes; None where a hub is to find out.
        columns: what each column holds; None for files without columns.
    """
    mix = rows.group_by("source").len().sort(["len", "source"], descending=[True, False]).rows()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["inert"] = inert
    sources = [source for source, _ in mix]
    return environment.from_string(CARD).render(
        lock=lock,
        rows=len(rows),
        mix=mix,
        budget=lock.get("budget"),
        first=lock.get("first_rows"),
        front_matter=_front_matter(len(rows), sources, lock, data_files, info),
        columns=columns,
        citations=bibliography(str(lock["method"]), sources, lock.get("published_at", {})),
    )


def _front_matter(
    rows: int, sources: Sequence[str], lock: Mapping[str, Any], data_files: str, info: Mapping[str, Any] | None
) -> str:
    """Return YAML; what others named stands in quotes where it must, on one line, and closes nothing."""
    configs = [{"config_name": "default", "data_files": [{"split": "train", "path": data_files}]}]
    fields = {
        "license": _licence([lock["licences"].get(source) for source in sources]),
        "task_categories": ["text-generation"],
        "size_categories": [next((name for most, name in _SIZES.items() if rows < most), "10M<n<100M")],
        "pretty_name": "".join(mark if mark.isprintable() and mark not in "<>" else " " for mark in str(lock["name"])),
        "tags": ["instruction-tuning", "data-selection", str(lock["method"])],
        "configs": configs,
    } | ({"dataset_info": dict(info)} if info else {})
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=10**6)


def _licence(stated: Sequence[str | None]) -> str | list[str]:
    """Return the licences of the sources as a hub names them; "other" where one of them is not stated or unknown."""
    found = sorted({(licence or "").strip().lower() for licence in stated})
    if not found or not set(found) <= set(LICENCES):
        return "other"
    return found[0] if len(found) == 1 else found
