#!/usr/bin/env python3
"""imstv-bench against a real MDF with a live channel: what it says of viewers that play, and of ones that cannot.

Arguments: imstv-bench, imstv-mdf, imstv-input, imstv-demo-encoder, imstv."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

BENCH, MDF, INPUT, ENCODER, IMSTV = map(os.path.abspath, sys.argv[1:6])
PROFILES = ("SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_SHA1_80")


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_mdf(state):
    """Returns the process and the port of its WHEP door."""
    settings = {"headend.state_dir": state, "mdf.xp_port": 0, "mdf.media_port": 0, "mdf.admin_port": 0,
                "whep.port": 0, "whep.anonymous": "true", "mdf.input_program": INPUT}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    mdf = subprocess.Popen([MDF, *words], stderr=subprocess.PIPE, text=True)
    seen = []
    for line in mdf.stderr:
        seen.append(line)
        ready = re.search(r"ready: .*whep=(\d+)", line)
        if ready:
            threading.Thread(target=mdf.stderr.read).start()  # a full pipe would stop it
            return mdf, int(ready[1])
    raise AssertionError(f"the MDF does not start: {''.join(seen)}")


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.state = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
        cls.addClassCleanup(shutil.rmtree, cls.state, True)
        address = f"udp://127.0.0.1:{free_udp_port()}"
        subprocess.run([IMSTV, "--state", cls.state, "channel", "add", "one", "--input", address], check=True,
                       stdout=subprocess.DEVNULL)
        encoder = subprocess.Popen([ENCODER, "--channel", "one", "--output", address, "--width", "320",
                                    "--height", "180", "--bitrate-kbps", "300"])
        cls.addClassCleanup(cls.end, encoder)
        cls.mdf, port = start_mdf(cls.state)
        cls.addClassCleanup(cls.mdf.stderr.close)
        cls.addClassCleanup(cls.end, cls.mdf)
        cls.whep = f"http://127.0.0.1:{port}/whep/channel/"

    @staticmethod
    def end(process):
        process.terminate()
        process.wait(10)

    def bench(self, channel, *options):
        done = subprocess.run([BENCH, "--whep", self.whep + channel, "--viewers", "4", "--duration-s", "1", *options],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def assert_whole(self, found):
        self.assertEqual((found["viewers"], found["failed"], found["forged"], found["lost"]), (4, 0, 0, 0))
        self.assertGreater(found["packets"], 0)
        self.assertGreater(found["verified"], 0)

    def test_every_profile_plays_and_is_authentic(self):
        for profile in PROFILES:
            code, out, err = self.bench("one", "--json", "--srtp", profile, "--pid", str(self.mdf.pid))
            self.assertEqual(code, 0, err + out)
            found = json.loads(out)
            self.assert_whole(found)
            self.assertEqual(found["playing"], 4)
            times = [found[step]["median"] for step in ("answer_ms", "ice_ms", "dtls_ms", "first_packet_ms")]
            self.assertEqual(times, sorted(times))
            self.assertGreater(found["server"]["threads"], 1)

    def test_zapping_makes_more_sessions(self):
        code, out, err = self.bench("one", "--json", "--mix", "zap", "--zap-every-s", "0.2")
        self.assertEqual(code, 0, err + out)
        found = json.loads(out)
        self.assert_whole(found)
        self.assertGreater(found["sessions"], 4)

    def test_text_names_what_was_counted(self):
        code, out, err = self.bench("one")
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"viewers +4, playing 4")
        self.assertRegex(out, r"first packet +min ")

    def test_no_such_channel_is_said(self):
        code, out, err = self.bench("none", "--json")
        self.assertEqual(code, 1)
        self.assertIn("no channel none", err)
        self.assertEqual(json.loads(out)["failed"], 4)

    def test_no_server(self):
        done = subprocess.run([BENCH, "--whep", "http://127.0.0.1:9/", "--viewers", "1", "--duration-s", "0.1"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("viewer 1:", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
