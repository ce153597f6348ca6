/* index.js - the SDK in one import: sessions, calls, errors. */

export {Call} from './call.js';
export {ImstvSession} from './session.js';
export {W2Error} from './w2-error.js';
