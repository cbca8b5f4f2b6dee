//! What has to be done so that the kernel holds what a probe file asks for.
//!
//! Planning is pure: it compares plain data and returns plain data. [`crate::apply`] executes it.

mod diff;

use std::fmt;

use crate::desired::Desired;
use crate::live::Live;

/// What will be done for one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The probe's name.
    pub probe: String,
    /// The steps in order; none if there is nothing to do.
    pub steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Remove what an interrupted `apply` left.
    ClearLeftovers,
    /// Bring the probe up where there is none.
    Create,
    /// Bring the new probe up beside the old one, take the old one down, and move the new one into
    /// its place. Both see events for a moment; the maps start empty.
    Replace {
        /// What differs; at least one.
        reasons: Vec<Reason>,
    },
    /// Only what the kernel doesn't know differs (how maps are shown, the description, the file's
    /// name): the state file is rewritten.
    Remember,
}

/// Something that differs between what runs and what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is about: `slot handlers[59]`, `global filter_protocol`, `object main`, ….
    pub subject: String,
    /// How it differs: `exec → mine/exec`, `added`, `is gone`, ….
    pub change: String,
}

/// What an executed plan did, as `apply` reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The probe was not there before.
    Created,
    /// The probe was there and was changed.
    Configured,
    /// There was nothing to do.
    Unchanged,
}

/// Plans how to get from what is there to what is asked for; `live` is `None` where nothing is.
pub fn plan(desired: &Desired, live: Option<&Live>) -> Plan {
    let steps = live.map_or_else(|| vec![Step::Create], |live| steps(desired, live));
    Plan { probe: desired.probe.clone(), steps }
}

fn steps(desired: &Desired, live: &Live) -> Vec<Step> {
    let Some(record) = &live.record else {
        return vec![Step::ClearLeftovers, Step::Create];
    };
    let mut steps = Vec::new();
    if live.unfinished_replacement {
        steps.push(Step::ClearLeftovers);
    }
    let mut reasons = diff::asked(&record.desired, desired);
    reasons.extend(diff::drift(record, live));
    if !reasons.is_empty() {
        steps.push(Step::Replace { reasons });
    } else if record.desired != *desired {
        steps.push(Step::Remember);
    }
    steps
}

/// How what runs differs from what its own state file says; empty for a healthy probe.
///
/// Empty too where there is no state file: such a probe is incomplete, not drifted.
pub fn drift(live: &Live) -> Vec<Reason> {
    live.record.as_ref().map(|record| diff::drift(record, live)).unwrap_or_default()
}

impl Plan {
    /// What `apply` will report when the plan has been executed.
    pub fn outcome(&self) -> Outcome {
        let is_change = |step: &Step| matches!(step, Step::Replace { .. } | Step::Remember);
        if self.steps.contains(&Step::Create) {
            Outcome::Created
        } else if self.steps.iter().any(is_change) {
            Outcome::Configured
        } else {
            Outcome::Unchanged
        }
    }
}

impl Outcome {
    /// The word that `apply` prints.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Configured => "configured",
            Outcome::Unchanged => "unchanged",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.change)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::ClearLeftovers => f.write_str("remove what an interrupted apply left"),
            Step::Create => f.write_str("create"),
            Step::Replace { reasons } => {
                f.write_str("replace (its maps start anew):")?;
                for (i, reason) in reasons.iter().enumerate() {
                    write!(f, "{} {reason}", if i == 0 { "" } else { ";" })?;
                }
                Ok(())
            }
            Step::Remember => f.write_str("update how it is shown"),
        }
    }
}

#[cfg(test)]
mod tests;
