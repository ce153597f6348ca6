#!/usr/bin/env python3
"""imstv-ingest as people and the headend use it: one file, the daemon's API, and everything that goes wrong.

Arguments: imstv-ingest, imstv-demo-encoder, imstv."""
import fcntl
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

INGEST, ENCODER, IMSTV = map(os.path.abspath, sys.argv[1:4])
ENCODE = [ENCODER, "--width", "320", "--height", "180", "--bitrate-kbps", "400"]


def make_film(path, seconds=2, *options):
    subprocess.run([*ENCODE, "--file", path, "--seconds", str(seconds), *options], check=True)


def children_of(pid):
    out = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            out.append(int(status.parent.name))
    return out


def wait_for(what, timeout=30):
    """Polls for something that no event tells us about."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true in {timeout} s")


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ingest-"))
        self.state = self.folder / "state"
        self.addCleanup(shutil.rmtree, self.folder, True)

    def content(self):
        path = self.state / "content"
        return sorted(os.listdir(path)) if path.is_dir() else []

    def once(self, file, *options, prefix=()):
        return subprocess.run([*prefix, INGEST, "--once", str(file), "--state", str(self.state), *options],
                              capture_output=True, text=True, timeout=120)

    def assert_refused(self, file, *words):
        done = self.once(file)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for word in (str(file), "Nothing was published.", *words):
            self.assertIn(word, lines[0])
        self.assertEqual(self.content(), [])

    def assert_whole(self, asset):
        folder = self.state / "content" / asset
        record = json.loads((folder / "asset.json").read_text())
        self.assertEqual(record["id"], asset)
        self.assertGreater(record["duration_us"], 0)
        for track in record["tracks"]:
            self.assertGreater((folder / track["file"]).stat().st_size, 0)


class Once(Case):
    def test_publishes(self):
        film = self.folder / "my_film.mp4"
        make_film(film)
        done = self.once(film, "--credit", "Me, CC0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("plays as it is", done.stdout)
        self.assertIn('published as "my-film"', done.stdout)
        self.assert_whole("my-film")
        record = json.loads((self.state / "content/my-film/asset.json").read_text())
        self.assertEqual(record["credit"], "Me, CC0")
        self.assertEqual((self.state / "content/my-film/poster.jpg").read_bytes()[:2], b"\xff\xd8")
        self.assertEqual(record["source"]["video_treatment"], "keep")

    def test_json(self):
        film = self.folder / "f.mkv"
        make_film(film, 1)
        done = self.once(film, "--json", "--id", "x")
        record = json.loads(done.stdout)
        self.assertEqual((record["asset"], record["stage"]), ("x", "done"))

    def test_does_not_replace(self):
        film = self.folder / "f.mp4"
        make_film(film, 1)
        self.assertEqual(self.once(film).returncode, 0)
        again = self.once(film)
        self.assertEqual(again.returncode, 1)
        self.assertIn('there is an asset "f" already', again.stderr)
        self.assert_whole("f")

    def test_remove(self):
        film = self.folder / "f.mp4"
        make_film(film, 1)
        self.once(film)
        remove = [INGEST, "--remove", "f", "--state", str(self.state)]
        self.assertEqual(subprocess.run(remove, capture_output=True).returncode, 0)
        self.assertEqual(self.content(), [])
        gone = subprocess.run(remove, capture_output=True, text=True)
        self.assertEqual(gone.returncode, 1)
        self.assertIn('there is no asset "f"', gone.stderr)

    def test_wrong_usage(self):
        self.assertEqual(self.once("f.mp4", "--id", "No Id").returncode, 2)
        self.assertEqual(self.once("f.mp4", "--no-such-option").returncode, 2)

    def test_cannot_write(self):
        self.state.write_text("a file where the state folder should be")
        film = self.folder / "f.mp4"
        make_film(film, 1)
        done = self.once(film)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.state), done.stderr)


class Broken(Case):
    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def film(self, name, *options):
        path = self.folder / name
        make_film(path, 2, *options)
        return path.read_bytes()

    def test_missing(self):
        self.assert_refused(self.folder / "none.mp4", "No such file")

    def test_empty(self):
        self.assert_refused(self.write("e.mp4", b""), "it is empty (0 bytes)")

    def test_text(self):
        self.assert_refused(self.write("t.mp4", b"This is no film.\n" * 50), "it is a text file", "MP4, MOV, MKV or MPEG-TS")

    def test_folder(self):
        (self.folder / "d.mp4").mkdir()
        self.assert_refused(self.folder / "d.mp4", "it is a folder")

    def test_pipe(self):
        os.mkfifo(self.folder / "p.mp4")
        self.assert_refused(self.folder / "p.mp4", "it is a device, socket or pipe")

    def test_playlist(self):
        playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n"
        self.assert_refused(self.write("p.m3u8", playlist), "it is a text file")

    def test_noise(self):
        self.assert_refused(self.write("n.mkv", random.Random(1).randbytes(100000)), "it is no media file known here")

    def test_noise_behind_a_header(self):
        noise = random.Random(2).randbytes(100000)
        self.assert_refused(self.write("n.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + noise), "damaged")
        self.assert_refused(self.write("n.mkv", b"\x1a\x45\xdf\xa3" + noise))

    def test_cut_off(self):
        whole = self.film("w.mp4")
        self.assert_refused(self.write("c.mp4", whole[: len(whole) // 3]), "breaks off")

    def test_sound_only(self):
        self.film("v.mkv")
        sound = self.folder / "s.mkv"
        subprocess.run(["gst-launch-1.0", "-q", "audiotestsrc", "num-buffers=50", "!", "opusenc", "!", "matroskamux", "!",
                        "filesink", f"location={sound}"], check=True)
        self.assert_refused(sound, "no picture")

    def test_damaged_in_the_middle(self):
        """Bytes turned around inside a film end in a film or in a reason, never in half an asset."""
        noise = random.Random(3)
        for name in ("d.mp4", "d.mkv", "d.ts"):
            data = bytearray(self.film(name, "--b-frames", "2"))
            for _ in range(200):
                data[noise.randrange(len(data))] = noise.randrange(256)
            done = self.once(self.write(name, bytes(data)), "--id", "damaged")
            if done.returncode == 0:
                self.assert_whole("damaged")
                shutil.rmtree(self.state / "content/damaged")
            else:
                self.assertIn("Nothing was published.", done.stderr)
            self.assertEqual(self.content(), [])


class Killed(Case):
    def test_at_random_points(self):
        film = self.folder / "f.mp4"
        make_film(film, 3, "--b-frames", "2")
        moments = random.Random(8)
        for _ in range(12):
            process = subprocess.Popen([INGEST, "--once", str(film), "--state", str(self.state)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(moments.uniform(0.02, 1.0))  # the random point
            except subprocess.TimeoutExpired:
                pass
            children = children_of(process.pid)
            process.kill()
            process.wait()
            for child in children:
                wait_for(lambda: not pathlib.Path(f"/proc/{child}/exe").exists())
            for name in self.content():
                if not name.startswith("."):
                    self.assert_whole(name)
                    shutil.rmtree(self.state / "content" / name)
        self.assertEqual(self.once(film).returncode, 0)
        self.assertEqual(self.content(), ["f"])

    def test_interrupt_leaves_nothing(self):
        film = self.folder / "f.mp4"
        make_film(film, 20, "--b-frames", "2")
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen([INGEST, "--once", str(film), "--state", str(self.state)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            wait_for(lambda: self.content())
            process.send_signal(number)
            self.assertEqual(process.wait(10), 1)
            self.assertIn("interrupted", process.stderr.read())
            process.stderr.close()
            self.assertEqual(self.content(), [])


class DiskFull(Case):
    def test_says_so_and_publishes_nothing(self):
        film = self.folder / "f.mp4"
        make_film(film, 20, "--width", "640", "--height", "360", "--bitrate-kbps", "4000")
        self.state.mkdir()
        script = 'mount -t tmpfs -o size=2m none "$1" && shift && "$@"; code=$?; ls -A "$0"/content; exit $code'
        if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount name spaces here")
        done = self.once(film, prefix=("unshare", "-rm", "sh", "-c", script, str(self.state), str(self.state)))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("disk is full", done.stderr)
        self.assertIn("Nothing was published.", done.stderr)
        self.assertNotIn(".staging", done.stdout)


class Daemon(Case):
    def setUp(self):
        super().setUp()
        notify = self.folder / "notify"
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(ready.close)
        ready.bind(str(notify))
        ready.settimeout(30)
        self.state.mkdir()
        stale = self.state / "content/.staging-of-an-earlier-run"
        stale.mkdir(parents=True)
        (stale / "00-video.reel").write_text("half")
        self.process = subprocess.Popen(
            [INGEST, "--set", f"headend.state_dir={self.state}", "--set", "ingest.http_port=0", "--set", "ingest.admin_port=0"],
            env={**os.environ, "NOTIFY_SOCKET": str(notify)}, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        message = ""
        while "READY=1" not in message:
            message = ready.recv(4096).decode()
        status = next(line for line in message.splitlines() if line.startswith("STATUS="))
        self.ports = dict(item.split("=") for item in status[len("STATUS="):].split())

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(5)

    def ask(self, method, path, body=None, port="http"):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.ports[port]), timeout=20)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.location = answer.headers.get("Location")
        json_types = ("application/json", "application/problem+json")
        is_json = answer.headers.get_content_type() in json_types
        return answer.status, json.loads(text) if is_json and text else text

    def ended(self, path):
        status, job = self.ask("GET", path)
        self.assertEqual(status, 200)
        return job if job["stage"] in ("done", "failed", "cancelled") else None

    def test_life_of_an_asset(self):
        self.assertEqual(self.content(), [])  # the earlier run's rest is gone
        film = self.folder / "a film.mp4"
        make_film(film, 3, "--b-frames", "1")
        status, job = self.ask("POST", "/api/v1/jobs", {"file": str(film), "title": "A Film"})
        self.assertEqual((status, job["asset"], job["stage"]), (202, "a-film", "queued"))
        path = self.location
        status, _ = self.ask("POST", "/api/v1/jobs", {"file": str(film), "title": "A Film"})
        self.assertEqual(status, 409)
        job = wait_for(lambda: self.ended(path))
        self.assertEqual((job["stage"], job["fraction"]), ("done", 1), job)
        self.assertIn("has B-frames", job["verdict"])
        self.assert_whole("a-film")
        self.assertEqual(len(self.ask("GET", "/api/v1/jobs")[1]["jobs"]), 1)
        self.assertEqual(self.ask("DELETE", path)[0], 409)
        self.assertEqual(self.ask("DELETE", "/api/v1/assets/a-film")[0], 204)
        self.assertEqual(self.ask("DELETE", "/api/v1/assets/a-film")[0], 404)
        self.assertEqual(self.content(), [])
        self.assertIn(b'imstv_ingest_jobs_total{outcome="done"} 1', self.ask("GET", "/metrics", port="admin")[1])

    def test_failure_and_queue(self):
        bad = self.folder / "bad.mp4"
        bad.write_text("no film")
        good = self.folder / "good.mkv"
        make_film(good, 1)
        _, first = self.ask("POST", "/api/v1/jobs", {"file": str(bad)})
        self.ask("POST", "/api/v1/jobs", {"file": str(good)})
        second = self.location
        self.assertEqual(wait_for(lambda: self.ended(second))["stage"], "done")
        job = self.ended(f"/api/v1/jobs/{first['id']}")
        self.assertEqual(job["stage"], "failed")
        self.assertIn("it is a text file", job["error"])
        self.assertEqual(self.content(), ["good"])

    def test_cancel(self):
        film = self.folder / "long.mp4"
        make_film(film, 60, "--b-frames", "2", "--width", "640", "--height", "360")
        self.ask("POST", "/api/v1/jobs", {"file": str(film)})
        running = self.location
        self.ask("POST", "/api/v1/jobs", {"file": str(film), "id": "waiting"})
        waiting = self.location
        wait_for(lambda: self.ask("GET", running)[1]["stage"] == "conform")
        self.assertEqual(self.ask("DELETE", waiting)[0], 204)
        self.assertEqual(self.ask("DELETE", running)[0], 204)
        for path in (running, waiting):
            self.assertEqual(self.ended(path)["stage"], "cancelled")
        self.assertEqual(self.content(), [])
        self.assertEqual(children_of(self.process.pid), [])

    def test_refuses(self):
        for body in ({}, {"file": "relative.mp4"}, {"file": 7}, {"file": "/f.mp4", "id": "Bad Id"},
                     {"file": "/f.mp4", "title": ["x"]}, {"file": "/f.mp4", "title": "x" * 300}):
            self.assertEqual(self.ask("POST", "/api/v1/jobs", body)[0], 400, body)
        self.assertEqual(self.ask("GET", "/api/v1/jobs/none")[0], 404)
        self.assertEqual(self.ask("DELETE", "/api/v1/jobs/none")[0], 404)
        for path in ("/api/v1/assets/..%2f..", "/api/v1/assets/%2e%2e", "/api/v1/assets/.staging-x"):
            self.assertIn(self.ask("DELETE", path)[0], (400, 404), path)

    def test_stops_in_time(self):
        film = self.folder / "long.mp4"
        make_film(film, 60, "--b-frames", "2")
        self.ask("POST", "/api/v1/jobs", {"file": str(film)})
        wait_for(lambda: children_of(self.process.pid))
        self.process.terminate()
        self.assertEqual(self.process.wait(3), 0)
        self.assertEqual(self.content(), [])

    def test_command_line(self):
        """`imstv asset` finds the daemon of a running headend and works over its API."""
        run = self.state / "run"
        run.mkdir()
        (run / "imstv.conf").write_text(f"[ingest]\nhttp_port={self.ports['http']}\n")
        lock = open(run / "lock", "w")
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)
        command_line(self)
        self.assertEqual(len(self.ask("GET", "/api/v1/jobs")[1]["jobs"]), 2)  # so it was really the daemon


def command_line(case):
    """The same answers with and without a headend."""
    film, text = case.folder / "film.mp4", case.folder / "text.mp4"
    make_film(film, 2, "--b-frames", "1")
    text.write_text("no film")
    bin = case.folder / "bin"  # as an installation has it: all programs in one folder
    bin.mkdir()
    for program in (IMSTV, INGEST):
        (bin / os.path.basename(program)).symlink_to(program)

    def imstv(*words):
        return subprocess.run([bin / "imstv", "--state", case.state, *words], capture_output=True, text=True, timeout=60)

    done = imstv("asset", "add", film, "--title", "The Film", "--synopsis", "It moves.")
    case.assertEqual(done.returncode, 0, done.stderr)
    case.assertIn("has B-frames", done.stdout)
    case.assertIn('The Film: published as "the-film".', done.stdout)
    failed = imstv("asset", "add", text)
    case.assertEqual(failed.returncode, 1)
    case.assertIn("it is a text file", failed.stderr)
    assets = json.loads(imstv("--json", "asset", "list").stdout)
    case.assertEqual([(a["id"], a["title"], a["synopsis"]) for a in assets], [("the-film", "The Film", "It moves.")])
    case.assertIn("320x180, 25 frames a second", imstv("asset", "show", "the-film").stdout)
    case.assertEqual(imstv("asset", "show", "none").returncode, 1)
    case.assertEqual(imstv("asset", "remove", "the-film").returncode, 0)
    case.assertEqual(imstv("asset", "remove", "the-film").returncode, 1)
    case.assertEqual(imstv("asset", "list").stdout, "")
    case.assertEqual(imstv("asset", "no-such-word").returncode, 2)


class CommandLine(Case):
    def test_without_a_headend(self):
        command_line(self)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
