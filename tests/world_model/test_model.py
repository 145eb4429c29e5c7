"""Predictor, heads and scaling."""

import numpy as np
import torch

from robot_wm.actions import integrate
from robot_wm.training.regularisers import spread
from robot_wm.world_model.heads import MAX_STEPS
from robot_wm.world_model.model import ModelConfig, WorldModel


def _model() -> WorldModel:
    torch.manual_seed(0)
    model = WorldModel(ModelConfig(width=32, depth=1)).eval()
    rng = np.random.default_rng(0)
    model.scaling.fit(rng.normal(0.3, 0.1, (64, 8)), rng.normal(0, 0.02, (64, 7)))
    torch.nn.init.normal_(model.predictor.network[-1].weight, std=0.1)
    return model


def test_a_rollout_is_repeated_steps_along_the_integrated_state() -> None:
    model = _model()
    latent, state = torch.randn(1, 8, 32), torch.randn(1, 8)
    actions = torch.randn(5, 3, 7) * 0.02
    actions[..., 3:6] = 0
    rolled = model.predictor(latent, state, actions)
    states = torch.from_numpy(integrate(state[0].numpy(), actions.numpy()))
    expected, before = latent.expand(5, -1, -1), state.expand(5, -1)
    for step in range(3):
        expected = model.predictor.step(expected, before, actions[:, step])
        before = torch.cat([states[:, step, :3], state[:, 3:7].expand(5, -1), states[:, step, 7:]], dim=1)
        torch.testing.assert_close(rolled[:, step], expected, rtol=1e-4, atol=1e-4)


def test_critic_and_policy_keep_their_ranges() -> None:
    model = _model()
    latents, goal = torch.randn(6, 8, 32) * 5, torch.randn(1, 8, 32) * 5
    steps = model.critic(latents, goal)
    assert steps.shape == (6,) and steps.min() >= 0 and steps.max() <= MAX_STEPS
    mean, std = model.policy(latents[:1], goal, torch.zeros(1, 8))
    assert mean.shape == std.shape == (1, 8, 7) and std.min() > 0


def test_scaling_undoes_itself_and_leaves_constants_alone() -> None:
    scaling = _model().scaling
    actions = torch.randn(4, 7)
    torch.testing.assert_close(scaling.physical(scaling.action(actions)), actions)
    scaling.fit(np.ones((8, 8)), np.ones((8, 7)))
    assert torch.all(scaling.action_scale == 1) and torch.all(scaling.state(torch.ones(8)) == 0)


def test_spread_sees_collapse_and_redundancy() -> None:
    generator = torch.Generator().manual_seed(0)
    healthy = torch.randn(512, 2, 4, generator=generator)
    collapsed = torch.zeros(512, 2, 4)
    redundant = healthy[:, :1, :1].expand(-1, 2, 4)
    assert spread(collapsed)[0] > 0.9 > 0.1 > spread(healthy)[0]
    assert spread(redundant)[1] > 10 * spread(healthy)[1]
