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
  alone: string;
  playSound: string;
  left: string;
  ended: string;
  replaced: string;
  full: string;
  denied: string;
  notFound: string;
  inUse: string;
  insecure: string;
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
  alone: 'Nobody else is here yet.',
  playSound: 'Turn sound on',
  left: 'You left the call.',
  ended: 'The call has ended.',
  replaced: 'You joined this call somewhere else; it goes on there.',
  full: 'This call is full.',
  denied: 'The camera or microphone was not allowed. Allow it in the address bar, or join without it.',
  notFound: 'No camera or microphone was found. You can join without one.',
  inUse: 'The camera or microphone is in use by another program.',
  insecure: 'Cameras and microphones need a page over HTTPS. You can join without them.',
  offline: 'The server cannot be reached. Try again in a moment.',
  noSession: 'There is no such call.',
  signedOut: 'The sign-in has ended.',
};

const BY_CODE: Record<string, keyof Labels> = {
  media_denied: 'denied',
  media_not_found: 'notFound',
  media_in_use: 'inUse',
  media_unavailable: 'insecure',
  network_error: 'offline',
  timeout: 'offline',
  unavailable: 'offline',
  connection_lost: 'offline',
  session_full: 'full',
  session_not_found: 'noSession',
  not_found: 'noSession',
  session_ended: 'ended',
  ended: 'ended',
  replaced: 'replaced',
  closed: 'left',
  not_signed_in: 'signedOut',
  unauthorized: 'signedOut',
  invalid_refresh_token: 'signedOut',
};

/** What a person can do with an error. */
export function explain(labels: Labels, { code, message }: { code?: string; message: string }): string {
  const name = BY_CODE[code ?? ''];
  return name ? labels[name] : message;
}
