//! What a template may say: the part of the language whose cost is bounded before it runs.
//!
//! minijinja counts instructions but not bytes: `"x" * 10**8` is one instruction, and a loop that sets
//! `a = a ~ a` doubles as long as its fuel lasts. So text can only grow by being written down, by a
//! variable or by joining, each of which has a limit, and a template has a limited number of those.
//! Nothing is rendered here.

use super::TemplateError;
use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, ForLoop, Stmt, UnaryOpKind};
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;

/// Bytes that a template may be written in: minijinja's parser is recursive in what it is given.
const MAX_TEXT: usize = 4096;
/// Expressions and statements that a template may have.
const MAX_NODES: usize = 128;

/// Filters whose result isn't longer than what they are given, or has a limit of its own.
const FILTERS: &[&str] = &[
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
];
/// Filters whose result is a number.
const NUMERIC_FILTERS: &[&str] = &["abs", "count", "float", "int", "length", "round"];
/// Names that are numbers wherever they are known.
const NUMBERS: &[&str] = &["cpus"];
/// The only function.
const RANGE: &str = "range";

/// Refuses what a template may not say.
///
/// # Errors
/// The template is malformed, too long, or says something else.
pub fn check(text: &str) -> Result<(), TemplateError> {
    if text.len() > MAX_TEXT {
        return Err(TemplateError::because(format!(
            "a template has at most {MAX_TEXT} bytes, this one {}",
            text.len()
        )));
    }
    let parsed = parse(text, "<string>", SyntaxConfig::default())
        .map_err(|error| TemplateError::malformed(&error))?;
    let mut checker = Checker { nodes: 0 };
    checker.statement(&parsed).map_err(TemplateError::because)
}

struct Checker {
    nodes: usize,
}

type Checked = Result<(), String>;

impl Checker {
    fn count(&mut self) -> Checked {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(format!("a template has at most {MAX_NODES} parts"));
        }
        Ok(())
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) -> Checked {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Checked {
        self.count()?;
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::IfCond(condition) => {
                self.expression(&condition.expr)?;
                self.statements(&condition.true_body)?;
                self.statements(&condition.false_body)
            }
            Stmt::ForLoop(one) => self.for_loop(one),
            _ => Err("of statements there are `if` and `for` alone".to_owned()),
        }
    }

    /// A loop gives its elements a name. They must exist already: loops in loops could make each
    /// other's elements longer otherwise.
    fn for_loop(&mut self, one: &ForLoop<'_>) -> Checked {
        let over_a_name = match &one.iter {
            Expr::Call(call) => matches!(&call.expr, Expr::Var(name) if name.id == RANGE),
            Expr::Filter(filter) => {
                filter.name == "items" && filter.expr.as_ref().is_some_and(is_path)
            }
            other => is_path(other),
        };
        if one.recursive || !over_a_name {
            return Err("`for` goes over a name or a `range(…)`".to_owned());
        }
        self.expression(&one.iter)?;
        one.filter_expr.iter().try_for_each(|filter| self.expression(filter))?;
        self.statements(&one.body)?;
        self.statements(&one.else_body)
    }

    fn expression(&mut self, expression: &Expr<'_>) -> Checked {
        self.count()?;
        match expression {
            Expr::Var(_) | Expr::Const(_) => Ok(()),
            Expr::Slice(slice) => {
                let bounds = [&slice.start, &slice.stop, &slice.step];
                self.expression(&slice.expr)?;
                bounds.into_iter().flatten().try_for_each(|bound| self.expression(bound))
            }
            Expr::UnaryOp(one) => self.expression(&one.expr),
            Expr::BinOp(two) => {
                let multiplies = matches!(two.op, BinOpKind::Mul | BinOpKind::Pow);
                if multiplies && !(is_number(&two.left) && is_number(&two.right)) {
                    return Err(
                        "`*` and `**` take numbers; write `NAME|int` for a variable that is one"
                            .to_owned(),
                    );
                }
                self.expression(&two.left)?;
                self.expression(&two.right)
            }
            Expr::Compare(compare) => {
                self.expression(&compare.expr)?;
                compare.ops.iter().try_for_each(|one| self.expression(&one.expr))
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr)?;
                self.expression(&choice.true_expr)?;
                choice.false_expr.iter().try_for_each(|other| self.expression(other))
            }
            Expr::Filter(filter) => {
                if !FILTERS.contains(&filter.name) {
                    return Err(format!("there is no filter `{}`", filter.name));
                }
                filter.expr.iter().try_for_each(|one| self.expression(one))?;
                self.arguments(&filter.args)
            }
            Expr::Test(test) => {
                self.expression(&test.expr)?;
                self.arguments(&test.args)
            }
            Expr::GetAttr(attribute) => self.expression(&attribute.expr),
            Expr::GetItem(item) => {
                self.expression(&item.expr)?;
                self.expression(&item.subscript_expr)
            }
            Expr::Call(call) => {
                if !matches!(&call.expr, Expr::Var(name) if name.id == RANGE) {
                    return Err("there is no function but `range`".to_owned());
                }
                self.arguments(&call.args)
            }
            Expr::List(list) => list.items.iter().try_for_each(|item| self.expression(item)),
            Expr::Tuple(tuple) => tuple.items.iter().try_for_each(|item| self.expression(item)),
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).try_for_each(|one| self.expression(one))
            }
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) -> Checked {
        arguments.iter().try_for_each(|argument| match argument {
            CallArg::Pos(one)
            | CallArg::Kwarg(_, one)
            | CallArg::PosSplat(one)
            | CallArg::KwargSplat(one) => self.expression(one),
        })
    }
}

/// Whether an expression names something that is there: `a`, `a.b`.
fn is_path(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Var(_) => true,
        Expr::GetAttr(attribute) => is_path(&attribute.expr),
        _ => false,
    }
}

/// Whether an expression is a number, whatever its names stand for.
fn is_number(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(constant) => constant.value.is_number(),
        Expr::Var(name) => NUMBERS.contains(&name.id),
        Expr::UnaryOp(one) => matches!(one.op, UnaryOpKind::Neg) && is_number(&one.expr),
        Expr::BinOp(two) => {
            let computes = matches!(
                two.op,
                BinOpKind::Add
                    | BinOpKind::Sub
                    | BinOpKind::Mul
                    | BinOpKind::Div
                    | BinOpKind::FloorDiv
                    | BinOpKind::Rem
                    | BinOpKind::Pow
            );
            computes && is_number(&two.left) && is_number(&two.right)
        }
        Expr::Filter(filter) => NUMERIC_FILTERS.contains(&filter.name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_people_write_is_taken() {
        for text in [
            "{{ slow }}",
            "{{ vars.device|default('eth0') }}-{{ host|replace('.', '-')|lower }}",
            "{{ cpus * 2 + 1 }}",
            "{{ (size|int) * 1024 }}",
            "{% if cpus > 4 %}10ms{% else %}1ms{% endif %}",
            "{{ env.HOME ~ '/x' if env.HOME is defined else '/x' }}",
            "{{ time }} {{ comm }}[{{ pid }}]{% if path is defined %} {{ path }}{% endif %}",
            "{% for frame in stack %}{{ frame }};{% endfor %}{{ stack|join(';') }}",
            "{% for i in range(3) %}{{ i }}{% endfor %}",
            "{# nothing #}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_grows_is_refused() {
        for text in [
            "{{ 'x' * 10**9 }}",
            "{{ a * 9 }}",
            "{{ ('x',) * 99999999 }}",
            "{{ [1] * 99999999 }}",
            "{{ (a ~ a) * 9 }}",
            "{% set a = a ~ a %}",
            "{% with a = a ~ a %}{{ a }}{% endwith %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% for a in [a ~ a] %}{{ a }}{% endfor %}",
            "{% for a in (a ~ a)|list %}{{ a }}{% endfor %}",
            "{% for a in b recursive %}{{ loop(b) }}{% endfor %}",
            "{% filter upper %}x{% endfilter %}",
            "{% set a %}x{% endset %}",
            "{% include 'x' %}",
            "{{ '%999999999d'|format(1) }}",
            "{{ a|indent(999999999) }}",
            "{{ a|center(999999999) }}",
            "{{ a|tojson }}",
            "{{ dict(a=1) }}",
            "{{ namespace() }}",
            "{{ a.b() }}",
            "{{ debug() }}",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check(&format!("{{{{ a{} }}}}", " ~ a".repeat(127))).is_err());
        assert!(check(&format!("{{{{ a{} }}}}", " ~ a".repeat(2000))).is_err());
        assert!(check(&format!("{{{{ {}a{} }}}}", "(".repeat(1000), ")".repeat(1000))).is_err());
        assert!(check(&"{% if a %}".repeat(400)).is_err());
    }
}
