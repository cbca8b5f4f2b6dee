//! Our own pages of HTML, filled in. Whatever is put into them is escaped.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

/// Fills a page in.
///
/// # Errors
/// Never for a page and a context that fit: the template is ours.
pub fn html(page: &'static str, context: impl Serialize) -> Result<String, super::TemplateError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Tags have lines of their own, which are none of the page's.
    let lines = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    let result = lines.and_then(|lines| {
        environment.set_syntax(lines);
        environment.render_str(page, Value::from(Serde(context)))
    });
    result.map_err(|error| super::TemplateError {
        message: error.to_string(),
        undefined: None,
        in_scope: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::html;
    use std::collections::BTreeMap;

    #[test]
    fn nothing_gets_out_of_its_place() {
        let hostile = "</title><script>'\"&";
        let context = BTreeMap::from([("text", hostile)]);
        assert_eq!(
            html("<p title=\"{{ text }}\">{{ text }}", &context).expect("it fits"),
            "<p title=\"&lt;&#x2f;title&gt;&lt;script&gt;&#x27;&quot;&amp;\">\
             &lt;&#x2f;title&gt;&lt;script&gt;&#x27;&quot;&amp;"
        );
        html("{{ absent }}", &context).expect_err("there is no such thing");
    }
}
