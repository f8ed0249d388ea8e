//! What board this is.

use std::path::Path;

/// Rockchip chips that RKLLM runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Soc {
    Rk3588,
    Rk3576,
    Rk3562,
    Rv1126b,
}

impl Soc {
    /// The chip of this machine by its device tree below `root` (`/` outside tests).
    pub(crate) fn detect(root: &Path) -> Option<Self> {
        let compatible = std::fs::read(root.join("proc/device-tree/compatible")).ok()?;
        let compatible = String::from_utf8_lossy(&compatible);
        // A list of NUL-terminated names such as `rockchip,rk3588s-orangepi-5\0rockchip,rk3588\0`.
        [Self::Rk3588, Self::Rk3576, Self::Rk3562, Self::Rv1126b].into_iter().find(|soc| {
            let mut names = compatible.split('\0').filter_map(|name| name.split_once(','));
            names.any(|(maker, chip)| maker == "rockchip" && chip.starts_with(soc.name()))
        })
    }

    /// The chip's name as flags and device trees spell it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rk3588 => "rk3588",
            Self::Rk3576 => "rk3576",
            Self::Rk3562 => "rk3562",
            Self::Rv1126b => "rv1126b",
        }
    }

    /// The CPUs that feed the NPU best, as a mask: the big cores where there are any. The same as
    /// in the vendor's own server.
    pub(crate) const fn cpu_mask(self) -> u32 {
        match self {
            Self::Rk3588 | Self::Rk3576 => 0xf0,
            Self::Rk3562 | Self::Rv1126b => 0x0f,
        }
    }
}

/// Bytes of memory that a process has in use; 0 if it is gone.
pub(crate) fn memory_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Bytes of memory that this machine has, by `/proc` below `root`; 0 if that cannot be read.
pub(crate) fn memory(root: &Path) -> u64 {
    let info = std::fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(compatible: &str) -> Option<Soc> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("proc/device-tree")).unwrap();
        std::fs::write(root.path().join("proc/device-tree/compatible"), compatible).unwrap();
        Soc::detect(root.path())
    }

    #[test]
    fn boards_are_told_by_their_chip() {
        let orange = "rockchip,rk3588s-orangepi-5\0rockchip,rk3588\0";
        assert_eq!(detect(orange), Some(Soc::Rk3588));
        assert_eq!(detect("armsom,sige5\0rockchip,rk3576\0"), Some(Soc::Rk3576));
        assert_eq!(detect("raspberrypi,5-model-b\0brcm,bcm2712\0"), None);
        assert_eq!(Soc::detect(Path::new("/nonexistent")), None);
    }
}
