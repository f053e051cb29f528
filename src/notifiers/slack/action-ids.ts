/** The ids of the buttons and menus, as a click brings them back. */
export const ACTION_IDS = {
  ack: 'remedyd:ack',
  approve: 'remedyd:approve',
  reject: 'remedyd:reject',
  cancel: 'remedyd:cancel',
  runNow: 'remedyd:run_now',
  escalate: 'remedyd:escalate',
  silence: 'remedyd:silence',
  resolve: 'remedyd:resolve',
  retry: 'remedyd:retry',
  why: 'remedyd:why',
} as const;

/** For how long a click can silence the alerts of an incident. */
export const SILENCE_DURATIONS = ['30m', '1h', '4h', '24h'] as const;
