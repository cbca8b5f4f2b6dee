//! Packets through a device that throws them away, whose driver is a module: `dummy_xmit` is called once for each, in the
//! process that sends it.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::system::init_module;

use crate::sys::{self, LinkSocket};

/// Where the module is put that belongs to the kernel.
const FILE: &str = "/etc/modules/dummy.ko";

/// The module, loaded. It stays: `check` is to find its functions after the scenario too.
pub struct Dummy {
    socket: LinkSocket,
}

impl Dummy {
    /// Loads it and brings its device up.
    ///
    /// # Errors
    /// No module came along with this kernel, or it can't be loaded.
    pub fn load() -> Result<Dummy> {
        let module = match fs::read(FILE) {
            Ok(module) => module,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("no module of this kernel came along")
            }
            Err(error) => return Err(error).context(FILE),
        };
        match init_module(&module, c"numdummies=1") {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error).context("the module dummy can't be loaded"),
        }
        sys::interface_up(c"dummy0").context("dummy0 can't be brought up")?;
        Ok(Dummy { socket: LinkSocket::open(c"dummy0")? })
    }

    /// Sends frames.
    pub fn send(&self, count: usize) -> Result<()> {
        // To everybody, of a type that is for experiments (IEEE 802).
        let mut frame = [0; 60];
        frame[..6].fill(0xff);
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        for _ in 0..count {
            self.socket.send(&frame)?;
        }
        Ok(())
    }
}
