"""The files of `deploy/`: understood by the programs they are for, and true to the server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kalakan.config.environment import VARIABLES

DEPLOY = Path(__file__).parents[2] / "deploy"
ROUTES = {"/health", "/ready"}
MANIFESTS = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "kalakan.yaml").read_text(encoding="utf-8")))
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile*"))


def test_every_variable_that_is_set_exists() -> None:
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    named = {
        name for path in files for name in re.findall(r"KALAKAN_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= set(VARIABLES)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_are_linted_and_run_without_root(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "\nUSER 10001\n" in text
    assert text.index("USER 10001") < text.index("ENTRYPOINT")
    # Beside Python first: an environment need not be activated.
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    hadolint = shutil.which("hadolint", path=folders)
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    subprocess.run([hadolint, path], check=True, timeout=60)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda item: f"{item['kind']}-{item['metadata']['name']}")
def test_manifests_are_of_their_schemas(manifest: dict[str, Any]) -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    validator.validate(manifest, "1.29", strict=True)


def test_manifests_fit_each_other() -> None:
    pods = [item["spec"]["template"] for item in MANIFESTS if item["kind"] == "Deployment"]
    labels = [pod["metadata"]["labels"] for pod in pods]
    ports = {port["name"] for pod in pods for item in pod["spec"]["containers"] for port in item["ports"]}
    for item in MANIFESTS:
        if item["kind"] == "Service":
            assert item["spec"]["selector"] in labels
            assert {port["targetPort"] for port in item["spec"]["ports"]} <= ports
    (server,) = pods[0]["spec"]["containers"]
    probes = {server[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert probes == ROUTES
    assert server["securityContext"]["readOnlyRootFilesystem"]


def test_compose_has_what_its_services_name() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            assert (DEPLOY / volume.split(":")[0]).is_file()
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    balancer = (DEPLOY / "nginx" / "load-balancer.conf").read_text(encoding="utf-8")
    assert set(re.findall(r"server (\S+):8000", balancer)) == {name for name in services if "server" in name}


def test_ray_serves_an_application_that_exists() -> None:
    configuration = yaml.safe_load((DEPLOY / "ray" / "serve.yaml").read_text(encoding="utf-8"))
    (application,) = configuration["applications"]
    module, _, name = application["import_path"].partition(":")
    assert callable(getattr(pytest.importorskip(module), name))
    schema = pytest.importorskip("ray.serve.schema", reason="Ray Serve is not installed")
    schema.ServeDeploySchema.model_validate(configuration)


def test_the_unit_is_one(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    text = (DEPLOY / "systemd" / "kalakan.service").read_text(encoding="utf-8")
    unit = tmp_path / "kalakan.service"
    unit.write_text(text.replace("/opt/kalakan/bin/kalakan", sys.executable), encoding="utf-8")
    done = subprocess.run([program, "verify", "--man=no", unit], capture_output=True, check=False, timeout=60)
    complaints = [line for line in done.stderr.decode().splitlines() if "kalakan.service" in line]
    assert complaints == []


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    metrics = (Path(__file__).parents[2] / "kalakan" / "api" / "metrics.py").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:counter|histogram|gauge)\(\s*"(\w+)"', metrics))
    dashboard = json.loads((DEPLOY / "grafana" / "kalakan.json").read_text(encoding="utf-8"))
    shown = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            shown |= set(re.findall(r"kalakan_(\w+?)(?:_total|_bucket)?(?=[\[{)\s]|$)", target["expr"]))
    assert shown
    assert shown <= named


CI = Path(__file__).parents[2] / ".ci" / "run"


@pytest.mark.skipif(not CI.exists(), reason="not in the source archive")
def test_ci_tries_the_oldest_versions_that_are_allowed() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    project = tomllib.loads((CI.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tried = dict(re.findall(r"'([\w-]+)==([\d.]+)'", CI.read_text(encoding="utf-8")))
    for dependency in project["dependencies"]:
        found = re.match(r"([\w-]+)>=([\d.]+)", dependency)
        assert found is not None, dependency
        name, oldest = found.groups()
        # of numpy and PyYAML the very first has no wheel, or does not go with the others
        assert f"{tried[name]}.".startswith(f"{oldest}."), dependency
