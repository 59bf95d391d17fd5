"""The dataset card of a subset, with the front matter that dataset hubs read."""

from collections.abc import Mapping
from typing import Any

import jinja2
import polars as pl

from mig_dagster.export.markdown import inert

CARD = """\
---
license: other
task_categories: [text-generation]
tags: [instruction-tuning, data-selection, {{ lock.method }}]
configs:
- config_name: default
  data_files:
  - split: train
    path: train.jsonl
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
| {{ source }} | {{ (lock.licences.get(source) or "not stated") | inert }} | {{ "{:,}".format(count) }} |
{% endfor %}
Options: `{{ lock.options | tojson }}`. Scores by `{{ lock.scorer }}`. `selection.lock.json` pins every input.
{% if lock.shortfall %}
{{ lock.shortfall }}
{% endif %}"""


def dataset_card(rows: pl.DataFrame, lock: Mapping[str, Any]) -> str:
    """Return Markdown: where the rows come from, under which licences, and how they were chosen.

    Args:
        rows: the subset, with a `source` column.
        lock: `name`, `method`, `pool_rows`, `options`, `scorer`, `licences` (source to licence or None), `shortfall`,
            `nested`.
    """
    mix = rows.group_by("source").len().sort(["len", "source"], descending=[True, False]).rows()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["inert"] = inert
    return environment.from_string(CARD).render(lock=lock, rows=len(rows), mix=mix)
