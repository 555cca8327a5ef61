/**
 * A ready-made call for any page: preview, pictures, controls and chat, in one element of the page.
 * @module
 */
export { mountCall, type CallOptions, type MountedCall } from './call-view.ts';
export { LABELS, type Labels } from './labels.ts';
