"""A web address that wants to know of failed runs."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import dagster as dg
from pydantic import field_validator

TIMEOUT_SECONDS = 10.0


class FailureWebhook(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where failures are posted as JSON.

    Attributes:
        url: an http or https address; "" for none.
    """

    url: str = ""

    @field_validator("url", mode="before")  # the variable itself, where it is one
    @classmethod
    def _is_web_address(cls, url: str) -> str:
        value = url.get_value("") if isinstance(url, dg.EnvVar) else url
        if value and urlsplit(value).scheme not in ("http", "https"):
            # Such an address is a secret: no message repeats it.
            raise ValueError("MIG_FAILURE_WEBHOOK: expected an http:// or https:// address, or nothing")
        return url

    def send(self, document: Mapping[str, Any]) -> None:
        """Post a document; nothing where there is no address.

        Raises:
            OSError: nobody answered within `TIMEOUT_SECONDS`, or with an error.
            HTTPException: the answer is none of HTTP, or the address none that can be asked.
        """
        if not self.url:
            return
        body = json.dumps(document, ensure_ascii=False).encode()
        with urlopen(Request(self.url, body, {"content-type": "application/json"}), timeout=TIMEOUT_SECONDS):
            pass
