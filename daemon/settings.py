"""Every setting there is: its name, default, bound and meaning. Values only, read elsewhere.

`daemon/config/config_file.py` fills them from the one TOML file; `mendd init` and the
documentation's table are made from them. Secrets never stand here (daemon/config/secrets.py).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from daemon.config.toml_reader import setting

Autonomy = Literal["explain", "propose", "apply-proven", "apply-any"]
EngineName = Literal["auto", "claude", "local", "search"]


@dataclass(frozen=True, kw_only=True)
class MetricSettings:
    """A number that a command prints about a code base, for experiments (docs/research.md)."""

    name: str = setting(doc="short name; the first metric is the one that is optimised")
    command: tuple[str, ...] = setting(doc="prints the number; run in the sandbox")
    pattern: str = setting(
        doc="regular expression with one group: the number; the last match counts"
    )
    direction: Literal["lower", "higher"] = setting("lower", doc="which way is better")
    files: tuple[str, ...] = setting((), doc="where to experiment; empty: all that may be edited")
    frozen: tuple[str, ...] = setting(
        (), doc="never edited in experiments (globs), beside the files the command names"
    )


@dataclass(frozen=True, kw_only=True)
class TargetSettings:
    """One code base under mendd's care."""

    name: str = setting(doc="short name, used in reflections, records and image labels")
    path: Path = setting(doc="the folder; relative paths count from the config file")
    tests: tuple[str, ...] = setting(
        ("python", "-m", "pytest"), doc="test command; pytest is judged test by test"
    )
    edit: tuple[str, ...] = setting(("**/*.py",), doc="what may be edited (globs)")
    folders: tuple[str, ...] = setting(
        (), doc="edits stay inside these folders; none: anywhere `edit` allows"
    )
    protect: tuple[str, ...] = setting((), doc="never edited, beside tests, config and CI")
    exclude: tuple[str, ...] = setting((), doc="left out of the snapshot, beside .git and secrets")
    requirements: tuple[str, ...] = setting(
        (), doc='files; none: requirements.txt, else pyproject.toml; ["-"]: nothing'
    )
    python: str = setting("", doc="interpreter inside the image; empty: its python3")
    env: dict[str, str] = setting(dict, doc="constant environment of the tests")
    writable_tree: Literal["auto", "yes", "no"] = setting(
        "auto", doc="whether tests may write into their copy"
    )
    junit_xml: str = setting("", doc="JUnit XML a command other than pytest writes")
    timeout_s: float = setting(120.0, doc="limit of one test run", least=1)
    test_timeout_s: float = setting(
        0.0, doc="processor time of one test; 0: a twelfth of timeout_s", least=0
    )
    engine: EngineName = setting("auto", doc="who diagnoses and proposes")
    autonomy: Autonomy = setting("apply-proven", doc="what may be applied without a person")
    git: Literal["auto", "in-place", "branch", "plain"] = setting(
        "auto", doc="how a patch is applied; auto: a commit in a git repository, else plain"
    )
    attempts: int = setting(3, doc="proposals tried in one cycle", least=1)
    cycles: int = setting(1, doc="fresh cycles after self-diagnosis", least=0)
    max_files: int = setting(3, doc="files one patch may touch", least=1)
    max_lines: int = setting(80, doc="changed lines one patch may have", least=1)
    max_kib: int = setting(1024, doc="largest file a patch may touch or leave behind", least=1)
    deny: tuple[str, ...] = setting((), doc="calls and names a patch may not add")
    keep_reproduction_tests: bool = setting(False, doc="add written tests to the module")
    on_applied: tuple[str, ...] = setting((), doc="command run after a patch was applied")
    health: tuple[str, ...] = setting((), doc="command that must keep succeeding after it")
    health_s: float = setting(30.0, doc="how long health is watched", least=0)
    prompt: str = setting("", doc="prompt file for learned rules, e.g. AGENTS.md; empty: none")
    region_edits: int = setting(3, doc="edits of one region before it is frozen", least=1)
    day_patches: int = setting(
        5, doc="patches of one file within 24 hours before the next is frozen", least=1
    )
    bug_patches: int = setting(
        3, doc="patches of a failure that keeps coming back before the next is frozen", least=1
    )
    metric: tuple[MetricSettings, ...] = setting(
        (), doc="`[[target.metric]]` tables: what experiments may better, and what else they watch"
    )
    actions: tuple[str, ...] = setting(
        (), doc="files that declare actions (globs); a patch to one passes only if they can be used"
    )
    stage_of: str = setting("", doc="the target that gets this one's patches once they held here")
    promote_after_h: float = setting(24.0, doc="quiet time on this stage before that", least=0)


@dataclass(frozen=True, kw_only=True)
class ClaudeSettings:
    """The model and its limits."""

    SECTION: ClassVar[str] = "claude"  # for messages

    model: str = setting("claude-opus-5-5", doc="model name")
    base_url: str = setting("", doc="another server that speaks the Messages API")
    effort: Literal["", "low", "medium", "high", "xhigh", "max"] = setting(
        "", doc="output_config.effort; empty: the model's default"
    )
    max_tokens: int = setting(16_000, doc="longest answer", least=256)
    timeout_s: float = setting(120.0, doc="silence after which a call is given up", least=1)
    retries: int = setting(4, doc="tries after 429, 5xx and lost connections", least=0)
    retry_after_s: float = setting(60.0, doc="longest wait a server may ask for", least=1)
    turns: int = setting(24, doc="calls of one conversation", least=2)
    input_usd: float = setting(4.0, doc="price per million input tokens", least=0)
    output_usd: float = setting(20.0, doc="price per million output tokens", least=0)
    cache_read_usd: float = setting(0.2, doc="price per million cached tokens read", least=0)
    cache_write_usd: float = setting(5.0, doc="price per million tokens cached", least=0)
    strict_tools: bool = setting(True, doc="send strict schemas (some local servers refuse)")


@dataclass(frozen=True, kw_only=True)
class LocalSettings(ClaudeSettings):
    """A model on a server of one's own; the same settings with other defaults."""

    SECTION: ClassVar[str] = "local"

    model: str = setting("", doc="model name, as the server knows it")
    base_url: str = setting("", doc="the server's address; empty: there is none")
    max_tokens: int = setting(8_000, doc="longest answer", least=256)
    timeout_s: float = setting(600.0, doc="silence after which a call is given up", least=1)
    retries: int = setting(2, doc="tries after 429, 5xx and lost connections", least=0)
    input_usd: float = setting(0.0, doc="price per million input tokens", least=0)
    output_usd: float = setting(0.0, doc="price per million output tokens", least=0)
    cache_read_usd: float = setting(0.0, doc="price per million cached tokens read", least=0)
    cache_write_usd: float = setting(0.0, doc="price per million tokens cached", least=0)
    strict_tools: bool = setting(False, doc="send strict schemas (some local servers refuse)")


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The embedded engine's budgets."""

    time_s: float = setting(120.0, doc="longest search", least=1)
    candidates: int = setting(50_000, doc="most candidates screened", least=1)
    seed: int = setting(0, doc="same input, same seed, same patch", least=0)
    guests: int = setting(
        0,
        doc="containers that screen side by side; 0: as many as slots and processors allow",
        least=0,
    )


@dataclass(frozen=True, kw_only=True)
class BudgetSettings:
    """What may be spent on models; reserved before each call."""

    reflection_usd: float = setting(1.0, doc="per reflection", least=0)
    day_usd: float = setting(10.0, doc="per UTC day", least=0)
    reflection_tokens: int = setting(1_000_000, doc="per reflection, input and output", least=0)


@dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    """When a target is left alone for a while because nothing works there."""

    failures: int = setting(
        5, doc="works in a row that failed or were rejected before a target is paused", least=1
    )
    pause_s: float = setting(900.0, doc="first pause; each further one is twice as long", least=1)
    pause_most_s: float = setting(14_400.0, doc="longest pause", least=1)


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """The throwaway containers."""

    docker_host: str = setting("", doc="engine address; empty: $DOCKER_HOST or the local socket")
    image: str = setting("", doc="registry image to build on; empty: Debian's own packages")
    runtime: str = setting("", doc="container runtime, e.g. runsc")
    slots: int = setting(2, doc="trials at the same time", least=1)
    memory_mib: int = setting(512, doc="memory of one trial", least=64)
    cpus: float = setting(1.0, doc="processors of one trial", least=0.1)
    pids: int = setting(128, doc="processes and threads of one trial", least=16)
    tmpfs_mib: int = setting(128, doc="writable space of one trial", least=8)
    file_mib: int = setting(32, doc="largest file a trial may write", least=1)
    output_kib: int = setting(1024, doc="output read from one trial", least=16)
    keep_snapshots: int = setting(3, doc="module snapshots kept for each target", least=1)


@dataclass(frozen=True, kw_only=True)
class InboxSettings:
    """The watched folder."""

    path: str = setting("", doc="the folder; empty: inbox/ in the state folder")
    max_kib: int = setting(1024, doc="largest file read", least=1)
    scan_s: float = setting(5.0, doc="time between full scans", least=0.2)
    settle_s: float = setting(0.5, doc="time between the two looks at a file", least=0.05)


@dataclass(frozen=True, kw_only=True)
class TriageSettings:
    """Words that decide the kind of a reflection; empty lists keep the built-in families."""

    bug: tuple[str, ...] = setting((), doc="words of a bug")
    performance: tuple[str, ...] = setting((), doc="words of a performance problem")
    behaviour: tuple[str, ...] = setting((), doc="words of an agent's bad habits")


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """When the service works."""

    every: str = setting(
        "", doc="crontab line (UTC) for a full cycle; empty: whenever there is work"
    )
    retry_s: float = setting(60.0, doc="first wait after an infrastructure failure", least=1)
    retry_most_s: float = setting(3600.0, doc="longest such wait", least=1)
    stall_s: float = setting(900.0, doc="a worker silent for longer is killed", least=10)
    stop_s: float = setting(20.0, doc="time a worker gets to stop", least=0.1)


@dataclass(frozen=True, kw_only=True)
class ResearchSettings:
    """Metric experiments: what a session gets unless it is told otherwise."""

    iterations: int = setting(10, doc="edits tried in one session", least=1)
    run_s: float = setting(60.0, doc="limit of one run of a metric's command", least=1)
    spend_usd: float = setting(1.0, doc="what one session may spend on models", least=0)
    plateau: int = setting(
        5, doc="edits in a row that brought nothing, after which it ends", least=1
    )
    epsilon: float = setting(0.2, doc="share of bold edits, 0 to 1", least=0)
    seed: int = setting(0, doc="same seed, same bold iterations", least=0)
    noise_runs: int = setting(5, doc="runs of the unmodified code that measure the noise", least=2)
    confirm_runs: int = setting(2, doc="repeated runs, turn by turn with the best so far", least=1)


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """What counts as a concern, and who is told."""

    window_days: float = setting(7.0, doc="how far back concerns look", least=0.01)
    file_edits: int = setting(3, doc="patches of one file that are a concern", least=2)
    failed_attempts: int = setting(5, doc="failed attempts that are a concern", least=1)
    refusals: int = setting(3, doc="refused proposals of one work that are a concern", least=1)
    command: tuple[str, ...] = setting((), doc="run for each alert, which it reads as JSON")
    webhook: str = setting("", doc="https address that gets each alert as JSON (POST)")
    mail_to: tuple[str, ...] = setting((), doc="mail addresses that get each alert")
    mail_from: str = setting("mendd@localhost", doc="sender of those mails")
    smtp: str = setting("localhost:25", doc="mail server, as host:port")
    smtp_security: Literal["none", "starttls", "tls"] = setting(
        "none", doc="how the mail server is spoken to"
    )
    repeat_h: float = setting(24.0, doc="time before the same alert is sent again", least=0)
    most_per_hour: int = setting(10, doc="alerts in an hour; the rest waits", least=1)


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """The trail's files and its signed checkpoints (docs/audit.md)."""

    rotate_mib: float = setting(
        64.0, doc="size at which trail.jsonl is closed and a new file goes on; 0: never", least=0
    )
    rotate_days: float = setting(0.0, doc="age at which it is closed; 0: never", least=0)
    sign: bool = setting(True, doc="sign a checkpoint at the end of each pass with new records")
    sign_every: int = setting(1000, doc="new records after which one is signed before", least=1)
    key: str = setting(
        "", doc="Ed25519 key file; empty: credential `audit_key`, else audit.key in the state"
    )
    export: str = setting("", doc="file elsewhere that every checkpoint is added to")
    export_command: tuple[str, ...] = setting(
        (), doc="run with the new checkpoints on its standard input"
    )


@dataclass(frozen=True, kw_only=True)
class ModifySettings:
    """What a person's instruction (`mendd modify`) may do."""

    enabled: bool = setting(False, doc="whether instructions are carried out at all")
    folders: tuple[str, ...] = setting(
        (), doc="edits stay inside these folders of a target; none: as the target says"
    )
    max_kib: int = setting(256, doc="largest file an instruction may touch", least=1)
    max_files: int = setting(10, doc="files one change may touch", least=1)
    max_lines: int = setting(600, doc="changed lines one change may have", least=1)
    retries: int = setting(3, doc="further attempts after one that failed", least=0)
    cycles: int = setting(1, doc="fresh starts after self-diagnosis", least=0)


@dataclass(frozen=True, kw_only=True)
class LearnSettings:
    """Rules for a prompt file, learned from agents' sessions (docs/learn.md)."""

    confidence: float = setting(
        0.6, doc="a rule less sure than this is not added (0 to 1)", least=0
    )
    rules: int = setting(12, doc="rules the prompt file may hold", least=1)
    window: int = setting(50, doc="newest sessions that a rule's confidence counts", least=1)
    watch: int = setting(10, doc="sessions after which a rule is judged first", least=3)
    replays: int = setting(6, doc="replays of one rule with a model; 0: none", least=0)
    keep: int = setting(50, doc="sessions with a habit that are kept for replays", least=1)
    patterns: dict[str, str] = setting(
        dict, doc="habits of your own: name = regular expression over agents' and tools' words"
    )
    texts: dict[str, str] = setting(dict, doc="the rule that goes with each of `patterns`")


@dataclass(frozen=True, kw_only=True)
class LearningSettings:
    """Recipes of edits that held, and who they are exchanged with."""

    share: Literal["nothing", "shapes", "examples"] = setting(
        "shapes", doc="what may leave: nothing, edits without names and texts, or also functions"
    )
    trust: tuple[str, ...] = setting((), doc="public keys whose recipes are taken in, untested")
    peers: tuple[str, ...] = setting((), doc="https folders where bundles are put and fetched")
    sync_h: float = setting(24.0, doc="time between exchanges with the peers", least=0.1)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of it. Folders are absolute once loaded."""

    file: Path
    state: Path
    kill_switch: Path
    inbox_path: Path
    targets: tuple[TargetSettings, ...]
    claude: ClaudeSettings = field(default_factory=ClaudeSettings)
    local: LocalSettings = field(default_factory=LocalSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    inbox: InboxSettings = field(default_factory=InboxSettings)
    triage: TriageSettings = field(default_factory=TriageSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    research: ResearchSettings = field(default_factory=ResearchSettings)
    modify: ModifySettings = field(default_factory=ModifySettings)
    learn: LearnSettings = field(default_factory=LearnSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)

    def target(self, name: str | None) -> TargetSettings | None:
        """The target of that name; with no name, the only one there is."""
        if name is None:
            return self.targets[0] if len(self.targets) == 1 else None
        return next((target for target in self.targets if target.name == name), None)
