"""`mig-dagster sample`: the command line of the MIG reference, flag for flag, on annotated pools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from mig_dagster.cli.console import AsJson, err, explain_errors, out, print_json, print_warning


class GraphType(StrEnum):
    """Label graphs of the reference."""

    sim = "sim"


class SamplerType(StrEnum):
    """Samplers of the reference that this command runs."""

    mig = "mig"


@explain_errors
def sample(
    src: Annotated[
        Path, typer.Argument(help="Annotated pool, JSON Lines: dialogs, annotation.instag, annotation.deita.")
    ],
    out_path: Annotated[Path | None, typer.Option("--out", help="Default: SRC's name with -sampled-N.")] = None,
    num: Annotated[int, typer.Option("-n", "--num", "--num-sample", help="Rows to choose.")] = 100,
    valid_tag_path: Annotated[str, typer.Option(help="JSON list of the labels to use; all labels without it.")] = "",
    label_graph_type: Annotated[GraphType, typer.Option(help="Kind of label graph.")] = GraphType.sim,
    embedding_model: Annotated[str, typer.Option(help="Folder or Hub id of a sentence-transformers model.")] = "",
    sim_threshold: Annotated[float, typer.Option(help="Labels at least this similar share information.")] = 0.9,
    sampler_type: Annotated[SamplerType, typer.Option(help="How to choose.")] = SamplerType.mig,
    phi_type: Annotated[str, typer.Option(help="pow or exp.")] = "pow",
    phi_alpha: Annotated[float, typer.Option(help="Rate of phi = 1 - exp(-alpha x).")] = 1.0,
    phi_a: Annotated[float, typer.Option(help="Offset of phi = (x + a) ** b.")] = 1e-6,
    phi_b: Annotated[float, typer.Option(help="Exponent of phi = (x + a) ** b.")] = 0.8,
    prop_weight: Annotated[float, typer.Option(help="Propagation weight.")] = 1.0,
    norm: Annotated[bool, typer.Option("--norm", help="Divide a row's score by its number of labels.")] = False,
    batch_size: Annotated[int, typer.Option(help="Accepted and not needed: nothing dense is built.")] = 0,
    gain: Annotated[str, typer.Option(help="gradient (the reference's rule) or exact.")] = "gradient",
    as_json: AsJson = False,
) -> None:
    """Choose rows of an annotated pool as the MIG reference does; writes the rows as they are, in the order chosen."""
    # Imported here, so that `--help` does not load the models' libraries.
    from mig_dagster.stages.sample import LabelGraphOptions, sample_pool

    del label_graph_type, sampler_type, batch_size  # one value each, or without effect here
    target = out_path or src.with_name(f"{src.stem.removesuffix('.jsonl')}-sampled-{num}.jsonl")
    result = sample_pool(
        src,
        target,
        num,
        valid_tags=Path(valid_tag_path) if valid_tag_path else None,
        graph=LabelGraphOptions(embedding_model, sim_threshold),
        phi_type=phi_type,
        phi_alpha=phi_alpha,
        phi_a=phi_a,
        phi_b=phi_b,
        prop_weight=prop_weight,
        norm=norm,
        gain=gain,
    )
    if as_json:
        print_json(result)
        return
    for warning in result["warnings"]:
        print_warning(warning)
    for reason, count in result["left_out"].items():
        err.print(f"left out {count:,} rows: {reason}", highlight=False)
    out.print(f"{result['rows']:,} of {result['pool_rows']:,} rows -> {escape(str(target))}")
