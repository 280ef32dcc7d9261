//! Storage that is made for one rule each.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    time::{Duration, SystemTime},
};

use super::*;

/// A machine of its own: logs, and the tables of a system.
struct Machine {
    dir: tempfile::TempDir,
    logs: PathBuf,
    options: Vec<String>,
}

impl Machine {
    /// One on which nothing is found.
    fn good() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        let logs = base.join("logs");
        let machine = Self { options: vec![], logs: logs.clone(), dir };
        fs::create_dir(&logs).unwrap();
        machine.mode("logs", 0o750);
        machine.put("logs/app.log", "line\n", 0o640);
        machine.put("logs/app.log.1", "line\n", 0o640);
        let owner = fs::metadata(&base).unwrap().uid();
        machine.put("etc/passwd", &format!("root:x:0:0::/:/bin/sh\nme:x:{owner}:0::/:/bin/sh\n"), 0o644);
        machine.put(
            "etc/logrotate.d/app",
            &format!(
                "{}/*.log {{\n  daily\n  rotate 7\n  maxage 7\n  create 0640 app app\n}}\n",
                logs.display()
            ),
            0o644,
        );
        machine.put("proc/self/mountinfo", "22 1 253:0 / / rw - ext4 /dev/mapper/root rw\n", 0o644);
        machine.put("sys/dev/block/253:0/dm/uuid", "CRYPT-LUKS2-00\n", 0o644);
        machine.put("sys/dev/block/253:0/dm/name", "root\n", 0o644);
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.logs.parent().unwrap().join(name)
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.mode(name, mode);
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }

    fn found(&self) -> BTreeSet<String> {
        assert!(self.dir.path().exists());
        let at = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let roots = [
            "--proc-root".to_owned(),
            at("proc"),
            "--sys-root".to_owned(),
            at("sys"),
            "--etc-root".to_owned(),
            at("etc"),
        ];
        let mut args = vec!["storage".to_owned(), at("logs")];
        args.extend(roots);
        args.extend(self.options.clone());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (report, stderr) = report(&args);
        assert_eq!(stderr, "");
        rules(&report).into_iter().map(str::to_owned).collect()
    }
}

type Break = fn(&mut Machine);

/// Each rule, and how it is broken.
const RULES: &[(&str, Break)] = &[
    ("storage/world-readable", |m| {
        m.mode("logs", 0o751);
        m.mode("logs/app.log", 0o644);
    }),
    ("storage/world-writable", |m| m.mode("logs", 0o777)),
    ("storage/parent-only", |m| m.mode("logs/app.log", 0o644)),
    ("storage/open-directory", |m| m.mode("logs", 0o755)),
    ("storage/shared-directory", |m| m.mode("logs", 0o1777)),
    ("storage/unknown-owner", |m| m.put("etc/passwd", "other:x:4000000000:0::/:/bin/sh\n", 0o644)),
    ("storage/foreign-parent", |m| {
        // Only root can give a directory away; without that it is not seen here.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            std::os::unix::fs::chown(&m.logs, Some(12345), None).unwrap();
        } else {
            println!("skipped: giving a directory to another user needs root");
        }
    }),
    ("storage/no-rotation", |m| m.put("logs/other.txt", "", 0o640)),
    ("storage/rotation-keeps", |m| {
        let entry = format!("{}/*.log {{\n  daily\n  rotate -1\n}}\n", m.logs.display());
        m.put("etc/logrotate.d/app", &entry, 0o644);
    }),
    ("storage/rotation-mode", |m| {
        let entry = format!("{}/*.log {{\n  daily\n  rotate 7\n  create 0644\n}}\n", m.logs.display());
        m.put("etc/logrotate.d/app", &entry, 0o644);
    }),
    ("storage/journal-retention", |m| {
        m.put("logs/system.journal", "", 0o640);
        m.options = vec!["--retention".to_owned(), "30d".to_owned()];
    }),
    ("storage/retention", |m| {
        let file = fs::File::options().write(true).open(m.path("logs/app.log.1")).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(40 * 86_400)).unwrap();
        m.options = vec!["--retention".to_owned(), "30d".to_owned()];
    }),
    ("storage/not-encrypted", |m| m.put("sys/dev/block/253:0/dm/uuid", "LVM-00\n", 0o644)),
    ("storage/encryption-unknown", |m| {
        m.put("proc/self/mountinfo", "22 1 0:40 / / rw - overlay overlay rw\n", 0o644);
    }),
];

/// Where tests have their files may be shared with others itself.
fn of_the_place() -> BTreeSet<String> {
    let machine = Machine::good();
    let found = machine.found();
    let allowed = ["storage/shared-directory", "storage/foreign-parent"];
    assert!(found.iter().all(|r| allowed.contains(&r.as_str())), "{found:?}");
    found
}

#[test]
fn each_rule_is_broken_by_one_change() {
    let of_the_place = of_the_place();
    let root = fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    for (rule, change) in RULES {
        let mut machine = Machine::good();
        change(&mut machine);
        let mut found = machine.found();
        if *rule == "storage/foreign-parent" && !root {
            continue;
        }
        assert!(found.contains(*rule), "{rule}: {found:?}");
        found.retain(|r| r != rule && !of_the_place.contains(r));
        // Nothing else, but what comes with it.
        found.retain(|r| r != "storage/open-directory");
        assert!(found.is_empty(), "{rule}: {found:?}");
    }
    let all: BTreeSet<&str> = RULES.iter().map(|(rule, _)| *rule).collect();
    let defined = tamis::lint::rules().map(|r| r.id).filter(|id| id.starts_with("storage/")).collect();
    assert_eq!(all, defined);
}

#[test]
fn a_single_file_is_looked_at_with_its_directory() {
    let machine = Machine::good();
    let file = machine.path("logs/app.log");
    let (report, _) = report(&["storage", file.to_str().unwrap(), "--retention", "30d"]);
    let facts: Vec<&str> =
        report["facts"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert!(facts.contains(&"encrypted") && facts.contains(&"oldest file"), "{facts:?}");
}
