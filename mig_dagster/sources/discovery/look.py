"""Look at the places of all rules side by side; one that fails or hangs does not hold up the others."""

import time
from collections.abc import Mapping, Sequence
from threading import Thread

from mig_dagster.sources.discovery.folder import find_in_folder
from mig_dagster.sources.discovery.found import DiscoveryError, Findings, Look
from mig_dagster.sources.discovery.list_file import find_in_list
from mig_dagster.sources.discovery.rules import Folder, HubSearch, ListFile, Rule


def look(rule: Rule, how: Look) -> Findings:
    """Return what there is at the place of a rule.

    Raises:
        DiscoveryError: it cannot be looked at.
    """
    match rule.where:
        case Folder():
            return find_in_folder(rule.where, how)
        case ListFile():
            return find_in_list(rule.where, how)
        case HubSearch():
            from mig_dagster.sources.discovery.hub import find_on_hub  # loads the Hub's client

            return find_on_hub(rule.where, how)


def look_at_all(
    rules: Sequence[Rule], looks: Mapping[str, Look], seconds: float
) -> tuple[dict[str, Findings], dict[str, str]]:
    """Look at the places of rules, each in a thread of its own.

    Args:
        rules: the rules.
        looks: how to look, by rule.
        seconds: after so long no answer is waited for any more. What still waits for one then ends by itself.

    Returns:
        What was found, and what went wrong, by rule.
    """
    answers: dict[str, Findings | Exception] = {}

    def ask(rule: Rule) -> None:
        try:
            answers[rule.name] = look(rule, looks[rule.name])
        except Exception as error:  # told with the other problems: a thread has nobody to raise to
            answers[rule.name] = error

    # Not a pool: its threads would hold up the end of the process as long as a server does not answer.
    threads = [Thread(target=ask, args=(rule,), daemon=True) for rule in rules]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    found: dict[str, Findings] = {}
    problems: dict[str, str] = {}
    for rule in rules:
        answer = answers.get(rule.name)
        if isinstance(answer, Findings):
            found[rule.name] = answer
        elif answer is None:
            problems[rule.name] = f"no answer within {seconds:.0f} s; nothing was changed on account of that"
        else:
            problems[rule.name] = str(answer) if isinstance(answer, DiscoveryError) else repr(answer)
    return found, problems
