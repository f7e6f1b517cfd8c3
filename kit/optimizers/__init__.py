"""Optimizers of TensorFlow Addons that Keras 3 lacks, as plain Keras optimizers.

They take Addons' arguments and give its numbers, and nothing of them depends on kit's settings:

>>> from kit.optimizers import Lookahead, RectifiedAdam
>>> Lookahead(RectifiedAdam(1e-3), sync_period=6).sync_period
6

LAMB, Lion, AdamW and moving averages (`use_ema`) are Keras' own. LazyAdam is Adam where gradients are dense, as in
image models. Keras' `weight_decay` is multiplied by the learning rate, unlike that of Addons' AdamW and SGDW: divide
theirs by the learning rate.
"""

from kit.optimizers.ada_belief import AdaBelief
from kit.optimizers.cocob import COCOB
from kit.optimizers.cyclical_learning_rate import CyclicalLearningRate
from kit.optimizers.lookahead import Lookahead
from kit.optimizers.novo_grad import NovoGrad
from kit.optimizers.rectified_adam import RectifiedAdam
from kit.optimizers.swa import SWA
from kit.optimizers.yogi import Yogi

__all__ = [
    "COCOB",
    "SWA",
    "AdaBelief",
    "CyclicalLearningRate",
    "Lookahead",
    "NovoGrad",
    "RectifiedAdam",
    "Yogi",
]
