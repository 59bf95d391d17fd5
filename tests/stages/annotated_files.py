"""Files whose rows bring their tags and scores, and subsets chosen from them as `select` does."""

import json

from mig_dagster.annotations import FragmentCache
from mig_dagster.sources import Source
from mig_dagster.stages.file_pool import file_lake
from mig_dagster.stages.label_space import VocabularyOptions
from mig_dagster.stages.pool_options import EncoderOptions, GraphOptions, PoolOptions, QualityOptions
from mig_dagster.stages.select_files import select_files
from mig_dagster.storage import Store


def record(ask, points=1.0, tags=("topic",), answer="done"):
    """Return a row as the pools of MIG write it, with its score beside it."""
    dialogs = [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}]
    return {"dialogs": dialogs, "annotation": {"instag": {"content": list(tags)}}, "points": points}


def write(path, *records):
    """Write records as JSON Lines and return the path."""
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path


class Workshop:
    """A folder with sources, a home, and the subsets chosen there."""

    def __init__(self, folder, model) -> None:
        self.folder, self.model = folder, model
        self.home = str(folder / "home")
        self.lake = file_lake(self.home)

    def select(self, name, files, method="mig", budget="3", changes=None, **settings):
        """Choose from files and return the folder; `changes` are options of the pool."""
        options = {
            "encoder": EncoderOptions(model=str(self.model)),
            "quality_scores": QualityOptions(scorer="imported:points"),
            "label_vocabulary": VocabularyOptions(min_count=1, merge_distance=None),
            "label_graph": GraphOptions(threshold=0.999999),
        }
        select_files(
            [Source(source, str(path)) for source, path in files.items()],
            self.folder / name,
            method=method,
            budget=budget,
            settings=settings,
            options=PoolOptions(**(options | (changes or {}))),
            cache=FragmentCache(Store(self.home)),
            lake=self.lake,
            models=self.folder,
            on_progress=lambda what, done, total: None,
        )
        return self.folder / name


def rows_of(prefix, count):
    """Return records with scores that fall and two tags each."""
    tags = ("maths", "poetry", "code", "history", "cooking")
    return [
        record(f"{prefix} number {i} about {tags[i % 5]}", 9 - i / 4, [tags[i % 5], tags[(i * 2 + 1) % 5]])
        for i in range(count)
    ]
