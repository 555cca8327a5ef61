import { TunRTCError } from '../src/index.ts';
import { byId } from './dom.ts';

let timer: ReturnType<typeof setTimeout> | undefined;

/** Says something that went wrong, where screen readers announce it. */
export function notify(text: string): void {
  const notice = byId('notice');
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(clearNotice, 10_000);
}

export function clearNotice(): void {
  byId('notice').hidden = true;
}

/** What a person can do with an error. */
export function explain(error: unknown): string {
  if (!(error instanceof TunRTCError)) return String(error);
  switch (error.code) {
    case 'invalid_credentials':
      return 'That e-mail and password do not match an account.';
    case 'invalid_request':
      return error.errors.map(({ field, reason }) => `${field}: ${reason}`).join('; ') || error.message;
    case 'media_denied':
      return 'The camera or microphone was not allowed. Allow it in the address bar, or join without it.';
    case 'media_not_found':
      return 'No camera or microphone was found. Switch it off under “Join with” and try again.';
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

/** Runs what a button does: it is disabled meanwhile, and a failure is said. */
export async function attempt(button: HTMLButtonElement | null, action: () => Promise<unknown>): Promise<void> {
  clearNotice();
  if (button) button.disabled = true;
  try {
    await action();
  } catch (error) {
    notify(explain(error));
  } finally {
    if (button) button.disabled = false;
  }
}
