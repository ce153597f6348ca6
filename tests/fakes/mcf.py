"""The MCF's end of Xc: an RTSP server on one TCP port."""

import asyncio


class RtspRequest:
    def __init__(self, start, headers, body):
        self.method, self.uri, _ = start.split(' ')
        self.headers, self.body = headers, body

    def get(self, name):
        return self.headers.get(name.lower())


class FakeMcf:
    def __init__(self):
        self.log = []
        self.changed = asyncio.Condition()
        self.writers = []
        self.granted = {'one:imstv.test', 'two:imstv.test'}
        self.play_status = 200
        self.hold = False  # answer nothing
        self.announced = asyncio.Queue()
        self.cseq = 0
        self.port = 0

    async def start(self):
        self.server = await asyncio.start_server(self._accept, '127.0.0.1', 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()

    async def wait(self, method, count=1, timeout=10):
        def got():
            return [r for r in self.log if r.method == method]
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(got()) >= count), timeout)
        return got()[count - 1]

    async def _accept(self, reader, writer):
        self.writers.append(writer)
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writers.remove(writer)

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b'\r\n\r\n')).decode().strip()
        lines = head.split('\r\n')
        headers = {n.strip().lower(): v.strip() for n, v in (line.split(':', 1) for line in lines[1:])}
        length = int(headers.get('content-length', '0'))
        body = (await reader.readexactly(length)).decode() if length else ''
        if lines[0].startswith('RTSP/'):
            await self.announced.put(int(lines[0].split(' ')[1]))
            return
        request = RtspRequest(lines[0], headers, body)
        if not self.hold:
            self._respond(writer, request)
        async with self.changed:
            self.log.append(request)
            self.changed.notify_all()

    def _respond(self, writer, request):
        status, extra, body = getattr(self, 'on_' + request.method.lower())(request)
        lines = [f'RTSP/1.0 {status} {"OK" if status == 200 else "Forbidden"}',
                 f'CSeq: {request.get("CSeq")}', f'Session: {request.get("Session")}', *extra]
        if body:
            lines += ['Content-Type: text/parameters', f'Content-Length: {len(body)}']
        writer.write(('\r\n'.join(lines) + '\r\n\r\n' + body).encode())

    def on_play(self, request):
        start = (request.get('Range') or 'npt=0-').split('=')[1].rstrip('-')
        start = '0' if start == 'now' else start
        if self.play_status != 200:
            return self.play_status, [], ''
        return 200, [f'Range: npt={float(start):.3f}-30.000', f'Scale: {request.get("Scale") or "1.0"}',
                     f'X-Media-Anchor: rtp_time=123456;media_time={float(start):.3f}'], ''

    def on_pause(self, request):
        return 200, ['Range: npt=5.000-30.000'], ''

    def on_get_parameter(self, request):
        values = {'position': '5.500', 'duration': '30.000', 'scales': '1,2'}
        names = request.body.split()
        if any(name not in values for name in names):
            return 451, [], ''
        return 200, [], ''.join(f'{name}: {values[name]}\r\n' for name in names)

    def on_set_parameter(self, request):
        service = request.body.split(':', 1)[1].strip()
        return (200, [], '') if service in self.granted else (403, [], '')

    def announce(self, uri, session, notice):
        self.cseq += 1
        self.writers[-1].write((f'ANNOUNCE {uri} RTSP/1.0\r\nCSeq: {self.cseq}\r\nSession: {session}\r\n'
                                f'Notice: {notice}\r\n\r\n').encode())
