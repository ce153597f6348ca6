/* far-end.js - media for the fake gateway: draws films and channels on canvases, with the counter of
 * demo/README.md and a tone, and sends them by WebRTC. Runs in a page of its own. */

const WIDTH = 640;
const HEIGHT = 360;
const FPS = 25;
const FILM_S = 30;
const NUMBERS = {one: 1, two: 2};

const socket = new WebSocket(`ws://${location.host}/fake/media`);
const calls = new Map();
const audio = new AudioContext();

class FarCall {
    constructor(name, target) {
        this.name = name;
        this.canvas = Object.assign(document.createElement('canvas'), {width: WIDTH, height: HEIGHT});
        this.paint = this.canvas.getContext('2d');
        this.stream = this.canvas.captureStream(FPS);
        this.connection = new RTCPeerConnection();
        this.tone = new OscillatorNode(audio);
        this.gain = new GainNode(audio, {gain: 0});
        const sound = new MediaStreamAudioDestinationNode(audio, {channelCount: 1});
        this.tone.connect(this.gain).connect(sound);
        this.tone.start();
        this.sound = sound.stream.getAudioTracks()[0];
        this.position = 0;
        this.playing = false;
        this.tune(target);
        this.timer = setInterval(() => this.step(), 1000 / FPS);
    }

    tune(target) {
        this.target = target;
        this.number = NUMBERS[target] ?? 0;
        this.live = this.number > 0;
        this.tone.frequency.value = 220 * (this.number + 1);
    }

    async answer(sdp) {
        await this.connection.setRemoteDescription({type: 'offer', sdp});
        this.connection.addTrack(this.stream.getVideoTracks()[0]);
        this.connection.addTrack(this.sound);
        await this.connection.setLocalDescription(await this.connection.createAnswer());
        if (this.connection.iceGatheringState !== 'complete') {
            await new Promise((resolve) => {
                this.connection.onicegatheringstatechange = () =>
                    this.connection.iceGatheringState === 'complete' && resolve();
            });
        }
        return {sdp: this.connection.localDescription.sdp};
    }

    command({method, npt, bc_service: channel}) {
        if (method === 'PLAY') {
            this.position = npt ? Math.floor(parseFloat(npt) / 2) * 2 : this.position;
            this.setPlaying(true);
        } else if (method === 'PAUSE') {
            this.setPlaying(false);
        } else if (method === 'SET_PARAMETER' && channel) {
            this.tune(channel);
            return {bc_service: channel};
        }
        return {npt: this.live ? 'now-' : `${this.position.toFixed(3)}-${FILM_S}.000`, scale: 1};
    }

    setPlaying(playing) {
        this.playing = playing;
        this.gain.gain.value = playing ? 0.2 : 0;
        audio.resume();
    }

    step() {
        if (!this.playing) {
            return;
        }
        this.draw();
        this.position += 1 / FPS;
        if (!this.live && this.position >= FILM_S) {
            this.setPlaying(false);
            socket.send(JSON.stringify({
                call: this.name, event: {event: 'end-of-stream', npt: String(FILM_S)},
            }));
        }
    }

    draw() {
        const {paint, position} = this;
        const glow = paint.createLinearGradient(0, 0, WIDTH, HEIGHT);
        glow.addColorStop(0, `hsl(${this.number * 120 + 200} 60% 22%)`);
        glow.addColorStop(1, `hsl(${this.number * 120 + 260 + position * 12} 70% 45%)`);
        paint.fillStyle = glow;
        paint.fillRect(0, 0, WIDTH, HEIGHT);
        paint.fillStyle = '#fff';
        paint.beginPath();
        paint.arc(WIDTH / 2 + 220 * Math.sin(position * 1.3), 240 + 60 * Math.cos(position * 2), 34, 0, 7);
        paint.fill();
        paint.font = '600 40px sans-serif';
        paint.fillText(`${this.target}  ${position.toFixed(1)}`, 40, 130);
        this.drawCounter(Math.round(position * FPS));
    }

    drawCounter(counter) {
        const bytes = [counter >>> 24, counter >>> 16, counter >>> 8, counter].map((n) => n & 255);
        const clock = this.live ? Date.now() : Math.round(this.position * 1000);
        for (let i = 5; i >= 0; i--) {
            bytes.push(Math.floor(clock / 256 ** i) % 256);
        }
        bytes.push(this.number);
        bytes.push(bytes.reduce(crc8, 0xff));
        bytes.flatMap((byte) => [...byte.toString(2).padStart(8, '0')]).forEach((bit, i) => {
            this.paint.fillStyle = bit === '1' ? '#fff' : '#000';
            this.paint.fillRect((i % 32) * WIDTH / 32, Math.floor(i / 32) * HEIGHT / 18,
                                WIDTH / 32, HEIGHT / 18);
        });
    }

    close() {
        clearInterval(this.timer);
        this.tone.stop();
        this.connection.close();
    }
}

function crc8(crc, byte) {
    let value = crc ^ byte;
    for (let bit = 0; bit < 8; bit++) {
        value = value & 0x80 ? ((value << 1) ^ 0x07) & 0xff : value << 1;
    }
    return value;
}

const operations = {
    async start({call, target, sdp}) {
        const made = new FarCall(call, target);
        calls.set(call, made);
        return made.answer(sdp);
    },
    command: ({call, header}) => calls.get(call).command(header),
    shutdown({call}) {
        calls.get(call)?.close();
        calls.delete(call);
    },
};

socket.onmessage = async ({data}) => {
    const {id, op, ...fields} = JSON.parse(data);
    try {
        socket.send(JSON.stringify({id, result: (await operations[op](fields)) ?? {}}));
    } catch (error) {
        socket.send(JSON.stringify({id, error: String(error)}));
    }
};
