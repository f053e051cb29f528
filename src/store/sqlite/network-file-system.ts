/** Where file locks or the shared memory of SQLite's WAL cannot be trusted between machines: https://sqlite.org/wal.html */
const NETWORK_TYPES = new Set([
  '9p',
  'afs',
  'beegfs',
  'ceph',
  'cifs',
  'davfs',
  'gfs2',
  'glusterfs',
  'lustre',
  'ncpfs',
  'nfs',
  'nfs4',
  'ocfs2',
  'smb2',
  'smb3',
  'smbfs',
]);
/** The same through FUSE, where the type is `fuse.` and one of these, as the mount says it. */
const NETWORK_FUSE = /^fuse\.(sshfs|glusterfs|ceph|s3fs|gcsfuse|goofys|rclone|davfs|cifs|smb|nfs|juicefs|blobfuse2?|mount-s3)/;

/** The type of the network file system that an absolute path without symbolic links is on, by the text of `/proc/self/mountinfo`. */
export function findNetworkFileSystem(path: string, mountInfo: string): string | undefined {
  let found = { point: '', type: '' };
  for (const line of mountInfo.split('\n')) {
    const mount = parseMount(line);
    // A later mount on the same point hides the earlier one.
    if (mount !== undefined && isWithin(path, mount.point) && mount.point.length >= found.point.length) found = mount;
  }
  return NETWORK_TYPES.has(found.type) || NETWORK_FUSE.test(found.type) ? found.type : undefined;
}

/** `36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/sda1 rw`: proc_pid_mountinfo(5). */
function parseMount(line: string): { readonly point: string; readonly type: string } | undefined {
  const [before, after] = line.split(' - ');
  const point = before?.split(' ')[4];
  const type = after?.split(' ')[0];
  if (point === undefined || type === undefined) return undefined;
  return { point: point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))), type };
}

function isWithin(path: string, point: string): boolean {
  return path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`);
}
