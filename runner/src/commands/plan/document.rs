//! The JSON of `plan -o json` and `apply --dry-run -o json`: types that serde writes and from which its schema is made.

use crate::kernel::Error;
use crate::plan::{Line, Outcome, Plan, Step};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of this document's form; it grows when a field goes or changes its meaning, not when one
/// is added.
const SCHEMA_VERSION: u32 = 1;

/// What `probe-runner plan -o json` writes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document {
    /// The version of this document's form. It grows when a field goes or changes its meaning; fields
    /// may be added without.
    pub schema_version: u32,
    /// Whether anything would change.
    pub changes: bool,
    /// The probes of the files in their order, then with `--prune` those whose file is gone.
    pub probes: Vec<Probe>,
}

/// The plan of one probe.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Probe {
    /// Its name.
    pub probe: String,
    /// What would become of it; null if that is not known.
    pub result: Option<Outcome>,
    /// Why it is not known; left out if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The steps, in their order; none if there is nothing to do.
    pub steps: Vec<PlanStep>,
}

/// A step of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum PlanStep {
    /// What an interrupted `apply` left is removed, or what runs and isn't understood.
    ClearLeftovers {
        /// Why, for people.
        reason: String,
    },
    /// The probe is brought up.
    Create {
        /// What comes.
        changes: Vec<Line>,
    },
    /// The probe is changed in place.
    Change {
        /// What comes, changes and goes.
        changes: Vec<Line>,
    },
    /// Only what is remembered of the probe changes: how it is shown, its description, its file.
    Remember,
    /// The probe is taken down.
    Delete {
        /// What goes.
        changes: Vec<Line>,
    },
}

impl Document {
    /// The document of some plans, by probe.
    pub fn new(plans: &[(String, Result<Plan, Error>)]) -> Document {
        let probes: Vec<Probe> =
            plans.iter().map(|(probe, plan)| Probe::new(probe, plan)).collect();
        let changes = probes.iter().any(|probe| !probe.steps.is_empty());
        Document { schema_version: SCHEMA_VERSION, changes, probes }
    }
}

impl Probe {
    fn new(probe: &str, plan: &Result<Plan, Error>) -> Probe {
        let probe = probe.to_owned();
        match plan {
            Ok(plan) => Probe {
                probe,
                result: Some(plan.outcome()),
                error: None,
                steps: plan.steps.iter().map(PlanStep::from).collect(),
            },
            Err(error) => {
                Probe { probe, result: None, error: Some(error.to_string()), steps: Vec::new() }
            }
        }
    }
}

impl From<&Step> for PlanStep {
    fn from(step: &Step) -> PlanStep {
        let changes = <[Line]>::to_vec;
        match step {
            Step::ClearLeftovers(_) => PlanStep::ClearLeftovers { reason: step.to_string() },
            Step::Create(lines) => PlanStep::Create { changes: changes(lines) },
            Step::Change(change) => PlanStep::Change { changes: changes(&change.lines) },
            Step::Remember => PlanStep::Remember,
            Step::Delete(lines) => PlanStep::Delete { changes: changes(lines) },
        }
    }
}
