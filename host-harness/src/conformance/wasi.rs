//! The functions of WASI preview 1, and which hosts give them.

/// What all of them are imported from; the first is what compilers write today.
pub(super) const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Functions that every proxy-wasm host of C++ gives, Envoy among them.
const IN_ALL_PROXIES: [&str; 12] = [
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "proc_exit",
    "random_get",
];

/// What came later, each with since when; most of it answers that there is nothing.
const IN_LATER_PROXIES: [(&str, &[&str]); 3] = [
    ("November 2021", &["fd_prestat_dir_name", "fd_prestat_get", "path_open"]),
    ("December 2024", &["fd_fdstat_set_flags", "poll_oneoff", "sched_yield"]),
    (
        "April 2026",
        &[
            "clock_res_get",
            "fd_advise",
            "fd_allocate",
            "fd_datasync",
            "fd_fdstat_set_rights",
            "fd_filestat_get",
            "fd_filestat_set_size",
            "fd_filestat_set_times",
            "fd_pread",
            "fd_pwrite",
            "fd_readdir",
            "fd_renumber",
            "fd_sync",
            "fd_tell",
            "path_create_directory",
            "path_filestat_get",
            "path_filestat_set_times",
            "path_link",
            "path_readlink",
            "path_remove_directory",
            "path_rename",
            "path_symlink",
            "path_unlink_file",
            "sock_accept",
            "sock_recv",
            "sock_send",
            "sock_shutdown",
        ],
    ),
];

/// Where a function of WASI is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InProxies {
    /// Everywhere.
    Always,
    /// In hosts built from sources of this month or later.
    Since(&'static str),
    /// It is no function of WASI preview 1, or no proxy gives it.
    Never,
}

/// Which proxies give a function of WASI.
pub(super) fn in_proxies(name: &str) -> InProxies {
    if IN_ALL_PROXIES.contains(&name) {
        return InProxies::Always;
    }
    let later = IN_LATER_PROXIES.iter().find(|(_, names)| names.contains(&name));
    later.map_or(InProxies::Never, |(since, _)| InProxies::Since(since))
}

/// Whether this is a function of WASI preview 1 at all; Fluent Bit gives them all.
pub(super) fn exists(name: &str) -> bool {
    in_proxies(name) != InProxies::Never || name == "proc_raise"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_told_by_where_they_are_to_be_had() {
        assert_eq!(in_proxies("fd_write"), InProxies::Always);
        assert_eq!(in_proxies("fd_filestat_get"), InProxies::Since("April 2026"));
        assert_eq!(in_proxies("proc_raise"), InProxies::Never);
        assert!(exists("proc_raise") && exists("sock_send") && !exists("fd_open"));
    }
}
