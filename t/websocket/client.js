// Copyright (C) the ngx_tradesec authors
//
// What the ws library sees of a URL: printed as JSON.

const { readFileSync } = require('node:fs');
const WebSocket = require('/usr/share/nodejs/ws');

const session = new Function(
  `${readFileSync(`${__dirname}/session.js`)}; return session;`)();

const given = JSON.parse(process.argv[2]);

const open = () => new WebSocket(given.socket, {
  rejectUnauthorized: false,
  headers: given.token ? { Authorization: `Bearer ${given.token}` } : {},
});

// and what a page cannot do

const extras = () => new Promise((resolve) => {
  const socket = open();
  const seen = [];

  socket.on('open', () => {
    socket.ping('are you there');
    socket.send('in ', { fin: false });
    socket.send('three ', { fin: false });
    socket.send('parts');
  });

  socket.on('pong', (data) => seen.push(`pong ${data}`));

  socket.on('message', (data) => {
    seen.push(data.toString());
    socket.close(3000);
  });

  socket.on('close', (code) => resolve([...seen.sort(), code]));
});

extras().then(async (seen) => {
  console.log(JSON.stringify({ extras: seen, ...await session(open) }));
});
