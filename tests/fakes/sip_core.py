"""The core's end of Gm: a P-CSCF with everything behind it (registrar, SDF, SCF), one TCP port.

Challenges every REGISTER with a fresh nonce, as a real core does. Tests change the attributes and read
`log`, the requests that came.
"""

import asyncio
import hashlib
import os

DISCOVERY = 'application/vnd.etsi.iptvdiscovery+xml'


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class SipMessage:
    def __init__(self, start, headers, body):
        self.start, self.headers, self.body = start, headers, body

    @property
    def method(self):
        return self.start.split(' ')[0]

    @property
    def uri(self):
        return self.start.split(' ')[1]

    @property
    def status(self):
        return int(self.start.split(' ')[1])

    @property
    def is_request(self):
        return not self.start.startswith('SIP/')

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, default=''):
        return (self.all(name) or [default])[0]


async def read_message(reader):
    while True:
        head = (await reader.readuntil(b'\r\n\r\n')).decode().lstrip('\r\n')
        if head:
            break
    lines = head.rstrip('\r\n').split('\r\n')
    headers = [tuple(part.strip() for part in line.split(':', 1)) for line in lines[1:]]
    length = int(next((v for n, v in headers if n.lower() in ('content-length', 'l')), '0'))
    body = (await reader.readexactly(length)).decode() if length else ''
    return SipMessage(lines[0], headers, body)


class Connection:
    def __init__(self, core, reader, writer):
        self.core, self.reader, self.writer = core, reader, writer
        self.invite = None  # the dialog's first INVITE
        self.to_tag = os.urandom(4).hex()
        self.user_contact = None
        self.cseq = 100
        self.responses = asyncio.Queue()

    @property
    def port(self):
        return self.writer.get_extra_info('peername')[1]

    def send(self, start, headers, body=''):
        lines = [start, *(f'{n}: {v}' for n, v in headers), f'Content-Length: {len(body.encode())}']
        self.writer.write(('\r\n'.join(lines) + '\r\n\r\n' + body).encode())

    def respond(self, request, status, reason='x', extra=(), body='', content_type=None):
        headers = [(n, v) for n, v in request.headers
                   if n.lower() in ('via', 'from', 'call-id', 'cseq', 'session-id')]
        to = request.get('To')
        if 'tag=' not in to and status > 100:
            to += f';tag={self.to_tag}'
        headers.append(('To', to))
        headers += list(extra)
        if content_type:
            headers.append(('Content-Type', content_type))
        self.send(f'SIP/2.0 {status} {reason}', headers, body)

    def in_dialog(self, first, method, extra=(), body='', content_type=None, cseq=None):
        """A request of ours in the dialog that @first, a request of theirs, has made."""
        self.cseq = cseq or self.cseq + 1
        local = first.get('To')
        if 'tag=' not in local:
            local += f';tag={self.to_tag}'
        contact = first.get('Contact').split('>')[0].lstrip('<')
        headers = [('Via', f'SIP/2.0/TCP 127.0.0.1:{self.core.port};branch=z9hG4bK{os.urandom(6).hex()}'),
                   ('Max-Forwards', '70'), ('From', local), ('To', first.get('From')),
                   ('Call-ID', first.get('Call-ID')), ('CSeq', f'{self.cseq} {method}'),
                   ('Contact', f'<sip:core@127.0.0.1:{self.core.port};transport=tcp>'), *extra]
        if content_type:
            headers.append(('Content-Type', content_type))
        self.send(f'{method} {contact} SIP/2.0', headers, body)

    async def run(self):
        try:
            while True:
                message = await read_message(self.reader)
                if message.is_request:
                    await self.core.handle(self, message)
                else:
                    await self.responses.put(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.core.connections.discard(self)
            self.writer.close()


class FakeCore:
    def __init__(self):
        self.passwords = {'demo@imstv.test': 'demo'}
        self.expires = 540
        self.log = []  # (connection, request)
        self.changed = asyncio.Condition()
        self.connections = set()
        self.nonces = {}
        self.discovery = None       # body of the SDF's NOTIFY
        self.subscribe_status = 200
        self.answer_sdp = None      # function(request) -> (status, sdp)
        self.challenge_invite = False
        self.port = 0

    async def start(self):
        self.server = await asyncio.start_server(self._accept, '127.0.0.1', 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        for connection in list(self.connections):
            connection.writer.transport.abort()

    async def _accept(self, reader, writer):
        connection = Connection(self, reader, writer)
        self.connections.add(connection)
        await connection.run()

    def requests(self, method):
        return [r for _, r in self.log if r.method == method]

    async def wait(self, method, count=1, timeout=10):
        """Until @count requests of @method have come; returns (connection, the last of them)."""
        def got():
            return [(c, r) for c, r in self.log if r.method == method]
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(got()) >= count), timeout)
        return got()[count - 1]

    async def handle(self, connection, request):
        handler = getattr(self, 'on_' + request.method.lower(), None)
        if handler:
            handler(connection, request)
        else:
            connection.respond(request, 200)
        async with self.changed:
            self.log.append((connection, request))
            self.changed.notify_all()

    # --- digest ---

    def _credentials(self, value):
        fields = {}
        for part in value.removeprefix('Digest ').split(','):
            name, _, text = part.strip().partition('=')
            fields[name] = text.strip('"')
        return fields

    def _authorized(self, request, header):
        fields = self._credentials(request.get(header))
        user = fields.get('username')
        if not fields.get('nonce') or self.nonces.pop(fields['nonce'], None) is None:
            return False
        ha1 = md5(f'{user}:imstv.test:{self.passwords.get(user)}')
        ha2 = md5(f'{request.method}:{fields["uri"]}')
        middle = f'{fields["nonce"]}:{fields["nc"]}:{fields["cnonce"]}:{fields["qop"]}'
        return fields.get('response') == md5(f'{ha1}:{middle}:{ha2}')

    def _challenge(self, connection, request, status, header):
        nonce = os.urandom(16).hex()
        self.nonces[nonce] = True
        value = f'Digest realm="imstv.test", nonce="{nonce}", algorithm=MD5, qop="auth"'
        connection.respond(request, status, 'Unauthorized', [(header, value)])

    # --- requests ---

    def on_register(self, connection, request):
        fields = self._credentials(request.get('Authorization'))
        if not fields.get('response'):
            self._challenge(connection, request, 401, 'WWW-Authenticate')
        elif not self._authorized(request, 'Authorization'):
            connection.respond(request, 403, 'Forbidden')
        else:
            expires = 0 if request.get('Expires') == '0' else self.expires
            contact = request.get('Contact').split(';expires')[0]
            extra = [('P-Associated-URI', '<sip:demo@imstv.test>'), ('P-Associated-URI', '<tel:+4930123>'),
                     ('Service-Route', f'<sip:orig@127.0.0.1:{self.port};lr>')]
            if expires:
                extra.append(('Contact', f'{contact};expires={expires}'))
            connection.respond(request, 200, 'OK', extra)

    def on_subscribe(self, connection, request):
        if self.subscribe_status != 200:
            connection.respond(request, self.subscribe_status, 'no')
            return
        connection.respond(request, 200, 'OK', [
            ('Expires', '3600'), ('Contact', f'<sip:core@127.0.0.1:{self.port};transport=tcp>')])
        if request.get('Event').startswith('ua-profile') and self.discovery:
            self.notify(connection, request, 'ua-profile;effective-by=0', DISCOVERY, self.discovery)
        elif request.get('Event') == 'reg':
            connection.reg = request
            self.notify(connection, request, 'reg', 'application/reginfo+xml', self.reginfo(connection))

    def reginfo(self, connection, state='active', event='registered'):
        register = next(r for c, r in self.log if c is connection and r.method == 'REGISTER')
        uri = register.get('Contact').split('>')[0].lstrip('<').replace('&', '&amp;')
        return ('<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full">'
                f'<registration aor="sip:demo@imstv.test" id="r1" state="{state}">'
                f'<contact id="c1" state="{state}" event="{event}"><uri>{uri}</uri></contact>'
                '</registration></reginfo>')

    def notify(self, connection, subscribe, event, content_type, body):
        connection.in_dialog(subscribe, 'NOTIFY', [('Event', event),
                                                   ('Subscription-State', 'active;expires=3600')],
                             body, content_type)

    def on_invite(self, connection, request):
        if self.challenge_invite and not request.get('Proxy-Authorization'):
            self._challenge(connection, request, 407, 'Proxy-Authenticate')
            return
        connection.respond(request, 100, 'Trying')
        status, sdp = self.answer_sdp(request)
        if status is None:
            connection.waiting = request
            return
        if 'tag=' not in request.get('To'):
            connection.invite = request
        extra = [('Contact', f'<sip:mcf@127.0.0.1:{self.port};transport=tcp>')]
        if status == 503:
            extra.append(('Retry-After', '7'))
        connection.respond(request, status, 'OK' if status == 200 else 'refused', extra, sdp or '',
                           'application/sdp' if sdp else None)

    def on_cancel(self, connection, request):
        connection.respond(request, 200)
        connection.respond(connection.waiting, 487, 'Request Terminated')

    def on_ack(self, connection, request):
        pass
