"""Containers of the image under test, as their users start them."""

import json
import os
import subprocess

import psycopg

from conftest import eventually

MAJOR = os.environ.get("PG") or "15"
IMAGE = "redshift_sessions:" + MAJOR
TRUSTING = ("--env", "POSTGRES_HOST_AUTH_METHOD=trust")


def docker(*arguments, **options):
    run = subprocess.run(["docker", *arguments], text=True, capture_output=True, **options)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.strip()


def volumes_of(container):
    mounts = json.loads(docker("inspect", "--format", "{{json .Mounts}}", container))
    return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]


class Container:
    """One that runs, until `remove`; its server listens on the port inside."""

    def __init__(self, name, inside=5439):
        self.id, self.inside = name, inside

    @classmethod
    def start(cls, *options, command=(), inside=5439):
        """Listens on a free port of this machine."""
        return cls(docker("run", "--detach", "--publish", "127.0.0.1::%d" % inside, *options, IMAGE, *command), inside)

    def state(self):
        return json.loads(docker("inspect", "--format", "{{json .State}}", self.id))

    def health(self):
        return self.state()["Health"]["Status"]

    def wait(self):
        """Until it is healthy; a server that has ended never will be."""

        def healthy():
            state = self.state()
            assert state["Running"], self.log()
            return state["Health"]["Status"] == "healthy"

        eventually(healthy)
        return self

    def check(self):
        """What the health check says now: its exit status."""
        return subprocess.run(["docker", "exec", self.id, "redshift_sessions-is-ready"], capture_output=True).returncode

    def port(self):
        return int(docker("port", self.id, "%d/tcp" % self.inside).splitlines()[0].rsplit(":", 1)[1])

    def connect(self, user="awsuser", dbname="dev", **options):
        return psycopg.connect(host="127.0.0.1", port=self.port(), user=user, dbname=dbname, autocommit=True, **options)

    def log(self):
        return subprocess.run(["docker", "logs", self.id], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    def remove(self):
        docker("rm", "--force", "--volumes", self.id)
