"""Which model stands for the one to be tuned when pairs are chosen by what it makes of them (`choose.student`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.curation.student import Seen
from builder.model_stages import base_folder, folder_stamp, pretrain, with_template
from builder.step import Step
from schemas.curation_embed import ChooseSection
from schemas.errors import RecipeError
from schemas.records import Pair

if TYPE_CHECKING:
    from trainer.student import Student

CODE = ("builder.student_base", "trainer.student", "trainer.loss", "trainer.rows", "trainer.templates")


@dataclass(frozen=True)
class Base:
    """A base that tells what it makes of pairs, by its folder or its name; torch and the model are loaded when it is asked."""

    place: str
    template: str = "auto"

    def __call__(self, pairs: Sequence[Pair]) -> Sequence[Seen | None]:
        """Look at pairs."""
        return self._student(pairs) if pairs else []

    @cached_property
    def _student(self) -> "Student":
        from trainer.student import Student

        return Student(self.place, template=self.template)


def student_of(step: Step) -> tuple[Base | None, dict[str, Any]]:
    """Return the student of a run, and what the choice reads of it: the base that will be tuned, made first where it is made here.

    Raises:
        RecipeError: the base is named as a folder, and there is none.
    """
    section, train = step.recipe.choose, step.recipe.train
    if section.student == "none":
        return None, {}
    held, template = with_template(train, step.root)
    made = None if section.base else pretrain(step)
    place = base_folder(made) if made else _found(section.base, step.root)
    stamp = [] if made and train.base == "embedded" else folder_stamp(Path(place))
    content = made.content if made else place
    return Base(place, held.template), {"student": [content, stamp, train.template, template]}


def student_of_file(section: ChooseSection) -> Base | None:
    """Return the student for pairs of a file, where one is asked for.

    Raises:
        RecipeError: no base is named, or it is named as a folder, and there is none.
    """
    if section.student == "none":
        return None
    if not section.base:
        raise RecipeError(
            f"choose.student is {section.student}, which asks a model; name it: --set choose.base=FOLDER, such as workspace/base of a run"
        )
    return Base(_found(section.base, Path()))


def _found(base: str, root: Path) -> str:
    """Return the folder of a base, or its name."""
    folder = root / base
    if folder.is_dir():
        return str(folder.resolve())
    if base.startswith(("/", ".", "~")):
        raise RecipeError(f"choose.base: no such folder: {folder}; give a folder saved by save_pretrained, or the name of a model")
    return base
