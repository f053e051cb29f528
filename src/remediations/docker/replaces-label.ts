/** The label of a container that was made in place of another: the id of that one. So that after a crash it can be told. */
export const REPLACES_LABEL = 'remedyd.replaces';
