"""A run that looks at sources, wherever they are and however large, and reports those that changed."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from assets.orphans import sign
from assets.reported import UNREADABLE, all_reported, event_of, look, reported_revision
from resources.registry import SourceRegistry


class RefreshConfig(dg.Config):
    """Which sources to look at."""

    sources: list[str] = Field(default=[], description="Names of sources; none means every registered one.")


@dg.op(out=dg.Out(dg.Nothing))
def look_at_sources(
    context: dg.OpExecutionContext, config: RefreshConfig, registry: SourceRegistry
) -> Iterator[dg.AssetMaterialization]:
    """Resolve the revision of sources and report the ones that changed.

    A source that was readable and is not now keeps the revision it had: the rest is looked at, and then the run fails.

    Raises:
        Failure: sources.yaml cannot be read, or some source cannot; it names them with their reasons.
    """
    sign(context.instance, context.run)
    registered = registry.load()
    chosen = {name: registered[name] for name in config.sources or registered if name in registered}
    reported = all_reported(context.instance)
    changed, problems = [], {}
    for name, source in chosen.items():
        known = reported_revision(context.instance, name)
        found = look(source, known)
        before = reported.get(name)
        if found.problem:
            context.log.error(f"source {name}: {found.problem}")
            problems[name] = found.problem
            if before and not before.startswith(UNREADABLE):
                continue
        if found.version != before or found.revision != known:
            yield event_of(name, found)  # at once: log_event() keeps events until the end, which a failure never sees
        if found.version != before:
            changed.append(name)
    context.log.info(f"{len(chosen)} sources, changed: {', '.join(changed) or 'none'}")
    if problems:
        reasons = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise dg.Failure(f"{len(problems)} of {len(chosen)} sources cannot be read. {reasons}", allow_retries=False)
