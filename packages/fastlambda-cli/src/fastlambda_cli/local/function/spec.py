"""What an execution environment is made of, and the environment variables a function finds in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.model import ACCOUNT_ID, LATEST, REGION
from fastlambda_cli.service.variables import lambda_log_level

INIT_TIMEOUT = 10.0
"""Seconds an on-demand INIT may take (AWS Lambda Developer Guide, "Understanding the Lambda execution environment")."""

PROVISIONED = "provisioned-concurrency"
"""The value of AWS_LAMBDA_INITIALIZATION_TYPE in environments that are initialised ahead of events."""

MANAGED = "lambda-managed-instances"
"""Its value in environments of Lambda Managed Instances, which run several events at once."""

PROVISIONED_INIT_TIMEOUT = 130.0
"""Seconds that such an INIT may take at least; a longer timeout of the function is its limit (same page)."""

LOG_STREAM = "AWS_LAMBDA_LOG_STREAM_NAME"
"""The variable by which everything that an environment started can be told from everything else."""

PASSED_THROUGH = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables without which an interpreter of this machine may not start or verify certificates; all others stay out."""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of a function's code and configuration, ready to run here.

    Attributes:
        name: The function's name.
        handler: `module.attribute`.
        task_root: The folder that is /var/task on Lambda: the application's own modules, and the working directory.
        packages: The folder with the locked packages, which Lambda also finds in /var/task.
        runtime_dir: The folder that is /var/runtime on Lambda: awslambdaric and the boto3 that Lambda brings.
        python: The interpreter.
        runtime: Lambda's name for it, such as python3.13.
        memory_mb: Configured memory.
        timeout: Seconds an event may take.
        variables: The customer's environment variables.
        endpoint_url: Where AWS SDKs in the function find AWS.
        xray_address: host:port of the X-Ray daemon.
        keys: What SDKs in the function sign with.
        version: The published version, or $LATEST.
        log_format: "JSON" or "Text".
        log_level: The lowest level of the function's own JSON log lines.
        system_log_level: The lowest level of Lambda's own JSON log lines: DEBUG, INFO or WARN.
        log_group: Where CloudWatch Logs would keep the lines; empty for the function's default.
        tracing: Whether tracing is active; otherwise only what a caller samples is traced.
        keeps_bytecode: Whether the task root never changes, so that Python may keep there what it compiles.
        init_timeout: Seconds that INIT may take.
        ephemeral_storage_mb: What the function may have in its temporary folder.
        own_files: Whether environments have file systems of their own, read-only but for /tmp; this machine must be
            able to. An unpacked artifact is in /var/task then, and the runtime in /var/runtime.
        writable: Folders that stay writable then.
        reserved: How many events the function may run at once, by its reserved concurrency; None when it has none.
        workers: How many events an environment of Lambda Managed Instances runs at once; None for all others.
        initialization_type: "on-demand", "lambda-managed-instances", or "provisioned-concurrency" for environments that
            are started ahead.

    """

    name: str
    handler: str
    task_root: Path
    packages: Path
    runtime_dir: Path
    python: Path
    runtime: str
    memory_mb: int
    timeout: float
    endpoint_url: str
    xray_address: str
    keys: Keys
    variables: Mapping[str, str] = field(default_factory=dict)
    version: str = LATEST
    log_format: str = "JSON"
    log_level: str = "INFO"
    system_log_level: str = "INFO"
    log_group: str = ""
    tracing: bool = True
    keeps_bytecode: bool = False
    init_timeout: float = INIT_TIMEOUT
    initialization_type: str = "on-demand"
    ephemeral_storage_mb: int = 512
    own_files: bool = False
    writable: tuple[Path, ...] = ()
    reserved: int | None = None
    workers: int | None = None

    @property
    def managed(self) -> FunctionSpec:
        """The same, on Lambda Managed Instances: logs are always JSON, and INIT may take as long as ahead of events."""
        limit = max(PROVISIONED_INIT_TIMEOUT, self.timeout)
        return replace(self, initialization_type=MANAGED, init_timeout=limit, log_format="JSON")

    @property
    def provisioned(self) -> FunctionSpec:
        """The same, for an environment that is initialised ahead of events."""
        limit = max(PROVISIONED_INIT_TIMEOUT, self.timeout)
        return replace(self, initialization_type=PROVISIONED, init_timeout=limit)

    @property
    def arn(self) -> str:
        """The unqualified function ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{self.name}"

    @property
    def interpreter(self) -> tuple[str, ...]:
        """How the interpreter is started.

        -s and -S keep every package of this machine out: the function imports what is locked and nothing else.
        -B leaves no bytecode in the task root, which is read-only on Lambda; here it would also be trusted wrongly
        when a file is saved twice within one second at the same size. An unpacked artifact is never saved to, and
        would have to be compiled anew in every environment.
        """
        no_bytecode = () if self.keeps_bytecode else ("-B",)
        return (str(self.python), *no_bytecode, "-s", "-S")

    @property
    def program(self) -> tuple[str, ...]:
        """What it runs, the runtime client: a module and its arguments."""
        return ("awslambdaric", self.handler)

    @property
    def command(self) -> tuple[str, ...]:
        """How the runtime client is started where nothing comes before it."""
        return (*self.interpreter, "-m", *self.program)

    @property
    def places(self) -> Mapping[Path, Path]:
        """What the function finds in another place than it has on this machine.

        The service's own folder is none of it: a traceback is to name the file that can be opened.
        """
        moved = {self.task_root: Path("/var/task"), self.runtime_dir: Path("/var/runtime")}
        return moved if self.own_files and self.keeps_bytecode else {}

    def seen(self, folder: Path) -> Path:
        """Where the function finds a folder of this machine."""
        return self.places.get(folder, folder)

    @property
    def log_group_name(self) -> str:
        """Where CloudWatch Logs keeps the lines."""
        return self.log_group or f"/aws/lambda/{self.name}"

    def new_log_stream(self) -> str:
        """Name the log stream of a new execution environment, as Lambda does."""
        return f"{datetime.now(UTC):%Y/%m/%d}/[{self.version}]{secrets.token_hex(16)}"

    def environment(self, runtime_api: str, log_stream: str) -> dict[str, str]:
        """Every variable the function sees; the customer's own never override the platform's.

        The names are those of the Lambda Developer Guide, "Defined runtime environment variables". Paths are
        those that the function sees; AWS_ENDPOINT_URL is the one addition, without which SDKs would call the real AWS.
        """
        customer = {key: value for key, value in self.variables.items() if not key.startswith("_")}
        host, _, port = self.xray_address.partition(":")
        platform = {
            "AWS_ACCESS_KEY_ID": self.keys.access_key_id,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": self.initialization_type,
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group_name,
            LOG_STREAM: log_stream,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret_access_key,
            "AWS_SESSION_TOKEN": self.keys.session_token or "",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": self.xray_address,
            "_AWS_XRAY_DAEMON_ADDRESS": host,
            "_AWS_XRAY_DAEMON_PORT": port,
            "_HANDLER": self.handler,
            "LAMBDA_RUNTIME_DIR": str(self.seen(self.runtime_dir)),
            "LAMBDA_TASK_ROOT": str(self.seen(self.task_root)),
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "PATH": os.defpath,
            "PWD": str(self.seen(self.task_root)),
            "PYTHONPATH": os.pathsep.join(map(str, map(self.seen, (self.packages, self.runtime_dir)))),
            "SHLVL": "0",
            "TZ": ":UTC",
        }
        if self.workers is not None:
            platform["AWS_LAMBDA_MAX_CONCURRENCY"] = str(self.workers)
        if self.log_format == "JSON":
            platform["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
            platform["AWS_LAMBDA_LOG_LEVEL"] = lambda_log_level(self.log_level)
        machine = {key: os.environ[key] for key in PASSED_THROUGH if key in os.environ}
        return machine | customer | platform
