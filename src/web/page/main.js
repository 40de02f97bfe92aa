// The forms, and which parts of the page are shown.

import { events, Gone, make, plain, post, size, upload } from '/api.js';
import { choose, reference } from '/chooser.js';
import * as job from '/job.js';

const byId = (id) => document.getElementById(id);
const forms = ['send', 'receive', 'archives', 'check'];
const folders = {};
const lists = { send: [], zip: [] };
let archive = null;
let dropped = null;
let tab = 'send';

function show() {
  for (const name of forms) byId(name).hidden = job.isShown() || name !== tab;
  for (const button of byId('tabs').children) {
    const isNow = button.dataset.tab === tab;
    if (isNow) button.setAttribute('aria-current', 'page');
    else button.removeAttribute('aria-current');
    button.disabled = job.isShown();
  }
  byId('job').hidden = !job.isShown();
  document.body.dataset.ready = '1';
}

function complain(error) {
  if (error instanceof Gone) {
    gone();
    return;
  }
  const problem = byId('problem');
  problem.textContent = plain(error.message);
  problem.hidden = false;
}

function gone() {
  const card = byId('gone');
  const hasToken = Boolean(Object.keys(folders).length);
  card.querySelector('h2').textContent = hasToken ? 'peerbridge has ended' : 'This page needs its whole address';
  card.querySelector('p').textContent = hasToken
    ? 'You can close this page. Start peerbridge again when you need it.'
    : 'Open the address that peerbridge shows, with everything after the #.';
  for (const name of [...forms, 'job', 'tabs', 'end', 'problem']) byId(name).hidden = true;
  card.hidden = false;
  card.querySelector('h2').focus();
}

function tellFolders() {
  for (const shown of document.querySelectorAll('[data-folder]')) {
    const folder = shown.dataset.folder === 'archive' ? archive : folders[shown.dataset.folder];
    if (folder) shown.textContent = plain(folder.path);
  }
}

function hear(event) {
  if (event.event === 'page') {
    for (const name of ['receive', 'unzip', 'zip', 'check', 'start']) {
      folders[name] ??= { path: event.folder, ...(event.folder_bytes && { path_bytes: event.folder_bytes }) };
    }
    tellFolders();
  } else {
    job.hear(event);
  }
  if (event.event === 'started') byId('problem').hidden = true;
  show();
}

/** Posts a form; the events do the rest. */
function submits(id, fields) {
  const form = byId(id);
  form.onsubmit = async (event) => {
    event.preventDefault();
    byId('problem').hidden = true;
    const given = Object.fromEntries([...form.elements]
      .filter((element) => element.name)
      .map((element) => [element.name, element.type === 'checkbox' ? element.checked : element.value]));
    try {
      await fields(given, event.submitter);
      for (const input of form.querySelectorAll('input[type=password], input[name=code]')) input.value = '';
    } catch (error) {
      complain(error);
    }
  };
}

const into = (key, folder) => (folder?.path_bytes
  ? { [key]: folder.path, [`${key}_bytes`]: folder.path_bytes } : { [key]: folder?.path });

submits('send', async (given) => {
  refuseWhileTaking();
  await post('send', { ...given, paths: lists.send.map(reference), ...(dropped && { dropped: dropped.folder }) });
  lists.send = [];
  dropped = null;
  tellLists();
});
submits('receive', (given) => post('receive', { ...given, ...into('folder', folders.receive) }));
submits('zip', async ({ name, password, hide_names: hides }) => {
  await post('zip', { name, password, hide_names: hides, paths: lists.zip.map(reference), ...into('folder', folders.zip) });
  lists.zip = [];
  tellLists();
});
submits('unzip', (given, submitter) => {
  if (!archive) throw new Error('Choose an archive first.');
  const chosen = into('archive', archive);
  if (submitter?.value === 'list') return post('unzip', { ...chosen, list: true });
  return post('unzip', { ...given, ...chosen, ...into('folder', folders.unzip) });
});
submits('check', () => post('doctor', into('folder', folders.check)));

function tellLists() {
  for (const [name, list] of Object.entries(lists)) {
    byId(`${name}-list`).replaceChildren(...list.map((entry, at) => make('li', {},
      make('span', { className: 'name' }, entry.name),
      make('span', { className: 'size' }, entry.kind === 'folder' ? 'folder' : size(entry.bytes)),
      make('button', {
        type: 'button',
        className: 'quiet',
        'aria-label': `Remove ${entry.name}`,
        onclick: () => {
          list.splice(at, 1);
          tellLists();
        },
      }, '✕'))));
  }
  for (const [name, bytes] of Object.entries(dropped?.names ?? {})) {
    byId('send-list').append(make('li', {}, make('span', { className: 'name' }, name), make('span', { className: 'size' }, size(bytes))));
  }
  if (dropped) {
    byId('send-list').append(make('li', {}, make('button', {
      type: 'button',
      className: 'quiet',
      onclick: () => {
        post('discard', { dropped: dropped.folder }).catch(complain);
        dropped = null;
        tellLists();
      },
    }, 'Remove dropped files')));
  }
}

for (const name of Object.keys(lists)) {
  byId(`${name}-choose`).onclick = async () => {
    const chosen = await choose('paths', folders.start);
    const known = new Set(lists[name].map((entry) => entry.path));
    lists[name].push(...chosen.filter((entry) => !known.has(entry.path)));
    tellLists();
  };
}

for (const button of document.querySelectorAll('[data-choose]')) {
  button.onclick = async () => {
    const name = button.dataset.choose;
    const [chosen] = await choose(name === 'archive' ? 'file' : 'folder', folders[name] ?? folders.start);
    if (!chosen) return;
    if (name === 'archive') archive = chosen;
    else folders[name] = chosen;
    tellFolders();
  };
}

for (const button of document.querySelectorAll('[data-near]')) {
  const told = button.parentElement.querySelector('p');
  button.onclick = async () => {
    told.textContent = 'Looking ...';
    try {
      const { seen } = await post('nearby');
      const lines = seen.map(({ address, does, channel }) => (
        `${address} ${does === 'serves' ? 'is a drop box' : `${does === 'sends' ? 'sends' : 'receives'} with code ${channel}-...`}`
      ));
      told.textContent = lines.length ? lines.join('; ') : 'Nobody was found. The other side may not have started yet.';
    } catch (error) {
      told.textContent = '';
      complain(error);
    }
  };
}

for (const button of byId('tabs').children) {
  button.onclick = () => {
    tab = button.dataset.tab;
    byId('problem').hidden = true;
    show();
  };
}

byId('end').onclick = async () => {
  try {
    await post('end');
    gone();
  } catch (error) {
    complain(error);
  }
};

/** Every file below what was dropped, with its path. */
async function below(entry, prefix = '') {
  const path = prefix + entry.name;
  if (entry.isFile) return [[path, await new Promise((resolve, reject) => { entry.file(resolve, reject); })]];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return found;
    for (const child of some) found.push(...await below(child, `${path}/`));
  }
}

/** Files that were dropped are sent only if all of them were uploaded. */
function refuseWhileTaking() {
  if (!byId('taking').hidden) throw new Error('Wait until the dropped files are taken up.');
}

async function take(items) {
  refuseWhileTaking();
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = [];
  for (const entry of entries.filter(Boolean)) {
    files.push(...(entry instanceof File ? [[entry.name, entry]] : await below(entry)));
  }
  if (!files.length) return;
  const taking = byId('taking');
  const all = files.reduce((sum, [, file]) => sum + file.size, 0);
  let before = 0;
  taking.hidden = false;
  try {
    dropped ??= { folder: (await post('drop')).dropped, names: {} };
    for (const [name, file] of files) {
      const tell = (bytes) => {
        const percent = Math.floor((100 * (before + bytes)) / (all || 1));
        taking.querySelector('.bar').setAttribute('aria-valuenow', percent);
        taking.querySelector('.bar span').style.width = `${percent}%`;
        taking.querySelector('p').textContent = plain(`Taking up ${name}`);
      };
      tell(0);
      await upload(dropped.folder, name, file, tell);
      before += file.size;
      const top = name.split('/')[0];
      dropped.names[top] = (dropped.names[top] ?? 0) + file.size;
    }
  } finally {
    taking.hidden = true;
    tellLists();
  }
}

addEventListener('dragover', (event) => {
  event.preventDefault();
  byId('drop').classList.add('over');
});
addEventListener('dragleave', () => byId('drop').classList.remove('over'));
addEventListener('drop', (event) => {
  event.preventDefault();
  byId('drop').classList.remove('over');
  if (job.isShown()) return;
  tab = 'send';
  show();
  // The items are gone once this function returns, so they must be read before the first await.
  take([...event.dataTransfer.items]).catch(complain);
});

job.begin(complain, () => {
  show();
  byId(tab).querySelector('button, input')?.focus();
});
events(hear).then(gone);
