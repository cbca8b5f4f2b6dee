//! Views: how maps are shown.

use crate::desired::{Decoder, Metric, Plot, Scale};
use crate::model::{ColumnView, View};
use crate::resolve::binder::Binder;
use crate::resolve::{layouts, number};
use crate::spec::decoder::DecoderSpec;
use crate::spec::shape::{ColumnSpec, MetricSpec, PlotSpec, ScaleSpec, ViewSpec};
use crate::spec::values::{Entries, Scalar};
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;
use crate::text::template::Scope;

/// Binds `read`.
pub fn bind(views: &Entries<ViewSpec>, binder: &mut Binder<'_>) -> Vec<View> {
    let mut bound = Vec::new();
    for (index, (name, spec)) in views.0.iter().enumerate() {
        if binder.findings.is_full() {
            binder.findings.left_out += views.0.len() - index;
            break;
        }
        let map = binder.map(name);
        let record = spec.record.as_ref().and_then(|text| binder.text(text));
        let layout = spec
            .layout
            .as_ref()
            .and_then(|layout| layouts::bind(&layout.value, layout.span, binder));
        let columns = bind_columns(&spec.columns, binder);
        let sort = spec.sort.as_ref().and_then(|text| bind_sort(text, binder));
        let top = spec.top.as_ref().and_then(|text| bind_top(text, binder));
        let line = spec.line.as_ref().and_then(|text| bind_line(text, binder));
        let group = spec.group.iter().filter_map(|text| binder.text(text)).collect();
        let plot = spec.plot.as_ref().and_then(|plot| bind_plot(plot, binder));
        let limit = spec.limit.as_ref().and_then(|text| bind_limit(text, binder));
        let sample = spec.sample.as_ref().and_then(|text| bind_sample(text, binder));
        if let Some(map) = map {
            bound.push(View {
                map: name.with(map),
                record,
                layout,
                columns,
                sort,
                top,
                loss: spec.loss,
                line,
                group,
                by_cpu: spec.by_cpu,
                plot,
                reset: spec.reset.clone(),
                limit,
                sample,
            });
        }
    }
    bound
}

fn bind_columns(columns: &Entries<ColumnSpec>, binder: &mut Binder<'_>) -> Vec<ColumnView> {
    let mut bound = Vec::new();
    for (field, spec) in &columns.0 {
        bound.push(ColumnView {
            field: field.clone(),
            name: spec.name.as_ref().and_then(|text| binder.text(text)).map(|text| text.value),
            decoder: spec.decoder.as_ref().map(|decoder| bind_decoder(decoder, binder)),
            hide: spec.hide,
            kind: spec.kind.as_ref().and_then(|kind| bind_metric(kind, binder)),
            description: spec
                .description
                .as_ref()
                .and_then(|text| binder.text(text))
                .map(|text| text.value),
        });
    }
    bound
}

fn bind_decoder(spec: &At<DecoderSpec>, binder: &mut Binder<'_>) -> At<Decoder> {
    spec.with(spec.value.with_names(|names| bind_names(names, binder)))
}

fn bind_metric(spec: &At<MetricSpec>, binder: &mut Binder<'_>) -> Option<At<Metric>> {
    let metric = match &spec.value {
        MetricSpec::Counter => Metric::Counter,
        MetricSpec::Gauge => Metric::Gauge,
        MetricSpec::Histogram(scale) => Metric::Histogram(bind_scale(scale, binder)?),
    };
    Some(spec.with(metric))
}

fn bind_scale(spec: &ScaleSpec, binder: &mut Binder<'_>) -> Option<Scale> {
    let ScaleSpec::Linear(text) = spec else { return Some(Scale::Log2) };
    let width = binder.number::<u64>(text)?;
    if width.value == 0 {
        binder.findings.push(
            Diagnostic::error(Code::InvalidValue, width.span, "buckets of width 0 hold nothing")
                .help("write how wide a bucket is, such as `linear: 100`"),
        );
        return None;
    }
    Some(Scale::Linear(width.value))
}

fn bind_plot(spec: &At<PlotSpec>, binder: &mut Binder<'_>) -> Option<At<Plot>> {
    let plot = match &spec.value {
        PlotSpec::Histogram(histogram) => Plot::Histogram {
            bucket: binder.text(&histogram.bucket)?.value,
            value: binder.text(&histogram.value)?.value,
            scale: match &histogram.scale {
                Some(scale) => bind_scale(scale, binder)?,
                None => Scale::Log2,
            },
        },
        PlotSpec::Heatmap(heatmap) => Plot::Heatmap {
            x: binder.text(&heatmap.x)?.value,
            y: binder.text(&heatmap.y)?.value,
            value: binder.text(&heatmap.value)?.value,
        },
    };
    Some(spec.with(plot))
}

fn bind_sample(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<u32>> {
    let sample = binder.number::<u32>(text)?;
    if sample.value == 0 {
        let message = "one of 0 records is none";
        binder.findings.push(
            Diagnostic::error(Code::InvalidValue, sample.span, message)
                .help("leave `sample` out to show every record"),
        );
        return None;
    }
    Some(sample)
}

fn bind_limit(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<u32>> {
    let limit = binder.number::<u32>(text)?;
    if limit.value == 0 {
        binder.findings.push(
            Diagnostic::error(Code::InvalidValue, limit.span, "a limit of 0 records shows nothing")
                .help("leave `limit` out to show every record"),
        );
        return None;
    }
    Some(limit)
}

fn bind_names(names: &Entries<At<Scalar>>, binder: &mut Binder<'_>) -> Vec<(i128, String)> {
    let mut bound: Vec<(i128, String)> = Vec::new();
    for (key, name) in &names.0 {
        let Some(name) = binder.text(name) else { continue };
        match number::parse(&key.value) {
            Some(number) if bound.iter().any(|(earlier, _)| *earlier == number) => {
                binder.findings.push(
                    Diagnostic::error(
                        Code::DuplicateKey,
                        key.span,
                        format!("{number} has two names"),
                    )
                    .label("the second one")
                    .help("keep one of them"),
                );
            }
            Some(number) => bound.push((number, name.value)),
            None => binder.findings.push(Diagnostic::error(
                Code::InvalidValue,
                key.span,
                format!("`{}` is not a whole number", key.value),
            )),
        }
    }
    bound
}

fn bind_sort(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<(String, bool)>> {
    let text = binder.text(text)?;
    let mut words = text.value.split_whitespace();
    let sort = match (words.next(), words.next(), words.next()) {
        (Some(column), None | Some("asc"), None) => Some((column.to_owned(), false)),
        (Some(column), Some("desc"), None) => Some((column.to_owned(), true)),
        _ => None,
    };
    if sort.is_none() {
        binder.findings.push(
            Diagnostic::error(
                Code::InvalidValue,
                text.span,
                format!("`{}` is not an order", text.value),
            )
            .help("write `COLUMN`, `COLUMN asc` or `COLUMN desc`"),
        );
    }
    sort.map(|sort| text.with(sort))
}

fn bind_top(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<u32>> {
    let top = binder.number::<u32>(text)?;
    if top.value == 0 {
        binder.findings.push(
            Diagnostic::error(Code::InvalidValue, top.span, "a table of 0 rows shows nothing")
                .help("leave `top` out to show every row"),
        );
        return None;
    }
    Some(top)
}

/// A line is rendered once a record; here it is only parsed.
fn bind_line(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<String>> {
    match Scope::names_used(&text.value.0) {
        Ok(_) => Some(text.with(text.value.0.clone())),
        Err(error) => {
            binder.findings.push(
                Diagnostic::error(Code::Template, text.span, "the template can't be parsed")
                    .label(error.message),
            );
            None
        }
    }
}
