"""Pushing a packaged model to the Hub, on request only.

The token is the one that `hf auth login` or HF_TOKEN gives, and is never shown. The pairs stay here, and so do paths of this machine.
"""

import re
from pathlib import Path

from schemas.errors import InputError, UsageError

_NAME = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
_PRIVATE = ["repeat/*", "training.json"]  # the pairs, which are the company's documents; the path of a local base
_SECRET = re.compile(r"hf_[A-Za-z0-9]+")


def check_push(repository: str, license: str) -> str:
    """Check what can be checked before anything is made or sent, and return the token.

    Raises:
        UsageError: the name is none, the licence is not known, or there is no token.
    """
    from huggingface_hub import get_token

    if not _NAME.match(repository):
        raise UsageError(f"--push: {repository}: not the name of a repository; give owner/name")
    if license == "unknown":
        raise UsageError("--push: the licence is unknown; set package.license to what the base and the documents allow, then push again")
    if not (token := get_token()):
        raise UsageError("--push: there is no token for the Hub; run hf auth login, or set HF_TOKEN")
    return token


def push(folder: Path, repository: str, *, license: str, public: bool) -> str:
    """Upload a model folder as one commit and return its address.

    Args:
        folder: the packaged model.
        repository: owner/name at the Hub; made if it is not there.
        license: what the card says.
        public: whether a new repository can be seen by everybody.

    Raises:
        UsageError: the name is none, there is no token, or the licence is not known.
        InputError: the Hub refused.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    token = check_push(repository, license)
    api = HfApi(token=token, library_name="kilopair")
    try:
        api.create_repo(repository, private=not public, exist_ok=True)
        done = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Model made by kilopair", ignore_patterns=_PRIVATE)
    except OfflineModeIsEnabled:
        raise UsageError("--push: HF_HUB_OFFLINE is set; unset it to reach the Hub") from None
    except (HfHubHTTPError, OSError) as error:
        said = _SECRET.sub("hf_***", " ".join(str(error).split())).replace(token, "***")[:200]
        raise InputError(f"--push: the Hub refused {repository}: {said}") from None
    return str(done.commit_url or repository)
