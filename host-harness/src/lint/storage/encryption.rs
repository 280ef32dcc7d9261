//! Whether an encrypted volume is below the files: from the kernel's tables of mounts and block devices.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{Options, fact, files::Tree, rules as r};
use crate::lint::{Finding, Place, Report};

/// What is below a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Below {
    /// An encrypted volume, or an encrypted file system.
    Encrypted(String),
    /// A disk, and nothing that encrypts.
    Plain(String),
    /// Memory.
    Memory(String),
    /// It cannot be told, and why.
    Unknown(String),
}

pub(super) fn check(operand: &str, tree: &Tree, options: &Options, report: &mut Report) {
    let below = below(&tree.root, options);
    let words = match &below {
        Below::Encrypted(how) => format!("yes, {how}"),
        Below::Plain(device) => format!("no, {device}"),
        Below::Memory(kind) => format!("in memory, {kind}"),
        Below::Unknown(why) => format!("unknown, {why}"),
    };
    fact(report, operand, "encrypted", words);
    let place = Place::file(operand);
    report.findings.extend(match below {
        Below::Plain(device) => {
            let words = format!(
                "no encryption on {device}; what a disk or a hypervisor does by itself is not seen from here"
            );
            Some(Finding::new(&r::NOT_ENCRYPTED, place, words))
        }
        Below::Unknown(why) => Some(Finding::new(&r::ENCRYPTION_UNKNOWN, place, why)),
        Below::Encrypted(_) | Below::Memory(_) => None,
    });
}

/// What is below a path, which has no links in it.
pub fn below(path: &Path, options: &Options) -> Below {
    let table = match fs::read(options.proc.join("self/mountinfo")) {
        Ok(table) => table,
        Err(error) => return Below::Unknown(format!("the table of mounts cannot be read: {error}")),
    };
    let table = String::from_utf8_lossy(&table);
    let mount = table.lines().filter_map(Mount::parse).filter(|m| path.starts_with(&m.point));
    // Of two mounts on one point the later is on top.
    let Some(mount) = mount.max_by_key(|m| m.point.components().count()) else {
        return Below::Unknown("no mount in /proc/self/mountinfo holds it".to_owned());
    };
    let kind = mount.kind.as_str();
    match kind {
        "tmpfs" | "ramfs" => return Below::Memory(kind.to_owned()),
        "ecryptfs" | "fuse.gocryptfs" | "fuse.encfs" | "fuse.cryfs" | "fuse.securefs" => {
            return Below::Encrypted(kind.to_owned());
        }
        _ => {}
    }
    let sys = Devices { root: &options.sys };
    let device = sys.by_number(&mount.number).or_else(|| sys.by_source(&mount.source));
    match device {
        Some(device) => sys.below(device),
        None => Below::Unknown(match kind {
            "overlay" => "it is in a container, on overlay; the host has the disk".to_owned(),
            "nfs" | "nfs4" | "cifs" | "smb3" | "ceph" | "9p" | "virtiofs" => {
                format!("it is on another machine, by {kind}")
            }
            "zfs" => "ZFS encrypts by dataset: ask `zfs get encryption`".to_owned(),
            _ => format!("no block device is known for {} ({kind})", mount.source),
        }),
    }
}

/// A line of the table of mounts.
struct Mount {
    number: String,
    point: PathBuf,
    kind: String,
    source: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (head, tail) = line.split_once(" - ")?;
        let mut head = head.split(' ');
        let (number, point) = (head.nth(2)?, head.nth(1)?);
        let mut tail = tail.split(' ');
        let (kind, source) = (tail.next()?, tail.next()?);
        let path = |text| PathBuf::from(unescape(text));
        Some(Self {
            number: number.to_owned(),
            point: path(point),
            kind: kind.to_owned(),
            source: unescape(source),
        })
    }
}

/// Blanks and the like are octal there: `\040`.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                out.push(code as char);
                rest = &after[3..];
            }
            _ => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out + rest
}

struct Devices<'s> {
    root: &'s Path,
}

impl Devices<'_> {
    fn by_number(&self, number: &str) -> Option<PathBuf> {
        // Major 0 is no device: btrfs, overlay, network.
        if number.starts_with("0:") {
            return None;
        }
        let direct = self.root.join("dev/block").join(number);
        if direct.is_dir() {
            return Some(direct);
        }
        self.all().into_iter().find(|dir| read(&dir.join("dev")).as_deref() == Some(number))
    }

    /// btrfs has no number of its own, but names a device.
    fn by_source(&self, source: &str) -> Option<PathBuf> {
        let name = source.strip_prefix("/dev/")?;
        let mapped = name.strip_prefix("mapper/");
        self.all().into_iter().find(|dir| match mapped {
            Some(mapped) => read(&dir.join("dm/name")).as_deref() == Some(mapped),
            None => dir.file_name().is_some_and(|n| n == name),
        })
    }

    /// Disks, volumes and partitions.
    fn all(&self) -> Vec<PathBuf> {
        let list = |dir: &Path| -> Vec<PathBuf> {
            let found = fs::read_dir(dir).into_iter().flatten().flatten();
            found.map(|f| f.path()).filter(|p| p.join("dev").is_file()).collect()
        };
        let disks = list(&self.root.join("block"));
        let partitions: Vec<PathBuf> = disks.iter().flat_map(|d| list(d)).collect();
        disks.into_iter().chain(partitions).collect()
    }

    /// Down through volumes and RAIDs. Encrypted is what has encryption on every way down to a disk.
    fn below(&self, device: PathBuf) -> Below {
        let mut waiting = vec![device];
        let mut seen = BTreeSet::new();
        let mut encrypted = None;
        while let Some(device) = waiting.pop() {
            let device = fs::canonicalize(&device).unwrap_or(device);
            if !seen.insert(device.clone()) || seen.len() > 1000 {
                continue;
            }
            let name = device.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if read(&device.join("dm/uuid")).is_some_and(|uuid| uuid.starts_with("CRYPT-")) {
                let label = read(&device.join("dm/name")).unwrap_or_default();
                encrypted = Some(format!("dm-crypt {label} ({name})"));
                continue;
            }
            let slaves: Vec<PathBuf> = fs::read_dir(device.join("slaves"))
                .into_iter()
                .flatten()
                .flatten()
                .map(|s| s.path())
                .collect();
            if !slaves.is_empty() {
                waiting.extend(slaves);
            } else if name.starts_with("zram") || name.starts_with("ram") {
                return Below::Memory(name);
            } else if ["loop", "nbd", "rbd", "drbd"].iter().any(|kind| name.starts_with(kind)) {
                return Below::Unknown(format!("{name} is a device on something that is not seen from here"));
            } else {
                return Below::Plain(name);
            }
        }
        encrypted.map_or_else(|| Below::Unknown("the devices are in a circle".to_owned()), Below::Encrypted)
    }
}

fn read(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn volumes_are_followed_down() {
        let root = tempfile::tempdir().unwrap();
        let mounts = "\
            22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            23 22 253:1 / /var rw shared:1 - ext4 /dev/mapper/vg-var rw\n\
            24 22 0:40 / /data\\040disk rw - btrfs /dev/mapper/luks-data rw\n\
            25 22 0:41 / /run rw - tmpfs tmpfs rw\n\
            26 22 0:42 / /srv rw - nfs4 host:/srv rw\n\
            27 22 0:43 / /mix rw - overlay overlay rw\n\
            28 22 9:0 / /raid rw - xfs /dev/md0 rw\n\
            29 22 0:44 / /vault rw - fuse.gocryptfs /x rw\n\
            30 22 7:0 / /image rw - ext4 /dev/loop0 rw\n";
        put(root.path(), "proc/self/mountinfo", mounts);
        put(root.path(), "sys/dev/block/8:1/partition", "1");
        put(root.path(), "sys/block/dm-1/dev", "253:1");
        put(root.path(), "sys/block/dm-1/dm/uuid", "LVM-abc");
        put(root.path(), "sys/block/dm-1/slaves/dm-0/dm/uuid", "CRYPT-LUKS2-abc");
        put(root.path(), "sys/block/dm-1/slaves/dm-0/dm/name", "cryptroot");
        put(root.path(), "sys/block/dm-2/dev", "253:2");
        put(root.path(), "sys/block/dm-2/dm/name", "luks-data");
        put(root.path(), "sys/block/dm-2/dm/uuid", "CRYPT-LUKS2-def\n");
        put(root.path(), "sys/block/md0/dev", "9:0");
        put(root.path(), "sys/block/md0/slaves/dm-5/dm/uuid", "CRYPT-x");
        put(root.path(), "sys/block/md0/slaves/sdb1/partition", "1");
        put(root.path(), "sys/block/loop0/dev", "7:0");
        let options =
            Options { proc: root.path().join("proc"), sys: root.path().join("sys"), ..Options::default() };
        let of = |path: &str| below(Path::new(path), &options);
        assert_eq!(of("/etc/x"), Below::Plain("8:1".to_owned()));
        assert_eq!(of("/var/log/x"), Below::Encrypted("dm-crypt cryptroot (dm-0)".to_owned()));
        assert_eq!(of("/data disk/x"), Below::Encrypted("dm-crypt luks-data (dm-2)".to_owned()));
        assert_eq!(of("/run/x"), Below::Memory("tmpfs".to_owned()));
        assert_eq!(of("/vault/x"), Below::Encrypted("fuse.gocryptfs".to_owned()));
        assert!(matches!(of("/raid/x"), Below::Plain(_)), "one half in clear is in clear");
        for path in ["/srv/x", "/mix/x", "/image/x"] {
            assert!(matches!(of(path), Below::Unknown(_)), "{path}");
        }
        let none = Options { proc: root.path().join("none"), ..options };
        assert!(matches!(below(Path::new("/"), &none), Below::Unknown(_)));
    }
}
