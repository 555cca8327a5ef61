import type { TunRTCClient } from '../src/index.ts';
import { byId, make } from './dom.ts';
import { attempt, attemptForm, clearNotice, unmark } from './notice.ts';

/** An account that the server offers to look around with. */
interface DemoAccount {
  username: string;
  email: string;
  password: string;
}

/**
 * The first view: sign in, register, or take a demo account.
 *
 * @param root where the site begins, from this page
 */
export function startSignIn(client: TunRTCClient, onSignedIn: () => void, root = ''): void {
  const form = byId<HTMLFormElement>('sign-in-form');
  const toggle = byId<HTMLButtonElement>('register-toggle');
  const username = byId<HTMLInputElement>('username');
  const email = byId<HTMLInputElement>('email');
  const password = byId<HTMLInputElement>('password');
  let registering = false;

  const reveal = byId<HTMLButtonElement>('reveal');
  reveal.onclick = () => {
    const isHidden = password.type === 'password';
    password.type = isHidden ? 'text' : 'password';
    reveal.textContent = isHidden ? 'Hide' : 'Show';
  };

  const show = () => {
    byId('sign-in-title').textContent = registering ? 'Create an account' : 'Sign in';
    byId('sign-in-submit').textContent = registering ? 'Create account' : 'Sign in';
    byId('register-question').textContent = registering ? 'Have an account?' : 'New here?';
    toggle.textContent = registering ? 'Sign in' : 'Create an account';
    byId('username-field').hidden = !registering;
    username.required = registering;
    byId('password-hint').hidden = !registering;
    if (registering) password.setAttribute('aria-describedby', 'password-hint');
    else password.removeAttribute('aria-describedby');
    password.autocomplete = registering ? 'new-password' : 'current-password';
  };

  toggle.onclick = () => {
    registering = !registering;
    clearNotice();
    unmark(form);
    show();
    (registering ? username : email).focus();
  };

  const signIn = async (action: () => Promise<unknown>) => {
    await action();
    // Whoever comes back to this view has an account by now.
    form.reset();
    if (password.type === 'text') reveal.click();
    registering = false;
    show();
    onSignedIn();
  };

  form.onsubmit = (event) => {
    event.preventDefault();
    const proof = [email.value.trim(), password.value] as const;
    void attemptForm(form, () =>
      signIn(() => (registering ? client.register(username.value.trim(), ...proof) : client.login(...proof))),
    );
  };

  const offer = ({ username, email, password }: DemoAccount) => {
    const button = make('button', { type: 'button' }, username.slice(0, 1).toUpperCase() + username.slice(1));
    button.onclick = () => void attempt(button, () => signIn(() => client.login(email, password)));
    return button;
  };
  void demoAccounts(root).then((accounts) => {
    byId('demo-buttons').replaceChildren(...accounts.map(offer));
    byId('demo').hidden = accounts.length === 0;
  });
  // On AWS the examples are not there, and neither is the API's reference without a name of one's own: nobody is sent there.
  for (const link of document.querySelectorAll<HTMLAnchorElement>('.local')) {
    void fetch(link.href, { method: 'HEAD' }).then(
      ({ ok }) => (link.hidden = !ok),
      () => {},
    );
  }
  show();
}

/** The accounts that this server has for trying it: those of a local server without data, elsewhere none. */
async function demoAccounts(root: string): Promise<DemoAccount[]> {
  try {
    const answer = await fetch(`${root}demo-accounts.json`);
    return answer.ok ? ((await answer.json()) as DemoAccount[]) : [];
  } catch {
    // Without the list there is nothing to offer; signing in says what is wrong.
    return [];
  }
}
