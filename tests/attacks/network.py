"""Ways out of the container, and its view of the host's network."""

import ctypes
import socket
from pathlib import Path

from tests.attacks.attack import Attack, refusal, refusals

FAMILIES = {
    "AF_ALG": 38, "AF_VSOCK": 40, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_BLUETOOTH": 31,
    "AF_CAN": 29, "AF_TIPC": 30, "AF_XDP": 44, "AF_KEY": 15, "AF_RDS": 21, "AF_NFC": 39,
}  # fmt: skip
FAR = (("10.0.0.1", 80), ("172.17.0.1", 80), ("192.0.2.1", 443), ("169.254.169.254", 80))


def connected(where: tuple[str, int], kind: int = socket.SOCK_STREAM) -> str:
    """What reaching an address meets."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    with socket.socket(family, kind) as made:
        made.settimeout(2)
        return refusal(made.connect, where)


def tcp() -> str:
    """Gateway, host, internet, the cloud's metadata address."""
    return refusals(map(connected, FAR))


def tcp6() -> str:
    """The same over IPv6; a kernel without it has no address to start from."""
    met = {connected(("2001:db8::1", 80)), connected(("fd00:ec2::254", 80))}
    return refusals(met - {"EADDRNOTAVAIL", "EAFNOSUPPORT"} or {"ENETUNREACH"})


def udp() -> str:
    """Datagrams have no connection to fail, so one is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        return refusals(refusal(made.sendto, b"x", where) for where in FAR)


def names() -> str:
    """A resolver."""
    try:
        socket.getaddrinfo("example.org", 80)
    except socket.gaierror as fault:
        return {-3: "EAI_AGAIN", -2: "EAI_NONAME"}.get(fault.errno or 0, str(fault))
    return "resolved"


def family(name: str) -> str:
    """A socket family beside the three that are allowed."""
    return refusals(
        refusal(lambda kind=kind: socket.socket(FAMILIES[name], kind).close())
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)
    )


def families() -> str:
    """All of them."""
    return refusals(map(family, FAMILIES))


def raw() -> str:
    """A raw socket of an allowed family."""
    return refusals(
        refusal(lambda kind=kind: socket.socket(kind, socket.SOCK_RAW, 1).close())
        for kind in (socket.AF_INET, socket.AF_INET6)
    )


def seen() -> str:
    """Interfaces, and sockets listed that are not ours: the host's have names of their own."""
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    foreign = [line for line in lines if "docker" in line or "systemd" in line or "dbus" in line]
    interfaces = [name for _, name in socket.if_nameindex()] if netlink_free() else []
    devices = Path("/proc/net/dev").read_text().splitlines()[2:]
    names = [line.split(":")[0].strip() for line in devices]
    up = [name for name in names if name not in ("lo", "sit0", "tunl0", "ip6tnl0", "gre0")]
    return " ".join([*foreign, *interfaces, *up]) or "lo only"


def netlink_free() -> bool:
    """Whether netlink would answer (then it is asked for interfaces)."""
    return refusal(lambda: socket.socket(16, socket.SOCK_RAW).close()) != "EPERM"


def bound_to_device() -> str:
    """A socket past the routing table."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        met = refusal(made.setsockopt, socket.SOL_SOCKET, 25, b"eth0\0")
        return "ENODEV" if met == "ENODEV" else met


def raised_interface() -> str:
    """Bringing an interface up (SIOCSIFFLAGS) wants a capability."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        request = ctypes.create_string_buffer(b"lo".ljust(16, b"\0") + b"\x41\0", 40)
        return refusal(fcntl.ioctl, made.fileno(), 0x8914, request.raw)


NETWORK, SECCOMP = "network none", "our seccomp profile"
ATTACKS = (
    Attack("TCP to gateway, host, internet", "ENETUNREACH", NETWORK, tcp, 1),
    Attack("TCP over IPv6", "ENETUNREACH", NETWORK, tcp6),
    Attack("UDP to gateway, host, internet", "ENETUNREACH", NETWORK, udp),
    Attack("DNS", "EAI_AGAIN", NETWORK, names, 2),
    Attack("AF_VSOCK socket", "EPERM", SECCOMP, lambda: family("AF_VSOCK"), 3),
    Attack("AF_ALG socket", "EPERM", SECCOMP, lambda: family("AF_ALG")),
    Attack("eleven odd socket families", "EPERM", SECCOMP, families),
    Attack("raw sockets", "EPERM", "no capability", raw, 5),
    Attack("packet sockets", "EPERM", SECCOMP, lambda: family("AF_PACKET"), 5),
    Attack("the host's sockets and interfaces", "lo only", NETWORK, seen),
    Attack("binding to a device", "ENODEV", NETWORK, bound_to_device),
    Attack("changing an interface", "EPERM", "no capability", raised_interface),
)
