/** Kubernetes puts it into every pod that has a service account: the name of the pod's namespace. */
export const OWN_NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
