"""What can keep the sandbox from trying a patch at all.

    SandboxError             the tests could not run; never a statement about the patch
      EngineUnavailable      no Docker engine answers, or it went away in the middle
      ImageUnavailable       a layer could not be built or is gone
      SandboxDied            the container vanished or broke while it should have worked
      UnusableModule         the module cannot be snapshotted (missing, a symlink, too large)
      TrialStopped           the caller's `stop` was set (kill switch); nothing is known

A trial whose tests failed, hung or ate their memory is not here: that is a `Run` (trial.py).
"""


class SandboxError(Exception):
    """The sandbox could not do its work; says what happened, to what, and what to do next."""


class EngineUnavailable(SandboxError):
    """No Docker engine answers at the address given."""


class ImageUnavailable(SandboxError):
    """An image layer is missing and could not be built."""


class SandboxDied(SandboxError):
    """A container ended in a way the tests cannot have caused, or was taken away."""


class UnusableModule(SandboxError):
    """The module's folder cannot be turned into a snapshot."""


class TrialStopped(SandboxError):
    """The caller asked to stop before the trial came to an end."""
