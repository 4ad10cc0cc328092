/**
 * Signals a child's whole process group (it was spawned `detached`, so its pid names the group).
 * False: nobody was left.
 */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
