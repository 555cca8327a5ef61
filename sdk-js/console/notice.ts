import { TunRTCError } from '../src/index.ts';
import { explain as say, LABELS } from '../src/ui/labels.ts';
import { byId, make } from './dom.ts';

/** How long a notice stands, in milliseconds. */
const NOTICE_MS = 10_000;

/** What a person can do about an error, by its code; what is not here has its words from the ready-made call. */
const WORDS: Record<string, string> = {
  invalid_credentials: 'That e-mail and password do not match an account.',
  invalid_refresh_token: 'Your sign-in has ended. Sign in again.',
  not_signed_in: 'Your sign-in has ended. Sign in again.',
  unauthorized: 'Your sign-in has ended. Sign in again.',
  session_locked: 'The session is locked. Ask whoever hosts it to let you in.',
  banned: 'You were taken out of this session, and cannot come back yet.',
  denied: 'You were not let in.',
  waiting_room_full: 'Too many people wait to be let in. Try again later.',
  invite_not_found: 'This invitation has ended, or was taken back. Ask for another one.',
  too_many_invites: 'There are as many guest links as there may be. Take some back.',
  token_revoked: 'Your invitation has ended, or was taken back. Ask for another one.',
  token_expired: 'Your invitation has ended. Ask for another one.',
  not_offered: 'This server does not offer that.',
  recording_active: 'You are being recorded already, in another tab or on another device, or the last recording is still on its way.',
  recording_not_found: 'There is no such recording.',
  connection_lost: 'The connection to the server was lost.',
  not_found: 'There is no such session.',
  session_not_found: 'There is no such session.',
  replaced: 'You joined this session somewhere else; it goes on there.',
  session_ended: 'This session has ended.',
  session_full: 'This session is full.',
  user_exists: 'That user name or e-mail is taken.',
};
/** In a call one cannot join without the device any more. */
const IN_CALL: Record<string, string> = {
  media_denied: 'The browser did not allow it. Allow it in the address bar and try again.',
  media_not_found: 'No such device was found. Plug it in and try again.',
};
/** What to write into a field, by its name in the server's answer, unless the reason that it gives says more. */
const FIELD_WORDS: Record<string, string> = {
  username: 'Choose a name of 1 to 50 characters.',
  email: 'Write an e-mail address, such as ann@example.org.',
  password: 'Use 8 to 128 characters.',
  name: 'Give it a name of 1 to 100 characters.',
  maxParticipants: 'Choose 2 to 100 seats.',
};
const REASONS: Record<string, string> = {
  'must be 1-128 characters': 'Write your password.',
  'must not be one of the commonest passwords': 'That is one of the commonest passwords. Choose another one.',
  'must not contain control, invisible or unassigned characters': 'Some of these characters cannot be seen. Leave them out.',
};
/** The field that an error is about, where a form has it. */
const FIELD_OF: Record<string, string> = {
  invalid_credentials: 'password',
  user_exists: 'username',
  not_found: 'id',
  session_not_found: 'id',
  session_ended: 'id',
  session_full: 'id',
  session_locked: 'id',
  banned: 'id',
};

let timer: ReturnType<typeof setTimeout> | undefined;
let afterFailure = () => {};

/** Says something where screen readers announce it; `problem` is shown in the colour of failures. */
export function notify(text: string, kind: 'problem' | 'news' = 'problem'): void {
  const notice = byId('notice');
  notice.textContent = text;
  notice.dataset['kind'] = kind;
  notice.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(clearNotice, NOTICE_MS);
}

export function clearNotice(): void {
  byId('notice').hidden = true;
}

/** What a person can do with an error. */
export function explain(error: unknown): string {
  if (!(error instanceof TunRTCError)) return error instanceof Error && 'code' in error ? error.message : String(error);
  const { code, errors, retryAfterSeconds } = error;
  if (code === 'invalid_request' && errors.length > 0) return errors.map(wordsOf).join(' ');
  if (code === 'rate_limited' && retryAfterSeconds) return `That was too often. Try again in ${duration(retryAfterSeconds)}.`;
  const isInCall = document.body.dataset['view'] === 'call';
  return (isInCall && IN_CALL[code]) || WORDS[code] || say(LABELS, error);
}

function duration(seconds: number): string {
  return seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

function wordsOf({ field, reason }: { field: string; reason: string }): string {
  return REASONS[reason] ?? FIELD_WORDS[field] ?? `${field} ${reason}.`;
}

/** Says what failed, and does what the page does after every failure. */
export function fail(error: unknown): void {
  notify(explain(error));
  afterFailure();
}

/** Sets what the page does after every failure, once it was said. */
export function whenFailed(action: () => void): void {
  afterFailure = action;
}

/**
 * Runs what a button does: it does nothing else meanwhile, and a failure is said. The button is not `disabled`, which
 * would take the keyboard's focus away from it.
 */
export async function attempt(button: HTMLElement | null, action: () => Promise<unknown>): Promise<void> {
  if (button?.hasAttribute('aria-disabled')) return;
  clearNotice();
  button?.setAttribute('aria-disabled', 'true');
  try {
    await action();
  } catch (error) {
    // What was given up by another click, as a join by leaving, has not failed.
    if (!(error instanceof TunRTCError) || error.code !== 'closed') fail(error);
  } finally {
    button?.removeAttribute('aria-disabled');
  }
}

/** Runs what a form does, as {@link attempt}; what is wrong with a field is said at the field, and the first gets the focus. */
export function attemptForm(form: HTMLFormElement, action: () => Promise<unknown>): Promise<void> {
  unmark(form);
  return attempt(form.querySelector('[type=submit]'), async () => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof TunRTCError) || !mark(form, problemsOf(error))) throw error;
    }
  });
}

function problemsOf(error: TunRTCError): [string, string][] {
  const field = FIELD_OF[error.code];
  const problems = error.errors.map((each): [string, string] => [each.field, wordsOf(each)]);
  return field ? [...problems, [field, explain(error)]] : problems;
}

/** Says at the fields of these names what is wrong with them; answers whether each of them is there. */
export function mark(form: HTMLFormElement, problems: readonly [name: string, words: string][]): boolean {
  const marked = problems.flatMap(([name, words]) => {
    const field = form.elements.namedItem(name);
    if (!(field instanceof HTMLElement)) return [];
    const id = `${field.id}-problem`;
    const described = [field.getAttribute('aria-describedby'), id].filter(Boolean).join(' ');
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-describedby', described);
    (field.closest('.with-button') ?? field).after(make('small', { id, className: 'problem' }, words));
    return field;
  });
  marked[0]?.focus();
  return marked.length > 0 && marked.length === problems.length;
}

/** Takes away what an earlier attempt has said. */
export function unmark(form: HTMLFormElement): void {
  for (const problem of form.querySelectorAll('.problem')) problem.remove();
  for (const field of form.querySelectorAll('[aria-invalid]')) {
    field.removeAttribute('aria-invalid');
    const described = (field.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => !id.endsWith('-problem'));
    if (described[0]) field.setAttribute('aria-describedby', described.join(' '));
    else field.removeAttribute('aria-describedby');
  }
}
