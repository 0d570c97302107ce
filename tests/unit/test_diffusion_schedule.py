"""The noise schedule against diffusers' own scheduler, and what strength means."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mirrorfx.diffusion.schedule import NoiseSchedule, signal_share, timestep, trailing_timesteps
from mirrorfx.errors import InvalidValue

TURBO = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "timestep_spacing": "trailing",
    "steps_offset": 1,
}


@pytest.fixture(scope="module")
def scheduler():
    diffusers = pytest.importorskip("diffusers", reason="the diffusion extra is not installed")
    with pytest.warns(DeprecationWarning, match="__array__"):
        return diffusers.EulerAncestralDiscreteScheduler(**TURBO)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_timesteps_and_sigmas_are_those_of_diffusers(scheduler, steps):
    scheduler.set_timesteps(steps)
    timesteps = trailing_timesteps(999, steps)
    assert list(timesteps) == [int(value) for value in scheduler.timesteps]
    np.testing.assert_allclose(NoiseSchedule().sigmas(timesteps), scheduler.sigmas[:-1].numpy(), rtol=2e-5)


def test_alphas_bar_are_those_of_diffusers(scheduler):
    np.testing.assert_allclose(NoiseSchedule().alphas_bar, scheduler.alphas_cumprod.numpy(), rtol=2e-5)


def test_the_known_values_of_sdxl_turbo():
    schedule = NoiseSchedule()
    assert schedule.sigmas([999, 749, 499, 249]) == pytest.approx([14.6146, 4.0817, 1.6129, 0.6932], abs=1e-4)
    assert schedule.alphas_bar[499] == pytest.approx(0.27767, abs=1e-5)


def test_two_steps_from_pure_noise_renew_most_of_it():
    first, second = NoiseSchedule().plan(1.0, 2).steps
    assert (first.timestep, second.timestep) == (999, 499)
    assert first.redo / first.keep == pytest.approx(0.178, abs=1e-3)
    assert first.renew / first.keep == pytest.approx(1.603, abs=1e-3)
    assert first.keep == second.root_alpha
    assert (second.keep, second.redo, second.renew) == (0, 0, 0)


@pytest.mark.parametrize("steps", [2, 3, 4])
@pytest.mark.parametrize("strength", [0.1, 0.5, 0.8, 1.0])
def test_a_step_leaves_as_much_noise_as_the_next_one_expects(strength, steps):
    calls = NoiseSchedule().plan(strength, steps).steps
    for call, following in itertools.pairwise(calls):
        assert call.timestep > following.timestep
        assert np.hypot(call.redo, call.renew) == pytest.approx(following.root_noise, rel=1e-9)


@pytest.mark.parametrize(
    ("strength", "expected"), [(0.0, 0), (0.25, 249), (0.5, 499), (0.55, 549), (0.75, 749), (1.0, 999)]
)
def test_strength_names_the_timestep_that_img2img_would_start_at(strength, expected):
    assert timestep(strength) == expected


def test_every_timestep_has_a_strength_and_the_curve_never_falls():
    curve = [timestep(strength) for strength in np.linspace(0, 1, 5001)]
    assert sorted(curve) == curve
    assert set(curve) == set(range(1000))


def test_the_input_fades_out_towards_full_strength_without_a_jump():
    schedule = NoiseSchedule()
    signals = np.array([schedule.plan(float(strength)).signal for strength in np.linspace(0.5, 1, 501)])
    assert signals[-1] == 0
    assert np.all(np.diff(signals) <= 0)
    assert np.abs(np.diff(signals)).max() < 0.005
    assert signal_share(0.95) == 1


def test_only_strength_zero_leaves_the_unet_out():
    schedule = NoiseSchedule()
    assert not schedule.plan(0.0).paint
    assert schedule.plan(1e-6).paint


def test_low_starts_repeat_the_last_timestep_and_stay_finite():
    plan = NoiseSchedule().plan(0.001, 4)
    assert [step.timestep for step in plan.steps] == [0, 0, 0, 0]
    assert plan.steps[0].renew == 0


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), float("inf")])
def test_strength_outside_its_range_is_refused(strength):
    with pytest.raises(InvalidValue, match="from 0 to 1"):
        NoiseSchedule().plan(strength)


@pytest.mark.parametrize(("start", "steps"), [(-1, 1), (1000, 1), (499, 0), (499, 5)])
def test_timesteps_and_steps_outside_their_range_are_refused(start, steps):
    with pytest.raises(InvalidValue, match=r"0 to 999|1 to 4"):
        trailing_timesteps(start, steps)


def test_a_scheduler_file_is_read():
    schedule = NoiseSchedule.from_config({**TURBO, "beta_end": 0.02})
    assert schedule.alphas_bar[-1] < NoiseSchedule().alphas_bar[-1]
    assert NoiseSchedule.from_config(TURBO) == NoiseSchedule()


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("prediction_type", "v_prediction"),
        ("beta_schedule", "linear"),
        ("num_train_timesteps", 500),
        ("rescale_betas_zero_snr", True),
        ("beta_start", "small"),
        ("beta_end", 2.0),
    ],
)
def test_a_scheduler_that_works_otherwise_is_refused_by_name(entry, value):
    with pytest.raises(InvalidValue, match=entry if entry != "beta_end" else "Betas"):
        NoiseSchedule.from_config({**TURBO, entry: value})
