/* format.js - times as people read them. Pure. */

/* 75 -> "1:15", 3675 -> "1:01:15". */
export function clock(seconds) {
    const whole = Math.max(0, Math.floor(seconds || 0));
    const pad = (n) => String(n).padStart(2, '0');
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/* 75 -> "1 minute 15 seconds", for screen readers. */
export function spoken(seconds) {
    const whole = Math.max(0, Math.floor(seconds || 0));
    const count = (n, unit) => (n ? [`${n} ${unit}${n === 1 ? '' : 's'}`] : []);
    const parts = [
        ...count(Math.floor(whole / 3600), 'hour'),
        ...count(Math.floor(whole / 60) % 60, 'minute'),
        ...count(whole % 60, 'second'),
    ];
    return parts.join(' ') || '0 seconds';
}

/* 30 -> "30 sec", 5400 -> "1 h 30 min": the length of a film on a card. */
export function length(seconds) {
    const whole = Math.round(seconds || 0);
    if (whole < 60) {
        return `${whole} sec`;
    }
    const minutes = Math.round(whole / 60);
    const hours = Math.floor(minutes / 60);
    return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
