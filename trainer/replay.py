"""General text against forgetting, mixed into a training as a small share of its updates.

One per cent of the pretraining text replayed kept models of 44M to 1B parameters from forgetting, the small ones forget most
(arXiv 2502.06042); replay also made the target better where there was little of it (arXiv 2603.04964). We do not have a model's
pretraining text, so this is a stand-in: text of the user's, best of the kind the model must not lose, or a small sample of ours.
"""

from pathlib import Path

from schemas.errors import InputError

SAMPLE = Path(__file__).with_name("general.txt")
_KINDS = (".txt", ".md")


def read_general(path: Path | None) -> list[str]:
    """Return the texts of a file, of the text files of a folder, or of the shipped sample.

    Raises:
        InputError: there is no such file or folder, no text in it, or it is not UTF-8.
    """
    place = path or SAMPLE
    files = sorted(file for file in place.rglob("*") if file.suffix in _KINDS) if place.is_dir() else [place]
    try:
        texts = [text for file in files if (text := file.read_text(encoding="utf-8").strip())]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"train.replay_text: {place}: cannot be read ({error}); give a UTF-8 text file or a folder of them") from None
    if not texts:
        raise InputError(f"train.replay_text: {place}: holds no text; give a text file, or a folder with {' or '.join(_KINDS)} files")
    return texts
