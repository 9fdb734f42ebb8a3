"""What holds for every test: no network, one thread per worker, and no code in the data folder."""

import os
import urllib.request
from pathlib import Path

import pytest
from hypothesis import settings

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
# urllib keeps the proxies it finds at its first call for good; a test that sets some would cut off those after it.
urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
ROOT = Path(__file__).parent.parent
# `make test` draws the same examples each time, so that a change is what makes it fail; `make soak` draws new ones.
settings.register_profile("same", derandomize=True, database=None)
settings.register_profile("new", print_blob=True)
settings.load_profile("new" if os.environ.get("KILOPAIR_SOAK") else "same")


def pytest_sessionstart() -> None:
    """A module in datasets/ would hide the Hugging Face package: collection would fail with riddles, so stop here."""
    code = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "datasets").rglob("*.py"))
    if code:
        pytest.exit(f"datasets/ is data only, or it hides the package of that name: remove {', '.join(code)}", returncode=3)


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT
