#!/usr/bin/env python3
"""imstv-sgw between a W2 client and fakes of the core, the SSF and the MCF.

test-sgw.py IMSTV-SGW OFFER.SDP [NAME...]: prints TAP; a failed case prints the frames and SIP requests.
"""

import asyncio
import json
import os
import re
import socket
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'fakes'))

from mcf import FakeMcf                                          # noqa: E402
from sip_core import FakeCore                                    # noqa: E402
from ssf import FakeHttp, discovery_document, selection_answers  # noqa: E402
from w2_client import W2Client, W2Error, WebSocket               # noqa: E402

SGW, OFFER = sys.argv[1], open(sys.argv[2], newline='').read()
HEX32 = re.compile(r'^[0-9a-f]{32}$')


class Headend:
    """The gateway and its neighbours."""

    def __init__(self, *settings):
        self.core, self.mcf, self.ssf, self.whep = FakeCore(), FakeMcf(), FakeHttp(), FakeHttp()
        self.settings = settings
        self.clients = []
        self.h_session = 0

    async def __aenter__(self):
        for far_end in (self.core, self.mcf, self.ssf, self.whep):
            await far_end.start()
        self.ssf.answers = selection_answers(self.ssf.port)
        self.core.discovery = discovery_document(self.ssf.port)
        self.core.answer_sdp = lambda request: (200, self.answer())
        await self._start_sgw()
        return self

    async def _start_sgw(self):
        self.folder = tempfile.TemporaryDirectory()
        web = os.path.join(self.folder.name, 'web')
        os.mkdir(web)
        with open(os.path.join(web, 'index.html'), 'w') as page:
            page.write('<html>@home_domain@ imstv</html>')
        path = os.path.join(self.folder.name, 'notify')
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(path)
        notify.setblocking(False)
        settings = ['port=0', 'admin_port=0', f'web_dir={web}', f'pcscf=127.0.0.1:{self.core.port}',
                    f'api_upstream=http://127.0.0.1:{self.ssf.port}',
                    f'whep_upstream=http://127.0.0.1:{self.whep.port}', *self.settings]
        args = [arg for s in settings for arg in ('--set', 'sgw.' + s)]
        self.output = open(os.path.join(self.folder.name, 'log'), 'w+')
        self.process = await asyncio.create_subprocess_exec(
            SGW, '--trace', *args, stdout=self.output, stderr=self.output,
            env={**os.environ, 'NOTIFY_SOCKET': path})
        text = ''
        while 'READY=1' not in text:
            text += (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(notify, 4096), 20)).decode()
        notify.close()
        self.port = int(re.search(r'page=(\d+)', text)[1])
        self.admin = int(re.search(r'admin=(\d+)', text)[1])

    async def __aexit__(self, kind, *_):
        started = time.monotonic()
        if self.process.returncode is None:
            self.process.terminate()
        code = await asyncio.wait_for(self.process.wait(), 10)
        for far_end in (self.core, self.mcf, self.ssf, self.whep):
            await far_end.stop()
        log = self.log()
        self.folder.cleanup()
        if kind or code != 0 or 'ERROR: ' in log or 'runtime error' in log:
            print('# ' + '\n# '.join(log[-20000:].splitlines()))
        assert kind or code == 0, f'exit code {code}'
        assert kind or 'Sanitizer' not in log and 'runtime error' not in log, 'sanitizer report'
        assert kind or time.monotonic() - started < 4, 'stopping took too long'

    def log(self):
        self.output.flush()
        with open(self.output.name) as log:
            return log.read()

    def answer(self, timeout=60):
        self.h_session += 1
        self.session = f'session{self.h_session}'
        self.uri = f'rtsp://127.0.0.1:{self.mcf.port}/s/{self.h_session}'
        return ('v=0\r\no=mcf 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0 1\r\n'
                f'm=application {self.mcf.port} TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:passive\r\n'
                f'a=connection:new\r\na=fmtp:iptv_rtsp h-uri={self.uri}\r\n'
                f'a=fmtp:iptv_rtsp h-session={self.session};timeout={timeout}\r\n'
                'm=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 127.0.0.1\r\na=mid:0\r\na=sendonly\r\n'
                'm=video 40000 UDP/TLS/RTP/SAVPF 106\r\nc=IN IP4 127.0.0.1\r\na=mid:1\r\na=sendonly\r\n')

    async def client(self, connect=True, **kwargs):
        client = W2Client(**kwargs)
        self.clients.append(client)
        await client.open(self.port)
        if connect:
            await client.connect()
        return client


async def refused(awaitable):
    try:
        await awaitable
    except W2Error as error:
        return error.frame['header']
    raise AssertionError('was not refused')


async def http(port, head, body=b''):
    """One HTTP exchange: (status, headers, body)."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    length = f'Content-Length: {len(body)}\r\n' if body else ''
    writer.write((head + f'\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{length}\r\n').encode() + body)
    data = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, content = data.partition(b'\r\n\r\n')
    lines = head.decode().split('\r\n')
    headers = {n.lower(): v.strip() for n, v in (line.split(':', 1) for line in lines[1:])}
    return int(lines[0].split(' ')[1]), headers, content


# --- registration ---------------------------------------------------------------------------------

async def case_registers(h):
    """REGISTER as an IMS terminal sends it; the challenge travels to the page; reg event follows."""
    client = W2Client()
    await client.open(h.port)
    frame = await client.connect()
    assert frame['header']['response_code'] == 200 and frame['header']['expires'] == 540
    assert frame['payload']['identities'][0] == 'sip:demo@imstv.test'
    first, second = h.core.requests('REGISTER')
    assert first.uri == 'sip:imstv.test' and 'nonce=""' in first.get('Authorization')
    assert 'path' in first.get('Supported') and first.get('P-Access-Network-Info')
    assert first.get('Call-ID') == second.get('Call-ID')
    assert int(first.get('CSeq').split()[0]) < int(second.get('CSeq').split()[0])
    connection, subscribe = await h.core.wait('SUBSCRIBE')
    assert subscribe.get('Event') == 'reg'
    assert [r for r in subscribe.all('Route') if 'orig@' in r], 'Service-Route is missing'
    assert str(connection.port) in first.get('Contact'), 'Contact is not our own connection'
    assert client.challenges[0]['nc'] == '00000001' and client.challenges[0]['method'] == 'REGISTER'
    assert 'demo' not in str(client.challenges[0].get('password'))


async def case_wrong_password(h):
    """A wrong password ends in an error; the socket stays and the right one works."""
    client = W2Client(password='wrong')
    await client.open(h.port)
    assert (await refused(client.connect()))['error_code'] == 403
    right = W2Client()
    client.ha1 = right.ha1
    assert (await client.connect())['header']['response_code'] == 200


async def case_page_cannot_answer(h):
    """A page that answers the challenge with an error gets 401."""
    client = W2Client()
    client._authenticate = lambda frame: client._send(
        'error', 'register', {'action': 'authenticate', 'error_code': 401, 'reason': 'no'},
        correlation_id=f's{frame["control"]["sequence"]}')
    await client.open(h.port)
    assert (await refused(client.connect()))['error_code'] == 401


async def case_foreign_user(h):
    client = W2Client(user='demo@elsewhere.test')
    await client.open(h.port)
    assert (await refused(client.connect()))['error_code'] == 403
    bad = W2Client(user='<sip:x>@imstv.test')
    await bad.open(h.port)
    assert (await refused(bad.connect()))['error_code'] == 400
    assert not h.core.log


async def case_two_browsers(h):
    """Two browsers of one user: two connections, two contacts."""
    await h.client()
    await h.client()
    connections = {c.port for c, r in h.core.log if r.method == 'REGISTER'}
    assert len(connections) == 2


async def case_refreshes(h):
    """REGISTER again at half of the granted time, challenged again, on the same connection."""
    h.core.expires = 2
    client = await h.client()
    connection, request = await h.core.wait('REGISTER', 4)
    assert len({c.port for c, r in h.core.log}) == 1
    assert len(client.challenges) >= 2


async def case_logs_out(h):
    client = await h.client()
    await client.request('iptv_discovery', {'action': 'notify'})
    await client.start('heron', 'cod', OFFER)
    await client.request('register', {'action': 'shutdown'})
    await h.core.wait('BYE')
    assert len(sdf_subscriptions(h)) == 2 and sdf_subscriptions(h)[-1].get('Expires') == '0'
    last = h.core.requests('REGISTER')[-1]
    assert last.get('Expires') == '0'
    assert client.challenges[-1]['method'] == 'REGISTER' and len(client.challenges) == 2


def sdf_subscriptions(h):
    return [r for r in h.core.requests('SUBSCRIBE') if r.get('Event').startswith('ua-profile')]


async def case_gone_browser_unsubscribes(h):
    """The grace period is over: the SDF need not tell this viewer any more."""
    client = await h.client()
    await client.request('iptv_discovery', {'action': 'notify'})
    await client.lose()
    while len(sdf_subscriptions(h)) < 2:
        await h.core.wait('SUBSCRIBE', len(h.core.requests('SUBSCRIBE')) + 1)
    assert sdf_subscriptions(h)[-1].get('Expires') == '0'


async def case_network_ends_registration(h):
    """A reg event that says our contact is gone ends the session, and the page is told why."""
    client = await h.client()
    connection, subscribe = await h.core.wait('SUBSCRIBE')
    h.core.notify(connection, subscribe, 'reg', 'application/reginfo+xml',
                  h.core.reginfo(connection, 'terminated', 'rejected'))
    message = await client.wait_message(lambda header: header.get('state') == 'terminated')
    assert message['header']['reason'] == 'rejected'


async def case_core_reconnect(h):
    """The connection to the core breaks: a new one, REGISTER again, and calls work there."""
    client = await h.client()
    for connection in list(h.core.connections):
        connection.writer.transport.abort()
    _, register = await h.core.wait('REGISTER', 4)
    await h.core.wait('SUBSCRIBE', 2)
    _, frame = await client.start('heron', 'cod', OFFER)
    assert frame['header']['response_code'] == 200


async def take_port(port):
    """Binds @port as soon as the gateway has let go of it."""
    taken = socket.socket()
    while True:
        try:
            taken.bind(('127.0.0.1', port))
            return taken
        except OSError:
            await asyncio.sleep(0.01)


async def restart_core(h, *, port_taken=False):
    """Breaks all connections to the core; returns the viewer's new one, which takes over the dialog."""
    old, _ = await h.core.wait('ACK')
    taken = None
    count = len(h.core.requests('REGISTER'))
    old.writer.transport.abort()
    if port_taken:
        taken = await take_port(old.port)
    new, _ = await h.core.wait('REGISTER', count + 2)
    await h.core.wait('SUBSCRIBE', 2)
    new.invite, new.to_tag = old.invite, old.to_tag
    if taken:
        taken.close()
    return old, new


async def case_calls_outlive_the_core(h):
    """The connection to the core breaks while someone watches: the same address comes back, and with it the call."""
    client = await h.client()
    subsession, _ = await client.start('heron', 'cod', OFFER)
    old, new = await restart_core(h)
    assert new.port == old.port
    assert (await client.media(subsession, 'PAUSE'))['header']['response_code'] == 200
    assert (await client.shutdown(subsession))['header']['response_code'] == 200
    connection, bye = await h.core.wait('BYE')
    assert connection is new and bye.get('Call-ID') == old.invite.get('Call-ID')
    assert not h.core.requests('UPDATE') and len(h.core.requests('INVITE')) == 1


async def case_far_end_hangs_up_after_core_restart(h):
    client = await h.client()
    subsession, _ = await client.start('heron', 'cod', OFFER)
    _, new = await restart_core(h)
    new.in_dialog(new.invite, 'BYE')
    message = await client.wait_message(lambda header: header['action'] == 'shutdown')
    assert message['control']['subsession_id'] == subsession


async def case_new_address_after_core_restart(h):
    """Our port is taken meanwhile: the far end is told of the new one by a target refresh."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    old, new = await restart_core(h, port_taken=True)
    assert new.port != old.port
    connection, refresh = await h.core.wait('INVITE', 2)
    assert connection is new and f'127.0.0.1:{new.port}' in refresh.get('Contact'), refresh.headers
    assert refresh.get('Call-ID') == old.invite.get('Call-ID') and refresh.body == old.invite.body
    await h.core.wait('ACK', 2)


async def case_core_stays_away(h):
    """Nothing restores the registration in time: the call ends, and the page is told why."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    await h.core.wait('ACK')
    await h.core.stop()
    message = await client.wait_message(lambda header: header['action'] == 'shutdown')
    assert message['header']['cause'] == 'network-lost', message
    message = await client.wait_message(lambda header: header.get('state') == 'terminated')
    assert 'could not be reached' in message['header']['reason'], message


async def case_core_is_away(h):
    await h.core.stop()
    client = W2Client()
    await client.open(h.port)
    assert (await refused(client.connect()))['error_code'] in (503, 408)


# --- discovery and selection ----------------------------------------------------------------------

async def case_discovery(h):
    client = await h.client()
    frame = await client.request('iptv_discovery', {'action': 'notify'}, subsession_id='c9')
    assert frame['payload']['ssfs'][0]['id'] == 'ssf-1'
    _, subscribe = await h.core.wait('SUBSCRIBE', 2)
    assert subscribe.uri == 'sip:iptv-sdf@imstv.test'
    assert 'appids="urn:org:etsi:ngn:applications:iptv-service-discovery"' in subscribe.get('Event')
    frame = await client.request('iptv_selection', {'action': 'notify'})
    assert frame['payload'] == {
        'channels': [{'id': 'one', 'title': 'Channel One', 'lcn': 1, 'package': 'basic'},
                     {'id': 'two', 'title': 'Channel Two', 'lcn': 2, 'package': 'basic'}],
        'assets': [{'id': 'heron', 'title': 'The Heron & the Fox', 'duration_s': 30.5,
                    'synopsis': 'A bird.'}]}, frame['payload']
    for _, target, headers, _ in h.ssf.log:
        assert headers['x-3gpp-intended-identity'] == '"sip:demo@imstv.test"'
        assert HEX32.match(headers['session-id'])
    assert frame['header']['session-id'] == h.ssf.log[0][2]['session-id']


async def case_selection_alone(h):
    """Selection without a discovery before it discovers by itself."""
    client = await h.client()
    frame = await client.request('iptv_selection', {'action': 'notify'})
    assert len(frame['payload']['channels']) == 2


async def case_discovery_fails(h):
    h.core.subscribe_status = 403
    client = await h.client()
    assert (await refused(client.request('iptv_discovery', {'action': 'notify'})))['error_code'] == 403
    h.core.subscribe_status = 200
    h.ssf.answers = {}
    assert (await refused(client.request('iptv_selection', {'action': 'notify'})))['error_code'] == 404


# --- calls ----------------------------------------------------------------------------------------

async def case_film(h):
    """INVITE with the control line in front, the answer without it, PLAY by itself, ACK, BYE."""
    client = await h.client()
    subsession, frame = await client.start('heron', 'cod', OFFER, npt='3.5-')
    sdp, call_id = frame['payload']['sdp'], frame['header']['session-id']
    assert 'iptv_rtsp' not in sdp and sdp.count('m=') == 2 and 'a=ice-lite' in sdp
    connection, invite = await h.core.wait('INVITE')
    assert invite.uri == 'sip:iptv-heron@imstv.test' and '<sip:iptv-heron@imstv.test>' in invite.get('To')
    assert invite.get('Session-ID') == f'{call_id};remote={"0" * 32}'
    assert HEX32.match(call_id)
    lines = [line for line in invite.body.split('\r\n') if line.startswith('m=')]
    assert lines[0] == 'm=application 9 TCP iptv_rtsp' and len(lines) == 3
    assert 'bc_service' not in invite.body
    await h.core.wait('ACK')
    play = await h.mcf.wait('PLAY')
    assert play.get('Session') == h.session and play.get('Range') == 'npt=3.500-' and play.uri == h.uri
    assert play.get('Session-ID') == call_id
    event = await client.wait_message(lambda header: header.get('event') == 'playing')
    assert event['header']['npt'] == '3.500-30.000' and event['header']['rtp_time'] == 123456
    assert event['header']['media_time'] == 3.5 and event['control']['subsession_id'] == subsession
    await client.shutdown(subsession)
    _, bye = await h.core.wait('BYE')
    assert bye.get('Call-ID') == invite.get('Call-ID') and bye.get('Session-ID').startswith(call_id)
    assert re.search(f'W2 < .* session={call_id} request call start', h.log())
    for point in ('W2', 'Gm', 'Xc'):
        assert re.search(f'TRACE .* {point} . .* session={call_id} ', h.log()), f'no trace on {point}'
    assert 'ice-pwd:aAKC' not in h.log(), 'secret in the trace'


async def case_channel_and_zap(h):
    client = await h.client()
    subsession, _ = await client.start('one', 'bc', OFFER)
    _, invite = await h.core.wait('INVITE')
    assert invite.uri == 'sip:iptv-bc@imstv.test' and 'a=bc_service:one:imstv.test' in invite.body
    await h.core.wait('ACK')
    frame = await client.media(subsession, 'SET_PARAMETER', bc_service='two')
    assert frame['header']['response_code'] == 200 and frame['header']['bc_service'] == 'two:imstv.test'
    assert (await h.mcf.wait('SET_PARAMETER')).body == 'bc_service: two:imstv.test\r\n'
    assert len(h.core.requests('INVITE')) == 1


async def case_zap_granted_by_network(h):
    """403 on Xc: re-INVITE with the new channel, ACK, once more on Xc, one answer to the page."""
    client = await h.client()
    subsession, _ = await client.start('one', 'bc', OFFER)
    await h.core.wait('ACK')
    answer = h.answer()
    h.mcf.granted = {'one:imstv.test'}

    def grant(request):
        h.mcf.granted.add('three:imstv.test')
        return 200, answer.replace(h.session, 'session1').replace('/s/2', '/s/1')
    h.core.answer_sdp = grant
    frame = await client.media(subsession, 'SET_PARAMETER', bc_service='three')
    assert frame['header']['response_code'] == 200
    invites = h.core.requests('INVITE')
    assert len(invites) == 2 and 'a=bc_service:three:imstv.test' in invites[1].body
    versions = [int(re.search(r'o=- \d+ (\d+) ', i.body)[1]) for i in invites]
    assert versions[1] == versions[0] + 1
    assert re.sub(r'o=.*|a=bc_service.*', '', invites[0].body) == re.sub(
        r'o=.*|a=bc_service.*', '', invites[1].body)
    await h.core.wait('ACK', 2)


async def case_zap_not_granted(h):
    client = await h.client()
    subsession, _ = await client.start('one', 'bc', OFFER)
    await h.core.wait('ACK')
    h.core.answer_sdp = lambda request: (403, None)
    assert (await refused(client.media(subsession, 'SET_PARAMETER', bc_service='three')))['error_code'] == 403
    frame = await client.media(subsession, 'SET_PARAMETER', bc_service='two')  # the call goes on
    assert frame['header']['response_code'] == 200


async def case_media_commands(h):
    client = await h.client()
    subsession, _ = await client.start('heron', 'cod', OFFER, autoplay=False)
    assert not [r for r in h.mcf.log if r.method == 'PLAY']
    frame = await client.media(subsession, 'PLAY', npt='12.5-', scale=2)
    assert frame['header']['npt'] == '12.500-30.000' and frame['header']['scale'] == 2
    assert frame['header']['media_time'] == 12.5
    frame = await client.media(subsession, 'PAUSE')
    assert frame['header']['npt'] == '5.000-30.000'
    frame = await client.media(subsession, 'GET_PARAMETER', parameters='position,duration,scales')
    assert frame['payload'] == {'position': 5.5, 'duration': 30, 'scales': '1,2'}
    for header, code in (({'method': 'PLAY', 'npt': 'soon'}, 457), ({'method': 'PLAY', 'scale': 0}, 457),
                         ({'method': 'REWIND'}, 501), ({'method': 'GET_PARAMETER'}, 400),
                         ({'method': 'GET_PARAMETER', 'parameters': 'a b'}, 400),
                         ({'method': 'GET_PARAMETER', 'parameters': 'nonsense'}, 451),
                         ({'method': 'SET_PARAMETER', 'bc_service': 'a\r\nb: c'}, 400)):
        got = await refused(client.media(subsession, **header))
        assert got['error_code'] == code, (header, got)
    assert (await refused(client.media('c77', 'PAUSE')))['error_code'] == 481


async def case_autoplay_fails(h):
    h.mcf.play_status = 454
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    event = await client.wait_message(lambda header: header.get('event') == 'failed')
    assert event['header']['error_code'] == 454


async def case_end_of_stream(h):
    client = await h.client()
    subsession, _ = await client.start('heron', 'cod', OFFER)
    await client.wait_message(lambda header: header.get('event') == 'playing')
    h.mcf.announce(h.uri, h.session, '2101 "End-of-Stream Reached" event-date=20270105T201500Z npt=30.000')
    event = await client.wait_message(lambda header: header.get('event') == 'end-of-stream')
    assert event['header']['npt'] == 30 and event['control']['subsession_id'] == subsession
    assert await h.mcf.announced.get() == 200
    h.mcf.announce(h.uri, h.session, '1103 "Playout Stalled" event-date=20270105T201500Z')
    await client.wait_message(lambda header: header.get('event') == 'no-signal')
    assert await h.mcf.announced.get() == 200
    h.mcf.announce(h.uri, h.session, '1104 "Playout Resumed" event-date=20270105T201500Z')
    await client.wait_message(lambda header: header.get('event') == 'signal')
    assert await h.mcf.announced.get() == 200
    h.mcf.announce(h.uri, 'unknown', '2101 "x"')
    assert await h.mcf.announced.get() == 454


async def case_keep_alive(h):
    """An empty GET_PARAMETER at half of the RTSP timeout; 454 to it ends the call."""
    h.core.answer_sdp = lambda request: (200, h.answer(timeout=2))
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    await h.core.wait('ACK')
    assert (await h.mcf.wait('GET_PARAMETER')).body == ''
    h.mcf.on_get_parameter = lambda request: (454, [], '')
    await h.core.wait('BYE')


async def case_refusals(h):
    client = await h.client()
    for status in (403, 404, 488, 503):
        h.core.answer_sdp = lambda request: (status, None)
        header = await refused(client.start('heron', 'cod', OFFER))
        assert header['error_code'] == status
        assert header.get('retry-after') == (7 if status == 503 else None)
        assert header.get('cause') == ('full' if status == 503 else None)
    assert (await refused(client.start('heron', 'cod', 'v=0\r\n')))['error_code'] in (400, 488)
    assert (await refused(client.start('heron', 'vod', OFFER)))['error_code'] == 400
    assert (await refused(client.start('a b', 'cod', OFFER)))['error_code'] == 400
    assert (await refused(client.shutdown('c99')))['error_code'] == 481


async def case_odd_content_id(h):
    client = await h.client()
    await client.start('studio/heron#hd@x', 'cod', OFFER)
    _, invite = await h.core.wait('INVITE')
    assert invite.uri == 'sip:iptv-studio/heron%23hd%40x@imstv.test', invite.uri


async def case_answer_without_control(h):
    """A 200 without the control line cannot be used: ACK, BYE, error."""
    h.core.answer_sdp = lambda request: (200, re.sub(r'm=application(.|\n)*?m=audio', 'm=audio', h.answer()))
    client = await h.client()
    assert (await refused(client.start('heron', 'cod', OFFER)))['error_code'] == 502
    await h.core.wait('BYE')
    assert h.core.requests('ACK')


async def case_cancel(h):
    h.core.answer_sdp = lambda request: (None, None)
    client = await h.client()
    start = client.post_in_new_subsession('call', {'action': 'start', 'target': 'heron',
                                                   'iptv_service': 'cod'}, {'sdp': OFFER})
    await h.core.wait('INVITE')
    await client.shutdown(start)
    assert (await refused(client.answer(start)))['error_code'] == 487
    assert h.core.requests('CANCEL')


async def case_no_complete(h):
    """No `complete` within 5 s: ACK, then BYE, and the page is told."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER, complete=False)
    message = await client.wait_message(lambda header: header['action'] == 'shutdown')
    assert message['header']['error_code'] == 408
    await h.core.wait('BYE')
    methods = [r.method for _, r in h.core.log]
    assert methods.index('ACK') < methods.index('BYE')


async def case_far_end_hangs_up(h):
    client = await h.client()
    subsession, _ = await client.start('heron', 'cod', OFFER)
    connection, _ = await h.core.wait('ACK')
    connection.in_dialog(connection.invite, 'BYE', [('Reason', 'SIP;cause=503;text="media gone"')])
    message = await client.wait_message(lambda header: header['action'] == 'shutdown')
    assert message['header']['error_code'] == 503 and message['header']['reason'] == 'media gone'
    assert message['header']['cause'] == 'media-lost'
    assert message['control']['subsession_id'] == subsession
    assert (await refused(client.media(subsession, 'PAUSE')))['error_code'] == 481


async def case_content_is_taken_off(h):
    """The media ends first, its BYE says why: that is what the page hears, and there is one BYE only."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    connection, _ = await h.core.wait('ACK')
    await h.mcf.wait('PLAY')
    h.mcf.announce(h.uri, h.session, 5402)
    await client.wait_message(lambda header: header.get('event') == 'terminated')
    connection.in_dialog(connection.invite, 'BYE', [('Reason', 'SIP;cause=410;text="gone"')])
    header = (await client.wait_message(lambda header: header['action'] == 'shutdown'))['header']
    assert header['error_code'] == 410 and header['cause'] == 'content-gone', header
    assert not h.core.requests('BYE')


async def case_media_is_lost(h):
    """No BYE follows the end of the media: the gateway says it, and tells the page."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    await h.core.wait('ACK')
    await h.mcf.wait('PLAY')
    h.mcf.announce(h.uri, h.session, 5402)
    header = (await client.wait_message(lambda header: header['action'] == 'shutdown'))['header']
    assert header['error_code'] == 503 and header['cause'] == 'media-lost', header
    await h.core.wait('BYE')


async def case_reoffer(h):
    """A second start in the subsession is a re-INVITE; a third while it is under way: 491."""
    client = await h.client()
    subsession, _ = await client.start('heron', 'cod', OFFER)
    await h.core.wait('ACK')
    header = {'action': 'start', 'target': 'heron', 'iptv_service': 'cod'}
    second = client.post('call', header, {'sdp': OFFER}, subsession_id=subsession)
    third = client.post('call', header, {'sdp': OFFER}, subsession_id=subsession)
    assert (await refused(client.answer(third)))['error_code'] == 491
    assert (await client.answer(second))['header']['response_code'] == 200
    client.message('call', {'action': 'complete'}, subsession_id=subsession, correlation_id=second)
    await h.core.wait('ACK', 2)
    assert len(h.core.requests('INVITE')) == 2


async def case_refresh_by_network(h):
    """A re-INVITE that changes nothing gets our offer again, another one 488."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    connection, _ = await h.core.wait('ACK')
    sdp = f'{h.answer()}'.replace('session2', 'session1').replace('/s/2', '/s/1')
    for body, status in ((sdp, 200), (sdp + 'a=x\r\n', 488)):
        connection.in_dialog(connection.invite, 'INVITE', body=body, content_type='application/sdp')
        while (response := await asyncio.wait_for(connection.responses.get(), 5)).status < 200 or \
                'INVITE' not in response.get('CSeq'):
            pass
        assert response.status == status, response.start
        connection.in_dialog(connection.invite, 'ACK', cseq=connection.cseq)


async def case_challenged_invite(h):
    """407 to an INVITE travels to the page as well."""
    h.core.challenge_invite = True
    client = await h.client()
    _, frame = await client.start('heron', 'cod', OFFER)
    assert frame['header']['response_code'] == 200
    assert client.challenges[-1]['method'] == 'INVITE' and client.challenges[-1]['proxy']


# --- W2 -------------------------------------------------------------------------------------------

async def case_resume(h):
    """A lost WebSocket: nothing is lost or repeated, calls live on, no new log-in."""
    client = await h.client()
    subsession, frame = await client.start('heron', 'cod', OFFER)
    await client.wait_message(lambda header: header.get('event') == 'playing')
    await client.lose()
    h.mcf.announce(h.uri, h.session, '2101 "End-of-Stream Reached" npt=30.000')
    assert await h.mcf.announced.get() == 200
    resumed = await client.reconnect(h.port)
    assert resumed['header']['response_code'] == 200 and 'sequence' not in resumed['control']
    assert resumed['payload']['calls'] == [{'subsession_id': subsession, 'target': 'heron',
                                            'session-id': frame['header']['session-id']}]
    await client.wait_message(lambda header: header.get('event') == 'end-of-stream')
    await client.media(subsession, 'PAUSE')
    assert len(h.core.requests('REGISTER')) == 2 and not h.core.requests('BYE')


async def case_resume_is_guarded(h):
    """Refused: unknown id, other user, impossible numbers; a browser's session without its cookie."""
    client = await h.client()
    await client.lose()
    for header in ({'initiator': 'eve@imstv.test'}, {'cslr': 9999}, {'cslw': 999, 'csuw': 1000}):
        frame = await client.reconnect(h.port, header)
        assert frame['control']['type'] == 'error' and frame['header']['error_code'] == 404, frame
        await client.lose()
    right, client.session_id = client.session_id, 'f' * 32
    assert (await client.reconnect(h.port))['header']['error_code'] == 404
    await client.lose()
    client.session_id = right
    assert (await client.reconnect(h.port))['control']['type'] == 'response'

    origin = f'Origin: http://127.0.0.1:{h.port}'
    browser = W2Client()
    await browser.open(h.port, headers=[origin])
    cookie = browser.socket.cookie()
    assert cookie and 'HttpOnly' in browser.socket.head
    await browser.connect()
    await browser.lose()
    assert (await browser.reconnect(h.port))['header']['error_code'] == 404
    await browser.lose()
    assert (await browser.reconnect(h.port, headers=[origin, 'Cookie: imstv-w2=' + 'a' * 32]))[
        'header']['error_code'] == 404
    await browser.lose()
    frame = await browser.reconnect(h.port, headers=[origin, f'Cookie: x=1; {cookie}'])
    assert frame['control']['type'] == 'response'


async def case_resume_closes_old_socket(h):
    client = await h.client()
    old, reader = client.socket, client.reader
    await client.reconnect(h.port)
    await asyncio.wait_for(reader, 5)
    assert old.close_code == 4000


async def case_grace(h):
    """The browser does not come back: BYE, the registration lapses, the connection closes."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    connection, _ = await h.core.wait('ACK')
    await client.lose()
    await h.core.wait('BYE')
    while connection in h.core.connections:
        await asyncio.sleep(0.02)
    assert (await client.reconnect(h.port))['header']['error_code'] == 404
    assert not [r for r in h.core.requests('REGISTER') if r.get('Expires') == '0']


async def case_bad_frames(h):
    """Each is answered by an error; ten close the socket; a gap closes it at once."""
    client = await h.client()
    bad = ['{', '[]', '{"control":{"type":"request"},"header":{"action":"start"}}',
           '{"control":{"type":"request","type":"error"}}', '[' * 100000]
    for text in bad:
        client.socket.send(text[:65536])
    async with client.arrived:
        await asyncio.wait_for(client.arrived.wait_for(lambda: client.received >= 2 + len(bad)), 5)
    assert client.answers[None]['header']['error_code'] == 400
    assert (await refused(client.request('iptv_weather', {'action': 'notify'})))['error_code'] == 501
    for _ in range(5):
        client.socket.send('{}')
    await asyncio.wait_for(client.reader, 5)
    assert client.socket.close_code == 1002
    await client.reconnect(h.port)
    client.sent += 1
    client.message('call', {'action': 'complete'})
    await asyncio.wait_for(client.reader, 5)
    assert client.socket.close_code == 1002


async def case_acknowledges(h):
    """A side that has nothing to send acknowledges within a second."""
    socket_ = await WebSocket.open(h.port)
    socket_.send(json.dumps({'control': {'type': 'request', 'package_type': 'register', 'sequence': 1},
                             'header': {'action': 'connect', 'initiator': 'demo@imstv.test'}}))
    challenge = json.loads(await socket_.receive())
    assert challenge['control']['ack_sequence'] == 1
    socket_.send('ping')
    assert await socket_.receive() == 'pong'
    socket_.send(json.dumps({'control': {'type': 'message', 'package_type': 'call', 'sequence': 2},
                             'header': {'action': 'complete'}}))
    frame = json.loads(await asyncio.wait_for(socket_.receive(), 1))
    assert frame['control']['type'] == 'acknowledgement' and frame['control']['ack_sequence'] == 2


async def case_not_connected(h):
    socket_ = await WebSocket.open(h.port, protocol='webrtc.oracle.com')
    socket_.send(json.dumps({'control': {'type': 'request', 'package_type': 'call', 'sequence': 1},
                             'header': {'action': 'start'}}))
    assert json.loads(await socket_.receive())['header']['error_code'] == 401


async def case_upgrade_is_guarded(h):
    for kwargs in ({'path': '/other'}, {'protocol': None}, {'protocol': 'chat'},
                   {'headers': ['Origin: http://evil.example']}):
        try:
            await WebSocket.open(h.port, **kwargs)
        except ConnectionError:
            continue
        raise AssertionError(f'accepted: {kwargs}')


async def case_websocket_limits(h):
    for send, codes in ((lambda s: s.send_bytes(b'x' * 65537), (1009,)),
                        (lambda s: s.send_bytes(b'x', 2), (1003,)),
                        (lambda s: s.send_bytes(b'\xff'), (1007,)),
                        # what still comes after the close may reset the connection before we read it
                        (lambda s: [s.send_bytes(b'') for _ in range(5000)], (1008, None))):
        socket_ = await WebSocket.open(h.port)
        send(socket_)
        while await asyncio.wait_for(socket_.receive(), 5) is not None:
            pass
        assert socket_.close_code in codes, (socket_.close_code, codes)


async def case_silent_socket(h):
    """Whoever opens a WebSocket and says nothing is closed after 10 s; who has connected is not."""
    client = await h.client()
    silent = await WebSocket.open(h.port)
    assert await asyncio.wait_for(silent.receive(), 15) is None and silent.close_code == 1008
    assert await client.request('iptv_selection', {'action': 'notify'})


async def case_bounded_browsers(h):
    """A user has two browsers here: a third is refused, unless one of them is only kept in grace."""
    await h.client()
    second = await h.client()
    third = W2Client()
    await third.open(h.port)
    third.plain = asyncio.get_running_loop().create_future()
    third.post('register', {'action': 'connect', 'initiator': third.user})
    assert (await third.plain)['header']['error_code'] == 503
    await second.lose()
    fourth = W2Client()
    await fourth.open(h.port)
    while True:  # until the gateway has noticed
        fourth.plain = asyncio.get_running_loop().create_future()
        fourth.sent = 0
        connect = fourth.post('register', {'action': 'connect', 'initiator': fourth.user})
        answer = asyncio.create_task(fourth.answer(connect))
        done, _ = await asyncio.wait([fourth.plain, answer], return_when=asyncio.FIRST_COMPLETED)
        if answer in done:
            break
        answer.cancel()


async def case_bounded_calls(h):
    client = await h.client()
    h.core.answer_sdp = lambda request: (None, None)
    codes = []
    for _ in range(9):
        client.post_in_new_subsession('call', {'action': 'start', 'target': 'heron',
                                               'iptv_service': 'cod'}, {'sdp': OFFER})
    codes = (await refused(client.answer(f'c{client.sent}')))['error_code']
    assert codes == 503


# --- HTTP -----------------------------------------------------------------------------------------

async def case_page(h):
    status, headers, body = await http(h.port, 'GET / HTTP/1.1')
    assert status == 200 and body == b'<html>imstv.test imstv</html>'
    assert "default-src 'none'" in headers['content-security-policy']
    assert headers['x-content-type-options'] == 'nosniff'
    status, _, _ = await http(h.port, f'GET / HTTP/1.1\r\nIf-None-Match: {headers["etag"]}')
    assert status == 304
    for path in ('/../notify', '/%2e%2e/notify', '/..%2fnotify', '/x', '//etc/passwd', '/log'):
        status, _, _ = await http(h.port, f'GET {path} HTTP/1.1')
        assert status == 404, path
    assert (await http(h.port, 'GET /w2 HTTP/1.1'))[0] == 426
    assert (await http(h.port, 'POST / HTTP/1.1'))[0] == 405
    assert (await http(h.port, 'POST / HTTP/1.1', b'x' * 300000))[0] == 405
    reader, writer = await asyncio.open_connection('127.0.0.1', h.port)  # both on one connection
    writer.write(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
                 b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    data = b''
    while not data.endswith(b'imstv</html>'):
        data += await asyncio.wait_for(reader.read(4096), 5)
    assert data.startswith(b'HTTP/1.1 405') and b'HTTP/1.1 200' in data
    writer.close()


async def case_no_other_protocol(h):
    """HTTP/2 in clear and tunnels are not ours: neither is agreed to, nor do they hold a connection."""
    for head in ('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n'
                 'HTTP2-Settings: AAMAAABkAAQAAP__', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1',
                 'CONNECT / HTTP/1.1\r\nHost: a'):
        reader, writer = await asyncio.open_connection('127.0.0.1', h.port)
        writer.write((head + '\r\n\r\n').encode())
        data = await asyncio.wait_for(reader.read(), 5)
        assert b' 101 ' not in data and b' 200 ' not in data, data
        writer.close()


async def case_slow_body(h):
    """A body has 10 s in all, however steadily it drips."""
    reader, writer = await asyncio.open_connection('127.0.0.1', h.port)
    writer.write(b'POST /whep/asset/heron HTTP/1.1\r\nHost: a\r\nContent-Type: application/sdp\r\n'
                 b'Content-Length: 1000\r\n\r\n')
    end = asyncio.create_task(reader.read())
    started = time.monotonic()
    while not end.done() and time.monotonic() - started < 20:
        writer.write(b'v')
        await asyncio.wait([end], timeout=1)
    assert end.done(), 'still waits for the body'
    writer.close()


async def case_forwards(h):
    status, headers, body = await http(h.port, 'GET /api/v1/assets HTTP/1.1')
    assert status == 200 and body == b'[{"id":"heron"}]' and headers['access-control-allow-origin'] == '*'
    status, _, body = await http(h.port, 'GET /poster/heron.jpg HTTP/1.1')
    assert status == 200 and len(body) == 100002
    assert (await http(h.port, 'GET /api/v1/users HTTP/1.1'))[0] == 404
    assert (await http(h.port, 'DELETE /api/v1/assets HTTP/1.1'))[0] == 405

    h.whep.answers = {'POST /whep/asset/heron': (201, {'Location': '/whep/session/1', 'ETag': '"e"',
                                                       'Content-Type': 'application/sdp'}, 'v=0'),
                      'DELETE /whep/session/1': (200, {}, '')}
    status, headers, body = await http(
        h.port, 'POST /whep/asset/heron HTTP/1.1\r\nContent-Type: application/sdp\r\n'
        'Authorization: Bearer abc\r\nOrigin: http://player.example', b'v=0\r\n' * 1000)
    assert status == 201 and headers['location'] == '/whep/session/1' and headers['etag'] == '"e"'
    assert 'location' in headers['access-control-expose-headers'] and body == b'v=0'
    method, target, sent, content = h.whep.log[0]
    assert sent['authorization'] == 'Bearer abc' and len(content) == 5000
    assert sent['content-type'] == 'application/sdp'
    assert (await http(h.port, 'DELETE /whep/session/1 HTTP/1.1'))[0] == 200
    assert (await http(h.port, 'POST /whep/asset/heron HTTP/1.1', b'x' * 70000))[0] == 413
    status, headers, _ = await http(h.port, 'OPTIONS /whep/asset/heron HTTP/1.1\r\nOrigin: http://a')
    assert status == 204 and 'DELETE' in headers['access-control-allow-methods']
    assert (await http(h.port, 'POST /whep/asset/heron HTTP/1.1'))[0] == 411
    assert len(h.whep.log) == 2


async def case_metrics(h):
    client = await h.client()
    subsession, _ = await client.start('heron', 'cod', OFFER)
    status, _, body = await http(h.admin, 'GET /metrics HTTP/1.1')
    assert status == 200 and b'imstv_sgw_sessions 1\n' in body and b'imstv_sgw_calls 1\n' in body
    await client.shutdown(subsession)
    _, _, body = await http(h.admin, 'GET /metrics HTTP/1.1')
    assert b'imstv_sgw_calls 0\n' in body and b'imstv_sgw_calls_answered_total 1\n' in body
    assert (await http(h.admin, 'GET /livez HTTP/1.1'))[0] == 200


async def case_stops_with_calls(h):
    """SIGTERM: calls are hung up before the gateway goes."""
    client = await h.client()
    await client.start('heron', 'cod', OFFER)
    await h.core.wait('ACK')
    h.process.terminate()
    await h.core.wait('BYE')
    assert await asyncio.wait_for(h.process.wait(), 4) == 0


SETTINGS = {'case_core_stays_away': ['restore_s=1'], 'case_grace': ['grace_s=1'],
            'case_gone_browser_unsubscribes': ['grace_s=1'], 'case_bounded_browsers': ['max_sessions_per_user=2']}


async def run(name, case):
    async with Headend(*SETTINGS.get(name, [])) as headend:
        try:
            await asyncio.wait_for(case(headend), 30)
        except BaseException:
            for client in headend.clients:
                print('# ' + '\n# '.join(line[:600] for line in client.trace))
            for _, request in headend.core.log:
                print('#   core < ' + request.start)
            raise


def main():
    wanted = sys.argv[3:]
    cases = [(n, f) for n, f in globals().items()
             if n.startswith('case_') and (not wanted or n[5:] in wanted)]
    print(f'1..{len(cases)}')
    failed = 0
    for number, (name, case) in enumerate(cases, 1):
        try:
            asyncio.run(run(name, case))
            print(f'ok {number} {name[5:].replace("_", "-")}', flush=True)
        except BaseException:
            failed += 1
            print('# ' + '\n# '.join(traceback.format_exc().splitlines()))
            print(f'not ok {number} {name[5:].replace("_", "-")}', flush=True)
    sys.exit(failed != 0)


main()
