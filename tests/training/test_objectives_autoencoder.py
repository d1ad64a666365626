"""The autoencoder's losses, with and without an adversary, and the whitening of its latents."""

import pytest
import torch
from torch import nn

from limner.data.records import PictureSet, Record
from limner.errors import TrainingError
from limner.models.autoencoder import Autoencoder
from limner.models.discriminator import DiscriminatorConfig, PatchDiscriminator
from limner.models.presets import AUTOENCODER_TINY
from limner.training.draws import Draws
from limner.training.objectives.adversary import Adversary, adaptive_weight, hinge_loss
from limner.training.objectives.autoencoder import AutoencoderObjective, gradient_difference
from limner.training.whitening import normalise_channels, whiten

SMALL = DiscriminatorConfig(in_channels=4, channels=(8,), norm_groups=4)


def draws():
    return Draws(5, range(3))


def pictures(count=3):
    chance = torch.Generator().manual_seed(5)
    pixels = torch.randint(0, 256, (count, 4, 16, 16), generator=chance).to(torch.uint8)
    records = tuple(Record(picture=i, concept="dot") for i in range(count))
    return PictureSet(pictures=pixels, records=records)


def objective_with(adversary=None, **fields):
    torch.manual_seed(0)
    model = Autoencoder(AUTOENCODER_TINY)
    return AutoencoderObjective(model, pictures(), adversary=adversary, **fields)


def adversary(**fields):
    torch.manual_seed(1)
    return Adversary(PatchDiscriminator(SMALL), **fields)


def gradients(loss, module):
    parameters = [p for p in module.parameters() if p.requires_grad]
    return torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)


def test_gradient_difference_sees_edges_and_not_brightness():
    flat, edge = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    edge[..., 2:] = 1.0
    assert gradient_difference(flat, flat + 0.7).item() == 0.0
    assert gradient_difference(flat, edge).item() == pytest.approx((4 / 12 + 0) / 2)


def test_the_losses_add_up_and_are_repeatable():
    objective = objective_with()
    one = objective.loss(torch.arange(3), draws())
    two = objective.loss(torch.arange(3), draws())
    assert {k: v.item() for k, v in one.items()} == {k: v.item() for k, v in two.items()}
    total = one["pixel"] + 0.5 * one["gradient"] + 1e-3 * one["kl"]
    torch.testing.assert_close(one["total"], total)


def test_hinge_loss_asks_for_no_more_than_one():
    assert hinge_loss(torch.tensor([1.0, 9.0]), torch.tensor([-1.0, -7.0])).item() == 0.0
    assert hinge_loss(torch.zeros(2), torch.zeros(2)).item() == 1.0
    assert hinge_loss(torch.tensor([0.5]), torch.tensor([0.0])).item() == pytest.approx(0.75)


def test_the_adaptive_weight_balances_the_gradients():
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    balance = adaptive_weight((3 * weight).sum(), (weight**2).sum(), weight)
    assert balance.item() == pytest.approx(18**0.5 / (20**0.5 + 1e-4))
    assert not balance.requires_grad


def test_each_loss_reaches_its_own_network_only():
    objective = objective_with(adversary())
    losses = objective.loss(torch.arange(3), draws())
    own = losses["pixel"] + 0.5 * losses["gradient"] + 1e-3 * losses["kl"]
    torch.testing.assert_close(
        losses["total"], own + losses["adversarial"] + losses["discriminator"]
    )
    assert all(g is None for g in gradients(losses["adversarial"], objective.adversary))
    assert all(g is None for g in gradients(losses["discriminator"], objective.model))
    fooled = objective.model.decoder.conv_out.weight
    assert torch.autograd.grad(losses["adversarial"], fooled, retain_graph=True)[0].norm() > 0
    assert all(g is not None for g in gradients(losses["discriminator"], objective.adversary))


def test_the_adversary_enters_after_so_many_pictures():
    objective = objective_with(adversary(start=6))
    names = [set(objective.loss(torch.arange(3), draws())) for _ in range(3)]
    assert ["discriminator" in each for each in names] == [False, False, True]
    restored = objective_with(adversary(start=6))
    restored.modules.load_state_dict(objective.modules.state_dict())
    assert "discriminator" in restored.loss(torch.arange(3), draws())


def test_the_discriminator_learns_to_tell_noise_from_black():
    critic = adversary().discriminator
    optimiser = torch.optim.AdamW(critic.parameters(), lr=1e-2)
    real, rebuilt = torch.randn(4, 4, 16, 16), torch.full((4, 4, 16, 16), -1.0)
    for _ in range(30):
        optimiser.zero_grad()
        loss = hinge_loss(critic(real), critic(rebuilt))
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2


def test_an_adversary_of_negative_weight_is_refused():
    with pytest.raises(TrainingError, match="weight -1"):
        adversary(weight=-1.0)


@torch.no_grad()
def encoded(model, data):
    return model.encode(data.to_float(range(len(data)))).mean


@torch.no_grad()
def test_whitening_changes_the_latents_and_not_the_pictures():
    torch.manual_seed(0)
    model, data = Autoencoder(AUTOENCODER_TINY), pictures(40)
    raw = encoded(model, data)
    before = model.decode(raw)
    whiten(model, raw)
    white = encoded(model, data)
    flat = white.movedim(1, 0).flatten(1)
    torch.testing.assert_close(torch.cov(flat), torch.eye(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(flat.mean(1), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(model.decode(white), before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(model.space.normalise(white), white)


@torch.no_grad()
def test_uncorrelated_latents_are_only_scaled_and_so_is_the_posterior():
    torch.manual_seed(0)
    model, data = Autoencoder(AUTOENCODER_TINY), pictures(1)
    before = model.encode(data.to_float([0]))
    signs = torch.tensor([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    rows = torch.cat([signs, -signs], dim=1) * torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    latents = rows.T.reshape(8, 4, 1, 1)  # uncorrelated, of mean 0
    whiten(model, latents)
    after = model.encode(data.to_float([0]))
    scale = 1 / latents.std(dim=(0, 2, 3)).view(1, 4, 1, 1)
    torch.testing.assert_close(after.mean, before.mean * scale, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(after.logvar, before.logvar + 2 * scale.log(), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_latents_that_follow_from_each_other_cannot_be_whitened():
    latents = torch.randn(8, 1, 4, 4).expand(8, 4, 4, 4)
    with pytest.raises(TrainingError, match="fewer channels"):
        whiten(Autoencoder(AUTOENCODER_TINY), latents)


@torch.no_grad()
def test_normalising_keeps_the_weights():
    torch.manual_seed(0)
    model, data = Autoencoder(AUTOENCODER_TINY), pictures(20)
    raw = encoded(model, data)
    normalise_channels(model, raw)
    assert torch.equal(encoded(model, data), raw)
    latents = model.space.normalise(raw)
    torch.testing.assert_close(latents.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-4, rtol=0)


def test_drawn_pictures_take_the_place_of_the_records():
    drawn = torch.full((3, 4, 16, 16), 0.5)
    objective = objective_with(draw=lambda indices, draws: drawn[: len(indices)])
    rebuilt = objective.model.decode(
        objective.model.encode(drawn).displaced(draws().normal(4, 8, 8))
    )
    losses = objective.loss(torch.arange(3), draws())
    torch.testing.assert_close(losses["pixel"], (rebuilt - drawn).abs().mean())


class Farness(nn.Module):
    """A distance that is the mean difference of what it is shown."""

    def forward(self, a, b):
        assert a.shape[1] == b.shape[1] == 3
        return (a - b).abs().mean()


def test_perceptual_distance_counts_by_its_weight_and_is_no_part_of_the_state():
    plain = objective_with().loss(torch.arange(3), draws())
    looked = objective_with(perceptual=Farness(), perceptual_weight=0.25)
    losses = looked.loss(torch.arange(3), draws())
    assert losses["perceptual"] > 0
    torch.testing.assert_close(losses["total"], plain["total"] + 0.25 * losses["perceptual"])
    assert list(looked.modules) == ["autoencoder"]
