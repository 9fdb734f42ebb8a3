"""Where the endpoint is and who may use it: the URL and the key, checked before anything is sent.

The key comes from the environment only, is never shown, and is never sent to a host that the user did not name for it.
"""

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from generators.llm.calls import UnreachableError
from generators.llm.pool import run_in_thread
from schemas.errors import EndpointError, RecipeError
from schemas.recipe import EndpointSection

OPENAI_KEY = "OPENAI_API_KEY"
NO_KEY = "none"  # what an endpoint that needs no key is sent


@dataclass(frozen=True)
class Access:
    """A checked URL with its key."""

    base_url: str
    model: str
    key_name: str
    key: str = field(repr=False)
    is_local: bool
    is_openai: bool

    @property
    def name(self) -> str:
        """The endpoint and the model, for messages."""
        return f"endpoint {self.base_url}, model {self.model}"

    def redact(self, text: str) -> str:
        """Return the text without the key."""
        return text if self.key == NO_KEY else text.replace(self.key, "[key]")

    def redact_bytes(self, raw: bytes) -> bytes:
        """Return the body without the key (servers have been seen to echo it)."""
        return raw if self.key == NO_KEY else raw.replace(self.key.encode(), b"[key]")


def access(endpoint: EndpointSection) -> Access:
    """Return the checked URL and key of an endpoint.

    Raises:
        RecipeError: the URL cannot be one.
        EndpointError: a key is needed and the environment has none that can be used.
    """
    base_url, host = _base_url(endpoint.base_url)
    is_local, is_openai = _is_local(host), is_openai_host(host)
    key = _key(endpoint, base_url, is_local=is_local, is_openai=is_openai)
    return Access(base_url, endpoint.model, endpoint.api_key_env, key, is_local, is_openai)


def is_openai_host(host: str) -> bool:
    """Whether a host (of a URL, in lower case) is OpenAI's own."""
    return host == "openai.com" or host.endswith(".openai.com")


def check_endpoint(endpoint: EndpointSection) -> None:
    """Ask the endpoint, free of charge, whether it is there, takes the key, and has the model.

    Raises:
        EndpointError: it does not; the message says what to do.
        RecipeError: the URL cannot be one.
    """
    run_in_thread(_check(endpoint))


async def _check(endpoint: EndpointSection) -> None:
    from generators.llm.client import Connection

    connection = Connection(endpoint)
    try:
        await connection.check()
    except UnreachableError as error:
        problem = EndpointError(f"{error}; start the endpoint, or correct endpoint.base_url")
    else:
        return
    finally:
        await connection.close()
    raise problem


def _base_url(text: str) -> tuple[str, str]:
    """Return the URL (the recipe has made sure that it is a plain one) without a pasted path of a call, and its host."""
    base_url = text.rstrip("/").removesuffix("/chat/completions")
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        _ = parts.port
    except ValueError as error:
        raise RecipeError(f"endpoint.base_url: {base_url}: {str(error).lower()}") from None
    if (address := _address(host)) is not None and address.is_link_local:
        raise RecipeError(
            f"endpoint.base_url: {base_url}: link-local addresses belong to cloud metadata services; give the endpoint's own address"
        )
    if parts.scheme == "http" and not _is_local(host):
        raise RecipeError(f"endpoint.base_url: {base_url}: http would send documents and key in the clear; use https")
    return base_url, host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_local(host: str) -> bool:
    """Whether the host is this machine or in a private network; such endpoints often need no key."""
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_private
    return "." not in host or host.endswith((".local", ".internal", ".lan", ".localhost"))


def _key(endpoint: EndpointSection, base_url: str, *, is_local: bool, is_openai: bool) -> str:
    name = endpoint.api_key_env
    # A key that lies in the environment for OpenAI goes to nobody else unless the recipe names its variable.
    is_meant = is_openai or name != OPENAI_KEY or "api_key_env" in endpoint.model_fields_set
    key = os.environ.get(name, "").strip() if is_meant else ""
    if not key and is_local:
        return NO_KEY
    if not is_meant:
        raise EndpointError(
            f"endpoint {base_url}: which key? {OPENAI_KEY} is sent to other hosts than openai.com only when the recipe names it; "
            "set endpoint.api_key_env to the variable that holds the key of this endpoint",
        )
    if not key:
        raise EndpointError(
            f"endpoint {base_url}: no key: {name} is not set; export {name}=..., or name another variable with endpoint.api_key_env"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise EndpointError(
            f"endpoint {base_url}: {name} does not hold a key (it has spaces or characters that no key has); copy the key again"
        )
    return key
