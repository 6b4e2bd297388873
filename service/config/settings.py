"""All settings as one frozen value; `reading` makes it, `wiring` uses it.

Adapters get plain values from there, never this.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from service.config.values import Events, LogFormat, LogLevel
from service.engine.isolation import IsolationMode
from service.event import Acceptance
from service.keptn_events import Belonging
from service.scripts import Layout
from service.sources.keptn.address import is_keptn_address


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the operator decided; sizes in bytes, durations in seconds."""

    scripts: str
    layout: Layout
    git_branch: str
    git_interval: float
    git_timeout: float
    git_max_staleness: float
    git_schemes: tuple[str, ...]
    git_user: str
    git_token_file: Path | None
    git_ssh_key_file: Path | None
    git_known_hosts_file: Path | None
    git_ca_file: Path | None
    git_proxy: str
    keptn_scripts_timeout: float
    keptn_scripts_interval: float
    sink: str
    sink_timeout: float
    sink_give_up: float
    host: str
    port: int
    path: str
    open: bool
    senders_file: Path | None
    signature_tolerance: float
    host_names: tuple[str, ...]
    tls_cert_file: Path | None
    tls_key_file: Path | None
    tls_client_ca_file: Path | None
    accept: Acceptance
    max_body: int
    header_timeout: float
    body_timeout: float
    queue: int
    events: Events
    topics: tuple[str, ...]
    nats_url: str
    nats_token_file: Path | None
    nats_ca_file: Path | None
    keptn_api: str
    keptn_token_file: Path | None
    keptn_ca_file: Path | None
    keptn_poll_interval: float
    keptn_name: str
    keptn_namespace: str
    keptn_node: str
    keptn_pod: str
    keptn_projects: tuple[str, ...]
    keptn_stages: tuple[str, ...]
    keptn_services: tuple[str, ...]
    keptn_sign_off: bool
    keptn_error_log: bool
    default_project: str
    default_stage: str
    default_service: str
    at_once: int
    per_project: int
    timeout: float
    grace: float
    output_limit: int
    output_kept: int
    disk_limit: int
    memory_limit: int
    process_limit: int
    warm_python: bool
    isolation: IsolationMode
    script_readable: tuple[Path, ...]
    script_writable: tuple[Path, ...]
    script_limit: int
    shell: str
    script_path: str
    expose_env: tuple[str, ...]
    mask_env: tuple[str, ...]
    follow_up_types: tuple[str, ...]
    python_environments: bool
    python_index: str
    python_index_user: str
    python_index_token_file: Path | None
    python_wheels: Path | None
    python_source_builds: bool
    python_environment_timeout: float
    python_environments_kept: int
    http_allow: tuple[str, ...]
    http_deny_private: bool
    http_connect_timeout: float
    http_read_timeout: float
    http_timeout: float
    http_ca_file: Path | None
    http_response_limit: int
    state_dir: Path
    work_dir: Path | None
    keep_runs: float
    keep_size: int
    duplicate_window: float
    shutdown_grace: float
    log_format: LogFormat
    log_level: LogLevel

    @property
    def default(self) -> Belonging:
        """Where events belong that do not say so."""
        return Belonging(
            project=self.default_project, stage=self.default_stage, service=self.default_service
        )

    @property
    def runs_dir(self) -> Path:
        """Where the directories of runs are; no two services share one."""
        if self.work_dir is None:
            return self.state_dir / "work"
        mark = hashlib.sha256(os.fsencode(self.state_dir)).hexdigest()[:12]
        return self.work_dir / f"genexec-{mark}"

    @property
    def environments_dir(self) -> Path:
        """Where the environments of Python scripts are."""
        return (self.state_dir / "environments").absolute()

    @property
    def from_keptn(self) -> bool:
        """Say whether the scripts come from the resource API of a Keptn."""
        return is_keptn_address(self.scripts)

    @property
    def from_git(self) -> bool:
        """Say whether the scripts come from a Git repository rather than a directory."""
        return is_git_address(self.scripts)


def is_git_address(address: str) -> bool:
    """Say whether *address* names a Git repository; a path names a directory."""
    if is_keptn_address(address):
        return False
    return "://" in address or (":" in address and not address.startswith(("/", ".", "~")))
