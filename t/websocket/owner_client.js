// Copyright (C) the ngx_tradesec authors
//
// Sends an order to a backend and prints, as JSON, how many messages arrive
// before the last one, a hash of them, and how the socket ended.

const { createHash } = require('node:crypto');
const WebSocket = require('/usr/share/nodejs/ws');

// the gateway listens on IPv4 only, and "localhost" may be ::1 first

require('node:dns').setDefaultResultOrder('ipv4first');

const given = JSON.parse(process.argv[2]);
const hash = createHash('sha1');
let count = 0;

const socket = new WebSocket(given.socket, {
  rejectUnauthorized: false,
  origin: given.origin,
  headers: { Authorization: `Bearer ${given.token}` },
});

socket.on('open', () => socket.send(given.order));

socket.on('message', (data) => {
  const message = data.toString();

  if (message === given.end) {
    socket.close(4000, 'all there');
    return;
  }

  count += 1;
  hash.update(`${message.length}:${message},`);
});

socket.on('close', (closed) => {
  console.log(JSON.stringify({ count, sha1: hash.digest('hex'), closed }));
});
