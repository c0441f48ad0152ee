"""Runs the server under test: the binary that `BIMIP_SERVER` names."""

import os
import re
import signal
import subprocess
import threading


class Server:
    def __init__(self, data, *args):
        self.data, self.args = data, args
        self.ports = (0, 0)
        self.log = []
        self.start()

    def start(self):
        http, tcp = self.ports
        self.proc = subprocess.Popen(
            [
                os.environ["BIMIP_SERVER"],
                "serve",
                "--listen",
                f"127.0.0.1:{http}",
                "--tcp",
                f"127.0.0.1:{tcp}",
                "--data",
                str(self.data),
                "--min-free-mib",
                "0",
                *self.args,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.proc.stdout.readline()
        m = re.match(r"listening on http://([^:]+):(\d+) tcp ([^:]+):(\d+)", line)
        if not m:
            raise RuntimeError(line + self.proc.stderr.read())
        self.host, self.port, self.tcp = m[1], int(m[2]), (m[3], int(m[4]))
        self.ports = (self.port, self.tcp[1])  # the same again after a restart
        threading.Thread(target=lambda p=self.proc: self.log.extend(p.stderr), daemon=True).start()

    @property
    def http(self):
        return f"http://{self.host}:{self.port}"

    @property
    def vp(self):
        return f"ws://{self.host}:{self.port}/"

    @property
    def bm(self):
        return f"ws://{self.host}:{self.port}/bimip"

    def kill(self):
        self.proc.kill()  # SIGKILL
        self.proc.wait()

    def term(self):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait(30)

    def stop(self):
        if self.proc.poll() is None:
            self.kill()
