// Shows the running or latest job, from its events.

import { make, post, sentence, size } from '/api.js';

const card = document.getElementById('job');
const now = document.getElementById('now');
const CURVE = 40;
/** The longest list to show. */
const ROWS = 500;
let job = null;
let fail = () => {};
let leave = () => {};

/** Says what to do with errors, and how to get back to the forms. */
export function begin(onError, onLeave) {
  fail = onError;
  leave = onLeave;
}

/** Whether there is something to show. */
export const isShown = () => job !== null;

/** Takes an event. */
export function hear(event) {
  if (event.event === 'started') job = { ...event, phase: first(event), files: [], rates: [], notes: [], rows: [] };
  if (!job) return;
  if (event.event === 'left') {
    job = null;
    now.textContent = '';
    leave();
    return;
  }
  const step = steps[event.event];
  if (step) step(event);
  draw();
}

const first = ({ task }) => ({
  send: 'Waiting for the other side',
  receive: 'Waiting for the other side',
  zip: 'Making the archive',
  unzip: 'Reading the archive',
  doctor: 'Checking this machine',
})[task] ?? '';

const steps = {
  connected: () => { job.phase = 'Connected, checking the code'; },
  authenticated: () => {
    if (!job.moving) job.phase = job.task === 'send' ? 'Waiting for the other person to accept' : 'The other side is there';
  },
  offer: (event) => { job.offer = event; },
  progress: (event) => {
    job.moving = event;
    job.warning = null;
    job.heard = Date.now();
    job.phase = { send: 'Sending', receive: 'Receiving', zip: 'Packing', unzip: 'Opening' }[job.task];
    job.rates = [...job.rates, event.rate].slice(-CURVE);
  },
  file: (event) => {
    if (event.result === 'failed') job.files.push(`${event.path}: ${event.why}`);
    if (event.result === 'skipped') job.files.push(`${event.path}: kept as it was`);
    job.files = job.files.slice(0, 50);
  },
  said: (event) => {
    const { text } = event;
    if (/^done|^no archive/.test(text)) job.summary = text.replace(/^done[:,] */, '');
    else if (text.startsWith('saved ')) job.saved = text;
    else job.notes = [...job.notes, text].slice(-200);
  },
  warning: (event) => {
    job.warning = event.message;
    if (!event.message.includes('reconnect')) return;
    // The code is shown again, because the other person may have to type it again.
    job.phase = 'The connection was lost. Waiting for the other side';
    job.warning = null;
    job.moving = null;
    job.offer = null;
  },
  question: (event) => { job.question = event; },
  answered: () => { job.question = null; },
  // No secret is needed before a transfer begins here.
  check: (event) => { if (event.what !== 'secret') job.rows.push(event); },
  entry: (event) => { if (job.rows.length <= ROWS) job.rows.push(event); },
  done: (event) => {
    job.done = event;
    job.question = null;
  },
};

/** Redraws only what changed, to keep focus and selection. */
function draw() {
  const parts = job.done ? done() : running();
  const shown = parts.filter(Boolean);
  const old = new Map([...card.children].map((child) => [child.dataset.part, child]));
  const next = shown.map(([name, key, build]) => {
    const kept = old.get(name);
    if (kept && kept.dataset.key === key) return kept;
    const fresh = build();
    fresh.dataset.part = name;
    fresh.dataset.key = key;
    return fresh;
  });
  if (next.length === card.children.length && next.every((part, at) => part === card.children[at])) return;
  const hadFocus = card.contains(document.activeElement) || document.activeElement === document.body;
  for (const child of [...card.children]) if (!next.includes(child)) child.remove();
  next.forEach((part, at) => { if (card.children[at] !== part) card.insertBefore(part, card.children[at] ?? null); });
  // The text for screen readers. They only announce changes of an element that stays.
  const title = card.querySelector('h2, h3')?.textContent ?? '';
  if (now.textContent !== title) now.textContent = title;
  const target = card.querySelector('[data-focus]:not([data-had-focus])');
  if (target && hadFocus) {
    target.dataset.hadFocus = '1';
    target.focus();
  }
}

const action = (label, path, className = '', fields = {}) => make('button', {
  type: 'button',
  className,
  onclick: () => post(path, fields).catch(fail),
}, label);

function running() {
  const isWaiting = job.code && !job.moving && !job.question && !job.offer;
  const stop = { send: 'Stop', receive: 'Stop' }[job.task];
  return [
    ['title', job.phase, () => make('h2', {}, job.phase)],
    isWaiting && ['code', job.code, code],
    !isWaiting && job.offer && !job.question && ['what', JSON.stringify(job.offer), what],
    job.question && [`question-${job.question.question}`, '', question],
    job.warning && !job.moving && ['warning', job.warning, () => make('p', { className: 'problem', role: 'alert' }, sentence(job.warning))],
    job.moving && !job.question && ['moving', String(job.heard), moving],
    job.rows.length && ['rows', String(job.rows.length), rows],
    ['notes', String(job.notes.length), notes],
    stop && !job.question && ['stop', '', () => make('div', { className: 'actions' }, action(stop, 'cancel'))],
  ];
}

function code() {
  const copy = make('button', { type: 'button', className: 'primary', 'data-focus': '1' }, 'Copy');
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(job.code);
      copy.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(card.querySelector('.big-code'));
      copy.textContent = 'Press Ctrl+C';
    }
  };
  const verb = job.task === 'send' ? 'Receive' : 'Send';
  const command = job.task === 'send' ? 'peerbridge receive' : 'peerbridge send PATH --code';
  return make('div', { className: 'code-box' },
    make('p', {}, job.task === 'send' ? `Sending ${job.names}. Tell the other person this code:` : 'Tell the sender this code:'),
    make('p', { className: 'big-code' }, job.code),
    copy,
    make('p', { className: 'help' },
      `On the other machine: open peerbridge, press ${verb} and type the code. In a terminal: `,
      make('code', {}, command)));
}

function what() {
  const { name, files, dirs, bytes } = job.offer;
  const counts = [[files, 'file'], [dirs, 'folder']]
    .filter(([number]) => number)
    .map(([number, noun]) => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`);
  if (bytes !== null) counts.push(size(bytes));
  return make('p', { className: 'what' }, make('strong', {}, name), ` ${counts.join(', ')}`);
}

const POLICIES = [
  ['rename', 'Keep both', 'the new files get other names'],
  ['skip', 'Keep mine', 'files that are there stay, the others come'],
  ['overwrite', 'Replace mine', 'the new files take their place'],
  ['newer', 'Replace older ones', 'only where the new file is newer'],
  ['fail', 'Receive nothing', 'everything stays as it is'],
];

function question() {
  const asked = job.question;
  const answer = (label, word, className = '') => action(label, 'answer', className, { question: asked.question, answer: word });
  const box = (title, lines, ...buttons) => make('div', { className: 'question', role: 'group', 'aria-label': title },
    make('h3', { tabIndex: -1, 'data-focus': '1' }, title),
    ...lines.map((line) => make('p', {}, line)),
    make('div', { className: 'actions' }, ...buttons));
  switch (asked.about) {
    case 'accept':
      return box(`${asked.peer} offers you ${asked.names}`,
        [asked.contents, `It will be saved into ${job.folder}.`],
        answer('Accept', 'yes', 'primary'), answer('Decline', 'no'));
    case 'existing':
      return box('Some names are there already', [asked.names],
        ...POLICIES.map(([word, label, explained]) => {
          const button = answer(label, word, 'policy');
          button.append(make('small', {}, explained));
          return button;
        }));
    case 'compare':
      return box('Does the other side show the same words?', [],
        make('p', { className: 'big-code' }, asked.phrase),
        answer('The same', 'yes', 'primary'), answer('Different', 'no'));
    case 'expansion':
      return box('This archive grows suspiciously large',
        [`It has ${asked.archive} and would become ${asked.contents} in ${asked.entries} files and folders.`],
        answer('Open it anyway', 'yes'), answer('Leave it', 'no', 'primary'));
    default: {
      const input = make('input', { type: 'text', inputMode: 'numeric', autocomplete: 'one-time-code', 'aria-label': 'One-time code' });
      const send = make('button', { type: 'button', className: 'primary' }, 'Go on');
      send.onclick = () => post('answer', { question: asked.question, answer: input.value }).catch(fail);
      input.onkeydown = (event) => { if (event.key === 'Enter') send.click(); };
      return box('The other side asks for a one-time code', [], input, send);
    }
  }
}

function moving() {
  const { bytes, total, rate } = job.moving;
  const percent = total ? Math.floor((100 * bytes) / total) : null;
  const bar = make('div', {
    className: 'bar', role: 'progressbar', 'aria-label': job.phase, 'aria-valuemin': 0, 'aria-valuemax': 100,
  }, make('span', {}));
  if (percent === null) bar.classList.add('unknown');
  else {
    bar.setAttribute('aria-valuenow', percent);
    bar.firstChild.style.width = `${percent}%`;
  }
  const left = total && rate ? clock((total - bytes) / rate) : '';
  return make('div', { className: 'moving' }, bar,
    make('div', { className: 'figures' },
      make('strong', {}, percent === null ? size(bytes) : `${percent}%`),
      make('span', {}, total ? `${size(bytes)} of ${size(total)}` : ''),
      make('span', {}, `${size(rate)}/s`),
      make('span', {}, left && `${left} left`)),
    curve());
}

const clock = (seconds) => {
  const whole = Math.ceil(seconds);
  const two = (number) => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};

function curve() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', `0 0 ${CURVE - 1} 10`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('class', 'curve');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', 'Speed of the last seconds');
  const most = Math.max(1, ...job.rates);
  const start = CURVE - job.rates.length;
  const points = job.rates.map((rate, at) => `${start + at},${(9.5 - (9 * rate) / most).toFixed(2)}`);
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  line.setAttribute('points', points.join(' '));
  svg.append(line);
  return svg;
}

function done() {
  const { exit, error, hint } = job.done;
  const isGood = exit === 0 || exit === 13;
  const titles = {
    send: 'Sent', receive: 'Received', zip: 'The archive is made', unzip: job.rows.length ? 'Contents' : 'Opened', doctor: 'Checked',
  };
  let title = isGood || job.task === 'doctor' ? titles[job.task] : 'It did not work';
  if (exit === 13) title = `${title}, but not everything`;
  if (exit === 12) title = error === 'cancelled' ? 'Stopped' : 'Interrupted';
  const text = isGood ? [job.summary, job.saved] : [error !== 'cancelled' && sentence(error), advice(exit, hint)];
  const state = isGood || job.task === 'doctor' ? 'good' : 'bad';
  const retry = !isGood && job.task !== 'doctor';
  const shows = isGood && job.task !== 'send' && !job.rows.length && job.saved;
  return [
    ['result', 'done', () => make('div', { className: `result ${state}` },
      make('h2', { tabIndex: -1, 'data-focus': '1' }, title),
      ...text.filter(Boolean).map((line) => make('p', {}, sentence(line))))],
    job.files.length && ['files', 'done', () => make('ul', { className: 'files' }, ...job.files.map((file) => make('li', {}, file)))],
    job.rows.length && ['rows', `done ${job.rows.length}`, rows],
    ['notes', `done ${job.notes.length}`, notes],
    ['leave', 'done', () => make('div', { className: 'actions' },
      retry && action(exit === 12 ? 'Resume' : 'Try again', 'again', 'primary'),
      shows && action('Show in folder', 'show', 'primary'),
      make('button', { type: 'button', className: retry || shows ? '' : 'primary', onclick: () => post('leave').catch(fail) }, 'Done'))],
  ];
}

/** What to do next, if the hint is about the command line. */
function advice(exit, hint) {
  const words = {
    3: 'Compare the code with the other person, then start again on both sides.',
    4: 'Make sure that the other side has started, and that both are on the same network.',
    5: 'Make sure that the other side has started, then try again.',
    12: 'What arrived is kept. Press Resume; the other side waits for a while, or presses it, too.',
  };
  return words[exit] ?? (hint && !/--|command|`/.test(hint) ? sentence(hint) : '');
}

function rows() {
  if (job.task === 'doctor') {
    return make('ul', { className: 'checks' }, ...job.rows.map(({ what, result, said, advice: tip }) => make('li', { className: result },
      make('strong', {}, `${{ pass: '✓', look: '!', fail: '✗' }[result] ?? result} ${what}`),
      make('span', {}, said), tip ? make('small', {}, tip) : null)));
  }
  const shown = job.rows.slice(0, ROWS);
  const kinds = [...new Set(shown.filter(({ kind }) => kind !== 'dir').map(({ encryption }) => encryption))];
  const name = (kind) => (kind === 'none' ? 'not encrypted' : kind);
  const differs = kinds.length > 1;
  const caption = differs || !kinds.length ? '' : `All files: ${name(kinds[0])}. `;
  const rest = job.rows.length > ROWS ? `Only the first ${ROWS} are shown.` : '';
  const row = ({ path, kind, bytes, encryption }) => make('tr', {},
    make('td', {}, kind === 'dir' ? `${path}/` : path),
    make('td', {}, kind === 'dir' ? '' : size(bytes)),
    differs && make('td', {}, kind === 'dir' ? '' : name(encryption)));
  const heads = ['Name', 'Size', ...(differs ? ['Encryption'] : [])];
  return make('table', {},
    make('caption', {}, `${caption}${rest}`),
    make('thead', {}, make('tr', {}, ...heads.map((head) => make('th', { scope: 'col' }, head)))),
    make('tbody', {}, ...shown.map(row)));
}

function notes() {
  if (!job.notes.length) return make('span', { hidden: true });
  const open = card.querySelector('details.notes')?.open ?? false;
  return make('details', { className: 'notes', open }, make('summary', {}, 'Details'),
    make('ul', {}, ...job.notes.map((note) => make('li', {}, note))));
}
