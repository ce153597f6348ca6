"""The SSF's end of Xa, and any HTTP server that the gateway forwards to: answers from a table."""

import asyncio


class FakeHttp:
    def __init__(self):
        self.log = []      # (method, target, headers, body)
        self.answers = {}  # target without query, or with it -> (status, headers, body)
        self.port = 0

    async def start(self):
        self.server = await asyncio.start_server(self._accept, '127.0.0.1', 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()

    async def _accept(self, reader, writer):
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b'\r\n\r\n')).decode().strip()
        lines = head.split('\r\n')
        method, target, _ = lines[0].split(' ')
        headers = {n.strip().lower(): v.strip() for n, v in (line.split(':', 1) for line in lines[1:])}
        body = await reader.readexactly(int(headers.get('content-length', '0')))
        self.log.append((method, target, headers, body))
        key = f'{method} {target}'
        answer = self.answers.get(key) or self.answers.get(key.split('?')[0], (404, {}, b'no'))
        status, extra, data = answer
        data = data.encode() if isinstance(data, str) else data
        lines = [f'HTTP/1.1 {status} x', f'Content-Length: {len(data)}',
                 *(f'{n}: {v}' for n, v in extra.items())]
        writer.write(('\r\n'.join(lines) + '\r\n\r\n').encode() + (data if method != 'HEAD' else b''))


def selection_answers(port):
    """SD&S and TV-Anytime of two channels and a film."""
    xml = {'Content-Type': 'application/xml'}
    base = '/dvb/sdns/service_discovery?id=imstv.test&Payload='
    sdns = ('<?xml version="1.0"?><ServiceDiscovery xmlns="urn:dvb:metadata:iptv:sdns:2008-1">'
            '{}</ServiceDiscovery>')
    channels = ''.join(
        f'<SingleService><TextualIdentifier ServiceName="{name}" DomainName="imstv.test"/>'
        f'<SI ServiceType="01"><Name Language="eng">Channel {name.title()}</Name></SI></SingleService>'
        for name in ('one', 'two'))
    broadcast = ('<BroadcastDiscovery DomainName="imstv.test" Version="01"><ServiceList>'
                 f'{channels}</ServiceList></BroadcastDiscovery>')
    packages = ('<PackageDiscovery DomainName="imstv.test" Version="01"><Package Id="basic">'
                '<PackageName Language="eng">Basic</PackageName>'
                '<Service><TextualID ServiceName="one" DomainName="imstv.test"/>'
                '<LogicalChannelNumber>1</LogicalChannelNumber></Service>'
                '<Service><TextualID ServiceName="two" DomainName="imstv.test"/>'
                '<LogicalChannelNumber>2</LogicalChannelNumber></Service></Package></PackageDiscovery>')
    guides = ('<BCGDiscovery DomainName="imstv.test" Version="01"><BCG Id="films"><Name>Films</Name>'
              f'<TransportMode><HTTP Location="http://127.0.0.1:{port}/bcg/films.xml"/></TransportMode>'
              '</BCG></BCGDiscovery>')
    films = ('<TVAMain xmlns="urn:tva:metadata:2011"><ProgramDescription><ProgramInformationTable>'
             '<ProgramInformation programId="crid://imstv.test/heron"><BasicDescription>'
             '<Title>The Heron &amp; the Fox</Title><Synopsis>A bird.</Synopsis></BasicDescription>'
             '</ProgramInformation></ProgramInformationTable><ProgramLocationTable>'
             '<OnDemandProgram><Program crid="crid://imstv.test/heron"/>'
             '<PublishedDuration>PT30.5S</PublishedDuration></OnDemandProgram>'
             '</ProgramLocationTable></ProgramDescription></TVAMain>')
    return {
        f'GET {base}02&Segment=0001': (200, xml, sdns.format(broadcast)),
        f'GET {base}05&Segment=0001': (200, xml, sdns.format(packages)),
        f'GET {base}06&Segment=0001': (200, xml, sdns.format(guides)),
        'GET /bcg/films.xml': (200, xml, films),
        'GET /api/v1/assets': (200, {'Content-Type': 'application/json'}, '[{"id":"heron"}]'),
        'GET /poster/heron.jpg': (200, {'Content-Type': 'image/jpeg', 'ETag': '"p"'}, b'\xff\xd8' + b'x' * 100000),
    }


def discovery_document(port):
    return ('<SSFList xmlns="urn:org:etsi:ngn:params:xml:ns:iptvdiscovery">'
            '<SSF ID="ssf-1" Version="1" Technology="dvb.org_iptv">'
            '<ServiceProvider DomainName="imstv.test"><Name Language="eng">imstv</Name></ServiceProvider>'
            f'<Pull Location="http://127.0.0.1:{port}/dvb/sdns"><PayloadId Id="02"/></Pull></SSF></SSFList>')
