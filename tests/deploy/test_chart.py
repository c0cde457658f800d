"""deploy/chart: what its objects are, and the values that the documents of origin state."""

from fnmatch import fnmatch
from math import ceil
from typing import Any

import pytest

from jubilee.entrypoints.shutdown import ShutdownBudget
from tests.deploy.chart import (
    DEFAULTS,
    Release,
    containers,
    objects_of,
    pods,
    releases,
    value_set_files,
)

SETS = [DEFAULTS, *(path.name.removesuffix("-values.yaml") for path in value_set_files())]
every_set = pytest.mark.parametrize("name", SETS)


def _default() -> Release:
    return releases()[DEFAULTS]


def test_three_apis_and_two_workers_run_from_one_image() -> None:
    specs = {each["metadata"]["name"]: each["spec"] for each in _default().all("Deployment")}
    replicas = {name: spec["replicas"] for name, spec in specs.items()}
    assert replicas == {"jubilee-api": 3, "jubilee-worker": 2}
    found = [containers(spec["template"]["spec"]) for spec in specs.values()]
    assert len({container["image"] for each in found for container in each}) == 1


def test_the_autoscaler_is_that_of_ephemeral_backend() -> None:
    spec = _default().one("HorizontalPodAutoscaler", "jubilee-api")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)
    targets = {each["resource"]["name"]: each["resource"]["target"] for each in spec["metrics"]}
    assert targets == {
        "cpu": {"type": "Utilization", "averageUtilization": 70},
        "memory": {"type": "Utilization", "averageUtilization": 80},
    }
    assert spec["behavior"] == {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
        },
    }


def test_hexahub_waits_five_minutes_and_scales_on_a_hundred_requests() -> None:
    spec = releases()["hexahub"].one("ScaledObject", "jubilee-api")["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert {each["stabilizationWindowSeconds"] for each in behavior.values()} == {300}
    triggers = {each["type"]: each["metadata"] for each in spec["triggers"]}
    assert (triggers["cpu"]["value"], triggers["memory"]["value"]) == ("70", "80")
    assert triggers["prometheus"]["threshold"] == "100"
    assert not releases()["hexahub"].all("HorizontalPodAutoscaler")


@every_set
def test_a_pod_has_time_to_drain(name: str) -> None:
    release = releases()[name]
    settings = release.one("ConfigMap", _name(release))["data"]
    delay = ceil(float(settings["DRAIN_DELAY"]))
    budget = ShutdownBudget(drain_s=ceil(float(settings["SHUTDOWN_TIMEOUT"])))
    api, worker = (_pod(release, component) for component in ("api", "worker"))
    before_sigterm = api["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert before_sigterm == ["sleep", str(delay)]
    assert api["terminationGracePeriodSeconds"] == delay + budget.kill_after_s
    assert worker["terminationGracePeriodSeconds"] == budget.kill_after_s


def _name(release: Release) -> str:
    return str(release.values.get("fullnameOverride") or "jubilee")


def _pod(release: Release, component: str) -> dict[str, Any]:
    deployment = release.one("Deployment", f"{_name(release)}-{component}")
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


@every_set
def test_no_pod_has_more_rights_than_the_restricted_standard_allows(name: str) -> None:
    for pod in pods(releases()[name]):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            ours = "redis" not in container["image"]
            assert pod["securityContext"]["runAsUser"] == (1001 if ours else 999)
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(container["resources"]) == {"requests", "limits"}


def test_settings_and_secrets_roll_the_pods_when_they_change() -> None:
    found = {name: releases()[name] for name in ("", "local", "load-balancer", "private-ca")}
    sums = {
        name: release.one("Deployment", "jubilee-worker")["spec"]["template"]["metadata"]
        for name, release in found.items()
    }
    settings = {name: each["annotations"]["checksum/settings"] for name, each in sums.items()}
    secrets = {name: each["annotations"]["checksum/secrets"] for name, each in sums.items()}
    assert settings[""] == settings["private-ca"] != settings["load-balancer"]
    assert secrets[""] == secrets["load-balancer"]
    assert len({secrets[""], secrets["local"], secrets["private-ca"]}) == 3


@pytest.mark.parametrize("name", ["", "local", "production"])
def test_secrets_are_files_and_no_variables(name: str) -> None:
    release = releases()[name]
    for component in ("api", "worker"):
        pod = _pod(release, component)
        folders = {each["name"]: each for each in pod["volumes"]}
        assert folders["secrets"]["secret"]["secretName"] == "jubilee"
        for container in containers(pod):
            assert [list(each) for each in container["envFrom"]] == [["configMapRef"]]
            given = {each["name"]: each["value"] for each in container["env"]}
            assert all(variable.endswith("_FILE") for variable in given)
            assert given["SECRET_KEY_FILE"] == "/run/secrets/jubilee/SECRET_KEY"


def test_external_secrets_have_the_keys_that_pods_read() -> None:
    release = releases()["production"]
    (external,) = release.all("ExternalSecret")
    keys = {each["secretKey"] for each in external["spec"]["data"]}
    env = _pod(release, "api")["containers"][0]["env"]
    own = {each["name"] for each in env if "/jubilee/" in each["value"]}
    assert own == {f"{key}_FILE" for key in keys}
    assert not release.all("Secret")


def test_an_installation_migrates_beside_its_pods_which_wait() -> None:
    (job,) = _default().all("Job")
    assert "annotations" not in job["metadata"]
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["migrate"]
    for component in ("api", "worker"):
        (wait,) = _pod(_default(), component)["initContainers"]
        assert wait["args"][1:] == ["wait.sh", "status", "300"]


def test_an_upgrade_migrates_before_any_pod_changes_and_with_the_new_settings() -> None:
    upgrade = objects_of(releases()["local"].upgrade)
    hooks = [each for each in upgrade if _hook(each) == "pre-upgrade"]
    assert {each["kind"] for each in hooks} == {"Job", "ConfigMap", "Secret"}
    (job,) = (each for each in hooks if each["kind"] == "Job")
    weights = [int(each["metadata"]["annotations"].get("helm.sh/hook-weight", 0)) for each in hooks]
    assert weights.count(max(weights)) == 1
    assert job["metadata"]["annotations"]["helm.sh/hook-weight"] == str(max(weights))
    pod = job["spec"]["template"]["spec"]
    names = {each["metadata"]["name"] for each in hooks}
    assert pod["containers"][0]["envFrom"] == [{"configMapRef": {"name": "jubilee-migrate"}}]
    assert pod["volumes"][1]["secret"]["secretName"] == "jubilee-migrate"
    assert names == {"jubilee-migrate"}


def test_an_upgrade_has_the_same_pods_as_an_installation() -> None:
    release = releases()["production"]
    upgraded = [each for each in objects_of(release.upgrade) if each["kind"] == "Deployment"]
    assert upgraded == release.all("Deployment")
    assert len(upgraded) == 2


def _hook(found: dict[str, Any]) -> str:
    return str(found["metadata"].get("annotations", {}).get("helm.sh/hook", ""))


def test_hello_app_migrates_in_the_init_container() -> None:
    release = releases()["hello-app"]
    assert not release.all("Job")
    (migrate,) = _pod(release, "api")["initContainers"]
    assert migrate["args"][1:] == ["wait.sh", "migrate", "300"]


def test_the_probes_ask_what_they_should() -> None:
    (api,) = _pod(_default(), "api")["containers"]
    paths = {name: api[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness")}
    assert paths == {"startup": "/health/live", "liveness": "/health/live"}
    assert api["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}
    (worker,) = _pod(_default(), "worker")["containers"]
    for name in ("startup", "liveness", "readiness"):
        assert worker[f"{name}Probe"]["exec"]["command"] == ["jubilee", "health", "worker"]


@every_set
def test_one_way_leads_in(name: str) -> None:
    release = releases()[name]
    kinds = {"Ingress", "HTTPRoute", "VirtualService"}
    chosen = release.values.get("exposure", {}).get("type", "none")
    expected = {"none": 0, "ingress": 1, "gateway": 1, "istio": 1}[chosen]
    assert sum(len(release.all(kind)) for kind in kinds) == expected
    service = release.one("Service", f"{_name(release)}-api")["spec"]
    assert [each["port"] for each in service["ports"]] == [80]


def test_traefik_serves_the_certificate_of_cert_manager() -> None:
    ingress = releases()["hyperion"].one("Ingress", "jubilee-api")
    assert ingress["spec"]["ingressClassName"] == "traefik"
    assert ingress["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    assert ingress["spec"]["tls"] == [
        {"hosts": ["hyperion.example.com"], "secretName": "hyperion-tls"}
    ]


@every_set
def test_a_disruption_takes_one_pod_at_a_time_and_pods_are_spread(name: str) -> None:
    release = releases()[name]
    for component in ("api", "worker"):
        budget = release.one("PodDisruptionBudget", f"{_name(release)}-{component}")["spec"]
        deployment = release.one("Deployment", f"{_name(release)}-{component}")["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"] == deployment["selector"]
        spread = deployment["template"]["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]


def test_the_service_account_has_a_role_and_no_token() -> None:
    (account,) = releases()["hello-app"].all("ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    role = account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert fnmatch(role, "arn:aws:iam::*:role/*")
    assert "annotations" not in _default().one("ServiceAccount", "jubilee")["metadata"]


def test_the_priority_class_is_that_of_the_pods() -> None:
    release = releases()["production"]
    (made,) = release.all("PriorityClass")
    assert _pod(release, "api")["priorityClassName"] == made["metadata"]["name"]
    assert "priorityClassName" not in _pod(_default(), "api")
