/* peer.js - one receiving peer connection: offer, answer, stream, statistics.
 *
 * Events: 'state' {state} with state connected | interrupted | failed. */

import {SdkEvent} from '../sdk/w2-error.js';

/* A certificate costs some milliseconds and serves every call of this page. */
let certificate = null;

/* Makes the certificate before anyone clicks. Never fails: a peer then makes its own. */
export function prepareCertificate() {
    certificate ??= RTCPeerConnection.generateCertificate({name: 'ECDSA', namedCurve: 'P-256'})
        .catch(() => null);
    return certificate;
}

/* Whether this browser can show H.264, which is what films and channels are made of. */
export function playsH264() {
    const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs ?? [];
    return codecs.some((codec) => codec.mimeType.toLowerCase() === 'video/h264');
}

export class Peer extends EventTarget {
    #connection = null;
    #closed = false;

    stream = new MediaStream();

    get connection() {
        return this.#connection;
    }

    /* Resolves with the offer as soon as it is written: candidates are not awaited, the media server
     * learns ours from the first packet. */
    async offer() {
        const made = await prepareCertificate();
        if (this.#closed) {
            throw new DOMException('closed', 'AbortError');
        }
        const connection = new RTCPeerConnection(made ? {certificates: [made]} : {});
        this.#connection = connection;
        for (const kind of ['audio', 'video']) {
            const {receiver} = connection.addTransceiver(kind, {direction: 'recvonly'});
            this.stream.addTrack(receiver.track);
        }
        connection.onconnectionstatechange = () => this.#onState(connection.connectionState);

        const offer = await connection.createOffer();
        this.local = connection.setLocalDescription(offer);
        return offer.sdp;
    }

    async accept(sdp) {
        await this.local;
        await this.#connection.setRemoteDescription({type: 'answer', sdp});
    }

    close() {
        this.#closed = true;
        if (this.#connection) {
            this.#connection.onconnectionstatechange = null;
            this.#connection.close();
        }
    }

    /* What was received, by the browser's own count; zeros before the first packet. */
    async statistics() {
        const report = await this.#connection?.getStats();
        const inbound = [...report?.values() ?? []].filter((entry) => entry.type === 'inbound-rtp');
        const video = inbound.find((entry) => entry.kind === 'video') ?? {};
        const audio = inbound.find((entry) => entry.kind === 'audio') ?? {};
        return {
            framesDecoded: video.framesDecoded ?? 0,
            framesReceived: video.framesReceived ?? 0,
            framesDropped: video.framesDropped ?? 0,
            freezeCount: video.freezeCount ?? 0,
            freezeSeconds: video.totalFreezesDuration ?? 0,
            frameWidth: video.frameWidth ?? 0,
            frameHeight: video.frameHeight ?? 0,
            videoPackets: video.packetsReceived ?? 0,
            videoLost: video.packetsLost ?? 0,
            keyFramesAsked: (video.pliCount ?? 0) + (video.firCount ?? 0),
            audioPackets: audio.packetsReceived ?? 0,
            audioLost: audio.packetsLost ?? 0,
            audioConcealed: audio.concealedSamples ?? 0,
            audioSamples: audio.totalSamplesReceived ?? 0,
        };
    }

    #onState(state) {
        const known = {connected: 'connected', disconnected: 'interrupted', failed: 'failed'};
        if (known[state]) {
            this.dispatchEvent(new SdkEvent('state', {state: known[state]}));
        }
    }
}
