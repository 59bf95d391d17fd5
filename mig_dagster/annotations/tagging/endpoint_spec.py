"""Which server and model are asked for tags, and how."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MAX_QUERY_CHARS = 20_000
"""Our choice: some 5,000 tokens of English, so that prompt and answer fit a context of 8,192."""


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """A model behind a server that speaks OpenAI's chat API; the key is the environment variable OPENAI_API_KEY alone.

    Attributes:
        base_url: such as "https://api.openai.com/v1" or "http://localhost:8000/v1".
        model: as the server calls it.
        concurrency: requests at once.
        requests_per_minute: as the server allows; None sets no limit.
        tokens_per_minute: as the server allows, counting prompts (a token is taken for 4 characters) and `max_tokens`.
        timeout_seconds: for one answer.
        max_retries: of one request that met an overloaded, failing or silent server; the waits between double.
        max_tokens: of an answer; tags that were complete by then count.
        seed: for servers that know it; None sends none.
        max_query_chars: longer queries are cut at their end.
        server: names the server in the fingerprint; None is the host of `base_url`. Two servers may give one name to
            two models, so what one said does not count for the other, unless it is said here that they are the same.

    Raises:
        ValueError: a value is out of range.
    """

    base_url: str
    model: str
    concurrency: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    timeout_seconds: float = 120.0
    max_retries: int = 6
    max_tokens: int = 512
    seed: int | None = 0
    max_query_chars: int = MAX_QUERY_CHARS
    server: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no server can be asked with."""
        url = urlsplit(self.base_url)
        if "@" in url.netloc:
            raise ValueError("base_url must hold no user name or password: set the environment variable OPENAI_API_KEY")
        if url.scheme not in ("http", "https") or not url.hostname or url.query:
            raise ValueError(f"base_url must be such as 'http://localhost:8000/v1', got {self.base_url!r}")
        if not self.model:
            raise ValueError("model must be a name that the server knows, got ''")
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute", "max_tokens", "max_query_chars"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.max_retries < 0 or not self.timeout_seconds > 0:
            raise ValueError(
                f"max_retries must be at least 0 and timeout_seconds above 0, got {self.max_retries} and "
                f"{self.timeout_seconds}"
            )

    def parameters(self) -> dict[str, Any]:
        """Return what a fingerprint holds beside the model: what changes answers, not how fast they come."""
        return {
            "server": self.server or urlsplit(self.base_url).hostname,
            "temperature": 0,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "max_query_chars": self.max_query_chars,
        }
