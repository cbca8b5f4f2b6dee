//! Whether decoders agree with the units that fields' names say.

use crate::desired::Decoder;
use crate::model::Model;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};

/// What a field's name says that it counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Nanoseconds,
    Time(&'static str),
    Bytes,
}

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for view in &model.views {
        for column in &view.columns {
            let Some(decoder) = &column.decoder else { continue };
            let Some(unit) = Unit::of(&column.field.value) else { continue };
            let wanted = match decoder.value {
                Decoder::Duration | Decoder::Time => Unit::Nanoseconds,
                Decoder::Bytes => Unit::Bytes,
                _ => continue,
            };
            if unit == wanted {
                continue;
            }
            findings.push(
                Diagnostic::warning(
                    Code::UnitMismatch,
                    decoder.span,
                    format!("`{}` is shown as if it counted {}", column.field.value, wanted.name()),
                )
                .label(format!("`{}` takes {}", decoder.value.name(), wanted.name()))
                .other(column.field.span, format!("a name for {}", unit.name()))
                .help("leave `as` out, or count another unit in the program"),
            );
        }
    }
}

impl Unit {
    /// The unit that a field's name ends in.
    fn of(field: &str) -> Option<Unit> {
        let (_, suffix) = field.rsplit_once(['_', '.'])?;
        Some(match suffix {
            "ns" | "nsec" | "nsecs" => Unit::Nanoseconds,
            "us" | "usec" | "usecs" => Unit::Time("microseconds"),
            "ms" | "msec" | "msecs" => Unit::Time("milliseconds"),
            "s" | "sec" | "secs" | "seconds" => Unit::Time("seconds"),
            "bytes" => Unit::Bytes,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "nanoseconds",
            Unit::Time(name) => name,
            Unit::Bytes => "bytes",
        }
    }
}
