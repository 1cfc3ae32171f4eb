#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds docker/ against the programs: ports, variables, times, users, and what the image must not hold.

    compose_test.py <handoff-bridge> <handoff-sandbox>
"""

import json
import os
import re
import subprocess
import sys
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BRIDGE, SANDBOX = sys.argv[1:3]
# Read by Compose itself or by the compose file, not by the program.
FOR_COMPOSE = {"COMPOSE_PROFILES", "HANDOFF_ENV_FILE"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def run(*command, env=None):
    return subprocess.run(command, env=env or {}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)


def settings(text):
    """NAME=value lines."""
    pairs = (line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z]", line))
    return dict(pairs)


def program_settings():
    """Name -> default, as --help tells them; None if it is required."""
    rows = re.findall(r"^  ([A-Z][A-Z0-9_]+) \((required(?: with SN_AUTH=\w+)?|default: .*)\)$",
                      run(BRIDGE, "--help").stdout, re.M)
    kinds = {"required": None, "required with SN_AUTH=basic": None, "required with SN_AUTH=oauth": "unset"}
    return {name: kinds[text] if text in kinds else text.removeprefix("default: ") for name, text in rows}


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)?", text).groups()
    return int(number) * {"ms": 0.001, None: 1, "s": 1, "m": 60, "h": 3600}[unit]


class Dockerfile:
    """Stages with their instructions, continuation lines joined."""

    def __init__(self):
        joined = re.sub(r"\\\n", " ", "\n".join(
            line for line in read("docker/Dockerfile").splitlines() if not line.startswith("#")))
        self.stages, self.before, stage = {}, [], None
        for line in joined.splitlines():
            words = line.split(None, 1)
            if len(words) < 2:
                continue
            name, rest = words[0], re.sub(r"\s+", " ", words[1]).strip()
            if name == "FROM":
                base, _, stage = rest.partition(" AS ")
                stage = stage or "default"
                self.stages[stage] = [("FROM", base)]
            elif stage is None:
                self.before.append((name, rest))
            else:
                self.stages[stage].append((name, rest))

    def all(self, stage, name):
        """Of the stage and of those that it builds upon."""
        found = [rest for n, rest in self.stages[stage] if n == name]
        base = self.stages[stage][0][1]
        return (self.all(base, name) if base in self.stages else []) + found

    def one(self, stage, name):
        found = self.all(stage, name)
        assert found, f"{stage} has no {name}"
        return found[-1]


class Image(unittest.TestCase):
    def setUp(self):
        self.file = Dockerfile()

    def test_the_bridge_is_what_comes_out_without_a_target(self):
        self.assertEqual(list(self.file.stages.items())[-1], ("default", [("FROM", "bridge")]))
        # A builder that cannot skip stages stops here, before the sandbox is compiled.
        stages = list(self.file.stages)
        self.assertLess(stages.index("bridge"), stages.index("build-sandbox"))
        self.assertEqual(self.file.before, [("ARG", "BASE=debian:bookworm-slim")])

    def test_the_user_is_not_root_and_is_a_number(self):
        for stage in ("bridge", "sandbox"):
            self.assertRegex(self.file.one(stage, "USER"), r"^[1-9]\d*:[1-9]\d*$")

    def test_only_the_build_stage_has_tools(self):
        for stage in ("bridge", "sandbox"):
            for run_line in self.file.all(stage, "RUN"):
                self.assertNotRegex(run_line, r"bootstrap|g\+\+|cmake|-dev\b|curl|git\b")
            for line in self.file.all(stage, "COPY"):
                self.assertNotRegex(line, r"(^| )(src|include|scripts|tests|docker|\.)( |$)")
        self.assertIn("docker/compile.sh handoff-bridge", " ".join(self.file.all("build", "RUN")))
        self.assertIn("\nstrip -o ", read("docker/compile.sh"))

    def test_packages_are_installed_before_the_sources_come(self):
        build = self.file.stages["build"]
        at = [i for i, (n, rest) in enumerate(build) if n == "RUN" and "bootstrap.sh --build" in rest]
        sources = [i for i, (n, rest) in enumerate(build) if n == "COPY" and rest.startswith("src ")]
        self.assertLess(at[0], sources[0])

    def test_ports_signal_and_entry(self):
        self.assertEqual(self.file.one("bridge", "EXPOSE"), program_settings()["PORT"])
        self.assertEqual(self.file.one("bridge", "STOPSIGNAL"), "SIGTERM")
        entry = json.loads(self.file.one("bridge", "ENTRYPOINT"))
        self.assertEqual(json.loads(self.file.one("bridge", "CMD")), ["serve"])
        # The whole path: beside it the program looks for its web folder.
        self.assertEqual(entry, ["/usr/local/bin/handoff-bridge"])
        copies = self.file.all("bridge", "COPY")
        self.assertIn("--from=build /out/handoff-bridge /usr/local/bin/", copies)
        self.assertIn("web /usr/local/share/handoff-bridge/web", copies)
        sandbox = json.loads(self.file.one("sandbox", "ENTRYPOINT"))
        self.assertEqual(run(SANDBOX, *sandbox[1:], "--help").returncode, 0)
        self.assertIn("servicenow " + sandbox[-1], self.file.all("sandbox", "COPY"))

    def test_the_health_check_is_a_command_of_the_program(self):
        check = self.file.one("bridge", "HEALTHCHECK")
        command = json.loads(check[check.index("["):])
        self.assertEqual(command, ["/usr/local/bin/handoff-bridge", "health"])
        # Nobody listens there: it must be a known command and say that.
        asked = run(BRIDGE, *command[1:], env={"PORT": "1"})
        self.assertEqual(asked.returncode, 1, asked.stdout)
        self.assertIn("not healthy", asked.stdout)

    def test_its_variables_are_the_programs_and_no_secret_is_among_them(self):
        known = program_settings()
        for line in self.file.all("bridge", "ENV"):
            for name in re.findall(r"([A-Z][A-Z0-9_]*)=", line):
                self.assertIn(name, known)
        for stage in self.file.stages:
            for line in self.file.all(stage, "ENV") + self.file.all(stage, "ARG"):
                self.assertNotRegex(line, r"SECRET|PASSWORD|TOKEN|KEY")

    def test_no_secret_file_gets_into_the_context(self):
        ignored = read(".dockerignore").split()
        for pattern in ("**/.env", "**/*.env", ".git", "build"):
            self.assertIn(pattern, ignored)


class Compose(unittest.TestCase):
    def setUp(self):
        self.file = yaml.safe_load(read("docker/docker-compose.yml"))
        self.services = self.file["services"]
        self.bridge, self.sandbox = self.services["bridge"], self.services["sandbox"]

    def test_host_5001_leads_to_the_programs_port_on_this_machine_only(self):
        self.assertEqual(self.bridge["ports"], ["127.0.0.1:5001:5000"])
        self.assertEqual(program_settings()["PORT"], "5000")
        self.assertEqual(self.bridge["environment"]["PORT"], "5000")
        for service in self.services.values():
            for port in service.get("ports", []):
                self.assertTrue(str(port).startswith("127.0.0.1:"), port)

    def test_every_service_is_hardened(self):
        for name, service in self.services.items():
            with self.subTest(name):
                if name not in ("bridge", "sandbox"):
                    continue
                self.assertIs(service["read_only"], True)
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertIn("no-new-privileges:true", service["security_opt"])
                self.assertEqual(service["restart"], "unless-stopped")
                self.assertNotIn("privileged", service)

    def test_builds_the_targets_of_the_dockerfile(self):
        stages = Dockerfile().stages
        for name in ("bridge", "sandbox"):
            build = self.services[name]["build"]
            self.assertIn(build["target"], stages)
            self.assertTrue(os.path.isfile(os.path.join(ROOT, "docker", build["context"], build["dockerfile"])))

    def test_its_variables_are_the_programs(self):
        known = program_settings()
        self.assertGreater(len(known), 20)
        for name in self.bridge["environment"]:
            self.assertIn(name, known)
        self.assertEqual(self.bridge["env_file"], ["${HANDOFF_ENV_FILE:-.env}"])

    def test_sessions_are_on_a_volume_that_the_images_user_owns(self):
        store = self.bridge["environment"]["BRIDGE_STORE"]
        self.assertTrue(store.startswith("sqlite:/"), store)
        folder = os.path.dirname(store.removeprefix("sqlite:"))
        data = [word for word in self.sandbox["command"] if word.startswith("--data=")][0].removeprefix("--data=")
        for service, target, at in ((self.bridge, "bridge", folder), (self.sandbox, "sandbox", os.path.dirname(data))):
            (volume,) = [v.split(":")[0] for v in service["volumes"] if v.split(":")[1] == at]
            self.assertIn(volume, self.file["volumes"])
            owner, group = Dockerfile().one(target, "USER").split(":")
            self.assertIn(f"install -d -o {owner} -g {group} -m 0700 {at}", Dockerfile().all(target, "RUN"))

    def test_only_one_bridge_can_have_the_volume(self):
        """Two would take the sessions from each other as often as they are restarted."""
        self.assertRegex(self.bridge["ports"][0], r"^127\.0\.0\.1:\d+:")
        self.assertNotIn("deploy", self.bridge)

    def test_stops_later_than_the_program_drains(self):
        grace = program_settings().get("SHUTDOWN_GRACE", "25s")
        self.assertGreater(seconds(self.bridge["stop_grace_period"]), seconds(grace) + 5)

    def test_the_health_check_is_the_images(self):
        check = Dockerfile().one("bridge", "HEALTHCHECK")
        self.assertEqual(self.bridge["healthcheck"]["test"][1:], json.loads(check[check.index("["):]))
        self.assertEqual(self.bridge["healthcheck"]["test"][0], "CMD")

    def test_the_sandbox_comes_with_its_profile_only(self):
        self.assertEqual(self.sandbox["profiles"], ["sandbox"])
        self.assertNotIn("profiles", self.bridge)
        self.assertEqual(settings(read("docker/sandbox.env"))["COMPOSE_PROFILES"], "sandbox")
        self.assertEqual(settings(read("docker/sandbox.env"))["HANDOFF_ENV_FILE"], "sandbox.env")

    def test_the_sandboxes_command_line_and_address_are_right(self):
        self.assertEqual(run(SANDBOX, *self.sandbox["command"], "--help").returncode, 0)
        self.assertIn("--bridge=http://bridge:5000", self.sandbox["command"])
        port = Dockerfile().one("sandbox", "EXPOSE")
        self.assertEqual(self.sandbox["ports"], [f"127.0.0.1:{port}:{port}"])
        self.assertEqual(settings(read("docker/sandbox.env"))["SN_INSTANCE"], f"http://sandbox:{port}")
        self.assertIn("--port N", run(SANDBOX, "--help").stdout)
        self.assertIn(f"({port})", run(SANDBOX, "--help").stdout)

    def test_the_sandboxes_settings_are_what_it_asks_for(self):
        ours = settings(read("docker/sandbox.env"))
        asked = settings(run(SANDBOX, "--print-env").stdout)
        self.assertGreater(len(asked), 5)
        for name, value in asked.items():
            if name != "SN_INSTANCE":
                self.assertEqual(ours.get(name), value, name)
        for name in ours:
            if name not in FOR_COMPOSE:
                self.assertIn(name, program_settings())

    def test_the_bridge_is_content_with_the_sandboxes_settings(self):
        checked = run(BRIDGE, "check-config", "--env-file", os.path.join(ROOT, "docker/sandbox.env"))
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertNotIn("warning", checked.stdout)

    def test_the_sample_is_complete(self):
        """What has to be filled in stands open in it; deploy-aca.sh relies on that."""
        text = read("docker/.env.sample")
        required = {n for n, d in program_settings().items() if d is None}
        self.assertEqual({n for n, v in settings(text).items() if v == ""}, required)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
