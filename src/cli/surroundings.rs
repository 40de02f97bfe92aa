//! Detects surroundings in which others on the network cannot find this process: a container, or WSL2.

use std::path::Path;

/// Names of control groups that show that this is a container.
const CONTAINERS: [&str; 5] = ["docker", "containerd", "kubepods", "libpod", "/lxc"];

const IN_CONTAINER: &str = "this seems to be a container with a network of its own, where nobody finds it: start it \
     on the network of its host, or publish a port there and use --listen and --to";
const IN_WSL: &str = "this is WSL2, whose network is behind that of Windows, where nobody finds it: set \
     networkingMode=mirrored in .wslconfig, or run peerbridge on Windows";

/// What to do about it; `None` if this is neither of them, as far as can be seen.
pub(crate) fn hint() -> Option<&'static str> {
    // These files exist only on Linux.
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let has_mark = ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|path| Path::new(path).exists());
    hint_of(has_mark, &read("/proc/1/cgroup"), &read("/proc/version"))
}

fn hint_of(has_mark: bool, groups: &str, version: &str) -> Option<&'static str> {
    let version = version.to_ascii_lowercase();
    let is_wsl = version.contains("microsoft") && !version.contains("microsoft@microsoft.com");
    match () {
        () if has_mark || CONTAINERS.iter().any(|name| groups.contains(name)) => Some(IN_CONTAINER),
        () if is_wsl => Some(IN_WSL),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_and_wsl_2_are_told_apart_from_machines() {
        let plain = "Linux version 6.8.0 (builder@host) (gcc 13)";
        let wsl_2 = "Linux version 5.15.90.1-microsoft-standard-WSL2 (oe-user@oe-host)";
        let wsl_1 = "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) (gcc 5.4)";
        assert_eq!(hint_of(false, "0::/init.scope\n", plain), None);
        assert_eq!(hint_of(true, "", plain), Some(IN_CONTAINER));
        let group = "12:pids:/docker/0123456789abcdef\n";
        assert_eq!(hint_of(false, group, plain), Some(IN_CONTAINER));
        assert_eq!(hint_of(false, "0::/\n", wsl_2), Some(IN_WSL));
        assert_eq!(
            hint_of(false, "", wsl_1),
            None,
            "it shares the network of Windows"
        );
    }
}
