"""A W2 client: WebSocket and JSONrtc frames, with the digest answered as the page does it.

Python's standard library only. Spec: docs/w2.md.
"""

import asyncio
import base64
import hashlib
import json
import os
import struct

PROTOCOL = 'jsonrtc.imstv'


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class W2Error(Exception):
    def __init__(self, frame):
        super().__init__(json.dumps(frame))
        self.frame = frame
        self.code = frame['header'].get('error_code')


class WebSocket:
    """One connection. After the end, `close_code` says why."""

    def __init__(self, reader, writer, head):
        self.reader, self.writer, self.head = reader, writer, head
        self.close_code = None

    @classmethod
    async def open(cls, port, path='/w2', protocol=PROTOCOL, headers=()):
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f'GET {path} HTTP/1.1', f'Host: 127.0.0.1:{port}', 'Upgrade: websocket',
                 'Connection: Upgrade', f'Sec-WebSocket-Key: {key}', 'Sec-WebSocket-Version: 13']
        if protocol:
            lines.append(f'Sec-WebSocket-Protocol: {protocol}')
        writer.write(('\r\n'.join([*lines, *headers]) + '\r\n\r\n').encode())
        try:
            head = (await reader.readuntil(b'\r\n\r\n')).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            raise ConnectionError('upgrade refused') from None
        if ' 101 ' not in head.split('\r\n')[0]:
            raise ConnectionError(head)
        return cls(reader, writer, head)

    def cookie(self):
        for line in self.head.split('\r\n'):
            if line.lower().startswith('set-cookie:'):
                return line.split(':', 1)[1].split(';')[0].strip()
        return None

    def send_bytes(self, data, opcode=1, final=True):
        mask = os.urandom(4)
        length = len(data)
        head = bytes([(0x80 if final else 0) | opcode])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += bytes([0x80 | 126]) + struct.pack('>H', length)
        else:
            head += bytes([0x80 | 127]) + struct.pack('>Q', length)
        self.writer.write(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def send(self, text):
        self.send_bytes(text.encode())

    async def receive(self):
        """The next text message; None once the connection is over."""
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                length = second & 0x7f
                if length == 126:
                    length, = struct.unpack('>H', await self.reader.readexactly(2))
                elif length == 127:
                    length, = struct.unpack('>Q', await self.reader.readexactly(8))
                data = await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            opcode = first & 0xf
            if opcode == 1:
                return data.decode()
            if opcode == 8:
                self.close_code = struct.unpack('>H', data[:2])[0] if data else 1005
                return None
            if opcode == 9:
                self.send_bytes(data, opcode=10)

    def abort(self):
        self.writer.transport.abort()

    async def close(self):
        self.writer.close()


class W2Client:
    """Numbers frames, answers `authenticate`, keeps messages of the gateway for those who ask."""

    def __init__(self, user='demo@imstv.test', password='demo'):
        self.user = user
        self.realm = user.split('@')[1]
        self.ha1 = md5(f'{user}:{self.realm}:{password}')
        self.socket = None
        self.session_id = None
        self.sent = 0
        self.received = 0
        self.retained = []
        self.answers = {}
        self.messages = []
        self.arrived = asyncio.Condition()
        self.plain = None  # future: the reconnect response
        self.challenges = []
        self.reader = None
        self.trace = []

    async def open(self, port, **kwargs):
        self.socket = await WebSocket.open(port, **kwargs)
        self.reader = asyncio.create_task(self._read(self.socket))

    async def lose(self):
        """The connection breaks without a word."""
        self.socket.abort()
        await self.reader

    async def _read(self, socket):
        while (text := await socket.receive()) is not None:
            if text == 'pong':
                continue
            self.trace.append('< ' + text)
            await self._receive(json.loads(text))

    async def _receive(self, frame):
        control = frame['control']
        if control.get('ack_sequence') is not None:
            self.retained = [f for f in self.retained
                             if f['control']['sequence'] > control['ack_sequence']]
        if control['type'] == 'acknowledgement':
            return
        if 'sequence' not in control:
            if self.plain and not self.plain.done():
                self.plain.set_result(frame)
            return
        if control['sequence'] <= self.received:
            raise AssertionError('a frame came twice: ' + json.dumps(frame))
        assert control['sequence'] == self.received + 1, frame
        self.received = control['sequence']
        self.session_id = control['session_id']
        if control['type'] == 'request' and frame['header']['action'] == 'authenticate':
            self._authenticate(frame)
        async with self.arrived:
            if control['type'] in ('response', 'error'):
                self.answers[control.get('correlation_id')] = frame
            elif control['type'] == 'message':
                self.messages.append(frame)
            self.arrived.notify_all()

    def _authenticate(self, frame):
        challenge = frame['payload']['challenge']
        self.challenges.append(challenge)
        cnonce = os.urandom(8).hex()
        ha2 = md5(f'{challenge["method"]}:{challenge["uri"]}')
        middle = f'{challenge["nonce"]}:{challenge["nc"]}:{cnonce}:{challenge["qop"]}'
        payload = {'username': self.user, 'cnonce': cnonce, 'response': md5(f'{self.ha1}:{middle}:{ha2}')}
        self._send('response', frame['control']['package_type'],
                   {'action': 'authenticate', 'response_code': 200}, payload,
                   correlation_id=f's{frame["control"]["sequence"]}', message_state='final')

    def _send(self, kind, package, header, payload=None, **control):
        self.sent += 1
        frame = {'control': {'type': kind, 'package_type': package, 'sequence': self.sent,
                             'ack_sequence': self.received, 'version': '1.0', **control},
                 'header': header}
        if self.session_id:
            frame['control']['session_id'] = self.session_id
        if payload is not None:
            frame['payload'] = payload
        self.retained.append(frame)
        self._write(frame)
        return self.sent

    def _write(self, frame):
        text = json.dumps(frame)
        self.trace.append('> ' + text)
        self.socket.send(text)

    def message(self, package, header, **control):
        self._send('message', package, header, **control)

    def post(self, package, header, payload=None, **control):
        """Sends a request; returns its id."""
        return f'c{self._send("request", package, header, payload, **control)}'

    def post_in_new_subsession(self, package, header, payload=None):
        return self.post(package, header, payload, subsession_id=f'c{self.sent + 1}')

    async def answer(self, request_id, timeout=10):
        """The final answer. Raises W2Error for an error."""
        async with self.arrived:
            await asyncio.wait_for(
                self.arrived.wait_for(lambda: request_id in self.answers), timeout)
        frame = self.answers.pop(request_id)
        if frame['control']['type'] == 'error':
            raise W2Error(frame)
        return frame

    async def request(self, package, header, payload=None, timeout=10, **control):
        return await self.answer(self.post(package, header, payload, **control), timeout)

    async def wait_message(self, match, timeout=10):
        """The first message for which @match(header) is true; it is taken out."""
        def find():
            return next((m for m in self.messages if match(m['header'])), None)
        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: find() is not None), timeout)
        frame = find()
        self.messages.remove(frame)
        return frame

    async def connect(self):
        return await self.request('register', {'action': 'connect', 'initiator': self.user,
                                               'target': self.user})

    async def reconnect(self, port, header=None, timeout=5, **kwargs):
        """Opens a new socket and resumes. Returns the gateway's frame."""
        await self.open(port, **kwargs)
        self.plain = asyncio.get_running_loop().create_future()
        first = self.retained[0]['control']['sequence'] if self.retained else self.sent + 1
        fields = {'action': 'connect', 'cslr': self.received, 'cslw': first, 'csuw': self.sent}
        self._write({'control': {'type': 'request', 'package_type': 'register',
                                 'session_id': self.session_id},
                     'header': {**fields, **(header or {})}})
        frame = await asyncio.wait_for(self.plain, timeout)
        if frame['control']['type'] == 'response':
            for missed in self.retained:
                if missed['control']['sequence'] > frame['header']['sslr']:
                    self._write(missed)
        return frame

    async def start(self, target, service, sdp, complete=True, **header):
        """A call; returns (subsession, the final response)."""
        request_id = self.post_in_new_subsession(
            'call', {'action': 'start', 'initiator': self.user, 'target': target,
                     'iptv_service': service, **header}, {'sdp': sdp})
        frame = await self.answer(request_id)
        if complete:
            self.message('call', {'action': 'complete'}, subsession_id=request_id,
                         correlation_id=request_id)
        return request_id, frame

    async def media(self, subsession, method, **header):
        return await self.request('iptv_media', {'action': 'notify', 'method': method, **header},
                                  subsession_id=subsession)

    async def shutdown(self, subsession):
        return await self.request('call', {'action': 'shutdown'}, subsession_id=subsession)
