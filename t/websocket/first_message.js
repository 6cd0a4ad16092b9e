// Copyright (C) the ngx_tradesec authors

// The same as first_message.py, by the ws package of npm.
// usage: first_message.js URL SLOW-URL TOKEN

'use strict';

const WebSocket = require('ws');

// the gateway listens on IPv4 only, and "localhost" may be ::1 first

require('dns').setDefaultResultOrder('ipv4first');

const [url, slow, token] = process.argv.slice(2);

function session(where, messages, last) {
    return new Promise((resolve, reject) => {
        const socket = new WebSocket(where, { origin: 'http://' + new URL(url).host });
        const seen = [];

        socket.on('error', reject);
        socket.on('open', () => messages.forEach((m) => socket.send(m)));
        socket.on('message', (data) => {
            seen.push(data.toString());
            if (last && seen.length === messages.length) {
                socket.close(1000, last);
            }
        });
        socket.on('close', (code, reason) => resolve(
            { seen: seen, end: [code, reason.toString()] }));
    });
}

(async () => {
    const show = JSON.stringify({ token: token });
    const bad = JSON.stringify({ token: token.slice(0, -4) + 'AAAA' });

    const good = await session(url, [show, 'hello'], 'bye');

    console.log(JSON.stringify({
        good: [good.seen[0] === show, good.seen[1], ...good.end],
        bad: (await session(url, [bad])).end,
        none: (await session(url, ['hello', show])).end,
        late: (await session(slow, [])).end,
    }));
})();
