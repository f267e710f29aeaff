"""Apache Kafka from jars (KRaft): one broker, or several that can be killed one at a time."""

import re
import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from tests.tier.jars import java, kafka_jars, kafka_version
from tests.tier.processes import PATIENCE_SECONDS, end, free_port, start, tail

START_SECONDS = 150.0
HEAP = "512m"

LOGGING = """<Configuration status="warn"><Appenders><Console name="out"><PatternLayout pattern="%d %p %c %m%n"/></Console>
</Appenders><Loggers><Logger name="kafka.server.KafkaRaftServer" level="info"/>
<Root level="warn"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""


def new_cluster_id() -> str:
    """Make a cluster's id: 16 bytes in URL-safe base64, never beginning with the ``-`` that the tool takes for an option."""
    return "A" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


def properties(
    node: int, ports: dict[int, tuple[int, int]], *, bind: str = "127.0.0.1", log_dirs: str = "/tmp/kafka-logs"
) -> dict[str, str]:
    """
    Write a broker's settings.

    Args:
        node: Its number.
        ports: (client port, controller port) of every broker of the cluster, by number.
        bind: Address it listens on; what it tells clients is always loopback.
        log_dirs: Where it keeps its data.

    Source:
        shared/reference/events.md, "Kafka without containers".
    """
    client, controller = ports[node]
    copies = str(min(3, len(ports)))
    in_sync = str(2 if len(ports) >= 3 else 1)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(f"{one}@127.0.0.1:{ports[one][1]}" for one in sorted(ports)),
        "listeners": f"PLAINTEXT://{bind}:{client},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{client}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": log_dirs,
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "min.insync.replicas": in_sync,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "log.index.size.max.bytes": "1048576",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "log.cleaner.dedupe.buffer.size": "4194304",
    }


def secured(settings: Mapping[str, str], port: int) -> dict[str, str]:
    """Add a listener for named users to a broker's settings; whoever is not named comes by the others and may do all."""
    tell = "SASL://127.0.0.1"
    return {
        "listeners": f"{settings['listeners']},{tell}:{port}",
        "advertised.listeners": f"{settings['advertised.listeners']},{tell}:{port}",
        "listener.security.protocol.map": f"{settings['listener.security.protocol.map']},SASL:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }


class KafkaFromJars:
    """A cluster of brokers on loopback; stopped by ``stop``, and by the kernel if this process dies."""

    def __init__(
        self, folder: Path, *, brokers: int = 1, heap: str = HEAP, users: Mapping[str, str] | None = None
    ) -> None:
        """
        Args:
            folder: Where data and logs go; made if missing.
            brokers: How many; from three on with replication 3 and min.insync 2.
            heap: Largest heap of each, as java writes it.
            users: {name: password} for ``secured_address`` of a single broker, where only access lists allow anything;
                ``address`` is then the administrator's.

        Raises:
            Missing: Java or the jars are not to be had.
        """
        self._folder = folder
        self._java = java()
        self._jars = kafka_jars()
        self._heap = heap
        self._ports = {node: (free_port(), free_port()) for node in range(1, brokers + 1)}
        self._users = dict(users or {})
        self._secured_port = free_port()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log4j2.xml").write_text(LOGGING)
        cluster_id = new_cluster_id()
        for node in self._ports:
            self._format(node, cluster_id)

    @property
    def address(self) -> str:
        """Name the brokers as clients want it: ``host:port,…``."""
        return ",".join(f"127.0.0.1:{client}" for client, _ in self._ports.values())

    @property
    def secured_address(self) -> str:
        """Name the listener that asks for a name and a password."""
        return f"127.0.0.1:{self._secured_port}"

    @property
    def says(self) -> str:
        """Tell what this is, for the run's report."""
        many = f"{len(self._ports)} brokers" if len(self._ports) > 1 else "one broker"
        return f"Kafka {kafka_version()} from jars, {many}, {self.address}"

    def start(self) -> None:
        """Start all brokers and wait until they serve."""
        for node in self._ports:
            self.start_broker(node, wait=False)
        for node in self._ports:
            self._wait_started(node)

    def start_broker(self, node: int = 1, *, wait: bool = True) -> None:
        """Start one broker, also again after it was killed."""
        log = self._log(node)
        log.with_suffix(".mark").write_text(str(log.stat().st_size if log.exists() else 0))
        self._running[node] = start([*self._command("kafka.Kafka"), str(self._settings(node))], output=log)
        if wait:
            self._wait_started(node)

    def kill_broker(self, node: int = 1) -> None:
        """End one broker as a power cut would (SIGKILL)."""
        process = self._running.pop(node)
        process.kill()
        process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """End all brokers."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            end(process)
        self._running.clear()

    def _settings(self, node: int) -> Path:
        return self._folder / f"broker-{node}.properties"

    def _log(self, node: int) -> Path:
        return self._folder / f"broker-{node}.log"

    def _command(self, program: str) -> list[str]:
        options = ["-Xms128m", f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.xml'}"
        return [self._java, *options, logging, "-cp", f"{self._jars}/*", program]

    def _format(self, node: int, cluster_id: str) -> None:
        settings = properties(node, self._ports, log_dirs=str(self._folder / f"data-{node}"))
        if self._users:
            settings |= secured(settings, self._secured_port)
        self._settings(node).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        command = [
            *self._command("kafka.tools.StorageTool"),
            "format",
            "-t",
            cluster_id,
            "-c",
            str(self._settings(node)),
        ]
        for name, password in self._users.items():
            command += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_SECONDS)
        if done.returncode:
            raise RuntimeError(f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}")

    def _wait_started(self, node: int) -> None:
        log, process = self._log(node), self._running[node]
        since = int(log.with_suffix(".mark").read_text())
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if re.search(rb"Kafka Server started", log.read_bytes()[since:]):
                return
            if process.poll() is not None:
                break
            time.sleep(0.05)
        end(process)
        raise RuntimeError(f"broker {node} did not start:\n{tail(log)}")
