import { TunRTCError } from '../src/index.ts';
import { byId } from './dom.ts';

/** How long a notice stands, in milliseconds. */
const NOTICE_MS = 10_000;
/** What the server's fields are called on this page. */
const FIELD_NAMES: Record<string, string> = {
  username: 'User name',
  email: 'E-mail',
  password: 'Password',
  name: 'Name',
  maxParticipants: 'Seats',
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
  if (!(error instanceof TunRTCError)) return String(error);
  const isInCall = document.body.dataset['view'] === 'call';
  switch (error.code) {
    case 'invalid_credentials':
      return 'That e-mail and password do not match an account.';
    case 'invalid_request':
      return error.errors.map(({ field, reason }) => `${FIELD_NAMES[field] ?? field} ${reason}.`).join(' ') || error.message;
    case 'invalid_refresh_token':
    case 'not_signed_in':
    case 'unauthorized':
      return 'Your sign-in has ended. Sign in again.';
    case 'session_locked':
      return 'The session is locked. Ask whoever hosts it to let you in.';
    case 'banned':
      return 'You were taken out of this session, and cannot come back yet.';
    case 'media_denied':
      return isInCall
        ? 'The browser did not allow it. Allow it in the address bar and try again.'
        : 'The camera or microphone was not allowed. Allow it in the address bar, or switch it off under “Join with”.';
    case 'media_not_found':
      return isInCall
        ? 'No such device was found. Plug it in and try again.'
        : 'No camera or microphone was found. Switch it off under “Join with” and try again.';
    case 'network_error':
      return 'The server cannot be reached.';
    case 'not_found':
    case 'session_not_found':
      return 'There is no such session.';
    case 'replaced':
      return 'You joined this session somewhere else; it goes on there.';
    case 'session_ended':
      return 'This session has ended.';
    case 'session_full':
      return 'This session is full.';
    case 'user_exists':
      return 'That user name or e-mail is taken.';
    default:
      return error.message;
  }
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

/** Runs what a form does, as {@link attempt}; the fields that the server refuses are marked, and the first gets the focus. */
export function attemptForm(form: HTMLFormElement, action: () => Promise<unknown>): Promise<void> {
  unmark(form);
  return attempt(form.querySelector('[type=submit]'), async () => {
    try {
      await action();
    } catch (error) {
      if (error instanceof TunRTCError) mark(form, error.errors.map(({ field }) => field));
      throw error;
    }
  });
}

/** Marks the fields of these names as wrong; the notice says why. */
export function mark(form: HTMLFormElement, names: readonly string[]): void {
  const fields = names.map((name) => form.elements.namedItem(name)).filter((field) => field instanceof HTMLElement);
  for (const field of fields) {
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-errormessage', 'notice');
  }
  fields[0]?.focus();
}

/** Takes the marks of an earlier attempt away. */
export function unmark(form: HTMLFormElement): void {
  for (const field of form.querySelectorAll('[aria-invalid]')) {
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-errormessage');
  }
}
