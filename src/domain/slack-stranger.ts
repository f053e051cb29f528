/** Begins the name of a person who is known by a Slack user id alone, as a member of a user group: `slack:U0123`. */
export const SLACK_STRANGER = 'slack:';
