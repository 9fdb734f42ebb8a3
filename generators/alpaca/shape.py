"""The schema of a reply, and the check of one item against it."""

from collections.abc import Callable
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from generators.llm.calls import canonical
from schemas.checks import explain

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


class Shape:
    """The schema of a reply as JSON text, and the validator of one item of its list."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.text = canonical(schema)
        self._schema = schema

    def problem(self, item: Any) -> str:
        """Return in one line how an item differs from the schema, or an empty string."""
        if self._passes(item) or self._validator.is_valid(item):
            return ""
        from jsonschema.exceptions import best_match

        error = best_match(self._validator.iter_errors(item))
        return explain(error) if error else "it does not fit the schema"

    def _passes(self, item: Any) -> bool:
        """Whether the quick check finds nothing; where it finds something, the other one has the last word and the words."""
        try:
            return self._quick(item)
        except ValueError:  # half a surrogate pair, or a number beyond its range
            return False

    @cached_property
    def _validator(self) -> "Validator":
        from jsonschema import Draft202012Validator
        from referencing import Registry

        # An empty registry: a $ref to somewhere else must never be fetched.
        whole = Draft202012Validator(self._schema, registry=Registry())
        return whole.evolve(schema=self._schema["properties"]["items"]["items"])

    @cached_property
    def _quick(self) -> Callable[[Any], bool]:
        """The check of jsonschema-rs (the extra `fast`), which takes a hundredth of the CPU; its patterns are not Python's."""
        if find_spec("jsonschema_rs") is None or '"pattern' in self.text or not self._is_closed():
            return lambda _: False
        import jsonschema_rs

        item = self._schema["properties"]["items"]["items"]
        try:
            return jsonschema_rs.Draft202012Validator({**item, "$defs": self._schema.get("$defs", {})}).is_valid
        except ValueError:
            return lambda _: False

    def _is_closed(self) -> bool:
        """Whether every reference is to a definition of the schema itself: the quick check is given no more than that."""
        return self.text.count('"$ref"') == self.text.count('"$ref":"#/$defs/')
