import type { TunRTCClient } from '../src/index.ts';
import { byId } from './dom.ts';
import { attempt } from './notice.ts';

/** The first view: sign in, register, or take a demo account. */
export function startSignIn(client: TunRTCClient, onSignedIn: () => void): void {
  const submit = byId<HTMLButtonElement>('sign-in-submit');
  const toggle = byId<HTMLButtonElement>('register-toggle');
  const username = byId<HTMLInputElement>('username');
  const email = byId<HTMLInputElement>('email');
  const password = byId<HTMLInputElement>('password');
  let registering = false;

  const show = () => {
    byId('sign-in-title').textContent = registering ? 'Create an account' : 'Sign in';
    submit.textContent = registering ? 'Create account' : 'Sign in';
    byId('register-question').textContent = registering ? 'Have an account?' : 'New here?';
    toggle.textContent = registering ? 'Sign in' : 'Create an account';
    byId('username-field').hidden = !registering;
    username.required = registering;
    password.autocomplete = registering ? 'new-password' : 'current-password';
  };

  toggle.onclick = () => {
    registering = !registering;
    show();
    (registering ? username : email).focus();
  };

  const signIn = (button: HTMLButtonElement, action: () => Promise<unknown>) =>
    attempt(button, async () => {
      await action();
      password.value = '';
      onSignedIn();
    });

  byId<HTMLFormElement>('sign-in-form').onsubmit = (event) => {
    event.preventDefault();
    void signIn(submit, () =>
      registering
        ? client.register(username.value.trim(), email.value.trim(), password.value)
        : client.login(email.value.trim(), password.value),
    );
  };

  // Demo accounts exist on a developer's machine alone, and that is not served over TLS.
  byId('demo').hidden = location.protocol === 'https:';
  for (const button of byId('demo').querySelectorAll('button')) {
    const { email: demo = '', password: secret = '' } = button.dataset;
    button.onclick = () => void signIn(button, () => client.login(demo, secret));
  }
  show();
}
