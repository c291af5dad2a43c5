"""``diffusers:...`` as a method: found, described without loading, identified by its files, measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trustdm.bench.errors import UsageError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.methods.diffusers_pipeline import card_of, folder_of, load
from trustdm.bench.plan import MethodSpec, choose, plan_cells
from trustdm.bench.plugins import load as load_plugins
from trustdm.bench.plugins import load_suite

diffusers = pytest.importorskip("diffusers")
tiny = pytest.importorskip("tiny_pipelines")

REGISTRY = load_plugins(installed=False).registry
SUITE = load_suite("digits-generation")


@pytest.fixture(scope="module")
def ddpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved(tiny.ddpm(), tmp_path_factory.mktemp("p") / "tiny-ddpm")


@pytest.fixture
def copied(ddpm: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ddpm, tmp_path / "tiny-ddpm"))


def keys(text: str) -> list[str]:
    return [c.identity.key for c in plan_cells(SUITE, choose(SUITE, REGISTRY, [text]), REGISTRY)]


def test_the_card_is_that_of_the_pipeline(ddpm: Path) -> None:
    card, params = card_of(path=str(ddpm), eta=0.5)
    assert (card.name, card.title) == ("diffusers-tiny-ddpm", "DDPMPipeline (DDPMScheduler, UNet2DModel)")
    assert (card.input_shape, card.classes, card.capabilities) == ((1, 8, 8), 0, ("sample", "denoise"))
    assert params == {"prompts": "", "scheduler": "", "eta": 0.5}
    files = {w.file: w.sha256 for w in card.weights}
    assert set(files) == {
        "model_index.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    }
    assert all(sha256_file(ddpm / name) == digest for name, digest in files.items())


def test_shape_and_classes_of_a_latent_pipeline(tmp_path: Path) -> None:
    card, _ = card_of(path=str(tiny.saved(tiny.dit(), tmp_path / "d")), name="my own/name")
    assert (card.name, card.input_shape, card.classes) == ("my-own-name", (1, 8, 8), 10)


def test_the_identity_is_what_the_files_say_and_not_where_they_are(ddpm: Path, copied: Path) -> None:
    here = keys(f"diffusers:{ddpm}")
    assert keys(f"diffusers:{copied}") == here == keys(f"diffusers:path={ddpm}")
    assert set(keys(f"diffusers:{ddpm},scheduler=DDIMScheduler")).isdisjoint(here)
    file = copied / "scheduler" / "scheduler_config.json"
    file.write_text(file.read_text().replace('"clip_sample": true', '"clip_sample": false'))
    assert set(keys(f"diffusers:{copied}")).isdisjoint(here)


def test_it_is_no_default_of_a_suite() -> None:
    assert "diffusers" in REGISTRY.names("method")
    assert "diffusers" not in {spec.name for spec in choose(SUITE, REGISTRY, [])}


def test_a_pipeline_is_measured_and_found_again(ddpm: Path, tmp_path: Path) -> None:
    from trustdm import evaluate

    db = str(tmp_path / "a.db")
    result = evaluate(f"diffusers:{ddpm}", "digits-generation", limit=32, db=db)
    assert result.row.method == "diffusers-tiny-ddpm" and not result.report.failed
    made = result.records
    assert (made["status"] == "made").all()
    assert {int(e.removeprefix("steps-")): set(v) for e, v in made.groupby("evaluation")["value"]} == {
        steps: {float(steps)} for steps in (5, 10, 18)
    }
    assert evaluate(f"diffusers:{ddpm}", "digits-generation", limit=32, db=db).report.done == 0


def write(folder: Path, **files: object) -> Path:
    for name, content in files.items():
        place = folder / (name.replace("__", "/") + ".json")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(content))
    return folder


NETWORK = {"unet": ["diffusers", "UNet2DModel"]}


def test_files_beside_the_index_as_the_first_pipelines_had_them(copied: Path) -> None:
    for part in ("unet", "scheduler"):
        for file in (copied / part).iterdir():
            file.rename(copied / file.name)
        (copied / part).rmdir()
    card, _ = card_of(path=str(copied))
    assert card.input_shape == (1, 8, 8) and len(card.weights) == 4
    assert load(path=str(copied)).sample([1], None, 1).shape == (1, 1, 8, 8)


def test_what_is_no_pipeline_is_one_line(copied: Path, tmp_path: Path) -> None:
    unet = copied / "unet" / "diffusion_pytorch_model.safetensors"
    unet.rename(unet.with_suffix(".bin"))
    text = write(
        tmp_path / "text", model_index={"_class_name": "X", **NETWORK, "tokenizer": ["transformers", "CLIPTokenizer"]}
    )
    write(text, unet__config={"sample_size": 8, "in_channels": 1})
    (text / "unet" / "model.safetensors").touch()
    voice = write(tmp_path / "voice", model_index={"_class_name": "X", "vocoder": ["diffusers", "V"]})
    mixed = write(tmp_path / "mixed", model_index={"_class_name": ["my_pipeline", "P"]})
    for path, message in {
        "/no/such": "expected the folder of a pipeline, or OWNER/NAME on the hub, got no such folder",
        str(unet.with_suffix(".bin")): "got another kind of file",
        str(tmp_path): "got a folder without model_index.json",
        str(
            copied
        ): "unet: expected weights in safetensors, got diffusion_pytorch_model.bin, a pickle, which is refused",
        str(text): r"expected prompts=FIRST\|SECOND\|..., a text for each class",
        str(voice): "expected a pipeline that makes images, .* got X of vocoder",
        str(mixed): r"_class_name: expected a class of diffusers, got \['my_pipeline', 'P'\]",
    }.items():
        with pytest.raises(UsageError, match=message) as caught:
            card_of(path=path)
        assert "\n" not in str(caught.value)
    assert card_of(path=str(text), prompts="a|b|c")[0].classes == 3


def test_a_pipeline_of_another_shape_is_refused_by_name(ddpm: Path) -> None:
    with pytest.raises(UsageError, match=r"diffusers-tiny-ddpm: expected input shape \(1, 16, 16\), got \(1, 8, 8\)"):
        choose(load_suite("mnist16-generation"), REGISTRY, [f"diffusers:{ddpm}"])
    with pytest.raises(UsageError, match=r"method diffusers\.path: expected a value, got none"):
        choose(SUITE, REGISTRY, ["diffusers"])


def test_a_repository_of_the_hub_is_found_in_its_cache(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("TRUSTDM_DOWNLOAD", raising=False)
    place = tmp_path / "hub" / "models--someone--tiny"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("a" * 40)
    shutil.copytree(copied, place / "snapshots" / ("a" * 40))
    assert folder_of("someone/tiny") == place / "snapshots" / ("a" * 40)
    card, _ = card_of(path="someone/tiny")
    assert card.name == "diffusers-someone-tiny" and card.summary.endswith("from the hub: someone/tiny.")
    assert keys("diffusers:someone/tiny")
    with pytest.raises(UsageError, match=r"someone/else: expected a folder, .* got neither; TRUSTDM_DOWNLOAD=1 downl"):
        folder_of("someone/else")


def test_short_and_long_form_are_the_same_method() -> None:
    long = MethodSpec("diffusers", (("eta", 1.0), ("path", "/x/y=z")))
    assert MethodSpec.parse("diffusers:/x/y=z,eta=1.0") == long == MethodSpec.parse("diffusers:eta=1.0,path=/x/y=z")
    assert MethodSpec.parse(str(long)) == long


def test_a_folder_may_be_named_without_a_slash(ddpm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ddpm.parent)
    (plain,) = choose(SUITE, REGISTRY, [f"diffusers:{ddpm.name}"])
    assert plain.params == (("path", ddpm.name),)
    assert keys(f"diffusers:{ddpm.name}") == keys(f"diffusers:./{ddpm.name}") == keys(f"diffusers:{ddpm}")


def test_a_title_says_what_samples(ddpm: Path) -> None:
    assert card_of(path=str(ddpm))[0].title == "DDPMPipeline (DDPMScheduler, UNet2DModel)"
    other = card_of(path=str(ddpm), scheduler="DDIMScheduler")[0]
    assert other.title == "DDIMScheduler in DDPMPipeline (UNet2DModel)"
