// Copyright (C) the ngx_tradesec authors
//
// What a script sees of one URL, so that gateways can be compared: in a browser
// and in Node, whose library has the same interface. open() makes a WebSocket.

async function session(open) {
  const connect = () => {
    const socket = open();
    const seen = [];
    const waiting = [];

    const push = (what) => {
      (waiting.shift() || ((w) => seen.push(w)))(what);
    };

    socket.binaryType = 'arraybuffer';

    socket.onmessage = (event) => push(typeof event.data === 'string'
      ? event.data : Array.from(new Uint8Array(event.data)).join(' '));
    socket.onclose = (event) => push(`closed ${event.code} ${event.reason}`);
    socket.onerror = () => {};

    socket.next = () => (seen.length ? Promise.resolve(seen.shift())
      : new Promise((resolve) => waiting.push(resolve)));

    return new Promise((resolve) => {
      socket.onopen = () => resolve(socket);
    });
  };

  const echo = async () => {
    const seen = [];
    const socket = await connect();

    for (const text of ['text', '', '\u20ac'.repeat(50000),
      'x'.repeat(1000000)]) {
      socket.send(text);
      seen.push(await socket.next() === text);
    }

    socket.send(new Uint8Array([255, 0, 254]));
    seen.push(await socket.next());

    socket.send('fragments');
    seen.push(await socket.next());

    socket.send('burst');

    for (let i = 0, size = 0; i < 500; i += 1) {
      size += (await socket.next()).length;
      if (i === 499) {
        seen.push(size);
      }
    }

    socket.close(1000, 'client says');
    seen.push(await socket.next());

    return seen;
  };

  const close = async (...code) => {
    const socket = await connect();

    socket.close(...code);

    return socket.next();
  };

  const order = async (text) => {
    const socket = await connect();

    socket.send(text);

    return socket.next();
  };

  const many = async (n) => {
    const socket = await connect();
    let right = 0;

    for (let i = 0; i < 20; i += 1) {
      socket.send(`${n}/${i}`);
    }

    for (let i = 0; i < 20; i += 1) {
      right += (await socket.next() === `${n}/${i}`);
    }

    socket.close(1000);
    await socket.next();

    return right;
  };

  return {
    echo: await echo(),
    'close without a code': await close(),
    'close of an application': await close(4321, 'reason \u20ac'),
    'close by the server': await order('close'),
    'server vanishes': await order('abort'),
    'twenty at once': await Promise.all(
      Array.from({ length: 20 }, (_, n) => many(n)),
    ),
  };
}
