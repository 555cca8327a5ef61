/** Every word of the ready-made call; give your own for another language. */
export interface Labels {
  /** The name of the whole, for screen readers. */
  call: string;
  ready: string;
  join: string;
  joining: string;
  joinAgain: string;
  camera: string;
  microphone: string;
  speaker: string;
  noDevice: string;
  inputLevel: string;
  mute: string;
  unmute: string;
  cameraOn: string;
  cameraOff: string;
  share: string;
  stopSharing: string;
  sharing: string;
  devices: string;
  done: string;
  leave: string;
  chat: string;
  unread: string;
  message: string;
  send: string;
  close: string;
  noMessages: string;
  people: string;
  you: string;
  screenOf: string;
  muted: string;
  connecting: string;
  reconnecting: string;
  poor: string;
  alone: string;
  playSound: string;
  closed: string;
  session_ended: string;
  replaced: string;
  session_full: string;
  media_denied: string;
  media_not_found: string;
  media_in_use: string;
  media_unavailable: string;
  offline: string;
  noSession: string;
  signedOut: string;
}

export const LABELS: Labels = {
  call: 'Video call',
  ready: 'Ready to join?',
  join: 'Join',
  joining: 'Joining…',
  joinAgain: 'Join again',
  camera: 'Camera',
  microphone: 'Microphone',
  speaker: 'Loudspeaker',
  noDevice: 'None found',
  inputLevel: 'Input level',
  mute: 'Mute',
  unmute: 'Unmute',
  cameraOn: 'Turn camera on',
  cameraOff: 'Turn camera off',
  share: 'Share screen',
  stopSharing: 'Stop sharing',
  sharing: 'You are sharing your screen.',
  devices: 'Devices',
  done: 'Done',
  leave: 'Leave',
  chat: 'Chat',
  unread: 'unread',
  message: 'Message',
  send: 'Send',
  close: 'Close',
  noMessages: 'No messages yet.',
  people: 'People',
  you: 'you',
  screenOf: 'Screen of',
  muted: 'Microphone off',
  connecting: 'Connecting…',
  reconnecting: 'Reconnecting…',
  poor: 'Poor connection',
  alone: 'Nobody else is here yet.',
  playSound: 'Turn sound on',
  closed: 'You left the call.',
  session_ended: 'The call has ended.',
  replaced: 'You joined this call somewhere else; it goes on there.',
  session_full: 'This call is full.',
  media_denied: 'The camera or microphone was not allowed. Allow it in the address bar, or join without it.',
  media_not_found: 'No camera or microphone was found. You can join without one.',
  media_in_use: 'The camera or microphone is in use by another program.',
  media_unavailable: 'Cameras and microphones need HTTPS. You can join without them.',
  offline: 'The server cannot be reached. Try again in a moment.',
  noSession: 'There is no such call.',
  signedOut: 'The sign-in has ended.',
};

/** Codes that say to a person what another label says; every other label of an error has the name of its code. */
const SAME: readonly [RegExp, keyof Labels][] = [
  [/^(network_error|timeout|unavailable|connection_lost)$/, 'offline'],
  [/^(session_)?not_found$/, 'noSession'],
  [/^(not_signed_in|unauthorized|invalid_refresh_token)$/, 'signedOut'],
];

/** What a person can do with an error. */
export function explain(labels: Labels, { code = '', message }: { code?: string; message: string }): string {
  const [, name = code] = SAME.find(([codes]) => codes.test(code)) ?? [];
  return labels[name as keyof Labels] ?? message;
}
