"""Every attack that can be tried beside others in one container."""

from tests.attacks import files, harness, kernel, network, processes
from tests.attacks.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *network.ATTACKS, *kernel.ATTACKS, *harness.ATTACKS, *files.ATTACKS, *processes.ATTACKS,
)  # fmt: skip
