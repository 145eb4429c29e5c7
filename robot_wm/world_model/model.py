"""The trainable whole: encoder, predictor, critic, policy and inverse dynamics around one scaling."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from robot_wm.perception.encoder import Encoder, EncoderConfig
from robot_wm.world_model.heads import Critic, InverseDynamics, Policy
from robot_wm.world_model.predictor import Predictor
from robot_wm.world_model.scaling import Scaling


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the whole model.

    Attributes:
        width: Hidden width of predictor, critic and policy.
        depth: Residual layers of each.
        chunk: Actions the policy proposes at once.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    width: int = 384
    depth: int = 2
    chunk: int = 8


class WorldModel(nn.Module):
    """The modules that a bundle holds; each `forward` has the signature of its ONNX graph."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        tokens, channels = config.encoder.tokens, config.encoder.channels
        latent = tokens * channels
        self.scaling = Scaling()
        self.encoder = Encoder(config.encoder)
        self.predictor = Predictor(tokens, channels, self.scaling, config.width, config.depth)
        self.critic = Critic(latent, config.width, config.depth)
        self.policy = Policy(latent, self.scaling, config.chunk, config.width, config.depth)
        self.inverse = InverseDynamics(latent, config.width)
