//! Templates in scalars. The only user of minijinja.
//!
//! A template is rendered after the YAML was parsed, so what a variable holds can't change a file's
//! structure, and positions stay those of the text. Undefined names are errors, and the work a
//! template may do is bounded.

use crate::text::source::Span;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, UndefinedBehavior};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Instructions of minijinja's machine that one scalar may use.
const FUEL: u64 = 20_000;

/// The name by which templates can name all variables at once.
const VARS: &str = "vars";

/// What templates can name.
pub struct Scope {
    environment: Environment<'static>,
    machine: BTreeMap<&'static str, Value>,
    vars: BTreeMap<String, Value>,
    declared: BTreeMap<String, Span>,
    /// What the templates rendered so far named.
    named: RefCell<BTreeSet<String>>,
}

/// Why a template can't be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// The first name it uses that is not in scope.
    pub undefined: Option<String>,
    /// Names that are in scope, for "did you mean".
    pub in_scope: Vec<String>,
}

impl Scope {
    /// The names that describe this machine: `env`, `host`, `cpus`, `arch`, `kernel`.
    pub fn of_this_machine() -> Scope {
        let name = nix::sys::utsname::uname().ok();
        let text = |part: Option<&std::ffi::OsStr>| {
            Value::from(part.unwrap_or_default().to_string_lossy().into_owned())
        };
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Scope::new(BTreeMap::from([
            ("env", Value::from(Serde(environment))),
            ("host", text(name.as_ref().map(|name| name.nodename()))),
            ("kernel", text(name.as_ref().map(|name| name.release()))),
            ("cpus", Value::from(cpus)),
            ("arch", Value::from(std::env::consts::ARCH)),
        ]))
    }

    fn new(machine: BTreeMap<&'static str, Value>) -> Scope {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        Scope {
            environment,
            machine,
            vars: BTreeMap::new(),
            declared: BTreeMap::new(),
            named: RefCell::default(),
        }
    }

    /// The same machine without variables, for the next file.
    pub fn without_vars(&self) -> Scope {
        Scope::new(self.machine.clone())
    }

    /// Gives a variable its value; it can be named alone and as `vars.NAME`. `declared` is where its
    /// name stands in the probe file.
    pub fn set(&mut self, name: &str, value: &str, declared: Span) {
        self.vars.insert(name.to_owned(), Value::from(value));
        self.declared.insert(name.to_owned(), declared);
    }

    /// Where a variable is declared; None for what this machine gives.
    pub fn declared(&self, name: &str) -> Option<Span> {
        self.declared.get(name).copied()
    }

    /// Whether a template rendered in this scope could have used a variable.
    pub fn uses(&self, variable: &str) -> bool {
        let named = self.named.borrow();
        // `vars` alone may mean any of them.
        named.contains(variable) || named.contains(VARS)
    }

    /// Whether this machine gives a name already, so that no variable can have it.
    pub fn is_taken(&self, name: &str) -> bool {
        name == VARS || self.machine.contains_key(name)
    }

    /// Renders a scalar. Text without `{{`, `{%` or `{#` is returned as it is.
    ///
    /// # Errors
    /// The template is malformed, names something undefined, or takes too long.
    pub fn render(&self, text: &str) -> Result<String, TemplateError> {
        if !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
            return Ok(text.to_owned());
        }
        let mut context: BTreeMap<&str, Value> = self.machine.clone();
        context.extend(self.vars.iter().map(|(name, value)| (name.as_str(), value.clone())));
        context.insert(VARS, Value::from(Serde(&self.vars)));
        let named = self.named_in(text);
        self.named.borrow_mut().extend(named.iter().cloned());
        self.environment.render_str(text, &context).map_err(|error| {
            let in_scope = self.names();
            let undefined = named.into_iter().find(|name| !in_scope.contains(name) && name != VARS);
            TemplateError { message: reason(&error), undefined, in_scope }
        })
    }

    /// The names that a template uses and doesn't set itself, `NAME` for `vars.NAME`; none if it is
    /// malformed.
    fn named_in(&self, text: &str) -> Vec<String> {
        let Ok(template) = self.environment.template_from_str(text) else { return Vec::new() };
        let mut names: Vec<String> = template
            .undeclared_variables(true)
            .into_iter()
            .map(|path| {
                let path = path.strip_prefix("vars.").unwrap_or(&path);
                path.split('.').next().unwrap_or_default().to_owned()
            })
            .filter(|name| !self.is_function(name))
            .collect();
        names.sort();
        names
    }

    /// Whether the template language itself gives a name (`range`, `dict`).
    fn is_function(&self, name: &str) -> bool {
        self.environment.globals().any(|(global, _)| global == name)
    }

    /// Whether the text parses and which undeclared names it would need; for lines that are
    /// rendered later, once a record.
    ///
    /// # Errors
    /// The template is malformed.
    pub fn names_used(text: &str) -> Result<Vec<String>, TemplateError> {
        let environment = Environment::new();
        match environment.template_from_str(text) {
            Ok(template) => {
                let is_function =
                    |name: &str| environment.globals().any(|(global, _)| global == name);
                let mut names: Vec<String> = template
                    .undeclared_variables(false)
                    .into_iter()
                    .filter(|name| !is_function(name))
                    .collect();
                names.sort();
                Ok(names)
            }
            Err(error) => Err(TemplateError::malformed(&error)),
        }
    }

    fn names(&self) -> Vec<String> {
        let machine = self.machine.keys().map(|name| (*name).to_owned());
        self.vars.keys().cloned().chain(machine).collect()
    }
}

impl TemplateError {
    fn malformed(error: &Error) -> TemplateError {
        TemplateError { message: reason(error), undefined: None, in_scope: Vec::new() }
    }
}

/// A template for a line of each record, parsed once.
pub struct Line(Environment<'static>);

/// What the one template of a [`Line`] is called.
const LINE: &str = "line";

impl Line {
    /// Parses the template.
    ///
    /// # Errors
    /// It is malformed.
    pub fn parse(text: &str) -> Result<Line, TemplateError> {
        let mut environment = Scope::new(BTreeMap::new()).environment;
        environment
            .add_template_owned(LINE, text.to_owned())
            .map_err(|error| TemplateError::malformed(&error))?;
        Ok(Line(environment))
    }

    /// The line of a record, whose fields are the names in scope.
    ///
    /// # Errors
    /// As for [`Scope::render`].
    pub fn render(&self, record: &serde_json::Value) -> Result<String, TemplateError> {
        let template = self.0.get_template(LINE);
        template
            .and_then(|template| template.render(Value::from(Serde(record))))
            .map_err(|error| TemplateError::malformed(&error))
    }
}

/// An expression that says which rows are shown.
pub struct Filter {
    expression: minijinja::Expression<'static, 'static>,
    /// The names that it uses.
    pub names: Vec<String>,
}

impl Filter {
    /// Parses an expression such as `device == "eth0" and packets > 10`.
    ///
    /// # Errors
    /// The expression is malformed.
    pub fn parse(text: &str) -> Result<Filter, TemplateError> {
        let mut environment = Environment::new();
        // A record may lack fields.
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(FUEL));
        // It lives as long as the command that was given it.
        let environment: &'static Environment<'static> = Box::leak(Box::new(environment));
        let expression = environment
            .compile_expression_owned(text.to_owned())
            .map_err(|error| TemplateError::malformed(&error))?;
        let is_function = |name: &str| environment.globals().any(|(global, _)| global == name);
        let mut names: Vec<String> = expression
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !is_function(name))
            .collect();
        names.sort();
        Ok(Filter { expression, names })
    }

    /// Whether a row is to be shown; its fields are the names in scope.
    ///
    /// # Errors
    /// The expression can't be evaluated for this row.
    pub fn keeps(&self, row: &serde_json::Value) -> Result<bool, TemplateError> {
        let value = self.expression.eval(Value::from(Serde(row)));
        value.map(|value| value.is_true()).map_err(|error| TemplateError::malformed(&error))
    }
}

fn reason(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Line, Scope};
    use crate::text::source::Span;
    use serde_json::json;

    fn scope(vars: &[(&str, &str)]) -> Scope {
        let mut scope = Scope::of_this_machine();
        for (name, value) in vars {
            scope.set(name, value, Span::default());
        }
        scope
    }

    #[test]
    fn variables_fill_in() {
        let scope = scope(&[("slow", "10ms")]);
        assert_eq!(scope.render("{{ slow }}").as_deref(), Ok("10ms"));
        assert_eq!(
            scope.render("{{ vars.slow }}/{{ arch }}"),
            Ok(format!("10ms/{}", std::env::consts::ARCH))
        );
        assert_eq!(scope.render("plain").as_deref(), Ok("plain"));
    }

    #[test]
    fn undefined_names_and_broken_templates_are_errors() {
        let error = scope(&[("slow", "1")]).render("{{ slwo }}").expect_err("undefined");
        assert!(error.message.contains("undefined"), "{}", error.message);
        assert!(error.in_scope.contains(&"slow".to_owned()));
        scope(&[]).render("{{ slow").expect_err("unclosed");
    }

    #[test]
    fn a_template_cannot_run_for_ever() {
        let text =
            "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}";
        let error = scope(&[]).render(text).expect_err("too long");
        assert!(error.message.contains("fuel"), "{}", error.message);
    }

    #[test]
    fn a_filter_keeps_what_it_names() {
        let filter = Filter::parse("device == 'eth0' and packets > 10").expect("it is one");
        assert_eq!(filter.names, ["device", "packets"]);
        assert_eq!(filter.keeps(&json!({"device": "eth0", "packets": 11})), Ok(true));
        assert_eq!(filter.keeps(&json!({"device": "eth0", "packets": 10})), Ok(false));
        assert_eq!(filter.keeps(&json!({"device": "lo", "packets": 11})), Ok(false));
        // A record that ends before the field.
        assert_eq!(filter.keeps(&json!({"packets": 11})), Ok(false));
        assert!(Filter::parse("device ==").is_err());
    }

    #[test]
    fn a_record_line_names_its_fields() {
        let line = Line::parse("{{ comm }} {{ nr + 1 }}").expect("it is a template");
        let text = line.render(&json!({"comm": "ls", "nr": 58}));
        assert_eq!(text.as_deref(), Ok("ls 59"));
        line.render(&json!({"nr": 58})).expect_err("a field is missing");
        assert!(Line::parse("{{ comm").is_err());
        assert_eq!(Scope::names_used("{{ comm }} {{ nr }}"), Ok(vec!["comm".into(), "nr".into()]));
    }
}
