"""A model file and no endpoint: llama.cpp serves it on this machine for the length of a run, and all else goes the way of any endpoint.

The server (xllamacpp) runs in a process of its own, so that a fault in it is an error of an endpoint and not a crash. It hears only
this machine and only who has its key, takes a port that the system picks, and ends when its standard input does: with the run, also
when the run is killed.
"""

import importlib
import importlib.util
import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from schemas.errors import EndpointError, InputError, RecipeError, UsageError
from schemas.recipe import EndpointSection

KEY_NAME = "KILOPAIR_LOCAL_KEY"  # the variable that holds the server's key while it runs
SLOTS = 4  # most requests that are answered at once; each has memory for a context of its own
PROMPT_TOKENS = 6144  # room for a prompt, beside the reply
START_SECONDS = 600.0  # a large file on a slow disk
SLOW_SECONDS = 900.0  # deadline of one request, unless the recipe has one: a processor may write 5 tokens a second


@contextmanager
def local_endpoint(endpoint: EndpointSection, *, deadline: float = START_SECONDS, exact: bool = False) -> Iterator[EndpointSection]:
    """Serve `endpoint.model_file` and give the endpoint section of the server, as long as the context lasts.

    `exact`: attention in single precision, where llama.cpp's own choice is half.

    Raises:
        RecipeError: endpoint.model_file is not set.
        InputError: it is no GGUF file.
        UsageError: llama.cpp is not installed.
        EndpointError: llama.cpp cannot serve it, or ended while it was in use.
    """
    file = _model_file(endpoint)
    slots, key = min(endpoint.concurrency, SLOTS), secrets.token_urlsafe(32)
    context = slots * (PROMPT_TOKENS + endpoint.max_tokens)
    settings = {"file": str(file), "model": file.stem, "key": key, "slots": slots, "context": context, "threads": _threads()}
    settings["exact"] = exact
    with tempfile.TemporaryFile() as log, _child(log) as child, _variable(KEY_NAME, key):
        url = _started(child, settings, log=log, deadline=deadline)
        changes: dict[str, Any] = {"base_url": f"{url}/v1", "model": file.stem, "api_key_env": KEY_NAME, "concurrency": slots}
        if "timeout_seconds" not in endpoint.model_fields_set:
            changes["timeout_seconds"] = SLOW_SECONDS
        try:
            yield endpoint.model_copy(update=changes)
        except EndpointError:
            if _is_alive(child):
                raise
            raise _ended(child, file.name, log) from None


def place(endpoint: EndpointSection) -> str:
    """Return what tells endpoints apart: the URL, or the file that a server of ours serves, whose port is another one each time."""
    file = endpoint.model_file
    return f"local {file.name}" if file is not None and endpoint.api_key_env == KEY_NAME else endpoint.base_url


def dialect_note(endpoint: EndpointSection) -> str:
    """Return the name of the journal's note of what an endpoint takes."""
    return f"dialect {place(endpoint)} {endpoint.model} {endpoint.structured}"


def _model_file(endpoint: EndpointSection) -> Path:
    """Return the absolute path of the model file, if llama.cpp is installed and the file looks like one for it."""
    if (file := endpoint.model_file) is None:
        raise RecipeError("endpoint.model_file: not set; generate.generator local serves the GGUF file that it names")
    if importlib.util.find_spec("xllamacpp") is None:
        raise UsageError('generate.generator local needs llama.cpp, which is not installed; pip install "kilopair[local]"')
    try:
        with file.open("rb") as opened:
            start = opened.read(4)
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        raise InputError(f"endpoint.model_file: {file}: {problem}; give the path of a GGUF file") from None
    if start != b"GGUF":
        raise InputError(f"endpoint.model_file: {file}: not a GGUF file; download the model as GGUF, or convert it with llama.cpp")
    return file.absolute()


def _threads() -> int:
    """Return what OMP_NUM_THREADS says, else one thread per physical core that is ours: llama.cpp's threads wait by spinning."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or usable, usable)


@contextmanager
def _child(log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Start this module as a process and end it afterwards."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "generators.llm.local"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,  # Ctrl-C is for us: answers under way are still read
    )
    try:
        yield child
    finally:
        child.kill()  # it has nothing to put in order
        child.communicate()


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _started(child: subprocess.Popen[bytes], settings: dict[str, Any], *, log: IO[bytes], deadline: float) -> str:
    """Tell the child what to serve and return its URL, which it says once the model is loaded."""
    assert child.stdin
    assert child.stdout
    name = Path(settings["file"]).name
    try:
        child.stdin.write(json.dumps(settings).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        raise _ended(child, name, log) from None
    if not select.select([child.stdout], [], [], deadline)[0]:
        raise EndpointError(f"llama.cpp has not loaded {name} within {deadline:g} seconds; take a smaller file{_said(log)}")
    if not (line := child.stdout.readline()):
        raise _ended(child, name, log)
    return line.decode().strip()


def _is_alive(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(timeout=1)  # a process takes a moment to end
    except subprocess.TimeoutExpired:
        return True
    return False


def _ended(child: subprocess.Popen[bytes], name: str, log: IO[bytes]) -> EndpointError:
    """Say how the child ended, and what it said last."""
    code = child.wait()
    if code == -9:
        return EndpointError(f"llama.cpp was killed while it served {name}, likely for lack of memory; take a smaller file{_said(log)}")
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return EndpointError(f"llama.cpp cannot serve {name} ({how}); try another GGUF of the model{_said(log)}")


def _said(log: IO[bytes]) -> str:
    """Return the complaints in the last part of the log, on one line; the first is mostly the cause of the others."""
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - 4000))
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    words = [line.partition(" E ")[2] for line in lines if " E " in line] or lines
    if not words:
        return ""
    return "; it says: " + " | ".join(dict.fromkeys(" ".join(word.partition(": ")[2].split()) or word for word in words))[:400]


def _serve() -> None:
    """Be the child: serve what standard input says until it ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what the library prints is no answer of ours
    server = _server(json.loads(sys.stdin.buffer.readline()))
    answers.write(f"{server.listening_address}\n".encode())
    sys.stdin.buffer.read()
    os._exit(0)  # the parent is gone, and with it whoever waits for the answers under way


def _server(settings: dict[str, Any]) -> Any:
    """Start llama.cpp's server; it stays as long as the object."""
    xllamacpp = importlib.import_module("xllamacpp")  # compiled: it has no types

    wanted = xllamacpp.CommonParams()
    wanted.model.path, wanted.model_alias = settings["file"], {settings["model"]}
    wanted.hostnames, wanted.port, wanted.api_keys = ["127.0.0.1"], 0, [settings["key"]]
    wanted.n_parallel, wanted.n_ctx = settings["slots"], settings["context"]
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = settings["threads"]
    wanted.ui = wanted.endpoint_slots = wanted.endpoint_props = False
    wanted.cache_ram_mib = 0  # else it keeps up to 8 GB of old prompts
    wanted.cache_idle_slots = False  # which needs that memory
    wanted.verbosity = 2  # errors and warnings
    if settings["exact"]:
        attend_exactly(wanted, library=xllamacpp)
    try:
        return xllamacpp.Server(wanted)
    except RuntimeError:
        sys.exit(1)  # the log says why


def attend_exactly(wanted: Any, *, library: Any) -> None:
    """Have llama.cpp compute attention in single precision: its fast one rounds, which changes answers that hang in the balance."""
    wanted.flash_attn_type = library.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    wanted.cache_type_k = wanted.cache_type_v = library.ggml_type.GGML_TYPE_F32


if __name__ == "__main__":
    _serve()
