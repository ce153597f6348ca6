/* sound.js - sound of one media element: plays with sound where the browser lets us, muted where it
 * does not; measures what is heard. */

const FFT_SIZE = 4096;

export class Sound {
    #media;
    #meter = null; /* {context, analyser, stream} */

    constructor(media) {
        this.#media = media;
        this.blocked = false; /* muted by the browser, not by the viewer */
    }

    /* Starts the element. Returns false if it plays without sound because the page has not been
     * touched yet. Errors: DOMException if it does not play at all. */
    async play() {
        try {
            await this.#media.play();
            return true;
        } catch (error) {
            if (error.name !== 'NotAllowedError' || this.#media.muted) {
                throw error;
            }
        }
        this.blocked = true;
        this.#media.muted = true;
        await this.#media.play();
        return false;
    }

    /* To be called from a click or key: the browser allows sound now. */
    unblock() {
        this.blocked = false;
        this.#media.muted = false;
    }

    /* {level, frequency}: loudness 0..1 and the strongest frequency, Hz, of @stream, also while the
     * element is muted. The first calls after a new stream find silence. */
    measure(stream) {
        const {context, analyser} = this.#meterFor(stream);
        const spectrum = new Float32Array(analyser.frequencyBinCount);
        const wave = new Float32Array(analyser.fftSize);

        analyser.getFloatFrequencyData(spectrum);
        analyser.getFloatTimeDomainData(wave);
        const peak = spectrum.reduce((best, value, i) => (value > spectrum[best] ? i : best), 0);
        const power = wave.reduce((sum, value) => sum + value * value, 0) / wave.length;
        return {
            level: Math.sqrt(power),
            frequency: peak * context.sampleRate / analyser.fftSize,
        };
    }

    close() {
        this.#meter?.context.close();
        this.#meter = null;
    }

    #meterFor(stream) {
        if (this.#meter?.stream !== stream) {
            this.close();
            const context = new AudioContext();
            const analyser = new AnalyserNode(context, {fftSize: FFT_SIZE});
            context.createMediaStreamSource(stream).connect(analyser);
            this.#meter = {context, analyser, stream};
        }
        return this.#meter;
    }
}
