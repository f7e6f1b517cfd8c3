"""ModelSpec becomes a list of layers, and that a Keras model.

Only `kit.models.build` and `kit.models.backbone` load TensorFlow.
"""

from kit.models.layers import Parameters, count_operations, count_parameters, plan_layers

__all__ = ["Parameters", "count_operations", "count_parameters", "plan_layers"]
