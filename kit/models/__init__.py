"""Models: a ModelSpec is planned as a list of layers and built as a Keras model.

Only `kit.models.build` and `kit.models.backbone` load TensorFlow.
"""

from kit.models.architecture import count_operations, count_parameters, count_values, plan_layers
from kit.models.layers import Parameters

__all__ = ["Parameters", "count_operations", "count_parameters", "count_values", "plan_layers"]
