"""What scripts/run, scripts/test and scripts/check decide, with every program they call replaced by a fake.

The scripts are copied to a folder with a space in its name and see nothing of this machine but the tools in ``TOOLS``.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "scripts"
TOOLS = [
    "awk",
    "bash",
    "cat",
    "cut",
    "dirname",
    "du",
    "env",
    "flock",
    "grep",
    "id",
    "ln",
    "mkdir",
    "printf",
    "readlink",
    "rm",
    "sed",
    "sleep",
    "tail",
    "touch",
    "tr",
    "uname",
    "wc",
]

# Answers what the scripts ask of an interpreter; `-m venv` makes an environment whose python is this program again.
FAKE_PYTHON = r"""#!/bin/bash
version=@VERSION@
case "$*" in
  *'print("%d.%d"'*) echo "$version" ;;
  '-c import ensurepip, venv') exit "${NO_ENSUREPIP:-0}" ;;
  '-c import PyQt6.QtWidgets') exit "${NO_QT:-0}" ;;
  '-m venv '*)
    mkdir -p "$3/bin" "$3/lib/python$version/site-packages/pip"
    cat "$0" >"$3/bin/python"
    chmod +x "$3/bin/python" ;;
  '-m pip '*)
    echo "$*" >>"$CALLS"
    if [[ "$*" == *"/${PIP_FAILS_ON:-nothing}.txt"* ]]; then echo "pip: no such release"; exit "${PIP_STATUS:-1}"; fi
    for name in mirrorfx pytest; do
      program=${0%/*}/$name
      printf '#!/bin/bash\necho "%s ran"; printf "<%%s>\\n" "$@"; exit "${PROGRAM_STATUS:-0}"\n' "$name" >"$program"
      chmod +x "$program"
    done ;;
  *follow_move.py*) exec '@REAL@' "$@" ;;
esac
"""


@dataclass
class Machine:
    """A machine with only what a test puts on its PATH, and a checkout on it."""

    root: Path
    programs: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def calls(self) -> list[str]:
        path = Path(self.env["CALLS"])
        return path.read_text().splitlines() if path.exists() else []

    def forget_calls(self) -> None:
        Path(self.env["CALLS"]).unlink(missing_ok=True)

    def has(self, name: str, text: str) -> None:
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def has_python(self, name: str, version: str) -> None:
        self.has(name, FAKE_PYTHON.replace("@VERSION@", version).replace("@REAL@", sys.executable))

    def has_debian(self, *, installed: str = "", known: str = "", root: bool = False) -> None:
        """Give it Debian's tools: these packages installed, those (a regular expression) to be had."""
        self.has("dpkg-query", "#!/bin/bash\nfor name in " + (installed or "''") + '; do echo "ii  $name"; done\n')
        self.has("apt-cache", f'#!/bin/bash\n[[ "$2" =~ ^({known})$ ]] && echo "  Candidate: 1.0"\nexit 0\n')
        self.has("apt-get", '#!/bin/bash\necho "apt-get $*" >>"$CALLS"\n')
        self.has("id", f"#!/bin/bash\necho {0 if root else 1000}\n")

    def script(
        self, name: str, *arguments: str, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shutil.which("bash") or "bash", str(self.root / "scripts" / name), *arguments],
            env=self.env | env,
            cwd=cwd or self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    root = tmp_path / "a mirror"
    root.mkdir()
    shutil.copytree(SCRIPTS, root / "scripts")
    shutil.copy(CHECKOUT / "pyproject.toml", root)
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"{tool} is needed by the scripts"
        (programs / tool).symlink_to(found)
    made = Machine(root, programs, {"PATH": str(programs), "CALLS": str(tmp_path / "calls"), "HOME": str(tmp_path)})
    made.has_python("python3", "3.12")
    made.has("chmod", f'#!/bin/bash\nexec {shutil.which("chmod")} "$@"\n')
    made.has("df", "#!/bin/bash\nprintf 'head\\nx 1 1 99999 1 x\\n'\n")
    return made


def pins(name: str) -> dict[str, str]:
    lines = (SCRIPTS / "requirements" / f"{name}.txt").read_text().splitlines()
    packages = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(package): version for package, version in packages}


ALL_SETS = sorted(path.stem for path in (SCRIPTS / "requirements").glob("*.txt"))


class TestRequirements:
    @pytest.mark.parametrize("name", ALL_SETS)
    def test_every_line_is_a_plain_pin(self, name: str) -> None:
        for line in (SCRIPTS / "requirements" / f"{name}.txt").read_text().splitlines():
            assert re.fullmatch(r"(#.*|[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*|)", line), line

    def test_the_sets_agree_on_all_but_torch(self) -> None:
        seen: dict[str, set[str]] = {}
        for name in ALL_SETS:
            for package, version in pins(name).items():
                seen.setdefault(package, set()).add(version)
        assert {package for package, versions in seen.items() if len(versions) > 1} == {"torch"}

    def test_every_dependency_of_the_project_is_pinned_to_a_version_it_accepts(self) -> None:
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
        extras = project["optional-dependencies"]
        for name, wanted in (
            ("base", project["dependencies"]),
            ("test", extras["test"]),
            ("check", extras["check"]),
            ("presence", extras["presence"]),
            ("gpu", [*extras["diffusion"], *extras["stable-fast"], *extras["nvidia"]]),
        ):
            for line in wanted:
                requirement = Requirement(line)
                if requirement.name == "mirrorfx":
                    continue
                pinned = (pins("base") | pins(name)).get(canonicalize_name(requirement.name))
                assert pinned is not None, f"{line} is not pinned in {name}.txt"
                assert requirement.specifier.contains(pinned), f"{line} does not accept {pinned}"


class TestFirstRun:
    def test_sets_up_and_starts_the_mirror_with_the_arguments_as_they_were(self, machine: Machine) -> None:
        done = machine.script("run", "--source", "my clip.mp4", "", "--seconds", "3")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "mirrorfx ran\n<run>\n<--source>\n<my clip.mp4>\n<>\n<--seconds>\n<3>\n"
        assert [call.split("requirements/")[1].split(" -c ")[0] for call in machine.calls[:1]] == ["base.txt"]
        assert machine.calls[1].endswith(f"--no-deps --no-build-isolation -e {machine.root}")

    def test_works_from_elsewhere_through_a_link(self, machine: Machine, tmp_path: Path) -> None:
        (tmp_path / "mirror").symlink_to(machine.root / "scripts" / "run")
        done = subprocess.run(
            [tmp_path / "mirror"], env=machine.env, cwd="/", capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("mirrorfx ran"), done.stderr
        assert (machine.root / ".venv").is_dir()

    def test_the_exit_status_is_the_mirrors(self, machine: Machine) -> None:
        assert machine.script("run", PROGRAM_STATUS="7").returncode == 7

    def test_a_failing_pip_ends_it_with_the_log_and_is_tried_again(self, machine: Machine) -> None:
        done = machine.script("run", PIP_FAILS_ON="base")
        assert done.returncode == 1
        assert done.stdout == ""
        assert "pip: no such release" in done.stderr
        assert str(machine.root / ".venv" / "setup.log") in done.stderr
        assert machine.script("run").stdout.startswith("mirrorfx ran")


class TestLaterRuns:
    def test_call_no_pip_and_say_nothing(self, machine: Machine) -> None:
        machine.script("run")
        machine.forget_calls()
        done = machine.script("run")
        assert (done.returncode, done.stderr, machine.calls) == (0, "", [])

    @pytest.mark.parametrize("name", ["scripts/requirements/base.txt", "pyproject.toml"])
    def test_install_again_when_what_is_asked_for_changed(self, machine: Machine, name: str) -> None:
        machine.script("run")
        machine.forget_calls()
        with (machine.root / name).open("a") as file:
            file.write("# changed\n")
        machine.script("run")
        assert len(machine.calls) == 2

    def test_a_setup_that_was_killed_starts_afresh(self, machine: Machine) -> None:
        machine.script("run", PIP_FAILS_ON="base", PIP_STATUS="137")
        (machine.root / ".venv" / "half-made").touch()
        done = machine.script("run")
        assert "killed half-way" in done.stderr
        assert not (machine.root / ".venv" / "half-made").exists()
        assert done.stdout.startswith("mirrorfx ran")

    def test_an_environment_whose_python_is_gone_is_built_anew(self, machine: Machine) -> None:
        machine.script("run")
        python = machine.root / ".venv" / "bin" / "python"
        python.unlink()
        python.symlink_to("/nowhere/python3")
        done = machine.script("run")
        assert "its Python is gone" in done.stderr
        assert done.stdout.startswith("mirrorfx ran")

    def test_a_python_of_another_version_under_the_environment_is_noticed(self, machine: Machine) -> None:
        machine.script("run")
        machine.has_python("newer", "3.13")
        shutil.copy(machine.programs / "newer", machine.root / ".venv" / "bin" / "python")
        assert "was replaced" in machine.script("run").stderr

    def test_a_moved_checkout_keeps_its_environment(self, machine: Machine) -> None:
        machine.script("run")
        old = machine.root
        (old / ".venv" / "bin" / "tool").write_text(f"#!{old}/.venv/bin/python\nimport this\n")
        (old / ".venv" / "kept").touch()
        machine.root = old.rename(old.parent / "another place")
        done = machine.script("run")
        assert done.stdout.startswith("mirrorfx ran"), done.stderr
        assert (machine.root / ".venv" / "kept").exists()
        tool = (machine.root / ".venv" / "bin" / "tool").read_text()
        assert tool.startswith(
            f"#!/bin/sh\n'''exec' \"{machine.root}/.venv/bin/python\" \"$0\" \"$@\"\n' '''\nimport this"
        )


class TestPython:
    def test_an_older_one_is_refused_with_the_way_out(self, machine: Machine) -> None:
        machine.has_python("python3", "3.9")
        done = machine.script("run")
        assert done.returncode == 1
        assert "needs Python 3.11" in done.stderr
        assert "python3 here: 3.9." in done.stderr
        assert re.search(r"apt-get install python3|uv python install|python3\.11 or newer", done.stderr)
        assert not (machine.root / ".venv").exists()

    def test_none_at_all_is_refused(self, machine: Machine) -> None:
        (machine.programs / "python3").unlink()
        done = machine.script("run")
        assert done.returncode == 1
        assert "none that starts" in done.stderr

    def test_a_newer_one_beside_an_old_python3_is_taken(self, machine: Machine) -> None:
        machine.has_python("python3", "3.10")
        machine.has_python("python3.11", "3.11")
        machine.has_python("python3.13", "3.13")
        assert "Python 3.13 environment: done" in machine.script("run").stderr

    def test_a_program_that_only_claims_to_be_one_is_passed_over(self, machine: Machine) -> None:
        machine.has("python3", "#!/bin/bash\necho 'command not found' >&2; exit 127\n")
        machine.has_python("python3.12", "3.12")
        assert "Python 3.12 environment: done" in machine.script("run").stderr

    def test_the_one_asked_for_is_taken_or_refused(self, machine: Machine) -> None:
        machine.has_python("mine", "3.11")
        machine.has_python("old", "3.8")
        assert "Python 3.11 environment: done" in machine.script("run", MIRRORFX_PYTHON="mine").stderr
        assert machine.script("run", MIRRORFX_PYTHON="old").returncode == 1
        assert (machine.root / ".venv" / "bin" / "mirrorfx").exists()


class TestSystemPackages:
    def test_without_root_the_line_is_printed_and_the_mirror_runs(self, machine: Machine) -> None:
        machine.has_debian(installed="libegl1 libgl1", known="lib.*t64|libxcb.*|libxkb.*|libfont.*|libdbus.*")
        done = machine.script("run")
        lines = [line for line in done.stderr.splitlines() if "apt-get install" in line]
        assert len(lines) == 1
        assert lines[0].split()[:3] == ["apt-get", "install", "--no-install-recommends"]
        assert "libglib2.0-0t64" in lines[0].split()
        assert not {"libegl1", "libglib2.0-0", "libglib2.0-0|libglib2.0-0t64"} & set(lines[0].split())
        assert "headless" in done.stderr
        assert done.stdout.startswith("mirrorfx ran")
        assert not [call for call in machine.calls if call.startswith("apt-get")]

    def test_as_root_only_what_is_missing_is_installed(self, machine: Machine) -> None:
        machine.has_debian(installed="libglib2.0-0 libegl1 libgl1 libfontconfig1 libdbus-1-3", known="lib.*", root=True)
        done = machine.script("run")
        installs = [call for call in machine.calls if call.startswith("apt-get")]
        assert len(installs) == 1, done.stderr
        assert " install --no-install-recommends libxkbcommon0 libxcb-cursor0 " in installs[0]
        assert "libglib2.0-0" not in installs[0]

    def test_the_lists_are_fetched_when_a_name_is_unknown(self, machine: Machine) -> None:
        machine.has_debian(known="", root=True)
        machine.script("run")
        updates = [" update" in call for call in machine.calls if call.startswith("apt-get")]
        assert updates == [True, False]

    def test_sudo_is_not_asked_for_a_password_where_nobody_can_answer(self, machine: Machine) -> None:
        machine.has_debian(known="lib.*")
        machine.has("sudo", '#!/bin/bash\necho "sudo $*" >>"$CALLS"; exit 1\n')
        done = machine.script("run")
        assert {call for call in machine.calls if call.startswith("sudo")} == {"sudo -n true"}
        assert "    sudo apt-get install" in done.stderr
        assert done.stdout.startswith("mirrorfx ran")

    def test_tests_need_a_virtual_screen_too(self, machine: Machine) -> None:
        machine.has_debian(known=".*", root=True)
        machine.script("test")
        assert any(call.startswith("apt-get") and call.endswith("xvfb xauth xdotool") for call in machine.calls)


class TestGraphicsCard:
    @pytest.fixture(autouse=True)
    def card(self, machine: Machine) -> None:
        machine.has("nvidia-smi", '#!/bin/bash\necho "GPU 0: NVIDIA"\n')
        machine.has("uname", "#!/bin/bash\necho x86_64\n")

    def test_its_packages_are_installed_once_after_saying_how_much_that_is(self, machine: Machine) -> None:
        done = machine.script("run")
        assert re.search(r"download about [0-9.]+ GB", done.stderr)
        assert any("gpu.txt" in call for call in machine.calls)
        machine.forget_calls()
        assert machine.script("run").stderr == ""
        assert machine.calls == []

    def test_the_mirror_runs_when_they_fail(self, machine: Machine) -> None:
        done = machine.script("run", PIP_FAILS_ON="gpu")
        assert "runs without them" in done.stderr
        assert done.stdout.startswith("mirrorfx ran")

    def test_they_are_left_out_when_asked(self, machine: Machine) -> None:
        done = machine.script("run", "--seconds", "2", "--no-gpu-packages")
        assert done.stdout == "mirrorfx ran\n<run>\n<--seconds>\n<2>\n"
        machine.script("run", MIRRORFX_NO_GPU_PACKAGES="1")
        assert not [call for call in machine.calls if "gpu.txt" in call]

    def test_they_are_left_out_when_the_disk_is_too_small(self, machine: Machine) -> None:
        machine.has("df", "#!/bin/bash\nprintf 'head\\nx 1 1 5000 1 x\\n'\n")
        done = machine.script("run")
        assert "16 GB" in done.stderr
        assert not [call for call in machine.calls if "gpu.txt" in call]

    def test_the_tests_use_their_torch_there(self, machine: Machine) -> None:
        machine.script("test")
        assert any("gpu.txt" in call for call in machine.calls)
        assert not any("torch.txt" in call for call in machine.calls)


class TestTestScript:
    def test_installs_torch_where_there_is_no_card_and_runs_pytest(self, machine: Machine) -> None:
        done = machine.script("test", "-k", "a or b")
        assert done.stdout == "pytest ran\n<-k>\n<a or b>\n"
        assert any("torch.txt" in call for call in machine.calls)

    def test_what_drags_along_too_much_is_installed_alone(self, machine: Machine) -> None:
        machine.script("test")
        calls = [call for call in machine.calls if "test-no-deps.txt" in call]
        assert len(calls) == 1
        assert "--no-deps" in calls[0].split()
        machine.forget_calls()
        machine.script("test")
        assert machine.calls == []
        with (machine.root / "scripts" / "requirements" / "test-no-deps.txt").open("a") as file:
            file.write("# changed\n")
        machine.script("test")
        assert [call for call in machine.calls if "test-no-deps.txt" in call]

    def test_does_not_pass_when_the_windows_could_not_be_tested(self, machine: Machine) -> None:
        done = machine.script("test", NO_QT="1")
        assert "<--ignore=tests/ui>" in done.stdout
        assert "NOT EVERYTHING WAS TESTED" in done.stderr
        assert done.returncode == 1

    def test_torch_and_the_cards_set_replace_each_other(self, machine: Machine) -> None:
        machine.script("test")
        machine.has("nvidia-smi", '#!/bin/bash\necho "GPU 0: NVIDIA"\n')
        machine.has("uname", "#!/bin/bash\necho x86_64\n")
        machine.script("run")
        stamps = {path.stem for path in (machine.root / ".venv" / ".mirrorfx").glob("*.stamp")}
        assert stamps == {"base", "test", "presence", "gpu"}


class TestPersonDetector:
    @pytest.mark.parametrize("option", [["--attract", "Ice"], ["--attract=Ice"]])
    def test_it_is_installed_when_attract_mode_is_asked_for(self, machine: Machine, option: list[str]) -> None:
        machine.script("run")
        assert not [call for call in machine.calls if "presence" in call]
        done = machine.script("run", *option)
        assert done.stdout == "\n".join(["mirrorfx ran", "<run>", *(f"<{part}>" for part in option), ""])
        calls = [call for call in machine.calls if "requirements/presence" in call]
        alone, whole = sorted(call.split("requirements/")[1] for call in calls)
        assert alone.startswith("presence-no-deps.txt")
        assert whole.startswith("presence.txt")
        machine.forget_calls()
        machine.script("run", *option)
        assert machine.calls == []

    def test_a_python_that_has_no_models_is_told_and_the_mirror_runs(self, machine: Machine) -> None:
        machine.has_python("python3", "3.13")
        done = machine.script("run", "--attract", "Ice")
        assert "needs Python 3.11 or 3.12, and this is 3.13" in done.stderr
        assert not [call for call in machine.calls if "presence" in call]
        assert done.stdout.startswith("mirrorfx ran")


class TestStableFastCheck:
    def test_has_an_environment_of_its_own(self, machine: Machine) -> None:
        machine.has("uname", "#!/bin/bash\necho x86_64\n")
        done = machine.script("stable-fast-check")
        assert done.returncode == 0, done.stderr
        assert (machine.root / ".venv-stable-fast").is_dir()
        assert not (machine.root / ".venv").exists()
        assert any("gpu.txt" in call for call in machine.calls)
        assert "setting up in .venv-stable-fast" in done.stderr

    def test_says_where_it_cannot_run(self, machine: Machine) -> None:
        machine.has("uname", "#!/bin/bash\necho aarch64\n")
        done = machine.script("stable-fast-check")
        assert done.returncode == 1
        assert "this is aarch64" in done.stderr
        assert not machine.calls


@pytest.mark.parametrize("failing", ["check", "test", None])
def test_ci_runs_both_and_fails_when_either_does(tmp_path: Path, failing: str | None) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".ci").mkdir()
    shutil.copy(CHECKOUT / ".ci" / "run", tmp_path / ".ci")
    for name in ("check", "test"):
        (tmp_path / "scripts" / name).write_text(f"echo {name}; exit {3 if name == failing else 0}\n")
    done = subprocess.run(["bash", tmp_path / ".ci" / "run"], cwd="/", capture_output=True, text=True, check=False)
    assert done.stdout == "check\ntest\n"
    assert done.returncode == (3 if failing else 0)


@pytest.mark.parametrize(
    "path", [*(SCRIPTS / name for name in ("run", "test", "check", "stable-fast-check")), CHECKOUT / ".ci" / "run"]
)
def test_a_script_can_be_started_as_a_program(path: Path) -> None:
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
