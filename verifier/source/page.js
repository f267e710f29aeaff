/** The page: takes files, starts the worker, shows the report. Everything of a record is shown as text, never as markup. */
import { SECTIONS } from './report.js';
import { verifyFiles } from './serve.js';
import { plainText } from './verdict.js';

const byId = (id) => document.getElementById(id);
const chosen = { record: null, frames: [], keys: null };
let worker = null;
let shown = null; // what the result card was made of, to make it again in the other language

const STAGES = {
  frame: ['读取抽样框', 'reading the frame'],
  tickets: ['计算抽签号', 'computing tickets'],
  signatures: ['核对签名', 'checking signatures'],
  teams: ['重排检查组', 'computing teams'],
  rounds: ['核对替换轮', 'checking rounds'],
};

const SAID = [
  ['一致', 'Agrees', '这份记录所含的全部内容都已核验。', 'Everything that this edition of the record holds was checked.'],
  ['不一致', 'Differs', '记录与规则或抽样框不符，下面是第一处。', 'The record does not agree with the protocol or the frame; the first difference is named below.'],
  ['无法读取', 'Unreadable', '文件不能读作记录。', 'A file cannot be read.'],
  ['有未核验项', 'Not all checked', '没有发现不一致，但下列内容在这里不能核验。', 'Nothing differs, but what is listed below could not be checked here.'],
];
const MARKS = ['✔', '✘', '？', '△'];

const language = () => document.documentElement.dataset.lang;
const say = (zh, en) => (language() === 'zh' ? zh : en);
const sayPair = (pair) => say(pair.zh, pair.en);

function element(tag, text = '', className = '') {
  const made = document.createElement(tag);
  if (text !== '') made.textContent = text;
  if (className !== '') made.className = className;
  return made;
}

// --- choosing files --------------------------------------------------------------------------------------------------

/** Tell a record from a keys file: keys files are small and hold no manifest. */
async function isRecord(file) {
  return file.size > 200000 || (await file.text()).includes('"manifest"');
}

async function take(files) {
  stop();
  for (const file of files) {
    if (!/\.json$/i.test(file.name)) chosen.frames.push(file);
    else if (await isRecord(file)) chosen.record = file;
    else chosen.keys = file;
  }
  showChosen();
}

function showChosen() {
  const lists = { record: chosen.record ? [chosen.record] : [], frames: chosen.frames, keys: chosen.keys ? [chosen.keys] : [] };
  for (const [name, files] of Object.entries(lists)) {
    byId(`${name}-chosen`).replaceChildren(...files.map((file) => element('li', `${plainText(file.name)} · ${sizeOf(file.size)}`)));
  }
  if (chosen.record) byId('missing').hidden = true;
  byId('result').hidden = true; // it was about other files
  shown = null;
}

function sizeOf(bytes) {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function clear() {
  stop();
  Object.assign(chosen, { record: null, frames: [], keys: null });
  byId('files').reset();
  byId('missing').hidden = true;
  showChosen();
}

// --- working ---------------------------------------------------------------------------------------------------------

function start(event) {
  event.preventDefault();
  if (chosen.record === null) {
    byId('missing').textContent = say('请先选择抽取记录。', 'Choose the draw record first.');
    byId('missing').hidden = false;
    return;
  }
  const head = byId('head').value.replace(/\s/g, '').toLowerCase() || null;
  stop();
  byId('result').hidden = true;
  byId('go').disabled = true;
  byId('stop').hidden = false;
  byId('progress').hidden = false;
  tell({ stage: 'frame' });
  run({ record: chosen.record, frames: [...chosen.frames], keys: chosen.keys, head });
}

function run(task) {
  worker = newWorker();
  if (worker === null) {
    verifyFiles(task, tell).then(finish, fail);
    return;
  }
  worker.onmessage = ({ data }) => {
    if (data.news) tell(data.news);
    else if (data.report) finish(data.report);
    else fail(new Error(data.problem));
  };
  worker.onerror = (event) => fail(new Error(event.message));
  worker.postMessage(task);
}

/** Start the core in a worker made of the page's own text; null where the browser has no workers on such a page. */
function newWorker() {
  try {
    const text = `${byId('core').textContent}\nJidrawVerifier.serve(self);`;
    const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    const made = new Worker(url);
    URL.revokeObjectURL(url);
    return made;
  } catch {
    return null;
  }
}

function stop() {
  if (worker !== null) worker.terminate();
  worker = null;
  byId('go').disabled = false;
  byId('stop').hidden = true;
  byId('progress').hidden = true;
}

function tell({ stage, done, total }) {
  byId('stage').textContent = say(...STAGES[stage]);
  if (total > 0) byId('bar').value = done / total;
  else byId('bar').removeAttribute('value');
}

function finish(report) {
  stop();
  shown = report;
  show(report);
  byId('result').focus({ preventScroll: true });
  byId('result').scrollIntoView({ block: 'start' });
}

function fail(problem) {
  const said = plainText(problem && problem.message);
  finish({
    exit: 3, difference: null, unreadable: null, checked: [], notHeld: [], restsOn: [], facts: {},
    unchecked: [{ zh: `核验程序出错：${said}`, en: `a mistake in this program: ${said}` }],
  });
}

// --- the report ------------------------------------------------------------------------------------------------------

function show(report) {
  byId('result').replaceChildren(
    verdictOf(report),
    ...listOf(say('未核验', 'NOT CHECKED'), report.unchecked),
    ...listOf(say('本版记录不含', 'What this edition does not hold'), report.notHeld),
    ...listOf(say('这一结果取决于', 'What the result rests on'), report.restsOn),
    ...factsShown(report),
    ...sectionsOf(report),
    actions(),
  );
  byId('result').hidden = false;
}

function verdictOf(report) {
  const [zh, en, zhMore, enMore] = SAID[report.exit];
  const card = element('div', '', `verdict verdict-${report.exit}`);
  card.append(element('strong', `${MARKS[report.exit]} ${say(zh, en)}`), element('p', say(zhMore, enMore)));
  if (report.difference) {
    const { section, place } = report.difference;
    const where = element('p', `§${section} ${say(...SECTIONS[section])}${say('：', ': ')}`);
    where.append(element('code', place));
    card.append(where, element('p', sayPair(report.difference)));
  }
  if (report.unreadable) card.append(element('p', sayPair(report.unreadable)));
  if (report.facts.purpose === 'rehearsal') card.append(element('p', say('这是一次演练的记录。', 'This is the record of a rehearsal.')));
  card.append(element('p', `EXIT ${report.exit}`));
  return card;
}

function listOf(title, pairs) {
  if (pairs.length === 0) return [];
  const list = element('ul');
  list.append(...pairs.map((pair) => element('li', sayPair(pair))));
  return [element('h2', title), list];
}

function factsShown({ facts, exit }) {
  if (!facts.draw) return [];
  const list = element('dl');
  const row = (zh, en, value, code = false) => {
    const cell = element('dd');
    cell.append(code ? element('code', value) : String(value));
    list.append(element('dt', say(zh, en)), cell);
  };
  row('抽取编号', 'Draw', `${facts.draw} · ${say(`第 ${facts.attempt} 次`, `attempt ${facts.attempt}`)} · ${facts.purpose === 'live' ? say('正式', 'live') : say('演练', 'rehearsal')}`);
  row('版本', 'Edition', facts.edition === 'full' ? say('完整版', 'full') : say('公开版', 'public'));
  row('参与部门', 'Agencies', facts.agencies.join(', '));
  row('抽样框', 'Frame', say(`${facts.entities} 个对象，${facts.shards} 个分片`, `${facts.entities} entities, ${facts.shards} shards`));
  row('抽中', 'Drawn', say(`${facts.targets} 个对象，其后 ${facts.rounds} 轮替换`, `${facts.targets} targets, then ${facts.rounds} rounds`));
  row('封存', 'Sealed', facts.sealedAt);
  row('清单摘要', 'Manifest digest', facts.manifestDigest, true);
  row('最新结果摘要', 'Newest result digest', facts.head, true);
  const title = exit === 1 ? say('记录所载（未证实）', 'What the record says (not confirmed)') : say('记录', 'The record');
  return [element('h2', title), list];
}

function sectionsOf(report) {
  const list = element('ul', '', 'sections');
  for (const [number, [zh, en]] of Object.entries(SECTIONS)) {
    if (number === '1') continue;
    const stopped = report.difference && report.difference.section === Number(number);
    const done = report.checked.includes(Number(number));
    const mark = stopped ? '✘' : done ? '✔' : '–';
    list.append(element('li', `${mark} §${number} ${say(zh, en)}`, stopped ? 'stopped' : done ? 'done' : ''));
  }
  return [element('h2', say('已核验的各节', 'Sections checked')), list];
}

function actions() {
  const row = element('div', '', 'actions');
  const print = element('button', say('打印', 'Print'), 'quiet');
  print.type = 'button';
  print.addEventListener('click', () => window.print());
  row.append(print);
  return row;
}

function setLanguage(name) {
  document.documentElement.dataset.lang = name;
  document.documentElement.lang = name === 'zh' ? 'zh-CN' : 'en';
  if (shown !== null) show(shown);
}

function begin() {
  setLanguage(/^zh/i.test(navigator.language || 'zh') ? 'zh' : 'en');
  byId('language').addEventListener('click', () => setLanguage(language() === 'zh' ? 'en' : 'zh'));
  byId('files').addEventListener('submit', start);
  byId('stop').addEventListener('click', stop);
  byId('clear').addEventListener('click', clear);
  for (const name of ['record', 'frames', 'keys']) {
    byId(name).addEventListener('change', ({ target }) => {
      const files = [...target.files];
      target.value = ''; // so that choosing the same file again, changed since, is heard
      if (files.length === 0) return;
      chosen[name] = name === 'frames' ? files : files[0];
      stop();
      showChosen();
    });
  }
  const over = (on) => (event) => {
    event.preventDefault();
    byId('drop').classList.toggle('over', on);
  };
  document.addEventListener('dragover', over(true));
  document.addEventListener('dragleave', over(false));
  document.addEventListener('drop', (event) => {
    over(false)(event);
    take([...event.dataTransfer.files]);
  });
}

begin();
