/* timeline.js - which moment of the film is on the screen. The media server's RTP timestamps follow
 * the wall clock through seeks and pauses; each command's answer names one pair of RTP timestamp and
 * media time. Pure.
 * Spec: docs/w2.md "media commands". */

const CLOCK_HZ = 90000;
const KEPT = 4; /* frames of the stretch before a seek may still arrive after its answer */

export class Timeline {
    #anchors = []; /* oldest first: {rtp, media, scale} */
    #awaited = null;
    #current = null;

    /* Media time of the last frame shown, seconds; null before the first. */
    get current() {
        return this.#current;
    }

    /* From @rtp (RTP timestamp) on, the picture shows @media (seconds). */
    anchor(rtp, media, scale = 1) {
        this.#awaited = null;
        this.#anchors.push({rtp, media, scale});
        if (this.#anchors.length > KEPT) {
            this.#anchors.shift();
        }
    }

    /* The next frame shows @media: for a gateway that does not say at which RTP timestamp. */
    restart(media, scale = 1) {
        this.#awaited = {media, scale};
    }

    clear() {
        this.#anchors = [];
        this.#awaited = null;
        this.#current = null;
    }

    /* A frame with @rtp is on the screen; returns its media time, null if it is not known. */
    frame(rtp) {
        if (this.#awaited) {
            this.anchor(rtp, this.#awaited.media, this.#awaited.scale);
        }
        const begun = this.#anchors.filter((anchor) => since(anchor.rtp, rtp) >= 0);
        const anchor = begun[begun.length - 1] ?? this.#anchors[0];
        if (!anchor) {
            return null;
        }
        this.#current = anchor.media + since(anchor.rtp, rtp) / CLOCK_HZ * anchor.scale;
        return this.#current;
    }

    /* True when @rtp belongs to the newest stretch: what the last command asked for is shown. */
    isNewest(rtp) {
        const last = this.#anchors[this.#anchors.length - 1];
        return !this.#awaited && last !== undefined && since(last.rtp, rtp) >= 0;
    }
}

/* Ticks from @a to @b, across the wrap of 32 bits. */
function since(a, b) {
    return (b - a) | 0;
}
