// What can be checked of a page that a person sees, reads or hears. Returns the faults.
const faults = [];
const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const text = (element) => (element ? element.textContent.trim() : '');
const name = (element) => element.getAttribute('aria-label')
  || (element.getAttribute('aria-labelledby') || '').split(' ').map((id) => text(document.getElementById(id))).join(' ').trim()
  || [...(element.labels || [])].map(text).join(' ')
  || (/BUTTON|A|SUMMARY/.test(element.tagName) ? text(element) : '');
const modal = document.querySelector('dialog[open]');
const within = (element) => !modal || modal.contains(element);

for (const element of document.querySelectorAll('button, input, select, textarea, summary, a, [role=progressbar], [role=img], dialog[open]')) {
  if (!isShown(element)) continue;
  const shown = element.outerHTML.slice(0, 100);
  if (!name(element)) faults.push(`no name: ${shown}`);
  const { width, height } = element.getBoundingClientRect();
  if (element.tagName === 'BUTTON' && (width < 24 || height < 40)) faults.push(`small target ${width}x${height}: ${shown}`);
}
for (const image of document.images) if (!image.hasAttribute('alt')) faults.push('an image without alt');
for (const bar of document.querySelectorAll('[role=progressbar]')) {
  const now = bar.getAttribute('aria-valuenow');
  if (now !== null && !(now >= 0 && now <= 100)) faults.push(`progress ${now}`);
}
const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
if (new Set(ids).size !== ids.length) faults.push('an id is there twice');
if (!document.documentElement.lang || !document.title) faults.push('no language or no title');
if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
const levels = [...document.querySelectorAll('h1, h2, h3')].filter(isShown).map((heading) => Number(heading.tagName[1]));
levels.forEach((level, at) => { if (level > (levels[at - 1] ?? 0) + 1) faults.push(`headings ${levels}`); });
for (const element of document.querySelectorAll('[tabindex]')) if (element.tabIndex > 0) faults.push('a positive tabindex');

// Contrast (WCAG 2.2, 1.4.3).
const parse = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
const light = ([red, green, blue]) => [red, green, blue]
  .map((part) => part / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  // What is disabled may be pale (WCAG says so, too).
  if (!walker.currentNode.textContent.trim() || !isShown(element) || !within(element) || element.closest(':disabled')) continue;
  const [one, other] = [parse(getComputedStyle(element).color), behind(element)].map(light);
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${element.textContent.slice(0, 40)}`);
}
for (const element of [document.documentElement, document.body]) {
  if (element.scrollWidth > document.documentElement.clientWidth) faults.push(`wider than the window: ${element.scrollWidth}`);
}
return faults;
