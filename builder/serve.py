"""A GGUF file behind an OpenAI-compatible API on this machine, with the settings it was evaluated with.

llama.cpp answers: several requests at once, streamed if wanted. It hears this machine only, unless a key protects it; no web page may
ask it, since what it knows is the company's.
"""

import importlib
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.llm.local import attend_exactly
from schemas.errors import EndpointError, UsageError, WorkspaceError

CONTEXT = 4096  # tokens of one conversation at most, if the model reads as many
SLOTS = 4


@dataclass(frozen=True)
class Address:
    """Where to listen; port 0 takes a free one. Without a key only this machine may ask."""

    host: str = "127.0.0.1"
    port: int = 8080
    key: str = ""


def served_file(model: Path) -> Path:
    """Return the GGUF file of a packaged model that its Modelfile names, which answers most like the model; else the smallest.

    Raises:
        WorkspaceError: there is none.
    """
    files = sorted(model.glob("gguf/*.gguf"), key=lambda path: path.stat().st_size)
    if not files:
        raise WorkspaceError(
            f"{model}: no GGUF file; run kilopair package --set 'package.gguf=[q8_0]', or serve the folder with: transformers serve {model}"
        )
    modelfile = model / "gguf" / "Modelfile"
    named = modelfile.read_text(encoding="utf-8") if modelfile.exists() else ""
    return next((path for path in files if f"FROM ./{path.name}\n" in named), files[0])


def start(file: Path, address: Address) -> Any:
    """Start the server and return it; it answers at `listening_address` as long as the object lives.

    Raises:
        UsageError: llama.cpp is not installed, or others may ask without a key.
        EndpointError: the port is taken, or the file cannot be loaded.
    """
    if not address.key and not _is_loopback(address.host):
        raise UsageError(f"--host {address.host}: others could ask the model; name a variable that holds a key with --key-env")
    try:
        library = importlib.import_module("xllamacpp")  # compiled: it has no types
    except ImportError:
        raise UsageError('serve needs llama.cpp, which is not installed; pip install "kilopair[gguf]"') from None
    wanted = library.CommonParams()
    wanted.model.path, wanted.model_alias = str(file), {file.stem}
    wanted.hostnames, wanted.port = [address.host], address.port
    wanted.api_keys = [address.key] if address.key else []
    origin = f"http://{address.host}:{address.port}"
    wanted.cors_origins, wanted.cors_origins_explicit, wanted.cors_credentials = origin, True, False
    wanted.n_parallel, wanted.n_ctx = SLOTS, SLOTS * CONTEXT
    wanted.sampling.temp = 0.0  # as it was evaluated, unless a request says otherwise
    attend_exactly(wanted, library=library)
    wanted.ui = wanted.endpoint_slots = wanted.endpoint_props = False
    wanted.cache_ram_mib, wanted.cache_idle_slots = 0, False
    wanted.verbosity = 1
    try:
        return library.Server(wanted)
    except RuntimeError:
        raise EndpointError(f"llama.cpp cannot serve {file.name} on port {address.port}: the port is taken, or the file damaged") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
