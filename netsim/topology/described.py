"""What the keys of a schema are: the texts below the fields of their models, where one asks for it.

Pydantic could read them as well (``use_attribute_docstrings``), but in every process that has the
models, by looking for the source of each, which is a tenth of the start of a run.
"""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema


class DescribedSchema(GenerateJsonSchema):
    """A schema whose properties have descriptions."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """Schema of one model."""
        made = super().model_schema(schema)
        for name, text in _texts(cast("type[BaseModel]", schema["cls"])).items():
            if text and name in made.get("properties", {}):
                made["properties"][name].setdefault("description", text)
        return made


def _texts(model: type[BaseModel]) -> dict[str, str]:
    """Names of fields to the texts below them, empty where there is none; the nearest base says."""
    found: dict[str, str] = {}
    for kind in model.__mro__:
        node = None if kind is BaseModel else _classes(kind.__module__).get(kind.__name__)
        for field, below in pairwise([] if node is None else [*node.body, None]):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                    value=ast.Constant(str(text))
                ):
                    found.setdefault(name, inspect.cleandoc(text))
                case ast.AnnAssign(target=ast.Name(id=name)), _:
                    found.setdefault(name, "")
    return found


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """Those of a module by name; none where there is no source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):
        return {}
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
