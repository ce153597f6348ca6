/* trace.mjs - reads what the daemons wrote with --trace: one summary line per message, then the message
 * indented by four spaces. */

import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';

const HEAD = /TRACE (\S+) (\S+) (\S+) ([<>]) (.*?) session=(\S+) (.*)$/;

/* All messages of all daemons, oldest first:
 * {time, process, point, sent, peer, session, summary, body}. @folder: the log folder. */
export async function readTrace(folder) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    return texts.flatMap(parse).sort((a, b) => (a.time < b.time ? -1 : 1));
}

function parse(text) {
    const messages = [];
    for (const line of text.split('\n')) {
        const head = HEAD.exec(line);
        if (head) {
            const [, time, process, point, arrow, peer, session, summary] = head;
            messages.push({time, process, point, sent: arrow === '>', peer, session, summary, body: ''});
        } else if (line.startsWith('    ') && messages.length) {
            messages[messages.length - 1].body += `${line.slice(4)}\n`;
        }
    }
    return messages;
}

/* Looks for @steps in this order among @messages; each is [name, predicate]. Returns {name: message}.
 * Throws with the step that is missing, and what there was. */
export function followSteps(messages, steps) {
    const found = {};
    let from = 0;
    for (const [name, matches] of steps) {
        const at = messages.findIndex((message, i) => i >= from && matches(message));
        if (at < 0) {
            const known = messages.map(({process, point, sent, summary}) =>
                `  ${process} ${point} ${sent ? '>' : '<'} ${summary}`);
            throw new Error(`"${name}" is missing or out of order in\n${known.join('\n')}`);
        }
        found[name] = messages[at];
        from = at + 1;
    }
    return found;
}

/* A predicate: message @summary (RegExp) at @process, on @point, sent ('>') or received ('<'). */
export function step(process, point, arrow, summary) {
    return (message) => message.process === process && message.point === point &&
        message.sent === (arrow === '>') && summary.test(message.summary);
}
