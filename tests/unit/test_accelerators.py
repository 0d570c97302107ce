"""The accelerator ladder: what is chosen, what is passed over and why, what is remembered, how a recording behaves."""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import sys
import threading
import types
import weakref
from dataclasses import replace
from threading import Event
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")

from torch import nn  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from mirrorfx.diffusion import _choice_store, _graph, _life, _rungs, _trial, accelerators  # noqa: E402
from mirrorfx.diffusion._graph import GraphedFrameFunction, KeptFrameFunction  # noqa: E402
from mirrorfx.diffusion.accelerators import RUNGS, Rung, accelerate, choose, relative_error  # noqa: E402
from mirrorfx.diffusion.models import Models  # noqa: E402
from mirrorfx.diffusion.schedule import NoiseSchedule  # noqa: E402
from mirrorfx.errors import EffectFailed, EffectUnavailable, UnknownName  # noqa: E402

SIZE = (64, 128)


class ToyUNet(nn.Module):
    """Takes what SDXL's UNet takes, and lets all of it matter."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.text = nn.Linear(5, 4)
        self.pooled = nn.Linear(3, 4)

    def forward(self, sample, timestep, encoder_hidden_states, added_cond_kwargs, return_dict):
        shift = self.text(encoder_hidden_states).mean(1) + self.pooled(added_cond_kwargs["text_embeds"])
        shift = shift * (timestep / 1000 + added_cond_kwargs["time_ids"].mean() / 1000)
        return (self.conv(sample) + shift[..., None, None],)


class Scaled(nn.Module):
    """A network whose output is multiplied: by 1 it is right, by anything else wrong; `ms` is its speed."""

    def __init__(self, network, by=1.0, ms=1.0):
        super().__init__()
        self.network, self.by, self.ms = network, by, ms

    def forward(self, pixels):
        return self.network(pixels) * self.by


@pytest.fixture(scope="module", autouse=True)
def light_collections():
    """Every rung that goes is followed by a collection; torch's own objects needn't be looked at each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def models():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        networks = ToyUNet(), nn.Conv2d(3, 4, 8, 8), nn.ConvTranspose2d(4, 3, 8, 8)
    unet, encoder, decoder = (network.eval().requires_grad_(False) for network in networks)
    text = (SimpleNamespace(hidden_size=2), SimpleNamespace(hidden_size=3, projection_dim=3))
    yield Models(
        unet=unet,
        encoder=encoder,
        decoder=decoder,
        latent_scale=1.0,
        text_encoders=tuple(SimpleNamespace(config=config) for config in text),
        tokenizers=(None, None),
        schedule=NoiseSchedule(),
        device=torch.device("cpu"),
        dtype=torch.float32,
    )
    torch.set_num_threads(threads)


class Shop:
    """Makes rungs and remembers the networks it made, weakly."""

    def __init__(self):
        self.made: list[str] = []
        self.alive: list[weakref.ref] = []
        self.most_alive = 0

    def rung(self, name, *, by=1.0, ms=1.0, raises=None, lacking="", **options):
        def networks(models):
            self.made.append(name)
            if raises:
                raise raises
            decoder = Scaled(models.decoder, by, ms)
            self.alive.append(weakref.ref(decoder))
            self.most_alive = max(self.most_alive, self.count())
            return replace(models, decoder=decoder)

        return Rung(summary=name, lacking=lambda _models: lacking, networks=networks, **options)

    def count(self):
        return sum(made() is not None for made in self.alive)


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def ladder(monkeypatch, shop):
    """Put rungs on the ladder: eager takes 10 ms, the rest is given."""

    def put(**rungs):
        made = {name.replace("_", "-"): shop.rung(name, **options) for name, options in rungs.items()}
        eager = {"eager": shop.rung("eager", ms=10.0, graphed=False)} if "eager" not in made else {}
        monkeypatch.setattr(accelerators, "RUNGS", eager | made)

    monkeypatch.setattr(accelerators, "median_ms", lambda function: function._models.decoder.ms)
    return put


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for variable in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no compiling processes that stay


def by_name(chosen):
    return {each.name: each for each in chosen.tried}


class TestAuto:
    def test_keeps_the_fastest_and_lists_all_in_order(self, ladder, models, tmp_path):
        ladder(graph={"ms": 4.0}, compile={"ms": 3.0}, stable_fast={"ms": 5.0, "weights_in_place": False})
        chosen = choose(models, SIZE, cache=tmp_path)
        assert (chosen.rung, chosen.remembered, chosen.weights_in_place) == ("compile", False, True)
        assert [(each.name, each.ms) for each in chosen.tried] == [
            ("eager", 10.0),
            ("graph", 4.0),
            ("compile", 3.0),
            ("stable-fast", 5.0),
        ]
        assert {each.error for each in chosen.tried} == {0.0}
        assert chosen.function._models.decoder.ms == 3.0

    def test_where_only_the_plain_way_is_left_it_is_not_timed(self, ladder, models, tmp_path, monkeypatch):
        ladder(**{name: {"lacking": "not here"} for name in ("graph", "fp16_accumulation", "compile", "stable_fast")})
        monkeypatch.setattr(accelerators, "median_ms", lambda _: pytest.fail("timed"))
        chosen = choose(models, SIZE, cache=tmp_path)
        assert chosen.rung == "eager"
        assert by_name(chosen)["graph"].skipped == "not here"
        assert by_name(chosen)["eager"].skipped == ""

    @pytest.mark.parametrize(
        ("problem", "fix"),
        [
            (
                RuntimeError("CUDA error: no kernel image is available for execution on the device"),
                "made for this card",
            ),
            (
                RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
                "smaller size",
            ),
        ],
    )
    def test_when_not_even_the_plain_way_works_the_fix_fits(self, models, tmp_path, monkeypatch, problem, fix):
        def fails(*_, **__):
            raise problem

        monkeypatch.setattr(accelerators, "Trial", fails)
        with pytest.raises(EffectUnavailable, match=fix):
            choose(models, SIZE, cache=tmp_path)

    def test_says_whether_weights_may_be_changed_in_place(self, ladder, models, tmp_path):
        ladder(stable_fast={"weights_in_place": False})
        assert not choose(models, SIZE, cache=tmp_path).weights_in_place
        assert not choose(models, SIZE, cache=tmp_path).weights_in_place

    def test_a_fast_rung_that_paints_no_numbers_is_rejected(self, ladder, models, tmp_path):
        ladder(graph={"ms": 1.0, "by": float("nan")}, compile={"ms": 2.0, "by": float("inf")})
        chosen = choose(models, SIZE, cache=tmp_path)
        assert chosen.rung == "eager"
        for name in ("graph", "compile"):
            tried = by_name(chosen)[name]
            assert (tried.ms, tried.error) == (None, None)
            assert "not finite" in tried.skipped

    def test_a_fast_rung_that_paints_another_picture_is_rejected_with_the_figure(self, ladder, models, tmp_path):
        ladder(graph={"ms": 1.0, "by": 1.01}, compile={"ms": 2.0, "by": 1.0005})
        chosen = choose(models, SIZE, cache=tmp_path)
        assert chosen.rung == "compile"
        assert by_name(chosen)["graph"].error == pytest.approx(0.01, rel=1e-3)
        assert "off by 0.01 " in by_name(chosen)["graph"].skipped
        assert by_name(chosen)["compile"].error == pytest.approx(0.0005, rel=1e-2)

    def test_a_rung_that_raises_is_passed_over_with_the_reason(self, ladder, models, tmp_path):
        ladder(graph={"raises": KeyError("no such kernel")}, compile={"ms": 5.0})
        chosen = choose(models, SIZE, cache=tmp_path)
        assert chosen.rung == "compile"
        assert by_name(chosen)["graph"].skipped == "KeyError: 'no such kernel'"

    def test_what_is_lacking_is_said_and_nothing_built(self, ladder, models, tmp_path, shop):
        ladder(graph={"lacking": "it needs a GPU"}, compile={"slow_to_build": True})
        tried = by_name(choose(models, SIZE, cache=tmp_path))
        assert tried["graph"].skipped == "it needs a GPU"
        assert "only when asked for by name" in tried["compile"].skipped
        assert set(shop.made) == {"eager"}

    @pytest.mark.parametrize("problem", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
    def test_a_rung_without_memory_is_passed_over_and_tried_again_next_time(self, ladder, models, tmp_path, problem):
        ladder(graph={"raises": problem}, compile={"ms": 5.0})
        for _ in range(2):
            chosen = choose(models, SIZE, cache=tmp_path)
            assert (chosen.rung, chosen.remembered) == ("compile", False)
            assert by_name(chosen)["graph"].skipped == "there is not enough memory for it"

    def test_never_are_two_rungs_in_memory_and_only_the_chosen_one_stays(self, ladder, models, tmp_path, shop):
        ladder(graph={"ms": 1.0}, compile={"ms": 2.0}, stable_fast={"by": 2.0}, fp8={"ms": 0.5, "by": float("nan")})
        chosen = choose(models, SIZE, cache=tmp_path)
        assert shop.most_alive == 1
        assert shop.count() == 1
        assert chosen.function._models.decoder is shop.alive[-1]()

    def test_when_the_fastest_fails_the_second_time_the_next_is_kept(self, ladder, models, tmp_path, monkeypatch):
        ladder(graph={"ms": 1.0}, compile={"ms": 2.0})
        once, build = [], accelerators.build

        def fragile(rung, *arguments):
            if rung.summary == "graph" and (once or once.append(1)):
                raise RuntimeError("not twice")
            return build(rung, *arguments)

        monkeypatch.setattr(accelerators, "build", fragile)
        chosen = choose(models, SIZE, cache=tmp_path)
        assert chosen.rung == "compile"
        assert by_name(chosen)["graph"].skipped == "RuntimeError: not twice"

    def test_none_at_all_is_an_error_with_every_reason(self, ladder, models, tmp_path):
        ladder(eager={"raises": RuntimeError("no eager")}, graph={"lacking": "no graph"})
        with pytest.raises(EffectUnavailable, match=r"64x128.*eager: RuntimeError: no eager; graph: no graph"):
            choose(models, SIZE, cache=tmp_path)

    def test_a_model_that_paints_no_numbers_is_told_before_any_rung(self, ladder, models, tmp_path, shop):
        ladder(graph={})
        broken = replace(models, decoder=Scaled(models.decoder, float("nan")))
        with pytest.raises(EffectUnavailable, match=r"not finite in torch\.float32, without any accelerator"):
            choose(broken, SIZE, cache=tmp_path)
        assert shop.made == []

    def test_a_gpu_left_unusable_ends_it_and_after_some_times_the_rung_is_passed_over(
        self, ladder, models, tmp_path, monkeypatch, shop
    ):
        ladder(graph={"raises": RuntimeError("illegal memory access")}, compile={"ms": 2.0})

        def unusable(_device):
            if shop.made and shop.made[-1] == "graph":
                raise RuntimeError("CUDA error: an illegal memory access was encountered")

        monkeypatch.setattr(accelerators, "free_memory", unusable)
        for _ in range(3):
            shop.made.clear()  # as in a new process
            with pytest.raises(EffectFailed, match="graph has left cpu unusable"):
                choose(models, SIZE, cache=tmp_path)
        shop.made.clear()
        chosen = choose(models, SIZE, cache=tmp_path)
        assert chosen.rung == "compile"
        assert "ended the process several times" in by_name(chosen)["graph"].skipped

    def test_a_rung_that_ends_the_process_is_passed_over_after_some_times(self, ladder, models, tmp_path):
        ladder(graph={"raises": SystemExit()}, compile={"ms": 2.0})
        for _ in range(3):
            with pytest.raises(SystemExit):
                choose(models, SIZE, cache=tmp_path)
        assert choose(models, SIZE, cache=tmp_path).rung == "compile"

    def test_progress_rises_from_start_to_end(self, ladder, models, tmp_path):
        ladder(graph={"ms": 1.0}, compile={"raises": RuntimeError()})
        for _ in range(2):
            told = []
            choose(models, SIZE, cache=tmp_path, progress=lambda *said, told=told: told.append(said))
            shares = [share for _, share in told]
            assert shares == sorted(shares)
            assert (shares[0], told[-1]) == (0.0, ("ready", 1.0))
            assert any("graph" in what for what, _ in told)

    def test_a_slow_build_gives_signs_of_life(self, ladder, models, tmp_path, monkeypatch):
        monkeypatch.setattr(_life, "_BEAT_S", 0.001)
        told, twice = [], Event()

        def progress(what, share):
            told.append((what, share, threading.current_thread()))
            if sum("graph, " in what for what, *_ in told) == 2:
                twice.set()

        build = accelerators.build

        def slow(rung, *arguments):
            assert rung.summary != "graph" or twice.wait(20)
            return build(rung, *arguments)

        ladder(graph={"ms": 1.0})
        monkeypatch.setattr(accelerators, "build", slow)
        assert choose(models, SIZE, cache=tmp_path, progress=progress).rung == "graph"
        assert "accelerators: trying graph, 0 s" in [what for what, *_ in told]
        assert [share for _, share, _ in told] == sorted(share for _, share, _ in told)
        assert all(thread is threading.main_thread() or not thread.is_alive() for *_, thread in told)

    def test_details_are_plain_values(self, ladder, models, tmp_path):
        ladder(graph={"by": float("nan")}, compile={"ms": 2.0})
        details = choose(models, SIZE, cache=tmp_path).details()
        assert json.loads(json.dumps(details, allow_nan=False)) == details
        assert details["rung"] == "compile"
        assert details["tried"][1]["name"] == "graph"

    def test_what_is_kept_is_as_new(self, ladder, models, tmp_path):
        ladder(graph={"ms": 1.0})
        function, new = choose(models, SIZE, cache=tmp_path).function, KeptFrameFunction(models, SIZE)
        frame = torch.randint(0, 255, (SIZE[1], SIZE[0], 3), dtype=torch.uint8)
        for each in (function, new):
            torch.testing.assert_close(each._pixels, torch.zeros_like(frame), rtol=0, atol=0)
            each.load(frame)
        torch.testing.assert_close(function.paint(), new.paint(), rtol=0, atol=0)
        function.set_strength(1.0), new.set_strength(1.0)
        torch.testing.assert_close(function.paint(), new.paint(), rtol=0, atol=0)


class TestWorkersBesideEachOther:
    """One process a GPU, all starting at once."""

    def test_the_second_takes_what_the_first_has_measured(self, ladder, models, tmp_path, shop, monkeypatch):
        """Otherwise equal cards might paint differently, and all would compile the same at once."""
        ladder(graph={"ms": 2.0}, compile={"ms": 1.0})
        begun, let_go, found = Event(), Event(), []
        store_class, begin = _choice_store.ChoiceStore, _choice_store.ChoiceStore.begin

        def held(store, rung):
            if rung == "graph" and not begun.is_set():
                begun.set()
                assert let_go.wait(60)
            return begin(store, rung)

        monkeypatch.setattr(store_class, "begin", held)
        waits = Event()

        class Waiting:
            def __enter__(self):
                waits.set()

            def __exit__(self, *_):
                pass

        alone = store_class.alone
        monkeypatch.setattr(
            store_class, "alone", lambda store, waiting: alone(store, Waiting() if begun.is_set() else waiting)
        )
        workers = [
            threading.Thread(target=lambda: found.append(choose(models, SIZE, cache=tmp_path))) for _ in range(2)
        ]
        workers[0].start()
        assert begun.wait(60)
        workers[1].start()
        assert waits.wait(60)
        assert sorted(shop.made) == ["eager"], "the second one waits"
        let_go.set()
        for worker in workers:
            worker.join(60)
        found.sort(key=lambda chosen: chosen.remembered)
        assert [(chosen.rung, chosen.remembered) for chosen in found] == [("compile", False), ("compile", True)]
        assert found[0].tried == found[1].tried

    def test_each_gpu_counts_its_own_attempts(self, models, tmp_path, monkeypatch):
        """Every worker calls its GPU cuda:0; together they would soon have tried a rung too often."""
        places = set()
        for gpu in ("0", "1"):
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpu)
            store = _choice_store.ChoiceStore(tmp_path, {}, _choice_store.gpu_of(torch.device("cuda:0")))
            assert [store.begin("graph") for _ in range(4)] == [True, True, True, False]
            places.add(store.attempts)
        assert len(places) == 2

    def test_a_folder_that_cannot_be_written_only_costs_the_waiting(self, ladder, models, tmp_path):
        (tmp_path / "file").touch()
        ladder(graph={"ms": 1.0})
        assert choose(models, SIZE, cache=tmp_path / "file" / "folder").rung == "graph"


class TestMemory:
    """What is remembered from start to start."""

    def test_the_next_start_builds_only_what_was_chosen(self, ladder, models, tmp_path, shop):
        ladder(graph={"ms": 1.0}, compile={"ms": 2.0}, stable_fast={"by": 3.0})
        first = choose(models, SIZE, cache=tmp_path)
        shop.made.clear()
        second = choose(models, SIZE, cache=tmp_path)
        assert shop.made == ["graph"]
        assert (second.rung, second.remembered, second.tried) == ("graph", True, first.tried)

    def test_what_was_chosen_is_checked_again(self, ladder, models, tmp_path):
        ladder(graph={"ms": 1.0}, compile={"ms": 2.0})
        choose(models, SIZE, cache=tmp_path)
        ladder(graph={"ms": 1.0, "by": float("nan")}, compile={"ms": 2.0})
        chosen = choose(models, SIZE, cache=tmp_path)
        assert (chosen.rung, chosen.remembered) == ("compile", False)
        assert choose(models, SIZE, cache=tmp_path).remembered

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text[: len(text) // 2],
            lambda _: "",
            lambda _: "[" * 100_000,
            lambda _: "[1]",
            lambda _: "\x00\xff",
            lambda text: text.replace('"rung": "graph"', '"rung": "nothing"'),
            lambda text: text.replace('"rung": "graph"', '"rung": ["graph"]'),
            lambda text: text.replace('"tried": [', '"tried": [7, '),
            lambda text: text.replace('"ms":', '"minutes":'),
            lambda text: text.replace('"format": 1', '"format": 0'),
        ],
    )
    def test_a_spoilt_file_is_measured_anew_and_replaced(self, ladder, models, tmp_path, spoil):
        ladder(graph={"ms": 1.0})
        choose(models, SIZE, cache=tmp_path)
        (path,) = (path for path in tmp_path.glob("*.json") if "attempts" not in path.name)
        good = path.read_text()
        path.write_text(spoil(good))
        assert path.read_text() != good
        chosen = choose(models, SIZE, cache=tmp_path)
        assert (chosen.rung, chosen.remembered) == ("graph", False)
        assert path.read_text() == good

    @pytest.mark.parametrize("content", ["7", '{"graph": "x"}', '{"graph": -9}', "{", '{"graph": null}'])
    def test_a_spoilt_count_of_attempts_starts_afresh(self, ladder, models, tmp_path, content):
        ladder(graph={"ms": 1.0})
        choose(models, SIZE, cache=tmp_path)
        (path,) = tmp_path.glob("*attempts.json")
        path.write_text(content)
        assert choose(models, SIZE, cache=tmp_path).rung == "graph"

    def test_another_size_steps_library_card_or_model_is_measured_anew(self, ladder, models, tmp_path, monkeypatch):
        ladder(graph={"ms": 1.0})
        choose(models, SIZE, cache=tmp_path)
        assert not choose(models, (64, 64), cache=tmp_path).remembered
        assert not choose(models, SIZE, steps=2, cache=tmp_path).remembered
        other = replace(models, encoder=nn.Sequential(models.encoder, nn.Conv2d(4, 4, 1).requires_grad_(False)))
        assert not choose(other, SIZE, cache=tmp_path).remembered
        assert choose(models, SIZE, cache=tmp_path).remembered
        monkeypatch.setattr(_choice_store, "_version", lambda name: "9.9" if name == "torch" else "")
        assert not choose(models, SIZE, cache=tmp_path).remembered

    def test_the_card_and_its_driver_are_part_of_it(self, models, monkeypatch, tmp_path):
        card = replace(models, device=torch.device("cuda:0"))
        keys = []
        for name, driver in (("A", "570.1"), ("B", "570.1"), ("A", "570.2")):
            monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device, name=name: name)
            (tmp_path / "version").write_text(f"{driver}\n")
            monkeypatch.setattr(_choice_store, "_DRIVER", tmp_path / "version")
            keys.append(_choice_store.machine_key(card, SIZE, 1, ["eager"]))
        assert keys[0]["driver"] == "570.1"
        assert len({json.dumps(key) for key in keys}) == 3

    def test_a_rung_that_can_run_now_and_could_not_before_is_tried(self, ladder, models, tmp_path):
        ladder(graph={"ms": 5.0}, compile={"ms": 2.0, "lacking": "no compiler"})
        assert choose(models, SIZE, cache=tmp_path).rung == "graph"
        ladder(graph={"ms": 5.0}, compile={"ms": 2.0})
        assert choose(models, SIZE, cache=tmp_path).rung == "compile"

    def test_a_folder_that_cannot_be_made_costs_only_the_memory(self, ladder, models, tmp_path):
        ladder(graph={"ms": 1.0})
        (tmp_path / "file").touch()
        for _ in range(2):
            assert not choose(models, SIZE, cache=tmp_path / "file" / "folder").remembered

    def test_compiled_code_is_kept_beside_it_unless_the_user_named_a_place(self, ladder, models, tmp_path, monkeypatch):
        ladder()
        monkeypatch.setenv("TRITON_CACHE_DIR", "mine")
        choose(models, SIZE, cache=tmp_path)
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "inductor")
        assert os.environ["TRITON_CACHE_DIR"] == "mine"


class TestByName:
    def test_it_is_built_checked_and_measured_alone(self, ladder, models, tmp_path, shop):
        ladder(graph={"ms": 4.0}, compile={"ms": 1.0, "slow_to_build": True})
        chosen = choose(models, SIZE, name="compile", cache=tmp_path)
        assert shop.made == ["compile"]
        assert (chosen.rung, chosen.tried[0].ms, chosen.tried[0].error) == ("compile", 1.0, 0.0)
        assert not choose(models, SIZE, cache=tmp_path).remembered

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"lacking": "it needs a GPU"}, "it needs a GPU"),
            ({"raises": ValueError("no kernel")}, "ValueError: no kernel"),
            ({"by": 2.0}, "its picture is off by 1 "),
            ({"by": float("nan")}, "not finite"),
        ],
    )
    def test_it_is_refused_with_the_reason_and_the_fix(self, ladder, models, tmp_path, options, reason):
        ladder(graph=options)
        with pytest.raises(EffectUnavailable, match="graph can't be used here") as found:
            choose(models, SIZE, name="graph", cache=tmp_path)
        assert reason in str(found.value)
        assert "Choose another accelerator, or auto." in str(found.value)

    def test_a_name_that_is_none_is_told_at_once(self, models, tmp_path):
        for ask in (
            lambda: choose(models, SIZE, name="grap", cache=tmp_path),
            lambda: accelerate("grap", models, SIZE),
        ):
            with pytest.raises(UnknownName, match="Did you mean 'graph'"):
                ask()

    def test_accelerate_gives_the_bare_function_or_the_reason(self, ladder, models):
        ladder(graph={"by": 2.0}, compile={"raises": ValueError("no kernel")})
        assert accelerate("graph", models, SIZE).size == SIZE
        with pytest.raises(EffectUnavailable, match="no kernel"):
            accelerate("compile", models, SIZE)


class TestRungs:
    def test_the_ladder_has_its_order(self):
        assert list(RUNGS) == [
            *("eager", "graph", "fp16-accumulation", "compile", "autotune", "stable-fast", "tensorrt", "fp8")
        ]

    @pytest.mark.parametrize(
        ("name", "reason"),
        [("graph", "NVIDIA GPU"), ("fp16-accumulation", "NVIDIA GPU"), ("tensorrt", "not built"), ("fp8", "not built")],
    )
    def test_the_reason_on_a_cpu(self, models, name, reason):
        assert reason in RUNGS[name].lacking(models)
        with pytest.raises(EffectUnavailable, match=reason):
            accelerate(name, models, SIZE)

    @pytest.mark.parametrize(
        ("card", "dtype", "lacking"),
        [
            ("NVIDIA GeForce RTX 4090", torch.float16, ""),
            ("NVIDIA H200", torch.float16, "only GeForce cards gain by it, and this is a NVIDIA H200"),
            ("NVIDIA GeForce RTX 4090", torch.float32, "half precision"),
        ],
    )
    def test_half_precision_sums_are_for_geforce_cards(self, models, monkeypatch, card, dtype, lacking):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: card)
        found = RUNGS["fp16-accumulation"].lacking(replace(models, device=torch.device("cuda:0"), dtype=dtype))
        assert lacking in found
        assert bool(lacking) == bool(found)

    def test_half_precision_sums_are_on_only_while_it_is_recorded(self):
        matmul = torch.backends.cuda.matmul
        before = matmul.allow_fp16_accumulation
        with contextlib.suppress(KeyError), _rungs._fp16_accumulation(on=True):
            assert matmul.allow_fp16_accumulation
            raise KeyError
        assert matmul.allow_fp16_accumulation == before
        with _rungs._fp16_accumulation(on=False):
            assert matmul.allow_fp16_accumulation == before

    def test_compile_without_a_compiler_says_so(self, models, monkeypatch):
        monkeypatch.setenv("CXX", "no-such-compiler")
        assert "C++ compiler, and no-such-compiler is not there" in RUNGS["compile"].lacking(models)

    def test_on_a_gpu_compile_needs_pythons_headers_for_triton(self, models, monkeypatch, tmp_path):
        monkeypatch.setenv("CC", sys.executable)
        monkeypatch.setattr(_rungs, "_installed", lambda _name: True)
        monkeypatch.setattr(_rungs.sysconfig, "get_path", lambda _name: str(tmp_path))
        on_gpu = replace(models, device=torch.device("cuda:0"))
        for name in ("compile", "autotune"):
            assert "apt-get install python3-dev" in RUNGS[name].lacking(on_gpu)
        (tmp_path / "Python.h").touch()
        assert RUNGS["compile"].lacking(on_gpu) == ""

    def test_a_checkout_with_a_space_in_its_name_is_told_of_where_torch_cannot_link(self, models, monkeypatch):
        monkeypatch.setattr(_rungs.shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(_rungs.torch, "__file__", "/home/visitor/mirror fx/torch/__init__.py")
        assert "has a space: /home/visitor/mirror fx/torch" in RUNGS["compile"].lacking(models)
        monkeypatch.setattr(_rungs.torch, "__file__", "/home/visitor/mirrorfx/torch/__init__.py")
        assert RUNGS["compile"].lacking(models) == ""

    @pytest.mark.parametrize(("name", "mode"), [("compile", "default"), ("autotune", "max-autotune-no-cudagraphs")])
    def test_compiling_leaves_cuda_graphs_to_us(self, models, monkeypatch, name, mode):
        asked = []
        monkeypatch.setattr(_rungs.torch, "compile", lambda network, **how: asked.append((network, how)))
        RUNGS[name].networks(models)
        assert [network for network, _ in asked] == [models.unet, models.encoder, models.decoder]
        assert all(how == {"mode": mode, "fullgraph": True, "dynamic": False} for _, how in asked)
        options = torch._inductor.list_mode_options(mode)
        assert not options.get("triton.cudagraphs")

    @pytest.mark.filterwarnings("ignore")  # torch's compiler warns of much that is its own
    def test_compile_paints_the_same_and_follows_weights_changed_in_place(self, models, tmp_path):
        if reason := RUNGS["compile"].lacking(models):
            pytest.skip(reason)
        chosen = choose(models, SIZE, name="compile", cache=tmp_path)
        assert type(chosen.function._models.unet) is not ToyUNet
        assert 0 < chosen.tried[0].error < 1e-5
        assert any((tmp_path / "inductor").rglob("*.so"))
        assert chosen.weights_in_place
        with torch.no_grad():
            models.unet.text.weight.mul_(2)
        try:
            error, wrong = _trial.Trial(models, SIZE, 1).error(chosen.function)
        finally:
            with torch.no_grad():
                models.unet.text.weight.div_(2)
        assert (error < 1e-5, wrong) == (True, "")

    def test_stable_fast_gets_twins_and_leaves_the_plain_networks_alone(self, models, monkeypatch):
        asked = []

        class Compilation:
            class Default(SimpleNamespace):
                pass

        def compile_any(network, config):
            asked.append((network, config))
            for weight in network.parameters():  # it may change the memory format
                weight.data = weight.data.clone()
            network.forward = lambda *_, **__: None
            return network

        for name in ("sfast", "sfast.compilers"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        library = types.ModuleType("sfast.compilers.diffusion_pipeline_compiler")
        library.CompilationConfig, library.compile_unet, library.compile_vae = Compilation, compile_any, compile_any
        monkeypatch.setitem(sys.modules, library.__name__, library)
        monkeypatch.setattr(_rungs, "_installed", lambda name: name == "sfast")
        before = [weight.data_ptr() for weight in models.unet.parameters()]
        assert RUNGS["stable-fast"].lacking(models) == ""
        made = RUNGS["stable-fast"].networks(models)
        assert (made.unet, made.encoder, made.decoder) == tuple(network for network, _ in asked)
        assert made.unet is not models.unet
        assert "forward" not in vars(models.unet)
        assert [weight.data_ptr() for weight in models.unet.parameters()] == before
        config = asked[0][1]
        assert (config.enable_cuda_graph, config.enable_triton, config.enable_xformers) == (False, False, False)
        assert config.preserve_parameters is False

    def test_a_twin_has_the_same_weights_not_copies(self, models):
        twin = _rungs._twin(models.unet)
        pairs = list(zip(twin.parameters(), models.unet.parameters(), strict=True))
        assert all(ours.data_ptr() == theirs.data_ptr() and ours is not theirs for ours, theirs in pairs)

    def test_weights_changed_in_place_show(self, models):
        function = accelerate("eager", models, SIZE)
        before = _trial.Trial(models, SIZE, 1)
        with torch.no_grad():
            models.unet.text.weight.mul_(2)
        try:
            error, wrong = before.error(function)
            assert error > 0.01
            assert "off by" in wrong
            assert _trial.Trial(models, SIZE, 1).error(function) == (0.0, "")
        finally:
            with torch.no_grad():
                models.unet.text.weight.div_(2)


def test_the_median_of_several_frames_is_measured(models):
    painted = []

    class Counted(KeptFrameFunction):
        def paint(self):
            painted.append(1)
            return super().paint()

    assert accelerators.median_ms(Counted(models, SIZE)) > 0
    assert len(painted) >= 3


def test_the_relative_error_is_that_of_the_difference():
    reference = torch.tensor([3.0, 4.0])
    assert relative_error(reference, reference) == 0
    assert relative_error(torch.tensor([3.0, 4.5]), reference) == pytest.approx(0.1)
    assert relative_error(torch.zeros(2), torch.zeros(2)) == 0


class Tape(TorchDispatchMode):
    """Records operations on tensors and does them again on the same memory, as a CUDA graph does.

    Whatever Python computes between them stays as it was when it was recorded.
    """

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, operation, _types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.operations.append((operation, args, kwargs or {}, result))
        return result

    def record(self, work):
        work()
        with self:
            work()
        return self.replay

    def replay(self):
        for operation, args, kwargs, result in self.operations:
            again = operation(*args, **kwargs)
            for old, new in zip(*map(torch.utils._pytree.tree_leaves, (result, again)), strict=True):
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class TestRecording:
    @pytest.fixture(params=[1, 3])
    def pair(self, models, request):
        """A plain function and a recorded one."""
        tape = Tape()
        recorded = GraphedFrameFunction(models, SIZE, steps=request.param, record=tape.record)
        return KeptFrameFunction(models, SIZE, steps=request.param), recorded, tape

    def test_follows_every_value_set_after_it_was_made(self, pair):
        plain, recorded, _ = pair
        pictures = []
        for seed, strength, mix in ((0, 0.5, 0.0), (1, 0.9, 0.0), (1, 0.0, 0.0), (2, 0.5, 0.3), (0, 0.5, 0.0)):
            generator = torch.Generator().manual_seed(seed)
            noise, conditioning = (
                _trial._drawn(shapes, generator) for shapes in (plain.noise_shapes, plain.conditioning_shapes)
            )
            frame = torch.randint(0, 255, (SIZE[1], SIZE[0], 3), dtype=torch.uint8, generator=generator)
            for each in (plain, recorded):
                each.load(frame)
                each.set_noise(*noise)
                each.set_conditioning(*conditioning)
                each.set_strength(strength)
                each.set_mix(mix)
            pictures.append(recorded.paint().clone())
            torch.testing.assert_close(pictures[-1], plain.paint(), rtol=0, atol=0)
            torch.testing.assert_close(recorded.picture, plain.picture, rtol=0, atol=0)
        assert all((one != other).any() for one, other in itertools.pairwise(pictures))
        assert (pictures[0] == pictures[-1]).all()

    def test_follows_weights_changed_in_place(self, pair, models):
        plain, recorded, _ = pair
        for each in (plain, recorded):
            _trial._set_input(each)
        before = recorded.paint().clone()
        with torch.no_grad():
            models.unet.conv.weight.mul_(2)
        try:
            after = recorded.paint().clone()
            assert (after != before).any()
            torch.testing.assert_close(after, plain.paint(), rtol=0, atol=0)
        finally:
            with torch.no_grad():
                models.unet.conv.weight.div_(2)

    def test_waits_for_nothing_on_the_way(self, pair):
        """Reading a number back would end a capture."""
        names = {str(operation) for operation, *_ in pair[2].operations}
        assert not [name for name in names if "_local_scalar" in name or "nonzero" in name]

    def test_hands_out_two_pictures_in_turn(self, pair):
        _, recorded, _ = pair
        places = [recorded.paint().data_ptr() for _ in range(4)]
        assert places[0] != places[1]
        assert places[:2] == places[2:]
        assert recorded.painted.data_ptr() not in places

    def test_on_a_gpu_is_warmed_up_aside_then_captured_for_this_thread_alone(self, monkeypatch):
        """The order of calls, with a stand-in for torch.cuda: what CUDA makes of them takes a GPU to see."""
        cuda = StandInCuda()
        monkeypatch.setattr(_graph.torch, "cuda", cuda)
        replay = _graph.cuda_recorder(torch.device("cuda:1"))(cuda.work)
        on_side, on_current = "work on side 1", "replay on current"
        assert cuda.calls == [
            *("side 1 waits for current", on_side, on_side, on_side, "current waits for side 1"),
            *("capture thread_local", on_side, "captured", on_current),
        ]
        assert cuda.devices == ["cuda:1"]
        replay()
        assert cuda.calls[-1] == on_current

    def test_two_recordings_share_no_stream(self, monkeypatch):
        """torch keeps cuBLAS's workspaces by stream and lets them go with one of the recordings."""
        cuda = StandInCuda()
        monkeypatch.setattr(_graph.torch, "cuda", cuda)
        for _ in range(2):
            _graph.cuda_recorder(torch.device("cuda:0"))(cuda.work)
        assert {call for call in cuda.calls if call.startswith("work")} == {"work on side 1", "work on side 2"}

    @pytest.mark.parametrize("fails_at", [1, 4], ids=["warming up", "capturing"])
    def test_one_that_fails_leaves_the_stream_as_it_was(self, monkeypatch, fails_at):
        cuda = StandInCuda(fails_at)
        monkeypatch.setattr(_graph.torch, "cuda", cuda)
        with pytest.raises(RuntimeError):
            _graph.cuda_recorder(torch.device("cuda:0"))(cuda.work)
        assert cuda.current_stream().name == "current"


class StandInCuda:
    """torch.cuda as far as a recording needs it, with torch's own gap: a capture that fails keeps its stream."""

    def __init__(self, fails_at=0):
        self.calls, self.devices = [], []
        self._stream, self._sides, self._fails_at = self._named("current"), 0, fails_at

    def _named(self, name):
        return SimpleNamespace(name=name, wait_stream=lambda other: self.calls.append(f"{name} waits for {other.name}"))

    def Stream(self):  # noqa: N802
        self._sides += 1
        return self._named(f"side {self._sides}")

    def CUDAGraph(self):  # noqa: N802
        return SimpleNamespace(replay=lambda: self.calls.append(f"replay on {self._stream.name}"))

    def current_stream(self):
        return self._stream

    def work(self):
        self.calls.append(f"work on {self._stream.name}")
        if sum(call.startswith("work") for call in self.calls) == self._fails_at:
            raise RuntimeError("operation not permitted when stream is capturing")

    @contextlib.contextmanager
    def device(self, device):
        self.devices.append(str(device))
        yield

    @contextlib.contextmanager
    def stream(self, stream):
        before, self._stream = self._stream, stream
        try:
            yield
        finally:
            self._stream = before

    @contextlib.contextmanager
    def graph(self, _graph, *, stream, capture_error_mode):
        before, self._stream = self._stream, stream
        self.calls.append(f"capture {capture_error_mode}")
        yield  # torch/cuda/graphs.py: nothing behind this runs when the capture can't be ended
        self.calls.append("captured")
        self._stream = before
