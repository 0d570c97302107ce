"""``mirrorfx models``: fetching with consent from a hub on this machine, checking, exporting, and loading all that."""

from __future__ import annotations

import errno
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from mirrorfx.cli.__main__ import main  # noqa: E402
from mirrorfx.diffusion import export as export_module  # noqa: E402
from mirrorfx.diffusion import fetch  # noqa: E402
from mirrorfx.diffusion.fetch import download, plan_fetch  # noqa: E402
from mirrorfx.diffusion.model_folder import (  # noqa: E402
    AUTOENCODER,
    MODEL,
    fetched_folder,
    located,
    needed,
    read_record,
)
from mirrorfx.diffusion.models import ModelSettings, load_models  # noqa: E402
from mirrorfx.diffusion.tiny import TinyFolder, make_tiny_sdxl_turbo  # noqa: E402
from mirrorfx.errors import EffectUnavailable, InvalidValue  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from fake_hub import COMMIT, FakeHub  # noqa: E402

UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """Both repositories as the hub has them: plain and half-precision weights, and what nobody needs."""
    folder = tmp_path_factory.mktemp("tiny-sdxl-hub")
    made = make_tiny_sdxl_turbo(folder)
    halves = make_tiny_sdxl_turbo(folder / "halves", variant="fp16")
    shutil.copytree(halves.model, made.model, dirs_exist_ok=True)
    shutil.rmtree(folder / "halves")
    (made.model / "LICENSE.md").write_text("Not for commercial use.")
    (made.model / "sd_xl_turbo_1.0.safetensors").write_bytes(bytes(1000))
    (made.model / "unet" / "model.onnx").write_bytes(bytes(1000))
    (made.autoencoder / "taesdxl_decoder.safetensors").write_bytes(bytes(1000))
    return made


@pytest.fixture
def tiny(pristine, tmp_path):
    """A copy that a test may break."""
    shutil.copytree(pristine.model.parent, tmp_path / "hub")
    return TinyFolder(tmp_path / "hub")


@pytest.fixture
def own(monkeypatch, tmp_path):
    """The user's folders, new and empty; the hub's own cache too."""
    from huggingface_hub import constants

    monkeypatch.setenv("MIRRORFX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    return tmp_path / "data"


@pytest.fixture
def hub(tiny, own, monkeypatch):
    from huggingface_hub import constants

    licences = {MODEL: {"license": "other", "license_name": "sai-nc-community"}, AUTOENCODER: {"license": "mit"}}
    with FakeHub({MODEL: tiny.model, AUTOENCODER: tiny.autoencoder}, licences) as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", running.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        monkeypatch.setattr(fetch, "_BLOCK", 100_000)
        yield running


def planned(folder=None, **others):
    return plan_fetch(folder or fetched_folder(MODEL), MODEL, AUTOENCODER, **others)


def quiet(_size):
    pass


def names_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def same_files(folder, tiny, names):
    return all((folder / name).read_bytes() == (tiny.model / name).read_bytes() for name in names)


def test_exactly_the_needed_files_are_fetched_half_precision_if_there_is_one(hub, tiny):
    told = []
    record = download(planned(), told.append)
    folder = fetched_folder(MODEL)
    assert names_in(folder) == {
        "LICENSE.md",
        "autoencoder/config.json",
        "autoencoder/diffusion_pytorch_model.safetensors",
        "mirrorfx.json",
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.fp16.safetensors",
        "text_encoder_2/config.json",
        "text_encoder_2/model.fp16.safetensors",
        *(f"tokenizer{n}/{name}" for n in ("", "_2") for name in ("merges.txt", "special_tokens_map.json")),
        *(f"tokenizer{n}/{name}" for n in ("", "_2") for name in ("tokenizer_config.json", "vocab.json")),
        "unet/config.json",
        UNET,
    }
    assert same_files(folder, tiny, record.model.files)
    assert sum(told) == sum((folder / name).stat().st_size for name in names_in(folder) - {"mirrorfx.json"})
    assert (record.variant, record.model.licence, record.model.revision) == ("fp16", "sai-nc-community", COMMIT)
    assert read_record(folder) == record
    assert record.complete
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record.agreed)


def test_the_licences_of_the_usual_models_are_known_where_their_pages_lack_them(hub):
    hub.licences.clear()
    record = planned().record
    assert (record.model.licence, record.autoencoder.licence) == ("sai-nc-community", "mit")


def test_the_plain_weights_are_fetched_when_asked_for(hub):
    record = download(planned(variant=""), quiet)
    weights = {name for name in record.model.files if name.endswith(".safetensors")}
    assert weights == {"text_encoder/model.safetensors", "text_encoder_2/model.safetensors"} | {
        "unet/diffusion_pytorch_model.safetensors"
    }


def test_the_model_is_loaded_from_where_it_was_fetched_to_by_its_usual_name(hub):
    download(planned(), quiet)
    models = load_models(ModelSettings())
    assert models.latent_scale == 1.0
    assert located(MODEL) == (str(fetched_folder(MODEL)), str(fetched_folder(MODEL) / "autoencoder"), "fp16")


def test_after_a_cut_connection_the_next_call_goes_on_where_it_was(hub, tiny):
    hub.cut_after = 1_000_000
    told = []
    with pytest.raises(EffectUnavailable, match=r"can't be fetched.*what has arrived is kept"):
        download(planned(), told.append)
    folder = fetched_folder(MODEL)
    part = next(folder.rglob("*.part"))
    assert part.stat().st_size == 1_000_000
    assert not read_record(folder).complete
    assert located(MODEL).model == MODEL

    hub.cut_after, hub.refused = None, False
    arrived = set(names_in(folder)) - {"mirrorfx.json", part.relative_to(folder).as_posix()}
    hub.ranges.clear()
    plan = planned()
    assert plan.left == plan.total - sum(told)
    assert plan.record.agreed
    download(plan, told.append)
    assert (UNET, "bytes=1000000-") in hub.ranges
    assert not arrived & {name for name, _ in hub.ranges}
    assert sum(told) == plan.total
    assert same_files(folder, tiny, read_record(folder).model.files)
    assert not list(folder.rglob("*.part"))


def test_a_connection_that_is_cut_once_is_taken_up_at_once(hub, tiny):
    hub.cut_after = 700_000

    def open_again(_size):
        hub.refused = False

    download(planned(), open_again)
    assert [asked for name, asked in hub.ranges if name == UNET][:2] == [None, "bytes=700000-"]
    assert same_files(fetched_folder(MODEL), tiny, [UNET])


def test_a_fetched_model_is_not_fetched_again(hub):
    download(planned(), quiet)
    hub.ranges.clear()
    plan = planned()
    assert plan.left == 0
    download(plan, quiet)
    assert hub.ranges == []


def test_what_the_hub_has_replaced_is_fetched_anew(hub, tiny):
    download(planned(), quiet)
    hub.ranges.clear()
    config = tiny.model / "unet" / "config.json"
    size = config.stat().st_size
    config.write_text(config.read_text().replace("silu", "gelu"))
    assert config.stat().st_size == size
    download(planned(), quiet)
    assert [name for name, _ in hub.ranges] == ["unet/config.json"]
    assert (fetched_folder(MODEL) / "unet" / "config.json").read_bytes() == config.read_bytes()


def test_a_half_fetched_file_of_another_version_is_not_continued(hub, tiny):
    hub.cut_after = 500_000
    with pytest.raises(EffectUnavailable):
        download(planned(), quiet)
    hub.cut_after, hub.refused = None, False
    weights = tiny.model / UNET
    weights.write_bytes(weights.read_bytes()[::-1])
    hub.ranges.clear()
    download(planned(), quiet)
    assert (UNET, None) in hub.ranges
    assert (fetched_folder(MODEL) / UNET).read_bytes() == weights.read_bytes()
    assert not list(fetched_folder(MODEL).rglob("*.part"))


def test_a_file_that_came_over_damaged_is_thrown_away(hub):
    hub.tampered = {UNET}
    told = []
    with pytest.raises(EffectUnavailable, match=f"{UNET} of {MODEL} came over damaged"):
        download(planned(), told.append)
    assert not (fetched_folder(MODEL) / UNET).exists()
    assert not list(fetched_folder(MODEL).rglob("*.part"))
    hub.tampered = set()
    plan = planned()
    assert plan.left == plan.total - sum(told)
    download(plan, quiet)
    assert load_models(ModelSettings()).unet


def test_a_disk_without_room_is_told_before_anything_is_fetched(hub, monkeypatch):
    monkeypatch.setattr(fetch, "free_bytes", lambda _folder: 1_000_000_000)
    with pytest.raises(EffectUnavailable, match=r"1\.0 GB free.*--folder"):
        download(planned(), quiet)
    assert hub.ranges == []
    assert not fetched_folder(MODEL).exists()


def test_a_disk_that_runs_full_is_told(hub, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EffectUnavailable, match=r"No space left on device\. Make room on that disk"):
        download(planned(), quiet)


def test_a_model_that_the_hub_does_not_have_is_told(hub):
    with pytest.raises(EffectUnavailable, match="The hub has no somebody/nothing, or not for everybody"):
        plan_fetch(fetched_folder(MODEL), "somebody/nothing", AUTOENCODER)
    with pytest.raises(InvalidValue, match="OWNER/NAME"):
        plan_fetch(fetched_folder(MODEL), "../secrets", AUTOENCODER)


def test_a_model_without_what_sdxl_needs_is_told(hub, tiny):
    with pytest.raises(EffectUnavailable, match="lacks some of an SDXL model's safetensors files of variant bf16"):
        planned(variant="bf16")
    shutil.rmtree(tiny.model / "text_encoder_2")
    with pytest.raises(EffectUnavailable, match="lacks some of an SDXL model's safetensors files"):
        planned()


def test_a_folder_of_something_else_is_not_filled(hub, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").touch()
    with pytest.raises(InvalidValue, match="holds something else"):
        planned(tmp_path / "photos")


def test_without_a_network_the_message_says_how_to_do_without(own, monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with pytest.raises(EffectUnavailable, match=r"Name or service not known.*mirrorfx models export on a machine"):
        planned()


@pytest.mark.parametrize(
    ("name", "variant", "wanted"),
    [
        ("unet/diffusion_pytorch_model-00001-of-00002.safetensors", None, True),
        ("unet/diffusion_pytorch_model.safetensors.index.json", None, True),
        ("unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "fp16", True),
        ("unet/diffusion_pytorch_model.safetensors.index.fp16.json", "fp16", True),
        ("unet/diffusion_pytorch_model.safetensors.index.fp16.json", None, False),
        ("unet/diffusion_pytorch_model.safetensors", "fp16", False),
        ("unet/diffusion_pytorch_model.bin", None, False),
        ("vae/diffusion_pytorch_model.safetensors", None, False),
        ("tokenizer_2/tokenizer.json", "fp16", True),
        ("README.md", None, True),
        ("workflow.json", None, False),
    ],
)
def test_which_files_are_needed(name, variant, wanted):
    assert needed([name], variant) == [name] * wanted


# The command line.


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_licence_and_the_size_are_shown_before_asking(hub, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert main(["models", "fetch"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "NOT for commercial use" in said
    assert f"https://huggingface.co/{MODEL}" in said
    assert "MIT licence" in said
    assert re.search(r"To download: 2\.\d MB", said)
    assert "Nothing was fetched." in said
    assert hub.ranges == []
    assert not fetched_folder(MODEL).exists()


def test_agreeing_fetches_and_checks(hub, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert main(["models", "fetch"]) == 0
    assert "This model can be used: mirrorfx run --effect turbo\n" in capsys.readouterr().out
    assert main(["models", "check"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO())
    hub.ranges.clear()
    assert main(["models", "fetch"]) == 0
    assert "All of it is here already." in capsys.readouterr().out
    assert hub.ranges == []


def test_without_a_terminal_it_wants_yes_in_words(hub, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["models", "fetch"]) == 2
    assert "start the same command with --yes" in capsys.readouterr().err
    assert hub.ranges == []
    assert main(["models", "fetch", "--yes", "--folder", str(tmp_path / "here")]) == 0
    assert read_record(tmp_path / "here").agreed
    assert not fetched_folder(MODEL).exists()


def test_a_fetch_that_was_agreed_to_goes_on_without_asking(hub, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    hub.cut_after = 1_000_000
    assert main(["models", "fetch", "--yes"]) == 1
    agreed = read_record(fetched_folder(MODEL)).agreed
    assert main(["models", "check"]) == 1
    hub.cut_after, hub.refused = None, False
    assert main(["models", "fetch"]) == 0
    assert "the rest is here already" in " ".join(capsys.readouterr().out.split())
    assert read_record(fetched_folder(MODEL)).agreed == agreed


def check(folder, *words, capsys):
    status = main(["models", "check", str(folder), *words])
    return status, "".join(capsys.readouterr())


@pytest.fixture
def whole(tiny, tmp_path):
    """A model folder with the autoencoder inside, as somebody may have copied it by hand."""
    shutil.copytree(tiny.autoencoder, tiny.model / "autoencoder")
    return tiny.model


def test_check_is_content_with_a_whole_folder(own, whole, capsys):
    assert check(whole, capsys=capsys)[0] == 0
    assert check(whole, "--variant", "fp16", capsys=capsys)[0] == 0


def _cut(folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _json(name, **entries):
    def edit(folder):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))

    return edit


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut, r"unet: .*diffusion_pytorch_model\.safetensors can't be read"),
        (lambda folder: (folder / "tokenizer" / "vocab.json").unlink(), r"tokenizer: .*vocab\.json is missing"),
        (lambda folder: shutil.rmtree(folder / "text_encoder_2"), r"text_encoder_2: .*config\.json is missing"),
        (lambda folder: (folder / "text_encoder" / "model.safetensors").unlink(), "text_encoder: no weights in"),
        (
            lambda folder: (folder / "scheduler" / "scheduler_config.json").write_text("{"),
            r"scheduler: .*scheduler_config\.json can't be read",
        ),
        (lambda folder: (folder / "unet" / "config.json").write_text("[]"), "unet: .*holds no table"),
        (_json("model_index.json", _class_name="StableDiffusionPipeline"), "made for StableDiffusionPipeline"),
        (_json("unet/config.json", cross_attention_dim=768), "cross_attention_dim is 768, not 48"),
        (_json("autoencoder/config.json", latent_channels=16), "with 16 latent channels"),
        (lambda folder: (folder / "autoencoder" / "config.json").unlink(), f"{AUTOENCODER} is not on this machine"),
        (
            lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(
                '{"weight_map": {"a": "diffusion_pytorch_model-00002-of-00002.safetensors"}}'
            ),
            "00002-of-00002.safetensors is missing",
        ),
    ],
)
def test_check_finds_what_is_broken(own, whole, capsys, damage, told):
    damage(whole)
    status, said = check(whole, capsys=capsys)
    assert status == 1
    assert re.search(told, said), said


def test_check_of_what_is_not_here_names_the_command(own, capsys):
    assert main(["models", "check"]) == 1
    assert f"{MODEL} is not on this machine. Fetch it: mirrorfx models fetch\n" in capsys.readouterr().err
    assert main(["models", "check", "some/model", "--autoencoder", "some/other"]) == 1
    assert "Fetch it: mirrorfx models fetch some/model --autoencoder some/other\n" in capsys.readouterr().err


def test_check_finds_what_is_in_the_hubs_own_cache(own, whole, tmp_path, capsys):
    folder = tmp_path / "hf" / f"models--{MODEL.replace('/', '--')}"
    shutil.copytree(whole, folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    assert main(["models", "check"]) == 0
    assert COMMIT in capsys.readouterr().out


def test_an_export_of_a_fetched_model_is_used_by_its_folder_alone(hub, tmp_path, monkeypatch, capsys):
    main(["models", "fetch", "--yes"])
    stick = tmp_path / "stick" / "turbo"
    stick.parent.mkdir()
    assert main(["models", "export", str(stick)]) == 0
    record = read_record(stick)
    assert record == read_record(fetched_folder(MODEL))
    assert names_in(stick) == names_in(fetched_folder(MODEL)) | {"README.txt"}
    readme = (stick / "README.txt").read_text()
    assert "NOT for commercial use" in readme
    assert record.agreed in readme
    assert list(stick.parent.iterdir()) == [stick]

    shutil.rmtree(fetched_folder(MODEL))
    monkeypatch.setenv("MIRRORFX_DATA_DIR", str(tmp_path / "museum"))
    assert load_models(ModelSettings(model=str(stick))).latent_scale == 1.0
    assert check(stick, capsys=capsys)[0] == 0


def test_a_copied_folder_without_a_record_can_be_exported(own, tiny, tmp_path):
    target = tmp_path / "stick"
    words = ["--model", str(tiny.model), "--autoencoder", str(tiny.autoencoder)]
    assert main(["models", "export", str(target), *words]) == 0
    assert not list(target.rglob("*.onnx"))
    assert load_models(ModelSettings(model=str(target))).unet
    assert str(tmp_path) not in (target / "README.txt").read_text()


def test_an_export_replaces_an_earlier_one_and_nothing_else(own, whole, tmp_path, capsys):
    target, photos = tmp_path / "stick", tmp_path / "photos"
    for name in ("a", "b"):
        (whole / "README.md").write_text(name)
        assert main(["models", "export", str(target), "--model", str(whole)]) == 0
        assert (target / "README.md").read_text() == name
    photos.mkdir()
    (photos / "holiday.jpg").touch()
    assert main(["models", "export", str(photos), "--model", str(whole)]) == 2
    assert "is no exported model" in capsys.readouterr().err
    assert names_in(photos) == {"holiday.jpg"}
    assert main(["models", "export", str(whole), "--model", str(whole)]) == 2
    assert main(["models", "export", str(whole.parent), "--model", str(whole)]) == 2


def test_a_disk_that_runs_full_leaves_the_earlier_export(own, whole, tmp_path, monkeypatch, capsys):
    target = tmp_path / "stick"
    main(["models", "export", str(target), "--model", str(whole)])
    before, written = names_in(target), []

    def full(_descriptor):
        written.append(1)
        if len(written) > 5:
            raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr(export_module.os, "fsync", full)
    assert main(["models", "export", str(target), "--model", str(whole)]) == 1
    assert "FAT32" in " ".join(capsys.readouterr().err.split())
    assert names_in(target) == before
    assert {path.name for path in tmp_path.iterdir()} == {"hub", "stick"}


def test_an_export_that_cannot_get_its_name_leaves_the_earlier_one(own, whole, tmp_path, monkeypatch):
    target, rename = tmp_path / "stick", Path.rename
    main(["models", "export", str(target), "--model", str(whole)])

    def refused(path, to):
        if path.name == ".stick.part":
            raise OSError(errno.EACCES, "Permission denied")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refused)
    assert main(["models", "export", str(target), "--model", str(whole)]) == 1
    assert read_record(target)
    assert {path.name for path in tmp_path.iterdir()} == {"hub", "stick"}


def test_a_broken_model_is_not_exported(own, whole, tmp_path, capsys):
    _cut(whole)
    assert main(["models", "export", str(tmp_path / "stick"), "--model", str(whole)]) == 1
    assert "can't be exported: unet:" in capsys.readouterr().err
    assert not (tmp_path / "stick").exists()


def test_fetching_and_checking_need_no_torch():
    code = "import sys, mirrorfx.cli.models, mirrorfx.diffusion.fetch, mirrorfx.diffusion.export; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "diffusers", "transformers", "huggingface_hub", "rich"} & set(done.stdout.split())
