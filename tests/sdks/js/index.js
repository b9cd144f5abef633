// What a component built with Spin's tools for JavaScript does, one path for each interface.

import { Store } from 'fermyon:spin/key-value@2.0.0';
import { get } from 'fermyon:spin/variables@2.0.0';

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  try {
    return new Response(await text(request));
  } catch (error) {
    return new Response(JSON.stringify(error.payload ?? String(error)), { status: 500 });
  }
}

async function text(request) {
  const url = new URL(request.url);
  const query = url.search.slice(1);
  switch (url.pathname.split('/').pop()) {
    case 'kv': {
      const store = Store.open(query);
      const was = store.exists('one');
      store.set('one', new Uint8Array(await request.arrayBuffer()));
      const value = new TextDecoder().decode(store.get('one'));
      return `${was} ${value} ${JSON.stringify(store.getKeys())}\n`;
    }
    case 'variables':
      return get(query);
    case 'outbound': {
      const response = await fetch(query);
      return `${response.status} ${await response.text()}`;
    }
    case 'headers':
      return [...request.headers].map(([name, value]) => `${name}: ${value}\n`).sort().join('');
    case 'echo':
      return request.text();
    default:
      return `${request.method} ${url.pathname}${url.search}\n`;
  }
}
