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

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, url: str) -> str:
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"MIG_FAILURE_WEBHOOK={url!r}: expected an http:// or https:// address, or nothing")
        return url

    def send(self, document: Mapping[str, Any]) -> None:
        """Post a document; nothing where there is no address.

        Raises:
            OSError: nobody answered within `TIMEOUT_SECONDS`, or with an error.
        """
        if not self.url:
            return
        body = json.dumps(document, ensure_ascii=False).encode()
        with urlopen(Request(self.url, body, {"content-type": "application/json"}), timeout=TIMEOUT_SECONDS):
            pass
