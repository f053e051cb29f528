/** Whether the step at this address is one of a `finally`, of the rule or of a playbook in it. */
export function isFinally(address: string): boolean {
  return /[:/]finally\//.test(address);
}
