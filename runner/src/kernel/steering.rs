//! Functions that the kernel calls only when something is switched on: a probe on one of them sees
//! nothing until then, and whoever reads an empty table should be told why.

use std::fs;
use std::path::Path;

use crate::desired::Hook;

/// Why nothing will be seen at one of these hooks, and the command that changes it; `None` if
/// nothing is known to stand in the way.
pub fn never_called<'a>(hooks: impl IntoIterator<Item = &'a Hook>) -> Option<String> {
    let is_steering = hooks.into_iter().any(|hook| hook.target == "get_rps_cpu");
    if !is_steering || is_steering_on(Path::new("/sys/class/net")) {
        return None;
    }
    Some(
        "no receive queue has an RPS mask, so the kernel never calls get_rps_cpu: switch RPS on \
         with `echo f > /sys/class/net/DEV/queues/rx-0/rps_cpus` (a mask of CPUs in hexadecimal; \
         rps_flow_cnt for RFS works too)"
            .to_owned(),
    )
}

/// Whether any queue of any device has an RPS mask or an RFS table. What can't be read counts as
/// off.
fn is_steering_on(devices: &Path) -> bool {
    let queues =
        children(devices).flat_map(|device| children(&device.join("queues")).collect::<Vec<_>>());
    queues
        .flat_map(|queue| [queue.join("rps_cpus"), queue.join("rps_flow_cnt")])
        .filter_map(|file| fs::read_to_string(file).ok())
        .any(|text| text.chars().any(|c| c.is_ascii_hexdigit() && c != '0'))
}

fn children(directory: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::is_steering_on;

    fn queue(root: &Path, file: &str, text: &str) {
        let directory = root.join("eth0/queues/rx-0");
        fs::create_dir_all(&directory).expect("a temporary directory takes directories");
        fs::write(directory.join(file), text).expect("a temporary directory takes files");
    }

    #[test]
    fn a_mask_of_zeros_is_off() {
        let root =
            std::env::temp_dir().join(format!("probe-runner-steering-{}", std::process::id()));
        queue(&root, "rps_cpus", "00000000,00000000\n");
        queue(&root, "rps_flow_cnt", "0\n");
        assert!(!is_steering_on(&root));
        queue(&root, "rps_cpus", "00000000,00000003\n");
        assert!(is_steering_on(&root));
        queue(&root, "rps_cpus", "0\n");
        queue(&root, "rps_flow_cnt", "4096\n");
        assert!(is_steering_on(&root));
        fs::remove_dir_all(&root).expect("the directory was made above");
    }
}
