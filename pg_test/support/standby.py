"""A hot standby of a server of the tests."""

import os
import pathlib
import shutil
import subprocess

from conftest import EVERYTHING, Server, free_port, server_name


class Standby(Server):
    """A copy of the primary, with its roles, functions and tables. It never cancels a reader."""

    def __init__(self, primary, name="standby", settings=EVERYTHING):
        self.name, self.port = server_name(name), free_port()
        self.call("remove", self.name)
        self.directory().mkdir()
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(self.directory(), user[2])
        data = str(self.directory() / "data")
        backup = str(pathlib.Path(self.call("copy")).with_name("pg_basebackup"))
        for command in ([backup, "-d", primary.dsn(dbname="postgres"), "-D", data, "-c", "fast"], ["touch", data + "/standby.signal"]):
            subprocess.run(user + command, check=True, cwd="/")
        self.start({**settings, "max_standby_streaming_delay": "-1", "primary_conninfo": primary.dsn(dbname="postgres")})
