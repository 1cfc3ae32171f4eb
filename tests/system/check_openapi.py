#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds what a running bridge said against the description that it serves.

    check_openapi.py <openapi.yaml> <exchanges.json> <source folder>

exchanges.json is a list of {"method", "path" (as described), "status", "type", "request_id", "body"}
and of {"frame": "..."}. Exit code 77: PyYAML or jsonschema is not there.
"""

import glob
import json
import os
import re
import sys

try:
    import yaml
    from jsonschema import Draft202012Validator
except ImportError as missing:
    print(f"skipped: {missing}; install python3-yaml and python3-jsonschema")
    sys.exit(77)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Description:
    def __init__(self, text):
        self.document = yaml.safe_load(text)
        self.problems = []

    def complain(self, text):
        self.problems.append(text)

    def resolve(self, value):
        while isinstance(value, dict) and "$ref" in value:
            target = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            value = target
        return value

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]

    def check_itself(self):
        if not str(self.document["openapi"]).startswith("3.1."):
            self.complain("not OpenAPI 3.1")
        ids = [operation["operationId"] for _, _, operation in self.operations()]
        if len(ids) != len(set(ids)):
            self.complain("an operationId stands twice")
        for name, schema in self.document["components"]["schemas"].items():
            Draft202012Validator.check_schema(schema)
            self.walk(schema, f"schema {name}")
        self.walk(self.document["paths"], "paths")
        for method, path, operation in self.operations():
            for parameter in re.findall(r"{(\w+)}", path):
                declared = self.document["paths"][path].get("parameters", [])
                declared = [self.resolve(one)["name"] for one in declared]
                if parameter not in declared:
                    self.complain(f"{method} {path}: {parameter} is not declared")
            for proof in operation.get("security", []):
                for scheme in proof:
                    if scheme not in self.document["components"]["securitySchemes"]:
                        self.complain(f"{method} {path}: no security scheme {scheme}")

    def walk(self, value, where):
        """Every reference leads somewhere."""
        if isinstance(value, list):
            for one in value:
                self.walk(one, where)
        elif isinstance(value, dict):
            if "$ref" in value:
                try:
                    self.resolve(value)
                except KeyError:
                    self.complain(f"{where}: {value['$ref']} leads nowhere")
            for one in value.values():
                self.walk(one, where)

    def validate(self, schema, text, where):
        whole = {"components": self.document["components"], "allOf": [schema]}
        try:
            value = json.loads(text)
        except ValueError:
            self.complain(f"{where}: no JSON: {text[:200]}")
            return
        for error in Draft202012Validator(whole).iter_errors(value):
            self.complain(f"{where}: {error.message[:300]} in {text[:300]}")

    def check_exchange(self, one):
        where = f"{one['method']} {one['path']} -> {one['status']}"
        operation = self.document["paths"].get(one["path"], {}).get(one["method"].lower())
        if operation is None:
            # What no route answers is refused in the common form.
            self.validate({"$ref": "#/components/schemas/Problem"}, one["body"], where)
            return
        responses = operation["responses"]
        response = responses.get(str(one["status"]), responses.get("default"))
        if response is None or (str(one["status"]) not in responses and one["status"] < 400):
            self.complain(f"{where}: not described")
            return
        content = self.resolve(response).get("content")
        if content is None:
            if one["body"]:
                self.complain(f"{where}: described as empty, and says {one['body'][:200]}")
            return
        kind = one["type"].split(";")[0]
        if kind not in content:
            self.complain(f"{where}: is {kind}, described as {', '.join(content)}")
        elif kind == "application/json":
            self.validate(content[kind]["schema"], one["body"], where)


def ids_in_sources(folder):
    """Every error id that the sources name."""
    found = set()
    patterns = (
        r'Refusal(?:\s+\w+)?\(\s*\d+,\s*"([^"]+)"',
        r'refuse_as\([^;]*?\b\d{3},\s*"([^"]+)"',
        r'error_response\(\s*[^,;]+,\s*"([^"]+)"',
    )
    for room in ("channels", "net"):
        for name in glob.glob(os.path.join(folder, "src", room, "*.cpp")):
            with open(name, encoding="utf-8") as file:
                text = file.read()
            for pattern in patterns:
                found.update(re.findall(pattern, text))
    with open(os.path.join(folder, "src/channels/reply.cpp"), encoding="utf-8") as file:
        body = file.read().split("public_id", 1)[1].split("\n}\n", 1)[0]
    found.update(re.findall(r'return "([^"]+)"', body))
    return found


def ids_in_reference(folder):
    """The ids of the table of errors, and everything in backticks."""
    with open(os.path.join(folder, "docs/08-api-reference.md"), encoding="utf-8") as file:
        text = file.read()
    rows = re.findall(r"^\| [45]\d\d(?:, [45]\d\d)* \| ([^|]+)\|", text, re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}, set(
        re.findall(r"`([^`\n]+)`", text)
    )


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        description = Description(file.read())
    with open(sys.argv[2], encoding="utf-8") as file:
        exchanges = json.load(file)
    folder = sys.argv[3]
    description.check_itself()

    tried = set()
    frames = set()
    for one in exchanges:
        if "frame" in one:
            description.validate({"$ref": "#/components/schemas/Frame"}, one["frame"], "frame")
            frame = json.loads(one["frame"])
            frames.add((frame["type"], frame.get("from")))
            continue
        tried.add((one["method"], one["path"]))
        description.check_exchange(one)
        if not one["request_id"]:
            description.complain(f"{one['method']} {one['path']}: no X-Request-Id")
        elif one["status"] >= 400 and one["body"].startswith('{"'):
            ref = json.loads(one["body"]).get("ref", one["request_id"])
            if ref != one["request_id"]:
                description.complain(f"{one['method']} {one['path']}: ref is not X-Request-Id")
    for method, path, _ in description.operations():
        if (method, path) not in tried:
            description.complain(f"{method} {path} was not tried")
    for name, schema in description.document["components"]["schemas"].items():
        if name.endswith("Frame") and name != "Frame":
            fields = schema["properties"]
            kind = (fields["type"]["const"], fields.get("from", {}).get("const"))
            if kind not in frames:
                description.complain(f"no frame of the kind {kind} was seen")

    listed = set(description.document["components"]["schemas"]["ErrorId"]["enum"])
    table, words = ids_in_reference(folder)
    for name in sorted(ids_in_sources(folder) - listed):
        description.complain(f"the sources name the error {name}, ErrorId does not")
    for name in sorted(table - listed):
        description.complain(f"docs/08-api-reference.md lists the error {name}, ErrorId does not")
    for name in sorted(listed - words):
        description.complain(f"docs/08-api-reference.md does not name the error {name}")

    for problem in description.problems:
        print(problem)
    print(f"{len(exchanges)} exchanges, {len(listed)} error ids, {len(description.problems)} problems")
    sys.exit(1 if description.problems else 0)


main()
