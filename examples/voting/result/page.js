// Runs in the browser: asks for the counts each second, and says so when nobody answers.
const element = (id) => document.getElementById(id);
const containers = new Set();
let updates = 0;

async function update() {
  try {
    const answer = await fetch(`${document.body.dataset.address}/votes`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
    document.body.classList.remove('stale');
    element('state').textContent = 'Live result';
  } catch {
    document.body.classList.add('stale');
    element('state').textContent = 'Waiting for an answer';
  }
}

function show(votes) {
  for (const side of ['a', 'b']) {
    element(`count-${side}`).textContent = countOf(votes[side], 'vote');
    element(`share-${side}`).textContent = votes.total === 0 ? '–' : `${percent(votes, side)} %`;
  }
  if (votes.total > 0) document.querySelector('.bar').style.setProperty('--share', `${(votes.a / votes.total) * 100}%`);
  // Only a change is read out.
  const total = votes.total === 0 ? 'No votes yet' : `${countOf(votes.total, 'vote')} in all`;
  if (element('total').textContent !== total) element('total').textContent = total;
  updates += 1;
  containers.add(votes.container);
  element('asked').replaceChildren(
    `${countOf(updates, 'update')} since, from ${countOf(containers.size, 'container')}, the last `,
    Object.assign(document.createElement('code'), { textContent: votes.container }),
    '.',
  );
}

const countOf = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Both sides together give 100. */
function percent({ a, total }, side) {
  const shareOfA = Math.round((a / total) * 100);
  return side === 'a' ? shareOfA : 100 - shareOfA;
}

async function keepUpdating() {
  if (!document.hidden) await update();
  setTimeout(keepUpdating, 1000);
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void update();
});
setTimeout(keepUpdating, 1000);
