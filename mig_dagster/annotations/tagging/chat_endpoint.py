"""One question at a time to a server that speaks OpenAI's chat API.

It is asked again where that may help: it is overloaded, fails, is silent or sends what is no answer. Where it does not,
the error says what to do. A refusal by a content filter is an answer. No message holds the key.
"""

import asyncio
import os
import random
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, Self

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.tagging.endpoint_spec import EndpointSpec
from mig_dagster.annotations.tagging.pace import Pace

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

FIRST_WAIT_SECONDS = 1.0
"""Before a request is sent again; doubled each time (our choice: 6 retries bridge a minute)."""

LONGEST_WAIT_SECONDS = 600.0
"""A server that asks to wait longer has run out of more than a minute's budget: the run stops."""

_REFUSALS = {"content_filter", "content_policy_violation"}
_SHOWN = 300  # characters of a server's message


class EndpointError(RuntimeError):
    """A server gives no answers."""


class _Outage(Exception):  # noqa: N818 - it is met, not reported
    """This request may succeed later, after the seconds that the server names."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class ChatEndpoint:
    """A model behind a server, asked within one event loop.

    Args:
        spec: which, and how fast.

    Raises:
        EndpointError: the package `openai` or the key is missing.
    """

    def __init__(self, spec: EndpointSpec) -> None:
        self._spec = spec
        self._client = _client(spec)
        self._pace = Pace(spec.requests_per_minute, spec.tokens_per_minute)

    async def __aenter__(self) -> Self:
        """Begin to ask."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(self, prompt: str) -> str | Defect:
        """Return what the model answers, "" where it says nothing; `refused` where a filter kept the answer back.

        Raises:
            EndpointError: the server cannot be used, or not now; the message says what to do.
        """
        reason, wait = "", FIRST_WAIT_SECONDS
        for tried in range(self._spec.max_retries + 1):
            await self._pace.turn(tokens_of(prompt) + self._spec.max_tokens)
            try:
                return await self._once(prompt)
            except _Outage as outage:
                reason, asked = str(outage), outage.wait
            if asked is not None and asked > LONGEST_WAIT_SECONDS:
                raise EndpointError(f"{self._where} {reason} and asks to wait {asked:.0f} s: go on later")
            self._pace.hold(asked or 0)
            if tried < self._spec.max_retries:
                await asyncio.sleep(wait * random.uniform(0.5, 1))  # not all that met the failure at the same moment
                wait *= 2
        raise EndpointError(
            f"{self._where} {reason}, {self._spec.max_retries + 1} times in a row: go on when it works again, or lower "
            "concurrency, requests_per_minute or tokens_per_minute if it is overloaded"
        )

    async def _once(self, prompt: str) -> str | Defect:
        import openai

        request: dict[str, Any] = {"model": self._spec.model, "temperature": 0, "max_tokens": self._spec.max_tokens}
        if self._spec.seed is not None:
            request["seed"] = self._spec.seed
        try:
            async with asyncio.timeout(self._spec.timeout_seconds):
                said = await self._client.chat.completions.create(
                    messages=[{"role": "user", "content": prompt}], **request
                )
        except (TimeoutError, openai.APITimeoutError):
            raise _Outage(f"gave no answer within {self._spec.timeout_seconds:g} s") from None
        except openai.APIConnectionError as problem:
            raise _Outage(f"cannot be reached ({type(problem.__cause__).__name__})") from None
        except openai.APIStatusError as problem:
            return self._without_answer(problem)
        except ValueError:
            raise _Outage("sent what is no JSON") from None
        return _content(said)

    def _without_answer(self, problem: "APIStatusError") -> Defect:
        """Return why a query has no answer, or raise what is to be done about the server."""
        status, code = problem.status_code, problem.code
        shown = " ".join(problem.message.replace(self._client.api_key, "***").split())[:_SHOWN]
        if status == 400 and code in _REFUSALS:
            return Defect("refused")
        if status in (401, 403):  # its message may quote the key
            raise EndpointError(
                f"{self._where} refused the key (status {status}): set the environment variable OPENAI_API_KEY to one "
                f"that may use the model {self._spec.model!r}"
            ) from None
        if status == 404:
            raise EndpointError(
                f"{self._where} knows no model {self._spec.model!r}, or base_url is no chat API (status 404: {shown}): "
                f"look at {self._spec.base_url.rstrip('/')}/models"
            ) from None
        if code == "insufficient_quota":
            raise EndpointError(f"{self._where} says that the account's quota is used up: raise it and go on") from None
        if status in (408, 409, 429) or status >= 500:
            raise _Outage(f"failed (status {status}: {shown})", _retry_after(problem)) from None
        raise EndpointError(
            f"{self._where} refused the request (status {status}: {shown}): correct the options"
        ) from None

    @property
    def _where(self) -> str:
        return f"the server {self._spec.base_url}"


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has: one for 4 characters, as nobody but the server has the tokenizer."""
    return len(text) // 4 + 1


def _client(spec: EndpointSpec) -> "AsyncOpenAI":
    try:
        from openai import AsyncOpenAI
    except ImportError as problem:
        raise EndpointError(
            "tags from an endpoint need the package openai: install the extra, pip install 'mig-dagster[endpoint]'"
        ) from problem
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key:
        raise EndpointError(
            "the environment variable OPENAI_API_KEY is not set: set it to the server's key, or to any word for a "
            "server that asks for none"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise EndpointError("the environment variable OPENAI_API_KEY holds white space or letters that no key has")
    return AsyncOpenAI(base_url=spec.base_url, api_key=key, timeout=spec.timeout_seconds, max_retries=0)


def _content(said: Any) -> str | Defect:
    """Return the text of a completion; servers and what stands before them send other things as well."""
    match getattr(said, "choices", None):
        case [choice, *_] if choice.message is not None and isinstance(choice.message.content, str | None):
            refused = choice.finish_reason == "content_filter" or choice.message.refusal
            return Defect("refused") if refused else choice.message.content or ""
    raise _Outage("sent what is no chat completion")


def _retry_after(problem: "APIStatusError") -> float | None:
    """Return the seconds that a server asks to wait: a number, or a date."""
    asked = problem.response.headers.get("retry-after", "")
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time())
    except ValueError:
        return None
