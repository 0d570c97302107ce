"""Undo and redo of the operator's own edits."""

import random

from mirrorfx_ui.desk.history import History


class Desk:
    """A history with the values that it is about."""

    def __init__(self, **values):
        self.values = dict(values)
        self.history = History()

    def edit(self, label="Edit", gesture="", **changes):
        before = dict(self.values)
        self.values |= changes
        self.history.record(label, before, changes, gesture=gesture)

    @property
    def undo_label(self):
        return self.history.undo_label(self.values)

    @property
    def redo_label(self):
        return self.history.redo_label(self.values)

    def undo(self):
        self.values |= self.history.undo(self.values)

    def redo(self):
        self.values |= self.history.redo(self.values)


def test_steps_go_back_and_forth_by_name():
    desk = Desk(strength=0.1, seed=1)
    desk.edit("Strength", strength=0.5)
    desk.edit("Preset Ice", strength=0.9, seed=7)
    assert desk.undo_label == "Preset Ice"
    desk.undo()
    assert desk.values == {"strength": 0.5, "seed": 1}
    assert (desk.undo_label, desk.redo_label) == ("Strength", "Preset Ice")
    desk.undo()
    assert desk.values == {"strength": 0.1, "seed": 1}
    desk.undo()
    assert desk.undo_label is None
    desk.redo()
    desk.redo()
    assert desk.values == {"strength": 0.9, "seed": 7}


def test_a_drag_is_one_step():
    desk = Desk(strength=0.1)
    for step in range(2, 10):
        desk.edit("Strength", gesture="strength", strength=step / 10)
    desk.history.end_gesture()
    desk.edit("Strength", gesture="strength again", strength=0.0)
    desk.undo()
    assert desk.values["strength"] == 0.9
    desk.undo()
    assert desk.values["strength"] == 0.1


def test_a_drag_back_to_its_start_is_none():
    desk = Desk(strength=0.1)
    desk.edit("Strength", gesture="strength", strength=0.4)
    desk.edit("Strength", gesture="strength", strength=0.1)
    desk.history.end_gesture()
    assert desk.undo_label is None


def test_an_edit_in_between_ends_a_gesture():
    desk = Desk(strength=0.1, seed=1)
    desk.edit("Strength", gesture="strength", strength=0.4)
    desk.edit("Seed", seed=2)
    desk.edit("Strength", gesture="strength", strength=0.5)
    desk.undo()
    assert desk.values == {"strength": 0.4, "seed": 2}


def test_setting_what_is_set_is_no_step():
    desk = Desk(strength=0.1)
    desk.edit("Strength", strength=0.1)
    assert desk.undo_label is None


def test_what_somebody_else_changed_is_left_alone():
    desk = Desk(strength=0.1, seed=1)
    desk.edit("Preset Ice", strength=0.9, seed=7)
    desk.values["strength"] = 0.3  # OSC
    desk.undo()
    assert desk.values == {"strength": 0.3, "seed": 1}
    desk.redo()
    assert desk.values == {"strength": 0.3, "seed": 7}


def test_a_step_that_somebody_else_has_overruled_is_passed_over():
    desk = Desk(strength=0.1, seed=1)
    desk.edit("Seed", seed=7)
    desk.edit("Strength", strength=0.9)
    desk.values["strength"] = 0.3
    assert desk.undo_label == "Seed"
    desk.undo()
    assert desk.values == {"strength": 0.3, "seed": 1}


def test_a_new_edit_forgets_what_was_undone():
    desk = Desk(strength=0.1)
    desk.edit("Strength", strength=0.5)
    desk.undo()
    desk.edit("Strength", strength=0.7)
    assert desk.redo_label is None


def test_a_param_that_is_gone_is_no_matter():
    desk = Desk(strength=0.1, grain=1.0)
    desk.edit("Preset", strength=0.5, grain=2.0)
    del desk.values["grain"]
    desk.undo()
    assert desk.values == {"strength": 0.1}


def test_a_thousand_steps_there_and_back():
    rng = random.Random(4)
    desk, track = Desk(strength=0.5, seed=1), []
    for _ in range(1000):
        track.append(dict(desk.values))
        desk.edit("Strength", **rng.choice([{"strength": rng.random()}, {"seed": rng.randrange(10**9)}]))
    last = dict(desk.values)
    for values in reversed(track):
        desk.undo()
        assert desk.values == values
    for _ in range(1000):
        desk.redo()
    assert desk.values == last


def test_it_stays_bounded():
    desk = Desk(seed=0)
    for seed in range(1, 5001):
        desk.edit("Seed", seed=seed)
    assert len(desk.history._done) == 1000


def test_what_was_refused_can_be_undone_again_in_the_same_order():
    desk = Desk(strength=0.1, seed=1)
    for at, seed in ((0.2, 1), (0.3, 2), (0.4, 3)):
        desk.edit(f"Step {seed}", strength=at, seed=seed + 1)
    for _ in range(2):
        desk.history.undo(desk.values | {"strength": 0.4, "seed": 4})
        desk.history.undo(desk.values | {"strength": 0.3, "seed": 3})
        assert desk.history.undo_label({"strength": 0.2, "seed": 2}) == "Step 1"
        desk.history.refused({"strength"})
        assert desk.undo_label == "Step 3"
        assert desk.redo_label is None
    desk.undo()
    desk.undo()
    assert desk.values == {"strength": 0.2, "seed": 2}


def test_what_was_settled_or_is_about_something_else_stays_where_it_is():
    desk = Desk(strength=0.1, seed=1)
    desk.edit("Strength", strength=0.5)
    desk.edit("Seed", seed=9)
    desk.undo()
    desk.history.refused({"strength"})
    assert (desk.undo_label, desk.redo_label) == ("Strength", "Seed")
    desk.history.settled()
    desk.history.refused({"seed"})
    assert (desk.undo_label, desk.redo_label) == ("Strength", "Seed")
