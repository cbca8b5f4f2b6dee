//! What a scenario is. No scenario lives here.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::Result;

use crate::features::Need;
use crate::objects;
use crate::product::Product;

/// One thing that must hold on a running kernel.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Unique, in kebab case.
    pub name: &'static str,
    /// How the kernel must have been booted. Most need nothing unusual.
    pub boot: Boot,
    /// What the kernel must offer. Probed, never guessed from a version.
    pub needs: &'static [Need],
    /// Does it; an error is what did not hold.
    pub check: fn(&Context) -> Result<()>,
}

/// A way in which kernels are booted for scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Boot {
    /// Nothing special: also an ordinary machine.
    Usual,
    /// `lockdown=confidentiality` on the kernel's command line.
    Lockdown,
}

/// What a scenario works with.
pub struct Context {
    /// The binary under test and its probe files.
    pub product: Product,
    /// An empty directory, removed after the scenario.
    pub scratch: PathBuf,
    /// What tests read: `refused` and `objects` of the repository's `tests`.
    pub fixtures: PathBuf,
    /// Totals of what was looked at, printed before the scenario's own line.
    pub counts: RefCell<Vec<(&'static str, usize)>>,
    /// What the scenario says of itself beside whether it passed: figures.
    pub figures: RefCell<Vec<String>>,
}

impl Context {
    /// For scenarios to work with.
    pub fn new(product: Product, scratch: PathBuf, fixtures: PathBuf) -> Self {
        let (counts, figures) = Default::default();
        Self { product, scratch, fixtures, counts, figures }
    }

    /// Has a figure shown with the scenario's result.
    pub fn tell(&self, figure: String) {
        self.figures.borrow_mut().push(figure);
    }

    /// Adds a total to what is printed: so many of something were looked at. Runs on several kernels are
    /// summed up.
    pub fn count(&self, what: &'static str, how_many: usize) {
        self.counts.borrow_mut().push((what, how_many));
    }

    /// The compiled objects of `tests/objects`.
    pub fn objects(&self) -> PathBuf {
        self.fixtures.join("objects/prebuilt/x86_64")
    }

    /// Writes a probe file of the scenario's own; `name` is its stem and so the probe's name.
    pub fn probe_file(&self, name: &str, yaml: &str) -> Result<PathBuf> {
        let path = self.scratch.join(format!("{name}.yaml"));
        std::fs::write(&path, yaml)?;
        Ok(path)
    }

    /// Writes a probe file that uses one of the objects that only scenarios have, and that object beside it.
    pub fn probe_of(&self, object: &str, name: &str, rest: &str) -> Result<PathBuf> {
        objects::write(object, &self.scratch)?;
        self.probe_file(name, &format!("version: 1\nobject: {object}\n{rest}"))
    }
}
