#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""deploy-aca.sh against an az that is not one: it keeps what was made in a file, writes down how it was
called and what the YAML held, and can be told to fail."""

import os
import re
import stat
import sys
import unittest

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_program import FakeProgram, ROOT  # noqa: E402

AZ = r'''
import shutil
def option(name):
    return args[args.index(name) + 1] if name in args else None
path = os.path.join(here, "things.json")
things = json.load(open(path)) if os.path.exists(path) else {}
command = " ".join(a for a in args[: 4 if args[:1] == ["containerapp"] else 3] if not a.startswith("-"))
def make(kind, name):
    things.setdefault(kind, []).append(name)
    json.dump(things, open(path, "w"))
def first(kind, form):
    query = option("--query")
    name = query.split("'")[1]
    if name in things.get(kind, []):
        print(form.format(name))
sub = "/subscriptions/0000/resourceGroups/rg/providers/"
registry = sub + "Microsoft.ContainerRegistry/registries/{}"
identity = sub + "Microsoft.ManagedIdentity/userAssignedIdentities/{}"
environment = sub + "Microsoft.App/managedEnvironments/{}"
if args[:2] == ["account", "show"]:
    if os.path.exists(os.path.join(here, "logged_out")):
        sys.exit(1)
    print("Sam's subscription")
elif args[:2] == ["acr", "list"]: first("acr", registry)
elif args[:2] == ["acr", "create"]: make("acr", option("--name"))
elif args[:2] == ["acr", "show"]:
    print(registry.format(option("--name")) if option("--query") == "id" else option("--name").lower() + ".azurecr.io")
elif args[:2] == ["identity", "list"]: first("identity", identity)
elif args[:2] == ["identity", "create"]: make("identity", option("--name"))
elif args[:2] == ["identity", "show"]:
    print(identity.format(option("--name")) if option("--query") == "id" else "11111111-2222-3333-4444-555555555555")
elif args[:3] == ["containerapp", "env", "list"]: first("env", environment)
elif args[:3] == ["containerapp", "env", "create"]: make("env", option("--name"))
elif args[:3] == ["containerapp", "env", "show"]:
    print(environment.format(option("--name")) if option("--query") == "id" else "brave-sea-0123.westeurope.azurecontainerapps.io")
elif args[:2] == ["containerapp", "list"]: first("app", "{}")
elif args[:2] in (["containerapp", "create"], ["containerapp", "update"]):
    given = option("--yaml")
    open(os.path.join(here, "mode"), "w").write(oct(os.stat(given).st_mode & 0o777))
    shutil.copy(given, os.path.join(here, "manifest"))
    open(os.path.join(here, "manifest_path"), "w").write(given)
    if args[1] == "create": make("app", option("--name"))
elif args[:3] == ["containerapp", "revision", "show"]:
    states = os.path.join(here, "states")
    rows = open(states).read().split() if os.path.exists(states) else ["Running"]
    print(rows[0])
    if len(rows) > 1: open(states, "w").write("\n".join(rows[1:]))
elif args[:1] in (["extension"], ["provider"], ["group"], ["role"]) or args[:2] == ["acr", "build"]:
    pass
else:
    sys.exit("unknown command " + " ".join(args))
'''

SYS_ID = "0123456789abcdef0123456789abcdef"
# What a password may look like, and how a careful person writes it into the file.
HOSTILE = "a'b\"c $HOME `id` $(id) =x #y %PATH% {z} [0] \\n & | < > ; * ? ! ~ é 漢"
SETTINGS = f"""# settings
SN_INSTANCE=https://dev00000.service-now.com
SN_USER=intranet.bridge
export SN_PASSWORD="{HOSTILE.replace(chr(92), chr(92) * 2).replace('"', chr(92) + '"')}"
SN_BRIDGE_API_BASE = /api/1833944/intranet_bridge   # the path
SN_DEFAULT_USER_SYS_ID={SYS_ID}
SN_DEFAULT_QUEUE_SYS_ID='{SYS_ID}'
SN_DEFAULT_CHANNEL_SYS_ID="{SYS_ID}"
SN_WEBHOOK_SECRET='$no "thing" = \\ is # special'
AGENT_API_SECRET=bare$value#with=signs'"
DIRECTLINE_SECRET=
PORT=8080
BRIDGE_HOST=127.0.0.1
BRIDGE_PUBLIC_URL=https://lw1s3ms-5001.use.devtunnels.ms
LOG_LEVEL=debug
LOG_LEVEL=info
"""
SECRETS = {
    "sn-password": HOSTILE,
    "sn-webhook-secret": "$no \"thing\" = \\ is # special",
    "agent-api-secret": "bare$value#with=signs'\"",
}


class DeployAca(unittest.TestCase):
    def setUp(self):
        self.fake = FakeProgram("az", AZ)
        self.addCleanup(self.fake.close)
        self.settings(SETTINGS)

    def settings(self, text):
        self.fake.touch("settings", text)

    def path(self, name):
        return os.path.join(self.fake.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def deploy(self, *args, **kw):
        return self.fake.run(
            [f"{ROOT}/scripts/deploy-aca.sh", "--resource-group", "rg", "--registry", "Acme01",
             "--env-file", self.path("settings"), *args], **kw)

    def deployed(self, *args):
        done = self.deploy(*args)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done, yaml.safe_load(self.read("manifest"))

    def calls(self, *start):
        return [c for c in self.fake.calls() if c[: len(start)] == list(start)]

    def effects(self):
        """Calls that make or change something."""
        return [c for c in self.fake.calls() if any(w in c for w in ("create", "update", "build", "register", "add"))]

    def test_secrets_are_secrets_whatever_characters_they_hold(self):
        done, app = self.deployed()
        secrets = {s["name"]: s["value"] for s in app["properties"]["configuration"]["secrets"]}
        self.assertEqual(secrets, SECRETS)
        env = {e["name"]: e for e in app["properties"]["template"]["containers"][0]["env"]}
        for name in ("SN_PASSWORD", "SN_WEBHOOK_SECRET", "AGENT_API_SECRET"):
            self.assertEqual(env[name], {"name": name, "secretRef": name.lower().replace("_", "-")})
        self.assertEqual(env["SN_BRIDGE_API_BASE"]["value"], "/api/1833944/intranet_bridge")
        self.assertEqual(env["SN_DEFAULT_QUEUE_SYS_ID"]["value"], SYS_ID)
        self.assertEqual(env["LOG_LEVEL"]["value"], "info")
        self.assertNotIn("DIRECTLINE_SECRET", env)
        # Neither an argument nor a line of output holds any of them; the file is the user's alone and gone.
        said = done.stdout + repr(self.fake.calls())
        for value in SECRETS.values():
            self.assertNotIn(value, said)
            self.assertNotIn(repr(value)[1:-1], said)
        self.assertEqual(self.read("mode"), "0o600")
        self.assertFalse(os.path.exists(self.read("manifest_path")))

    def test_every_secret_of_the_program_becomes_a_secret(self):
        with open(f"{ROOT}/docs/configuration.md", encoding="utf-8") as file:
            names = re.findall(r"^\| `([A-Z0-9_]+)` \(secret\)", file.read(), re.M)
        self.assertGreater(len(names), 3)
        self.settings(SETTINGS + "".join(f"{n}=some-secret-value-{i}\n" for i, n in enumerate(names)))
        _, app = self.deployed()
        env = {e["name"]: e for e in app["properties"]["template"]["containers"][0]["env"]}
        for name in names:
            self.assertIn("secretRef", env[name], f"is_secret in deploy-aca-lib.sh does not know {name}")

    def test_one_replica_with_the_reason_and_both_probes(self):
        done, app = self.deployed()
        template = app["properties"]["template"]
        self.assertEqual(template["scale"], {"minReplicas": 1, "maxReplicas": 1})
        self.assertIn("min = max = 1", done.stdout)
        probes = {p["type"]: p["httpGet"] for p in template["containers"][0]["probes"]}
        self.assertEqual(probes["Liveness"], {"path": "/healthz", "port": 5000})
        self.assertEqual(probes["Readiness"], {"path": "/readyz", "port": 5000})
        ingress = app["properties"]["configuration"]["ingress"]
        self.assertEqual((ingress["external"], ingress["targetPort"], ingress["allowInsecure"]), (True, 5000, False))
        self.assertEqual(app["properties"]["configuration"]["activeRevisionsMode"], "Single")

    def test_what_is_meant_for_a_laptop_stays_there(self):
        done, app = self.deployed()
        env = {e["name"]: e.get("value") for e in app["properties"]["template"]["containers"][0]["env"]}
        self.assertNotIn("PORT", env)
        self.assertNotIn("BRIDGE_HOST", env)
        url = "https://handoff-bridge.brave-sea-0123.westeurope.azurecontainerapps.io"
        self.assertEqual(env["BRIDGE_PUBLIC_URL"], url)
        self.assertEqual(env["TRUSTED_PROXIES"], "1")
        self.assertIn(f"{url}/api/servicenow/webhook", done.stdout)
        self.assertIn(f"probe.sh --url {url}", done.stdout)
        _, app = self.deployed("--public-url", "https://chat.example.com/")
        env = {e["name"]: e.get("value") for e in app["properties"]["template"]["containers"][0]["env"]}
        self.assertEqual(env["BRIDGE_PUBLIC_URL"], "https://chat.example.com")

    def test_builds_the_image_and_pulls_it_without_a_password(self):
        _, app = self.deployed()
        build = self.calls("acr", "build")
        self.assertEqual(len(build), 1)
        self.assertEqual(build[0][build[0].index("--target") + 1], "bridge")
        self.assertTrue(build[0][build[0].index("--file") + 1].endswith("/docker/Dockerfile"))
        image = app["properties"]["template"]["containers"][0]["image"]
        self.assertIn(image.replace("acme01.azurecr.io/", ""), build[0])
        registry = app["properties"]["configuration"]["registries"][0]
        self.assertEqual(registry["server"], "acme01.azurecr.io")
        self.assertEqual(list(app["identity"]["userAssignedIdentities"]), [registry["identity"]])
        self.assertIn("AcrPull", self.calls("role", "assignment", "create")[0])
        self.assertNotIn("passwordSecretRef", repr(app))

    def test_skip_build_uses_what_is_in_the_registry(self):
        _, app = self.deployed("--skip-build")
        self.assertEqual(self.calls("acr", "build"), [])
        self.assertEqual(app["properties"]["template"]["containers"][0]["image"], "acme01.azurecr.io/handoff-bridge:latest")
        _, app = self.deployed("--skip-build", "--tag=v7")
        self.assertEqual(app["properties"]["template"]["containers"][0]["image"], "acme01.azurecr.io/handoff-bridge:v7")

    def test_a_second_run_makes_nothing_but_a_new_revision(self):
        _, before = self.deployed("--skip-build")
        made = [c for c in self.fake.calls() if "create" in c]
        self.assertEqual(len(self.calls("containerapp", "create")), 1)
        import time
        time.sleep(1.1)  # a revision's name has the second in it
        _, after = self.deployed("--skip-build")
        again = [c for c in self.fake.calls() if "create" in c][len(made):]
        # Both are without effect if the thing is there.
        self.assertEqual([c[:2] for c in again], [["group", "create"], ["role", "assignment"]])
        self.assertEqual(len(self.calls("containerapp", "update")), 1)
        names = [m["properties"]["template"].pop("revisionSuffix") for m in (before, after)]
        self.assertNotEqual(*names)
        self.assertRegex(names[0], "^[a-z][a-z0-9]{1,20}$")
        self.assertEqual(before, after)

    def test_a_failure_in_the_middle_stops_and_leaves_no_secrets(self):
        for start, later in (("acr build", ("containerapp", "create")),
                             ("role assignment", ("containerapp", "env", "create")),
                             ("containerapp env create", ("containerapp", "create")),
                             ("containerapp create", ("containerapp", "revision"))):
            with self.subTest(start):
                self.fake.fail_on(start)
                done = self.deploy()
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn("deploy: ", done.stdout)
                self.assertEqual(self.calls(*later), [])
                self.assertNotIn("deployed:", done.stdout)
                left = [n for n in os.listdir(self.fake.folder) if n.startswith("deploy-aca.")]
                self.assertEqual(left, [])
        self.fake.heal()
        self.deployed()

    def test_a_revision_that_does_not_come_up_is_a_failure(self):
        for state in ("Failed", "ActivationFailed", "Degraded"):
            self.fake.touch("states", state)
            done = self.deploy("--skip-build")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("containerapp logs show", done.stdout)
        self.fake.touch("states", "Activating")
        done = self.deploy("--skip-build", environment={"READY_LIMIT": "0"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("still Activating", done.stdout)

    def test_bad_settings_are_refused_before_anything_is_asked(self):
        lacking = SETTINGS.replace("SN_WEBHOOK_SECRET", "#SN_WEBHOOK_SECRET").replace("SN_USER", "#SN_USER")
        for text, word in ((lacking, "SN_USER SN_WEBHOOK_SECRET"),
                           (SETTINGS + 'AGENT_API_SECRET="two\\nlines"\n', "line break"),
                           (SETTINGS + "AGENT_API_SECRET=a\x07b\n", "control character"),
                           (SETTINGS + "SN_PASSWORD_FILE=/run/secrets/x\n", "SN_PASSWORD_FILE"),
                           (SETTINGS + "BRIDGE_STORE=sqlite:/data/sessions.db\n", "disk of one machine"),
                           (SETTINGS + "what is this\n", "no '='"),
                           (SETTINGS + "A B=c\n", "variable name"),
                           (SETTINGS + "LOG_LEVEL='info\n", "closing quote"),
                           (SETTINGS + "LOG_LEVEL='info' x\n", "after the closing quote")):
            with self.subTest(word):
                self.settings(text)
                done = self.deploy()
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(word, done.stdout)
                self.assertNotIn("two", done.stdout)
        os.remove(self.path("settings"))
        self.assertIn(".env.sample", self.deploy().stdout)
        self.assertEqual(self.fake.calls(), [])

    def test_without_az_or_a_login_nothing_is_made(self):
        missing = self.deploy(without=True)
        self.assertEqual(missing.returncode, 1)
        self.assertIn("not installed", missing.stdout)
        self.fake.touch("logged_out")
        done = self.deploy()
        self.assertEqual(done.returncode, 1)
        self.assertIn("az login", done.stdout)
        self.assertEqual(self.effects(), [])

    def test_wrong_arguments(self):
        for args in (["--registry", "no-dashes"], ["--name", "Upper"], ["--name", "x'] | [0"], ["--loud"], ["--tag"],
                     ["--tag", "a b"], ["--public-url", "http://a.example"], ["--location", "West Europe"]):
            self.assertEqual(self.deploy(*args).returncode, 64, args)
        self.assertEqual(self.fake.calls(), [])


if __name__ == "__main__":
    unittest.main()
