"""Names of the hub: the cache, downloads, and the one error where there is neither."""

from __future__ import annotations

import json
import shutil
import time
import types

import pytest
from PIL import Image

from fgmm import load_encoder
from fgmm.encoders.registry import forget_encoders
from fgmm.errors import EncoderBroken, EncoderNotFound, WeightsNotFound

PICTURES = [Image.linear_gradient("L").convert("RGB")]


@pytest.fixture
def hub(monkeypatch, tmp_path, model_folder):
    """A hub and a cache in folders of ours; what is asked of the hub is written down."""
    import huggingface_hub
    from huggingface_hub import constants

    cache, asked = tmp_path / "cache", []
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    there = {}

    def snapshot(repo):
        return cache / f"models--{repo.replace('/', '--')}"

    def put_into_cache(repo, folder, *, without=()):
        (snapshot(repo) / "refs").mkdir(parents=True)
        (snapshot(repo) / "refs" / "main").write_text("abc", encoding="utf-8")
        shutil.copytree(
            folder, snapshot(repo) / "snapshots" / "abc", ignore=lambda *_: list(without)
        )

    def model_info(self, repo, *, revision=None, timeout=None):
        asked.append((repo, timeout))
        if repo not in there:
            raise ConnectionError("name or service not known")
        if isinstance(there[repo], Exception):
            raise there[repo]
        files = [types.SimpleNamespace(rfilename=f.name) for f in there[repo].iterdir()]
        return types.SimpleNamespace(siblings=files, sha="abc")

    def snapshot_download(repo, *, revision=None, allow_patterns=()):
        asked.append((repo, sorted(allow_patterns)))
        target = snapshot(repo) / "snapshots" / "abc"
        target.mkdir(parents=True, exist_ok=True)
        (snapshot(repo) / "refs").mkdir(exist_ok=True)
        (snapshot(repo) / "refs" / "main").write_text("abc", encoding="utf-8")
        for name in allow_patterns:
            shutil.copy(there[repo] / name, target / name)
        return str(target)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    forget_encoders()
    return types.SimpleNamespace(
        cache=cache, asked=asked, there=there, put_into_cache=put_into_cache
    )


NAMES = {
    "openclip_clip": "openclip:hf-hub:somebody/model",
    "hf_clip": "hf:somebody/model",
    "hf_dinov2": "hf:somebody/model",
    "timm": "timm:hf-hub:somebody/model",
}


@pytest.mark.parametrize("model", NAMES)
def test_what_is_cached_is_loaded_without_asking_the_network(
    model, hub, model_folder, encoder_name
):
    hub.put_into_cache("somebody/model", model_folder(model))
    cached = load_encoder(NAMES[model])
    assert not hub.asked
    assert cached.space == load_encoder(encoder_name(model)).space


@pytest.mark.parametrize("model", NAMES)
def test_what_is_not_cached_is_downloaded_once_and_nothing_else(model, hub, model_folder, tmp_path):
    folder = tmp_path / "repository"
    shutil.copytree(model_folder(model), folder)
    (folder / "training_state.pt").write_bytes(b"terabytes")
    (folder / "flax_model.msgpack").write_bytes(b"of no use")
    hub.there["somebody/model"] = folder
    encoder = load_encoder(NAMES[model])
    asked, downloaded = hub.asked
    assert asked == ("somebody/model", 5.0)
    assert not {"training_state.pt", "flax_model.msgpack"} & set(downloaded[1])
    forget_encoders()
    assert load_encoder(NAMES[model]).space == encoder.space
    assert len(hub.asked) == 2


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_gives_one_error_within_seconds(model, variable, hub, monkeypatch):
    import open_clip  # noqa: F401  seconds of its own
    import timm  # noqa: F401
    import transformers  # noqa: F401

    monkeypatch.setenv(variable, "1")
    began = time.perf_counter()
    with pytest.raises(WeightsNotFound) as caught:
        load_encoder(NAMES[model])
    assert time.perf_counter() - began < 3
    assert not hub.asked
    said = str(caught.value)
    assert "'somebody/model'" in said  # what was looked for
    assert str(hub.cache) in said  # where
    assert f"'{NAMES[model].partition(':')[0]}:/path/to/folder'" in said  # the cure
    assert "HF_HUB_OFFLINE is set" in said
    assert len(said) < 500


@pytest.mark.parametrize(
    "name", ["openclip:ViT-B-16/openai", "hf:google/siglip-base-patch16-224", "timm:resnet50"]
)
def test_no_network_gives_the_same_error(name, hub):
    with pytest.raises(WeightsNotFound, match=r"not to be reached \(name or service not known\)"):
        load_encoder(name)
    assert [timeout for _, timeout in hub.asked] == [5.0]


def test_an_incomplete_cache_is_completed(hub, model_folder):
    folder = model_folder("hf_clip")
    hub.put_into_cache("somebody/model", folder, without=["tokenizer.json"])
    with pytest.raises(WeightsNotFound, match=r"tokenizer.json \(or .* 'somebody/model'"):
        load_encoder("hf:somebody/model")
    hub.there["somebody/model"] = folder
    load_encoder("hf:somebody/model")


def test_a_cache_without_preprocessing_is_not_used_with_a_guess(hub, model_folder):
    folder = model_folder("hf_clip")
    hub.put_into_cache("somebody/model", folder, without=["preprocessor_config.json"])
    with pytest.raises(WeightsNotFound, match=r"preprocessor_config.json or processor_config.json"):
        load_encoder("hf:somebody/model")


def test_a_repository_without_preprocessing_is_broken(hub, copied_folder):
    _, folder = copied_folder("hf_clip")
    (folder / "preprocessor_config.json").unlink()
    hub.there["somebody/model"] = folder
    with pytest.raises(
        EncoderBroken, match=r"does not hold what an encoder needs: config.json and"
    ):
        load_encoder("hf:somebody/model")


def test_a_repository_that_is_not_there_or_not_open_is_named(hub):
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    class MissingError(RepositoryNotFoundError):
        def __init__(self):
            Exception.__init__(self, "404 Client Error. " * 200)

    class GatedError(GatedRepoError):
        def __init__(self):
            Exception.__init__(self, "403 Client Error. " * 200)

    hub.there["somebody/model"] = MissingError()
    with pytest.raises(EncoderNotFound, match="the hub has no repository 'somebody/model'"):
        load_encoder("hf:somebody/model")
    hub.there["somebody/model"] = GatedError()
    with pytest.raises(WeightsNotFound, match="accept terms on its page first") as caught:
        load_encoder("hf:somebody/model")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("name", ["hf:no such name", "openclip:hf-hub:a/b/c"])
def test_a_name_that_no_repository_can_have_is_refused(name, hub):
    with pytest.raises(EncoderNotFound, match="neither a folder here nor the name of a repository"):
        load_encoder(name)


def test_split_weights_are_downloaded_whole(hub, copied_folder, encoder_name):
    from transformers import AutoModel

    _, folder = copied_folder("hf_clip")
    AutoModel.from_pretrained(folder).save_pretrained(folder / "split", max_shard_size="40KB")
    (folder / "model.safetensors").unlink()
    for file in (folder / "split").glob("model*"):
        file.rename(folder / file.name)
    (folder / "split" / "config.json").unlink()
    (folder / "split").rmdir()
    hub.there["somebody/model"] = folder
    assert load_encoder("hf:somebody/model").space == load_encoder(encoder_name("hf_clip")).space
    # a part that is lost from the cache is fetched again
    part = next(hub.cache.rglob("model-00002-*.safetensors"))
    part.unlink()
    forget_encoders()
    load_encoder("hf:somebody/model")
    assert part.exists()


# open_clip's tags -----------------------------------------------------------------------------


@pytest.fixture
def tag(monkeypatch, model_folder, tmp_path_factory):
    """An architecture 'our-clip' with a tag 'ours' in open_clip's lists."""
    import open_clip

    folder = model_folder("openclip_clip")
    config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))
    file = tmp_path_factory.mktemp("architectures") / "our-clip.json"
    file.write_text(json.dumps(config["model_cfg"]), encoding="utf-8")
    open_clip.add_model_config(file)
    tagged = {**config["preprocess_cfg"], "hf_hub": "somebody/model/", "url": ""}
    is_tag = open_clip.is_pretrained_cfg
    monkeypatch.setattr(
        open_clip, "is_pretrained_cfg", lambda m, t: (m, t) == ("our-clip", "ours") or is_tag(m, t)
    )
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda m, t: tagged)
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda m: ["ours"])
    return tagged


def test_a_tag_is_its_weights_with_its_preprocessing(tag, hub, model_folder, encoder_name):
    hub.put_into_cache("somebody/model", model_folder("openclip_clip"))
    ours = load_encoder("openclip:our-clip/ours").encode_images(PICTURES)
    theirs = load_encoder(encoder_name("openclip_clip")).encode_images(PICTURES)
    assert float(ours.vectors.sub(theirs.vectors).abs().max()) < 1e-6
    tag["mean"] = [0.1, 0.1, 0.1]
    forget_encoders()
    other = load_encoder("openclip:our-clip/ours").encode_images(PICTURES)
    assert float(other.vectors.sub(theirs.vectors).abs().max()) > 1e-3
    assert other.space != ours.space


def test_a_tags_activation_is_used_where_open_clip_only_warns(
    tag, hub, model_folder, copied_folder, recwarn
):
    hub.put_into_cache("somebody/model", model_folder("openclip_clip"))
    tag["quick_gelu"] = True
    ours = load_encoder("openclip:our-clip/ours").encode_images(PICTURES)
    name, folder = copied_folder("openclip_clip")
    file = folder / "open_clip_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["model_cfg"]["quick_gelu"] = True
    file.write_text(json.dumps(config), encoding="utf-8")
    theirs = load_encoder(name).encode_images(PICTURES)
    assert float(ours.vectors.sub(theirs.vectors).abs().max()) < 1e-6
    assert not [one for one in recwarn if "QuickGELU" in str(one.message)]


def test_a_tag_without_mean_is_broken(tag, hub, model_folder):
    hub.put_into_cache("somebody/model", model_folder("openclip_clip"))
    del tag["mean"]
    with pytest.raises(EncoderBroken, match="open_clip's list of tags has no 'mean'"):
        load_encoder("openclip:our-clip/ours")


def test_a_tokenizer_of_another_repository_is_fetched_too(hub, model_folder, encoder_name):
    folder = model_folder("openclip_timm")
    hub.put_into_cache(
        "somebody/model", folder, without=["tokenizer.json", "tokenizer_config.json"]
    )
    with pytest.raises(
        WeightsNotFound, match=r"tokenizer.json \(or .* repository 'somebody/words'"
    ):
        load_encoder("openclip:hf-hub:somebody/model")
    hub.put_into_cache("somebody/words", folder, without=["open_clip_model.safetensors"])
    there = load_encoder("openclip:hf-hub:somebody/model")
    assert there.space == load_encoder(encoder_name("openclip_timm")).space
