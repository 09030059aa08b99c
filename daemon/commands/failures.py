"""Which exceptions are expected ends of a command, and which exit code each one means.

Imported only when something was raised, so that a command that works pays nothing for it.
"""

from audit.errors import AuditError
from daemon.commands import CommandError, Exit
from daemon.config.toml_reader import SettingsError
from daemon.desk.lock import AlreadyRunning
from daemon.killswitch import KillSwitchError
from reflections.errors import ReflectionsError
from sandbox.errors import SandboxError

CODES: dict[type[Exception], Exit] = {
    SettingsError: Exit.USAGE,
    AlreadyRunning: Exit.WORLD,
    AuditError: Exit.WORLD,
    KillSwitchError: Exit.WORLD,
    ReflectionsError: Exit.WORLD,
    SandboxError: Exit.WORLD,
    OSError: Exit.WORLD,
}


def expected() -> tuple[type[Exception], ...]:
    """Everything that ends in a message and not in a traceback."""
    return (CommandError, *CODES)


def exit_code(error: Exception) -> Exit:
    """The exit code of an expected end."""
    if isinstance(error, CommandError):
        return error.code
    return next(code for kind, code in CODES.items() if isinstance(error, kind))


def in_words(error: Exception) -> str:
    """The message, without anything that could command a terminal."""
    from daemon.show import safe

    if isinstance(error, OSError):
        return safe(_about(error))
    if isinstance(error, AlreadyRunning):
        return safe(f"{error}; wait for it to end, or stop it")
    return safe(str(error))


def _about(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename is not None else ""
    if not where:
        return f"{what}; 'mendd check' looks at the disk and the folders mendd uses"
    return f"{where}{what}; see to that file or folder, its permissions and its disk"
