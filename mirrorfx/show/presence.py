"""Whether somebody is there: decided from motion, which is quick, and from looks at the picture, which are sure."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorfx.clock import MS, SECOND

__all__ = ["Presence", "PresenceRules"]


@dataclass(frozen=True, slots=True)
class PresenceRules:
    """How presence is judged.

    Attributes:
        leave_after_ns: without a person for so long, nobody is there.
        confirm_ns: a person must be seen so soon after motion has woken the mirror, or it was something else.
        still_ns: what looks like a person in a picture in which nothing has moved for so long is furniture.
        strong: share of the picture that changes when somebody comes, 0..1.
        slight: share of the picture that changes when somebody breathes, 0..1.
        by_motion: motion alone decides; who stands still for `leave_after_ns` counts as gone.
    """

    leave_after_ns: int = 20 * SECOND
    confirm_ns: int = 1500 * MS
    still_ns: int = 60 * SECOND
    strong: float = 0.008
    slight: float = 0.0005
    by_motion: bool = False


_TOGETHER_NS = 3 * SECOND
_DEAF_LEAST_NS, _DEAF_MOST_NS = 5 * SECOND, 60 * SECOND


class Presence:
    """Somebody or nobody. It begins with somebody: a show is not taken away before anyone has looked.

    Strong motion wakes at once; if no look finds a person soon after, that was a curtain or the light, and motion is
    not believed for a while, longer each time. Two looks that find a person wake without any motion. A camera that is
    lost gives neither, so it counts as nobody.

    Attributes:
        somebody: what has been decided.
        since_ns: since when.
    """

    def __init__(self, rules: PresenceRules, now_ns: int) -> None:
        self._rules = rules
        self.somebody = True
        self.since_ns = now_ns
        self._t_person_ns = self._t_moved_ns = now_ns
        self._t_found_ns: int | None = None
        self._confirm_until_ns: int | None = None
        self._deaf_until_ns = now_ns
        self._deaf_ns = _DEAF_LEAST_NS

    @property
    def doubts(self) -> bool:
        """Whether it waits for a look to tell who moved."""
        return self._confirm_until_ns is not None

    def saw_motion(self, share: float, now_ns: int) -> None:
        """Take note of a picture, of which `share` has changed within the last third of a second."""
        rules = self._rules
        if share >= rules.slight:
            self._t_moved_ns = now_ns
            if rules.by_motion and self.somebody:
                self._t_person_ns = now_ns
        if share < rules.strong or self.somebody or now_ns < self._deaf_until_ns:
            return
        self._decide(somebody=True, now_ns=now_ns)
        if rules.by_motion:
            self._t_person_ns = now_ns
        else:
            self._confirm_until_ns = now_ns + rules.confirm_ns

    def looked(self, now_ns: int, *, found: bool) -> None:
        """Take note of a look at the picture, or a part of it, that did or did not find a person."""
        if not found or now_ns - self._t_moved_ns > self._rules.still_ns:
            return
        before, self._t_found_ns = self._t_found_ns, now_ns
        if self.somebody:
            self._t_person_ns = now_ns
            self._confirm_until_ns = None
            self._deaf_ns = _DEAF_LEAST_NS
        elif before is not None and now_ns - before <= _TOGETHER_NS:
            self._t_person_ns = now_ns
            self._deaf_ns = _DEAF_LEAST_NS
            self._decide(somebody=True, now_ns=now_ns)

    def mind(self, now_ns: int) -> None:
        """Notice that nobody is there any more, or never was."""
        if not self.somebody:
            return
        if self._confirm_until_ns is not None:
            if now_ns >= self._confirm_until_ns:
                self._confirm_until_ns = None
                self._deaf_until_ns = now_ns + self._deaf_ns
                self._deaf_ns = min(2 * self._deaf_ns, _DEAF_MOST_NS)
                self._decide(somebody=False, now_ns=now_ns)
        elif now_ns - self._t_person_ns >= self._rules.leave_after_ns:
            self._decide(somebody=False, now_ns=now_ns)

    def _decide(self, *, somebody: bool, now_ns: int) -> None:
        self.somebody = somebody
        self.since_ns = now_ns
