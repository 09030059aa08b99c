"""The scenes of the demonstration, in order: mending, the diffs, the kill switch, the trail."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from rich.console import Console

from daemon.config.config_file import SettingsError, load_settings
from daemon.config.secrets import api_key
from daemon.demo.scene import Scene, heading, say, show_diff
from daemon.demo.watch import Followed, Watch
from daemon.demo.workspace import EXAMPLES, NoExamples, Workspace, drop, mendd, service, set_up
from daemon.desk.workshop import open_sandbox
from sandbox.errors import SandboxError

DONE, NO, NO_WORLD = 0, 1, 3
TESTED, UNTESTED = "ledgerly", "parcels"
LAST = "07-december.json"  # kept back for the kill switch: it keeps an engine busy for a while
LIMIT_S = 1200.0


def demonstrate(*, keep: bool) -> int:
    """Play the demonstration in a folder of its own; 0 when everything came out as it should."""
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="mendd-demo-"))
    try:
        return play(folder, console)
    except NoExamples as error:
        say(console, str(error))
        return NO_WORLD
    finally:
        forget_images(folder)
        if keep:
            say(console, f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def play(folder: Path, console: Console) -> int:
    """The scenes, in order."""
    space = set_up(folder, tested=TESTED, untested=UNTESTED)
    notes = sorted(each for each in (EXAMPLES / "reflections").iterdir() if each.is_file())
    first = [note for note in notes if note.name != LAST]
    watch = Watch(space)
    welcome(console, space)
    with service(space) as process:
        heading(console, 1, "Reflections dropped into the watched folder, mended one by one")
        mended = mend_all(console, space, watch, first, process)
        heading(console, 2, "What was changed, and what was not")
        show_changes(console, space, watch)
        heading(console, 3, "The kill switch, thrown in the middle of the work")
        stopped = stop_and_go(console, space, watch, EXAMPLES / "reflections" / LAST)
    heading(console, 4, "The audit trail, checked")
    verified = mendd(space, "audit", "verify")
    say(console, verified.stdout.strip())
    say(console, suite_results(watch))
    good = mended and stopped and verified.returncode == 0
    say(console, "\nDone." if good else "\nNot everything came out as it should; see above.")
    return DONE if good else NO


def welcome(console: Console, space: Workspace) -> None:
    """Say what is used."""
    engine = "the embedded search engine (no ANTHROPIC_API_KEY is set)"
    if api_key(os.environ):
        engine = "the embedded search engine, then Claude"
    say(console, f"mendd demo: {TESTED} and {UNTESTED}, copied to {space.folder}")
    say(console, f"engine: {engine}")


def mend_all(
    console: Console,
    space: Workspace,
    watch: Watch,
    notes: list[Path],
    process: "subprocess.Popen[bytes]",
) -> bool:
    """Drop the notes and follow them until each has ended."""
    for note in notes:
        watch.add(note)
        drop(space, note)
    with Scene(watch, console) as scene:
        ended = watch.until(
            lambda: watch.all_ended() or process.poll() is not None,
            limit_s=LIMIT_S,
            show=scene.show,
        )
    if process.poll() is not None:
        say(console, space.log.read_text()[-2000:])
        return False
    ends = {note.ended for note in watch.notes}
    wanted = {"applied", "declined"} if api_key(os.environ) else {"applied", "declined", "held"}
    return ended and wanted <= ends


def show_changes(console: Console, space: Workspace, watch: Watch) -> None:
    """Every diff that was applied or held; git's own view of it."""
    for note in watch.notes:
        show_end(console, note)
    log = subprocess.run(
        ["git", "log", "--format=%h %an  %s", "-20"],
        cwd=space.folder / space.tested,
        capture_output=True,
        text=True,
        check=False,
    )
    say(console, f"\ngit log of {space.tested}:\n{log.stdout.rstrip()}")


def show_end(console: Console, note: Followed) -> None:
    """How one note ended: the diff where there is one, else the reason."""
    title = f"{note.ended}: {note.file}: {note.words[:60]}"
    if note.diff:
        show_diff(console, title, note.diff, note.reason)
    else:
        say(console, f"\n{title}\n  {note.reason}")


def stop_and_go(console: Console, space: Workspace, watch: Watch, note: Path) -> bool:
    """Throw the switch while work is under way, see that all is quiet, lift it, go on."""
    before = watch.count("applied")
    watch.add(note)
    drop(space, note)
    if not watch.until(lambda: bool(running(space)), limit_s=120, show=quietly):
        say(console, "nothing came under way within two minutes")
        return False
    say(console, f"{note.name} is under way ({watch.detail}); now `mendd off`")
    began = time.monotonic()
    mendd(space, "off", "shown in the demonstration")
    quiet = watch.until(lambda: not running(space), limit_s=10, show=quietly)
    took = time.monotonic() - began
    time.sleep(2)
    watch.look()
    stood_still = quiet and watch.count("applied") == before
    say(
        console,
        f"no container of ours left {took:.2f} s later, the command's own start included; "
        f"applied since: {watch.count('applied') - before}",
    )
    say(console, mendd(space, "status").stdout.strip())
    mendd(space, "on")
    say(console, "\n`mendd on`: the work is taken up again")
    with Scene(watch, console) as scene:
        ended = watch.until(watch.all_ended, limit_s=LIMIT_S, show=scene.show)
    for each in watch.of_file(note.name):
        show_end(console, each)
    return stood_still and ended


def forget_images(folder: Path) -> None:
    """Remove the snapshots that were made for this demonstration; the base image stays."""
    with contextlib.suppress(SandboxError, SettingsError):
        sandbox = open_sandbox(load_settings(folder / "mendd.toml"), lambda _: None)
        with contextlib.closing(sandbox):
            sandbox.prune(0)


def running(space: Workspace) -> int:
    """How many containers of this installation run."""
    sandbox = open_sandbox(load_settings(space.config), lambda _: None)
    with contextlib.closing(sandbox):
        return sandbox.running()


def quietly() -> None:
    """Show nothing."""


def suite_results(watch: Watch) -> str:
    """How many of the example's tests failed before the first patch, and before the last."""
    found = [
        (record["data"]["failing_count"], record["data"]["tests"])
        for record in watch.records
        if record["event"] == "baseline" and record["target"] == TESTED
    ]
    fixed = sum(
        len(record["data"]["fixed"])
        for record in watch.records
        if record["event"] == "trial" and record["data"]["accepted"]
    )
    if not found:
        return ""
    return f"{TESTED}: {found[0][0]} of {found[0][1]} tests failed at first; {fixed} were mended"
