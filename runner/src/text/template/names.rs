//! The names in scope, looked up as a template asks for them: a file has as many templates as it
//! likes, so none may cost what all names cost.

use minijinja::value::{Enumerator, Object, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name by which templates can name all variables at once.
pub const VARS: &str = "vars";

/// What this machine gives, and the variables.
#[derive(Clone, Debug)]
pub struct Names {
    machine: Arc<BTreeMap<&'static str, Value>>,
    vars: Arc<Variables>,
}

/// The variables, as `vars`.
#[derive(Clone, Debug, Default)]
struct Variables(BTreeMap<String, Value>);

impl Names {
    /// No variables yet.
    pub fn of_machine(machine: BTreeMap<&'static str, Value>) -> Names {
        Names { machine: Arc::new(machine), vars: Arc::default() }
    }

    /// The same machine.
    pub fn without_vars(&self) -> Names {
        Names { machine: Arc::clone(&self.machine), vars: Arc::default() }
    }

    /// Gives a variable its value.
    pub fn set(&mut self, name: &str, value: &str) {
        Arc::make_mut(&mut self.vars).0.insert(name.to_owned(), Value::from(value));
    }

    /// Whether a name is no variable's.
    pub fn is_taken(&self, name: &str) -> bool {
        name == VARS || self.machine.contains_key(name)
    }

    /// Every name but `vars`, the variables first.
    pub fn all(&self) -> Vec<String> {
        let machine = self.machine.keys().map(|name| (*name).to_owned());
        self.vars.0.keys().cloned().chain(machine).collect()
    }
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if name == VARS {
            return Some(Value::from_dyn_object(Arc::clone(&self.vars)));
        }
        self.vars.0.get(name).or_else(|| self.machine.get(name)).cloned()
    }
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|name| Value::from(name.as_str())).collect())
    }
}
