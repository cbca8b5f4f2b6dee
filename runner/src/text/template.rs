//! Templates in scalars. The only user of minijinja.
//!
//! A template is rendered after the YAML was parsed, so what a variable holds can't change a file's
//! structure, and positions stay those of the text. Undefined names are errors. What a template may say
//! ([`language`]), how much one may do and how much all of a file's together may do is bounded, in time
//! and in memory: probe files come from anywhere.

mod language;
mod limits;
mod names;
pub mod page;

use crate::text::source::Span;
use limits::{Budget, Limited};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, UndefinedBehavior};
use names::{Names, VARS};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// What templates can name.
pub struct Scope {
    environment: Environment<'static>,
    names: Arc<Names>,
    declared: BTreeMap<String, Span>,
    /// What the templates rendered so far named, and what they cost.
    used: RefCell<Used>,
}

#[derive(Default)]
struct Used {
    names: BTreeSet<String>,
    budget: Budget,
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
        Scope::new(Names::of_machine(BTreeMap::from([
            ("env", Value::from(Serde(environment))),
            ("host", text(name.as_ref().map(|name| name.nodename()))),
            ("kernel", text(name.as_ref().map(|name| name.release()))),
            ("cpus", Value::from(cpus)),
            ("arch", Value::from(std::env::consts::ARCH)),
        ])))
    }

    fn new(names: Names) -> Scope {
        Scope {
            environment: environment(),
            names: Arc::new(names),
            declared: BTreeMap::new(),
            used: RefCell::default(),
        }
    }

    /// The same machine without variables and with nothing used up, for the next file.
    pub fn without_vars(&self) -> Scope {
        Scope::new(self.names.without_vars())
    }

    /// Gives a variable its value; it can be named alone and as `vars.NAME`. `declared` is where its
    /// name stands in the probe file.
    ///
    /// # Errors
    /// The value is longer than a variable's may be.
    pub fn set(&mut self, name: &str, value: &str, declared: Span) -> Result<(), TemplateError> {
        self.declared.insert(name.to_owned(), declared);
        let result = limits::check_variable(value);
        let value = if result.is_ok() { value } else { "" };
        Arc::make_mut(&mut self.names).set(name, value);
        result
    }

    /// Where a variable is declared; None for what this machine gives.
    pub fn declared(&self, name: &str) -> Option<Span> {
        self.declared.get(name).copied()
    }

    /// Whether a template rendered in this scope could have used a variable.
    pub fn uses(&self, variable: &str) -> bool {
        let used = self.used.borrow();
        // `vars` alone may mean any of them.
        used.names.contains(variable) || used.names.contains(VARS)
    }

    /// Whether this machine gives a name already, so that no variable can have it.
    pub fn is_taken(&self, name: &str) -> bool {
        self.names.is_taken(name)
    }

    /// Renders a scalar. Text without `{{`, `{%` or `{#` is returned as it is.
    ///
    /// # Errors
    /// The template is malformed, names something undefined, says what no template may, or does too
    /// much.
    pub fn render(&self, text: &str) -> Result<String, TemplateError> {
        if !is_template(text) {
            return Ok(text.to_owned());
        }
        language::check(text)?;
        let named = self.named_in(text);
        let mut used = self.used.borrow_mut();
        used.names.extend(named.iter().cloned());
        let context = Value::from_dyn_object(self.names.clone());
        render(&self.environment, text, context, &mut used.budget).map_err(|message| {
            let in_scope = self.names.all();
            let undefined = named.into_iter().find(|name| !in_scope.contains(name) && name != VARS);
            TemplateError { message, undefined, in_scope }
        })
    }

    /// The names that a template uses and doesn't set itself, `NAME` for `vars.NAME`.
    fn named_in(&self, text: &str) -> Vec<String> {
        let Ok(template) = self.environment.template_from_str(text) else { return Vec::new() };
        let mut names: Vec<String> = template
            .undeclared_variables(true)
            .into_iter()
            .map(|path| {
                let path = path.strip_prefix("vars.").unwrap_or(&path);
                path.split('.').next().unwrap_or_default().to_owned()
            })
            .filter(|name| !is_function(&self.environment, name))
            .collect();
        names.sort();
        names
    }

    /// Whether the text parses and which undeclared names it would need; for lines that are
    /// rendered later, once a record.
    ///
    /// # Errors
    /// The template is malformed, or says what no template may.
    pub fn names_used(text: &str) -> Result<Vec<String>, TemplateError> {
        language::check(text)?;
        let environment = environment();
        let template = environment
            .template_from_str(text)
            .map_err(|error| TemplateError::malformed(&error))?;
        let mut names: Vec<String> = template
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !is_function(&environment, name))
            .collect();
        names.sort();
        Ok(names)
    }
}

impl TemplateError {
    fn malformed(error: &Error) -> TemplateError {
        TemplateError::because(reason(error))
    }

    fn because(message: String) -> TemplateError {
        TemplateError { message, undefined: None, in_scope: Vec::new() }
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
        language::check(text)?;
        let mut environment = environment();
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
        let mut out = Limited::default();
        let template = self.0.get_template(LINE);
        let rendered = template.and_then(|template| {
            template.render_captured_to(Value::from(Serde(record)), &mut out).map(drop)
        });
        match rendered {
            _ if out.is_over() => Err(TemplateError::because(out.complaint())),
            Ok(()) => out.into_text().map_err(TemplateError::because),
            Err(error) => Err(TemplateError::malformed(&error)),
        }
    }
}

/// What all filters are evaluated in: an expression borrows it, and `watch` takes a new one whenever
/// somebody types.
static FILTERS: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = environment();
    // A record may lack fields.
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment
});

/// An expression that says which rows are shown.
pub struct Filter {
    expression: minijinja::Expression<'static, 'static>,
    /// The names that it uses.
    names: Vec<String>,
}

impl Filter {
    /// The first name that isn't among those known. Such a filter would only hide rows.
    pub fn unknown(&self, known: &[String]) -> Option<&str> {
        self.names.iter().find(|name| !known.contains(name)).map(String::as_str)
    }

    /// Parses an expression such as `device == "eth0" and packets > 10`.
    ///
    /// # Errors
    /// The expression is malformed.
    pub fn parse(text: &str) -> Result<Filter, TemplateError> {
        let expression = FILTERS
            .compile_expression_owned(text.to_owned())
            .map_err(|error| TemplateError::malformed(&error))?;
        let mut names: Vec<String> = expression
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !is_function(&FILTERS, name))
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

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    limits::set(&mut environment);
    environment
}

/// Renders a template whose language was checked; the error is for people.
fn render(
    environment: &Environment<'_>,
    text: &str,
    context: Value,
    budget: &mut Budget,
) -> Result<String, String> {
    budget.begin()?;
    let mut out = Limited::default();
    let rendered = environment
        .template_from_str(text)
        .and_then(|template| template.render_captured_to(context, &mut out))
        .map(|captured| captured.state().fuel_levels().map_or(0, |(used, _)| used));
    let fuel = rendered.as_ref().ok().copied();
    let result = match rendered {
        _ if out.is_over() => Err(out.complaint()),
        Ok(_) => out.into_text(),
        Err(error) => Err(reason(&error)),
    };
    budget.charge(result.as_ref().map_or(0, String::len), fuel);
    result
}

/// Whether the template language itself gives a name (`range`).
fn is_function(environment: &Environment<'_>, name: &str) -> bool {
    environment.globals().any(|(global, _)| global == name)
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
            scope.set(name, value, Span::default()).expect("it is short");
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
        let text = "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}";
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

    #[test]
    fn what_a_template_gives_is_limited() {
        let long = "x".repeat(4 << 10);
        let scope = scope(&[("long", &long)]);
        for text in [
            "{% for i in range(100) %}{{ long }}{% endfor %}",
            "{{ long ~ long ~ long ~ long ~ long }}",
            "{{ long|replace('x', long) }}",
            "{{ long|list|join(long) }}",
        ] {
            let error = scope.render(text).expect_err("too long");
            assert!(error.message.contains("KiB"), "{text}: {}", error.message);
        }
        assert_eq!(scope.render("{{ long|replace('x', 'yz')|length }}").as_deref(), Ok("8192"));
        let mut scope = scope;
        scope.set("longer", &"x".repeat((4 << 10) + 1), Span::default()).expect_err("too long");
    }

    #[test]
    fn what_all_templates_of_a_file_give_is_limited() {
        let scope = scope(&[("long", &"x".repeat(4 << 10))]);
        let rendered = (0..1000).map_while(|_| scope.render("{{ long }}").ok()).count();
        assert!((256..=258).contains(&rendered), "{rendered} times 4 KiB");
        assert_eq!(scope.without_vars().render("{{ 1 + 1 }}").as_deref(), Ok("2"));
    }
}
