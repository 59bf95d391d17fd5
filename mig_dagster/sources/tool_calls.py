"""Tool calls in the one form that the project stores: what each is called with, as a JSON object where it is one."""

import json
from typing import Any

from mig_dagster.sources.decode import decode_text
from mig_dagster.sources.fields import kind_of
from mig_dagster.sources.reasons import Defect


def calls_in_text(text: str) -> list[Any]:
    """Return the calls in a text that is the JSON of one call or of a list of calls.

    Raises:
        Defect: `invalid_tool_call` where it is not JSON.
    """
    value = decode_text(text)
    if isinstance(value, Defect):
        raise Defect("invalid_tool_call", f"the call is not valid JSON: {value}")
    return value if isinstance(value, list) else [value]


def render_calls(calls: list[Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return calls as JSON text in the OpenAI form, and what else each call had (its `id`), for `message_extras`.

    Arguments that come as the text of a JSON object are stored as that object, so that two sources which differ only
    in this get the same row id; any other text stays text.

    Raises:
        Defect: `invalid_tool_call` where a call is not an object with a name, or there is none.
    """
    if not calls:
        raise Defect("invalid_tool_call", "the list of calls is empty")
    pairs = [_normalised(call) for call in calls]
    return json.dumps([call for call, _ in pairs], ensure_ascii=False), [extras for _, extras in pairs]


def _normalised(call: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(call, dict):
        raise Defect("invalid_tool_call", f"a call is {kind_of(call)}, expected an object")
    function = call.get("function", call)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise Defect("invalid_tool_call", f"a call has no name; its keys are {sorted(call)[:12]}")
    key = "arguments" if "arguments" in function else "parameters"
    plain = {"name": function["name"], "arguments": _arguments(function.get(key))}
    extras = {name: value for name, value in call.items() if name not in {"type", "function", "name", key}}
    if function is not call:
        extras |= {name: value for name, value in function.items() if name not in {"name", key}}
    return {"type": "function", "function": plain}, {name: value for name, value in extras.items() if value is not None}


def _arguments(arguments: Any) -> Any:
    if arguments is None:
        return {}
    if isinstance(arguments, str):
        value = decode_text(arguments)
        return value if isinstance(value, dict) else arguments
    if isinstance(arguments, dict):
        return arguments
    raise Defect("invalid_tool_call", f"the arguments of a call are {kind_of(arguments)}, expected an object")
