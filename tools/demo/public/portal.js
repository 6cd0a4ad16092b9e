// Copyright (C) the ngx_tradesec authors

'use strict';

const user = document.getElementById('user').textContent;
const history = new Map();
const money = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const body = (id) => document.querySelector(`#${id} tbody`);
let orders = new Map();

function cell(row, text, name) {
  const td = row.insertCell();
  td.textContent = text;
  if (name) td.className = name;
  return td;
}

function spark(prices) {
  const low = Math.min(...prices), high = Math.max(...prices), span = high - low || 1;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');

  svg.setAttribute('viewBox', '0 0 60 14');
  svg.setAttribute('class', 'spark');
  line.setAttribute('points', prices.map((price, at) =>
    `${at * 60 / Math.max(prices.length - 1, 1)},${13 - 12 * (price - low) / span}`).join(' '));
  line.setAttribute('fill', 'none');
  line.setAttribute('stroke', 'currentColor');
  svg.append(line);

  return svg;
}

function showPrice(symbol, price) {
  const past = history.get(symbol) || [];
  let row = document.getElementById(`price-${symbol}`);

  past.push(price);
  history.set(symbol, past.slice(-40));

  if (!row) {
    row = body('market').insertRow();
    row.id = `price-${symbol}`;
    document.querySelector('#ticket select').add(new Option(symbol, symbol));
  }

  row.replaceChildren();
  cell(row, symbol);
  const last = past.at(-2) ?? price;
  cell(row, money.format(price), `num ${price > last ? 'up' : price < last ? 'down' : ''}`);
  cell(row, '').append(spark(history.get(symbol)));
}

function showAccount(account) {
  document.getElementById('cash').textContent = money.format(account.cash);
  document.getElementById('equity').textContent = money.format(account.equity);

  body('positions').replaceChildren();
  for (const [symbol, quantity] of Object.entries(account.positions)) {
    const row = body('positions').insertRow();
    cell(row, symbol);
    cell(row, quantity, 'num');
  }
}

function showOrders() {
  body('orders').replaceChildren();

  for (const order of [...orders.values()].sort((a, b) => b.id - a.id)) {
    const row = body('orders').insertRow();
    cell(row, order.id);
    cell(row, `${order.side} ${order.quantity} ${order.symbol}`);
    cell(row, order.limit === null ? 'market' : money.format(order.limit), 'num');
    cell(row, order.status === 'filled' ? `filled at ${money.format(order.price)}` : order.status);

    const last = cell(row, '', 'num');
    if (order.status === 'open') {
      const button = document.createElement('button');
      button.className = 'quiet';
      button.textContent = 'Cancel';
      button.onclick = () => call('DELETE', `/api/orders/${order.id}`);
      last.append(button);
    }
  }
}

async function call(method, path, data) {
  const response = await fetch(path, {
    method,
    headers: data ? { 'Content-Type': 'application/json' } : {},
    body: data ? JSON.stringify(data) : undefined,
  });

  if (response.status === 401) {
    location = '/login';
  }

  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || answer.title || response.statusText);

  return answer;
}

document.getElementById('ticket').onsubmit = async (event) => {
  event.preventDefault();

  const problem = document.getElementById('ticket-error');
  problem.hidden = true;

  try {
    const order = await call('POST', '/api/orders', Object.fromEntries(new FormData(event.target)));
    orders.set(order.id, order);
    showOrders();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
};

function listen() {
  const live = document.getElementById('live');
  const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/ws`);

  socket.onopen = () => { live.textContent = 'live'; live.classList.add('on'); };
  socket.onclose = () => {
    live.textContent = 'offline';
    live.classList.remove('on');
    setTimeout(listen, 3000);
  };

  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);

    if (message.topic.startsWith('ticks.')) {
      showPrice(message.symbol, message.price);
    } else if (message.user_id !== user) {
      return;
    } else if (message.topic === 'account') {
      showAccount(message.account);
    } else if (message.topic === 'orders') {
      orders.set(message.order.id, message.order);
      showOrders();
    }
  };
}

(async () => {
  for (const [symbol, price] of Object.entries(await call('GET', '/api/prices')).sort()) {
    showPrice(symbol, price);
  }

  showAccount(await call('GET', '/api/account'));
  orders = new Map((await call('GET', '/api/orders')).map((order) => [order.id, order]));
  showOrders();
  listen();
})();
