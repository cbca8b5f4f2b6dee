//! Validation: whether what a probe file binds together also fits together.
//!
//! A rule is a function over the [`Model`] that adds to the findings; a family of rules is a file.
//! Rules look, they change nothing. The only way to a [`Checked`] probe is through all of them.

mod allows;
mod checked;
mod generations;
mod helpers;
mod lints;
mod map_shapes;
mod map_flags;
mod maps;
mod needs;
mod pairs;
mod probe_tests;
mod programs;
mod stack;
mod tail_calls;
mod trial;
mod units;
mod unused;
mod view_fields;
mod views;

pub use allows::Allows;
pub use checked::unproven;
pub use lints::check as lint;
pub use stack::exceeds as exceeds_stack;
pub use tail_calls::kind;

use crate::model::Model;
use crate::text::diagnostic::Findings;

/// A model in which no rule found an error.
#[derive(Debug)]
pub struct Checked(Model);

impl Checked {
    /// What was checked.
    pub fn model(&self) -> &Model {
        &self.0
    }
}

/// Applies every rule. None if there are errors among the findings, those made earlier included.
pub fn check(model: Model, findings: &mut Findings) -> Option<Checked> {
    let families: [fn(&Model, &mut Findings); 14] = [
        programs::check,
        maps::check,
        map_shapes::check,
        map_flags::check,
        views::check,
        view_fields::check,
        units::check,
        helpers::check,
        stack::check,
        pairs::check,
        generations::check,
        tail_calls::check,
        unused::check,
        probe_tests::check,
    ];
    for family in families {
        family(&model, findings);
    }
    (!findings.has_errors()).then_some(Checked(model))
}
