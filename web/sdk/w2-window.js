/* w2-window.js - sequence numbers of one W2 session: what was sent and not yet acknowledged, what was
 * received. Pure: it sends nothing and knows no clock.
 * Spec: docs/w2.md, "Rules" and "reconnect". */

/* The gateway retains 64 frames; a page that is further behind than that cannot be resumed. */
export const WINDOW_LIMIT = 64;

export class W2Window {
    #sent;
    #received;
    #retained;

    /* @saved: what toJSON() gave before a reload. */
    constructor(saved = {sent: 0, received: 0, retained: []}) {
        this.#sent = saved.sent;
        this.#received = saved.received;
        this.#retained = [...saved.retained];
    }

    get received() {
        return this.#received;
    }

    /* The number that the next stamped frame will carry. */
    get next() {
        return this.#sent + 1;
    }

    get full() {
        return this.#retained.length >= WINDOW_LIMIT;
    }

    /* Numbers @frame, adds the acknowledgement, keeps it until it is acknowledged itself. */
    stamp(frame) {
        this.#sent += 1;
        frame.control.sequence = this.#sent;
        frame.control.ack_sequence = this.#received;
        this.#retained.push(frame);
        return frame;
    }

    /* Takes note of @control of a frame that arrived; returns 'new', 'duplicate' or 'gap'. A frame
     * without a number (acknowledgement, reconnect) is always new. */
    receive(control) {
        const {sequence, ack_sequence: acknowledged} = control;

        if (Number.isInteger(acknowledged)) {
            this.acknowledge(acknowledged);
        }
        if (!Number.isInteger(sequence) || control.type === 'acknowledgement') {
            return 'new';
        }
        if (sequence <= this.#received) {
            return 'duplicate';
        }
        if (sequence !== this.#received + 1) {
            return 'gap';
        }
        this.#received = sequence;
        return 'new';
    }

    /* The other side has everything up to @sequence. */
    acknowledge(sequence) {
        this.#retained = this.#retained.filter((frame) => frame.control.sequence > sequence);
    }

    /* The header fields that ask for a reconnect. */
    reconnectHeader() {
        const lowest = this.#retained[0]?.control.sequence ?? this.#sent + 1;
        return {cslr: this.#received, cslw: lowest, csuw: this.#sent};
    }

    /* The gateway has received up to @sslr; returns the frames to be sent again, in order. */
    resume(sslr) {
        this.acknowledge(sslr);
        for (const frame of this.#retained) {
            frame.control.ack_sequence = this.#received;
        }
        return [...this.#retained];
    }

    toJSON() {
        return {sent: this.#sent, received: this.#received, retained: this.#retained};
    }
}
