"""The recipes that go on from a trained model: scenes of two things, and few steps."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

import limner
from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet, Record
from limner.data.scenes import SceneConfig, Scenes
from limner.data.synonyms import Synonyms
from limner.errors import TrainingError
from limner.generators import finish
from limner.nn.attention import Attention
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.recipes import RECIPES
from limner.training.recipes.autoencoder import normalised_latents
from limner.training.recipes.scenes import OTHER_WORDS, Pool
from limner.training.run import train
from limner.training.tunings import LoraTuning

LOOP = LoopConfig(steps=2, batch=4, learning_rate=1e-3, precision="fp32")
CONCEPTS = ("red apple", "blue cat", "green dog")  # the model knows the first two


def things():
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (3, 4, 16, 16), generator=chance).to(torch.uint8)
    records = [Record(picture=i, concept=name, style="3d") for i, name in enumerate(CONCEPTS)]
    return PictureSet(pictures=pictures, records=tuple(records))


def scenes_recipe(**changes):
    open_to_all = SceneConfig(held_out=0.0)
    row = replace(RECIPES["emoji-scenes"], loop=LOOP, pool=6, scenes=open_to_all, synonyms=None)
    return replace(row, **changes)


def run(recipe, folder, begun):
    finish(train(recipe, things(), folder, base=begun), lambda progress: None)
    return ModelFolder(folder / "model")


def weights(model, part):
    return torch.cat([p.flatten() for p in ModelFolder(model).load(part).parameters()])


def test_scenes_train_denoiser_and_text_and_leave_the_autoencoder(tiny_model, tmp_path):
    made = run(scenes_recipe(), tmp_path, tiny_model)
    for part, same in (("unet", False), ("text_encoder", False), ("vae", True)):
        assert torch.equal(weights(made.path, part), weights(tiny_model, part)) == same
    *_, sampling, words = made.load_settings()
    assert sampling == ModelFolder(tiny_model).load_settings()[2]
    assert set(OTHER_WORDS) <= set(words.others)
    assert limner.load(made.path).generate("a red apple left of a blue cat", seed=0).images


def test_half_of_what_is_seen_are_scenes_of_known_concepts(tiny_model, tmp_path):
    file = tmp_path / "synonyms.json"
    held_out = {"red apple": ("pippin",)}
    Synonyms(training={"blue cat": ("mouser",)}, held_out=held_out, sources={}, share=1.0).save(
        file
    )
    recipe = scenes_recipe(synonyms=file)
    model = ModelFolder(tiny_model)
    folder = ModelFolder(tmp_path / "model")
    run(recipe, tmp_path, tiny_model)
    made = recipe.objective(things(), folder)
    assert made.count == 12
    chance = torch.Generator().manual_seed(1)
    said = [made.condition.caption(index, chance) for index in range(12)]
    assert not any("dog" in caption or "cat" in caption for caption in said)
    assert all("mouser" in caption and "apple" in caption for caption in said[6:])
    assert not all("mouser" in caption and "apple" in caption for caption in said[:6])
    assert model.load("vae").config.space == folder.load("vae").config.space


def test_a_pool_is_the_same_again_and_encoded_once(tiny_model, tmp_path):
    source = Scenes(things(), SceneConfig(held_out=0.0))
    vae = ModelFolder(tiny_model).load("vae")
    first, second = (Pool(source, 8, seed=3) for _ in range(2))
    assert first.scenes == second.scenes
    latents = first.latents(vae, tmp_path / "pool")
    written = (tmp_path / "pool" / "cache.json").stat().st_mtime_ns
    assert torch.equal(second.latents(vae, tmp_path / "pool"), latents)
    assert (tmp_path / "pool" / "cache.json").stat().st_mtime_ns == written
    other = Pool(source, 8, seed=4).latents(vae, tmp_path / "pool")
    assert not torch.equal(other, latents)


@pytest.mark.parametrize("change", [{"concept": "red cat"}, {"style": "flat"}])
def test_a_pool_of_the_same_pictures_under_other_words_is_encoded_anew(
    tiny_model, tmp_path, change
):
    """Which scenes are drawn follows from the words, so that the old ones are of other captions."""
    vae, every = ModelFolder(tiny_model).load("vae"), (*things().records, *things().records)
    before = replace(things(), records=every)
    changed = [replace(record, **change) for record in every[-2:]]
    after = replace(before, records=(*every[:-2], *changed))
    here, new = tmp_path / "pool", tmp_path / "new"
    pools = [Pool(Scenes(data, SceneConfig(held_out=0.0)), 12, seed=3) for data in (before, after)]
    pools[0].latents(vae, here)
    assert torch.equal(pools[1].latents(vae, here), pools[1].latents(vae, new))


def test_a_denoiser_of_pixels_leaves_the_base_folders_autoencoder_behind(tiny_model, tmp_path):
    row = RECIPES["bakeoff-pixels"]
    width = ModelFolder(tiny_model).config("text_encoder").width
    config = replace(row.config, width=16, depth=1, heads=2, time_width=16, size=(16, 16))
    sampling = replace(row.sampling, size=(16, 16), steps=2)
    config = replace(config, context_width=width)
    made = run(replace(row, loop=LOOP, config=config, sampling=sampling), tmp_path, tiny_model)
    assert not made.has("vae")
    assert ModelFolder(tiny_model).has("vae")
    painter = limner.load(made.path)
    assert painter.space.stride == 1
    assert painter.generate("a red apple", seed=0).images[0].size == (16, 16)


def test_inpainting_widens_the_unet_and_paints_into_masks(tiny_model, tmp_path):
    made = run(replace(RECIPES["emoji-inpainting"], loop=LOOP), tmp_path, tiny_model)
    assert made.config("unet").in_channels == 9
    for part in ("text_encoder", "vae"):
        assert torch.equal(weights(made.path, part), weights(tiny_model, part))
    painter = limner.load(made.path)
    picture = Image.new("RGB", painter.parts.sampling.size, "teal")
    edited = painter.edit(picture, "a red apple", mask="box:0,0,8,16", seed=0, steps=2)
    assert edited.images[0].crop((8, 0, 16, 16)) == picture.crop((8, 0, 16, 16))


def test_what_stands_beside_is_drawn_for_each_item_by_itself(tiny_model):
    recipe = replace(RECIPES["emoji-inpainting"], loop=LOOP)
    objective = recipe.objective(things(), ModelFolder(tiny_model))
    whole = objective.beside(torch.tensor([0, 1]), Draws(5, range(2)))
    second = objective.beside(torch.tensor([1]), Draws(5, range(1, 2)))
    torch.testing.assert_close(whole[1:], second)


def pairs_recipe(**changes):
    tuning = LoraTuning(rank=2, targets=("linear",))
    row = replace(RECIPES["emoji-pairs"], loop=LOOP, pool=10, tuning=tuning)
    return replace(row, scenes=SceneConfig(held_out=0.0, sized=0.0), **changes)


def test_pairs_train_a_lora_beside_the_model(tiny_model, tmp_path):
    made = run(pairs_recipe(), tmp_path, tiny_model)
    for part in ("unet", "text_encoder", "vae"):
        assert torch.equal(weights(made.path, part), weights(tiny_model, part))
    assert made.loras == (made.path / "pairs.safetensors",)
    painter = limner.load(made.path)
    assert [name for name, _ in painter.adapters.loras] == ["pairs"]


def test_a_pair_is_two_latents_and_two_captions_in_the_same_order(tiny_model):
    made = pairs_recipe(dropout=0.0).objective(things(), ModelFolder(tiny_model))
    single = normalised_latents(things(), ModelFolder(tiny_model))
    by_concept = dict(zip(CONCEPTS, single, strict=True))
    chance = torch.Generator().manual_seed(0)
    assert made.count == 10
    for index, scene in enumerate(made.condition.scenes):
        first, second = by_concept[scene.first.concept], by_concept[scene.second.concept]
        wide = made.clean(torch.tensor([index]), Draws(0, range(1)))[0]
        high = made.clean(torch.tensor([index]), Draws(1, range(1)))[0]
        assert torch.equal(wide, torch.cat([first, second], dim=2))
        assert torch.equal(high, torch.cat([first, second], dim=1))
        left, right = made.condition._said(scene, chance)
        assert scene.first.concept.split()[1] in left
        assert scene.second.concept.split()[1] in right


def test_each_half_of_a_pair_learns_from_its_own_caption(tiny_model):
    made = pairs_recipe(dropout=0.0).objective(things(), ModelFolder(tiny_model))
    told = dict(made.condition(torch.tensor([0]), Draws(0, range(1))))
    assert told.pop("names").shape == (1, 2, told["context"].shape[1])
    length = told["context"].shape[1] // 2
    other = {**told, "context": told["context"].clone()}
    other["context"][:, length:] += 1
    x, t = torch.randn(1, 4, 8, 16), torch.tensor([500.0])
    with torch.no_grad():
        maps = []
        cross = next(
            m for m in made.denoiser.modules() if isinstance(m, Attention) and m.reads_context
        )
        cross.register_forward_hook(lambda _, given, output: maps.append(output))
        for one in (told, other):
            made.denoiser(x, t, **one)
    rows = maps[0][0].shape[0]
    columns = 2 * int((rows / 2) ** 0.5)
    left = torch.arange(rows) % columns < columns // 2
    assert torch.equal(maps[0][0][left], maps[1][0][left])
    assert not torch.equal(maps[0][0][~left], maps[1][0][~left])


@pytest.mark.parametrize("seed", [0, 1])
def test_the_names_of_a_pair_and_the_places_that_its_things_cover(tiny_model, seed):
    made = pairs_recipe(dropout=0.0).objective(things(), ModelFolder(tiny_model))
    index, draws = torch.tensor([3]), Draws(seed, range(1))
    names, tokenizer = made.condition(index, draws)["names"][0], made.condition.tokenizer
    scene = made.condition.scenes[3]
    said = made.condition._said(scene, Draws(seed, range(1)).chances()[0])
    length = names.shape[1] // 2
    for number, (text, shown) in enumerate(zip(said, (scene.first, scene.second), strict=True)):
        own, other = names[number].split(length)[:: 1 if number == 0 else -1]
        ids = tokenizer([text])[0, :length][own]
        assert tokenizer.decode(ids) == shown.concept
        assert not other.any()
    first, second = made._things(index, draws)[0]
    assert first.shape == ((16, 8), (8, 16))[seed == 0]
    ahead = torch.arange(16) < 8
    across = ahead[None] if seed == 0 else ahead[:, None]
    assert first.any()
    assert second.any()
    assert not (first * ~across).any()
    assert not (second * across).any()


def test_grounding_counts_beside_the_denoising(tiny_model):
    made = pairs_recipe(grounding=0.5).objective(things(), ModelFolder(tiny_model))
    found = made.loss(torch.arange(4), Draws(0, range(4)))
    assert found["grounding"] > 0
    torch.testing.assert_close(found["total"], found["denoising"] + 0.5 * found["grounding"])


def test_widening_shows_a_models_own_concepts_more_often_than_the_others(tiny_model):
    recipe = replace(RECIPES["emoji-wide"], loop=LOOP, repeats=3)
    objective = recipe.objective(things(), ModelFolder(tiny_model))
    latents = normalised_latents(things(), ModelFolder(tiny_model))
    assert torch.equal(objective.latents, latents[[0, 0, 0, 1, 1, 1, 2]])
    for item, concept in enumerate(["red apple"] * 3 + ["blue cat"] * 3 + ["green dog"]):
        assert concept in objective.condition.caption(item, torch.Generator().manual_seed(0))


def test_widening_trains_denoiser_and_text_and_leaves_what_is_known(tiny_model, tmp_path):
    made = run(replace(RECIPES["emoji-wide"], loop=LOOP), tmp_path, tiny_model)
    for part, same in (("unet", False), ("text_encoder", False), ("vae", True)):
        assert torch.equal(weights(made.path, part), weights(tiny_model, part)) == same
    assert made.load_settings() == ModelFolder(tiny_model).load_settings()


def test_few_steps_train_the_denoiser_alone_and_set_how_it_is_sampled(tiny_model, tmp_path):
    row = replace(RECIPES["emoji-few-steps"], loop=LOOP, steps=2, substeps=2)
    made = run(row, tmp_path, tiny_model)
    for part, same in (("unet", False), ("text_encoder", True), ("vae", True)):
        assert torch.equal(weights(made.path, part), weights(tiny_model, part)) == same
    sampling = made.load_settings()[2]
    assert (sampling.steps, sampling.guidance, sampling.solver) == (2, 1.0, "euler")
    assert (sampling.schedule, sampling.shift) == ("shifted", 2.0)
    with pytest.raises(TrainingError, match="it is distilled already"):
        row.objective(things(), made)


@pytest.mark.parametrize(
    "name",
    [
        "emoji-wide",
        "emoji-decoder",
        "emoji-tiny-decoder",
        "emoji-scenes",
        "emoji-few-steps",
        "emoji-inpainting",
        "emoji-pairs",
    ],
)
def test_a_model_to_go_on_from_is_needed(name, tmp_path):
    row = replace(RECIPES[name], loop=LOOP)
    with pytest.raises(TrainingError, match="needs a model folder with vae"):
        finish(train(row, things(), tmp_path), lambda progress: None)


@pytest.mark.parametrize("name", ["emoji-few-steps", "emoji-pairs"])
def test_a_model_with_a_lora_is_not_trained_without_it(name, model_with_lora, tmp_path):
    row = replace(RECIPES[name], loop=LOOP)
    with pytest.raises(TrainingError, match=r"paints with a LoRA, own\.safetensors"):
        next(train(row, things(), tmp_path / "run", base=model_with_lora))


@pytest.mark.parametrize(
    "name",
    [
        f"emoji-{what}"
        for what in (
            *("scenes", "few-steps", "inpainting", "pairs", "restyle"),
            *("decoder", "tiny-decoder", "wide"),
        )
    ],
)
def test_pictures_of_another_size_than_the_model_paints_are_refused(name, tiny_model, tmp_path):
    row = scenes_recipe() if name == "emoji-scenes" else replace(RECIPES[name], loop=LOOP)
    small = things()
    records = [replace(each, style="flat", picture=each.picture) for each in small.records]
    large = replace(
        small,
        pictures=small.pictures.repeat_interleave(2, dim=-1),
        records=(*small.records, *records),
    )
    with pytest.raises(TrainingError, match=r"have 32x16 pixels, and .* paints 16x16: pictures of"):
        finish(train(row, large, tmp_path, base=tiny_model), lambda progress: None)
