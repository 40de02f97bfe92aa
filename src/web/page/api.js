// Talks to the program: the token, posts, events, uploads.

const KEY = 'peerbridge-token';
let token = location.hash.slice(1);

// The token leaves the address bar and this entry of the history at once. A reload finds it in this tab's storage.
if (token) {
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, '', '/');
} else {
  token = sessionStorage.getItem(KEY) || '';
}

const headers = () => ({ Authorization: `Bearer ${token}` });

/** What the program refused, in words for people. */
export class Refused extends Error {}

/** The program has ended, or this page has no token. */
export class Gone extends Error {}

export async function post(path, fields = {}) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method: 'POST',
      headers: { ...headers(), 'Content-Type': 'application/json' },
      body: JSON.stringify(fields),
    });
  } catch {
    throw new Gone('peerbridge does not answer');
  }
  if (response.status === 401) throw new Gone('no token');
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  if (response.status === 409) throw new Refused('Something else is under way.');
  throw new Refused(sentence(...reasons(text, response.status)));
}

/** Messages are lower case and without a full stop. */
export function sentence(...parts) {
  const texts = parts.filter(Boolean).map((text) => text[0].toUpperCase() + text.slice(1).replace(/([^.?!])$/, '$1.'));
  return texts.join(' ');
}

/** Reads events forever and passes each to `hear`. Returns when the program is gone. */
export async function events(hear) {
  let last = null;
  for (let failures = 0; failures < 5; failures += 1) {
    try {
      const response = await fetch('/api/events', {
        headers: last ? { ...headers(), 'Last-Event-ID': last } : headers(),
      });
      if (response.status === 401) return;
      if (response.ok) {
        failures = 0;
        await read(response.body, (id, event) => {
          if (id) last = id;
          hear(event);
        });
      }
    } catch {
      // The connection broke: try again below.
    }
    await new Promise((resolve) => { setTimeout(resolve, 300 * (failures + 1)); });
  }
}

async function read(body, hear) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field('data');
      if (data) hear(field('id'), JSON.parse(data));
    }
  }
}

/** The text of a refusal, as sentences. Some are plain text: they come before the request is understood. */
function reasons(text, status) {
  try {
    const { error, hint } = JSON.parse(text);
    return [error, hint];
  } catch {
    return [text.trim() || `peerbridge answered ${status}`];
  }
}

/** Uploads one file. `moved` is called with the number of bytes sent. */
export function upload(folder, name, file, moved) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/api/upload');
    request.setRequestHeader('Authorization', headers().Authorization);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('Folder', folder);
    request.setRequestHeader('Name', encodeURIComponent(name).replaceAll('%2F', '/'));
    request.upload.onprogress = (event) => moved(event.loaded);
    request.onerror = () => reject(new Refused(`${name} cannot be taken up.`));
    request.onload = () => {
      if (request.status === 200) resolve();
      else reject(new Refused(sentence(`${name} cannot be taken up`, ...reasons(request.responseText, request.status))));
    };
    request.send(file);
  });
}

/** Text without invisible characters and changes of the writing direction, because names may come from anybody. */
export const plain = (text) => text.replace(
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu,
  (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`,
);

/** Makes an element. Text is always text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  const shown = children.filter((child) => child || child === 0);
  element.append(...shown.map((child) => (child instanceof Node ? child : plain(String(child)))));
  return element;
}

/** A size in binary units, in one line. */
export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1023.95 && unit + 1 < units.length) {
    value /= 1024;
    unit += 1;
  }
  return `${unit ? value.toFixed(1) : value}\u00a0${units[unit]}`;
}
