"""Holds the manifests together: with each other, with `Settings`, and with the reasons that their comments give."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from handler import errors
from handler.asking import STORE_SECONDS
from handler.photos import MAX_PIXELS
from handler.settings import Settings
from handler.telemetry import METRICS
from workbench.__main__ import main
from workbench.sizing.plan import DELIVERY_TIMEOUT
from workbench.sizing.run import LONGEST_HOLD

ROOT = Path(__file__).parent.parent
SET_BY_KNATIVE = {"PORT", "K_SERVICE"}
SET_BY_THE_IMAGE = {"PROMPTS_DIR"}  # its default is the image's folder


def manifests() -> dict[str, dict[str, Any]]:
    """service.yaml by kind: one object of each."""
    documents = list(yaml.safe_load_all((ROOT / "service.yaml").read_text()))
    by_kind = {document["kind"]: document for document in documents}
    assert len(by_kind) == len(documents)
    return by_kind


KINDS = manifests()
FUNC = yaml.safe_load((ROOT / "func.yaml").read_text())
POLICY = json.loads((ROOT / "docs/iam-policy.json").read_text())
TEMPLATE = KINDS["Service"]["spec"]["template"]
POD = TEMPLATE["spec"]
CONTAINER = POD["containers"][0]
ENV: dict[str, str] = {variable["name"]: variable["value"] for variable in CONTAINER["env"]}
SOURCE = KINDS["KafkaSource"]["spec"]
DELIVERY = SOURCE["delivery"]
SETTINGS = Settings.from_env(ENV | {"K_SERVICE": "product-enricher"})


def seconds(duration: str) -> float:
    """Seconds of an ISO 8601 duration as this repository writes it: PT2S."""
    match = re.fullmatch(r"PT(\d+)S", duration)
    assert match, duration
    return float(match[1])


def peers(rule: dict[str, Any], side: str) -> set[tuple[str, str]]:
    """(namespace, pod label) of each peer that a NetworkPolicy rule admits by labels."""
    return {
        (
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            *peer["podSelector"]["matchLabels"].values(),
        )
        for peer in rule[side]
        if "ipBlock" not in peer
    }


def ports(rule: dict[str, Any]) -> set[int]:
    """Port numbers that a NetworkPolicy rule opens."""
    return {port["port"] for port in rule["ports"]}


# --- time ---------------------------------------------------------------------------------------------------------


def test_deadline_is_below_serving_time_out_is_below_delivery_time_out() -> None:
    """The function gives up first and says why, then Serving, then KafkaSource."""
    assert SETTINGS.deadline_seconds < POD["timeoutSeconds"] < seconds(DELIVERY["timeout"])


def test_delivery_time_out_is_above_servings_default_too() -> None:
    """Where func deploys, timeoutSeconds is Serving's default of 300 s, and the order must hold there as well."""
    assert SETTINGS.deadline_seconds < 300 < seconds(DELIVERY["timeout"])


def test_deliveries_outlast_a_dead_workers_lease() -> None:
    """All waits together are longer than both leases that nobody will release plus one whole attempt after them."""
    waits = sum(seconds(DELIVERY["backoffDelay"]) * 2**k for k in range(1, DELIVERY["retry"] + 1))

    assert DELIVERY["backoffPolicy"] == "exponential"
    assert waits > LONGEST_HOLD


def test_the_numbers_in_the_head_are_the_manifests() -> None:
    """The chain that opens service.yaml names the values that stand below it."""
    head = dict(re.findall(r"^#   (.+?) +(\d+) s\b", (ROOT / "service.yaml").read_text(), re.MULTILINE))

    assert {name: float(value) for name, value in head.items()} == {
        "read time-out of one model call": SETTINGS.model_read_timeout,
        "lease on a question": SETTINGS.model_read_timeout + STORE_SECONDS,
        "DEADLINE_SECONDS": SETTINGS.deadline_seconds,
        "timeoutSeconds": POD["timeoutSeconds"],
        "delivery.timeout": seconds(DELIVERY["timeout"]),
        "waits between the deliveries": 252,
    }


# --- concurrency --------------------------------------------------------------------------------------------------


def test_function_takes_just_the_events_that_serving_lets_in() -> None:
    """Fewer threads, and it would answer `busy`. Four are left for probes when all that Serving lets in wait."""
    assert POD["containerConcurrency"] + 4 == SETTINGS.threads
    assert POD["containerConcurrency"] <= SETTINGS.event_slots < SETTINGS.threads


def test_numbers_are_what_the_sizing_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """service.yaml names the command with the quota that it is made for; where this fails, put in what that prints."""
    (command,) = re.findall(r"^#   .venv/bin/workbench (.+)$", (ROOT / "service.yaml").read_text(), re.MULTILINE)
    assert main(command.split()) == 0
    printed = dict(re.findall(r"^\| ([\w.-]+) +\| (\w+) +\|", capsys.readouterr().out, re.MULTILINE))

    assert {
        "containerConcurrency": str(POD["containerConcurrency"]),
        "THREADS": ENV["THREADS"],
        "max-scale": TEMPLATE["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"],
        "consumers": str(SOURCE["consumers"]),
        "delivery.retry": str(DELIVERY["retry"]),
        "delivery.backoffDelay": DELIVERY["backoffDelay"],
    }.items() <= printed.items()
    assert seconds(DELIVERY["timeout"]) == DELIVERY_TIMEOUT
    assert CONTAINER["resources"]["requests"]["cpu"] == "250m", "a pod's events are counted for a quarter of a core"


def test_operations_page_shows_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Its table of numbers is the command's own; what else it prints there is as of the day it was run."""
    page = (ROOT / "docs/operations.md").read_text()
    (command,) = set(re.findall(r"^.venv/bin/workbench (sizing .+)$", page, re.MULTILINE))
    assert f"#   .venv/bin/workbench {command}\n" in (ROOT / "service.yaml").read_text()
    main(command.split())
    *_, numbers = capsys.readouterr().out.strip().split("\n\n")

    assert numbers in page


def test_memory_holds_the_largest_photos() -> None:
    """Two bitmaps of the allowed size with a working copy each fit beside the process, so that no photo kills a pod."""
    bitmaps = 2 * 2 * MAX_PIXELS * 4
    process = 145_000_000

    assert CONTAINER["resources"]["limits"]["memory"] == "1Gi"
    assert bitmaps + process < 2**30


def test_autoscaling_annotations_are_strings() -> None:
    """Kubernetes refuses annotations of any other type."""
    annotations = TEMPLATE["metadata"]["annotations"]

    assert annotations
    assert {type(value) for value in annotations.values()} == {str}


# --- settings and permissions -------------------------------------------------------------------------------------


def test_environment_is_exactly_the_settings() -> None:
    """Every setting is decided in service.yaml, none is misspelt, and none is set that Knative reserves."""
    known = {name.upper() for name in Settings.model_fields}

    assert set(ENV) == known - SET_BY_KNATIVE - SET_BY_THE_IMAGE


def test_iam_policy_allows_the_model_and_the_table_that_are_named() -> None:
    """Profile and model of MODEL_ID, table of LEDGER_URL, all in AWS_REGION, and no wildcard action."""
    ask, route, keep = POLICY["Statement"]
    profile, table = ask["Resource"], keep["Resource"]

    assert {ask["Action"], route["Action"]} == {"bedrock:InvokeModel"}
    assert profile.endswith(f":inference-profile/{SETTINGS.model_id}")
    assert route["Resource"] == f"arn:aws:bedrock:*::foundation-model/{SETTINGS.model_id.partition('.')[2]}"
    assert route["Condition"]["StringEquals"] == {"bedrock:InferenceProfileArn": profile}
    assert table.endswith(f":table/{SETTINGS.ledger_url.removeprefix('dynamodb://')}")
    assert f":{SETTINGS.aws_region}:" in profile
    assert f":{SETTINGS.aws_region}:" in table
    assert not any("*" in action for action in keep["Action"])


def test_token_file_comes_from_the_mounted_secret() -> None:
    """PRODUCT_SERVICE_TOKEN_FILE is a key of the Secret, below its mount, which is no subPath: renewals arrive."""
    token = SETTINGS.product_service_token_file
    assert token
    mount = next(mount for mount in CONTAINER["volumeMounts"] if Path(mount["mountPath"]) == token.parent)
    volume = next(volume for volume in POD["volumes"] if volume["name"] == mount["name"])

    assert token.name in {item["path"] for item in volume["secret"]["items"]}
    assert "subPath" not in mount


# --- references ---------------------------------------------------------------------------------------------------


def test_references_resolve() -> None:
    """Source, sink, dead letters, service account and policy name objects of this file, in one namespace."""
    sinks = [SOURCE["sink"]["ref"], DELIVERY["deadLetterSink"]["ref"]]
    for ref in sinks:
        target = KINDS[ref["kind"]]
        assert (ref["apiVersion"], ref["name"]) == (target["apiVersion"], target["metadata"]["name"])

    assert POD["serviceAccountName"] == KINDS["ServiceAccount"]["metadata"]["name"]
    selector = KINDS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert selector == {"serving.knative.dev/service": KINDS["Service"]["metadata"]["name"]}
    namespaces = {document["metadata"].get("namespace") for kind, document in KINDS.items() if kind != "Namespace"}
    assert namespaces == {KINDS["Namespace"]["metadata"]["name"]}
    assert KINDS["KafkaSink"]["spec"]["bootstrapServers"] == SOURCE["bootstrapServers"]
    assert KINDS["KafkaSink"]["spec"]["topic"] not in SOURCE["topics"], "dead letters would come round for ever"
    assert set(SETTINGS.topic_event_types) <= set(SOURCE["topics"])


def test_source_is_unordered_v1() -> None:
    """One slow answer must not hold a partition back; v1 is the version that is not going away."""
    assert KINDS["KafkaSource"]["apiVersion"] == "sources.knative.dev/v1"
    assert SOURCE["ordering"] == "unordered"


# --- security -----------------------------------------------------------------------------------------------------


def test_pod_meets_the_restricted_standard() -> None:
    """The namespace enforces it, so a pod that does not meet it would never start."""
    context = CONTAINER["securityContext"]

    assert KINDS["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert all({"emptyDir", "secret"} & set(volume) for volume in POD["volumes"])


def test_pod_user_is_the_images() -> None:
    """A manifest with another user than the image's would hide a Dockerfile that runs as root."""
    (user,) = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    context = CONTAINER["securityContext"]

    assert user == (str(context["runAsUser"]), str(context["runAsGroup"]))


def test_only_dispatcher_and_activator_may_post() -> None:
    """Events reach queue-proxy from these two alone; the autoscaler sees its metrics; nobody goes round queue-proxy."""
    events, metrics = KINDS["NetworkPolicy"]["spec"]["ingress"]

    assert peers(events, "from") == {("knative-eventing", "kafka-source-dispatcher"), ("knative-serving", "activator")}
    assert ports(events) == {8012, 8112}
    assert peers(metrics, "from") == {("knative-serving", "autoscaler")}
    assert ports(metrics) == {9090}


def test_activator_stays_in_the_path() -> None:
    """Otherwise the ingress gateway, which the policy does not admit, would call the pods."""
    assert TEMPLATE["metadata"]["annotations"]["autoscaling.knative.dev/target-burst-capacity"] == "-1"


def test_pod_may_call_the_product_service_but_nothing_else_that_is_private() -> None:
    """Egress: DNS, the pods and port of PRODUCT_SERVICE_URL, and public addresses; not the node's metadata."""
    policy = KINDS["NetworkPolicy"]["spec"]
    dns, product_service, public = policy["egress"]
    url = urlsplit(str(SETTINGS.product_service_url))
    assert url.hostname
    service, namespace = url.hostname.split(".")[:2]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert ports(dns) == {53}
    assert peers(product_service, "to") == {(namespace, service)}
    assert ports(product_service) == {url.port}  # here the Service passes its port on as it is
    assert {"169.254.0.0/16", "10.0.0.0/8"} <= set(public["to"][0]["ipBlock"]["except"])
    assert ports(public) == {80, 443}


@pytest.mark.parametrize(
    "labels", [KINDS["Service"]["metadata"]["labels"], {x["key"]: x["value"] for x in FUNC["deploy"]["labels"]}]
)
def test_service_has_no_public_route(labels: dict[str, str]) -> None:
    """However it is deployed, nobody outside of the cluster can spend money on the model."""
    assert labels["networking.knative.dev/visibility"] == "cluster-local"


# --- probes -------------------------------------------------------------------------------------------------------


def test_probes_ask_the_health_routes_on_the_containers_port() -> None:
    """Start-up and readiness ask whether it can serve, liveness whether it is alive."""
    port = CONTAINER["ports"][0]["containerPort"]
    paths = {name: CONTAINER[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}

    assert paths == {
        "startupProbe": {"path": "/health/readiness", "port": port},
        "readinessProbe": {"path": "/health/readiness", "port": port},
        "livenessProbe": {"path": "/health/liveness", "port": port},
    }


def test_readiness_leaves_the_period_to_knative() -> None:
    """Without a period queue-proxy probes as fast as it can, and Serving refuses the fields that need one."""
    assert set(CONTAINER["readinessProbe"]) == {"httpGet"}


# --- func ---------------------------------------------------------------------------------------------------------


def test_func_deploys_what_service_yaml_describes() -> None:
    """Two ways to deploy, one set of values."""
    deploy, options = FUNC["deploy"], FUNC["deploy"]["options"]
    annotations = {key.rpartition("/")[2]: value for key, value in TEMPLATE["metadata"]["annotations"].items()}
    limits = dict(options["resources"]["limits"])

    assert {variable["name"]: variable["value"] for variable in FUNC["run"]["envs"]} == ENV
    assert limits.pop("concurrency") == POD["containerConcurrency"]
    assert {"requests": options["resources"]["requests"], "limits": limits} == CONTAINER["resources"]
    assert {key: str(value) for key, value in options["scale"].items()} == {
        "min": annotations["min-scale"],
        "max": annotations["max-scale"],
        "metric": annotations["metric"],
        "utilization": annotations["target-utilization-percentage"],
    }
    assert deploy["serviceAccountName"] == POD["serviceAccountName"]
    assert set(deploy["healthEndpoints"].values()) == {
        CONTAINER[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")
    }
    assert {volume["path"] for volume in FUNC["run"]["volumes"]} == {m["mountPath"] for m in CONTAINER["volumeMounts"]}
    assert (FUNC["name"], FUNC["namespace"]) == (
        KINDS["Service"]["metadata"]["name"],
        KINDS["Namespace"]["metadata"]["name"],
    )


def test_func_yaml_is_of_the_current_specification() -> None:
    """func migrates older files and refuses newer ones; `created` must be a date and time."""
    assert FUNC["specVersion"] == "0.36.0"
    assert FUNC["invoke"] == "cloudevent"
    assert datetime.fromisoformat(FUNC["created"].replace("Z", "+00:00")).tzinfo
    assert "annotations" not in FUNC["deploy"], (
        "func copies them to the Service, where Serving refuses autoscaling ones"
    )


# --- operations page ----------------------------------------------------------------------------------------------


def leaves(error: type[errors.EnrichmentError]) -> list[type[errors.EnrichmentError]]:
    """The classes of the tree that are raised, in the order of the file."""
    below = [leaf for child in error.__subclasses__() for leaf in leaves(child)]
    return below or [error]


def test_operations_page_explains_every_error_code() -> None:
    """The table of docs/operations.md is the error tree: code, status and what to do about it."""
    page = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9]+)` \| (\d{3}) \| (.+?) \|$", page, re.MULTILINE)

    assert rows == [(leaf.code, str(leaf.status), leaf.title) for leaf in leaves(errors.EnrichmentError)]


def test_operations_page_explains_every_metric() -> None:
    """The table of docs/operations.md is what GET /metrics can show: name, labels and meaning."""
    page = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `(enricher_\w+)_total` \| ((?:`\w+` ?)+) \| (.+?) \|$", page, re.MULTILINE)

    assert rows == [
        (name, " ".join(f"`{label}`" for label in labels), meaning) for name, (meaning, labels) in METRICS.items()
    ]
