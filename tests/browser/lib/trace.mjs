/* trace.mjs - the protocol traces of all daemons, merged into one list by time. */

import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';

const HEAD = /^TRACE (\S+) (\S+) (\S+) ([<>]) (\S+) session=(\S+) (.*)$/;

/* [{at, daemon, point, direction, peer, session, summary, text}], oldest first. */
export async function readTraces(stateFolder) {
    const folder = join(stateFolder, 'log');
    const found = [];
    for (const name of (await readdir(folder)).filter((one) => one.endsWith('.log'))) {
        let current = null;
        for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
            const head = HEAD.exec(line);
            if (head) {
                const [, at, daemon, point, direction, peer, session, summary] = head;
                current = {at, daemon, point, direction, peer, session, summary, text: ''};
                found.push(current);
            } else if (line.startsWith('    ') && current) {
                current.text += `${line.slice(4)}\n`;
            } else {
                current = null;
            }
        }
    }
    return found.sort((a, b) => (a.at < b.at ? -1 : 1));
}

/* Finds "DAEMON POINT DIRECTION /SUMMARY/" steps one after the other; returns their entries. Throws with the
 * step that is missing, and with what was there after the last one found. */
export function follow(traces, steps) {
    let from = 0;
    return steps.map(([daemon, point, direction, summary]) => {
        const index = traces.findIndex((entry, i) => i >= from && entry.daemon === daemon &&
            entry.point === point && entry.direction === direction && summary.test(entry.summary));
        if (index < 0) {
            const rest = traces.slice(from, from + 30).map((entry) =>
                `  ${entry.at} ${entry.daemon} ${entry.point} ${entry.direction} ${entry.summary}`);
            throw new Error(`no ${daemon} ${point} ${direction} ${summary} among\n${rest.join('\n')}`);
        }
        from = index + 1;
        return traces[index];
    });
}
