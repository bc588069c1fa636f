// How the files that stand in for a library's reach the prelude: the url part sets it before they are called.

export let I = null;
export function setInternals(internals) {
  I = internals;
}
