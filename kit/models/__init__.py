"""ModelSpec becomes a list of layers, and that a Keras model.

Only `kit.models.build` and `kit.models.backbone` load TensorFlow.
"""

from kit.models.layers import Parameters, count_operations, count_parameters, count_values, plan_layers

__all__ = ["Parameters", "count_operations", "count_parameters", "count_values", "plan_layers"]
