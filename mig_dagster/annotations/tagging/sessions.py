"""The tags of a conversation: the union over its user turns, each of which is asked about alone."""

from collections import Counter
from collections.abc import Callable, Sequence

from mig_dagster.annotations.annotator import Batch, Row
from mig_dagster.annotations.flags import FLAGS

TagQueries = Callable[[list[str]], Batch]
"""Returns columns "tags" (a list of str, empty or None where the query has none) and "notes" (a list of codes: what
went wrong or was left out) per distinct query."""


def session_tags(rows: Sequence[Row], tag_queries: TagQueries) -> Batch:
    """Return the tags of rows from those of their user turns.

    Args:
        rows: their blank turns are not asked about.
        tag_queries: gets each distinct turn of all rows once.

    Returns:
        column "tags": the tags of all turns in first-seen order, None where flagged: no turn gave any. `empty_text`
        where all turns are blank, else the first code of `FLAGS` that a turn failed with. `counts` has "turns", and
        "turns_<code>" for each code of a turn, in rows that have tags as well.
    """
    turns = [_turns(row) for row in rows]
    queries = list(dict.fromkeys(turn for row_turns in turns for turn in row_turns))
    said = tag_queries(queries)
    tags = dict(zip(queries, said.columns["tags"], strict=True))
    codes = {
        query: [*(notes or []), *filter(None, [flag])]
        for query, notes, flag in zip(queries, said.columns["notes"], said.flags, strict=True)
    }
    values: list[list[str] | None] = []
    flags: list[str | None] = []
    counts: Counter[str] = Counter(turns=sum(map(len, turns)))
    for row_turns in turns:
        union = list(dict.fromkeys(tag for turn in row_turns for tag in tags[turn] or []))
        noted = [code for turn in row_turns for code in codes[turn]]
        counts.update(f"turns_{code}" for code in noted)
        values.append(union or None)
        flags.append(None if union else next((code for code in noted if code in FLAGS), "empty_text"))
    return Batch({"tags": values}, flags, dict(sorted(counts.items())))


def _turns(row: Row) -> list[str]:
    return [
        message.content for message in row.conversation.messages if message.role == "user" and message.content.strip()
    ]
