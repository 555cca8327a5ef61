/** What of a recording is on this device alone, and cannot be uploaded any more: it is saved, or deleted, or offered again the next time. */
import type { Leftover, Recording } from '../src/recording/index.ts';
import { ask, byId, make } from './dom.ts';

/** What a piece holds. */
const PIECE_SECONDS = 4;
/** How long a browser may take to write a file, in milliseconds. */
const WRITING_MS = 60_000;

/** One after the other: there is one dialog. */
let before: Promise<unknown> = Promise.resolve();
/** What this page has asked about already. */
const asked = new Set<string>();

/** Asks what is to become of it; whether there is anything. */
export async function offerLeftovers(recording: Recording): Promise<boolean> {
  const leftovers = await recording.leftovers();
  if (leftovers.length === 0 || asked.has(recording.recordingId)) return leftovers.length > 0;
  asked.add(recording.recordingId);
  before = before.then(() => decide(recording, leftovers));
  return true;
}

async function decide(recording: Recording, leftovers: readonly Leftover[]): Promise<void> {
  const [first] = leftovers;
  byId('leftover-of').textContent = new Date(first?.startedAt ?? 0).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const seconds = leftovers.reduce((sum, { pieces }) => sum + pieces, 0) * PIECE_SECONDS;
  let text = `About ${seconds} seconds came too late. They stay in this browser for seven days, and nobody else has them.`;
  for (;;) {
    byId('leftover-what').textContent = text;
    const answer = await ask(byId<HTMLDialogElement>('leftover-dialog'));
    if (answer === 'delete') await recording.discard();
    if (answer !== 'save') return;
    leftovers.forEach(save);
    text = `${leftovers.length === 1 ? 'A file was' : `${leftovers.length} files were`} given to this browser's downloads. Look whether they are there before you delete this part here.`;
  }
}

function save({ file, startedAt }: Leftover): void {
  const url = URL.createObjectURL(file);
  const ending = file.type.includes('webm') ? 'webm' : 'mp4';
  make('a', { href: url, download: `recording ${new Date(startedAt).toISOString().slice(0, 19).replaceAll(':', '-')}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), WRITING_MS);
}
