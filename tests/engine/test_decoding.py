"""The decoder within the memory there is."""

import pytest
import torch
import torch.nn.functional as F

import limner
from limner.engine import decoding
from limner.engine.decoding import LatentDecoder, decoding_bytes, in_tiles, spans
from limner.models.autoencoder import Autoencoder, AutoencoderConfig

CONFIG = AutoencoderConfig(
    channels=(8, 16), layers_per_block=1, norm_groups=4, mid_attention=False, scale=2.0
)


@pytest.fixture(scope="module")
def autoencoder() -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(CONFIG).eval()


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (10, [(0, 10)]),
        (64, [(0, 64)]),
        (65, [(0, 64), (1, 65)]),
        (112, [(0, 64), (48, 112)]),
        (160, [(0, 64), (48, 112), (96, 160)]),
    ],
)
def test_tiles_cover_a_side_and_overlap(length, expected):
    assert [(span.start, span.stop) for span in spans(length)] == expected


@torch.no_grad()
def test_a_picture_of_one_tile_is_the_same(autoencoder):
    raw = torch.randn(2, 4, 64, 40)
    torch.testing.assert_close(in_tiles(autoencoder, raw), autoencoder.decode(raw))


class Grow(Autoencoder):
    """Its decoder sees one position at a time: in tiles or not must be equal."""

    def decode(self, raw):
        return raw[:, :3].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def test_tiles_of_what_sees_no_surroundings_are_without_a_seam():
    raw = torch.randn(1, 4, 150, 90)
    torch.testing.assert_close(in_tiles(Grow(CONFIG), raw), Grow(CONFIG).decode(raw))


@torch.no_grad()
def test_tiles_differ_little_and_no_more_at_their_borders(autoencoder):
    smooth = F.interpolate(torch.randn(1, 4, 9, 12), size=(96, 128), mode="bicubic")
    whole, tiled = autoencoder.decode(smooth), in_tiles(autoencoder, smooth)
    jumps, usual = (each.diff(dim=3).abs().mean((0, 1, 2)) for each in (tiled, whole))
    assert (jumps < 1.25 * usual.max()).all()
    assert (tiled - whole).abs().mean() < 0.1 * whole.std()


def decoder(autoencoder, free, **options):
    return LatentDecoder(autoencoder, free=lambda device: free, **options)


@torch.no_grad()
def test_memory_decides(autoencoder):
    latent = torch.randn(3, 4, 80, 64)
    raw = autoencoder.space.restore(latent)
    one = decoding_bytes(CONFIG, (80, 64), 4) / decoding.RESERVE
    for free in (None, 10 * one):
        enough = decoder(autoencoder, free)(latent)
        torch.testing.assert_close(enough.pixels, autoencoder.decode(raw))
        assert enough.notes == ()
    for free in (1.5 * one, 2.5 * one):
        pieces = decoder(autoencoder, free)(latent)
        torch.testing.assert_close(pieces.pixels, autoencoder.decode(raw))
        assert pieces.notes == ()
    short = decoder(autoencoder, 0.9 * one)(latent)
    torch.testing.assert_close(short.pixels, in_tiles(autoencoder, raw))
    assert short.notes == ("decoded in tiles, as memory was short",)
    assert torch.equal(decoder(autoencoder, 0, tiles=False)(latent).pixels, enough.pixels)
    asked_for = decoder(autoencoder, None, tiles=True)(latent)
    assert (asked_for.notes, asked_for.pixels.shape) == ((), (3, 3, 160, 128))


def test_the_result_says_so(tiny_model):
    painter = limner.load(tiny_model, device="cpu")
    assert painter.generate("a cat", seed=0).warnings == ()
    painter.engine.decoder = decoder(painter.parts.autoencoder, 0)
    assert painter.generate("a cat", seed=0).warnings == ("decoded in tiles, as memory was short",)
