/* w2-error.js - a refusal by the gateway or by something behind it, and the events of this SDK. */

/* @code: as in SIP and HTTP: 403, 404, 488, 503; 408 is also used where nothing answered in time. */
export class W2Error extends Error {
    constructor(code, reason, details = {}) {
        super(`${code} ${reason}`);
        this.name = 'W2Error';
        this.code = code;
        this.reason = reason;
        this.retryAfter = Number(details.retryAfter) || undefined; /* seconds */
        this.cause = details.cause; /* a word of docs/w2.md, causes, or 'restarted'; says more than the code */
        this.sessionId = details.sessionId; /* finds the call in the traces of every process */
    }
}

/* An event with a @detail, as CustomEvent, which not every test environment has. */
export class SdkEvent extends Event {
    constructor(type, detail = {}) {
        super(type);
        this.detail = detail;
    }
}
